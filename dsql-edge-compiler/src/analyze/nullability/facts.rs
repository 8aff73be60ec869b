//! Defines the facts that a condition proves.

use super::super::node_set::NodeSet;
use super::super::tree::{Node, Var};

/// A fact with this column number means that the row of the entry exists; a fact with any other column number means
/// that this column is not NULL.
pub(super) const ROW: usize = usize::MAX;

/// The facts that a condition proves.
#[derive(Default, Clone)]
pub(super) struct Facts<'n> {
    pub(super) vars: Vec<Var>,
    pub(super) nodes: Vec<&'n Node>,
}

impl<'n> Facts<'n> {
    pub(super) fn union(mut self, other: Facts<'n>) -> Facts<'n> {
        self.vars.extend(other.vars);
        self.nodes.extend(other.nodes);
        self
    }

    pub(super) fn intersection(self, other: &Facts<'n>) -> Facts<'n> {
        let mut out = Facts::default();
        for var in self.vars {
            // If one side proves that a column of an entry is not NULL, and the other side proves that another column
            // of the same entry is not NULL, then both sides prove that the entry's row exists.
            if other.vars.iter().any(|it| (it.level, it.rte) == (var.level, var.rte)) {
                let same = other.vars.contains(&var);
                out.vars.push(if same { var } else { Var { column: ROW, ..var } });
            }
        }
        let others: NodeSet<'n> = other.nodes.iter().copied().collect();
        out.nodes = self.nodes.into_iter().filter(|node| others.has_same(node)).collect();
        out
    }

    pub(super) fn all<'i>(items: impl Iterator<Item = Facts<'n>> + 'i) -> Facts<'n> {
        items.fold(Facts::default(), Facts::union)
    }

    pub(super) fn common(mut items: impl Iterator<Item = Facts<'n>>) -> Facts<'n> {
        let Some(first) = items.next() else { return Facts::default() };
        items.fold(first, |known, next| known.intersection(&next))
    }
}
