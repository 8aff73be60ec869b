//! Analyzes casts and coercions: `parse_coerce.c`.
//!
//! Input: a typed expression, and the type that is required of the expression. Output: the expression converted to the
//! required type, or an error. There are three contexts, as in PostgreSQL: implicit, assignment, explicit.

use super::catalog::{Catalog, ERROR};
use super::coercion::{Context, Pathway, common_type_of, is_polymorphic};
use super::constant::{self, Rejection};
use super::tree::{Callee, Node, NodeKind, Var};
use super::{Analyzer, polymorphic};
use crate::builtin::{self, NullContract, Oid, oid};
use crate::diagnostic::{Code, Diagnostic, quotation};
use crate::source::Span;
use std::rc::Rc;

impl Catalog<'_> {
    /// Whether arguments of the types `inputs` can be passed to parameters of the types `targets` (`can_coerce_type`).
    pub(super) fn can_coerce(self, inputs: &[Oid], targets: &[Oid], context: Context) -> bool {
        let mut generics = false;
        for (&input, &target) in inputs.iter().zip(targets) {
            if is_polymorphic(target) && input != ERROR {
                generics |= input != target;
            } else if !self.can_coerce_one(input, target, context) {
                return false;
            }
        }
        !generics || polymorphic::consistent(self, inputs, targets)
    }
}

