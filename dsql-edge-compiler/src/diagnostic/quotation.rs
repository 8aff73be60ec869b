//! Inserts quotations of the statement into hints.
//!
//! The code that creates a hint has the span of an expression, but not its text. So the hint first contains the span,
//! as a placeholder. Later, [`quote()`] replaces the span with the text of the expression. [`quote()`] also replaces
//! the number of a parameter with the parameter's name in the query.

use super::{Code, Diagnostic};
use crate::source::Span;

/// The character that is written around a span in a hint; SQL does not contain this character.
const MARK: char = '\u{1}';
/// The length limit of a quotation; text that is longer, empty or has several lines is replaced by `(…)`.
const LONGEST: usize = 48;

/// Returns a placeholder for the text at a span; later, [`quote()`] replaces the placeholder with this text.
pub fn written(span: Span) -> String {
    format!("{MARK}{} {}{MARK}", span.start, span.end)
}

/// Returns a placeholder for the text of an operand; the text gets parentheses, except a word, a string constant and a
/// simple function call.
pub fn operand(span: Span) -> String {
    format!("{MARK}{} {} operand{MARK}", span.start, span.end)
}

/// Replaces each placeholder in the hint and the detail with the text at its span, and each `$n` with the parameter's
/// name. In an error about a parameter, replaces each `$n` in the message too.
pub fn quote(diagnostic: &mut Diagnostic, text: &str, captures: &[String]) {
    let of_parameter = matches!(
        diagnostic.code,
        Code::IndeterminateParameter | Code::AmbiguousParameter | Code::InvalidCapture
    );
    if of_parameter && !captures.is_empty() {
        diagnostic.message = named(&diagnostic.message, captures);
    }
    for part in [&mut diagnostic.hint, &mut diagnostic.detail].into_iter().flatten() {
        if !captures.is_empty() {
            *part = named(part, captures);
        }
        if part.contains(MARK) {
            *part = filled(part, text);
        }
    }
}

fn filled(hint: &str, text: &str) -> String {
    let mut out = String::with_capacity(hint.len());
    for (at, part) in hint.split(MARK).enumerate() {
        if at % 2 == 0 {
            out.push_str(part);
            continue;
        }
        let mut numbers = part.split(' ');
        let mut number = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let quoted = balanced(Span::new(number(), number()), text);
        let word = |it: char| it.is_alphanumeric() || matches!(it, '_' | '$' | '"' | '.');
        let call = quoted.ends_with(')')
            && quoted.matches('(').count() == 1
            && quoted.starts_with(char::is_alphabetic);
        let literal = quoted.len() > 1 && quoted.starts_with('\'') && quoted.ends_with('\'');
        match quoted {
            _ if quoted.is_empty() || quoted.chars().count() > LONGEST || quoted.contains('\n') => {
                out.push_str("(…)")
            }
            _ if !part.ends_with("operand") || quoted.chars().all(word) || literal || call => {
                out.push_str(quoted)
            }
            _ => out.push_str(&format!("({quoted})")),
        }
    }
    out
}

/// Returns the text at a span, extended to the left by the parentheses that are closed but not opened in the span: the
/// span that PostgreSQL reports for `(x)::t` begins at `x`, after the parenthesis.
fn balanced(span: Span, text: &str) -> &str {
    let quoted = span.text(text);
    let (mut open, mut missing) = (0_usize, 0_usize);
    for byte in quoted.bytes() {
        match byte {
            b'(' => open += 1,
            b')' if open == 0 => missing += 1,
            b')' => open -= 1,
            _ => {}
        }
    }
    let before = text.get(..span.start as usize).unwrap_or_default();
    match missing.checked_sub(1).and_then(|further| before.rmatch_indices('(').nth(further)) {
        Some((start, _)) => Span { start: start as u32, ..span }.text(text),
        None => quoted,
    }
}

/// Replaces each `$n` in a text with the name that parameter `n` has in the query, if it has a name.
fn named(hint: &str, captures: &[String]) -> String {
    let mut pieces = hint.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (number, rest) = piece.split_at(digits);
        let name = number.parse::<usize>().ok().and_then(|number| captures.get(number.checked_sub(1)?));
        out.push('$');
        out.push_str(name.map_or(number, String::as_str));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn a_hint_quotes_what_was_written() {
        let sql = "SELECT a, b + 1, $limit";
        let quoted = |hint: String| {
            let mut diagnostic = Diagnostic::error(Code::TypeMismatch, Span::new(0, 1), "x").with_hint(hint);
            quote(&mut diagnostic, sql, &["limit".to_owned()]);
            diagnostic.hint.unwrap_or_default()
        };
        assert_eq!(quoted(format!("{}::text", operand(Span::new(7, 8)))), "a::text");
        assert_eq!(quoted(format!("{}::text", operand(Span::new(10, 15)))), "(b + 1)::text");
        assert_eq!(quoted(format!("write {}", written(Span::new(10, 15)))), "write b + 1");
        assert_eq!(quoted(format!("write {}", written(Span::new(90, 99)))), "write (…)");
        assert_eq!(balanced(Span::new(13, 18), "SELECT date((b)::x)"), "(b)::x");
        assert_eq!(balanced(Span::new(13, 14), "SELECT date((b)::x)"), "b");
        assert_eq!(quoted("write $1::int, not $2 or $".to_owned()), "write $limit::int, not $2 or $");
    }
}
