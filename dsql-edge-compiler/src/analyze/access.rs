//! Analyzes names and parts: column references, subscripts, fields of composite values.

use super::analyzer::Analyzer;
use super::coercion::Context;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Indirection, Name};

impl Analyzer<'_> {
    /// `transformColumnRef`.
    pub(super) fn column_reference(&mut self, scope: &Scope<'_>, parts: &[Name]) -> Node {
        match parts {
            [name] => match self.column(scope, name) {
                Some(node) => node,
                None => self.whole_row_or_missing(scope, name),
            },
            [table, column] => self.qualified_column(scope, None, table, column),
            [schema, table, column] => self.qualified_column(scope, Some(schema), table, column),
            [_, schema, table, column] => self.qualified_column(scope, Some(schema), table, column),
            _ => {
                let span = parts.first().map_or_else(Span::default, |name| name.span);
                let names: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                let message = format!("improper qualified name (too many dotted names): {}", names.join("."));
                self.report(Diagnostic::error(Code::SyntaxError, span, message));
                Node::error(span)
            }
        }
    }

    pub(super) fn relation_in_reach(&self, scope: &Scope<'_>, schema: Option<&Name>, table: &Name) -> bool {
        let mut at = Some(scope);
        while let Some(current) = at {
            let found = current.namespace.iter().any(|item| {
                item.relation_visible
                    && item.name == table.text
                    && schema.is_none_or(|schema| item.schema.as_deref() == Some(&schema.text))
            });
            if found {
                return true;
            }
            at = current.parent;
        }
        false
    }

    /// Returns the whole row of the table that `name` refers to. If no visible table has this name, reports an unknown
    /// column.
    pub(super) fn whole_row_or_missing(&mut self, scope: &Scope<'_>, name: &Name) -> Node {
        if !self.relation_in_reach(scope, None, name) {
            return self.missing_column(scope, name);
        }
        match self.find_relation(scope, None, name, name.span) {
            Some((level, item)) => self.whole_row(&item, level, name.span),
            None => Node::error(name.span),
        }
    }

    /// `t.*` where an expression is expected: the whole row. `t` without `.*` also means the whole row, if no column is
    /// named `t`.
    pub(super) fn starred_row(&mut self, scope: &Scope<'_>, parts: &[Name], span: Span) -> Node {
        let (schema, table) = match parts {
            [] => {
                let message = "row expansion via \"*\" is not supported here";
                self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
                return Node::error(span);
            }
            [table] => (None, table),
            [.., schema, table] => (Some(schema), table),
        };
        match self.find_relation(scope, schema, table, span) {
            Some((level, item)) => self.whole_row(&item, level, span),
            None => Node::error(span),
        }
    }

    /// `transformIndirection`.
    pub(super) fn indirection(
        &mut self,
        scope: &Scope<'_>,
        mut node: Node,
        steps: &[Indirection],
        span: Span,
    ) -> Node {
        let mut at = 0;
        let first = node.span;
        while let Some(step) = steps.get(at) {
            if node.is_error() {
                return Node::error(span);
            }
            node = match step {
                Indirection::Field(name) => {
                    at += 1;
                    self.field(scope, node, name, span)
                }
                Indirection::Star(star) => {
                    let message = "row expansion via \"*\" is not supported here";
                    let place = Span { start: first.start, end: star.end };
                    self.report(Diagnostic::error(Code::FeatureNotSupported, place, message));
                    return Node::error(span);
                }
                Indirection::Index(_) | Indirection::Slice(..) => {
                    let end = steps[at..]
                        .iter()
                        .position(|step| !matches!(step, Indirection::Index(_) | Indirection::Slice(..)))
                        .map_or(steps.len(), |length| at + length);
                    let subscripts = &steps[at..end];
                    at = end;
                    self.subscript(scope, node, subscripts, span)
                }
            };
        }
        node
    }

    /// Analyzes a subscript or a slice of a value.
    fn subscript(&mut self, scope: &Scope<'_>, node: Node, subscripts: &[Indirection], span: Span) -> Node {
        let Some((ty, subscripts)) = self.subscripts(scope, node.ty, node.span, subscripts) else {
            return Node::error(span);
        };
        let parts = std::iter::once(node).chain(subscripts).collect();
        Node::new(ty, NodeKind::Subscript(parts), span)
    }

    /// `transformContainerSubscripts`: returns the type of the part, and the typed subscripts. `at` is the span of the
    /// array or `jsonb` value whose part is read.
    pub(super) fn subscripts(
        &mut self,
        scope: &Scope<'_>,
        ty: Oid,
        at: Span,
        subscripts: &[Indirection],
    ) -> Option<(Oid, Vec<Node>)> {
        let (container, _) = self.catalog.base_type(ty);
        let slice = subscripts.iter().any(|it| matches!(it, Indirection::Slice(..)));
        let info = self.catalog.type_info(container);
        let json = container == oid::JSONB;
        if !json && info.elem == 0 {
            let shown = self.catalog.display(container, -1);
            let message = format!("cannot subscript type {shown} because it does not support subscripting");
            let mut diagnostic = Diagnostic::error(Code::TypeMismatch, at, message);
            if container == oid::UNKNOWN {
                let hint = "write the type of the array: ($values::text[])[1]; or index it in Rust, and pass the element";
                diagnostic = diagnostic.with_hint(hint);
            }
            self.report(diagnostic);
            return None;
        }
        let mut parts = Vec::new();
        for subscript in subscripts {
            if json && self.is_slice_of_jsonb(subscript) {
                return None;
            }
            let bounds: Vec<&Expr> = match subscript {
                Indirection::Index(index) => vec![index],
                Indirection::Slice(low, high) => low.iter().chain(high).map(|it| &**it).collect(),
                _ => Vec::new(),
            };
            for bound in bounds {
                parts.extend(self.bound(scope, bound, json));
            }
        }
        let part = if json {
            oid::JSONB
        } else if slice {
            container
        } else {
            info.elem
        };
        Some((part, parts))
    }

    /// Analyzes one subscript, and coerces it to integer; a subscript of a `jsonb` is coerced to integer or text.
    fn bound(&mut self, scope: &Scope<'_>, bound: &Expr, json: bool) -> Option<Node> {
        let index = self.expr(scope, bound);
        // For a null test or a call, PostgreSQL's error points at the analyzed expression. For any other expression,
        // the error points at the expression as written.
        let at = match bound.kind {
            ExprKind::IsNull { .. } | ExprKind::BooleanTest { .. } | ExprKind::Function(_) => index.span,
            _ => bound.span,
        };
        if json {
            return self.subscript_of_jsonb(index, at);
        }
        let coerced = self.try_coerce(index, oid::INT4, -1, Context::Assignment);
        if coerced.is_err() {
            let message = "array subscript must have type integer";
            self.report(Diagnostic::error(Code::TypeMismatch, at, message));
        }
        coerced.ok()
    }

    /// `jsonb_subscript_transform`: converts a subscript to integer or text, if the subscript's type is coercible to
    /// exactly one of the two.
    fn subscript_of_jsonb(&mut self, index: Node, at: Span) -> Option<Node> {
        let fits = |target| self.catalog.can_coerce_one(index.ty, target, Context::Implicit);
        let target = match (fits(oid::INT4), fits(oid::TEXT)) {
            _ if index.ty == oid::UNKNOWN || index.is_error() => oid::TEXT,
            (true, false) => oid::INT4,
            (false, true) => oid::TEXT,
            _ => {
                let message =
                    format!("subscript type {} is not supported", self.catalog.display(index.ty, -1));
                let hint = "jsonb subscript must be coercible to only one type, integer or text.";
                self.report(Diagnostic::error(Code::TypeMismatch, at, message).with_hint(hint));
                return None;
            }
        };
        Some(self.coerce(index, target, -1, Context::Implicit))
    }

    /// Whether a subscript of a `jsonb` is a slice; reports a slice as an error (`jsonb_subscript_transform`).
    fn is_slice_of_jsonb(&mut self, subscript: &Indirection) -> bool {
        let Indirection::Slice(low, high) = subscript else { return false };
        let span = high.as_ref().or(low.as_ref()).map_or(Span::default(), |bound| bound.span);
        let message = "jsonb subscript does not support slices";
        self.report(Diagnostic::error(Code::TypeMismatch, span, message));
        true
    }
}
