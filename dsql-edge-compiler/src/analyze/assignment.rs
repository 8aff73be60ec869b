//! Assigns values to columns: `transformAssignedExpr`, `transformUpdateTargetList`.
//!
//! Input: a value, and the column to which the value is assigned. Output: the value, coerced to the column's type; the
//! parameters that may be NULL because their value is stored in a nullable column.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::coercion::Context;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, NodeKind, Written};
use super::written_table::Target;
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ast::{Assignment, Expr, ExprKind, Indirection, TargetColumn};

/// The column to which the statement assigns a value.
pub(super) struct AssignedColumn<'w> {
    /// The number of the column in the table.
    pub(super) column: usize,
    /// The target as written: the column, and the steps to a part of the column; `None` if INSERT has no list of
    /// columns.
    pub(super) written: Option<&'w TargetColumn>,
    /// `InsertTarget` or `UpdateTarget`.
    pub(super) place: Place,
}

impl<'a> Analyzer<'a> {
    pub(super) fn target_column(&mut self, target: &Target, written: &TargetColumn) -> Option<usize> {
        let name = &written.name;
        let found = target.columns.iter().position(|column| column.name == name.text);
        if found.is_none() {
            let relation = &self.catalog.schema.relations[target.relation].name;
            let message = format!("column \"{}\" of relation \"{relation}\" does not exist", name.text);
            let mut diagnostic = Diagnostic::error(Code::UnknownColumn, name.span, message);
            let names: Vec<&str> = target.columns.iter().map(|column| column.name.as_str()).collect();
            let is_table =
                name.text == *relation || self.aliases.iter().any(|(alias, _)| *alias == name.text);
            if let (Some(Indirection::Field(column)), true) = (written.indirection.first(), is_table) {
                diagnostic = diagnostic.with_hint(format!(
                    "write the column without its table: {}",
                    super::catalog::quote_identifier(&column.text)
                ));
            } else if let Some(nearest) = suggestion::nearest(&name.text, names.iter().copied()) {
                diagnostic = diagnostic
                    .with_hint(format!("did you mean {}?", super::catalog::quote_identifier(nearest)));
            } else if names.len() <= 24 {
                diagnostic = diagnostic.with_hint(format!("its columns are {}", names.join(", ")));
            }
            self.report(diagnostic);
        }
        found
    }

    /// `transformAssignedExpr`: assigns a value to a column.
    pub(super) fn assign(
        &mut self,
        scope: &Scope<'_>,
        target: &Target,
        at: AssignedColumn<'_>,
        node: Node,
        span: Span,
    ) -> Node {
        let AssignedColumn { column, written, place } = at;
        let Some(known) = target.columns.get(column) else {
            // An unknown column is already reported, but the assigned value may be a parameter, and the parameter still
            // needs a type.
            return self.unknown_to_error(node);
        };
        let name = known.name.clone();
        let not_null = target.not_null.get(column).copied().unwrap_or(false);
        if let Some(written) = written.filter(|it| !it.indirection.is_empty()) {
            let node = self.assign_part(scope, written, known, node, place);
            if !not_null {
                self.flows_to_nullable(&node);
            }
            return node;
        }
        let (ty, typmod) = (known.ty, known.typmod);
        if matches!(node.kind, NodeKind::Constant(None)) && not_null {
            self.report_null(target, column, span);
        }
        if !self.check_length(ty, typmod, &node) {
            self.check_written_label(target, column, &node);
        }
        let (found, at) = (node.ty, node.span);
        let node = match self.try_coerce(node, ty, typmod, Context::Assignment) {
            Ok(node) => node,
            Err(_) => {
                let hint = self.type_advice(found, ty, at);
                let (wanted, found) = (self.catalog.display(ty, -1), self.catalog.display(found, -1));
                let message =
                    format!("column \"{name}\" is of type {wanted} but expression is of type {found}");
                self.report(Diagnostic::error(Code::TypeMismatch, at, message).with_hint(hint));
                return Node::error(span);
            }
        };
        if !not_null {
            self.flows_to_nullable(&node);
        }
        node
    }

