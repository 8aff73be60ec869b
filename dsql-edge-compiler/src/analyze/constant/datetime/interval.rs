//! Interprets an interval: `DecodeInterval` and `DecodeISO8601Interval` in PostgreSQL's `datetime.c`.
//!
//! Input: the fields of a constant, or its text. Output: nothing, or why it is not an interval.
//!
//! The fields are read from the last to the first, so that a unit is known before its number: in `1 day 02:03`, `day`
//! comes before `1`.

use super::fields::{Field, Kind};
use super::numbers::{clock, digits, fraction, integer, long};
use super::problem::Problem;
use super::words::{Unit, Word, in_interval};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

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

    /// The range of a type modifier, which has it in its upper half.
    pub(super) fn of_typmod(typmod: i32) -> Range {
        Range(if typmod < 0 { 0x7fff } else { (typmod >> 16) & 0x7fff })
    }

    fn is_minute_to_second(self) -> bool {
        self.0 == Range::MINUTE | Range::SECOND
    }

    /// The unit of a number that is written without a unit.
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

/// The sums of an interval's parts.
#[derive(Default)]
struct Sums {
    years: i32,
    months: i32,
    days: i32,
    microseconds: i64,
}

/// The units that occurred, and the parts of a time.
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
                sums.set_time(text, range)?;
                seen.add_time()?;
                unit = Some(Unit::Day);
                any = true;
            }
            Kind::Zone if is_signed_time(text) && sums.set_time(&text[1..], range).is_ok() => {
                seen.add_time()?;
                unit = Some(Unit::Day);
                any = true;
            }
            Kind::Zone | Kind::Date | Kind::Number => {
                let (whole, fraction, months) = number(text)?;
                let of = if months { Unit::Month } else { unit.unwrap_or_else(|| range.last_unit()) };
                sums.add(of, whole, fraction)?;
                seen.add(of, fraction != 0.0)?;
                // `1 02:03` without units: the number before hours is one of days.
                unit = Some(if of == Unit::Hour { Unit::Day } else { of });
                any = true;
            }
            Kind::Word | Kind::SignedWord => match in_interval(text).ok_or(Problem::Malformed)? {
                // A number before it has no unit.
                Word::Ignored => unit = None,
                Word::Unit(named) => unit = Some(named),
                Word::Ago => {
                    ago = true;
                    // A number directly before it needs a unit.
                    unit = Some(Unit::Other);
                }
                // PostgreSQL 17 accepts an infinite interval.
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

fn is_signed_time(text: &str) -> bool {
    text.get(1..).is_some_and(|rest| rest.contains(':'))
}

/// A number with an optional sign and fraction, or the years and months of `2-6`, as months.
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
    /// A unit may occur once. A second with a fraction also counts as milliseconds and microseconds.
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

impl Sums {
    fn set_time(&mut self, text: &str, range: Range) -> Result<(), Problem> {
        let clock = clock(text, range.is_minute_to_second())?;
        let small = i64::from(clock.minute) * MINUTE
            + i64::from(clock.second) * SECOND
            + i64::from(clock.microsecond);
        let all = clock.hour.checked_mul(HOUR).and_then(|hours| hours.checked_add(small));
        self.microseconds = all.ok_or(Problem::FieldOutOfRange)?;
        Ok(())
    }

    /// Adds a number of a unit.
    fn add(&mut self, unit: Unit, whole: i64, fraction: f64) -> Result<(), Problem> {
        match unit {
            Unit::Microsecond => self.add_microseconds(whole, fraction, 1),
            Unit::Millisecond => self.add_microseconds(whole, fraction, 1000),
            Unit::Second => self.add_microseconds(whole, fraction, SECOND),
            Unit::Minute => self.add_microseconds(whole, fraction, MINUTE),
            Unit::Hour => self.add_microseconds(whole, fraction, HOUR),
            Unit::Day => {
                add_small(&mut self.days, whole, 1)?;
                self.add_microseconds(0, fraction, DAY)
            }
            Unit::Week => {
                add_small(&mut self.days, whole, 7)?;
                self.add_days(fraction, 7)
            }
            Unit::Month => {
                add_small(&mut self.months, whole, 1)?;
                self.add_days(fraction, 30)
            }
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Millennium => self.add_years(whole, fraction, 1000),
            Unit::Julian | Unit::Other => Err(Problem::Malformed),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a fraction is below 1")]
    fn add_microseconds(&mut self, whole: i64, fraction: f64, scale: i64) -> Result<(), Problem> {
        let rounded = (fraction * scale as f64).round() as i64;
        let sum = whole.checked_mul(scale).and_then(|product| self.microseconds.checked_add(product));
        self.microseconds = sum.and_then(|sum| sum.checked_add(rounded)).ok_or(Problem::FieldOutOfRange)?;
        Ok(())
    }

    /// Adds a fraction of `scale` days.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is below 1")]
    fn add_days(&mut self, fraction: f64, scale: i32) -> Result<(), Problem> {
        let days = fraction * f64::from(scale);
        add_small(&mut self.days, days.trunc() as i64, 1)?;
        self.add_microseconds(0, days.fract(), DAY)
    }

    /// Adds a number of `scale` years. A fraction becomes months.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is below 1")]
    fn add_years(&mut self, whole: i64, fraction: f64, scale: i32) -> Result<(), Problem> {
        add_small(&mut self.years, whole, scale)?;
        let months = (fraction * f64::from(scale) * 12.0).round_ties_even();
        add_small(&mut self.months, months as i64, 1)
    }

    /// Whether an `interval` can represent the sums: `itmin2interval`.
    fn check(&self, negate: bool) -> Result<(), Problem> {
        let lowest =
            [self.years, self.months, self.days].contains(&i32::MIN) || self.microseconds == i64::MIN;
        if negate && lowest {
            return Err(Problem::FieldOutOfRange);
        }
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        i32::try_from(months).map(drop).map_err(|_| Problem::ValueOutOfRange)
    }
}

/// Adds a product to a number of 32 bits.
fn add_small(sum: &mut i32, whole: i64, scale: i32) -> Result<(), Problem> {
    let product = i32::try_from(whole).ok().and_then(|whole| whole.checked_mul(scale));
    *sum = product.and_then(|product| sum.checked_add(product)).ok_or(Problem::FieldOutOfRange)?;
    Ok(())
}

/// `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, `P00010203T040506`.
pub(super) fn check_iso_8601(text: &str) -> Result<(), Problem> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Problem::Malformed)?;
    // The C library also reads hexadecimal numbers, which are not read here.
    if rest.contains("0x") || rest.contains("0X") {
        return Ok(());
    }
    let mut sums = Sums::default();
    let mut in_date = true;
    let mut first = true;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (rest, in_date, first) = (after, false, true);
            continue;
        }
        let width = digits(rest.strip_prefix('-').unwrap_or(rest));
        let (number, after) = iso_number(rest)?;
        let unit = after.chars().next();
        let designated = match (in_date, unit) {
            (true, Some('Y')) => Some(Unit::Year),
            (true, Some('M')) => Some(Unit::Month),
            (true, Some('W')) => Some(Unit::Week),
            (true, Some('D')) => Some(Unit::Day),
            (false, Some('H')) => Some(Unit::Hour),
            (false, Some('M')) => Some(Unit::Minute),
            (false, Some('S')) => Some(Unit::Second),
            _ => None,
        };
        if let Some(unit) = designated {
            sums.add_iso(unit, number)?;
            rest = &after[1..];
            first = false;
        } else if !first {
            return Err(Problem::Malformed);
        } else if in_date {
            rest = iso_date(&mut sums, number, width, after)?;
            (in_date, first) = (false, true);
        } else {
            return iso_time(&mut sums, number, width, after);
        }
    }
    sums.check(false)
}

