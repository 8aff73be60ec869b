//! Finds scalar subqueries that follow a foreign key, and so always find the referenced row.
//!
//! Input: a subquery, and the facts that are known about the outer query. Output: whether the subquery reads the row to
//! which a foreign key refers, as in `(SELECT name FROM authors WHERE id = posts.author)`. The module `foreign`
//! describes when a foreign key holds.

use super::super::cardinality::is_equality;
use super::super::tree::{Body, Command, JoinTree, LimitKind, Node, NodeKind, Query, RteSource, Var};
use super::environment::{Environment, Prover};
use super::expr::up;
use super::foreign::conditions_of;

impl Prover<'_> {
    /// Whether a subquery reads the row to which a foreign key of the outer query refers, and has no condition that
    /// could exclude this row.
    pub(super) fn finds_referenced_row(&self, query: &Query, env: &Environment<'_>) -> bool {
        self.referenced_row(query, env).unwrap_or(false)
    }

    fn referenced_row(&self, query: &Query, env: &Environment<'_>) -> Option<bool> {
        let reads_all = query.command == Command::Select
            && matches!(query.body, Body::Plain)
            && matches!(query.limit, LimitKind::None | LimitKind::Constant(1..))
            && !(query.offset
                || query.locked
                || query.grouped
                || query.has_aggregates
                || query.has_target_srf)
            && query.having.is_none();
        let [JoinTree::Leaf(table)] = query.from.as_slice() else { return None };
        let RteSource::Table { relation: Some(relation), sampled: false, .. } =
            query.rtes.get(*table)?.source
        else {
            return None;
        };
        let mut pairs = Vec::new();
        for condition in conditions_of(query.filter.as_ref()?) {
            let NodeKind::Call { function, args } = &condition.kind else { return None };
            let [left, right] = args.as_slice() else { return None };
            let (left, right) = (column_of(left)?, column_of(right)?);
            let (own, outer) = if left.level == 0 { (left, right) } else { (right, left) };
            if !is_equality(&function.name) || own.level > 0 || outer.level == 0 {
                return None;
            }
            pairs.push((outer, own.column));
        }
        let first = pairs.first()?.0;
        let (level, child) = (first.level - 1, first.rte);
        let owner = up(env, level)?;
        let is_locked = (0..=level).any(|level| up(env, level).is_none_or(|env| env.query.locked));
        let of_child = pairs.iter().all(|(var, _)| (var.level, var.rte) == (first.level, child));
        if !reads_all || is_locked || !of_child || owner.query.result_rte == Some(child) {
            return None;
        }
        let RteSource::Table { references, .. } = &owner.query.rtes.get(child)?.source else { return None };
        let reference = references.iter().find(|it| it.relation == relation && it.promises(&pairs))?;
        let not_null = |column: &usize| !self.var_nullable(Var { level, rte: child, column: *column }, env);
        Some(reference.columns.iter().all(not_null))
    }
}

/// Returns the column, if the operand is a column of this query or an outer query, with or without a relabeling cast
/// around the column.
fn column_of(node: &Node) -> Option<Var> {
    match &node.kind {
        NodeKind::Var(var) => Some(*var),
        NodeKind::Cast { arg, function: None } => column_of(arg),
        _ => None,
    }
}
