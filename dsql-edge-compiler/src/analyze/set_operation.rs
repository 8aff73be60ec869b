//! Analyzes UNION, INTERSECT and EXCEPT: `transformSetOperationStmt`, `transformSetOperationTree`.
//!
//! Input: the two queries as written. Output: one query. The type of each of its columns is the common type of the two
//! columns at this position.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::scope::Scope;
use super::tree::{Body, Cte, Node, NodeKind, Query, RteColumn, TargetEntry};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, SetOperator};
use std::rc::Rc;

/// A set operation as written.
#[derive(Clone, Copy)]
pub(super) struct WrittenOperation {
    pub(super) operator: SetOperator,
    pub(super) all: bool,
    pub(super) location: Span,
}

impl Analyzer<'_> {
    /// Analyzes a set operation. If it is the query of a recursive `WITH`, `recursive` is the entry of `WITH`.
    pub(super) fn set_operation(
        &mut self,
        scope: &mut Scope<'_>,
        query: &ast::Query,
        written: WrittenOperation,
        (left, right): (&ast::Query, &ast::Query),
        recursive: Option<&Rc<Cte>>,
    ) -> Query {
        let WrittenOperation { operator, all, .. } = written;
        let name = operator.name();
        let (mut left, mut right) = self.operands(scope, left, right, recursive);
        self.check_column_counts(&left, &right, written);
        // If the set operation has its own LIMIT, OFFSET or ORDER BY, an error points into the first query of the set
        // operation.
        let leaf = query.limit.is_some() || query.offset.is_some() || !query.order_by.is_empty();
        let mut targets = Vec::with_capacity(left.targets.len());
        for (at, first) in left.targets.iter_mut().enumerate() {
            let Some(other) = right.targets.get_mut(at) else {
                targets.push(first.clone());
                continue;
            };
            let common = self.common_type(&[&first.node, &other.node], name);
            let span = if !leaf && self.other_decides(first, other, common) {
                other.node.span
            } else {
                first.node.span
            };
            for target in [&mut *first, &mut *other] {
                let node = std::mem::replace(&mut target.node, Node::error(target.span));
                target.node = self.coerce_operand(node.into_column(), common, name);
            }
            let typmod = if first.node.typmod == other.node.typmod { first.node.typmod } else { -1 };
            if let Some(cte) = recursive {
                self.check_recursive_type(cte, at, (common, typmod), span);
            }
            let node = Node { ty: common, typmod, kind: NodeKind::Opaque(Vec::new()), span };
            targets.push(TargetEntry { node, name: first.name.clone(), span });
            if common != ERROR && !all && !self.has_equality(common) {
                let shown = self.catalog.display(common, -1);
                let message = format!("could not identify an equality operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, span, message));
            }
        }
        let none_ok = operator == SetOperator::Union && all;
        let collations = self.set_operation_collations(&left, &right, &targets, none_ok);
        if let Some(cte) = recursive {
            self.check_recursive_collations(cte, &left.collations, &collations, &targets);
        }
        self.result_sort_clause(query, &targets, name);
        let mut other = Vec::new();
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        let body = Body::SetOperation { operator, left: Rc::new(left), right: Rc::new(right) };
        Query { targets, limit, offset, distinct: !all, collations, body, other, ..Query::default() }
    }

    /// Analyzes both queries.
    fn operands(
        &mut self,
        scope: &mut Scope<'_>,
        left: &ast::Query,
        right: &ast::Query,
        recursive: Option<&Rc<Cte>>,
    ) -> (Query, Query) {
        for lock in left.locking.iter().chain(&right.locking) {
            let message = format!("{} is not allowed with UNION/INTERSECT/EXCEPT", lock.strength.name());
            self.report(Diagnostic::error(Code::FeatureNotSupported, Span::default(), message));
        }
        let mut first = self.query(left, Some(scope));
        if let Some(cte) = recursive {
            // Only the non-recursive term determines the columns of the recursive query.
            first = self.settle_unknown(first);
            let columns = first.targets.iter().map(|target| RteColumn {
                name: target.name.clone(),
                ty: target.node.ty,
                typmod: target.node.typmod,
            });
            self.set_cte_columns(cte, columns.collect());
            cte.set_collations(&first.collations);
        }
        let plain = right.without_into().map(|(into, plain)| {
            let message = "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT";
            self.report(Diagnostic::error(Code::SyntaxError, into.span(), message));
            plain
        });
        let second = self.query(plain.as_ref().unwrap_or(right), Some(scope));
        (first, second)
    }

    fn check_column_counts(&mut self, left: &Query, right: &Query, written: WrittenOperation) {
        let broken = left.targets.iter().chain(&right.targets).any(|target| target.node.is_error());
        if left.targets.len() == right.targets.len() || broken {
            return;
        }
        let span = right.targets.first().map_or(written.location, |target| target.node.span);
        let message = format!("each {} query must have the same number of columns", written.operator.name());
        let hint = format!("the first has {}, this one {}", left.targets.len(), right.targets.len());
        self.report(Diagnostic::error(Code::WrongCount, span, message).with_hint(hint));
    }

    /// Whether the common type comes from the second column: `select_common_type`.
    fn other_decides(&self, first: &TargetEntry, other: &TargetEntry, common: Oid) -> bool {
        match first.node.ty {
            oid::UNKNOWN => other.node.ty != oid::UNKNOWN,
            ty => self.catalog.base_type(ty).0 != self.catalog.base_type(common).0,
        }
    }

    /// Coerces a column of one of the queries to the common type.
    fn coerce_operand(&mut self, node: Node, common: Oid, name: &str) -> Node {
        let is_open = matches!(node.kind, NodeKind::Constant(_) | NodeKind::Parameter(_));
        if node.ty != oid::UNKNOWN || is_open {
            return self.coerce_to_common(node, common, name);
        }
        // Other expressions of type `unknown` are not coerced, but only get the common type.
        let span = node.span;
        Node::new(common, NodeKind::Cast { arg: Box::new(node), function: None }, span)
    }

    /// Reports a column of a recursive query whose type differs from that of the non-recursive term.
    fn check_recursive_type(&mut self, cte: &Cte, at: usize, (common, typmod): (Oid, i32), span: Span) {
        let column = cte.columns.borrow().get(at).map(|column| (column.ty, column.typmod));
        let Some((ty, was)) = column else { return };
        if (ty, was) == (common, typmod) || common == ERROR || ty == ERROR {
            return;
        }
        let (was, is) = (self.catalog.display(ty, was), self.catalog.display(common, typmod));
        let message = format!(
            "recursive query \"{}\" column {} has type {was} in non-recursive term but type {is} overall",
            cte.name,
            at + 1
        );
        let hint = format!("Cast the output of the non-recursive term to the correct type: `(…)::{is}`");
        self.report(Diagnostic::error(Code::TypeMismatch, span, message).with_hint(hint));
    }
}
