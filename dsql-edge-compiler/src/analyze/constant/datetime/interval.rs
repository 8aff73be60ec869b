//! Interprets the fields of an interval: `DecodeInterval` in PostgreSQL's `datetime.c`.
//!
//! Input: the fields of a constant. Output: nothing, or the reason why the constant is not an interval.
//!
//! The fields are read from the last to the first, so that a unit is known before its number: in `1 day 02:03`, `day`
//! is read before `1`.

use super::fields::{Field, Kind};
use super::numbers::{Clock, clock, fraction, integer, long};
use super::problem::Problem;
use super::sums::Sums;
use super::words::{Unit, Word, in_interval};

/// The fields that a type such as `interval day to second` allows: the bits of `INTERVAL_MASK` in `timestamp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range(i32);

impl Range {
    const MONTH: i32 = 1 << 1;
    const YEAR: i32 = 1 << 2;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;

    /// Returns the interval's fields, which are in the upper half of a type modifier.
    pub(super) fn of_typmod(typmod: i32) -> Range {
        Range(if typmod < 0 { 0x7fff } else { (typmod >> 16) & 0x7fff })
    }

    fn is_minute_to_second(self) -> bool {
        self.0 == Range::MINUTE | Range::SECOND
    }

    /// Returns the unit that a number has if the constant does not contain a unit.
    fn last_unit(self) -> Unit {
        match self.0 {
            Range::YEAR => Unit::Year,
            all if all & !(Range::YEAR | Range::MONTH) == 0 && all & Range::MONTH != 0 => Unit::Month,
            Range::DAY => Unit::Day,
            all if all & !(Range::DAY | Range::HOUR) == 0 && all & Range::HOUR != 0 => Unit::Hour,
            all if all & !(Range::DAY | Range::HOUR | Range::MINUTE) == 0 && all & Range::MINUTE != 0 => {
                Unit::Minute
            }
            _ => Unit::Second,
        }
    }
}

/// The units that have already occurred in the constant; the parts of a time count as units.
#[derive(Default)]
struct Seen(Vec<Unit>);

pub(super) fn check_fields(fields: &[Field], range: Range) -> Result<(), Problem> {
    let mut sums = Sums::default();
    let mut seen = Seen::default();
    let mut unit = None;
    let mut ago = false;
    let mut any = false;
    for field in fields.iter().rev() {
        let text = field.text.as_str();
        match field.kind {
            Kind::Time => {
                sums.set_time(&clock(text, range.is_minute_to_second())?)?;
                seen.add_time()?;
                unit = Some(Unit::Day);
                any = true;
            }
            Kind::Zone if signed_time(text, range).is_some_and(|clock| sums.set_time(&clock).is_ok()) => {
                seen.add_time()?;
                unit = Some(Unit::Day);
                any = true;
            }
            Kind::Zone | Kind::Date | Kind::Number => {
                let (whole, fraction, months) = number(text)?;
                let of = if months { Unit::Month } else { unit.unwrap_or_else(|| range.last_unit()) };
                sums.add(of, (whole, fraction))?;
                seen.add(of, fraction != 0.0)?;
                // In `1 2 hours`, the number 1 has no unit: it counts days.
                unit = Some(if of == Unit::Hour { Unit::Day } else { of });
                any = true;
            }
            Kind::Word | Kind::SignedWord => match in_interval(text).ok_or(Problem::Malformed)? {
                // A number directly before this word has no unit.
                Word::Ignored => unit = None,
                Word::Unit(named) => unit = Some(named),
                Word::Ago => {
                    ago = true;
                    // A number directly before `ago` must have a unit.
                    unit = Some(Unit::Other);
                }
                // PostgreSQL 16 rejects an infinite interval, but PostgreSQL 17 accepts it.
                Word::Infinity if fields.len() == 1 => return Ok(()),
                _ => return Err(Problem::Malformed),
            },
        }
    }
    if !any {
        return Err(Problem::Malformed);
    }
    sums.check(ago)
}

/// Reads a time after a sign, `-02:03`.
fn signed_time(text: &str, range: Range) -> Option<Clock> {
    let unsigned = text.get(1..).filter(|rest| rest.contains(':'))?;
    clock(unsigned, range.is_minute_to_second()).ok()
}

/// Reads a number with an optional sign and fraction, or the years and months of `2-6`, which become months.
fn number(text: &str) -> Result<(i64, f64, bool), Problem> {
    let negative = text.starts_with('-');
    let (whole, rest) = long(text)?;
    match rest.as_bytes().first() {
        None => Ok((whole, 0.0, false)),
        Some(b'-') => {
            let (months, rest) = integer(&rest[1..])?;
            if !(0..12).contains(&months) {
                return Err(Problem::FieldOutOfRange);
            }
            if !rest.is_empty() {
                return Err(Problem::Malformed);
            }
            let months = i64::from(if negative { -months } else { months });
            let all = whole.checked_mul(12).and_then(|years| years.checked_add(months));
            Ok((all.ok_or(Problem::FieldOutOfRange)?, 0.0, true))
        }
        Some(b'.') => {
            let fraction = fraction(rest)?;
            Ok((whole, if negative { -fraction } else { fraction }, false))
        }
        Some(_) => Err(Problem::Malformed),
    }
}

impl Seen {
    /// Records a unit; a unit may occur only once. A second with a fraction also counts as milliseconds and
    /// microseconds.
    fn add(&mut self, unit: Unit, has_fraction: bool) -> Result<(), Problem> {
        let subseconds = [Unit::Millisecond, Unit::Microsecond];
        let more = if unit == Unit::Second && has_fraction { subseconds.as_slice() } else { &[] };
        self.add_all([unit].iter().chain(more))
    }

    fn add_time(&mut self) -> Result<(), Problem> {
        self.add_all(&[Unit::Hour, Unit::Minute, Unit::Second, Unit::Millisecond, Unit::Microsecond])
    }

    fn add_all<'u>(&mut self, units: impl IntoIterator<Item = &'u Unit>) -> Result<(), Problem> {
        for unit in units {
            if self.0.contains(unit) {
                return Err(Problem::Malformed);
            }
            self.0.push(*unit);
        }
        Ok(())
    }
}
