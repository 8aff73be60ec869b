//! Outer joins along foreign keys, which always find their row.
//!
//! Input: the joins of a query. Output: those whose condition asks for nothing but what a foreign key promises. `posts
//! LEFT JOIN authors ON authors.id = posts.author` nulls no author if `author` is NOT NULL and references `authors`.

use super::super::cardinality::is_equality;
use super::super::tree::{JoinTree, NodeKind, Query, RteSource, Var};
use super::side::Side;

/// An outer join that finds its row where the columns of a foreign key are not NULL.
pub(super) struct ForeignJoin {
    /// The number of its nulled side.
    pub(super) nuller: usize,
    /// Of a FULL join: the number of the other side, which is not nulled together with this one.
    pub(super) sibling: Option<usize>,
    /// The entry on that side.
    pub(super) table: usize,
    /// The entry that refers to it, and the columns that must not be NULL.
    pub(super) child: usize,
    pub(super) columns: Vec<usize>,
}

/// The joins of a query that go along foreign keys.
pub(super) fn foreign_joins(query: &Query, sides: &[Side<'_>]) -> Vec<ForeignJoin> {
    // A locked row may be newer than the row it is joined with (`EvalPlanQual`).
    if query.locked {
        return Vec::new();
    }
    sides.iter().filter_map(|side| foreign_join(query, side)).collect()
}

fn foreign_join(query: &Query, side: &Side<'_>) -> Option<ForeignJoin> {
    let (JoinTree::Leaf(table), Some(on)) = (side.nulled, side.on) else { return None };
    let table = *table;
    let RteSource::Table { relation: Some(relation), sampled: false, .. } = query.rtes.get(table)?.source
    else {
        return None;
    };
    let conditions = match &on.kind {
        NodeKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(on),
    };
    let mut pairs = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let NodeKind::Call { function, args } = &condition.kind else { return None };
        let [left, right] = args.as_slice() else { return None };
        let (left, right) = (left.plain_column()?, right.plain_column()?);
        if !is_equality(&function.name) {
            return None;
        }
        pairs.push(if left.rte == table { (right, left.column) } else { (left, right.column) });
        // One side of each condition is the table's.
        if (left.rte == table) == (right.rte == table) {
            return None;
        }
    }
    let child = pairs.first()?.0.rte;
    let mut others = Vec::new();
    side.other.rtes(&mut others);
    if !others.contains(&child) || pairs.iter().any(|(var, _)| var.rte != child) {
        return None;
    }
    let RteSource::Table { references, .. } = &query.rtes.get(child)?.source else { return None };
    let reference = references.iter().find(|reference| {
        let promised = |pair: &(Var, usize)| {
            let mut promises = reference.columns.iter().zip(&reference.referenced);
            promises.any(|(column, referenced)| (*column, *referenced) == (pair.0.column, pair.1))
        };
        reference.relation == relation && pairs.iter().all(promised)
    })?;
    Some(ForeignJoin {
        nuller: side.number,
        sibling: side.sibling,
        table,
        child,
        columns: reference.columns.clone(),
    })
}