    /// Applies the check of `rewriteTargetListIU` to a column for which INSERT has a value.
    pub(super) fn check_inserted(&mut self, target: &Target, column: usize, span: Span) {
        let schema: &'a Schema = self.catalog.schema;
        let Some(known) = target.base_column(schema, column) else { return };
        let (what, hint) = if known.generated {
            ("a generated column", None)
        } else if known.identity == Some(true) && target.overriding.is_none() {
            let hint = "leave the column out, or write OVERRIDING SYSTEM VALUE before VALUES";
            ("an identity column defined as GENERATED ALWAYS", Some(hint))
        } else {
            return;
        };
        let message = format!("cannot insert a non-DEFAULT value into column \"{}\"", known.name);
        // The error is reported once, not for each row.
        if self.later.iter().any(|known| known.message == message) {
            return;
        }
        let detail = format!("Column \"{}\" is {what}.", known.name);
        let mut diagnostic = Diagnostic::error(Code::GeneratedAlways, span, message).with_detail(detail);
        if let Some(hint) = hint {
            diagnostic = diagnostic.with_hint(hint);
        }
        self.found_later(diagnostic);
    }

    /// Whether DEFAULT can be assigned: only to a whole column, not to a part of a column.
    pub(super) fn may_be_default(&mut self, written: &TargetColumn) -> bool {
        let part = match written.indirection.first() {
            None => return true,
            Some(Indirection::Index(_) | Indirection::Slice(..)) => "an array element",
            Some(Indirection::Field(_) | Indirection::Star(_)) => "a subfield",
        };
        let message = format!("cannot set {part} to DEFAULT");
        self.report(Diagnostic::error(Code::FeatureNotSupported, written.name.span, message));
        false
    }

    pub(super) fn unknown_to_error(&mut self, node: Node) -> Node {
        if let NodeKind::Parameter(number) = node.kind
            && node.ty == oid::UNKNOWN
        {
            self.set_parameter_type(number, ERROR, node.span);
        }
        Node::error(node.span)
    }

    /// `transformUpdateTargetList`; returns the columns that are assigned, and the values for parts of columns.
    pub(super) fn assignments(
        &mut self,
        scope: &mut Scope<'_>,
        assignments: &[Assignment],
        target: &Target,
    ) -> (Vec<Written>, Vec<Node>) {
        // Analyzes all values before the columns, as PostgreSQL does.
        let mut pending: Vec<(TargetColumn, Option<Node>, Span)> = Vec::new();
        for assignment in assignments {
            match assignment {
                Assignment::Single(column, value) => {
                    let node = scope.at(Place::UpdateSource, || self.assigned_value(scope, value));
                    pending.push((column.clone(), node, value.span));
                }
                Assignment::Multiple(columns, value) => {
                    scope.at(Place::UpdateSource, || self.multiple(scope, columns, value, &mut pending))
                }
            }
        }
        let mut assigned: Vec<Written> = Vec::new();
        let mut parts: Vec<Node> = Vec::new();
        for (column, node, span) in pending {
            let Some(at) = self.target_column(target, &column) else {
                if let Some(node) = node {
                    self.unknown_to_error(node);
                }
                continue;
            };
            if column.indirection.is_empty() && assigned.iter().any(|known| known.column == at) {
                let message = format!("multiple assignments to same column \"{}\"", column.name.text);
                self.report(Diagnostic::error(Code::SyntaxError, Span::default(), message));
            }
            self.check_updatable(target, at, "update", column.name.span);
            let schema: &'a Schema = self.catalog.schema;
            if let Some(known) = target.base_column(schema, at)
                && node.is_some()
                && (known.generated || known.identity == Some(true))
            {
                let what = if known.generated {
                    "a generated column"
                } else {
                    "an identity column defined as GENERATED ALWAYS"
                };
                let message = format!("column \"{}\" can only be updated to DEFAULT", known.name);
                let detail = format!("Column \"{}\" is {what}.", known.name);
                self.found_later(
                    Diagnostic::error(Code::GeneratedAlways, column.name.span, message).with_detail(detail),
                );
            }
            match node {
                Some(node) => {
                    if !target.not_null.get(at).copied().unwrap_or(false) {
                        self.element_flows_to_nullable(&scope.rtes, &node);
                    }
                    let node = self.assign_update(scope, target, at, &column, node, span);
                    // An assignment to a part of the column (`a[1]`) does not determine the new value of the whole
                    // column.
                    let whole = column.indirection.is_empty();
                    let mut values: Vec<Node> = node.into_iter().collect();
                    if !whole {
                        parts.append(&mut values);
                    }
                    assigned.push(Written { column: at, values });
                }
                None => {
                    if self.may_be_default(&column) {
                        self.check_default(target, at, span);
                    }
                    assigned.push(Written { column: at, values: Vec::new() });
                }
            }
        }
        (assigned, parts)
    }

