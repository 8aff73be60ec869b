//! Finds the position in a file after which PostgreSQL may read backslashes in literals as escapes, so that a literal
//! may end at another position than `lint` assumes.
//!
//! Input: the statements of a file. Output: the first such place.

use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

const STRINGS: &str = "standard_conforming_strings";

/// Returns the first position at which a file may change how PostgreSQL reads backslashes in literals. A statement that
/// cannot be read and that contains the setting's name counts as a possible change.
pub(super) fn first_change(parsed: &Parsed<'_>) -> Option<Span> {
    let is_named = |token: &&Token| match &token.kind {
        TokenKind::Identifier(text) | TokenKind::String(text) => mentions(text),
        _ => false,
    };
    let place = |token: &Token| {
        let at = parsed.statements.partition_point(|it| it.span.end <= token.span.start);
        match parsed.statements.get(at).filter(|it| it.span.start <= token.span.start) {
            Some(statement) => (!keeps_standard(statement)).then_some(statement.span),
            None => Some(token.span),
        }
    };
    let named = parsed.tokens.tokens.iter().filter(is_named).find_map(place);
    let commands = parsed.tokens.commands.iter().map(|command| command.span);
    let command = commands.into_iter().find(|span| mentions(span.text(&parsed.text)));
    named.into_iter().chain(command).min_by_key(|span| span.start)
}

/// Whether the setting still has DSQL's value after a statement that contains its name.
fn keeps_standard(statement: &Statement) -> bool {
    let is_on = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "on" | "true" | "1" | "yes");
    match &statement.kind {
        StatementKind::Set(set) => {
            set.name.eq_ignore_ascii_case(STRINGS) && matches!(set.values.as_slice(), [value] if is_on(value))
        }
        StatementKind::Utility(words) => *words == "SHOW",
        _ => false,
    }
}

/// Whether a string literal of the file may end at another position than `lint` assumes; then no rewrite of the file is
/// safe.
pub(super) fn changes_strings(parsed: &Parsed<'_>) -> bool {
    first_change(parsed).is_some()
}

fn mentions(text: &str) -> bool {
    text.to_ascii_lowercase().contains(STRINGS)
}
