//! Finds the columns that the query of a view reads, because PostgreSQL does not drop such a column without CASCADE:
//! `recordDependencyOnExpr`.
//!
//! Input: a view. Output: the table columns to which the view's query refers, also in subqueries. If the query reads
//! another view, the columns that this other view reads are not included: they are dependencies of the other view.

use std::collections::BTreeSet;

use super::analyzer::Analyzer;
use super::catalog::Catalog;
use super::every_expression;
use super::tree::{Node, NodeKind, Query, RteSource};
use crate::own_stack::on_own_stack;
use crate::schema::{Relation, Schema};

/// Returns the columns, each as the index of its table and its current name; none if the query has an error.
pub(super) fn columns_read(schema: &Schema, view: usize) -> Vec<(usize, String)> {
    on_own_stack(|| {
        let mut analyzer = Analyzer::new(Catalog::now(schema));
        let rte = analyzer.relation_rte(view);
        let (RteSource::Subquery { query, .. }, true) = (&rte.source, analyzer.broken_views.is_empty())
        else {
            return Vec::new();
        };
        let mut found: BTreeSet<(usize, usize)> = BTreeSet::new();
        every_expression::visit(&[query], &mut |queries, node| found.extend(column(node, queries)));
        let created = schema.relations.get(view).map_or(0, |view| view.created.version);
        let named = |(table, place): (usize, usize)| {
            let relation: &Relation = schema.relations.get(table)?;
            let column = relation.columns.iter().take_while(|column| column.added <= created).nth(place)?;
            Some((table, column.name.clone()))
        };
        found.into_iter().filter_map(named).collect()
    })
}

/// Returns the column of a table, as the index of the table and the position of the column, if the expression is a
/// reference to such a column. `queries` contains the queries around the expression, the innermost last.
fn column(node: &Node, queries: &[&Query]) -> Option<(usize, usize)> {
    let NodeKind::Var(var) = node.kind else { return None };
    let query = queries.get(queries.len().checked_sub(var.level + 1)?)?;
    match &query.rtes.get(var.rte)?.source {
        RteSource::Table { relation: Some(table), .. } => Some((*table, var.column)),
        _ => None,
    }
}
