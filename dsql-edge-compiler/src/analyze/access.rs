//! Analyzes names and parts: column references, subscripts, fields of composite values.

use super::analyzer::Analyzer;
use super::coercion::Context;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
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

    /// Returns the whole row of the table that a bare name refers to.
    pub(super) fn whole_row_or_missing(&mut self, scope: &Scope<'_>, name: &Name) -> Node {
        if !self.relation_in_reach(scope, None, name) {
            return self.missing_column(scope, name);
        }
        match self.find_relation(scope, None, name, name.span) {
            Some((level, item)) => self.whole_row(&item, level, name.span),
            None => Node::error(name.span),
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
        while let Some(step) = steps.get(at) {
            if node.is_error() {
                return Node::error(span);
            }
            node = match step {
                Indirection::Field(name) => {
                    at += 1;
                    match self.field(node, &name.text, span) {
                        Some(node) => node,
                        None => return Node::error(span),
                    }
                }
                Indirection::Star(star) => {
                    let message = "row expansion via \"*\" is not supported here";
                    self.report(Diagnostic::error(Code::FeatureNotSupported, *star, message));
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

    /// `transformContainerSubscripts`.
    pub(super) fn subscript(
        &mut self,
        scope: &Scope<'_>,
        node: Node,
        subscripts: &[Indirection],
        span: Span,
    ) -> Node {
        let (container, _) = self.catalog.base_type(node.ty);
        let slice = subscripts.iter().any(|it| matches!(it, Indirection::Slice(..)));
        let info = self.catalog.type_info(container);
        let json = container == oid::JSONB;
        if !json && info.elem == 0 {
            let shown = self.catalog.display(node.ty, -1);
            let message = format!("cannot subscript type {shown} because it does not support subscripting");
            self.report(Diagnostic::error(Code::TypeMismatch, node.span, message));
            return Node::error(span);
        }
        let mut parts = vec![node];
        for subscript in subscripts {
            if json && self.is_slice_of_jsonb(subscript) {
                return Node::error(span);
            }
            let bounds: Vec<&Expr> = match subscript {
                Indirection::Index(index) => vec![index],
                Indirection::Slice(low, high) => low.iter().chain(high).map(|it| &**it).collect(),
                _ => Vec::new(),
            };
            for bound in bounds {
                let index = self.expr(scope, bound);
                let ty = index.ty;
                // PostgreSQL's error points at the expression as written, except for a null test or a call: it points
                // at the analyzed one.
                let at = match bound.kind {
                    ExprKind::IsNull { .. } | ExprKind::BooleanTest { .. } | ExprKind::Function(_) => {
                        index.span
                    }
                    _ => bound.span,
                };
                let target = if json && ty != oid::INT4 { oid::TEXT } else { oid::INT4 };
                match self.try_coerce(index, target, -1, Context::Assignment) {
                    Ok(index) => parts.push(index),
                    Err(_) => {
                        let message = if json {
                            "subscript type is not supported".to_owned()
                        } else {
                            "array subscript must have type integer".to_owned()
                        };
                        self.report(Diagnostic::error(Code::TypeMismatch, at, message));
                    }
                }
            }
        }
        let result = if json {
            oid::JSONB
        } else if slice {
            container
        } else {
            info.elem
        };
        Node::new(result, NodeKind::Subscript(parts), span)
    }

    /// Whether a subscript of a `jsonb` is a slice, which is an error: `jsonb_subscript_transform`.
    pub(super) fn is_slice_of_jsonb(&mut self, subscript: &Indirection) -> bool {
        let Indirection::Slice(low, high) = subscript else { return false };
        let span = high.as_ref().or(low.as_ref()).map_or(Span::default(), |bound| bound.span);
        let message = "jsonb subscript does not support slices";
        self.report(Diagnostic::error(Code::TypeMismatch, span, message));
        true
    }

    /// A field of a composite value: `ParseComplexProjection`.
    pub(super) fn field(&mut self, node: Node, name: &str, span: Span) -> Option<Node> {
        let columns = match &node.kind {
            NodeKind::Row(fields) | NodeKind::JoinedRow(fields) if node.ty == oid::RECORD => {
                // `(ROW(1, 2)).f1`
                let at = name.strip_prefix('f').and_then(|digits| digits.parse::<usize>().ok());
                let field = at.and_then(|at| fields.get(at.checked_sub(1)?)).cloned();
                if field.is_some() {
                    return field;
                }
                Vec::new()
            }
            _ => self.record_columns(&node),
        };
        match columns.iter().position(|column| column.name == *name) {
            Some(at) => {
                let column = &columns[at];
                Some(Node {
                    ty: column.ty,
                    typmod: column.typmod,
                    kind: NodeKind::Field(Box::new(node), at),
                    span,
                })
            }
            None => {
                let message = match node.ty {
                    oid::RECORD => format!("could not identify column \"{name}\" in record data type"),
                    _ if self.catalog.is_complex(node.ty) => {
                        let shown = self.catalog.display(node.ty, -1);
                        format!("column \"{name}\" not found in data type {shown}")
                    }
                    _ => {
                        let shown = self.catalog.display(node.ty, -1);
                        let message = format!(
                            "column notation .{name} applied to type {shown}, which is not a composite type"
                        );
                        self.report(Diagnostic::error(Code::WrongObjectType, node.span, message));
                        return Some(Node::error(span));
                    }
                };
                let mut diagnostic = Diagnostic::error(Code::UnknownColumn, node.span, message);
                if let Some(nearest) =
                    suggestion::nearest(name, columns.iter().map(|column| column.name.as_str()))
                {
                    diagnostic = diagnostic.with_hint(format!("did you mean {nearest}?"));
                }
                self.report(diagnostic);
                Some(Node::error(span))
            }
        }
    }
}