/// A number in an interval of ISO 8601: its integral part and its fraction.
type IsoNumber = (i64, f64);

/// The alternative form of the date: `20010203`, or `2001-02-03`. Output: what follows, after a `T`.
fn iso_date<'t>(
    sums: &mut Sums,
    (whole, fraction): IsoNumber,
    width: usize,
    mut rest: &'t str,
) -> Result<&'t str, Problem> {
    if width == 8 && (rest.is_empty() || rest.starts_with('T')) {
        sums.add(Unit::Year, whole / 10_000, 0.0)?;
        sums.add(Unit::Month, (whole / 100) % 100, 0.0)?;
        sums.add(Unit::Day, whole % 100, fraction)?;
        return Ok(rest.strip_prefix('T').unwrap_or(rest));
    }
    sums.add_iso(Unit::Year, (whole, fraction))?;
    for unit in [Unit::Month, Unit::Day] {
        match rest.strip_prefix('-') {
            Some(after) => {
                let (number, after) = iso_number(after)?;
                sums.add_iso(unit, number)?;
                rest = after;
            }
            None => break,
        }
    }
    if rest.is_empty() { Ok(rest) } else { rest.strip_prefix('T').ok_or(Problem::Malformed) }
}

/// The alternative form of the time, to the end of the text: `040506`, or `04:05:06`.
fn iso_time(
    sums: &mut Sums,
    (whole, fraction): IsoNumber,
    width: usize,
    mut rest: &str,
) -> Result<(), Problem> {
    if width == 6 && rest.is_empty() {
        sums.add(Unit::Hour, whole / 10_000, 0.0)?;
        sums.add(Unit::Minute, (whole / 100) % 100, 0.0)?;
        sums.add(Unit::Second, whole % 100, 0.0)?;
        return sums.check(false);
    }
    sums.add_iso(Unit::Hour, (whole, fraction))?;
    for unit in [Unit::Minute, Unit::Second] {
        let Some(after) = rest.strip_prefix(':') else { break };
        let (number, after) = iso_number(after)?;
        sums.add_iso(unit, number)?;
        rest = after;
    }
    if rest.is_empty() { sums.check(false) } else { Err(Problem::Malformed) }
}

