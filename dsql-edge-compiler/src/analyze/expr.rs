//! Expressions: `parse_expr.c`.
//!
//! In: an expression as written and the scope it stands in. Out: the typed expression; what failed is
//! reported once and becomes an error node that fits everywhere.

use super::Analyzer;
use super::catalog::ERROR;
use super::coercion::Context;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, InList, Literal, Operator, Quantified, ValueFunction, When};
use std::rc::Rc;

impl Analyzer<'_> {
    /// `transformExpr`.
    pub(super) fn expr(&mut self, scope: &Scope<'_>, expr: &Expr) -> Node {
        let mut node = self.expr_kind(scope, expr);
        // A constant that is read as the type of its cast stays where it stands: `exprLocation`.
        node.span = match &expr.kind {
            ExprKind::Cast { .. } => node.span,
            // `type(constant)` is a cast too.
            ExprKind::Function(_) if matches!(node.kind, NodeKind::Constant(_)) => node.span,
            // What begins with an operand begins where that does.
            ExprKind::Operator { left: Some(_), .. }
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::IsNull { .. }
            | ExprKind::BooleanTest { .. }
            | ExprKind::IsDistinct { .. }
            | ExprKind::In { .. }
            | ExprKind::Quantified { .. }
            | ExprKind::Like { .. }
            | ExprKind::Between { .. }
            | ExprKind::Indirection { .. }
            | ExprKind::Collate { .. } => Span {
                start: first_operand(&node).unwrap_or(expr.span.start).max(expr.span.start),
                end: expr.span.end,
            },
            // `x AT TIME ZONE z` is a call that stands at its keyword, and its first argument is the zone.
            ExprKind::Function(call) if call.location.start > expr.span.start => Span {
                start: first_operand(&node).unwrap_or(u32::MAX).min(call.location.start),
                end: expr.span.end,
            },
            _ => expr.span,
        };
        node
    }

    pub(super) fn expr_kind(&mut self, scope: &Scope<'_>, expr: &Expr) -> Node {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Column(parts) => self.column_reference(scope, parts),
            ExprKind::Star(_) => {
                let message = "row expansion via \"*\" is not supported here";
                self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
                Node::error(span)
            }
            ExprKind::Literal(literal) => constant(literal, span),
            ExprKind::Parameter(number) => self.parameter(*number, span),
            ExprKind::Indirection { base, steps } => {
                let node = self.expr(scope, base);
                self.indirection(scope, node, steps, span)
            }
            ExprKind::Operator { operator, left, right } => {
                self.operator_expr(scope, operator, left.as_deref(), right, span)
            }
            ExprKind::Quantified { operator, left, all, right } => match right {
                Quantified::Array(array) => {
                    let left = self.expr(scope, left);
                    let right = self.expr(scope, array);
                    self.array_operator(operator, left, right, *all, span)
                }
                Quantified::Subquery(query) => {
                    self.quantified_subquery(scope, left, operator, query, *all, span)
                }
            },
            ExprKind::And(args) => self
                .boolean_list(scope, args, "AND")
                .map_or_else(|node| node, |args| Node::new(oid::BOOL, NodeKind::And(args), span)),
            ExprKind::Or(args) => self
                .boolean_list(scope, args, "OR")
                .map_or_else(|node| node, |args| Node::new(oid::BOOL, NodeKind::Or(args), span)),
            ExprKind::Not(arg) => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_boolean(arg, "NOT");
                Node::new(oid::BOOL, NodeKind::Not(Box::new(arg)), span)
            }
            ExprKind::IsNull { arg, negated } => {
                let arg = self.expr(scope, arg);
                self.accepts_null(&arg);
                Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(arg), negated: *negated }, span)
            }
            ExprKind::BooleanTest { arg, value, negated } => {
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
                self.accepts_null(&arg);
                let kind = NodeKind::BooleanTest { arg: Box::new(arg), value: *value, negated: *negated };
                Node::new(oid::BOOL, kind, span)
            }
            ExprKind::IsDistinct { left, right, negated, location } => {
                self.is_distinct(scope, left, right, *negated, *location, span)
            }
            ExprKind::IsJson { arg, .. } => {
                let arg = self.expr(scope, arg);
                let arg = if arg.ty == oid::UNKNOWN {
                    self.coerce(arg, oid::TEXT, -1, Context::Implicit)
                } else {
                    arg
                };
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
            ExprKind::IsDocument { arg, .. } => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_specific(arg, oid::XML, "IS DOCUMENT");
                Node::new(oid::BOOL, NodeKind::Opaque(vec![arg]), span)
            }
            ExprKind::In { left, right, negated, location } => match right {
                InList::List(list) => self.in_list(scope, left, list, *negated, *location, span),
                InList::Subquery(query) => {
                    let operator = Operator { schema: None, name: "=".into(), location: *location };
                    let node = self.quantified_subquery(scope, left, &operator, query, false, span);
                    if *negated { Node::new(node.ty, NodeKind::Not(Box::new(node)), span) } else { node }
                }
            },
            ExprKind::Like { left, right, escape, kind, negated, location } => {
                self.like(scope, left, right, escape.as_deref(), *kind, *negated, *location, span)
            }
            ExprKind::Between { arg, low, high, negated, symmetric, location } => {
                self.between(scope, arg, low, high, *negated, *symmetric, *location, span)
            }
            ExprKind::Case { operand, arms, otherwise } => {
                self.case(scope, operand.as_deref(), arms, otherwise.as_deref(), span)
            }
            ExprKind::Coalesce(args) => {
                let args = self.expr_list(scope, args);
                let target = self.common_type(&args.iter().collect::<Vec<_>>(), "COALESCE");
                let args: Vec<Node> =
                    args.into_iter().map(|arg| self.coerce_to_common(arg, target, "COALESCE")).collect();
                args.iter().for_each(|arg| self.accepts_null(arg));
                if !self.is_without_sets(&args, "set-returning functions are not allowed in COALESCE") {
                    return Node::error(span);
                }
                Node::new(target, NodeKind::Coalesce(args), span)
            }
            ExprKind::MinMax { greatest, args } => {
                let name = if *greatest { "GREATEST" } else { "LEAST" };
                let args = self.expr_list(scope, args);
                let target = self.common_type(&args.iter().collect::<Vec<_>>(), name);
                let args: Vec<Node> =
                    args.into_iter().map(|arg| self.coerce_to_common(arg, target, name)).collect();
                args.iter().for_each(|arg| self.accepts_null(arg));
                if target != ERROR && !self.has_order(target) {
                    let shown = self.catalog.display(target, -1);
                    let message = format!("could not identify a comparison function for type {shown}");
                    self.found_later(Diagnostic::error(Code::UnknownFunction, span, message));
                }
                Node::new(target, NodeKind::MinMax(args), span)
            }
            ExprKind::NullIf { left, right, location } => {
                let left = self.expr(scope, left);
                let right = self.expr(scope, right);
                let unknown = left.ty == oid::UNKNOWN;
                let operator = Operator { schema: None, name: "=".into(), location: *location };
                let comparison = self.make_operator(&operator, Some(left), right, span);
                match comparison.kind {
                    NodeKind::Call { mut args, .. } if args.len() == 2 => {
                        let right = Box::new(args.remove(1));
                        let left = Box::new(args.remove(0));
                        // Rows of any kind are compared as records, and a NULL beside one is a record then.
                        let unknown = unknown && self.catalog.is_complex(right.ty);
                        let ty = if unknown { oid::RECORD } else { left.ty };
                        Node::new(ty, NodeKind::NullIf { left, right }, span)
                    }
                    _ => Node::error(span),
                }
            }
            ExprKind::Row(fields) => {
                let fields = self.expr_list_expanded(scope, fields);
                Node::new(oid::RECORD, NodeKind::Row(fields), span)
            }
            ExprKind::Array(elements) => self.array(scope, elements, None, span),
            ExprKind::ArraySubquery(query) => self.array_subquery(scope, query, span),
            ExprKind::Exists(query) => self.exists(scope, query, span),
            ExprKind::Subquery(query) => self.scalar_subquery(scope, query, span),
            ExprKind::Function(call) => self.function_call(scope, call, span),
            ExprKind::Cast { arg, target, location } => self.cast(scope, arg, target, *location, span),
            ExprKind::Collate { arg, collation, location } => {
                let arg = self.expr(scope, arg);
                let info = self.catalog.type_info(arg.ty);
                if !info.collatable && arg.ty != oid::UNKNOWN && arg.ty != ERROR {
                    let shown = self.catalog.display(arg.ty, -1);
                    let message = format!("collations are not supported by type {shown}");
                    self.report(Diagnostic::error(Code::TypeMismatch, *location, message));
                    return Node::error(span);
                }
                self.collations.named(collation.name());
                let (ty, typmod) = (arg.ty, arg.typmod);
                let clause = (collation.name().to_owned(), location.to(collation.span()));
                Node { ty, typmod, kind: NodeKind::Collate(Box::new(arg), Rc::new(clause)), span }
            }
            ExprKind::ValueFunction { function, .. } => value_function(*function, span),
            ExprKind::Grouping(args) => {
                let args = self.expr_list(scope, args);
                self.grouping_call(scope, args, span)
            }
            ExprKind::Default => {
                self.report(Diagnostic::error(
                    Code::SyntaxError,
                    span,
                    "DEFAULT is not allowed in this context",
                ));
                Node::error(span)
            }
            ExprKind::CurrentOf(_) => Node::new(oid::BOOL, NodeKind::NeverNull, span),
            ExprKind::SqlFunction(call) if call.name.starts_with("xml") => {
                self.xml_function(scope, call, span)
            }
            ExprKind::SqlFunction(call) => self.sql_json(scope, call, span),
        }
    }

    pub(super) fn expr_list(&mut self, scope: &Scope<'_>, exprs: &[Expr]) -> Vec<Node> {
        exprs.iter().map(|expr| self.expr(scope, expr)).collect()
    }

    /// A list in which `t.*` stands for its columns: `transformExpressionList`.
    pub(super) fn expr_list_expanded(&mut self, scope: &Scope<'_>, exprs: &[Expr]) -> Vec<Node> {
        let mut out = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match self.expand_star(scope, expr) {
                Some(columns) => out.extend(columns.into_iter().map(|(_, node)| node)),
                None => out.push(self.expr(scope, expr)),
            }
        }
        out
    }

    pub(super) fn boolean_list(
        &mut self,
        scope: &Scope<'_>,
        args: &[Expr],
        name: &str,
    ) -> Result<Vec<Node>, Node> {
        Ok(args
            .iter()
            .map(|arg| {
                let node = self.expr(scope, arg);
                self.coerce_to_boolean(node, name)
            })
            .collect())
    }

    /// `transformCaseExpr`.
    pub(super) fn case(
        &mut self,
        scope: &Scope<'_>,
        operand: Option<&Expr>,
        arms: &[When],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Node {
        let operand = operand.map(|operand| {
            let node = self.expr(scope, operand);
            self.unknown_to_text(node)
        });
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
        // PostgreSQL looks at ELSE first; where there is none, at NULL.
        let null = constant(&Literal::Null, span);
        let order: Vec<&Node> =
            std::iter::once(otherwise_node.as_ref().unwrap_or(&null)).chain(&results).collect();
        let target = self.common_type(&order, "CASE");
        let otherwise = otherwise_node.map(|node| Box::new(self.coerce_to_common(node, target, "CASE/ELSE")));
        let results: Vec<Node> =
            results.into_iter().map(|result| self.coerce_to_common(result, target, "CASE/WHEN")).collect();
        let arms = conditions.into_iter().zip(results).collect();
        let node = Node::new(target, NodeKind::Case { arms, otherwise }, span);
        match self
            .is_without_sets(std::slice::from_ref(&node), "set-returning functions are not allowed in CASE")
        {
            true => node,
            false => Node::error(span),
        }
    }

    /// An `unknown` constant or parameter that nothing else decides is text.
    pub(super) fn unknown_to_text(&mut self, node: Node) -> Node {
        if node.ty == oid::UNKNOWN { self.coerce(node, oid::TEXT, -1, Context::Implicit) } else { node }
    }
}

