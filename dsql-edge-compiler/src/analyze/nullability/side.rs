//! Numbers the nullable sides of outer joins. If an outer join finds no match, the join nulls the row of the nullable
//! side: all columns of this row are NULL.
//!
//! Input: the joins of a query. Output: each nullable side with its number. A nested join gets its numbers before the
//! join that contains it, and the left side of a FULL join before the right side. In the code, `nuller` means the
//! number of a nullable side.

use super::super::tree::{JoinTree, Node};
use crate::syntax::ast::JoinKind;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::{Deref, Range};

/// A nullable side of an outer join: if the join finds no match on this side, the side's columns are NULL.
pub(super) struct Side<'q> {
    pub(super) number: usize,
    /// For a side of a FULL join, the number of the other side; the join never nulls both sides in one row.
    pub(super) sibling: Option<usize>,
    pub(super) nulled: &'q JoinTree,
    pub(super) on: Option<&'q Node>,
    /// The positions of the entries on this side; `other` has the positions of the entries on the other side.
    rows: Range<usize>,
    other: Range<usize>,
}

/// The nullable sides below `FROM`, by number.
///
/// The positions of entries follow the order of `FROM`, so the entries below a join form a range. So for each side, a
/// range of positions is enough. With a list of entries for each side instead, a query with thousands of joins would
/// use most of its memory for these lists.
pub(super) struct Sides<'q> {
    list: Vec<Side<'q>>,
    /// The entry at each position, and the position of each entry.
    entries: Vec<usize>,
    places: HashMap<usize, usize>,
    by_tree: HashMap<*const JoinTree, usize>,
    needed_rows: OnceCell<Vec<(usize, usize)>>,
}

impl<'q> Deref for Sides<'q> {
    type Target = [Side<'q>];

    fn deref(&self) -> &[Side<'q>] {
        &self.list
    }
}

impl<'q> Sides<'q> {
    /// Returns the sides of the joins of a query.
    pub(super) fn of(from: &'q [JoinTree]) -> Sides<'q> {
        let mut sides = Sides {
            list: Vec::new(),
            entries: Vec::new(),
            places: HashMap::new(),
            by_tree: HashMap::new(),
            needed_rows: OnceCell::new(),
        };
        from.iter().for_each(|tree| sides.collect(tree));
        sides.places = sides.entries.iter().enumerate().map(|(place, rte)| (*rte, place)).collect();
        sides
    }

    fn collect(&mut self, tree: &'q JoinTree) {
        let (kind, left, right, on) = match tree {
            JoinTree::Leaf(rte) => return self.entries.push(*rte),
            JoinTree::Join { kind, left, right, on } => (kind, left, right, on),
        };
        let start = self.entries.len();
        self.collect(left);
        let middle = self.entries.len();
        self.collect(right);
        let (left_rows, right_rows) = (start..middle, middle..self.entries.len());
        let first = self.list.len();
        let mut push = |nulled: &'q JoinTree, rows: &Range<usize>, other: &Range<usize>, sibling| {
            let number = self.list.len();
            self.by_tree.insert(std::ptr::from_ref(nulled), number);
            let (rows, other) = (rows.clone(), other.clone());
            self.list.push(Side { number, sibling, nulled, on: on.as_ref(), rows, other });
        };
        match kind {
            JoinKind::Left => push(right, &right_rows, &left_rows, None),
            JoinKind::Right => push(left, &left_rows, &right_rows, None),
            JoinKind::Full => {
                push(left, &left_rows, &right_rows, Some(first + 1));
                push(right, &right_rows, &left_rows, Some(first));
            }
            JoinKind::Inner | JoinKind::Cross => {}
        }
    }

    /// Returns the entries on this side.
    pub(super) fn rows(&self, side: &Side<'_>) -> &[usize] {
        self.entries.get(side.rows.clone()).unwrap_or(&[])
    }

    /// Whether the entry is on the other side of the join.
    pub(super) fn is_other(&self, side: &Side<'_>, rte: usize) -> bool {
        self.places.get(&rte).is_some_and(|place| side.other.contains(place))
    }

    /// Returns the side that consists of this tree, if it is nullable.
    pub(super) fn of_tree(&self, tree: &JoinTree) -> Option<&Side<'q>> {
        self.list.get(*self.by_tree.get(&std::ptr::from_ref(tree))?)
    }

    /// Each pair is a nullable side and an entry: the side finds a match only if the row of the entry exists. The first
    /// call runs `find` and caches the result.
    pub(super) fn needed_rows(&self, find: impl FnOnce() -> Vec<(usize, usize)>) -> &[(usize, usize)] {
        self.needed_rows.get_or_init(find)
    }
}