    fn assign_update(
        &mut self,
        scope: &Scope<'_>,
        target: &Target,
        at: usize,
        column: &TargetColumn,
        node: Node,
        span: Span,
    ) -> Option<Node> {
        if target.base_column(self.catalog.schema, at).is_some_and(|known| known.generated) {
            return None;
        }
        let at = AssignedColumn { column: at, written: Some(column), place: Place::UpdateTarget };
        Some(self.assign(scope, target, at, node, span))
    }

    /// Analyzes a value of an assignment; returns `None` for `DEFAULT`.
    pub(super) fn assigned_value(&mut self, scope: &Scope<'_>, value: &Expr) -> Option<Node> {
        match value.kind {
            ExprKind::Default => None,
            // `SET a = 1 AND b = 2`
            ExprKind::And(_) => {
                let errors = self.diagnostics.error_count();
                let node = self.expr(scope, value);
                if self.diagnostics.error_count() == errors {
                    return Some(node);
                }
                self.diagnostics.advise(None, "a comma separates the columns of SET: SET a = 1, b = 2");
                Some(Node::error(value.span))
            }
            _ => Some(self.expr(scope, value)),
        }
    }

    /// Analyzes an assignment to several columns: `(a, b) = (x, y)` or `(a, b) = (SELECT …)`.
    pub(super) fn multiple(
        &mut self,
        scope: &Scope<'_>,
        columns: &[TargetColumn],
        value: &Expr,
        pending: &mut Vec<(TargetColumn, Option<Node>, Span)>,
    ) {
        let mismatch = |analyzer: &mut Self| {
            let message = "number of columns does not match number of values";
            analyzer.report(Diagnostic::error(Code::WrongCount, value.span, message));
        };
        match &value.kind {
            // `t.*` is several fields.
            ExprKind::Row(fields) if !fields.iter().any(|field| matches!(field.kind, ExprKind::Default)) => {
                let nodes = self.expr_list_expanded(scope, fields);
                if nodes.len() != columns.len() {
                    return mismatch(self);
                }
                for (column, node) in columns.iter().zip(nodes) {
                    let span = node.span;
                    pending.push((column.clone(), Some(node), span));
                }
            }
            ExprKind::Row(fields) => {
                if fields.len() != columns.len() {
                    return mismatch(self);
                }
                for (column, field) in columns.iter().zip(fields) {
                    let node = self.assigned_value(scope, field);
                    pending.push((column.clone(), node, field.span));
                }
            }
            ExprKind::Subquery(inner) => {
                let query = self.query(inner, Some(scope));
                let query = self.settle_unknown(query);
                if query.targets.len() != columns.len() {
                    return mismatch(self);
                }
                let fields = query.targets.iter().map(|it| (it.node.ty, it.node.typmod, it.node.span));
                let fields: Vec<_> = fields.collect();
                // The value of the first column contains the query, so that the query is visited once.
                let mut parts =
                    vec![Node::new(oid::RECORD, NodeKind::ScalarSubquery(Box::new(query)), value.span)];
                for (column, (ty, typmod, span)) in columns.iter().zip(fields) {
                    let kind = NodeKind::Opaque(std::mem::take(&mut parts));
                    pending.push((column.clone(), Some(Node { ty, typmod, kind, span }), span));
                }
            }
            _ if columns.len() == 1 => {
                let node = self.expr(scope, value);
                pending.push((columns[0].clone(), Some(node), value.span));
            }
            _ => {
                let message =
                    "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                self.report(Diagnostic::error(Code::FeatureNotSupported, value.span, message));
            }
        }
    }
}
