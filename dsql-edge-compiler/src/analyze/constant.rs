//! Checks constants that PostgreSQL reads during parse analysis, with the input functions of types.
//!
//! Input: a type and the text of a quoted constant. Output: whether the type's input function accepts it, and
//! PostgreSQL's message if not. Constants of types whose input is not modeled here are accepted; the server checks them
//! at run time.

mod calendar;
mod container;
mod json;

use super::catalog::Catalog;
use crate::builtin::{Oid, TypeKind, oid};
use crate::diagnostic::Code;
use crate::schema::UserTypeKind;

/// Whether `text` is a value of the type, as far as its input function is modeled here.
pub(super) fn check(catalog: Catalog<'_>, type_oid: Oid, text: &str) -> Result<(), (Code, String)> {
    let invalid =
        |name: &str| Err((Code::InvalidLiteral, format!("invalid input syntax for type {name}: \"{text}\"")));
    match type_oid {
        oid::RECORD | oid::RECORDARRAY
            if type_oid == oid::RECORD || !matches!(text.trim(), "{}" | "{NULL}") =>
        {
            Err((
                Code::FeatureNotSupported,
                "input of anonymous composite types is not implemented".to_owned(),
            ))
        }
        oid::INT2 => integer(text, "smallint", i64::from(i16::MIN), i64::from(i16::MAX)),
        oid::INT4 => integer(text, "integer", i64::from(i32::MIN), i64::from(i32::MAX)),
        oid::INT8 => integer(text, "bigint", i64::MIN, i64::MAX),
        oid::BOOL if !is_boolean(text) => invalid("boolean"),
        oid::UUID if !is_uuid(text) => invalid("uuid"),
        oid::FLOAT4 if !is_float(text) => invalid("real"),
        oid::FLOAT8 if !is_float(text) => invalid("double precision"),
        oid::NUMERIC if !is_numeric(text) => invalid("numeric"),
        oid::JSON | oid::JSONB if !json::is_valid(text) => {
            Err((Code::InvalidLiteral, "invalid input syntax for type json".to_owned()))
        }
        oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL
            if !may_be_datetime(text) =>
        {
            // `timestamp_in` and `time_in` leave out "without time zone".
            let name = catalog.display(type_oid, -1);
            let name = name.trim_end_matches(" without time zone");
            Err((Code::InvalidDatetime, format!("invalid input syntax for type {name}: \"{text}\"")))
        }
        oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ if calendar::is_out_of_range(text) => {
            Err((Code::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\"")))
        }
        oid::TIME | oid::TIMETZ if calendar::is_time_out_of_range(text) => {
            Err((Code::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\"")))
        }
        _ if catalog.type_info(type_oid).is_array => {
            let info = catalog.type_info(type_oid);
            let delimiter = if info.elem == oid::BOX { ';' } else { ',' };
            let malformed = |_| (Code::InvalidLiteral, format!("malformed array literal: \"{text}\""));
            let element = catalog.base_type(info.elem).0;
            let elements = container::array_elements(text, delimiter).map_err(malformed)?;
            elements.iter().try_for_each(|text| check(catalog, element, text))
        }
        _ if catalog.type_info(type_oid).kind == TypeKind::Range => {
            let subtype = catalog.base_type(catalog.type_info(type_oid).subtype).0;
            let malformed = |_| (Code::InvalidLiteral, format!("malformed range literal: \"{text}\""));
            let bounds = container::range_bounds(text).map_err(malformed)?;
            bounds.iter().try_for_each(|text| check(catalog, subtype, text))
        }
        _ => match catalog.user_kind(type_oid) {
            Some(UserTypeKind::Enum(labels)) if !labels.iter().any(|label| label == text) => {
                let name = catalog.display(type_oid, -1);
                Err((Code::InvalidLiteral, format!("invalid input value for enum {name}: \"{text}\"")))
            }
            _ => Ok(()),
        },
    }
}

/// `pg_strtoint32_safe` and related functions, PostgreSQL 16: signs, radix prefixes, underscores, surrounding blanks.
fn integer(text: &str, name: &str, least: i64, most: i64) -> Result<(), (Code, String)> {
    let invalid = || (Code::InvalidLiteral, format!("invalid input syntax for type {name}: \"{text}\""));
    let trimmed = text.trim_matches(|character: char| character.is_ascii_whitespace() || character == '\x0b');
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let malformed = digits.is_empty()
        || digits.ends_with('_')
        || digits.contains("__")
        || (radix == 10 && digits.starts_with('_'))
        || !digits.chars().all(|digit| digit == '_' || digit.is_digit(radix));
    if malformed {
        return Err(invalid());
    }
    let digits: String = digits.chars().filter(|digit| *digit != '_').collect();
    let value = i128::from_str_radix(&digits, radix).map(|value| if negative { -value } else { value });
    match value {
        Ok(value) if (i128::from(least)..=i128::from(most)).contains(&value) => Ok(()),
        _ => Err((Code::OutOfRange, format!("value \"{text}\" is out of range for type {name}"))),
    }
}

