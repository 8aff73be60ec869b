//! Bounds how deeply the definitions of a schema can nest.
//!
//! Input: the statements of a file, with their tokens. Output: an upper bound of the number of levels of one
//! definition, together with the definitions that it uses. The compiler runs on a stack that is large enough for this
//! number of levels (see `own_stack`).
//!
//! The analysis of a query includes the analysis of its views, and a view can use further views, functions and types.
//! So the bound contains the number of tokens of all these definitions, plus the number of bytes of function bodies and
//! other strings. The expressions of tables and indexes are analyzed one after the other, so the bound contains only
//! the longest of them.

use crate::source::Span;
use crate::syntax::ast::{Statement, StatementKind};
use crate::syntax::token::{Token, TokenKind};

/// The bound of a schema.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    /// The number of tokens of definitions that can use one another; a string counts as many times as it has bytes.
    chained: usize,
    /// The number of tokens in the longest part of a table or index.
    longest: usize,
}

impl Nesting {
    pub(super) fn levels(self) -> usize {
        self.chained.saturating_add(self.longest)
    }

    /// The bound that is used if the tokens of the schema's statements are not available.
    pub(super) const UNKNOWN: Nesting = Nesting { chained: usize::MAX, longest: 0 };

    pub(super) fn add(&mut self, statement: &Statement, tokens: &[Token]) {
        let tokens = within(tokens, statement.span);
        match statement.kind {
            StatementKind::CreateTable(_) | StatementKind::AlterTable(_) | StatementKind::CreateIndex(_) => {
                self.longest = self.longest.max(longest_part(tokens));
            }
            // These statements add no definition.
            StatementKind::Utility("COMMENT" | "GRANT" | "SET") | StatementKind::Transaction(_) => {}
            _ => self.chained = tokens.iter().map(levels).fold(self.chained, usize::saturating_add),
        }
    }
}

/// Returns an upper bound of the number of levels in a token: the text of a string can be the body of a function.
fn levels(token: &Token) -> usize {
    match &token.kind {
        TokenKind::String(text) => text.len().max(1),
        _ => 1,
    }
}

/// Returns the tokens of a statement.
fn within(tokens: &[Token], span: Span) -> &[Token] {
    let start = tokens.partition_point(|token| token.span.start < span.start);
    let end = tokens.partition_point(|token| token.span.start < span.end);
    tokens.get(start..end).unwrap_or_default()
}

/// Returns the number of tokens in the longest part between two commas. A comma counts if it is in at most one pair of
/// parentheses, such as a comma between the columns of a table.
fn longest_part(tokens: &[Token]) -> usize {
    let (mut depth, mut length, mut longest) = (0usize, 0, 0);
    for token in tokens {
        length += 1;
        match token.kind {
            TokenKind::Symbol(b'(' | b'[') => depth += 1,
            TokenKind::Symbol(b')' | b']') => depth = depth.saturating_sub(1),
            TokenKind::Symbol(b',') if depth <= 1 => length = 0,
            _ => {}
        }
        longest = longest.max(length);
    }
    longest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use crate::Schema;

    #[track_caller]
    fn tokens(ddl: &str, expected: usize) {
        assert_eq!(Schema::parse(ddl).unwrap().nesting(), expected, "{ddl}");
    }

    #[test]
    fn longest_column_of_all_tables_counts() {
        tokens("", 0);
        tokens("CREATE TABLE a (b int)", 7);
        tokens(
            "CREATE TABLE a (b int, c numeric(4, 2) CHECK (c IN (1, 2)), d int); CREATE TABLE e (f int)",
            17,
        );
    }

    #[test]
    fn tokens_of_all_views_count() {
        let view = "CREATE VIEW v AS SELECT 1 AS a;";
        tokens(view, 8);
        tokens(&format!("{view} CREATE VIEW w AS SELECT a FROM v; CREATE TABLE a (b int)"), 8 + 8 + 7);
        tokens("COMMENT ON SCHEMA public IS 'a comment'", 0);
    }

    #[test]
    fn bytes_of_function_bodies_count() {
        tokens("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT (1)'", 10 + 10);
    }
}
