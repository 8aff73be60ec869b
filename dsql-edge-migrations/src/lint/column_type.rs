//! Decides whether a script depends on the integer type of a column: whether the script may behave differently if the
//! column is a bigint.
//!
//! Input: a script, and a column of integer type in a table that the script creates. Output: whether a statement could
//! fail, or have a different effect, if the column had the type bigint instead of the written type. PostgreSQL resolves
//! a function by the types of its arguments, and `CREATE OR REPLACE VIEW` must keep the types of the view's columns.

use std::collections::BTreeSet;

use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{
    ConstraintKind, CreateTable, QualifiedName, Statement, StatementKind, TableElement,
};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::TokenKind;

use super::calls::is_relation;
use super::script::Script;

/// Whether CREATE TABLE itself or a statement after it depends on the type of the table's column.
pub(super) fn depends_on_type(
    script: &Script<'_>,
    created: usize,
    table: &CreateTable,
    column: &str,
) -> bool {
    let own = table.name.name();
    // `having` contains the names of the relations with this column: the table, and the views that read the table.
    let mut having = vec![own.to_owned()];
    if is_computed_with(script, created, table, column) {
        return true;
    }
    let all = script.statements().len();
    // A statement can depend on the type only in two cases: it contains the name of a relation in `having`, or it has a
    // body that may contain such a name.
    let mut to_look_at: BTreeSet<usize> = script.naming_at(created + 1..all, own).collect();
    while let Some(at) = to_look_at.pop_first() {
        let statement = &script.statements()[at];
        let mut of = having.iter().filter(|name| script.names(statement, name)).peekable();
        if of.peek().is_none() || only_adds(script, statement) {
            continue;
        }
        // A view may contain the column under another name.
        let may_read = of.any(|name| name != own) || script.names(statement, column);
        if copies_type(&statement.kind, &having) || joins(script, statement) {
            return true;
        }
        let (view, replaces) = match &statement.kind {
            StatementKind::CreateView(view) => (Some(&view.name), view.or_replace),
            StatementKind::CreateTableAs(copy) => (Some(&copy.name), false),
            _ => (None, false),
        };
        if let Some(view) = view {
            having.push(view.name().to_owned());
            to_look_at.extend(script.naming_at(at + 1..all, view.name()));
        }
        if replaces || may_read && is_typed(script, &statement.kind, statement.span) {
            return true;
        }
    }
    // A function may be created before the table in its body: pg_dump writes functions first.
    script.bodies(0..all).any(|at| {
        script.statements().get(at).is_some_and(|it| having.iter().any(|name| script.mentions(it, name)))
    })
}

/// Whether a statement makes one table a child or a partition of another table; the column types of the two tables
/// must be equal.
fn joins(script: &Script<'_>, statement: &Statement) -> bool {
    matches!(statement.kind, StatementKind::AlterTable(_))
        && (script.has(statement, Keyword::Inherit) || script.has(statement, Keyword::Attach))
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

/// Whether a statement is an INSERT that does not read a table.
fn only_adds(script: &Script<'_>, statement: &Statement) -> bool {
    let reads = [Keyword::From, Keyword::Returning, Keyword::Conflict];
    matches!(statement.kind, StatementKind::Insert(_)) && !reads.iter().any(|it| script.has(statement, *it))
}

/// Whether a statement creates a table whose column types come from one of the relations `having`. If the column became
/// bigint, the columns of the new table would become bigint too, and accept values that they reject now.
fn copies_type(statement: &StatementKind, having: &[String]) -> bool {
    let has = |name: &QualifiedName| having.iter().any(|it| it == name.name());
    match statement {
        StatementKind::CreateTableAs(copy) => !copy.materialized_view,
        StatementKind::CreateTable(table) => {
            table.inherits.iter().chain(&table.partition_of).chain(&table.of_type).any(has)
                || table.elements.iter().any(|element| match element {
                    TableElement::Like { table, .. } => has(table),
                    TableElement::Column(column) => column.type_name.iter().any(|ty| has(&ty.name)),
                    TableElement::Constraint(_) => false,
                })
        }
        StatementKind::Query(query) => query.without_into().is_some(),
        _ => false,
    }
}

/// Whether the SQL in a span contains a call, a cast, an operator or a set operation. With another operand type, each
/// of these may have another meaning, or may fail. A plain column contains none of these, and neither does a comparison
/// of columns and constants.
fn is_typed(script: &Script<'_>, statement: &StatementKind, span: Span) -> bool {
    let tokens = script.tokens_within(span);
    tokens.iter().enumerate().any(|(at, token)| {
        let next = tokens.get(at + 1).map(|token| &token.kind);
        let is_called = next == Some(&TokenKind::Symbol(b'('));
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map(|token| &token.kind);
        match &token.kind {
            TokenKind::Identifier(name) => {
                script.defines_function(name) || is_called && !is_relation(statement, tokens, at)
            }
            TokenKind::Keyword(Keyword::Left | Keyword::Right | Keyword::Substring | Keyword::Overlay) => {
                is_called
            }
            // A set operation converts all sides to one type; in WITH RECURSIVE, this must be the type of the first
            // side.
            TokenKind::Keyword(Keyword::Cast | Keyword::Union | Keyword::Intersect | Keyword::Except) => true,
            // `'posts_id_seq'::regclass`
            TokenKind::Typecast => !matches!(before, Some(TokenKind::String(_))),
            TokenKind::Operator(_) => true,
            // `date + integer`. If no operand precedes the symbol, it is a sign (`-1`) or the `*` of a select list
            // (`SELECT *`).
            TokenKind::Symbol(b'+' | b'-' | b'*' | b'/' | b'%' | b'^') => before.is_some_and(is_operand),
            // The bracket begins an array or a subscript (`ARRAY[id]`); in the type `int[]`, it does not.
            TokenKind::Symbol(b'[') => next != Some(&TokenKind::Symbol(b']')),
            _ => false,
        }
    })
}

/// Whether a token can end an operand.
fn is_operand(token: &TokenKind) -> bool {
    match token {
        TokenKind::Symbol(symbol) => matches!(symbol, b')' | b']'),
        TokenKind::Operator(_) | TokenKind::Typecast => false,
        TokenKind::Keyword(keyword) => !matches!(
            keyword,
            Keyword::Select | Keyword::Distinct | Keyword::All | Keyword::Returning | Keyword::Default
        ),
        _ => true,
    }
}
