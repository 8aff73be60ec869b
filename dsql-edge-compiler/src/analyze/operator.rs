//! Analyzes operators: `parse_oper.c`.
//!
//! Input: an operator's name and its typed operands. Output: a call of the operator's function, or PostgreSQL's error,
//! with a hint that contains a cast to fix the error.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::coercion::Context;
use super::operator_advice::Operand;
use super::overload::{self, Choice};
use super::tree::{Callee, Node, NodeKind};
use crate::builtin::{self, CoercionContext, CoercionMethod, Oid, Operator, TypeKind, oid};
use crate::diagnostic::{Code, Diagnostic, quotation};
use crate::source::Span;
use crate::syntax::ast;
use std::rc::Rc;

impl Analyzer<'_> {
    /// Analyzes `left op right`, or a prefix operator, as written in the query.
    pub(super) fn operator(
        &mut self,
        written: &ast::Operator,
        left: Option<Node>,
        right: Node,
        span: Span,
    ) -> Node {
        let node = self.make_operator(written, left, right, span);
        self.warn_null_comparison(&written.name, &node, span);
        node
    }

    /// `make_op`
    pub(super) fn make_operator(
        &mut self,
        written: &ast::Operator,
        left: Option<Node>,
        right: Node,
        span: Span,
    ) -> Node {
        let operands: Vec<Oid> = left.iter().map(|node| node.ty).chain([right.ty]).collect();
        if operands.contains(&ERROR) {
            // One operand has an error. If the other operand is an untyped parameter, its missing type must not be
            // reported as a second error.
            left.into_iter().chain([right]).for_each(|operand| drop(self.unknown_to_error(operand)));
            return Node::error(span);
        }
        let Some(found) = self.find_operator(written, left.as_ref().map(operand), operand(&right)) else {
            return Node::error(span);
        };
        let (left_type, right_type, result) = match self.operator_types(&found, &operands) {
            Ok(types) => types,
            Err(message) => {
                self.report_polymorphism(message, written.location);
                return Node::error(span);
            }
        };
        for operand in left.iter().chain([&right]) {
            self.note_operator(operand, span);
        }
        let mut args = Vec::with_capacity(2);
        if let Some(left) = left {
            args.push(self.coerce(left, left_type, -1, Context::Implicit));
        }
        args.push(self.coerce(right, right_type, -1, Context::Implicit));
        let function = self.callee_of(&found);
        Node::new(result, NodeKind::Call { function, args }, span)
    }

    /// Reports the message that the module `polymorphic` returned.
    pub(super) fn report_polymorphism(&mut self, message: String, location: Span) {
        let no_array = message.starts_with("could not find array type");
        let code = if no_array { Code::UnknownObject } else { Code::TypeMismatch };
        self.report(Diagnostic::error(code, location, message));
    }

    /// Warns about `= NULL` and `<> NULL`, which are never true.
    fn warn_null_comparison(&mut self, name: &str, node: &Node, span: Span) {
        let NodeKind::Call { function, args } = &node.kind else { return };
        let null = args.iter().any(|arg| matches!(arg.kind, NodeKind::Constant(None)));
        if !null || node.ty != oid::BOOL || !function.strict || args.len() != 2 {
            return;
        }
        let value = args.iter().find(|arg| !matches!(arg.kind, NodeKind::Constant(None)));
        let value = value.map_or_else(|| "NULL".to_owned(), |value| quotation::operand(value.span));
        let advice = match name {
            "=" => format!("write {value} IS NULL"),
            "<>" => format!("write {value} IS NOT NULL"),
            _ => return,
        };
        let message = format!("a comparison with NULL by {name} is never true");
        self.report(Diagnostic::warning(Code::ComparesWithNull, span, message).with_hint(advice));
    }

    /// Returns the types of the two operands and of the result, as the operator declares them; polymorphic types are
    /// replaced by the types that `operands` determine.
    pub(super) fn operator_types(
        &self,
        found: &Operator,
        operands: &[Oid],
    ) -> Result<(Oid, Oid, Oid), String> {
        let declared: Vec<Oid> =
            if found.left == 0 { vec![found.right] } else { vec![found.left, found.right] };
        let types = super::polymorphic::resolve(self.catalog, operands, &declared, found.result)?;
        let (args, result) = (types.args, types.returns);
        Ok((args[0], args[args.len() - 1], result))
    }

    /// `oper` and `left_oper`: reports an operator that does not exist or is ambiguous.
    pub(super) fn find_operator(
        &mut self,
        written: &ast::Operator,
        left: Option<Operand>,
        right: Operand,
    ) -> Option<Operator> {
        let schema = written.schema.as_ref().map(|schema| schema.text.as_str());
        let known = schema.is_none_or(|schema| schema == "pg_catalog");
        let mut candidates: Vec<Operator> = if known {
            builtin::operators(&written.name)
                .iter()
                .copied()
                .filter(|found| (found.left == 0) == left.is_none())
                .collect()
        } else {
            Vec::new()
        };
        let own = self.own_operators(written);
        candidates.extend(own.filter(|found| (found.left == 0) == left.is_none()));
        let found = match left {
            Some(left) => self.binary(&candidates, left.ty, right.ty),
            None => self.prefix(&candidates, right.ty),
        };
        match found {
            Ok(found) => Some(found),
            Err(ambiguous) => {
                self.report_operator(written, left, right, ambiguous);
                None
            }
        }
    }

    /// `binary_oper_exact`, then the choice among candidates. The error value is `true` if the choice is ambiguous, and
    /// `false` if no candidate fits.
    fn binary(&self, candidates: &[Operator], left: Oid, right: Oid) -> Result<Operator, bool> {
        let exact = |left: Oid, right: Oid| {
            candidates.iter().find(|found| (found.left, found.right) == (left, right)).copied()
        };
        // An unknown operand is assumed to have the other operand's type.
        let (guessed_left, guessed_right, unknown) = match (left, right) {
            (oid::UNKNOWN, right) => (right, right, right != oid::UNKNOWN),
            (left, oid::UNKNOWN) => (left, left, true),
            both => (both.0, both.1, false),
        };
        if let Some(found) = exact(guessed_left, guessed_right) {
            return Ok(found);
        }
        if unknown {
            let base = self.catalog.base_type(guessed_left).0;
            if base != guessed_left
                && let Some(found) = exact(base, base)
            {
                return Ok(found);
            }
        }
        let declared: Vec<[Oid; 2]> = candidates.iter().map(|found| [found.left, found.right]).collect();
        let declared: Vec<&[Oid]> = declared.iter().map(|types| types.as_slice()).collect();
        // `oper_select_candidate` uses the operands' own types: it does not assume that an unknown operand has the
        // other operand's type.
        match overload::choose(self.catalog, &[left, right], &declared) {
            Choice::One(at) => Ok(candidates[at]),
            Choice::None => Err(false),
            Choice::Ambiguous => Err(true),
        }
    }

    fn prefix(&self, candidates: &[Operator], right: Oid) -> Result<Operator, bool> {
        if let Some(found) = candidates.iter().find(|found| found.right == right) {
            return Ok(*found);
        }
        let declared: Vec<[Oid; 1]> = candidates.iter().map(|found| [found.right]).collect();
        let declared: Vec<&[Oid]> = declared.iter().map(|types| types.as_slice()).collect();
        match overload::choose(self.catalog, &[right], &declared) {
            Choice::One(at) => Ok(candidates[at]),
            Choice::None => Err(false),
            Choice::Ambiguous => Err(true),
        }
    }

    /// `op_error`.
    fn report_operator(
        &mut self,
        written: &ast::Operator,
        left: Option<Operand>,
        right: Operand,
        ambiguous: bool,
    ) {
        let name = match &written.schema {
            Some(schema) => format!("{}.{}", schema.text, written.name),
            None => written.name.clone(),
        };
        let right_name = self.catalog.display(right.ty, -1);
        let signature = match left {
            Some(left) => format!("{} {name} {right_name}", self.catalog.display(left.ty, -1)),
            None => format!("{name} {right_name}"),
        };
        if ambiguous {
            let message = format!("operator is not unique: {signature}");
            let hint = match (written.name.as_str(), left) {
                ("+", Some(left)) if left.ty == oid::UNKNOWN && right.ty == oid::UNKNOWN => {
                    "texts are joined by ||; a number needs its type: $x::integer"
                }
                ("+" | "-", Some(left)) if self.is_date_beside_parameter(left, right) => {
                    let parameter = if left.parameter.is_some() { left } else { right };
                    let shown = parameter.span.map_or_else(|| "$days".to_owned(), quotation::written);
                    &format!(
                        "name the type: {shown}::integer for a number of days, or {shown} * interval '1 day'"
                    )
                }
                _ => "Could not choose a best candidate operator. You might need to add explicit type casts.",
            };
            self.report(
                Diagnostic::error(Code::AmbiguousFunction, written.location, message).with_hint(hint),
            );
            return;
        }
        let message = format!("operator does not exist: {signature}");
        let hint = self.operator_advice(&written.name, left, right);
        self.report(Diagnostic::error(Code::UnknownOperator, written.location, message).with_hint(hint));
    }

    /// Whether one operand is a date, and the other a parameter whose type is not known.
    fn is_date_beside_parameter(&self, left: Operand, right: Operand) -> bool {
        let is_date = |operand: Operand| self.catalog.base_type(operand.ty).0 == oid::DATE;
        let is_untyped = |operand: Operand| operand.ty == oid::UNKNOWN && operand.parameter.is_some();
        is_date(left) && is_untyped(right) || is_untyped(left) && is_date(right)
    }

    /// `make_scalar_array_op`.
    pub(super) fn array_operator(
        &mut self,
        written: &ast::Operator,
        left: Node,
        right: Node,
        all: bool,
        span: Span,
    ) -> Node {
        if left.is_error() || right.is_error() {
            return Node { ty: oid::BOOL, typmod: -1, kind: NodeKind::Error, span };
        }
        let element = if right.ty == oid::UNKNOWN {
            oid::UNKNOWN
        } else {
            match self.catalog.element_type(right.ty) {
                Some(element) => element,
                None => {
                    let message = "op ANY/ALL (array) requires array on right side";
                    let hint = format!(
                        "the right side is {}; compare with =, or pass an array",
                        self.catalog.display(right.ty, -1)
                    );
                    self.report(
                        Diagnostic::error(Code::WrongObjectType, written.location, message).with_hint(hint),
                    );
                    return Node::error(span);
                }
            }
        };
        let Some(found) = self.find_operator(
            written,
            Some(operand(&left)),
            Operand { ty: element, span: None, parameter: None },
        ) else {
            return Node::error(span);
        };
        let (left_type, right_type, result) = match self.operator_types(&found, &[left.ty, element]) {
            Ok(types) => types,
            Err(message) => {
                self.report_polymorphism(message, written.location);
                return Node::error(span);
            }
        };
        if result != oid::BOOL {
            let message = "op ANY/ALL (array) requires operator to yield boolean";
            self.report(Diagnostic::error(Code::WrongObjectType, written.location, message));
            return Node::error(span);
        }
        // The array operand of a polymorphic operator keeps its type, unless the type of the element is unknown.
        let polymorphic = super::coercion::is_polymorphic(found.right) && element != oid::UNKNOWN;
        let array_type = if polymorphic || super::coercion::is_polymorphic(right_type) {
            right.ty
        } else {
            match self.catalog.array_type(right_type) {
                Some(array) => array,
                None => {
                    let name = self.catalog.display(right_type, -1);
                    let message = format!("could not find array type for data type {name}");
                    self.report(Diagnostic::error(Code::UnknownObject, written.location, message));
                    return Node::error(span);
                }
            }
        };
        let left = self.coerce(left, left_type, -1, Context::Implicit);
        let right = self.coerce(right, array_type, -1, Context::Implicit);
        self.used_by_element(&right);
        let kind = NodeKind::ArrayComparison {
            function: self.callee_of(&found),
            left: Box::new(left),
            right: Box::new(right),
            all,
        };
        Node::new(oid::BOOL, kind, span)
    }

    /// Whether the type has a sort order, as `ORDER BY` and `GREATEST` require.
    pub(super) fn has_order(&mut self, ty: Oid) -> bool {
        let base = self.catalog.base_type(ty).0;
        let info = self.catalog.type_info(base);
        if info.kind == TypeKind::Composite {
            return self.has_comparable_fields(base, true);
        }
        if matches!(info.kind, TypeKind::Enum | TypeKind::Range | TypeKind::Multirange)
            || matches!(base, oid::RECORD | oid::UNKNOWN | ERROR)
        {
            return true;
        }
        if info.is_array {
            return self.has_order(info.elem);
        }
        // `varchar` sorts as `text`; `regclass` and related types sort as `oid`: `GetDefaultOpClass`.
        let relabelled = builtin::casts_from(base).any(|cast| {
            cast.method == CoercionMethod::Binary
                && cast.context == CoercionContext::Implicit
                && builtin::operators("<")
                    .iter()
                    .any(|found| (found.left, found.right) == (cast.target, cast.target))
        });
        relabelled
            || self.has_own_order(base)
            || builtin::operators("<")
                .iter()
                .any(|found| (found.left, found.right) == (base, base) && found.function_name != "xid_lt")
                && !matches!(
                    base,
                    oid::POINT | oid::LSEG | oid::PATH | oid::BOX | oid::POLYGON | oid::LINE | oid::CIRCLE
                )
    }

    /// Whether rows of a type are comparable, that is, whether all their fields are: `cache_record_field_properties`.
    fn has_comparable_fields(&mut self, ty: Oid, ordered: bool) -> bool {
        // If a field is an array of the same row type, only the other fields decide: otherwise, this function would
        // call itself for the same type without end.
        if self.comparing.contains(&ty) {
            return true;
        }
        self.comparing.push(ty);
        let columns = self.composite_columns(ty);
        let fine = columns.iter().all(|column| {
            column.ty == ERROR
                || if ordered { self.has_order(column.ty) } else { self.has_equality(column.ty) }
        });
        self.comparing.pop();
        fine
    }

    /// Whether the type has equality, as `DISTINCT`, `GROUP BY` and set operations require.
    pub(super) fn has_equality(&mut self, ty: Oid) -> bool {
        let base = self.catalog.base_type(ty).0;
        if self.catalog.type_info(base).kind == TypeKind::Composite {
            return self.has_comparable_fields(base, false);
        }
        self.has_order(ty) || matches!(base, oid::XID | oid::CID | oid::XID8 | oid::ACLITEM)
    }
}

impl Analyzer<'_> {
    /// Returns the function of an operator, with the properties of its result.
    pub(super) fn callee_of(&mut self, found: &Operator) -> Rc<Callee> {
        // The function of a schema's operator may do anything.
        if found.oid == 0 || found.function_volatility.is_volatile() {
            self.calls_unknown();
        }
        // Callees are compared by name, so the function of a schema's operator gets a name that no other function has.
        let name = match found.oid {
            0 => format!(".{}", found.function),
            _ => found.function_name.to_owned(),
        };
        Rc::new(Callee {
            name,
            strict: found.function_strict,
            null: found.null,
            set: found.function_retset,
            volatile: found.function_volatility.is_volatile(),
            immutable: found.function_volatility.is_immutable(),
            columns: Vec::new(),
        })
    }
}

/// Returns a node as an operand that advice may quote.
pub(super) fn operand(node: &Node) -> Operand {
    let parameter = match node.kind {
        NodeKind::Parameter(number) => Some(number),
        _ => None,
    };
    Operand { ty: node.ty, span: Some(node.span), parameter }
}