impl Analyzer<'_> {
    /// Returns the coerced expression, or the unchanged expression if no coercion exists: `coerce_to_target_type`
    /// without its error.
    pub(super) fn try_coerce(
        &mut self,
        node: Node,
        target: Oid,
        typmod: i32,
        context: Context,
    ) -> Result<Node, Box<Node>> {
        if !self.catalog.can_coerce(&[node.ty], &[target], context) {
            return Err(Box::new(node));
        }
        let had_type = node.ty == target;
        let mut node = self.coerce(node, target, typmod, context);
        if node.typmod != typmod && !node.is_error() {
            // `coerce_type_typmod`: a cast is a separate expression even if it only drops the modifier.
            if had_type && !matches!(node.kind, NodeKind::Constant(_) | NodeKind::Parameter(_)) {
                let span = node.span;
                let kind = NodeKind::Cast { arg: Box::new(node), function: None };
                node = Node::new(target, kind, span);
            }
            node.typmod = typmod;
        }
        Ok(node)
    }

    /// `coerce_type`: the caller has checked that the coercion is possible.
    pub(super) fn coerce(&mut self, node: Node, target: Oid, typmod: i32, context: Context) -> Node {
        let span = node.span;
        if node.ty == target || node.is_error() || target == ERROR {
            return node;
        }
        if matches!(
            target,
            oid::ANY | oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY
        ) {
            return node;
        }
        if is_polymorphic(target) && node.ty != oid::UNKNOWN {
            return node;
        }
        // A composite value is already a record and keeps its type.
        if target == oid::RECORD && self.catalog.is_complex(node.ty) {
            return node;
        }
        if node.ty == oid::UNKNOWN {
            return self.coerce_unknown(node, target, typmod, context);
        }
        // `coerce_record_to_complex`: if `fields_of` returns `None`, the fields of the record are not known.
        if node.ty == oid::RECORD && self.catalog.is_complex(target) {
            match fields_of(&node) {
                Some(fields) => return self.coerce_row(span, fields, target, context),
                None if matches!(node.kind, NodeKind::Collate(..)) => {}
                None => {
                    let message = format!("cannot cast type record to {}", self.catalog.display(target, -1));
                    self.report(Diagnostic::error(Code::CannotCast, span, message));
                    return Node::error(span);
                }
            }
        }
        if let NodeKind::Collate(arg, collation) = node.kind {
            let inner = self.coerce(*arg, target, typmod, context);
            return Node {
                ty: inner.ty,
                typmod: inner.typmod,
                kind: NodeKind::Collate(Box::new(inner), collation),
                span,
            };
        }
        let function = match self.catalog.pathway(target, node.ty, context) {
            Pathway::Function(function, never_null) => {
                // For a cast that the schema defines, `function` is 0. The function of such a cast is not known, so the
                // statement counts as neither read-only nor immutable.
                if function == 0 {
                    self.calls_unknown();
                }
                let (name, volatile, immutable) = builtin::function_by_oid(function)
                    .map_or((String::new(), false, false), |it| {
                        (it.name.to_owned(), it.volatility.is_volatile(), it.volatility.is_immutable())
                    });
                Some(Rc::new(Callee {
                    name,
                    strict: true,
                    null: NullContract::of_values_if(never_null),
                    set: false,
                    volatile,
                    immutable,
                    columns: Vec::new(),
                }))
            }
            _ => None,
        };
        self.becomes(target);
        // A NOT NULL domain rejects NULL, so the result of the cast is never NULL.
        let function = if self.catalog.domain_not_null(target) { Some(domain_check()) } else { function };
        Node { ty: target, typmod, kind: NodeKind::Cast { arg: Box::new(node), function }, span }
    }

    /// Coerces an `unknown` node: a constant is read by the type's input function, a parameter takes the type.
    fn coerce_unknown(&mut self, node: Node, target: Oid, typmod: i32, context: Context) -> Node {
        let span = node.span;
        self.becomes(target);
        match node.kind {
            NodeKind::Parameter(number) => {
                self.set_parameter_type(number, target, span);
                Node { ty: target, typmod: -1, kind: NodeKind::Parameter(number), span }
            }
            NodeKind::Constant(value) => {
                let (base, domain_typmod) = self.catalog.base_type(target);
                // PostgreSQL passes a type modifier to the input function only for `interval`.
                let input_typmod = match base {
                    oid::INTERVAL if base == target => typmod,
                    oid::INTERVAL => domain_typmod,
                    _ => -1,
                };
                if let Some(text) = &value
                    && let Err(Rejection { code, message }) =
                        constant::check(self.catalog, base, input_typmod, text)
                {
                    let mut diagnostic = Diagnostic::error(code, span, message);
                    let key = self.advice_at.iter().find(|(place, _)| *place == span);
                    diagnostic.hint = match key {
                        Some((_, advice)) => Some(advice.clone()),
                        None => self.literal_advice(code, base, text),
                    };
                    self.report(diagnostic);
                }
                Node { ty: target, typmod, kind: NodeKind::Constant(value), span }
            }
            NodeKind::Collate(arg, collation) => {
                let inner = self.coerce_unknown(*arg, target, typmod, context);
                Node { ty: target, typmod, kind: NodeKind::Collate(Box::new(inner), collation), span }
            }
            kind => {
                if self.catalog.pathway(target, oid::UNKNOWN, context) == Pathway::None {
                    let shown = self.catalog.display(target, -1);
                    let message = format!("failed to find conversion function from unknown to {shown}");
                    let hint = format!("cast the constant in the row: ROW(…, '…'::{shown})");
                    self.report(
                        Diagnostic::error(Code::UntypedField, Span::default(), message).with_hint(hint),
                    );
                    return Node::error(span);
                }
                let node = Node { ty: oid::UNKNOWN, typmod: -1, kind, span };
                Node {
                    ty: target,
                    typmod,
                    kind: NodeKind::Cast { arg: Box::new(node), function: None },
                    span,
                }
            }
        }
    }

    /// `coerce_to_boolean`.
    pub(super) fn coerce_to_boolean(&mut self, node: Node, construct: &str) -> Node {
        let (ty, span) = (node.ty, node.span);
        match self.try_coerce(node, oid::BOOL, -1, Context::Assignment) {
            Ok(node) => node,
            Err(_) => {
                let found = self.catalog.display(ty, -1);
                let message = format!("argument of {construct} must be type boolean, not type {found}");
                let operand = quotation::operand(span);
                let hint = match self.catalog.type_info(self.catalog.base_type(ty).0).category {
                    b'N' => format!("write a condition, such as {operand} <> 0"),
                    _ => format!("write a condition, such as {operand} IS NOT NULL"),
                };
                self.report(Diagnostic::error(Code::TypeMismatch, span, message).with_hint(hint));
                Node::error(span)
            }
        }
    }

    /// `coerce_to_specific_type`.
    pub(super) fn coerce_to_specific(&mut self, node: Node, target: Oid, construct: &str) -> Node {
        self.coerce_to_specific_typmod(node, target, -1, construct)
    }

    /// `coerce_to_specific_type_typmod`.
    pub(super) fn coerce_to_specific_typmod(
        &mut self,
        node: Node,
        target: Oid,
        typmod: i32,
        construct: &str,
    ) -> Node {
        let (ty, span) = (node.ty, node.span);
        match self.try_coerce(node, target, typmod, Context::Assignment) {
            Ok(node) => node,
            Err(_) => {
                let (wanted, found) = (self.catalog.display(target, -1), self.catalog.display(ty, -1));
                let message = format!("argument of {construct} must be type {wanted}, not type {found}");
                let hint = self.type_advice(ty, target, span);
                self.report(Diagnostic::error(Code::TypeMismatch, span, message).with_hint(hint));
                Node::error(span)
            }
        }
    }

    /// `select_common_type`: reports an error if the types have no common type.
    pub(super) fn common_type(&mut self, nodes: &[&Node], construct: &str) -> Oid {
        match common_type_of(self.catalog, nodes.iter().map(|node| (node.ty, node.span))) {
            Ok(found) => found,
            Err((left, right, span)) => {
                let hint = self.type_advice(right, left, span);
                let (left, right) = (self.catalog.display(left, -1), self.catalog.display(right, -1));
                let message = format!("{construct} types {left} and {right} cannot be matched");
                self.report(Diagnostic::error(Code::TypeMismatch, span, message).with_hint(hint));
                ERROR
            }
        }
    }

    /// `coerce_to_common_type`.
    pub(super) fn coerce_to_common(&mut self, node: Node, target: Oid, construct: &str) -> Node {
        if target == ERROR || node.ty == target {
            return node;
        }
        let (ty, span) = (node.ty, node.span);
        match self.try_coerce(node, target, -1, Context::Implicit) {
            Ok(node) => node,
            Err(_) => {
                let (from, to) = (self.catalog.display(ty, -1), self.catalog.display(target, -1));
                let message = format!("{construct} could not convert type {from} to {to}");
                self.report(Diagnostic::error(Code::CannotCast, span, message));
                Node::error(span)
            }
        }
    }

    /// Applies a cast that the user wrote.
    pub(super) fn explicit_cast(&mut self, node: Node, target: Oid, typmod: i32, location: Span) -> Node {
        let span = node.span;
        if node.is_error() || target == ERROR {
            return Node { ty: target, typmod, kind: NodeKind::Error, span };
        }
        let ty = node.ty;
        // A record can be cast to a composite type only if the query lists the fields of the record, or the record is a
        // whole row.
        let opaque_record = ty == oid::RECORD && self.catalog.is_complex(target);
        if opaque_record && let Some(fields) = fields_of(&node) {
            return self.coerce_row(location, fields, target, Context::Explicit);
        }
        let cast = if opaque_record {
            Err(Box::new(node))
        } else {
            self.try_coerce(node, target, typmod, Context::Explicit)
        };
        match cast {
            Ok(node) => node,
            Err(_) => {
                let (from, to) = (self.catalog.display(ty, -1), self.catalog.display(target, -1));
                let message = format!("cannot cast type {from} to {to}");
                let hint = self.cast_advice(ty, target, span);
                self.report(Diagnostic::error(Code::CannotCast, location, message).with_hint(hint));
                Node::error(span)
            }
        }
    }

    /// Coerces each field of a record to the type of the corresponding column, as `coerce_record_to_complex` does.
    fn coerce_row(&mut self, span: Span, fields: Vec<Node>, target: Oid, context: Context) -> Node {
        let columns = self.composite_columns(self.catalog.base_type(target).0);
        if columns.len() != fields.len() {
            let to = self.catalog.display(target, -1);
            let few = if fields.len() < columns.len() { "few" } else { "many" };
            let diagnostic =
                Diagnostic::error(Code::CannotCast, span, format!("cannot cast type record to {to}"))
                    .with_detail(format!("Input has too {few} columns."));
            self.report(diagnostic);
            return Node::error(span);
        }
        let fields = fields
            .into_iter()
            .zip(columns)
            .enumerate()
            .map(|(at, (field, column))| {
                let (ty, place) = (field.ty, field.span);
                if field.is_error() || column.ty == ERROR {
                    return field;
                }
                self.try_coerce(field, column.ty, column.typmod, context).unwrap_or_else(|_| {
                    let to = self.catalog.display(target, -1);
                    let (from, wanted) = (self.catalog.display(ty, -1), self.catalog.display(column.ty, -1));
                    let detail = format!("Cannot cast type {from} to {wanted} in column {}.", at + 1);
                    let message = format!("cannot cast type record to {to}");
                    // If the query does not contain a cast, the error points at the field.
                    let at = if context == Context::Explicit { span } else { place };
                    self.report(Diagnostic::error(Code::CannotCast, at, message).with_detail(detail));
                    Node::error(place)
                })
            })
            .collect();
        Node::new(target, NodeKind::Row(fields), span)
    }
}

/// Returns the fields of a row constructor, or of the whole row of an entry.
fn fields_of(node: &Node) -> Option<Vec<Node>> {
    match &node.kind {
        NodeKind::Row(fields) | NodeKind::JoinedRow { columns: fields, .. } => Some(fields.clone()),
        NodeKind::WholeRow { level, rte, columns } => {
            let field = |(column, (ty, typmod)): (usize, &(Oid, i32))| {
                let kind = NodeKind::Var(Var { level: *level, rte: *rte, column });
                Node { ty: *ty, typmod: *typmod, kind, span: node.span }
            };
            Some(columns.iter().enumerate().map(field).collect())
        }
        _ => None,
    }
}

/// Returns the check of a NOT NULL domain (`CoerceToDomain`), represented as a function that raises an error for NULL
/// and so never returns NULL.
fn domain_check() -> Rc<Callee> {
    Rc::new(Callee {
        name: String::new(),
        strict: false,
        null: NullContract::Always,
        set: false,
        volatile: false,
        immutable: true,
        columns: Vec::new(),
    })
}
