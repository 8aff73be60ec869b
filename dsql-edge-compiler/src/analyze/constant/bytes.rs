//! Checks constants that are bytes or bits: `byteain`, `bit_in`, `uuid_in`.
//!
//! Input: the text of a constant. Output: nothing, or the reason why the constant is not a value of the type.

use super::rejection::Rejection;
use crate::diagnostic::Code;

/// Checks a `bytea` constant: `\x` and hexadecimal digits, or text with `\\` and `\123`.
pub(super) fn bytea(text: &str) -> Result<(), Rejection> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return hexadecimal(hex);
    }
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) | (b'\\', [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', after @ ..]) => {
                after
            }
            (b'\\', _) => {
                let message = "invalid input syntax for type bytea".to_owned();
                return Err(Rejection::new(Code::InvalidLiteral, message));
            }
            _ => after,
        };
    }
    Ok(())
}

/// Checks that the text consists of pairs of hexadecimal digits; blanks are allowed between the pairs.
fn hexadecimal(text: &str) -> Result<(), Rejection> {
    let mut digits = text.chars();
    while let Some(first) = digits.next() {
        if matches!(first, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let message = match (first.is_ascii_hexdigit(), digits.next()) {
            (false, _) => format!("invalid hexadecimal digit: \"{first}\""),
            (true, None) => "invalid hexadecimal data: odd number of digits".to_owned(),
            (true, Some(second)) if second.is_ascii_hexdigit() => continue,
            (true, Some(second)) => format!("invalid hexadecimal digit: \"{second}\""),
        };
        return Err(Rejection::new(Code::InvalidBytea, message));
    }
    Ok(())
}

/// Checks a `bit` or `varbit` constant: binary digits after an optional `b`, or hexadecimal digits after `x`.
pub(super) fn bits(text: &str) -> Result<(), Rejection> {
    let (digits, kind, radix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, "hexadecimal", 16),
        None => (text.strip_prefix(['b', 'B']).unwrap_or(text), "binary", 2),
    };
    match digits.chars().find(|digit| !digit.is_digit(radix)) {
        Some(wrong) => {
            let message = format!("\"{wrong}\" is not a valid {kind} digit");
            Err(Rejection::new(Code::InvalidLiteral, message))
        }
        None => Ok(()),
    }
}

/// Checks a `uuid` constant: 32 digits, with an optional hyphen after each group of four, optionally in braces
/// (`string_to_uuid`).
pub(super) fn uuid(text: &str) -> Result<(), Rejection> {
    if is_uuid(text) { Ok(()) } else { Err(Rejection::syntax("uuid", text)) }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byteas() {
        for (text, message) in [
            ("\\xdead beef", None),
            ("\\x", None),
            ("a\\\\b\\001", None),
            ("\\xzz", Some("invalid hexadecimal digit: \"z\"")),
            ("\\xa", Some("invalid hexadecimal data: odd number of digits")),
            ("\\9", Some("invalid input syntax for type bytea")),
            ("\\400", Some("invalid input syntax for type bytea")),
        ] {
            assert_eq!(bytea(text).err().map(|it| it.message).as_deref(), message, "{text}");
        }
    }

    #[test]
    fn bits_and_uuids() {
        assert!(bits("b0101").is_ok() && bits("xFf").is_ok() && bits("").is_ok());
        assert_eq!(
            bits("12").err().map(|it| it.message).as_deref(),
            Some("\"2\" is not a valid binary digit")
        );
        assert!(is_uuid("{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"));
        assert!(!is_uuid("a0eebc99") && !is_uuid("-a0eebc999c0b4ef8bb6d6bb9bd380a11"));
    }
}
