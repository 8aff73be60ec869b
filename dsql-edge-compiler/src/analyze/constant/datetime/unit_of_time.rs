//! The units that `date_trunc`, `extract` and `date_part` accept: `DecodeUnits` and `DecodeSpecial` in `datetime.c`.

use super::words::{Unit, Word, compared, in_interval};

/// A unit of time. Each variant is a group of units that the same functions and types accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super::super) enum UnitOfTime {
    /// Microseconds to hours.
    OfDay,
    /// A unit from days to millennia, except the units in the following variants.
    OfCalendar,
    /// `dow`, `doy`, `isodow`, `isoyear`, `julian`: parts of a date that are not lengths.
    PartOfDate,
    Epoch,
    /// `timezone`, `timezone_hour`, `timezone_minute`.
    TimeZone,
}

impl UnitOfTime {
    /// Returns the unit of this name, in any case; `None` if PostgreSQL has no unit of this name.
    pub(in super::super::super) fn named(text: &str) -> Option<UnitOfTime> {
        let word = text.to_ascii_lowercase();
        if compared(&word).starts_with("timezone") {
            return matches!(compared(&word), "timezone" | "timezone_h" | "timezone_m")
                .then_some(UnitOfTime::TimeZone);
        }
        match in_interval(&word)? {
            Word::Epoch => Some(UnitOfTime::Epoch),
            Word::Unit(unit) => Some(match unit {
                Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour => {
                    UnitOfTime::OfDay
                }
                Unit::Julian => UnitOfTime::PartOfDate,
                Unit::Other if matches!(word.as_str(), "quarter" | "qtr") => UnitOfTime::OfCalendar,
                Unit::Other => UnitOfTime::PartOfDate,
                _ => UnitOfTime::OfCalendar,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_by_name() {
        for (text, unit) in [
            ("week", Some(UnitOfTime::OfCalendar)),
            ("QUARTER", Some(UnitOfTime::OfCalendar)),
            ("microseconds", Some(UnitOfTime::OfDay)),
            ("timezone_hour", Some(UnitOfTime::TimeZone)),
            ("timezones", None),
            ("epoch", Some(UnitOfTime::Epoch)),
            ("isodow", Some(UnitOfTime::PartOfDate)),
            ("julian", Some(UnitOfTime::PartOfDate)),
            ("weekly", None),
            ("monday", None),
            ("now", None),
        ] {
            assert_eq!(UnitOfTime::named(text), unit, "{text}");
        }
    }
}
