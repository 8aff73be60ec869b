//! Looks up the time zones that PostgreSQL's date and time types accept. Input: a name or an abbreviation. Output:
//! whether the offset of the zone is fixed or depends on the date; for an abbreviation, also whether it is daylight
//! saving time.

use super::table::{Key, Table};

const ZONES: Table = Table::new(include_str!("data/time_zones.txt"));
const ABBREVIATIONS: Table = Table::new(include_str!("data/time_zone_abbreviations.txt"));

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeZone {
    /// The zone has always had the same offset.
    Fixed,
    /// The offset of the zone depends on the date.
    Dated,
}

/// The abbreviations of time zones that a server accepts: its setting `timezone_abbreviations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbbreviationSet {
    /// PostgreSQL's default.
    Default,
    /// The abbreviations of PostgreSQL's default set, and those that only the sets `Australia` and `India` have, such
    /// as `SAT`.
    All,
}

/// An abbreviation of a time zone: a row of `pg_timezone_abbrevs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abbreviation {
    /// The abbreviation always has the same offset, and is not daylight saving time.
    Standard,
    /// The abbreviation always has the same offset, and is daylight saving time.
    Daylight,
    /// The offset of the abbreviation depends on the date.
    Dated,
}

/// Returns the time zone with this full name; `name` is in lower case, such as `america/new_york`.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let [kind] = letters(ZONES, name)?;
    Some(if kind == b'f' { TimeZone::Fixed } else { TimeZone::Dated })
}

/// Returns the abbreviation with this name, if `set` contains the abbreviation; `name` is in lower case.
pub fn time_zone_abbreviation(name: &str, set: AbbreviationSet) -> Option<Abbreviation> {
    let [kind, of] = letters(ABBREVIATIONS, name)?;
    if set == AbbreviationSet::Default && of != b'd' {
        return None;
    }
    Some(match kind {
        b's' => Abbreviation::Standard,
        b'd' => Abbreviation::Daylight,
        _ => Abbreviation::Dated,
    })
}

fn letters<const N: usize>(table: Table, name: &str) -> Option<[u8; N]> {
    let mut fields = table.find(Key::name(name)).next()?.fields();
    fields.text();
    Some(fields.letters())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_abbreviations() {
        assert_eq!(time_zone("etc/gmt+5"), Some(TimeZone::Fixed));
        assert_eq!(time_zone("america/new_york"), Some(TimeZone::Dated));
        assert_eq!(time_zone("america/new"), None);
        let default = |name| time_zone_abbreviation(name, AbbreviationSet::Default);
        assert_eq!(default("pst"), Some(Abbreviation::Standard));
        assert_eq!(default("pdt"), Some(Abbreviation::Daylight));
        assert_eq!(default("msk"), Some(Abbreviation::Dated));
        assert_eq!((default("ps"), default("sat")), (None, None));
        assert!(time_zone_abbreviation("sat", AbbreviationSet::All).is_some());
    }
}
