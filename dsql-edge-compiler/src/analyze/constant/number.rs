//! Checks constants of numeric types: `int4in`, `float8in`, `numeric_in`, `cash_in`, `oidin`.
//!
//! Input: the text of a constant. Output: the reason why the text is not a number. If the type can be the bound of a
//! range, the output also contains the value of the number.

use super::blank::{is_blank, trim};
use super::decimal::Decimal;
use super::rejection::{Rejection, Value};
use super::strtod::decimal_length;
use crate::diagnostic::Code;

/// Checks an integer: a sign, a radix prefix, digits with underscores, and blanks around them (`pg_strtoint64_safe`).
pub(super) fn integer(text: &str, name: &str, least: i64, most: i64) -> Result<Value, Rejection> {
    let invalid = || Rejection::syntax(name, text);
    let out_of_range = || Rejection::out_of_range(text, name);
    let trimmed = text.trim_start_matches(is_blank);
    let (negative, unsigned) = sign(trimmed);
    let (radix, digits) = radix(unsigned);
    let limit = -i128::from(least) / i128::from(radix);
    let mut value: i128 = 0;
    let mut any = false;
    let mut rest = digits.chars().peekable();
    while let Some(next) = rest.next_if(|next| *next == '_' || next.is_digit(radix)) {
        if next == '_' {
            let follows = rest.peek().is_some_and(|digit| digit.is_digit(radix));
            // A decimal number begins with a digit.
            if !follows || radix == 10 && !any {
                return Err(invalid());
            }
            continue;
        }
        any = true;
        // PostgreSQL reports a number with too many digits before it looks at the text after the number.
        if value > limit {
            return Err(out_of_range());
        }
        value = value * i128::from(radix) + i128::from(next.to_digit(radix).unwrap_or_default());
    }
    if !any || !rest.all(is_blank) {
        return Err(invalid());
    }
    let value = if negative { -value } else { value };
    let range = i128::from(least)..=i128::from(most);
    if range.contains(&value) { Ok(Value::Integer(value)) } else { Err(out_of_range()) }
}

