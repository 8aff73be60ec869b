//! What is known at one query level.

use super::super::parameter::Parameter;
use super::super::tree::{Node, Query, Var};
use super::facts::Facts;
use super::foreign::ForeignJoin;
use super::side::Sides;
use super::side_set::SideSet;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Proves, knowing which parameters can be NULL.
pub(super) struct Prover<'p> {
    pub(super) parameters: &'p [Parameter],
    /// How many expressions may still be looked at. Without any left, all is nullable.
    pub(super) steps_left: Cell<u32>,
    /// How many recursive queries are being proved, over assumptions that may turn out wrong: nothing is remembered.
    pub(super) assuming: Cell<u32>,
}

/// The expressions that a statement may have looked at. Subqueries in subqueries, each of which uses a column of the next
/// one twice, are looked at as often as 2 to the power of their depth.
const STEPS: u32 = 4_000_000;

impl<'p> Prover<'p> {
    pub(super) fn new(parameters: &'p [Parameter]) -> Prover<'p> {
        Prover { parameters, steps_left: Cell::new(STEPS), assuming: Cell::new(0) }
    }

    /// Counts one expression; false if there were too many.
    pub(super) fn step(&self) -> bool {
        let left = self.steps_left.get();
        self.steps_left.set(left.saturating_sub(1));
        left > 0
    }
}

/// What is known at one query level.
pub(super) struct Environment<'e> {
    pub(super) query: &'e Query,
    /// For each entry: whether each of its own columns can be NULL.
    pub(super) base: Rc<Vec<Vec<bool>>>,
    /// For each entry: the sides of outer joins that may still null its row.
    pub(super) nulled_by: Rc<Vec<SideSet>>,
    /// Of those, the ones that are taken to null nothing.
    pub(super) found: Rc<SideSet>,
    /// The sides of outer joins, by number.
    pub(super) sides: Rc<Sides<'e>>,
    /// Joins along foreign keys, and the numbers of those that were found to null nothing.
    pub(super) foreign: Rc<[ForeignJoin]>,
    pub(super) matched: SideSet,
    /// Columns that conditions prove, here and of outer levels.
    pub(super) proven: BTreeSet<Var>,
    /// Other expressions that conditions prove.
    pub(super) proven_nodes: Vec<&'e Node>,
    /// What `HAVING` proves of the grouped rows.
    pub(super) having: Facts<'e>,
    /// Grouping sets null the grouped columns, except inside aggregates.
    pub(super) grouping_nulls: bool,
    /// Several set-returning functions in the target list: the shorter ones are padded with NULLs.
    pub(super) padded: bool,
    pub(super) outer: Option<&'e Environment<'e>>,
    /// For an entry: the sides that null it, and those that miss whenever one of them does.
    pub(super) misses: RefCell<HashMap<usize, Rc<SideSet>>>,
}

impl Environment<'_> {
    /// Whether a side of an outer join may null the row of an entry.
    pub(super) fn is_nulled(&self, rte: usize) -> bool {
        self.nulled_by.get(rte).is_none_or(|nullers| !nullers.is_within(&self.found))
    }
}
