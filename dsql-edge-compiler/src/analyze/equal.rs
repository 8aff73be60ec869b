//! Compares two expressions like PostgreSQL's `equal()`, ignoring locations.
//!
//! Input: two typed expressions or queries of one level. Output: two comparisons. The first comparison decides whether
//! both are written alike (for keys of `GROUP BY`, `ORDER BY` and `DISTINCT ON`); the second decides whether both
//! certainly have the same value (for proofs).

use super::tree::{Body, JoinTree, Node, NodeKind, Query, RteSource};

impl Node {
    /// Whether the expressions are equal and certainly have the same value.
    pub(super) fn same(&self, other: &Node) -> bool {
        self.equal(other, false)
    }

    /// Whether the two expressions are written alike, apart from their locations. Keys of `GROUP BY`, `ORDER BY` and
    /// `DISTINCT ON` are compared in this way.
    pub(super) fn written_alike(&self, other: &Node) -> bool {
        self.equal(other, true)
    }

    fn equal(&self, other: &Node, as_written: bool) -> bool {
        let types = (self.ty, self.typmod) == (other.ty, other.typmod);
        if !types || std::mem::discriminant(&self.kind) != std::mem::discriminant(&other.kind) {
            return false;
        }
        let here = match (&self.kind, &other.kind) {
            (NodeKind::Var(a), NodeKind::Var(b)) => a == b,
            (NodeKind::WholeRow { level: a, rte: b, .. }, NodeKind::WholeRow { level: c, rte: d, .. }) => {
                (a, b) == (c, d)
            }
            (NodeKind::Constant(a), NodeKind::Constant(b)) => a == b,
            (NodeKind::Parameter(a), NodeKind::Parameter(b)) => a == b,
            (NodeKind::Call { function: a, .. }, NodeKind::Call { function: b, .. }) => {
                a == b && (as_written || !a.volatile)
            }
            (NodeKind::IsNull { negated: a, .. }, NodeKind::IsNull { negated: b, .. }) => a == b,
            (
                NodeKind::BooleanTest { value: a, negated: b, .. },
                NodeKind::BooleanTest { value: c, negated: d, .. },
            ) => (a, b) == (c, d),
            (
                NodeKind::ArrayComparison { function: a, all: b, .. },
                NodeKind::ArrayComparison { function: c, all: d, .. },
            ) => (a, b) == (c, d),
            (NodeKind::InList { negated: a, .. }, NodeKind::InList { negated: b, .. }) => a == b,
            (NodeKind::Field(_, a), NodeKind::Field(_, b)) => a == b,
            (NodeKind::Collate(_, a), NodeKind::Collate(_, b)) => a.0 == b.0,
            (NodeKind::Aggregate(a), NodeKind::Aggregate(b)) => (&a.name, a.level) == (&b.name, b.level),
            (NodeKind::WindowCall(a), NodeKind::WindowCall(b)) => {
                (&a.name, &a.window) == (&b.name, &b.window)
            }
            // An opaque node contains only a part of the expression that it represents. So two opaque nodes can be
            // written alike, but they never certainly have the same value.
            (NodeKind::Opaque(_), NodeKind::Opaque(_)) => as_written,
            (
                NodeKind::Quantified { functions: a, all: b, .. },
                NodeKind::Quantified { functions: c, all: d, .. },
            ) => (a, b) == (c, d),
            _ => true,
        };
        // Two subqueries can be written alike, but they never certainly have the same value: a second run may return
        // other rows (`LIMIT` without `ORDER BY`), or call a volatile function.
        let queries = match (self.subquery(), other.subquery()) {
            (None, None) => true,
            (Some(a), Some(b)) => as_written && a.written_alike(b),
            _ => false,
        };
        if !here || !queries {
            return false;
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        self.children(&mut |child| left.push(child));
        other.children(&mut |child| right.push(child));
        left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| a.equal(b, as_written))
    }
}

impl Query {
    fn written_alike(&self, other: &Query) -> bool {
        let clauses = |query: &Query| {
            (
                (query.command, query.grouped, query.grouping_sets, query.empty_grouping_set),
                (query.distinct, query.offset, query.locked, query.ctes.len()),
            )
        };
        let entries = self.rtes.len() == other.rtes.len()
            && self
                .rtes
                .iter()
                .zip(&other.rtes)
                .all(|(a, b)| a.name == b.name && source(&a.source, &b.source));
        let names = self.targets.len() == other.targets.len()
            && self.targets.iter().zip(&other.targets).all(|(a, b)| a.name == b.name);
        let body = match (&self.body, &other.body) {
            (Body::Plain, Body::Plain) | (Body::Values(_), Body::Values(_)) => true,
            (
                Body::SetOperation { operator: a, left, right },
                Body::SetOperation { operator: b, left: other_left, right: other_right },
            ) => a == b && left.written_alike(other_left) && right.written_alike(other_right),
            _ => false,
        };
        if clauses(self) != clauses(other) || !entries || !names || !body {
            return false;
        }
        let joins = self.from.len() == other.from.len()
            && self.from.iter().zip(&other.from).all(|(a, b)| shape(a, b));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        self.expressions(&mut |node| left.push(node));
        other.expressions(&mut |node| right.push(node));
        joins && left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| a.written_alike(b))
    }
}

fn source(a: &RteSource, b: &RteSource) -> bool {
    match (a, b) {
        (RteSource::Table { relation: a, .. }, RteSource::Table { relation: b, .. }) => a == b,
        (RteSource::Subquery { query: a, view: c }, RteSource::Subquery { query: b, view: d }) => {
            c == d && (c.is_some() || a.written_alike(b))
        }
        (RteSource::Cte(a), RteSource::Cte(b)) => a.name == b.name,
        // The calls are compared by `Query::written_alike`, together with the query's other expressions.
        (RteSource::Function { ordinality: a, .. }, RteSource::Function { ordinality: b, .. }) => a == b,
        (RteSource::Nullable, RteSource::Nullable) => true,
        _ => false,
    }
}

fn shape(a: &JoinTree, b: &JoinTree) -> bool {
    match (a, b) {
        (JoinTree::Leaf(a), JoinTree::Leaf(b)) => a == b,
        (
            JoinTree::Join { kind: a, left, right, on },
            JoinTree::Join { kind: b, left: other_left, right: other_right, on: other_on },
        ) => {
            a == b
                && shape(left, other_left)
                && shape(right, other_right)
                && on.is_some() == other_on.is_some()
        }
        _ => false,
    }
}
