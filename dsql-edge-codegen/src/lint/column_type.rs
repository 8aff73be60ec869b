//! Decides whether a script depends on the integer type of a column, so that it may behave differently with a bigint.
//!
//! Input: a script, and a column of a table that it creates. Output: whether a statement could fail or do something
//! else. PostgreSQL resolves a function by the types of its arguments, and `CREATE OR REPLACE VIEW` must keep the types
//! of the view's columns.

use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{ConstraintKind, CreateTable, Statement, StatementKind, TableElement};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::TokenKind;

use super::rows::is_relation;
use super::script::Script;

/// Whether CREATE TABLE itself or a statement after it depends on the type of the table's column.
pub(super) fn depends_on_type(
    script: &Script<'_>,
    created: usize,
    table: &CreateTable,
    column: &str,
) -> bool {
    let own = table.name.name();
    // The relations that have the column: the table, and views of it.
    let mut having = vec![own.to_owned()];
    is_computed_with(script, created, table, column)
        || (created + 1..script.statements().len()).any(|at| {
            let statement = &script.statements()[at];
            if matches!(statement.kind, StatementKind::CreateFunction(_) | StatementKind::Utility("DO")) {
                return having.iter().any(|name| script.mentions(statement, name));
            }
            let mut of = having.iter().filter(|name| script.names(statement, name)).peekable();
            if of.peek().is_none() || only_adds(script, statement) {
                return false;
            }
            // A view may have the column by another name.
            let may_read = of.any(|name| name != own) || script.names(statement, column);
            let (view, replaces) = match &statement.kind {
                StatementKind::CreateView(view) => (Some(&view.name), view.or_replace),
                StatementKind::CreateTableAs(copy) => (Some(&copy.name), false),
                _ => (None, false),
            };
            having.extend(view.map(|name| name.name().to_owned()));
            replaces || may_read && is_typed(script, &statement.kind, statement.span)
        })
}

/// Whether the table itself has a check or a generated column that depends on the type.
fn is_computed_with(script: &Script<'_>, created: usize, table: &CreateTable, column: &str) -> bool {
    table.elements.iter().any(|element| {
        let constraints = match element {
            TableElement::Column(column) => column.constraints.as_slice(),
            TableElement::Constraint(constraint) => std::slice::from_ref(constraint),
            TableElement::Like { .. } => &[],
        };
        constraints.iter().any(|it| {
            matches!(it.kind, ConstraintKind::Check { .. } | ConstraintKind::Generated(_))
                && script.names_within(it.span, column)
                && is_typed(script, &script.statements()[created].kind, it.span)
        })
    })
}

/// Whether a statement is an INSERT that reads no table.
fn only_adds(script: &Script<'_>, statement: &Statement) -> bool {
    let reads = [Keyword::From, Keyword::Returning, Keyword::Conflict];
    matches!(statement.kind, StatementKind::Insert(_)) && !reads.iter().any(|it| script.has(statement, *it))
}

/// Whether PostgreSQL resolves something at a place by the types of its arguments: a function, or an operator of
/// several characters.
fn is_typed(script: &Script<'_>, statement: &StatementKind, span: Span) -> bool {
    let tokens = script.tokens_within(span);
    tokens.iter().enumerate().any(|(at, token)| {
        let is_called = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Symbol(b'('));
        match &token.kind {
            TokenKind::Identifier(name) => {
                script.defines_function(name) || is_called && !is_relation(statement, tokens, at)
            }
            TokenKind::Keyword(Keyword::Left | Keyword::Right | Keyword::Substring | Keyword::Overlay) => {
                is_called
            }
            TokenKind::Operator(_) => true,
            _ => false,
        }
    })
}
