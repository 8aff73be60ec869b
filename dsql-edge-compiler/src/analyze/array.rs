//! Analyzes array constructors and casts, and resolves type names as written. An array constructor inside a cast takes
//! its type from the cast.

use super::analyzer::Analyzer;
use super::catalog::{ERROR, TypeError};
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, TypeName};

impl Analyzer<'_> {
    /// Analyzes an array constructor (`transformArrayExpr`); `target` is the array type and its type modifier if the
    /// constructor is inside a cast.
    pub(super) fn array(
        &mut self,
        scope: &Scope<'_>,
        elements: &[Expr],
        target: Option<(Oid, i32)>,
        span: Span,
    ) -> Node {
        let element_target =
            target.and_then(|(array, typmod)| Some((self.catalog.element_type(array)?, typmod)));
        let mut nodes = Vec::with_capacity(elements.len());
        let mut nested = false;
        for element in elements {
            match &element.kind {
                ExprKind::Array(inner) => {
                    nested = true;
                    nodes.push(self.array(scope, inner, target, element.span));
                }
                _ => {
                    let node = self.expr(scope, element);
                    nested |= node.ty != oid::INT2VECTOR
                        && node.ty != oid::OIDVECTOR
                        && self.catalog.type_info(node.ty).is_array;
                    nodes.push(node);
                }
            }
        }
        if nodes.iter().any(Node::is_error) {
            return Node { ty: target.map_or(ERROR, |it| it.0), typmod: -1, kind: NodeKind::Error, span };
        }
        let (array_type, element_type) =
            match (target, element_target) {
                (Some((array, _)), Some((element, _))) => (array, if nested { array } else { element }),
                _ => {
                    if nodes.is_empty() {
                        let message = "cannot determine type of empty array";
                        self.report(Diagnostic::error(Code::IndeterminateType, span, message).with_hint(
                            "Explicitly cast to the desired type, for example ARRAY[]::integer[].",
                        ));
                        return Node::error(span);
                    }
                    let common = self.common_type(&nodes.iter().collect::<Vec<_>>(), "ARRAY");
                    if common == ERROR {
                        return Node::error(span);
                    }
                    if nested {
                        (common, common)
                    } else {
                        match self.catalog.array_type(common) {
                            Some(array) => (array, common),
                            None => {
                                let shown = self.catalog.display(common, -1);
                                let message = format!("could not find array type for data type {shown}");
                                self.report(Diagnostic::error(Code::UnknownObject, span, message));
                                return Node::error(span);
                            }
                        }
                    }
                }
            };
        let nodes: Vec<Node> = nodes
            .into_iter()
            .map(|node| {
                let at = node.span;
                match target {
                    Some(_) => self.explicit_cast(node, element_type, -1, at),
                    None => self.coerce_to_common(node, element_type, "ARRAY"),
                }
            })
            .collect();
        nodes.iter().for_each(|node| self.accepts_null(node));
        Node::new(array_type, NodeKind::Array(nodes), span)
    }

    /// `transformTypeCast`.
    pub(super) fn cast(
        &mut self,
        scope: &Scope<'_>,
        arg: &Expr,
        target: &TypeName,
        location: Span,
        span: Span,
    ) -> Node {
        let Some((ty, typmod)) = self.type_name(target) else {
            self.expr(scope, arg);
            return Node::error(span);
        };
        // An array constructor takes its element type from the cast.
        if let ExprKind::Array(elements) = &arg.kind
            && self.catalog.element_type(ty).is_some()
        {
            let (base, base_typmod) = self.catalog.base_type(ty);
            let typmod = if typmod >= 0 { typmod } else { base_typmod };
            let array = self.array(scope, elements, Some((base, typmod)), span);
            return self.explicit_cast(array, ty, typmod, location);
        }
        if ty == oid::NAME {
            self.collations.meet_name();
        }
        let node = self.expr(scope, arg);
        let (inner, before) = (node.span, node.ty);
        let mut node = self.explicit_cast(node, ty, typmod, location);
        let applies_length = typmod >= 0;
        node.span = match node.kind {
            // `coerce_record_to_complex`
            NodeKind::Row(_) if before == oid::RECORD && node.ty != oid::RECORD => location,
            _ if applies_length || self.catalog.base_type(ty).0 != ty => span,
            // A cast to the type that the node already has does not change the node's location.
            _ if before == ty => inner,
            NodeKind::Cast { .. } | NodeKind::Parameter(_) => {
                Span { start: inner.start.min(location.start).max(span.start), ..span }
            }
            _ => inner,
        };
        node
    }

    /// Whether the snapshot or PostgreSQL has a schema of this name.
    pub(super) fn is_schema(&self, name: &str) -> bool {
        matches!(name, "pg_catalog" | "information_schema") || self.catalog.schema.has_schema(name)
    }

    /// Resolves the name of a type; reports an error if the type does not exist or its type modifier is not valid.
    pub(super) fn type_name(&mut self, written: &TypeName) -> Option<(Oid, i32)> {
        match self.catalog.resolve(written) {
            Ok(found) => Some(found),
            Err(TypeError::Unknown)
                if written.name.schema().is_some_and(|schema| !self.is_schema(schema)) =>
            {
                let message =
                    format!("schema \"{}\" does not exist", written.name.schema().unwrap_or_default());
                let known = self.catalog.schema.schemas.join(", ");
                let hint = format!("the schemas are {known}");
                self.report(Diagnostic::error(Code::UnknownSchema, written.span, message).with_hint(hint));
                None
            }
            Err(TypeError::Unknown) => {
                let mut name = written.name.display();
                for _ in 0..written.array_dimensions.min(1) {
                    name.push_str("[]");
                }
                let mut diagnostic = Diagnostic::error(
                    Code::UnknownType,
                    written.span,
                    format!("type \"{name}\" does not exist"),
                );
                let user = self.catalog.schema.types.iter().map(|known| known.name.as_str());
                let usual = [
                    "bigint",
                    "integer",
                    "smallint",
                    "boolean",
                    "int4",
                    "int8",
                    "int2",
                    "text",
                    "bool",
                    "uuid",
                    "timestamptz",
                    "timestamp",
                    "date",
                    "numeric",
                    "jsonb",
                    "json",
                    "bytea",
                    "varchar",
                    "float8",
                    "interval",
                ];
                let written_name = written.name.name();
                let advice = crate::elsewhere::type_name(written_name)
                    .or_else(|| suggestion::nearest(written_name, user.chain(usual)));
                if let Some(advice) = advice {
                    diagnostic = diagnostic.with_hint(format!("did you mean {advice}?"));
                }
                self.report(diagnostic);
                None
            }
            Err(TypeError::ModifierForm(message)) => {
                self.report(Diagnostic::error(Code::SyntaxError, written.span, message));
                None
            }
            Err(TypeError::Modifier(message)) => {
                self.report(Diagnostic::error(Code::InvalidModifier, written.span, message));
                None
            }
        }
    }
}
