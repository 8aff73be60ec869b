//! Finds the decimal number at the start of a string, as the C library's `strtod` does.

/// Returns the length of the number, without a sign: digits with an optional point, and an exponent. Returns `None` if
/// `unsigned` does not begin with a digit or with a point and a digit.
pub(super) fn decimal_length(unsigned: &str) -> Option<usize> {
    let whole = digits(unsigned);
    let mut end = whole;
    let mut decimals = 0;
    if let Some(fraction) = unsigned.get(end..)?.strip_prefix('.') {
        decimals = digits(fraction);
        end += 1 + decimals;
    }
    if whole + decimals == 0 {
        return None;
    }
    if let Some(exponent) = unsigned.get(end..)?.strip_prefix(['e', 'E']) {
        let digits_only = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let count = digits(digits_only);
        if count > 0 {
            end += 1 + exponent.len() - digits_only.len() + count;
        }
    }
    Some(end)
}

/// Returns the number of digits at the start.
pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_ends_before_what_is_not_a_part_of_it() {
        for (text, length) in [
            ("12.5e-3x", Some(7)),
            ("12.", Some(3)),
            (".5", Some(2)),
            ("1e", Some(1)),
            ("1e+", Some(1)),
            (".", None),
            ("e5", None),
            ("-1", None),
        ] {
            assert_eq!(decimal_length(text), length, "{text}");
        }
    }
}
