//! Analyzes predicates of one value: IS TRUE and IS UNKNOWN, IS JSON; and COLLATE.
//!
//! Input: an expression as written and its scope. Output: the typed expression.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::coercion::Context;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, QualifiedName};
use std::rc::Rc;

impl Analyzer<'_> {
    /// `transformBooleanTest`.
    pub(super) fn boolean_test(
        &mut self,
        scope: &Scope<'_>,
        arg: &Expr,
        value: Option<bool>,
        negated: bool,
        span: Span,
    ) -> Node {
        let name = match (value, negated) {
            (Some(true), false) => "IS TRUE",
            (Some(true), true) => "IS NOT TRUE",
            (Some(false), false) => "IS FALSE",
            (Some(false), true) => "IS NOT FALSE",
            (None, false) => "IS UNKNOWN",
            (None, true) => "IS NOT UNKNOWN",
        };
        let arg = self.expr(scope, arg);
        let arg = self.coerce_to_boolean(arg, name);
        self.null_is_value(&arg);
        let kind = NodeKind::BooleanTest { arg: Box::new(arg), value, negated };
        Node::new(oid::BOOL, kind, span)
    }

    /// `transformJsonIsPredicate`.
    pub(super) fn is_json(&mut self, scope: &Scope<'_>, arg: &Expr, span: Span) -> Node {
        let arg = self.expr(scope, arg);
        let arg =
            if arg.ty == oid::UNKNOWN { self.coerce(arg, oid::TEXT, -1, Context::Implicit) } else { arg };
        let base = self.catalog.base_type(arg.ty).0;
        if !matches!(
            base,
            oid::TEXT | oid::JSON | oid::JSONB | oid::BYTEA | oid::VARCHAR | oid::BPCHAR | ERROR
        ) {
            let shown = self.catalog.display(arg.ty, -1);
            let message = format!("cannot use type {shown} in IS JSON predicate");
            self.report(Diagnostic::error(Code::TypeMismatch, arg.span, message));
        }
        Node::new(oid::BOOL, NodeKind::Opaque(vec![arg]), span)
    }

    /// `transformCollateClause`.
    pub(super) fn collate(
        &mut self,
        scope: &Scope<'_>,
        arg: &Expr,
        collation: &QualifiedName,
        location: Span,
        span: Span,
    ) -> Node {
        let arg = self.expr(scope, arg);
        let info = self.catalog.type_info(arg.ty);
        if !info.collatable && arg.ty != oid::UNKNOWN && arg.ty != ERROR {
            let shown = self.catalog.display(arg.ty, -1);
            let message = format!("collations are not supported by type {shown}");
            self.report(Diagnostic::error(Code::TypeMismatch, location, message));
            return Node::error(span);
        }
        self.collations.named(collation.name());
        let (ty, typmod) = (arg.ty, arg.typmod);
        let clause = (collation.name().to_owned(), location.to(collation.span()));
        Node { ty, typmod, kind: NodeKind::Collate(Box::new(arg), Rc::new(clause)), span }
    }
}
