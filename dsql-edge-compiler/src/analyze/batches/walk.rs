//! Visits the expressions and the tables of a statement, including those in subqueries and in the queries of views, and
//! the columns in a table's expressions.

use super::super::tree::{Body, Node, Query, Rte, RteSource};
use crate::schema::Relation;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::visit::{self, Visit};
use std::rc::Rc;

/// Whether `test` returns true for a node or for a part of the node. The parts of a node include nested queries, and
/// the queries of the views from which nested queries read. The second argument of `test` is true if the part is inside
/// a nested query.
pub(super) fn any_below(node: &Node, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    below(node, false, &mut Vec::new(), test)
}

/// Like [`any_below`], for the parts of an entry of `FROM`.
pub(super) fn any_in_entry(rte: &Rte, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    entry(rte, &mut Vec::new(), test)
}

fn below(
    node: &Node,
    is_nested: bool,
    seen: &mut Vec<*const Query>,
    test: &mut dyn FnMut(&Node, bool) -> bool,
) -> bool {
    if test(node, is_nested) {
        return true;
    }
    let mut found = false;
    node.children(&mut |child| found = found || below(child, is_nested, seen, test));
    found || node.subquery().is_some_and(|query| within(query, seen, test))
}

fn within(query: &Query, seen: &mut Vec<*const Query>, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    // A recursive query refers to itself.
    if seen.contains(&std::ptr::from_ref(query)) {
        return false;
    }
    seen.push(query);
    let mut found = false;
    query.expressions(&mut |node| found = found || below(node, true, seen, test));
    found || query.rtes.iter().any(|rte| entry(rte, seen, test)) || {
        operands(query).iter().any(|query| within(query, seen, test))
    }
}

fn entry(rte: &Rte, seen: &mut Vec<*const Query>, test: &mut dyn FnMut(&Node, bool) -> bool) -> bool {
    match query_of(rte) {
        Some(query) => within(&query, seen, test),
        None => false,
    }
}

/// Returns the query of an entry of `FROM`.
fn query_of(rte: &Rte) -> Option<Rc<Query>> {
    match &rte.source {
        RteSource::Subquery { query, .. } => Some(query.clone()),
        RteSource::Cte(cte) => cte.query.borrow().clone(),
        RteSource::Table { .. } | RteSource::Function { .. } | RteSource::Nullable => None,
    }
}

/// Returns the operands of a set operation.
fn operands(query: &Query) -> Vec<Rc<Query>> {
    match &query.body {
        Body::SetOperation { left, right, .. } => vec![left.clone(), right.clone()],
        Body::Plain | Body::Values(_) => Vec::new(),
    }
}

/// The tables that a statement reads.
pub(super) struct Tables<'t> {
    relations: &'t [Relation],
    /// The numbers of these tables in the schema.
    pub(super) found: Vec<usize>,
    /// The name of the first table of which a query reads only some rows, because of `TABLESAMPLE` or row level
    /// security.
    pub(super) sampled: Option<String>,
    seen: Vec<*const Query>,
}

impl<'t> Tables<'t> {
    pub(super) fn new(relations: &'t [Relation]) -> Tables<'t> {
        Tables { relations, found: Vec::new(), sampled: None, seen: Vec::new() }
    }

    /// Adds the tables from which the queries in an expression read.
    pub(super) fn of_node(&mut self, node: &Node) {
        node.children(&mut |child| self.of_node(child));
        if let Some(query) = node.subquery() {
            self.of_query(query);
        }
    }

    fn of_query(&mut self, query: &Query) {
        if self.seen.contains(&std::ptr::from_ref(query)) {
            return;
        }
        self.seen.push(query);
        query.rtes.iter().for_each(|rte| self.of_entry(rte));
        operands(query).iter().for_each(|query| self.of_query(query));
        query.expressions(&mut |node| self.of_node(node));
    }

    /// Adds the tables from which an entry of `FROM` reads, directly or through a view.
    pub(super) fn of_entry(&mut self, rte: &Rte) {
        if let RteSource::Table { relation, sampled, .. } = &rte.source {
            self.found.extend(*relation);
            if *sampled {
                self.sampled.get_or_insert_with(|| rte.name.clone());
            }
        }
        // The rows of a materialized view change only with REFRESH.
        if let RteSource::Subquery { view: Some(view), .. } = &rte.source
            && self.relations.get(*view).is_some_and(|it| it.materialized)
        {
            return self.found.push(*view);
        }
        if let Some(query) = query_of(rte) {
            self.of_query(&query);
        }
    }
}

/// Returns the columns of a table that occur in expressions.
pub(super) fn columns_in<'r, 'e>(
    relation: &'r Relation,
    exprs: impl IntoIterator<Item = &'e Expr>,
) -> Vec<&'r str> {
    let mut names = Names { relation, found: Vec::new() };
    exprs.into_iter().for_each(|expr| visit::expr(expr, &mut names));
    names.found
}

struct Names<'r> {
    relation: &'r Relation,
    found: Vec<&'r str>,
}

impl<'e> Visit<'e> for Names<'_> {
    fn expr(&mut self, expr: &'e Expr) {
        if let ExprKind::Column(parts) = &expr.kind {
            let last = parts.last().map(|it| it.text.as_str());
            self.found.extend(
                self.relation.columns.iter().map(|it| it.name.as_str()).filter(|it| Some(*it) == last),
            );
        }
    }
}
