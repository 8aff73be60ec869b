//! Assigns a value to a part of a column, `a[1]` or `a.f`: `transformAssignmentIndirection`.
//!
//! Input: the column, the steps from the column to the part (fields and subscripts), and the value. Output: the value,
//! coerced to the type of the part. For `names[$1] = $2` with `names text[]`, `$1` becomes an `integer` and `$2` a
//! `text`.

use super::analyzer::Analyzer;
use super::coercion::Context;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, RteColumn};
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Indirection, Name, TargetColumn};

/// The part of the assigned column that the steps before the current step select. A step is a field, or a group of
/// subscripts.
struct Part<'t> {
    ty: Oid,
    typmod: i32,
    /// The name of the last field in the steps so far, or the name of the column if no step so far is a field.
    name: &'t str,
    is_subscripted: bool,
    /// The span of the value to which the next subscript applies; empty if PostgreSQL does not record this location.
    span: Span,
}

impl Analyzer<'_> {
    pub(super) fn assign_part(
        &mut self,
        scope: &Scope<'_>,
        written: &TargetColumn,
        column: &RteColumn,
        node: Node,
        place: Place,
    ) -> Node {
        let span = node.span;
        let base = if place == Place::InsertTarget { Span::default() } else { written.name.span };
        let name = written.name.text.as_str();
        let part = Part { ty: column.ty, typmod: column.typmod, name, is_subscripted: false, span: base };
        let Some(part) = scope.at(place, || self.part(scope, written, part)) else {
            return self.unknown_to_error(node);
        };
        let found = node.ty;
        self.try_coerce(node, part.ty, part.typmod, Context::Assignment).unwrap_or_else(|_| {
            let (wanted, shown) = (self.catalog.display(part.ty, -1), self.catalog.display(found, -1));
            let Part { name, ty, .. } = part;
            let message = if part.is_subscripted {
                format!(
                    "subscripted assignment to \"{name}\" requires type {wanted} but expression is of type {shown}"
                )
            } else {
                format!("subfield \"{name}\" is of type {wanted} but expression is of type {shown}")
            };
            let hint = self.type_advice(found, ty, span);
            // PostgreSQL's error points at the name of the column, not at the value.
            self.report(Diagnostic::error(Code::TypeMismatch, written.name.span, message).with_hint(hint));
            Node::error(span)
        })
    }

    /// Analyzes all steps of the target; reports a step that does not exist.
    fn part<'t>(
        &mut self,
        scope: &Scope<'_>,
        written: &'t TargetColumn,
        mut part: Part<'t>,
    ) -> Option<Part<'t>> {
        let mut steps = written.indirection.as_slice();
        while let Some((first, rest)) = steps.split_first() {
            let (base, base_typmod) = self.catalog.base_type(part.ty);
            match first {
                Indirection::Field(field) => {
                    let found = self.assigned_field(&part, base, field, written.name.span)?;
                    (part.ty, part.typmod) = (found.ty, found.typmod);
                    (part.name, part.is_subscripted) = (&field.text, false);
                    steps = rest;
                }
                Indirection::Star(_) => {
                    let message = "row expansion via \"*\" is not supported here";
                    self.report(Diagnostic::error(Code::FeatureNotSupported, written.name.span, message));
                    return None;
                }
                Indirection::Index(_) | Indirection::Slice(..) => {
                    let is_subscript =
                        |step: &Indirection| matches!(step, Indirection::Index(_) | Indirection::Slice(..));
                    let count = steps.iter().take_while(|step| is_subscript(step)).count();
                    let (subscripts, rest) = steps.split_at_checked(count)?;
                    let (ty, _) = self.subscripts(scope, part.ty, part.span, subscripts)?;
                    // An array's type modifier applies to each of its elements.
                    let typmod = if base == part.ty { part.typmod } else { base_typmod };
                    (part.ty, part.typmod, part.is_subscripted) = (ty, typmod, true);
                    steps = rest;
                }
            }
            part.span = Span::default();
        }
        Some(part)
    }

    fn assigned_field(&mut self, part: &Part<'_>, base: Oid, field: &Name, span: Span) -> Option<RteColumn> {
        let target = format!("cannot assign to field \"{}\" of column \"{}\"", field.text, part.name);
        let shown = self.catalog.display(part.ty, -1);
        if !self.catalog.is_complex(base) {
            let message = format!("{target} because its type {shown} is not a composite type");
            self.report(Diagnostic::error(Code::TypeMismatch, span, message));
            return None;
        }
        let found = self.composite_columns(base).into_iter().find(|column| column.name == field.text);
        if found.is_none() {
            let message = format!("{target} because there is no such column in data type {shown}");
            self.report(Diagnostic::error(Code::UnknownColumn, span, message));
        }
        found
    }
}