/// Checks an unsigned number as `strtoul` with base 0 reads it: decimal, `0x…`, or octal after `0`. A sign is allowed.
pub(super) fn unsigned(text: &str, name: &str, bits: u32) -> Result<(), Rejection> {
    let trimmed = text.trim_start_matches(is_blank);
    let (negative, unsigned) = sign(trimmed);
    let (radix, digits) = match unsigned.get(..2) {
        Some("0x" | "0X") if unsigned.get(2..3).is_some_and(is_hex) => (16, &unsigned[2..]),
        _ if unsigned.starts_with('0') => (8, unsigned),
        _ => (10, unsigned),
    };
    let length = digits.find(|digit: char| !digit.is_digit(radix)).unwrap_or(digits.len());
    let (number, rest) = digits.split_at(length);
    if number.is_empty() {
        return Err(Rejection::syntax(name, text));
    }
    let value = u64::from_str_radix(number, radix).map_err(|_| Rejection::out_of_range(text, name))?;
    if !rest.chars().all(is_blank) {
        return Err(Rejection::syntax(name, text));
    }
    // If `bits` is 32, PostgreSQL also accepts a 64-bit number that is the sign extension of a negative 32-bit number.
    let value = if negative { value.wrapping_neg() } else { value };
    let low = value & u64::from(u32::MAX);
    let sign_extended = low | !u64::from(u32::MAX);
    let fits =
        bits == 64 || value == low || value == sign_extended && low > u64::from(i32::MAX.unsigned_abs());
    if fits { Ok(()) } else { Err(Rejection::out_of_range(text, name)) }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sign(text: &str) -> (bool, &str) {
    (text.starts_with('-'), text.strip_prefix(['-', '+']).unwrap_or(text))
}

fn radix(unsigned: &str) -> (u32, &str) {
    match unsigned.get(..2) {
        Some("0x" | "0X") => (16, &unsigned[2..]),
        Some("0o" | "0O") => (8, &unsigned[2..]),
        Some("0b" | "0B") => (2, &unsigned[2..]),
        _ => (10, unsigned),
    }
}

/// Checks a number that `strtod` or `strtof` reads, with blanks around it. `parse` reads the constant as a number of
/// the type.
pub(super) fn float(text: &str, name: &str, parse: fn(&str) -> Option<Size>) -> Result<(), Rejection> {
    let word = trim(text);
    let (_, unsigned) = sign(word);
    let lower = unsigned.to_ascii_lowercase();
    let special = matches!(lower.as_str(), "nan" | "inf" | "infinity") || is_nan_with_payload(&lower);
    if special || is_hexadecimal(&lower) {
        return Ok(());
    }
    let Some(length) = decimal_length(unsigned) else { return Err(Rejection::syntax(name, text)) };
    let (number, rest) = unsigned.split_at(length);
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.contains(|digit| matches!(digit, '1'..='9'));
    // PostgreSQL reports a number out of range before it looks at the text after the number.
    let in_range = match parse(number) {
        Some(Size::Normal) => true,
        Some(Size::Zero) => is_zero,
        Some(Size::Infinite) | None => false,
    };
    if !in_range {
        let written = word.get(..word.len() - rest.len()).unwrap_or(word);
        let message = format!("\"{written}\" is out of range for type {name}");
        return Err(Rejection::new(Code::OutOfRange, message));
    }
    if rest.is_empty() { Ok(()) } else { Err(Rejection::syntax(name, text)) }
}

/// The size of a floating-point number.
pub(super) enum Size {
    Zero,
    Normal,
    Infinite,
}

pub(super) fn size_of_float4(text: &str) -> Option<Size> {
    text.parse::<f32>().ok().map(|it| size(it == 0.0, it.is_infinite()))
}

pub(super) fn size_of_float8(text: &str) -> Option<Size> {
    text.parse::<f64>().ok().map(|it| size(it == 0.0, it.is_infinite()))
}

fn size(zero: bool, infinite: bool) -> Size {
    match (zero, infinite) {
        (true, _) => Size::Zero,
        (_, true) => Size::Infinite,
        _ => Size::Normal,
    }
}

/// `nan(…)`, which the C library reads.
fn is_nan_with_payload(lower: &str) -> bool {
    lower.strip_prefix("nan(").and_then(|rest| rest.strip_suffix(')')).is_some()
}

/// `0x1.8p3`, which the C library reads. The range of this number is not checked here.
fn is_hexadecimal(lower: &str) -> bool {
    lower.strip_prefix("0x").is_some_and(|rest| {
        rest.contains(|it: char| it.is_ascii_hexdigit())
            && rest.chars().all(|it| it.is_ascii_hexdigit() || matches!(it, '.' | 'p' | '+' | '-'))
    })
}

/// Checks a `numeric` constant: unlike a float, a `numeric` may contain underscores, cannot be a hexadecimal fraction,
/// and has the limits of the format `numeric`.
pub(super) fn numeric(text: &str) -> Result<Value, Rejection> {
    let invalid = || Rejection::syntax("numeric", text);
    let overflow = || Rejection::new(Code::OutOfRange, "value overflows numeric format".to_owned());
    let word = trim(text);
    let (negative, unsigned) = sign(word);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        let infinite = ["inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
        let special = infinite || word.eq_ignore_ascii_case("nan");
        return if special { Ok(Value::Unknown) } else { Err(invalid()) };
    }
    let (radix, digits) = radix(unsigned);
    if radix != 10 {
        let fine = !digits.is_empty()
            && underscores_are_between(digits, |it| it.is_digit(radix), true)
            && digits.chars().all(|it| it == '_' || it.is_digit(radix));
        return if fine { Ok(Value::Unknown) } else { Err(invalid()) };
    }
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(left, right)| (left, Some(right)));
    if !underscores_are_between(mantissa, |it| it.is_ascii_digit(), false) {
        return Err(invalid());
    }
    let plain = mantissa.replace('_', "");
    if decimal_length(&plain) != Some(plain.len()) {
        return Err(invalid());
    }
    let exponent = exponent.map_or(Ok(0), |exponent| {
        read_exponent(exponent).map_err(|bad| if bad { invalid() } else { overflow() })
    })?;
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let decimal = Decimal::new(negative, whole, fraction, exponent);
    // The limits of `numeric`: 131,072 digits before the point, 16,383 after it.
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    if scale > 16_383 || decimal.weight > 131_072 {
        return Err(overflow());
    }
    Ok(Value::Decimal(decimal))
}

