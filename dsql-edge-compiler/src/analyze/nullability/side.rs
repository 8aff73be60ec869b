//! The sides of outer joins that a miss nulls, numbered.
//!
//! Input: the joins of a query. Output: each nulled side with its number; inner joins before outer ones, of a FULL join
//! the left side before the right one. Everything that speaks of a nuller means this number.

use super::super::tree::{JoinTree, Node};
use crate::syntax::ast::JoinKind;

/// A side of an outer join that is nulled where the other side finds no match.
pub(super) struct Side<'q> {
    pub(super) number: usize,
    /// Of a FULL join: the number of the other side, which is nulled where this one is not.
    pub(super) sibling: Option<usize>,
    pub(super) nulled: &'q JoinTree,
    pub(super) other: &'q JoinTree,
    pub(super) on: Option<&'q Node>,
}

impl Side<'_> {
    /// The entries that are nulled.
    pub(super) fn rows(&self) -> Vec<usize> {
        let mut out = Vec::new();
        self.nulled.rtes(&mut out);
        out
    }
}

/// The nulled sides below `FROM`, by number.
pub(super) fn sides(from: &[JoinTree]) -> Vec<Side<'_>> {
    let mut out = Vec::new();
    from.iter().for_each(|tree| collect(tree, &mut out));
    out
}

fn collect<'q>(tree: &'q JoinTree, out: &mut Vec<Side<'q>>) {
    let JoinTree::Join { kind, left, right, on } = tree else { return };
    collect(left, out);
    collect(right, out);
    let first = out.len();
    let mut push = |nulled: &'q JoinTree, other: &'q JoinTree, sibling| {
        out.push(Side { number: out.len(), sibling, nulled, other, on: on.as_ref() });
    };
    match kind {
        JoinKind::Left => push(right, left, None),
        JoinKind::Right => push(left, right, None),
        JoinKind::Full => {
            push(left, right, Some(first + 1));
            push(right, left, Some(first));
        }
        JoinKind::Inner | JoinKind::Cross => {}
    }
}
