//! Analyzes expressions that choose among values: CASE, COALESCE, GREATEST, LEAST and NULLIF.
//!
//! Input: an expression as written and its scope. Output: the typed expression; all alternatives are coerced to one
//! type.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::expr::constant;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, Literal, Operator, When};

impl Analyzer<'_> {
    /// `transformCaseExpr`.
    pub(super) fn case(
        &mut self,
        scope: &Scope<'_>,
        operand: Option<&Expr>,
        arms: &[When],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Node {
        let sets_before = scope.sets.count();
        let operand = operand.map(|operand| {
            let node = self.expr(scope, operand);
            self.unknown_to_text(node)
        });
        if operand.as_ref().is_some_and(|operand| !self.may_copy(operand, arms.len())) {
            return Node::error(span);
        }
        let mut conditions = Vec::with_capacity(arms.len());
        let mut results = Vec::with_capacity(arms.len() + 1);
        for When { condition, result, location } in arms {
            let node = self.expr(scope, condition);
            let node = match &operand {
                Some(operand) => {
                    let operator = Operator { schema: None, name: "=".into(), location: *location };
                    self.operator(&operator, Some(operand.clone()), node, condition.span)
                }
                None => node,
            };
            conditions.push(self.coerce_to_boolean(node, "CASE/WHEN"));
            results.push(self.expr(scope, result));
        }
        let otherwise_node = otherwise.map(|otherwise| self.expr(scope, otherwise));
        // PostgreSQL considers the type of ELSE first; without ELSE, the type of NULL.
        let null = constant(&Literal::Null, span);
        let order: Vec<&Node> =
            std::iter::once(otherwise_node.as_ref().unwrap_or(&null)).chain(&results).collect();
        let target = self.common_type(&order, "CASE");
        let otherwise = otherwise_node.map(|node| Box::new(self.coerce_to_common(node, target, "CASE/ELSE")));
        let results: Vec<Node> =
            results.into_iter().map(|result| self.coerce_to_common(result, target, "CASE/WHEN")).collect();
        let arms = conditions.into_iter().zip(results).collect();
        match self.is_without_sets(scope, sets_before, "set-returning functions are not allowed in CASE") {
            true => Node::new(target, NodeKind::Case { arms, otherwise }, span),
            false => Node::error(span),
        }
    }

    /// `transformCoalesceExpr`.
    pub(super) fn coalesce(&mut self, scope: &Scope<'_>, args: &[Expr], span: Span) -> Node {
        let sets_before = scope.sets.count();
        let args = self.expr_list(scope, args);
        let target = self.common_type(&args.iter().collect::<Vec<_>>(), "COALESCE");
        let args: Vec<Node> =
            args.into_iter().map(|arg| self.coerce_to_common(arg, target, "COALESCE")).collect();
        args.iter().for_each(|arg| self.accepts_null(arg));
        let message = "set-returning functions are not allowed in COALESCE";
        if !self.is_without_sets(scope, sets_before, message) {
            return Node::error(span);
        }
        Node::new(target, NodeKind::Coalesce(args), span)
    }

    /// `transformMinMaxExpr`.
    pub(super) fn min_max(&mut self, scope: &Scope<'_>, greatest: bool, args: &[Expr], span: Span) -> Node {
        let name = if greatest { "GREATEST" } else { "LEAST" };
        let args = self.expr_list(scope, args);
        let target = self.common_type(&args.iter().collect::<Vec<_>>(), name);
        let args: Vec<Node> = args.into_iter().map(|arg| self.coerce_to_common(arg, target, name)).collect();
        args.iter().for_each(|arg| self.accepts_null(arg));
        if target != ERROR && !self.has_order(target) {
            let shown = self.catalog.display(target, -1);
            let message = format!("could not identify a comparison function for type {shown}");
            self.found_later(Diagnostic::error(Code::UnknownFunction, span, message));
        }
        Node::new(target, NodeKind::MinMax(args), span)
    }

    /// `transformAExprNullIf`.
    pub(super) fn null_if(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        right: &Expr,
        location: Span,
        span: Span,
    ) -> Node {
        let left = self.expr(scope, left);
        let right = self.expr(scope, right);
        let unknown = left.ty == oid::UNKNOWN;
        let operator = Operator { schema: None, name: "=".into(), location };
        let comparison = self.make_operator(&operator, Some(left), right, span);
        match comparison.kind {
            NodeKind::Call { mut args, .. } if args.len() == 2 => {
                let right = Box::new(args.remove(1));
                let left = Box::new(args.remove(0));
                // Rows of any type are compared as records, so a NULL compared with a row becomes a record.
                let unknown = unknown && self.catalog.is_complex(right.ty);
                let ty = if unknown { oid::RECORD } else { left.ty };
                Node::new(ty, NodeKind::NullIf { left, right }, span)
            }
            _ => Node::error(span),
        }
    }
}
