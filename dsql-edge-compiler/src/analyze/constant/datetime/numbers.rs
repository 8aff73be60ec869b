//! Reads numbers at the start of a field, as `strtol` and PostgreSQL's `datetime.c` do.
//!
//! Input: a field. Output: the number, and the rest of the field.

use super::super::strtod::digits;
use super::problem::Problem;

/// Reads a signed number of 32 bits; the number is 0 if the text does not begin with one.
pub(super) fn integer(text: &str) -> Result<(i32, &str), Problem> {
    let (value, rest) = long(text)?;
    Ok((i32::try_from(value).map_err(|_| Problem::FieldOutOfRange)?, rest))
}

/// Reads a signed number of 64 bits; the number is 0 if the text does not begin with one.
pub(super) fn long(text: &str) -> Result<(i64, &str), Problem> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = digits(unsigned);
    if digits == 0 {
        return Ok((0, text));
    }
    let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
    Ok((number.parse().map_err(|_| Problem::FieldOutOfRange)?, rest))
}

/// Reads a decimal point and digits to the end of the field; returns a number between 0 and 1: `ParseFraction`.
pub(super) fn fraction(text: &str) -> Result<f64, Problem> {
    let decimals = text.strip_prefix('.').ok_or(Problem::Malformed)?;
    if digits(decimals) != decimals.len() {
        return Err(Problem::Malformed);
    }
    if decimals.is_empty() { Ok(0.0) } else { text.parse().map_err(|_| Problem::Malformed) }
}

/// Reads a fraction of a second; returns microseconds: `ParseFractionalSecond`.
pub(super) fn microseconds(text: &str) -> Result<i32, Problem> {
    #[expect(clippy::cast_possible_truncation, reason = "a fraction is at most 1")]
    fraction(text).map(|fraction| (fraction * 1e6).round_ties_even() as i32)
}

/// A time with colons, before its hour is checked: `DecodeTimeCommon`.
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) microsecond: i32,
}

/// Reads `hh:mm`, `hh:mm:ss` or `mm:ss.fff`. If `minute_to_second` is true, two numbers are minutes and seconds.
pub(super) fn clock(text: &str, minute_to_second: bool) -> Result<Clock, Problem> {
    let (first, rest) = long(text)?;
    let (second_number, rest) = integer(rest.strip_prefix(':').ok_or(Problem::Malformed)?)?;
    let minutes = || i32::try_from(first).map_err(|_| Problem::FieldOutOfRange);
    let clock = match rest.as_bytes().first() {
        None if minute_to_second => {
            Clock { hour: 0, minute: minutes()?, second: second_number, microsecond: 0 }
        }
        None => Clock { hour: first, minute: second_number, second: 0, microsecond: 0 },
        Some(b'.') => {
            let microsecond = microseconds(rest)?;
            Clock { hour: 0, minute: minutes()?, second: second_number, microsecond }
        }
        Some(b':') => {
            let (second, rest) = integer(rest.get(1..).unwrap_or_default())?;
            let microsecond = if rest.is_empty() { 0 } else { microseconds(rest)? };
            Clock { hour: first, minute: second_number, second, microsecond }
        }
        Some(_) => return Err(Problem::Malformed),
    };
    let in_range = clock.hour >= 0 && (0..60).contains(&clock.minute) && (0..=60).contains(&clock.second);
    if in_range { Ok(clock) } else { Err(Problem::FieldOutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_start() {
        assert_eq!(integer("12-5"), Ok((12, "-5")));
        assert_eq!(integer("-5x"), Ok((-5, "x")));
        assert_eq!(integer("+x"), Ok((0, "+x")));
        assert_eq!(integer("2147483648"), Err(Problem::FieldOutOfRange));
        assert_eq!(microseconds(".1234567"), Ok(123_457));
        assert_eq!(microseconds(".1e3"), Err(Problem::Malformed));
    }
}
