//! Reports an expression, of an index or of a generated column, that is not immutable: the result of a part of the
//! expression does not depend only on the part's arguments (`contain_mutable_functions`).
//!
//! Input: the analyzed expression of a definition. Output: PostgreSQL's error. PostgreSQL plans the expression first
//! and replaces a call of a function in SQL by the function's body, so the declaration of such a function does not
//! determine whether PostgreSQL accepts the expression. Therefore a function, an operator or a cast of the schema is
//! not reported.

use super::analyzer::Analyzer;
use super::catalog::Catalog;
use super::coercion::{Context, Pathway};
use super::tree::{Callee, Node, NodeKind};
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::UserTypeKind;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::visit::{self, Visit};

/// PostgreSQL's stable functions in SQL whose bodies convert an argument to text, and otherwise call only immutable
/// functions.
const CONVERT_TO_TEXT: [&str; 4] = ["anytextcat", "textanycat", "quote_literal", "quote_nullable"];

/// The definition that contains the expression.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Immutable {
    IndexExpression,
    IndexPredicate,
    GeneratedColumn,
}

impl Immutable {
    fn message(self) -> &'static str {
        match self {
            Immutable::IndexExpression => "functions in index expression must be marked IMMUTABLE",
            Immutable::IndexPredicate => "functions in index predicate must be marked IMMUTABLE",
            Immutable::GeneratedColumn => "generation expression is not immutable",
        }
    }
}

/// A part of an expression whose result does not depend only on its arguments.
struct Mutable {
    span: Span,
    /// Whether the part converts a `timestamptz` by the time zone of the session.
    uses_time_zone: bool,
}

impl Analyzer<'_> {
    /// Reports the first part of the expression that is not immutable, unless the definition already has an error.
    pub(super) fn must_be_immutable(&mut self, expr: &Expr, node: &Node, of: Immutable) {
        if self.diagnostics.has_errors() {
            return;
        }
        let found = mutable_call(self.catalog, node)
            .or_else(|| Some(Mutable { span: first_value_function(expr)?, uses_time_zone: false }));
        let Some(found) = found else { return };
        let hint = match of {
            _ if found.uses_time_zone => {
                "the result depends on the time zone of the session: name the time zone, as in \
                 (created_at AT TIME ZONE 'UTC')::date"
            }
            Immutable::GeneratedColumn => {
                "use only functions whose result depends on nothing but their arguments; or make it a plain column, \
                 and let each INSERT and UPDATE set its value"
            }
            _ => {
                "use only functions whose result depends on nothing but their arguments: compute the value when the row \
                 is written, and store it"
            }
        };
        self.report(Diagnostic::error(Code::InvalidDefinition, found.span, of.message()).with_hint(hint));
    }
}

fn mutable_call(catalog: Catalog<'_>, node: &Node) -> Option<Mutable> {
    let is_mutable = match &node.kind {
        NodeKind::Call { function, args } if CONVERT_TO_TEXT.contains(&function.name.as_str()) => {
            args.iter().any(|arg| is_text_mutable(catalog, arg.ty))
        }
        NodeKind::Call { function, .. } | NodeKind::ArrayComparison { function, .. } => {
            is_mutable_builtin(function)
        }
        NodeKind::Cast { arg, function } => {
            function.as_deref().is_some_and(is_mutable_builtin)
                || is_converted_by_session(catalog, arg.ty, node.ty)
        }
        _ => false,
    };
    if is_mutable {
        let converts = |args: &[Node]| args.len() == 1 && args.iter().all(|arg| arg.ty == oid::TIMESTAMPTZ);
        let to_other = matches!(node.ty, oid::DATE | oid::TIMESTAMP | oid::TIME);
        let uses_time_zone = to_other
            && match &node.kind {
                NodeKind::Call { args, .. } => converts(args),
                NodeKind::Cast { arg, .. } => converts(std::slice::from_ref(arg)),
                _ => false,
            };
        return Some(Mutable { span: node.span, uses_time_zone });
    }
    let mut found = None;
    node.children(&mut |child| found = found.take().or_else(|| mutable_call(catalog, child)));
    found
}

/// Whether a function of PostgreSQL is stable or volatile. The name of a function of the schema contains a dot, or is
/// empty.
fn is_mutable_builtin(function: &Callee) -> bool {
    !function.immutable && !function.name.is_empty() && !function.name.contains('.')
}

/// Whether a cast converts the value to text and back (`CoerceViaIO`), and one of these conversions is not immutable.
fn is_converted_by_session(catalog: Catalog<'_>, from: Oid, to: Oid) -> bool {
    let is_via_text = catalog.pathway(to, from, Context::Explicit) == Pathway::ViaIo;
    is_via_text && (is_text_mutable(catalog, from) || is_conversion_mutable(catalog, to, ["in", "_in"]))
}

/// Whether the output function of a type is not immutable: the text of a date depends on the setting `DateStyle`.
fn is_text_mutable(catalog: Catalog<'_>, ty: Oid) -> bool {
    is_conversion_mutable(catalog, ty, ["out", "_out"])
}

fn is_conversion_mutable(catalog: Catalog<'_>, ty: Oid, suffixes: [&str; 2]) -> bool {
    let (base, _) = catalog.base_type(ty);
    if let Some(kind) = catalog.user_kind(base) {
        return !matches!(kind, UserTypeKind::Base { .. } | UserTypeKind::Domain { .. });
    }
    if catalog.element_type(base).is_some() || Catalog::relation_of(base).is_some() {
        return true;
    }
    let name = catalog.type_info(base).name;
    suffixes.iter().any(|suffix| {
        let mut functions = builtin::functions(&format!("{name}{suffix}"));
        functions.any(|function| !function.volatility.is_immutable())
    })
}

/// Returns the span of the first `CURRENT_DATE`, `CURRENT_USER` or similar word in an expression.
fn first_value_function(expr: &Expr) -> Option<Span> {
    struct First(Option<Span>);
    impl Visit<'_> for First {
        fn expr(&mut self, expr: &Expr) {
            if matches!(expr.kind, ExprKind::ValueFunction { .. }) {
                self.0.get_or_insert(expr.span);
            }
        }
    }
    let mut first = First(None);
    visit::expr(expr, &mut first);
    first.0
}