/// Where the first operand begins: `exprLocation`.
fn first_operand(node: &Node) -> Option<u32> {
    let mut start = match &node.kind {
        NodeKind::Subscript(parts) => parts.first().map(|base| base.span.start),
        _ => None,
    };
    node.children(&mut |child| {
        if start.is_none() && child.span != Span::default() {
            start = Some(child.span.start);
        }
    });
    start
}

/// A constant has the type that the grammar gives it: `make_const`.
fn constant(literal: &Literal, span: Span) -> Node {
    let (ty, value) = match literal {
        Literal::String(text) => (oid::UNKNOWN, Some(text.clone())),
        Literal::Null => (oid::UNKNOWN, None),
        Literal::Boolean(value) => (oid::BOOL, Some(value.to_string())),
        Literal::Integer(value) => (oid::INT4, Some(value.to_string())),
        Literal::Numeric(text) => (numeric_type(text), Some(text.clone())),
        Literal::Bit(digits) => (oid::BIT, Some(digits.clone())),
        Literal::Hex(digits) => (oid::BIT, Some(digits.clone())),
    };
    Node::new(ty, NodeKind::Constant(value), span)
}

/// An integer that fits eight bytes is bigint, else numeric.
fn numeric_type(text: &str) -> Oid {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let radix = match unsigned.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o" | "0O") => Some(8),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    let digits: String =
        unsigned.chars().skip(if radix.is_some() { 2 } else { 0 }).filter(|it| *it != '_').collect();
    match i128::from_str_radix(&digits, radix.unwrap_or(10)) {
        Ok(value) if value <= i128::from(i64::MAX) => oid::INT8,
        _ => oid::NUMERIC,
    }
}

fn value_function(function: ValueFunction, span: Span) -> Node {
    let ty = match function {
        ValueFunction::CurrentDate => oid::DATE,
        ValueFunction::CurrentTime => oid::TIMETZ,
        ValueFunction::CurrentTimestamp => oid::TIMESTAMPTZ,
        ValueFunction::LocalTime => oid::TIME,
        ValueFunction::LocalTimestamp => oid::TIMESTAMP,
        // Without a schema in the search path it is NULL.
        ValueFunction::CurrentSchema => return Node::new(oid::NAME, NodeKind::Opaque(Vec::new()), span),
        ValueFunction::SystemUser => return Node::new(oid::TEXT, NodeKind::Opaque(Vec::new()), span),
        _ => oid::NAME,
    };
    Node::new(ty, NodeKind::NeverNull, span)
}
