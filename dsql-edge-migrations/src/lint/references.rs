//! Decides which table an error of a definition is about: the table that the statement defines, or a table to which it
//! refers.
//!
//! Input: a statement, and its errors. Output: whether the columns of the defined table are unknown, and the columns of
//! other tables that the statement contains.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, Constraint, ConstraintKind, ForeignKeyConstraint, Statement, StatementKind, TableElement,
};

/// Whether one of the errors is that a table does not exist, so that the table of the definition or some of its columns
/// (`LIKE`) are unknown. The table of a foreign key does not count.
pub(super) fn lacks_table(statement: &Statement, errors: &[Diagnostic]) -> bool {
    let keys: Vec<Span> = foreign_keys(&statement.kind).iter().map(|key| key.table.span()).collect();
    errors.iter().any(|error| error.code == Code::UnknownTable && !keys.contains(&error.span))
}

/// Returns the spans of the columns that a foreign key references in a table for which `is_chosen` is true. For a
/// COMMENT, GRANT or REVOKE with the name of such a table, returns the spans of all tokens.
pub(super) fn columns_of(statement: ParsedStatement<'_>, is_chosen: impl Fn(&str) -> bool) -> Vec<Span> {
    if let StatementKind::Utility("COMMENT" | "GRANT" | "REVOKE") = statement.kind {
        let tokens = statement.own_tokens();
        let has_table = tokens.iter().filter_map(|token| token.kind.name()).any(is_chosen);
        return if has_table { tokens.iter().map(|token| token.span).collect() } else { Vec::new() };
    }
    let keys = foreign_keys(&statement.kind).into_iter().filter(|key| is_chosen(key.table.name()));
    keys.flat_map(|key| &key.referenced).map(|column| column.span).collect()
}

/// Returns the foreign keys that a statement defines.
fn foreign_keys(statement: &StatementKind) -> Vec<&ForeignKeyConstraint> {
    let constraints: Vec<&Constraint> = match statement {
        StatementKind::CreateTable(table) => table.elements.iter().flat_map(of_element).collect(),
        StatementKind::AlterTable(alter) => alter.actions.iter().flat_map(of_action).collect(),
        _ => Vec::new(),
    };
    constraints.into_iter().filter_map(foreign_key).collect()
}

fn foreign_key(constraint: &Constraint) -> Option<&ForeignKeyConstraint> {
    match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some(key),
        _ => None,
    }
}

fn of_element(element: &TableElement) -> &[Constraint] {
    match element {
        TableElement::Column(column) => &column.constraints,
        TableElement::Constraint(constraint) => std::slice::from_ref(constraint),
        TableElement::Like { .. } => &[],
    }
}

fn of_action(action: &AlterAction) -> &[Constraint] {
    match action {
        AlterAction::AddColumn { column, .. } => &column.constraints,
        AlterAction::AddConstraint(constraint) => std::slice::from_ref(constraint),
        _ => &[],
    }
}
