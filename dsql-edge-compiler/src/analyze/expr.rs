//! Analyzes expressions: `parse_expr.c`.
//!
//! Input: an expression as written, and the scope of the expression. Output: the typed expression; a failure is
//! reported once and becomes an error node that fits everywhere.

use super::analyzer::Analyzer;
use super::coercion::Context;
use super::comparison::WrittenPredicate;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, InList, Literal, Operator, Quantified, ValueFunction};

impl Analyzer<'_> {
    /// `transformExpr`.
    pub(super) fn expr(&mut self, scope: &Scope<'_>, expr: &Expr) -> Node {
        let mut node = self.expr_kind(scope, expr);
        // If a cast reads its constant directly as a value of the type, the location of the cast is that of the
        // constant: `exprLocation`.
        node.span = match &expr.kind {
            ExprKind::Cast { .. } => node.span,
            // `type(constant)` is a cast too.
            ExprKind::Function(_) if matches!(node.kind, NodeKind::Constant(_)) => node.span,
            // An expression that begins with an operand starts at the start of that operand.
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
            // `x AT TIME ZONE z` is a call. The location of the call is the keyword, and the zone, after the keyword,
            // is the first argument of the call.
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
        let written = |negated, location| WrittenPredicate { negated, location, span };
        match &expr.kind {
            ExprKind::Column(parts) => self.column_reference(scope, parts),
            ExprKind::Star(parts) => self.starred_row(scope, parts, span),
            ExprKind::Literal(literal) => constant(literal, span),
            ExprKind::Parameter(number) => self.parameter(*number, span),
            ExprKind::Indirection { base, steps } => {
                let node = self.expr(scope, base);
                self.indirection(scope, node, steps, span)
            }
            ExprKind::Operator { operator, left, right } => {
                self.expect_json_key(operator, left.as_deref(), right);
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
            ExprKind::And(args) => {
                Node::new(oid::BOOL, NodeKind::And(self.boolean_list(scope, args, "AND")), span)
            }
            ExprKind::Or(args) => {
                Node::new(oid::BOOL, NodeKind::Or(self.boolean_list(scope, args, "OR")), span)
            }
            ExprKind::Not(arg) => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_boolean(arg, "NOT");
                Node::new(oid::BOOL, NodeKind::Not(Box::new(arg)), span)
            }
            ExprKind::IsNull { arg, negated } => {
                let arg = self.expr(scope, arg);
                self.null_is_value(&arg);
                Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(arg), negated: *negated }, span)
            }
            ExprKind::BooleanTest { arg, value, negated } => {
                self.boolean_test(scope, arg, *value, *negated, span)
            }
            ExprKind::IsDistinct { left, right, negated, location } => {
                self.is_distinct(scope, left, right, written(*negated, *location))
            }
            ExprKind::IsJson { arg, .. } => self.is_json(scope, arg, span),
            ExprKind::IsDocument { arg, .. } => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_specific(arg, oid::XML, "IS DOCUMENT");
                Node::new(oid::BOOL, NodeKind::Opaque(vec![arg]), span)
            }
            ExprKind::In { left, right, negated, location } => match right {
                InList::List(list) => self.in_list(scope, left, list, written(*negated, *location)),
                InList::Subquery(query) => {
                    let operator = Operator { schema: None, name: "=".into(), location: *location };
                    let node = self.quantified_subquery(scope, left, &operator, query, false, span);
                    if *negated { Node::new(node.ty, NodeKind::Not(Box::new(node)), span) } else { node }
                }
            },
            ExprKind::Like { left, right, escape, kind, negated, location } => {
                self.like(scope, left, right, escape.as_deref(), *kind, written(*negated, *location))
            }
            ExprKind::Between { arg, low, high, negated, symmetric, location } => {
                self.between(scope, arg, low, high, *symmetric, written(*negated, *location))
            }
            ExprKind::Case { operand, arms, otherwise } => {
                self.case(scope, operand.as_deref(), arms, otherwise.as_deref(), span)
            }
            ExprKind::Coalesce(args) => self.coalesce(scope, args, span),
            ExprKind::MinMax { greatest, args } => self.min_max(scope, *greatest, args, span),
            ExprKind::NullIf { left, right, location } => self.null_if(scope, left, right, *location, span),
            ExprKind::Row(fields) => {
                let fields = self.expr_list_expanded(scope, fields);
                self.check_field_count(&fields, span);
                Node::new(oid::RECORD, NodeKind::Row(fields), span)
            }
            ExprKind::Array(elements) => self.array(scope, elements, None, span),
            ExprKind::ArraySubquery(query) => self.array_subquery(scope, query, span),
            ExprKind::Exists(query) => self.exists(scope, query, span),
            ExprKind::Subquery(query) => self.scalar_subquery(scope, query, span),
            ExprKind::Function(call) => self.written_call(scope, call, span),
            ExprKind::Cast { arg, target, location } => self.cast(scope, arg, target, *location, span),
            ExprKind::Collate { arg, collation, location } => {
                self.collate(scope, arg, collation, *location, span)
            }
            ExprKind::ValueFunction { function, .. } => {
                let node = value_function(*function, span);
                if node.ty == oid::NAME {
                    self.collations.meet_name();
                }
                node
            }
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

    /// Analyzes a list of expressions; `t.*` in the list means all columns of `t`: `transformExpressionList`.
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

    fn boolean_list(&mut self, scope: &Scope<'_>, args: &[Expr], name: &str) -> Vec<Node> {
        let mut boolean = |arg| {
            let node = self.expr(scope, arg);
            self.coerce_to_boolean(node, name)
        };
        args.iter().map(&mut boolean).collect()
    }

    /// Coerces an expression of the type `unknown` to text; returns any other expression unchanged.
    pub(super) fn unknown_to_text(&mut self, node: Node) -> Node {
        if node.ty == oid::UNKNOWN { self.coerce(node, oid::TEXT, -1, Context::Implicit) } else { node }
    }
}

/// Returns the start of the first operand: `exprLocation`.
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

/// Returns a constant with the type that PostgreSQL's grammar gives to this kind of literal: `make_const`.
pub(super) fn constant(literal: &Literal, span: Span) -> Node {
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

/// `make_const`: the first type of int4, int8 and numeric that can represent the number with its sign.
fn numeric_type(text: &str) -> Oid {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |unsigned| (-1, unsigned));
    let radix = match unsigned.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o" | "0O") => Some(8),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    let digits: String =
        unsigned.chars().skip(if radix.is_some() { 2 } else { 0 }).filter(|it| *it != '_').collect();
    match i128::from_str_radix(&digits, radix.unwrap_or(10)).map(|value| sign * value) {
        Ok(value) if i32::try_from(value).is_ok() => oid::INT4,
        Ok(value) if i64::try_from(value).is_ok() => oid::INT8,
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
        // `current_schema` is NULL if the search path contains no existing schema.
        ValueFunction::CurrentSchema => return Node::new(oid::NAME, NodeKind::Opaque(Vec::new()), span),
        ValueFunction::SystemUser => return Node::new(oid::TEXT, NodeKind::Opaque(Vec::new()), span),
        _ => oid::NAME,
    };
    Node::new(ty, NodeKind::NeverNull, span)
}
