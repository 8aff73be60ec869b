//! What is known at one query level.

use super::super::parameter::Parameter;
use super::super::tree::{Node, Query, Var};
use super::facts::Facts;
use super::foreign::ForeignJoin;
use super::side::Side;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Proves, knowing which parameters can be NULL.
#[derive(Clone, Copy)]
pub(super) struct Prover<'p> {
    pub(super) parameters: &'p [Parameter],
}

/// What is known at one query level.
pub(super) struct Environment<'e> {
    pub(super) query: &'e Query,
    /// For each entry: whether each of its own columns can be NULL.
    pub(super) base: Vec<Vec<bool>>,
    /// For each entry: the sides of outer joins that may still null its row.
    pub(super) nulled_by: Vec<BTreeSet<usize>>,
    /// The sides of outer joins, by number.
    pub(super) sides: Rc<[Side<'e>]>,
    /// Joins along foreign keys, and the numbers of those that were found to null nothing.
    pub(super) foreign: Rc<[ForeignJoin]>,
    pub(super) matched: BTreeSet<usize>,
    /// Columns that conditions prove, here and of outer levels.
    pub(super) proven: Vec<Var>,
    /// Other expressions that conditions prove.
    pub(super) proven_nodes: Vec<&'e Node>,
    /// What `HAVING` proves of the grouped rows.
    pub(super) having: Facts<'e>,
    /// Grouping sets null the grouped columns, except inside aggregates.
    pub(super) grouping_nulls: bool,
    /// Several set-returning functions in the target list: the shorter ones are padded with NULLs.
    pub(super) padded: bool,
    pub(super) outer: Option<&'e Environment<'e>>,
}
