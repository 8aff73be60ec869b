//! Writes hints for an operator that does not fit its operands.
//!
//! Input: the operator, and the types of its operands. Output: one line of advice; if the spans of the operands are
//! known, the line quotes them from the query. The advice does not change whether the query is accepted.

use super::analyzer::Analyzer;
use super::catalog::Catalog;
use super::coercion::Context;
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::{quotation, suggestion};
use crate::source::Span;

/// The type of an operand, and its span if known.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) ty: Oid,
    pub(super) span: Option<Span>,
    /// The parameter's number, if the operand is a parameter.
    pub(super) parameter: Option<usize>,
}

/// The types that the advice suggests for a parameter, in the order in which they are tried.
const OF_PARAMETERS: [Oid; 7] =
    [oid::DATE, oid::TIMESTAMPTZ, oid::INT8, oid::NUMERIC, oid::TEXT, oid::BOOL, oid::JSONB];

impl Operand {
    /// Returns the operand as written, in parentheses unless the operand is a single word.
    fn text(self) -> String {
        self.span.map_or_else(|| "(…)".to_owned(), quotation::operand)
    }
}

impl Analyzer<'_> {
    /// Returns the advice: the cast after which the operator fits, the operator with the nearest name, or PostgreSQL's
    /// counterpart of an operator of another language.
    pub(super) fn operator_advice(&self, name: &str, left: Option<Operand>, right: Operand) -> String {
        let boolean = |operand: Operand| self.catalog.base_type(operand.ty).0 == oid::BOOL;
        match (name, left) {
            ("==" | "===", _) => return "write =".to_owned(),
            ("&&", Some(left)) if boolean(left) || boolean(right) => return "write AND".to_owned(),
            ("||", Some(left)) if boolean(left) || boolean(right) => return "write OR".to_owned(),
            ("!", None) => return format!("write NOT {}", right.text()),
            ("=<", _) => return "write <=".to_owned(),
            ("=!" | "!==", _) => return "write <>".to_owned(),
            ("@", None) => {
                let name = shown(right);
                return format!("a parameter is written ${name}, not @{name}");
            }
            ("?", None) => {
                let number = shown(right);
                return format!("a parameter is written ${number}, not ?{number}");
            }
            _ => {}
        }
        // `id =@id` has one operator, `=@`.
        if let Some(comparison) = name.strip_suffix('@').filter(|it| is_comparison(it)) {
            return format!("a parameter is written ${0}, not @{0}: write {comparison} ${0}", shown(right));
        }
        if builtin::operators(name).is_empty() {
            let known = ["=", "<>", "<=", ">=", "||", "->", "->>", "@>", "~", "!~", "~*"];
            return match suggestion::nearest(name, known) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => format!("PostgreSQL has no operator {name}"),
            };
        }
        left.and_then(|left| self.binary_advice(name, left, right))
            .unwrap_or_else(|| "no operator takes these types: cast one of them".to_owned())
    }

    fn binary_advice(&self, name: &str, left: Operand, right: Operand) -> Option<String> {
        let catalog = self.catalog;
        let (left_base, right_base) = (catalog.base_type(left.ty).0, catalog.base_type(right.ty).0);
        let is_string = |base: Oid| catalog.type_info(base).category == b'S' && base != oid::UNKNOWN;
        let is_number = |base: Oid| catalog.type_info(base).category == b'N';
        // Some columns of `pg_stats` are arrays of any element type (`anyarray`). Such a value must be cast to text
        // before a cast to an array of one type.
        let any = [(left, right), (right, left)].into_iter().find(|(any, _)| any.ty == oid::ANYARRAY);
        if let Some((any, other)) = any.filter(|(_, other)| catalog.element_type(other.ty).is_some()) {
            let array = catalog.display(other.ty, -1);
            return Some(format!("cast through text: {}::text::{array}", any.text()));
        }
        let is_time = |base: Oid| catalog.type_info(base).category == b'D' && base != oid::DATE;
        if catalog.element_type(right.ty).is_some_and(|element| fits(catalog, left_base, element)) {
            match name {
                "=" => {
                    return Some(format!(
                        "write {} = ANY ({}) to look into an array",
                        left.text(),
                        shown(right)
                    ));
                }
                "<>" => {
                    return Some(format!(
                        "write {} <> ALL ({}) to look into an array",
                        left.text(),
                        shown(right)
                    ));
                }
                _ => {}
            }
        }
        let is_text = |base: Oid| is_string(base) || base == oid::UNKNOWN;
        if name == "+" && is_text(left_base) && is_text(right_base) {
            return Some(format!("texts are joined by ||: {} || {}", left.text(), right.text()));
        }
        if matches!(name, "+" | "-") && is_time(left_base) && is_number(right_base) {
            let days = right.text();
            return Some(format!("add an interval: {} {name} {days} * interval '1 day'", left.text()));
        }
        if is_string(left_base) && matches!(name, "->" | "->>" | "#>" | "#>>" | "?" | "?|" | "?&" | "@?") {
            return Some(format!(
                "{name} takes json or jsonb: write {}::jsonb {name} {}, or declare the column jsonb",
                left.text(),
                right.text()
            ));
        }
        let is_array = |base: Oid| catalog.element_type(base).is_some();
        if is_array(left_base) && !is_array(right_base) && is_pattern(name) {
            return Some(format!("write {} = ANY ({}) to look into an array", right.text(), shown(left)));
        }
        if name == "="
            && catalog.element_type(left.ty).is_some_and(|element| fits(catalog, right_base, element))
        {
            return Some(format!("write {} = ANY ({}) to look into an array", right.text(), shown(left)));
        }
        if let ("=", Some(flag)) = (name, boolean_beside_number(catalog, left, right)) {
            return Some(format!("a boolean is a condition by itself: write {0}, or NOT {0}", flag.text()));
        }
        let is_date = |base: Oid| base == oid::DATE || is_time(base);
        if is_comparison(name) && is_date(left_base) && is_number(right_base) {
            return Some("a date is written in quotes: '2026-12-31'".to_owned());
        }
        if is_comparison(name) && is_time(left_base) && right_base == oid::INTERVAL {
            return Some(
                "the difference of two times is an interval: if a number of days is subtracted, write now() - $days * interval '1 day'"
                    .to_owned(),
            );
        }
        // `LIKE` and related operators take `text`.
        if is_pattern(name) {
            let other = if is_string(left_base) { right } else { left };
            return Some(format!("the operator compares text: write {}::text", other.text()));
        }
        let cast = |operand: Operand, to: Oid| {
            let works = builtin::operators(name).iter().any(|found| (found.left, found.right) == (to, to));
            let to_text = catalog.display(to, -1);
            let castable = to != oid::UNKNOWN && catalog.can_coerce(&[operand.ty], &[to], Context::Explicit);
            (works && castable).then(|| format!("{}::{to_text}", operand.text()))
        };
        let (right_as_left, left_as_right) = (cast(right, left_base), cast(left, right_base));
        match (left_as_right, right_as_left) {
            (Some(one), Some(other)) if is_string(left_base) => {
                Some(format!("cast one side: {one} or {other}"))
            }
            (Some(one), Some(other)) => Some(format!("cast one side: {other} or {one}")),
            (Some(one), None) | (None, Some(one)) => Some(format!("cast one side: {one}")),
            (None, None) if left_base == oid::UNKNOWN || right_base == oid::UNKNOWN => None,
            (None, None) => Some(self.parameter_advice(name, left, right).unwrap_or_else(|| {
                let (right, left) = (catalog.display(right.ty, -1), catalog.display(left.ty, -1));
                format!("no cast from {right} to {left} exists: check the column or the value")
            })),
        }
    }

    /// Returns the advice for a parameter if an earlier use of the parameter has determined a type that this operator
    /// does not accept; the advice suggests a type that fits.
    fn parameter_advice(&self, name: &str, left: Operand, right: Operand) -> Option<String> {
        let catalog = self.catalog;
        let takes = |left: Oid, right: Oid| {
            builtin::operators(name).iter().any(|found| (found.left, found.right) == (left, right))
        };
        let (operand, fitting) = match (left.parameter, right.parameter) {
            (Some(_), _) => (left, OF_PARAMETERS.into_iter().find(|ty| takes(*ty, right.ty))),
            (None, _) => (right, OF_PARAMETERS.into_iter().find(|ty| takes(left.ty, *ty))),
        };
        let parameter = self.parameters.get(operand.parameter?.checked_sub(1)?)?;
        let (shown, fitting) = (operand.text(), catalog.display(fitting?, -1));
        let why = match parameter.typed_by {
            Some(place) => format!("because of {}", quotation::written(place)),
            None => "because of its first use".to_owned(),
        };
        let ty = catalog.display(operand.ty, -1);
        Some(format!("{shown} is of type {ty} {why}: write {shown}::{fitting} there"))
    }
}

/// Whether the operator compares a string with a pattern.
fn is_pattern(name: &str) -> bool {
    matches!(name, "~~" | "!~~" | "~~*" | "!~~*" | "~" | "~*" | "!~" | "!~*")
}

fn is_comparison(name: &str) -> bool {
    matches!(name, "=" | "<>" | "<" | ">" | "<=" | ">=")
}

/// If one operand is a boolean and the other is a number, returns the boolean operand.
fn boolean_beside_number(catalog: Catalog<'_>, left: Operand, right: Operand) -> Option<Operand> {
    let is = |operand: Operand, category: u8| {
        catalog.type_info(catalog.base_type(operand.ty).0).category == category
    };
    match (is(left, b'B') && is(right, b'N'), is(left, b'N') && is(right, b'B')) {
        (true, _) => Some(left),
        (_, true) => Some(right),
        _ => None,
    }
}

/// Returns the operand as written, for advice that already puts parentheses around the operand.
fn shown(operand: Operand) -> String {
    operand.span.map_or_else(|| "…".to_owned(), quotation::written)
}

fn fits(catalog: Catalog<'_>, left: Oid, element: Oid) -> bool {
    left == element || catalog.can_coerce(&[left], &[element], Context::Implicit)
}
