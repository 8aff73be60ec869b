//! Adds facts to an environment for a while: the condition of an arm of CASE holds only within that arm.

use super::super::tree::{Node, Var};
use super::environment::Environment;
use super::facts::Facts;
use super::narrowing::row_is_there;
use super::side_set::SideSet;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The facts that an assumption added to an environment.
pub(super) struct Assumption<'e> {
    vars: Vec<Var>,
    nodes: Vec<&'e Node>,
    nulled_by: Rc<Vec<SideSet>>,
    misses: HashMap<usize, Rc<SideSet>>,
}

impl<'e> Environment<'e> {
    /// Adds facts. [`Environment::forget`] removes the added facts, in time proportional to their number; a copy of the
    /// environment would take time proportional to the number of all facts.
    pub(super) fn assume(&mut self, facts: Facts<'e>) -> Assumption<'e> {
        let nulled_by = self.nulled_by.clone();
        let misses = self.misses.take();
        for var in &facts.vars {
            row_is_there(&mut self.nulled_by, *var);
        }
        let vars = facts.vars.into_iter().filter(|var| self.proven.insert(*var)).collect();
        self.proven_nodes.extend(facts.nodes.iter().copied());
        Assumption { vars, nodes: facts.nodes, nulled_by, misses }
    }

    /// Removes the facts of the last assumption.
    pub(super) fn forget(&mut self, assumption: Assumption<'e>) {
        for var in assumption.vars {
            self.proven.remove(&var);
        }
        for node in assumption.nodes.into_iter().rev() {
            self.proven_nodes.remove(node);
        }
        self.nulled_by = assumption.nulled_by;
        self.misses = RefCell::new(assumption.misses);
    }
}
