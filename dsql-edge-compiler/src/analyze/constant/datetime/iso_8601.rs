//! Interprets an interval in the form of ISO 8601: `DecodeISO8601Interval` in PostgreSQL's `datetime.c`.
//!
//! Input: the text of a constant. Output: nothing, or the reason why the constant is not an interval in this form.

use super::super::strtod::{decimal_length, digits};
use super::problem::Problem;
use super::sums::Sums;
use super::words::Unit;

/// `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, `P00010203T040506`.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Problem::Malformed)?;
    // The C library also reads hexadecimal numbers. This function does not read them, so it accepts the constant.
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
            sums.add(unit, number)?;
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

/// Reads the alternative form of a date: `20010203`, or `2001-02-03`. Output: the text after the date and its `T`.
fn iso_date<'t>(
    sums: &mut Sums,
    (whole, fraction): IsoNumber,
    width: usize,
    mut rest: &'t str,
) -> Result<&'t str, Problem> {
    if width == 8 && (rest.is_empty() || rest.starts_with('T')) {
        sums.add(Unit::Year, (whole / 10_000, 0.0))?;
        sums.add(Unit::Month, ((whole / 100) % 100, 0.0))?;
        sums.add(Unit::Day, (whole % 100, fraction))?;
        return Ok(rest.strip_prefix('T').unwrap_or(rest));
    }
    sums.add(Unit::Year, (whole, fraction))?;
    for unit in [Unit::Month, Unit::Day] {
        match rest.strip_prefix('-') {
            Some(after) => {
                let (number, after) = iso_number(after)?;
                sums.add(unit, number)?;
                rest = after;
            }
            None => break,
        }
    }
    if rest.is_empty() { Ok(rest) } else { rest.strip_prefix('T').ok_or(Problem::Malformed) }
}

/// Reads the alternative form of the time, to the end of the text: `040506`, or `04:05:06`.
fn iso_time(
    sums: &mut Sums,
    (whole, fraction): IsoNumber,
    width: usize,
    mut rest: &str,
) -> Result<(), Problem> {
    if width == 6 && rest.is_empty() {
        sums.add(Unit::Hour, (whole / 10_000, 0.0))?;
        sums.add(Unit::Minute, ((whole / 100) % 100, 0.0))?;
        sums.add(Unit::Second, (whole % 100, 0.0))?;
        return sums.check(false);
    }
    sums.add(Unit::Hour, (whole, fraction))?;
    for unit in [Unit::Minute, Unit::Second] {
        let Some(after) = rest.strip_prefix(':') else { break };
        let (number, after) = iso_number(after)?;
        sums.add(unit, number)?;
        rest = after;
    }
    if rest.is_empty() { sums.check(false) } else { Err(Problem::Malformed) }
}

/// Reads a decimal number up to 10^15 with an optional exponent: `ParseISO8601Number`.
fn iso_number(text: &str) -> Result<(IsoNumber, &str), Problem> {
    const LIMIT: f64 = 1e15;
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '.')) {
        return Err(Problem::Malformed);
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let length = text.len() - unsigned.len() + decimal_length(unsigned).ok_or(Problem::Malformed)?;
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
