//! Outer joins along foreign keys, which always find their row.
//!
//! In: the joins of a query. Out: those whose condition asks for nothing but what a foreign key promises.
//! `posts LEFT JOIN authors ON authors.id = posts.author` nulls no author if `author` is NOT NULL and
//! references `authors`.

use super::super::cardinality::is_equality;
use super::super::tree::{JoinTree, Node, NodeKind, Query, RteSource, Var};
use crate::syntax::ast::JoinKind;

/// An outer join that finds its row where the columns of a foreign key are not NULL.
pub(super) struct ForeignJoin {
    /// The number of its nulled side, by the numbering of `collect_nullers`.
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
pub(super) fn foreign_joins(query: &Query) -> Vec<ForeignJoin> {
    let mut out = Vec::new();
    // A locked row may be newer than the row it is joined with (`EvalPlanQual`).
    if !query.locked {
        let mut next = 0;
        query.from.iter().for_each(|tree| collect(query, tree, &mut next, &mut out));
    }
    out
}

fn collect(query: &Query, tree: &JoinTree, next: &mut usize, out: &mut Vec<ForeignJoin>) {
    let JoinTree::Join { kind, left, right, on } = tree else { return };
    collect(query, left, next, out);
    collect(query, right, next, out);
    let first = *next;
    let mut nulled = |side: &JoinTree, other: &JoinTree, sibling: Option<usize>| {
        let found = on.as_ref().and_then(|on| foreign_join(query, side, other, on));
        out.extend(found.map(|found| ForeignJoin { nuller: *next, sibling, ..found }));
        *next += 1;
    };
    match kind {
        JoinKind::Left => nulled(right, left, None),
        JoinKind::Right => nulled(left, right, None),
        JoinKind::Full => {
            nulled(left, right, Some(first + 1));
            nulled(right, left, Some(first));
        }
        JoinKind::Inner | JoinKind::Cross => {}
    }
}

fn foreign_join(query: &Query, side: &JoinTree, other: &JoinTree, on: &Node) -> Option<ForeignJoin> {
    let JoinTree::Leaf(table) = *side else { return None };
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
        let (left, right) = (column(left)?, column(right)?);
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
    other.rtes(&mut others);
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
    Some(ForeignJoin { nuller: 0, sibling: None, table, child, columns: reference.columns.clone() })
}

/// A plain column, perhaps relabelled.
fn column(node: &Node) -> Option<Var> {
    match &node.kind {
        NodeKind::Var(var) if var.level == 0 => Some(*var),
        NodeKind::Cast { arg, function: None } => column(arg),
        _ => None,
    }
}
