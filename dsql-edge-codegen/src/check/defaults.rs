//! Finds the columns that an INSERT leaves out and that lose their default.
//!
//! Input: a query that compiles under both schemas. Output: the columns, with the position of the table in the query.
//! The INSERT silently writes NULL into such a column; if the column is NOT NULL, the query does not compile.

use dsql_edge_compiler::schema::{Column, Relation};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{Insert, QualifiedName, QueryBody, StatementKind, With};
use dsql_edge_compiler::{Schema, Source};

/// A default that is lost: an INSERT uses the default of a column, but the column has no default in the candidate
/// schema.
pub(super) struct Lost {
    /// The table's name in the query.
    pub(super) table: Span,
    pub(super) message: String,
}

pub(super) fn lost(query: &str, now: &Schema, coming: &Schema) -> Vec<Lost> {
    let source = Source::of_macro(query);
    let Ok(parsed) = Parsed::script(&source) else { return Vec::new() };
    let mut inserts = Vec::new();
    parsed.statements.iter().for_each(|statement| collect(&statement.kind, &mut inserts));
    inserts.into_iter().flat_map(|insert| lost_by(insert, now, coming)).collect()
}

fn collect<'p>(statement: &'p StatementKind, inserts: &mut Vec<&'p Insert>) {
    let with: Option<&With> = match statement {
        StatementKind::Insert(insert) => {
            inserts.push(insert);
            insert.with.as_ref()
        }
        StatementKind::Query(query) => query.with.as_ref(),
        StatementKind::Update(update) => update.with.as_ref(),
        StatementKind::Delete(delete) => delete.with.as_ref(),
        StatementKind::Merge(merge) => merge.with.as_ref(),
        _ => None,
    };
    with.iter().flat_map(|with| &with.ctes).for_each(|cte| collect(&cte.statement.kind, inserts));
}

fn lost_by(insert: &Insert, now: &Schema, coming: &Schema) -> Vec<Lost> {
    let name = &insert.table.name;
    let (Some(was), Some(is)) = (table(now, name), table(coming, name)) else { return Vec::new() };
    let is_given = |at: usize, column: &Column| match &insert.source {
        None => false,
        // Without a column list, an INSERT writes the values of a row to the table's first columns.
        Some(source) if insert.columns.is_empty() => match &source.body {
            QueryBody::Values(rows) => rows.first().is_none_or(|row| at < row.len()),
            _ => true,
        },
        Some(_) => insert.columns.iter().any(|it| it.name.text == column.name),
    };
    let left_out = was.columns.iter().enumerate();
    let left_out =
        left_out.filter(|(at, column)| column.has_default && !is_given(*at, column)).map(|(_, it)| it);
    let without = left_out.filter(|column| is.column(&column.name).is_some_and(|it| !it.has_default));
    let message = |column: &Column| {
        format!("{}.{} no longer has a default, and this INSERT leaves it out", was.name, column.name)
    };
    without.map(|column| Lost { table: name.span(), message: message(column) }).collect()
}

fn table<'s>(schema: &'s Schema, name: &QualifiedName) -> Option<&'s Relation> {
    let at = match name.schema() {
        Some(of) => schema.relation(of, name.name()),
        None => schema.search_path.iter().find_map(|of| schema.relation(of, name.name())),
    };
    at.and_then(|at| schema.relations.get(at))
}
