//! Finds clauses of CREATE TABLE and ALTER TABLE that only newer versions of PostgreSQL have: this parser accepts them,
//! but PostgreSQL 16 does not.
//!
//! Input: a statement. Output: the error of PostgreSQL 16. `lint` reports this error for DSQL, which has the grammar of
//! PostgreSQL 16; a snapshot of a newer PostgreSQL can contain the clauses.

use super::ast::StatementKind;
use super::keyword::Keyword as K;
use super::lexer::syntax_error_at;
use super::parsed::ParsedStatement;
use super::token::TokenKind;
use crate::diagnostic::Diagnostic;

/// Returns the error at the first newer clause of CREATE TABLE or ALTER TABLE. `PERIOD` in a foreign key is not
/// reported, because `period` may also be the name of a column.
pub fn newer_clause(statement: ParsedStatement<'_>) -> Option<Diagnostic> {
    if !matches!(statement.kind, StatementKind::CreateTable(_) | StatementKind::AlterTable(_)) {
        return None;
    }
    let tokens = statement.own_tokens();
    let found = tokens.iter().enumerate().skip(2).find(|(at, token)| {
        let before =
            |count: usize| at.checked_sub(count).and_then(|at| tokens.get(at)).map(|token| &token.kind);
        let is = |count: usize, keyword: K| before(count) == Some(&TokenKind::Keyword(keyword));
        match &token.kind {
            TokenKind::Identifier(name) => match name.as_str() {
                "virtual" => before(1) == Some(&TokenKind::Symbol(b')')),
                "enforced" => is(1, K::Not) || before(1) == Some(&TokenKind::Symbol(b')')),
                // The column of the table constraint `NOT NULL column`.
                _ => is(1, K::Null) && is(2, K::Not) && !is(3, K::Set) && !is(3, K::Drop),
            },
            TokenKind::Keyword(K::Overlaps) => is(1, K::Without),
            _ => false,
        }
    });
    found.map(|(_, token)| syntax_error_at(token.span, statement.text))
}
