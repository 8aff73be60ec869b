//! Finds the columns that the query of a view reads, because PostgreSQL does not drop such a column without CASCADE:
//! `recordDependencyOnExpr`.
//!
//! Input: a view. Output: the columns of tables to which its query refers, also in subqueries. A view in the query is
//! not followed: the columns of its own query are its own dependencies.

use std::collections::BTreeSet;

use super::analyzer::Analyzer;
use super::catalog::Catalog;
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
        let mut found = Found { places: BTreeSet::new() };
        found.of_query(query, &[]);
        let created = schema.relations.get(view).map_or(0, |view| view.created.version);
        let named = |(table, place): (usize, usize)| {
            let relation: &Relation = schema.relations.get(table)?;
            let column = relation.columns.iter().take_while(|column| column.added <= created).nth(place)?;
            Some((table, column.name.clone()))
        };
        found.places.into_iter().filter_map(named).collect()
    })
}

/// The columns that were found, each as the index of its table and its position in the table.
struct Found {
    places: BTreeSet<(usize, usize)>,
}

impl Found {
    /// `outer` contains the queries around the query, the outermost first.
    fn of_query(&mut self, query: &Query, outer: &[&Query]) {
        let queries = [outer, &[query]].concat();
        query.expressions(&mut |node| self.of_node(node, &queries));
        query.subqueries().iter().for_each(|nested| self.of_query(nested, &queries));
    }

    fn of_node(&mut self, node: &Node, queries: &[&Query]) {
        if let NodeKind::Var(var) = node.kind {
            let query = queries.len().checked_sub(var.level + 1).and_then(|at| queries.get(at));
            if let Some(RteSource::Table { relation: Some(table), .. }) =
                query.and_then(|query| query.rtes.get(var.rte)).map(|rte| &rte.source)
            {
                self.places.insert((*table, var.column));
            }
        }
        node.children(&mut |child| self.of_node(child, queries));
        if let Some(nested) = node.subquery() {
            self.of_query(nested, queries);
        }
    }
}