impl Sums {
    fn add_iso(&mut self, unit: Unit, (whole, fraction): IsoNumber) -> Result<(), Problem> {
        self.add(unit, whole, fraction)
    }
}

/// A decimal number with an optional exponent, below 10^15: `ParseISO8601Number`.
fn iso_number(text: &str) -> Result<(IsoNumber, &str), Problem> {
    const LIMIT: f64 = 1e15;
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '.')) {
        return Err(Problem::Malformed);
    }
    let length = decimal_length(text).ok_or(Problem::Malformed)?;
    let (number, rest) = text.split_at(length);
    let number: f64 = number.parse().map_err(|_| Problem::Malformed)?;
    if number.is_infinite() {
        return Err(Problem::Malformed);
    }
    if number.abs() > LIMIT {
        return Err(Problem::FieldOutOfRange);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the number is below the limit")]
    let whole = number.trunc() as i64;
    Ok(((whole, number.fract()), rest))
}

/// The length of the decimal number at the start: the digits, the point and the exponent that `strtod` would read.
fn decimal_length(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with('-'));
    let whole = digits(text.get(sign..)?);
    let mut end = sign + whole;
    let mut decimals = 0;
    if text.get(end..)?.starts_with('.') {
        decimals = digits(text.get(end + 1..)?);
        end += 1 + decimals;
    }
    if whole + decimals == 0 {
        return None;
    }
    if let Some(exponent) = text.get(end..)?.strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let count = digits(unsigned);
        if count > 0 {
            end += 1 + exponent.len() - unsigned.len() + count;
        }
    }
    Some(end)
}
