//! Where a column of the result comes from, and which outer joins make it NULL.
//!
//! Input: an analysed query. Output: for each column the table's column it shows, and the sides of joins whose miss it
//! witnesses: what a row struct needs to distinguish "no author" from "an author without a name".

use super::environment::{Environment, Prover};
use super::narrowing::{if_true, strict};
use super::side::Side;
use crate::analyze::tree::{Body, Node, NodeKind, Query, RteSource, Var};
use std::collections::BTreeSet;

/// What is known of one column.
#[derive(Clone, Debug, Default)]
pub(in crate::analyze) struct Source {
    /// A relation of the schema, and a column of it.
    pub(in crate::analyze) origin: Option<(usize, usize)>,
    pub(in crate::analyze) nulled_by: Vec<u32>,
    pub(in crate::analyze) nullable_within: bool,
}

impl Prover<'_> {
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
        // Only a strict expression is certain to be NULL when one of its columns is.
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
        let mut nullers: BTreeSet<usize> =
            own.filter_map(|var| env.nulled_by.get(var.rte)).flatten().copied().collect();
        follow_misses(env, &mut nullers);
        let mut matched = super::expr::copy(env);
        matched.nulled_by.iter_mut().for_each(|it| it.retain(|id| !nullers.contains(id)));
        let nullable_within = self.nullable(node, &matched);
        (nullers.into_iter().filter_map(|id| u32::try_from(id).ok()).collect(), nullable_within)
    }
}

/// Adds the joins whose miss makes one of these miss too: their conditions need a column that it nulls.
fn follow_misses(env: &Environment<'_>, nullers: &mut BTreeSet<usize>) {
    let needs: Vec<(usize, usize)> = env.sides.iter().flat_map(needed_rows).collect();
    loop {
        let before = nullers.len();
        for (nuller, rte) in &needs {
            if nullers.contains(nuller) {
                nullers.extend(env.nulled_by.get(*rte).into_iter().flatten());
            }
        }
        if nullers.len() == before {
            return;
        }
    }
}

/// The rows without which a nulled side finds no match. Of a FULL join none is needed.
fn needed_rows(side: &Side<'_>) -> Vec<(usize, usize)> {
    if side.sibling.is_some() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    side.other.rtes(&mut rows);
    let facts = side.on.iter().flat_map(|on| if_true(on).vars);
    let needed = facts.filter(|var| var.level == 0 && rows.contains(&var.rte));
    needed.map(|var| (side.number, var.rte)).collect()
}

/// The table's column behind an expression, through subqueries, views and `WITH`.
fn origin(node: &Node, query: &Query) -> Option<(usize, usize)> {
    let NodeKind::Var(Var { level: 0, rte, column }) = node.kind else { return None };
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
