//! Checks that columns are grouped or aggregated: `parseCheckAggregates`.
//!
//! Input: a finished query level. Output: the errors for columns that are neither grouped nor aggregated, and for
//! arguments of `GROUPING` that are not keys.

use super::aggregate::level_of;
use super::analyzer::Analyzer;
use super::node_set::NodeSet;
use super::system_column::system_column;
use super::tree::{Node, NodeKind, Query, Rte, RteSource};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use std::collections::HashSet;

/// The grouping of a query level.
struct Grouped<'q> {
    /// The entries of `FROM` whose columns depend on the grouping columns only, because the primary key is grouped.
    functional: Vec<usize>,
    /// The keys.
    keys: NodeSet<'q>,
    /// The keys that are columns of this query level: for each column, the index of its range table entry, and its
    /// number in this entry.
    columns: HashSet<(usize, usize)>,
}

/// If a key is a column of the query's own level, returns the index of its range table entry, and its number in this
/// entry; otherwise `None`.
fn column_of_level(key: &Node) -> Option<(usize, usize)> {
    match key.kind {
        NodeKind::Var(var) if var.level == 0 => Some((var.rte, var.column)),
        _ => None,
    }
}

impl Analyzer<'_> {
    /// `parseCheckAggregates`: columns outside aggregates must be grouped.
    pub(super) fn check_grouping(&mut self, query: &Query) {
        if !(query.grouped || query.has_aggregates || query.having.is_some()) {
            return;
        }
        // If a primary key is grouped, all columns of its table count as grouped.
        let grouped = Grouped {
            functional: self.grouped_by_key(query),
            keys: query.group_by.iter().collect(),
            columns: query.group_by.iter().filter_map(column_of_level).collect(),
        };
        // The check includes the keys in `other`, which are a part of the target list in PostgreSQL.
        let targets = query.targets.iter().map(|target| &target.node).chain(&query.other).collect();
        let having: Vec<&Node> = query.having.iter().collect();
        for clause in [targets, having] {
            for node in &clause {
                self.check_grouping_calls(&grouped, node, 0);
            }
            for node in &clause {
                self.check_grouped(query, node, &grouped, 0);
            }
        }
        self.check_recursive_aggregate(query);
    }

    /// Reports an aggregate in the recursive term of a query in WITH.
    fn check_recursive_aggregate(&mut self, query: &Query) {
        let is_self = |rte: &Rte| matches!(&rte.source, RteSource::Cte(cte) if cte.recursive && cte.query.borrow().is_none());
        if !query.has_aggregates || !query.rtes.iter().any(is_self) {
            return;
        }
        let is_aggregate = |node: &Node| matches!(&node.kind, NodeKind::Aggregate(call) if call.level == 0);
        let nodes = query.targets.iter().map(|target| &target.node).chain(&query.having);
        let found = nodes.into_iter().find_map(|node| super::aggregate::find(node, &is_aggregate));
        let span = found.map_or_else(Span::default, |node| node.span);
        let message = "aggregate functions are not allowed in a recursive query's recursive term";
        self.report(Diagnostic::error(Code::InvalidRecursion, span, message));
    }

    /// Returns the entries of `FROM` whose primary key is among the grouping columns.
    fn grouped_by_key(&self, query: &Query) -> Vec<usize> {
        let grouped = |rte: usize, column: usize| {
            query.common_keys.iter().any(|node| {
                matches!(node.kind, NodeKind::Var(var) if (var.level, var.rte, var.column) == (0, rte, column))
            })
        };
        (0..query.rtes.len())
            .filter(|&at| match &query.rtes[at].source {
                RteSource::Table { relation, .. } => {
                    let primary = relation.and_then(|relation| self.primary_key(relation));
                    primary.is_some_and(|key| key.iter().all(|column| grouped(at, *column)))
                }
                _ => false,
            })
            .collect()
    }

    fn check_grouped(&mut self, query: &Query, node: &Node, grouped: &Grouped<'_>, depth: usize) {
        if depth == 0 && grouped.keys.has_alike(node) {
            return;
        }
        match &node.kind {
            // Columns inside an aggregate of the checked level need not be grouped, except in the aggregate's direct
            // arguments (before WITHIN GROUP).
            NodeKind::Aggregate(call) if call.level == depth => {
                for arg in call.args.iter().take(call.direct) {
                    self.check_grouped(query, arg, grouped, depth);
                }
                return;
            }
            NodeKind::Constant(_) | NodeKind::Parameter(_) => return,
            NodeKind::Grouping(args) if level_of(args) == depth => return,
            NodeKind::WholeRow { level, rte, .. } if *level == depth => {
                if grouped.functional.contains(rte) {
                    return;
                }
                let name = query.rtes.get(*rte).map_or("?", |rte| rte.name.as_str());
                let message = match depth {
                    0 => format!(
                        "column \"{name}.*\" must appear in the GROUP BY clause or be used in an aggregate function"
                    ),
                    _ => format!("subquery uses ungrouped column \"{name}.*\" from outer query"),
                };
                self.report(Diagnostic::error(Code::NotGrouped, node.span, message));
                return;
            }
            NodeKind::Var(var) if var.level == depth => {
                // `columns` contains only columns of this query level, because a column of an outer query can have the
                // same entry number and column number.
                let is_key = grouped.columns.contains(&(var.rte, var.column));
                if is_key || grouped.functional.contains(&var.rte) {
                    return;
                }
                let Some(rte) = query.rtes.get(var.rte) else { return };
                let column = rte.columns.get(var.column).map(|column| column.name.as_str());
                let column =
                    column.or_else(|| system_column(var.column).map(|(name, _)| name)).unwrap_or("?");
                let name = format!("{}.{column}", rte.name);
                let (message, hint) = if depth == 0 {
                    let only_having = query.having.is_some() && !query.grouped && !query.has_aggregates;
                    (
                        format!(
                            "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
                        ),
                        match only_having {
                            true => {
                                "HAVING is a condition on groups: for rows, write WHERE in place of HAVING"
                                    .to_owned()
                            }
                            false => format!("add {name} to GROUP BY, or aggregate it: max({name})"),
                        },
                    )
                } else {
                    (
                        format!("subquery uses ungrouped column \"{name}\" from outer query"),
                        format!("add {name} to the outer GROUP BY"),
                    )
                };
                self.report(Diagnostic::error(Code::NotGrouped, node.span, message).with_hint(hint));
                return;
            }
            _ => {}
        }
        let mut children = Vec::new();
        node.children(&mut |child| children.push(child));
        for child in children {
            self.check_grouped(query, child, grouped, depth);
        }
        if let Some(inner) = node.subquery() {
            self.check_grouped_query(query, inner, grouped, depth + 1);
        }
    }

    fn check_grouped_query(&mut self, query: &Query, inner: &Query, grouped: &Grouped<'_>, depth: usize) {
        let mut nodes = Vec::new();
        inner.expressions(&mut |node| nodes.push(node));
        for node in nodes {
            self.check_grouped(query, node, grouped, depth);
        }
        for nested in inner.subqueries() {
            self.check_grouped_query(query, &nested, grouped, depth + 1);
        }
    }

    /// `finalize_grouping_exprs`, also for subqueries. In a subquery, only a column can be an argument of GROUPING.
    fn check_grouping_calls(&mut self, grouped: &Grouped<'_>, node: &Node, depth: usize) {
        if let NodeKind::Grouping(args) = &node.kind {
            let is_key = |arg: &Node| match &arg.kind {
                NodeKind::Var(arg) => arg.level == depth && grouped.columns.contains(&(arg.rte, arg.column)),
                _ => depth == 0 && grouped.keys.has_alike(arg),
            };
            if level_of(args) == depth
                && let Some(arg) = args.iter().find(|arg| !is_key(arg))
            {
                let message =
                    "arguments to GROUPING must be grouping expressions of the associated query level";
                self.report(Diagnostic::error(Code::NotGrouped, arg.span, message));
            }
            return;
        }
        let mut children = Vec::new();
        node.children(&mut |child| children.push(child));
        for child in children {
            self.check_grouping_calls(grouped, child, depth);
        }
        if let Some(inner) = node.subquery() {
            self.check_grouping_calls_within(grouped, inner, depth + 1);
        }
    }

    fn check_grouping_calls_within(&mut self, grouped: &Grouped<'_>, inner: &Query, depth: usize) {
        let mut nodes = Vec::new();
        inner.expressions(&mut |node| nodes.push(node));
        for node in nodes {
            self.check_grouping_calls(grouped, node, depth);
        }
        for nested in inner.subqueries() {
            self.check_grouping_calls_within(grouped, &nested, depth + 1);
        }
    }
}
