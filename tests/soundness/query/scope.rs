//! What an expression can refer to.

use std::rc::Rc;

use crate::tree::Node;
use crate::types::Ty;

/// What is in reach at one place.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Columns, or what the query is grouped by.
    pub(super) items: Vec<(Ty, Node)>,
    /// The query around.
    pub(super) outer: Option<Rc<Scope>>,
    /// What an aggregate's arguments can refer to, where aggregates are allowed.
    pub(super) inside: Option<Rc<Scope>>,
    /// Whether window functions are allowed.
    pub(super) windows: bool,
    /// Windows with a name.
    pub(super) named_windows: Vec<String>,
    /// Tables whose whole row is in reach.
    pub(super) rows: Vec<String>,
}

impl Scope {
    pub(super) fn push(&mut self, ty: Ty, node: Node) {
        self.items.push((ty, node));
    }

    /// The items of a type, here and further out.
    pub(super) fn of_type(&self, ty: Ty) -> Vec<Node> {
        let mut found: Vec<Node> =
            self.items.iter().filter(|item| item.0 == ty).map(|item| item.1.clone()).collect();
        if let Some(outer) = &self.outer {
            for mut node in outer.of_type(ty) {
                "outer column".clone_into(node.what.to_mut());
                found.push(node);
            }
        }
        found
    }

    /// The same without aggregates and windows.
    pub(super) fn plain(&self) -> Scope {
        Scope { inside: None, windows: false, named_windows: Vec::new(), ..self.clone() }
    }

    /// What aggregates see.
    pub(super) fn within(&self) -> Option<Scope> {
        self.inside.as_ref().map(|inside| (**inside).clone())
    }
}
