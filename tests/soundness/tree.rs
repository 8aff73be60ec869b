//! A statement as a tree that can be printed, counted and shrunk.
//!
//! A node has a [`Sort`] and the name of its construct. The sort states which nodes may replace the node. The parts of
//! a node are text, nodes, lists and parameters. The tree does not contain any knowledge of SQL: the code that builds a
//! node writes its SQL.

use std::borrow::Cow;
use std::fmt::Write;

use crate::types::Ty;

/// The kind of a node: a node may be replaced only by nodes of the same kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    /// An expression. `Ty` is the type for which the generator made the expression.
    Expr(Ty),
    /// An item of `FROM`.
    From,
    /// A query with some columns.
    Query,
    /// Anything else.
    Other,
}

/// A piece of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The sort of the nodes that may replace this node.
    pub(crate) sort: Sort,
    /// The name of the construct in the report's table; "" if the table does not list the construct.
    pub(crate) what: Cow<'static, str>,
    /// The parts of the node, in the order of the SQL.
    pub(crate) parts: Vec<Part>,
}

/// A part of a node.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// SQL text.
    Text(Cow<'static, str>),
    /// A node.
    Node(Node),
    /// A list of nodes.
    List(List),
    /// A parameter by its id; the printer numbers parameters in the order of their first use.
    Parameter(u32),
}

/// A list of nodes.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// The text before the first node, if there is one.
    pub(crate) lead: &'static str,
    /// The text between two nodes.
    pub(crate) between: &'static str,
    /// The nodes.
    pub(crate) items: Vec<Node>,
    /// The minimum number of nodes that the list must keep.
    pub(crate) least: usize,
    /// Lists with the same number always lose their items at the same index together; 0 means that the list loses its
    /// items independently of other lists.
    pub(crate) bundle: u32,
}

impl Node {
    /// An empty node.
    pub(crate) fn new(sort: Sort, what: impl Into<Cow<'static, str>>) -> Node {
        Node { sort, what: what.into(), parts: Vec::new() }
    }

    /// An expression.
    pub(crate) fn expr(ty: Ty, what: impl Into<Cow<'static, str>>) -> Node {
        Node::new(Sort::Expr(ty), what)
    }

    /// A node with text only.
    pub(crate) fn words(text: impl Into<Cow<'static, str>>) -> Node {
        Node::new(Sort::Other, "").text(text)
    }

    /// Adds text.
    pub(crate) fn text(mut self, text: impl Into<Cow<'static, str>>) -> Node {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds a node.
    pub(crate) fn node(mut self, node: Node) -> Node {
        self.parts.push(Part::Node(node));
        self
    }

    /// Adds a parameter.
    pub(crate) fn parameter(mut self, id: u32) -> Node {
        self.parts.push(Part::Parameter(id));
        self
    }

    /// Adds a list that may become empty.
    pub(crate) fn list(self, lead: &'static str, between: &'static str, items: Vec<Node>) -> Node {
        self.list_of(0, lead, between, items)
    }

    /// Adds a list of at least `least` nodes.
    pub(crate) fn list_of(
        mut self,
        least: usize,
        lead: &'static str,
        between: &'static str,
        items: Vec<Node>,
    ) -> Node {
        self.parts.push(Part::List(List { lead, between, items, least, bundle: 0 }));
        self
    }

    /// Adds a list of at least one node to a bundle: if an item is removed, the items at the same index are removed
    /// from all lists of the bundle.
    pub(crate) fn bundle(
        mut self,
        bundle: u32,
        lead: &'static str,
        between: &'static str,
        items: Vec<Node>,
    ) -> Node {
        self.parts.push(Part::List(List { lead, between, items, least: 1, bundle }));
        self
    }

    /// Adds a list of at most one node.
    pub(crate) fn maybe(self, lead: &'static str, item: Option<Node>) -> Node {
        self.list(lead, "", item.into_iter().collect())
    }

    /// The SQL.
    pub(crate) fn sql(&self) -> String {
        let mut printer = Printer { out: String::new(), parameters: Vec::new() };
        printer.node(self);
        printer.out
    }

    /// Visits this node and all its descendants, parents first.
    pub(crate) fn visit<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        visit(self);
        for node in self.children() {
            node.visit(visit);
        }
    }

    /// The child nodes.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().flat_map(|part| match part {
            Part::Node(node) => std::slice::from_ref(node),
            Part::List(list) => list.items.as_slice(),
            Part::Text(_) | Part::Parameter(_) => &[],
        })
    }

    /// The child nodes, mutable.
    pub(crate) fn children_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.parts.iter_mut().flat_map(|part| match part {
            Part::Node(node) => std::slice::from_mut(node),
            Part::List(list) => list.items.as_mut_slice(),
            Part::Text(_) | Part::Parameter(_) => &mut [],
        })
    }

    /// The node with this number in the order of [`Node::visit`].
    pub(crate) fn nth_mut(&mut self, number: usize) -> Option<&mut Node> {
        fn go<'n>(node: &'n mut Node, left: &mut usize) -> Option<&'n mut Node> {
            if *left == 0 {
                return Some(node);
            }
            *left -= 1;
            node.children_mut().find_map(|child| go(child, left))
        }
        go(self, &mut { number })
    }

    /// The number of nodes.
    pub(crate) fn size(&self) -> usize {
        1 + self.children().map(Node::size).sum::<usize>()
    }
}

struct Printer {
    out: String,
    parameters: Vec<u32>,
}

impl Printer {
    fn node(&mut self, node: &Node) {
        for part in &node.parts {
            match part {
                Part::Text(text) => self.out.push_str(text),
                Part::Node(node) => self.node(node),
                Part::List(list) => {
                    for (at, item) in list.items.iter().enumerate() {
                        self.out.push_str(if at == 0 { list.lead } else { list.between });
                        self.node(item);
                    }
                }
                Part::Parameter(id) => {
                    let known = self.parameters.iter().position(|it| it == id);
                    let number = known.unwrap_or_else(|| {
                        self.parameters.push(*id);
                        self.parameters.len() - 1
                    });
                    let _ = write!(self.out, "${}", number + 1);
                }
            }
        }
    }
}
