//! Finds outer joins that follow a foreign key, and so always find a matching row.
//!
//! Input: the joins of a query. Output: the joins for which a foreign key guarantees a row that satisfies the
//! condition. `posts LEFT JOIN authors ON authors.id = posts.author` always finds an author if `author` is NOT NULL and
//! references `authors`.
//!
//! A foreign key is certain to hold only among rows of one snapshot, the rows that a statement sees. The key guarantees
//! nothing if the key is deferrable or not validated, or if policies hide rows of the referenced table. If one of the
//! two rows is locked or written by the statement, the key guarantees nothing either, because this row may be newer
//! than the snapshot.

use super::super::cardinality::is_equality;
use super::super::tree::{JoinTree, Node, NodeKind, Query, Reference, RteSource, Var};
use super::side::{Side, Sides};

/// An outer join along a foreign key: the join finds a matching row if the foreign key's columns are not NULL.
pub(super) struct ForeignJoin {
    /// The number of the join's nullable side.
    pub(super) nuller: usize,
    /// For a FULL join, the number of the join's other side; the join never nulls both sides in one row.
    pub(super) sibling: Option<usize>,
    /// The entry on the nullable side, which is the referenced table.
    pub(super) table: usize,
    /// The entry of the referencing table; `columns` has the columns of the entry that must not be NULL.
    pub(super) child: usize,
    pub(super) columns: Vec<usize>,
}

/// Returns the joins of a query along foreign keys.
pub(super) fn foreign_joins(query: &Query, sides: &Sides<'_>) -> Vec<ForeignJoin> {
    // With row locks, a foreign key proves nothing: a locked row may be newer than the row that it is joined with
    // (`EvalPlanQual`).
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
        // Exactly one operand of each condition must be a column of the referenced table.
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
    /// Whether every pair (referencing column, referenced column) is a pair of this foreign key.
    pub(super) fn promises(&self, pairs: &[(Var, usize)]) -> bool {
        let promised = |pair: &(Var, usize)| {
            let mut promises = self.columns.iter().zip(&self.referenced);
            promises.any(|(column, referenced)| (*column, *referenced) == (pair.0.column, pair.1))
        };
        pairs.iter().all(promised)
    }
}

/// Returns the conditions that AND combines.
pub(super) fn conditions_of(condition: &Node) -> &[Node] {
    match &condition.kind {
        NodeKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(condition),
    }
}
