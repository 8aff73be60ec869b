//! Defines the prover of a statement, and the facts about one query level.

use super::super::node_set::NodeSet;
use super::super::parameter::Parameter;
use super::super::tree::{Node, Query, Var};
use super::foreign::ForeignJoin;
use super::side::Sides;
use super::side_set::SideSet;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The prover of one statement. `parameters` contains all parameters of the statement, each with the information
/// whether it can be NULL.
pub(super) struct Prover<'p> {
    pub(super) parameters: &'p [Parameter],
    /// The number of expressions that may still be examined. When the number is 0, every further expression counts as
    /// nullable.
    pub(super) steps_left: Cell<u32>,
    /// The number of recursive queries that are being proved. The proof of a recursive query makes assumptions that may
    /// turn out to be wrong, so results are not cached meanwhile.
    pub(super) assuming: Cell<u32>,
}

/// The maximum number of expressions that the prover examines for one statement. If each of n nested subqueries uses a
/// column of the next subquery twice, the innermost subquery is examined 2^n times.
const STEPS: u32 = 4_000_000;

impl<'p> Prover<'p> {
    pub(super) fn new(parameters: &'p [Parameter]) -> Prover<'p> {
        Prover { parameters, steps_left: Cell::new(STEPS), assuming: Cell::new(0) }
    }

    /// Counts one examined expression; returns `false` if the statement has reached the maximum.
    pub(super) fn step(&self) -> bool {
        let left = self.steps_left.get();
        self.steps_left.set(left.saturating_sub(1));
        left > 0
    }
}

/// The facts at one query level.
pub(super) struct Environment<'e> {
    pub(super) query: &'e Query,
    /// For each entry and each of its columns: whether the column can be NULL in the entry's own rows.
    pub(super) base: Rc<Vec<Vec<bool>>>,
    /// For each entry of the range table, the nullable sides of outer joins that may still null the entry's row.
    pub(super) nulled_by: Rc<Vec<SideSet>>,
    /// The sides that are assumed to have found a matching row.
    pub(super) found: Rc<SideSet>,
    /// The nullable sides of outer joins, by number.
    pub(super) sides: Rc<Sides<'e>>,
    /// The joins along foreign keys; the joins whose numbers are in `matched` always find a row.
    pub(super) foreign: Rc<[ForeignJoin]>,
    pub(super) matched: SideSet,
    /// The columns of this query level and of outer levels that the conditions prove not NULL.
    pub(super) proven: BTreeSet<Var>,
    /// Expressions, except plain columns, that conditions prove not NULL.
    pub(super) proven_nodes: NodeSet<'e>,
    /// The columns that `HAVING` proves not NULL in the grouped rows.
    pub(super) having: BTreeSet<Var>,
    /// Expressions, except plain columns, that `HAVING` proves not NULL in the grouped rows.
    pub(super) having_nodes: NodeSet<'e>,
    /// The grouping sets, if there are several: the keys, the keys that every set contains, and the target list.
    pub(super) grouping: Option<Rc<GroupingSets<'e>>>,
    /// Whether a grouped column can be NULL because of grouping sets; false inside aggregates.
    pub(super) grouping_nulls: bool,
    /// Whether the target list has several set-returning functions, so that the shorter results are padded with NULLs.
    pub(super) padded: bool,
    pub(super) outer: Option<&'e Environment<'e>>,
    /// A cache: for each entry, the sides that null the entry directly or indirectly. In `a LEFT JOIN b ON … LEFT JOIN
    /// c ON c.x = b.x`, the side `c` nulls `c` directly, and the side `b` nulls `c` indirectly: if `b` is NULL, the
    /// second join finds no match.
    pub(super) misses: RefCell<HashMap<usize, Rc<SideSet>>>,
}

/// The expressions that decide whether a value is NULL because of grouping sets.
pub(super) struct GroupingSets<'e> {
    keys: NodeSet<'e>,
    common: NodeSet<'e>,
    targets: NodeSet<'e>,
}

impl<'e> GroupingSets<'e> {
    pub(super) fn of(query: &'e Query) -> Option<Rc<GroupingSets<'e>>> {
        query.grouping_sets.then(|| {
            Rc::new(GroupingSets {
                keys: query.group_by.iter().collect(),
                common: query.common_keys.iter().collect(),
                targets: query.targets.iter().map(|target| &target.node).collect(),
            })
        })
    }

    /// Whether the expression is a key that is missing in at least one grouping set: in the rows of this set, the
    /// expression is NULL.
    ///
    /// PostgreSQL nulls a column of the target list, not an expression: in `SELECT g AS a, g AS b … GROUP BY a, ROLLUP
    /// (b)`, PostgreSQL nulls only `b`. This compiler cannot distinguish `a` and `b`, so it treats both as nullable.
    pub(super) fn leave_out(&self, node: &Node) -> bool {
        self.keys.has_alike(node) && (!self.common.has_alike(node) || self.is_doubled(node))
    }

    /// Whether at least two columns of the target list are this expression.
    pub(super) fn is_doubled(&self, node: &Node) -> bool {
        self.targets.count_alike(node) > 1
    }
}

impl Environment<'_> {
    /// Whether an outer join may null the row of an entry.
    pub(super) fn is_nulled(&self, rte: usize) -> bool {
        self.nulled_by.get(rte).is_none_or(|nullers| !nullers.is_within(&self.found))
    }
}