/// Reads the exponent of a numeric. The error value is `true` for a malformed exponent, and `false` for an exponent
/// that is too large.
fn read_exponent(text: &str) -> Result<i64, bool> {
    let (negative, digits) = sign(text);
    let starts = digits.starts_with(|first: char| first.is_ascii_digit());
    if !starts || !underscores_are_between(digits, |it| it.is_ascii_digit(), false) {
        return Err(true);
    }
    let mut value: i64 = 0;
    for digit in digits.chars().filter(|it| *it != '_') {
        value = value * 10 + i64::from(digit.to_digit(10).ok_or(true)?);
        if value > i64::from(i32::MAX / 2) {
            return Err(false);
        }
    }
    Ok(if negative { -value } else { value })
}

/// Whether each underscore is between two digits. If `may_lead` is true, an underscore at the start only needs a digit
/// after it.
fn underscores_are_between(text: &str, is_digit: impl Fn(char) -> bool, may_lead: bool) -> bool {
    let mut before = may_lead;
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        if next == '_' && !(before && rest.peek().copied().is_some_and(&is_digit)) {
            return false;
        }
        before = is_digit(next);
    }
    true
}

/// Checks a `money` constant. The form of an amount depends on the server's setting `lc_monetary`. So this function
/// rejects only a constant that has letters but no digit, and a whole number that the type cannot represent.
pub(super) fn money(text: &str) -> Result<(), Rejection> {
    let (_, unsigned) = sign(trim(text));
    let letters = unsigned.bytes().any(|byte| byte.is_ascii_alphabetic());
    if letters && !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(Rejection::syntax("money", text));
    }
    let whole = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let cents = unsigned.parse::<i64>().ok().and_then(|units| units.checked_mul(100));
    if whole && cents.is_none() { Err(Rejection::out_of_range(text, "money")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_as_numbers() {
        let value = |text: &str| match numeric(text) {
            Ok(Value::Decimal(decimal)) => decimal,
            other => panic!("{text}: {other:?}"),
        };
        let ascending = ["-1e3", "-999.5", "-0.01", "0", "1e-5", "0.1", "0.11", "9", "10.0", "1_000", "1e4"];
        for pair in ascending.windows(2) {
            assert!(value(pair[0]) < value(pair[1]), "{pair:?}");
        }
        assert_eq!(value("0010.50"), value("1.05e1"));
        assert_eq!(value("-0"), value("0"));
    }

    #[test]
    fn numerics_at_their_limits() {
        for (text, code) in [
            ("1e131071", None),
            ("1e131072", Some(Code::OutOfRange)),
            ("1e-16383", None),
            ("1e-16384", Some(Code::OutOfRange)),
            ("1e400000000", Some(Code::OutOfRange)),
            ("1e4000000000", Some(Code::OutOfRange)),
            ("1.", None),
            (".5", None),
            (".", Some(Code::InvalidLiteral)),
            ("1._5", Some(Code::InvalidLiteral)),
            ("1__0", Some(Code::InvalidLiteral)),
            ("-nan", Some(Code::InvalidLiteral)),
            ("0x_1f", None),
            ("0x", Some(Code::InvalidLiteral)),
        ] {
            assert_eq!(numeric(text).err().map(|rejection| rejection.code), code, "{text}");
        }
    }

    #[test]
    fn unsigned_numbers() {
        for (text, fine) in [
            ("4294967295", true),
            ("4294967296", false),
            ("-1", true),
            ("-2147483649", false),
            ("0x1F ", true),
            ("", false),
            ("1x", false),
        ] {
            assert_eq!(unsigned(text, "oid", 32).is_ok(), fine, "{text}");
        }
    }
}
