//! A set of expressions, in which an equal expression is found without comparing all of them.
//!
//! A statement can have thousands of keys, conditions and arms of CASE. Comparing each of these expressions with all
//! others would take time proportional to the square of their number. So each expression has a print, a hash of its
//! upper levels, and equal expressions have the same print. Only expressions with the same print are compared.

use super::tree::{Node, NodeKind};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The print of an expression depends only on the upper `DEPTH` levels of the expression. If the print covered all
/// levels, the lookups of an expression and of each of its subexpressions would read the deepest levels again and
/// again.
const DEPTH: usize = 3;

/// A set of expressions. An expression may be in the set several times.
#[derive(Clone, Default)]
pub(super) struct NodeSet<'n>(HashMap<u64, Vec<&'n Node>>);

impl<'n> NodeSet<'n> {
    pub(super) fn insert(&mut self, node: &'n Node) {
        self.0.entry(print(node)).or_default().push(node);
    }

    /// Removes the expression that was inserted last among those with the print of `node`.
    pub(super) fn remove(&mut self, node: &'n Node) {
        if let Some(alike) = self.0.get_mut(&print(node)) {
            alike.pop();
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the set has an expression that certainly has the same value as `node`.
    pub(super) fn has_same(&self, node: &Node) -> bool {
        self.candidates(node).any(|known| known.same(node))
    }

    /// Whether the set has an expression that is written like `node`.
    pub(super) fn has_alike(&self, node: &Node) -> bool {
        self.candidates(node).any(|known| known.written_alike(node))
    }

    /// The number of expressions in the set that are written like `node`.
    pub(super) fn count_alike(&self, node: &Node) -> usize {
        self.candidates(node).filter(|known| known.written_alike(node)).count()
    }

    fn candidates(&self, node: &Node) -> impl Iterator<Item = &'n Node> + '_ {
        // Computing the print of an expression takes longer than this test.
        let found = if self.0.is_empty() { None } else { self.0.get(&print(node)) };
        found.into_iter().flatten().copied()
    }
}

impl<'n> Extend<&'n Node> for NodeSet<'n> {
    fn extend<I: IntoIterator<Item = &'n Node>>(&mut self, nodes: I) {
        nodes.into_iter().for_each(|node| self.insert(node));
    }
}

impl<'n> FromIterator<&'n Node> for NodeSet<'n> {
    fn from_iter<I: IntoIterator<Item = &'n Node>>(nodes: I) -> NodeSet<'n> {
        let mut set = NodeSet::default();
        set.extend(nodes);
        set
    }
}

/// The print of an expression. Expressions that `Node::written_alike` or `Node::same` accepts have the same print.
fn print(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    add(node, DEPTH, &mut hasher);
    hasher.finish()
}

fn add(node: &Node, depth: usize, hasher: &mut DefaultHasher) {
    (node.ty, node.typmod, std::mem::discriminant(&node.kind)).hash(hasher);
    match &node.kind {
        NodeKind::Var(var) => var.hash(hasher),
        NodeKind::Constant(text) => text.hash(hasher),
        NodeKind::Parameter(number) => number.hash(hasher),
        NodeKind::Call { function, .. } => function.name.hash(hasher),
        NodeKind::Aggregate(call) => call.name.hash(hasher),
        NodeKind::WindowCall(call) => call.name.hash(hasher),
        NodeKind::Field(_, column) => column.hash(hasher),
        _ => {}
    }
    if depth > 0 {
        node.children(&mut |child| add(child, depth - 1, hasher));
    }
}
