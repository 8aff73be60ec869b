//! Outer joins along foreign keys, which always find their row.
//!
//! Input: the joins of a query. Output: those whose condition asks for nothing but what a foreign key
//! promises. `posts LEFT JOIN authors ON authors.id = posts.author` nulls no author if `author` is NOT NULL and references
//! `authors`.
//!
//! A foreign key holds for the rows that one snapshot shows. It promises nothing if it is deferrable or not validated, if
//! policies hide rows of the other table, if one of the rows is locked or written (it may be newer than the snapshot), and on
//! DSQL, which has no foreign keys.

use super::super::cardinality::is_equality;
use super::super::tree::{JoinTree, Node, NodeKind, Query, Reference, RteSource, Var};
use super::side::{Side, Sides};

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
pub(super) fn foreign_joins(query: &Query, sides: &Sides<'_>) -> Vec<ForeignJoin> {
    // A locked row may be newer than the row it is joined with (`EvalPlanQual`).
    if query.locked {
        return Vec::new();
    }
    sides.iter().filter_map(|side| foreign_join(query, sides, side)).collect()
}

fn foreign_join(query: &Query, sides: &Sides<'_>, side: &Side<'_>) -> Option<ForeignJoin> {
    let (JoinTree::Leaf(table), Some(on)) = (side.nulled, side.on) else { return None };
    let table = *table;
    let RteSource::Table { relation: Some(relation), sampled: false, .. } = query.rtes.get(table)?.source
    else {
        return None;
    };
    let conditions = conditions_of(on);
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
    if !sides.is_other(side, child) || pairs.iter().any(|(var, _)| var.rte != child) {
        return None;
    }
    let RteSource::Table { references, .. } = &query.rtes.get(child)?.source else { return None };
    let reference = references.iter().find(|it| it.relation == relation && it.promises(&pairs))?;
    Some(ForeignJoin {
        nuller: side.number,
        sibling: side.sibling,
        table,
        child,
        columns: reference.columns.clone(),
    })
}

impl Reference {
    /// Whether each of these columns refers to the column of the other table next to it.
    pub(super) fn promises(&self, pairs: &[(Var, usize)]) -> bool {
        let promised = |pair: &(Var, usize)| {
            let mut promises = self.columns.iter().zip(&self.referenced);
            promises.any(|(column, referenced)| (*column, *referenced) == (pair.0.column, pair.1))
        };
        pairs.iter().all(promised)
    }
}

/// The conditions among ANDs.
pub(super) fn conditions_of(condition: &Node) -> &[Node] {
    match &condition.kind {
        NodeKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(condition),
    }
}
