//! Analyzes subqueries in expressions: `transformSubLink`.

use super::analyzer::Analyzer;
use super::operator::operand;
use super::scope::Scope;
use super::tree::{Node, NodeKind, Query};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ExprKind, Operator};

impl Analyzer<'_> {
    /// Analyzes a subquery in an expression. Result columns that are still `unknown` become text.
    fn sublink(&mut self, scope: &Scope<'_>, query: &ast::Query) -> Query {
        let query = self.query(query, Some(scope));
        self.settle_unknown(query)
    }

    /// If this position does not allow a subquery, reports an error and returns `false`.
    fn allows_subquery(&mut self, scope: &Scope<'_>, span: Span) -> bool {
        let Some(place) = scope.place.get().without_subqueries() else { return true };
        let message = format!("cannot use subquery in {place}");
        self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
        false
    }

    pub(super) fn exists(&mut self, scope: &Scope<'_>, query: &ast::Query, span: Span) -> Node {
        if !self.allows_subquery(scope, span) {
            return Node::error(span);
        }
        let written = query;
        let query = self.sublink(scope, written);
        self.keep_stars(written);
        Node::new(oid::BOOL, NodeKind::Exists(Box::new(query)), span)
    }

    pub(super) fn scalar_subquery(&mut self, scope: &Scope<'_>, query: &ast::Query, span: Span) -> Node {
        if !self.allows_subquery(scope, span) {
            return Node::error(span);
        }
        let query = self.sublink(scope, query);
        match query.targets.as_slice() {
            [target] => {
                let (ty, typmod) = (target.node.ty, target.node.typmod);
                Node { ty, typmod, kind: NodeKind::ScalarSubquery(Box::new(query)), span }
            }
            _ if query.targets.iter().any(|target| target.node.is_error()) => Node::error(span),
            _ => {
                self.report(
                    Diagnostic::error(Code::WrongCount, span, "subquery must return only one column")
                        .with_hint(
                            "select one column, or compare a row with several: (a, b) = (SELECT c, d …)",
                        ),
                );
                Node::error(span)
            }
        }
    }

    pub(super) fn array_subquery(&mut self, scope: &Scope<'_>, query: &ast::Query, span: Span) -> Node {
        if !self.allows_subquery(scope, span) {
            return Node::error(span);
        }
        let query = self.sublink(scope, query);
        let [target] = query.targets.as_slice() else {
            self.report(Diagnostic::error(Code::WrongCount, span, "subquery must return only one column"));
            return Node::error(span);
        };
        let element = target.node.ty;
        let array = if self.catalog.type_info(element).is_array {
            Some(element)
        } else {
            self.catalog.array_type(element)
        };
        match array {
            Some(array) => Node::new(array, NodeKind::ArraySubquery(Box::new(query)), span),
            None => {
                let shown = self.catalog.display(element, -1);
                let message = format!("could not find array type for data type {shown}");
                self.report(Diagnostic::error(Code::UnknownObject, span, message));
                Node::error(span)
            }
        }
    }

    /// `left op ANY | ALL (SELECT …)`, and `left IN (SELECT …)`.
    pub(super) fn quantified_subquery(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        operator: &Operator,
        query: &ast::Query,
        all: bool,
        span: Span,
    ) -> Node {
        if !self.allows_subquery(scope, operator.location) {
            return Node::error(span);
        }
        let query = self.sublink(scope, query);
        let left = match &left.kind {
            ExprKind::Row(fields) => self.expr_list_expanded(scope, fields),
            _ => match self.expr(scope, left) {
                // A row that was cast to a composite type is still a row.
                Node { kind: NodeKind::Row(fields), ty, .. } if self.catalog.is_complex(ty) => fields,
                node => vec![node],
            },
        };
        self.compare_with_query(operator, left, query, all, span)
    }

    /// `row op (SELECT …)`.
    pub(super) fn row_subquery(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        operator: &Operator,
        query: &ast::Query,
        span: Span,
    ) -> Node {
        if !self.allows_subquery(scope, operator.location) {
            return Node::error(span);
        }
        let query = self.sublink(scope, query);
        let left = match &left.kind {
            ExprKind::Row(fields) => self.expr_list_expanded(scope, fields),
            _ => vec![self.expr(scope, left)],
        };
        self.compare_with_query(operator, left, query, true, span)
    }

    fn compare_with_query(
        &mut self,
        operator: &Operator,
        left: Vec<Node>,
        query: Query,
        all: bool,
        span: Span,
    ) -> Node {
        if query.targets.iter().any(|target| target.node.is_error()) || left.iter().any(Node::is_error) {
            return Node { ty: oid::BOOL, typmod: -1, kind: NodeKind::Error, span };
        }
        if left.len() != query.targets.len() {
            let words = if left.len() < query.targets.len() { "too many" } else { "too few" };
            let message = format!("subquery has {words} columns");
            self.report(Diagnostic::error(Code::WrongCount, operator.location, message));
            return Node::error(span);
        }
        let mut functions = Vec::with_capacity(left.len());
        let mut coerced = Vec::with_capacity(left.len());
        let mut types = Vec::with_capacity(2 * left.len());
        for (node, target) in left.into_iter().zip(&query.targets) {
            let Some(found) = self.find_operator(operator, Some(operand(&node)), operand(&target.node))
            else {
                return Node::error(span);
            };
            match self.operator_types(&found, &[node.ty, target.node.ty]) {
                Ok((left_type, right_type, result)) => {
                    types.extend([left_type, right_type]);
                    if result != oid::BOOL {
                        let message = "row comparison operator must yield type boolean";
                        self.report(Diagnostic::error(Code::TypeMismatch, operator.location, message));
                    }
                    coerced.push(self.coerce(node, left_type, -1, super::coercion::Context::Implicit));
                }
                Err(message) => {
                    self.report_polymorphism(message, operator.location);
                    return Node::error(span);
                }
            }
            functions.push(self.callee_of(&found));
        }
        if coerced.len() > 1 && !self.has_interpretation(operator, &types) {
            return Node::error(span);
        }
        let kind = NodeKind::Quantified { left: coerced, functions, query: Box::new(query), all };
        Node::new(oid::BOOL, kind, span)
    }
}
