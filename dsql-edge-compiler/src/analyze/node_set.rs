//! A set of expressions, in which an equal expression is found without comparing all of them.
//!
//! A statement can have thousands of keys, conditions and arms of CASE. If each expression were compared with all
//! others, the time would grow with the square of their number. So each expression has a fingerprint (`print`): a hash
//! of its upper levels. Equal expressions have the same fingerprint. Only expressions with the same fingerprint are
//! compared.

use super::tree::{Node, NodeKind};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The fingerprint of an expression depends only on the upper `DEPTH` levels of the expression. If the fingerprint
/// covered all levels, the lookups of an expression and of all its subexpressions would read the deepest levels again
/// for each lookup.
const DEPTH: usize = 3;

/// A set of expressions. An expression may be in the set several times.
#[derive(Clone, Default)]
pub(super) struct NodeSet<'n>(HashMap<u64, Vec<&'n Node>>);

impl<'n> NodeSet<'n> {
    pub(super) fn insert(&mut self, node: &'n Node) {
        self.0.entry(print(node)).or_default().push(node);
    }

    /// Removes, from the expressions that have the fingerprint of `node`, the one that was inserted last.
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

    /// Returns the number of expressions in the set that are written like `node`.
    pub(super) fn count_alike(&self, node: &Node) -> usize {
        self.candidates(node).filter(|known| known.written_alike(node)).count()
    }

    fn candidates(&self, node: &Node) -> impl Iterator<Item = &'n Node> + '_ {
        // The test for an empty set is faster than computing the fingerprint of an expression.
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

/// Returns the fingerprint of an expression. If `Node::written_alike` or `Node::same` accepts two expressions, their
/// fingerprints are equal.
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
