//! Compares two strings of JSON whose numbers may differ because they are rounded to doubles.
//!
//! Input: two strings, each of which is JSON or an array of JSON. Output: whether everything except the digits of
//! numbers is the same, and each number is the same double.

/// Whether the strings are the same after rounding.
pub(crate) fn is_same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (pieces(ours), pieces(theirs));
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(ours, theirs)| is_same_piece(ours, theirs))
}

fn is_same_piece(ours: &str, theirs: &str) -> bool {
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => ours.to_bits() == theirs.to_bits(),
        _ => ours == theirs,
    }
}

/// The text, cut before and after each number.
fn pieces(text: &str) -> Vec<&str> {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_number = is_of_number(first);
        let end = rest.find(|c| is_of_number(c) != in_number).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digits_of_numbers_may_differ() {
        for (ours, theirs) in [
            ("{\"n\": 12345678901234567000}", "{\"n\": 12345678901234567890.123}"),
            ("[0.1, \"x\"]", "[0.1000000000000000055, \"x\"]"),
            ("{\"{\\\"n\\\": 0.1}\"}", "{\"{\\\"n\\\": 0.1000000000000000055}\"}"),
        ] {
            assert!(is_same(ours, theirs), "{ours}");
        }
        for (ours, theirs) in
            [("[0.1]", "[0.2]"), ("[1]", "[1, 1]"), ("{\"a\": 1}", "{\"b\": 1}"), ("[null]", "[0]")]
        {
            assert!(!is_same(ours, theirs), "{ours}");
        }
    }
}
