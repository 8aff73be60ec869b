//! Finds the origin of a column of the result, and the outer joins that can make the column NULL.
//!
//! Input: an analyzed query. Output: for each column, the table's column that it returns, and the nullable sides of
//! joins that make the column NULL if the join finds no match. With these sides, a row struct can distinguish "no
//! author" from "an author without a name".

use super::environment::{Environment, Prover};
use super::narrowing::{if_true, strict};
use super::side::{Side, Sides};
use super::side_set::SideSet;
use crate::analyze::tree::{Body, Node, NodeKind, Query, RteSource, Var};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The origin and nullability of one column.
#[derive(Clone, Debug, Default)]
pub(in crate::analyze) struct Source {
    /// The number of the relation in the schema, and the number of the column in the relation.
    pub(in crate::analyze) origin: Option<(usize, usize)>,
    pub(in crate::analyze) nulled_by: Vec<u32>,
    pub(in crate::analyze) nullable_within: bool,
}

impl Prover<'_> {
    /// Returns, for each column of the query, its origin and the outer joins that can set the column to NULL.
    pub(super) fn sources(&self, query: &Query) -> Vec<Source> {
        if !matches!(query.body, Body::Plain) {
            let unknown = Source { nullable_within: true, ..Source::default() };
            return vec![unknown; query.targets.len()];
        }
        let env = self.environment(query, None);
        let columns = query.targets.iter().map(|target| {
            let (nulled_by, nullable_within) = self.witness(&target.node, &env);
            Source { origin: origin(&target.node, query), nulled_by, nullable_within }
        });
        columns.collect()
    }

    fn witness(&self, node: &Node, env: &Environment<'_>) -> (Vec<u32>, bool) {
        if !self.nullable(node, env) {
            return (Vec::new(), false);
        }
        // If a column of the expression is NULL, the expression is certain to be NULL only if it is strict.
        let needed = strict(node).vars;
        let certain = !node.any(&|part| match &part.kind {
            NodeKind::Var(var) => !needed.contains(var),
            NodeKind::WholeRow { .. } | NodeKind::Parameter(_) => true,
            _ => part.subquery().is_some(),
        });
        if !certain || env.grouping_nulls {
            return (Vec::new(), true);
        }
        let own = needed.iter().filter(|var| var.level == 0 && !env.proven.contains(var));
        let entries: BTreeSet<usize> = own.map(|var| var.rte).collect();
        let nullers = entries.into_iter().fold(SideSet::default(), |mut nullers, rte| {
            nullers.add(&misses(env, rte));
            nullers
        });
        let found = Rc::new(nullers.clone());
        let nullable_within = self.nullable(node, &Environment { found, ..super::expr::copy(env) });
        (nullers.iter().filter_map(|id| u32::try_from(id).ok()).collect(), nullable_within)
    }
}

/// Returns the sides that null an entry, directly or indirectly. The set starts with the sides that null the entry. If
/// a side in the set finds a match only if a certain row exists, the sides that null this row are added too. The search
/// ends when it adds no further side.
fn misses(env: &Environment<'_>, rte: usize) -> Rc<SideSet> {
    if let Some(known) = env.misses.borrow().get(&rte) {
        return known.clone();
    }
    let mut nullers = env.nulled_by.get(rte).cloned().unwrap_or_default();
    let mut changed = !nullers.is_empty();
    while changed {
        changed = false;
        // Mostly, the needed row belongs to an entry that comes before the join in FROM, so visiting the pairs in
        // reverse order takes fewer rounds.
        for (nuller, rte) in env.sides.needed_rows(|| needed_rows(&env.sides)).iter().rev() {
            if nullers.contains(*nuller)
                && let Some(more) = env.nulled_by.get(*rte)
            {
                changed |= nullers.add(more);
            }
        }
    }
    let nullers = Rc::new(nullers);
    env.misses.borrow_mut().insert(rte, nullers.clone());
    nullers
}

/// Returns pairs of a nullable side's number and an entry on the other side of the same join: without the entry's row,
/// the join finds no match. There are no such pairs for the sides of a FULL join.
fn needed_rows(sides: &Sides<'_>) -> Vec<(usize, usize)> {
    let of_side = |side: &Side<'_>| {
        let facts = side.on.iter().flat_map(|on| if_true(on).vars);
        let needed = facts.filter(|var| var.level == 0 && sides.is_other(side, var.rte));
        needed.map(|var| (side.number, var.rte)).collect::<Vec<_>>()
    };
    sides.iter().filter(|side| side.sibling.is_none()).flat_map(of_side).collect()
}

/// Returns the table's column that an expression returns, traced through subqueries, views and `WITH`.
fn origin(node: &Node, query: &Query) -> Option<(usize, usize)> {
    match node.kind {
        NodeKind::Var(var) => column_origin(var, query),
        _ => None,
    }
}

/// Returns the table's column that `var` returns, if `var` is a column of the query's own level; traced through
/// subqueries, views and `WITH`.
pub(in crate::analyze) fn column_origin(var: Var, query: &Query) -> Option<(usize, usize)> {
    let Var { level: 0, rte, column } = var else { return None };
    let rte = query.rtes.get(rte)?;
    let below = |inner: &Query| match inner.body {
        Body::Plain => origin(&inner.targets.get(column)?.node, inner),
        _ => None,
    };
    match &rte.source {
        RteSource::Table { relation, .. } => Some(((*relation)?, column)),
        RteSource::Subquery { query, .. } => below(query),
        RteSource::Cte(cte) if !cte.recursive => below(cte.query.borrow().as_deref()?),
        RteSource::Cte(_) | RteSource::Function { .. } | RteSource::Nullable => None,
    }
}
