//! The names that an expression can refer to.

use std::rc::Rc;

use crate::tree::Node;
use crate::types::Ty;

/// The names that are in scope at one point of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The columns in scope or, in a grouped query, the grouping keys.
    pub(super) items: Vec<(Ty, Node)>,
    /// The scope of the enclosing query.
    pub(super) outer: Option<Rc<Scope>>,
    /// The scope of an aggregate's arguments; `None` if aggregates are not allowed.
    pub(super) inside: Option<Rc<Scope>>,
    /// Whether window functions are allowed.
    pub(super) windows: bool,
    /// The names of the `WINDOW` clause.
    pub(super) named_windows: Vec<String>,
    /// Tables whose whole row is in scope.
    pub(super) rows: Vec<String>,
}

impl Scope {
    pub(super) fn push(&mut self, ty: Ty, node: Node) {
        self.items.push((ty, node));
    }

    /// The items of a type, in this scope and in the enclosing scopes.
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

    /// Returns this scope without aggregates and windows.
    pub(super) fn plain(&self) -> Scope {
        Scope { inside: None, windows: false, named_windows: Vec::new(), ..self.clone() }
    }

    /// The scope of an aggregate's arguments; `None` if aggregates are not allowed.
    pub(super) fn within(&self) -> Option<Scope> {
        self.inside.as_ref().map(|inside| (**inside).clone())
    }
}
