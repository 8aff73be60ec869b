//! A statement as a tree that can be printed, counted and made smaller.
//!
//! A node has a kind for its place ([`Sort`]) and the name of its construct; its parts are text,
//! nodes, lists and parameters. It has no SQL beyond that: the code that builds a node spells it.

use std::borrow::Cow;
use std::fmt::Write;

use crate::types::Ty;

/// What may be in a node's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    /// A value of a type, as the generator sees it.
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
    /// Its place.
    pub(crate) sort: Sort,
    /// The construct, as the table of constructs names it; "" for none worth a line.
    pub(crate) what: Cow<'static, str>,
    /// Its text, from left to right.
    pub(crate) parts: Vec<Part>,
}

/// A part of a node.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Words.
    Text(Cow<'static, str>),
    /// A node.
    Node(Node),
    /// Some nodes.
    List(List),
    /// A parameter; its number is given by where it first occurs.
    Parameter(u32),
}

/// Nodes in a row.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Is before the first, if there is one.
    pub(crate) lead: &'static str,
    /// Is between two.
    pub(crate) between: &'static str,
    /// The nodes.
    pub(crate) items: Vec<Node>,
    /// The number that must stay.
    pub(crate) least: usize,
    /// Lists of the same number lose the same item at once; 0 is of no group.
    pub(crate) bundle: u32,
}

impl Node {
    /// An empty one.
    pub(crate) fn new(sort: Sort, what: impl Into<Cow<'static, str>>) -> Node {
        Node { sort, what: what.into(), parts: Vec::new() }
    }

    /// An expression.
    pub(crate) fn expr(ty: Ty, what: impl Into<Cow<'static, str>>) -> Node {
        Node::new(Sort::Expr(ty), what)
    }

    /// Words alone.
    pub(crate) fn words(text: impl Into<Cow<'static, str>>) -> Node {
        Node::new(Sort::Other, "").text(text)
    }

    /// Adds words.
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

    /// Adds a list of at least some.
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

    /// Adds a list of at least one whose items go with those of the other lists of this bundle.
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

    /// Adds a list of one node or none.
    pub(crate) fn maybe(self, lead: &'static str, item: Option<Node>) -> Node {
        self.list(lead, "", item.into_iter().collect())
    }

    /// The SQL.
    pub(crate) fn sql(&self) -> String {
        let mut printer = Printer { out: String::new(), parameters: Vec::new() };
        printer.node(self);
        printer.out
    }

    /// This node and all below it, from the top.
    pub(crate) fn visit<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        visit(self);
        for node in self.children() {
            node.visit(visit);
        }
    }

    /// The nodes directly below.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().flat_map(|part| match part {
            Part::Node(node) => std::slice::from_ref(node),
            Part::List(list) => list.items.as_slice(),
            Part::Text(_) | Part::Parameter(_) => &[],
        })
    }

    /// The nodes directly below, to be changed.
    pub(crate) fn children_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.parts.iter_mut().flat_map(|part| match part {
            Part::Node(node) => std::slice::from_mut(node),
            Part::List(list) => list.items.as_mut_slice(),
            Part::Text(_) | Part::Parameter(_) => &mut [],
        })
    }

    /// The node that [`Node::visit`] meets at this number.
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

    /// How many nodes there are.
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
