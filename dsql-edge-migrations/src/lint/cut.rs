//! Finds the part of a file to remove when a statement is removed.
//!
//! Input: the text of a file, and the span of a statement. Output: the span, extended by the blanks and the line end
//! that belong to the statement.

use dsql_edge_compiler::source::{BYTE_ORDER_MARK, Span};
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::token::TokenKind;

/// Returns the span of a statement with its semicolon, and with its whole lines if they contain nothing else.
pub(super) fn cut(parsed: &Parsed<'_>, statement: Span) -> Span {
    let text = parsed.text.as_ref();
    let tokens = parsed.tokens.tokens.as_slice();
    let after = tokens.partition_point(|token| token.span.start < statement.end);
    let end = match tokens.get(after) {
        Some(after) if after.kind == TokenKind::Symbol(b';') => after.span.end,
        _ => statement.end,
    };
    let (start, stop) = (line_start(text, statement.start), line_end(text, end));
    // If something else comes before the statement in its line, the blanks after the statement and the line end stay.
    if start == statement.start
        && start > 0
        && !text.get(..start as usize).is_some_and(|it| it.ends_with(['\n', BYTE_ORDER_MARK]))
    {
        return Span { start, end };
    }
    Span { start, end: stop }
}

/// If only blanks come before the offset `place` in its line, returns the start of the line, otherwise `place`.
pub(super) fn line_start(text: &str, place: u32) -> u32 {
    let before = text.get(..place as usize).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    if before.get(start..).is_some_and(|rest| rest.trim().is_empty()) { start as u32 } else { place }
}

/// If only blanks come after the offset `place` in its line, returns the start of the next line, otherwise `place`.
fn line_end(text: &str, place: u32) -> u32 {
    let rest = text.get(place as usize..).unwrap_or("");
    match rest.find('\n') {
        Some(at) if rest.get(..at).is_some_and(|rest| rest.trim().is_empty()) => place + at as u32 + 1,
        _ => place,
    }
}