/// `parse_bool_with_len`: any unambiguous prefix.
fn is_boolean(text: &str) -> bool {
    let word = text.trim_matches(|character: char| character.is_ascii_whitespace()).to_ascii_lowercase();
    match word.as_str() {
        "" | "o" => false,
        "1" | "0" | "on" | "of" | "off" => true,
        _ => ["true", "false", "yes", "no"].iter().any(|full| full.starts_with(&word)),
    }
}

/// `string_to_uuid`: 32 digits, with an optional hyphen after each group of four, optionally in braces.
fn is_uuid(text: &str) -> bool {
    let inner = match (text.strip_prefix('{'), text.ends_with('}')) {
        (Some(rest), true) => &rest[..rest.len() - 1],
        (None, false) => text,
        _ => return false,
    };
    let mut digits = 0;
    let mut after_hyphen = false;
    for byte in inner.bytes() {
        match byte {
            b'-' if digits % 4 == 0 && digits > 0 && digits < 32 && !after_hyphen => after_hyphen = true,
            byte if byte.is_ascii_hexdigit() => {
                digits += 1;
                after_hyphen = false;
            }
            _ => return false,
        }
    }
    digits == 32 && !after_hyphen
}

fn is_float(text: &str) -> bool {
    let word = text.trim_matches(|character: char| character.is_ascii_whitespace());
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word).to_ascii_lowercase();
    // `strtod` also accepts hexadecimal; Rust's parser does not.
    matches!(unsigned.as_str(), "nan" | "inf" | "infinity")
        || unsigned.starts_with("0x")
        || decimal(&unsigned)
}

fn is_numeric(text: &str) -> bool {
    let word = text.trim_matches(|character: char| character.is_ascii_whitespace());
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word).to_ascii_lowercase();
    let radix = ["0x", "0o", "0b"].iter().any(|prefix| unsigned.starts_with(prefix));
    matches!(unsigned.as_str(), "nan" | "inf" | "infinity") || radix || decimal(&unsigned.replace('_', ""))
}

/// Dates and times have too many forms to be parsed here. A constant without a digit that is not one of the special
/// words (`datetime.c`) is certainly not a date or time.
fn may_be_datetime(text: &str) -> bool {
    let special = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity", "allballs"];
    let word = text.trim().trim_start_matches(['-', '+']).to_ascii_lowercase();
    text.bytes().any(|byte| byte.is_ascii_digit()) || special.iter().any(|known| word.starts_with(known))
}

fn decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once('e').map_or((text, None), |(left, right)| (left, Some(right)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.is_none_or(|exponent| {
        let digits_only = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits_only.is_empty() && digits(digits_only)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn constants_by_type() {
        let schema = Schema::default();
        let catalog = Catalog::now(&schema);
        for (ty, text, fine) in [
            (oid::INT4, " 12 ", true),
            (oid::INT4, "0x1F", true),
            (oid::INT4, "1_000", true),
            (oid::INT4, "abc", false),
            (oid::INT4, "", false),
            (oid::INT4, "2147483648", false),
            (oid::INT2, "-32768", true),
            (oid::BOOL, "t", true),
            (oid::BOOL, "maybe", false),
            (oid::UUID, "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", true),
            (oid::UUID, "a0eebc99", false),
            (oid::FLOAT8, "-1.5e3", true),
            (oid::FLOAT8, "e3", false),
            (oid::NUMERIC, "NaN", true),
            (oid::NUMERIC, ".", false),
            (oid::TEXT, "anything", true),
            (oid::DATE, "2026-11-21", true),
            (oid::DATE, "yesterdayish", true),
            (oid::DATE, "soon", false),
            (oid::TIMESTAMPTZ, "-infinity", true),
            (oid::INTERVAL, "", false),
            (oid::JSONB, r#" {"a": [1, -2.5e3, "\u8a18", null, true]} "#, true),
            (oid::JSON, "{a: 1}", false),
            (oid::JSON, "[1,]", false),
            (oid::JSON, "01", false),
            (oid::JSON, "", false),
        ] {
            assert_eq!(check(catalog, ty, text).is_ok(), fine, "{ty} {text:?}");
        }
    }
}
