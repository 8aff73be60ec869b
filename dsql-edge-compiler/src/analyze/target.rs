//! Analyzes target lists: `parse_target.c`.
//!
//! Input: the list after `SELECT` or `RETURNING`. Output: one entry for each column, with the name that PostgreSQL
//! gives to the column; each `*` is replaced by its columns.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::label::ColumnLabel;
use super::namespace_item::NamespaceItem;
use super::projection::field_at;
use super::scope::{Scope, raised};
use super::tree::{Node, NodeKind, Query, TargetEntry};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FromItem, Indirection, Name, QueryBody, Target};

impl Analyzer<'_> {
    /// `transformTargetList`.
    pub(super) fn target_list(&mut self, scope: &Scope<'_>, targets: &[Target]) -> Vec<TargetEntry> {
        let mut out = Vec::with_capacity(targets.len());
        for target in targets {
            if let Some(columns) = self.expand_star(scope, &target.expr) {
                let span = target.expr.span;
                self.expand_text(scope, &target.expr, &columns);
                for (name, mut node) in columns {
                    self.check_column_type(&node, &name, span);
                    node.span = span;
                    out.push(TargetEntry { node, name, span });
                }
                continue;
            }
            let node = self.expr(scope, &target.expr);
            let (name, span) = match &target.label {
                Some(label) => (ColumnLabel::alias(&label.text), target.expr.span.to(label.span)),
                None => (figured_label(scope, &target.expr), target.expr.span),
            };
            out.push(TargetEntry { node, name, span });
        }
        out
    }

    /// Returns the columns of `*`, `t.*` or `(x).*`; `None` for any other expression.
    pub(super) fn expand_star(&mut self, scope: &Scope<'_>, expr: &Expr) -> Option<Vec<(ColumnLabel, Node)>> {
        match &expr.kind {
            ExprKind::Star(parts) => Some(match parts.as_slice() {
                [] => self.all_columns(scope, expr.span),
                [table] => self.columns_of(scope, None, table, expr.span),
                [.., schema, table] => self.columns_of(scope, Some(schema), table, expr.span),
            }),
            ExprKind::Indirection { base, steps } => match steps.split_last() {
                Some((Indirection::Star(_), rest)) => {
                    let inner = if rest.is_empty() {
                        (**base).clone()
                    } else {
                        Expr {
                            kind: ExprKind::Indirection { base: base.clone(), steps: rest.to_vec() },
                            span: base.span,
                        }
                    };
                    Some(self.columns_of_composite(scope, &inner, expr.span))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn all_columns(&mut self, scope: &Scope<'_>, span: Span) -> Vec<(ColumnLabel, Node)> {
        let items: Vec<&NamespaceItem> =
            scope.namespace.iter().filter(|item| item.columns_visible && !item.lateral_only).collect();
        if items.is_empty() && !scope.broken_from.get() {
            self.report(Diagnostic::error(
                Code::SyntaxError,
                span,
                "SELECT * with no tables specified is not valid",
            ));
        }
        items.iter().flat_map(|item| item.columns.clone()).collect()
    }

    fn columns_of(
        &mut self,
        scope: &Scope<'_>,
        schema: Option<&Name>,
        table: &Name,
        span: Span,
    ) -> Vec<(ColumnLabel, Node)> {
        match self.find_relation(scope, schema, table, span) {
            Some((level, item)) => {
                item.columns.iter().map(|(name, node)| (name.clone(), raised(node, level))).collect()
            }
            None => vec![("?column?".into(), Node::error(span))],
        }
    }

    fn columns_of_composite(
        &mut self,
        scope: &Scope<'_>,
        expr: &Expr,
        span: Span,
    ) -> Vec<(ColumnLabel, Node)> {
        let node = self.expr(scope, expr);
        self.columns_of_node(scope, node, span)
    }

    fn columns_of_node(&mut self, scope: &Scope<'_>, node: Node, span: Span) -> Vec<(ColumnLabel, Node)> {
        if node.is_error() {
            return vec![("?column?".into(), Node::error(span))];
        }
        let columns = self.record_columns(scope, &node);
        if columns.is_empty() {
            let shown = self.catalog.display(node.ty, -1);
            let message = if node.ty == oid::RECORD {
                "record type has not been registered".to_owned()
            } else {
                format!("type {shown} is not composite")
            };
            self.report(Diagnostic::error(Code::WrongObjectType, node.span, message));
            return vec![("?column?".into(), Node::error(span))];
        }
        let fields = (0..columns.len()).map(|at| field_at(node.clone(), at, &columns, span));
        columns.iter().map(|column| column.name.clone()).zip(fields).collect()
    }

    /// Returns a whole row as a value.
    pub(super) fn whole_row(&mut self, item: &NamespaceItem, level: usize, span: Span) -> Node {
        let Some(rte) = item.rte else {
            let columns = item.columns.iter().map(|(name, node)| (name.clone(), raised(node, level)));
            let (names, columns) = columns.unzip();
            return Node::new(oid::RECORD, NodeKind::JoinedRow { names, columns }, span);
        };
        let ty = self.row_type_of(item);
        // If a function in FROM returns one scalar column, its whole row is this scalar; the whole row of a query with
        // one column is a row.
        if ty == ERROR
            && item.scalar
            && let [(_, node)] = item.columns.as_slice()
        {
            return Node { span, ..raised(node, level) };
        }
        let ty = if ty == ERROR { oid::RECORD } else { ty };
        let columns = item.columns.iter().map(|(_, node)| (node.ty, node.typmod)).collect();
        Node::new(ty, NodeKind::WholeRow { level, rte, columns }, span)
    }

    /// Coerces to text the constants and parameters in the target list whose type is still `unknown`:
    /// `resolveTargetListUnknowns`.
    pub(super) fn settle_unknown(&mut self, mut query: Query) -> Query {
        for target in &mut query.targets {
            if target.node.ty == oid::UNKNOWN {
                let node = std::mem::replace(&mut target.node, Node::error(target.span));
                target.node = self.unknown_to_text(node);
            }
        }
        query
    }

    /// Calls `settle_unknown` for the outermost query of the statement.
    pub(super) fn finish_targets(&mut self, query: Query) -> Query {
        self.settle_unknown(query)
    }
}

/// `FigureColname`.
pub(super) fn column_name(expr: &Expr) -> String {
    figure(expr).map_or_else(|| "?column?".to_owned(), |figured| figured.name)
}

/// Returns the name that PostgreSQL gives to a target without AS. The name counts as an alias if the column from which
/// it comes has an alias as its name.
fn figured_label(scope: &Scope<'_>, expr: &Expr) -> ColumnLabel {
    match figure(expr) {
        None => "?column?".into(),
        Some(Figured { name, source: NameSource::Label, .. }) => ColumnLabel::alias(&name),
        Some(Figured { name, source: NameSource::Column(parts), .. }) if scope.is_alias(parts) => {
            ColumnLabel::alias(&name)
        }
        Some(Figured { name, .. }) => name.into(),
    }
}

/// A name that `FigureColname` finds.
struct Figured<'e> {
    name: String,
    /// Whether this name is used even if a cast or a CASE around the expression has another name.
    sure: bool,
    source: NameSource<'e>,
}

/// The source of the name.
enum NameSource<'e> {
    /// A column, as written.
    Column(&'e [Name]),
    /// The label of a subquery's column.
    Label,
    /// The name comes from a function, a field, a type or a keyword.
    Other,
}

fn figure(expr: &Expr) -> Option<Figured<'_>> {
    let found =
        |name: &str, sure: bool| Some(Figured { name: name.to_owned(), sure, source: NameSource::Other });
    let sure = |name: &str| found(name, true);
    match &expr.kind {
        ExprKind::Column(parts) => {
            let name = parts.last()?.text.clone();
            Some(Figured { name, sure: true, source: NameSource::Column(parts) })
        }
        // `t.*` inside an expression, such as `t.*::text`. The columns of a target `t.*` have their own names.
        ExprKind::Star(parts) => sure(&parts.last()?.text),
        ExprKind::Indirection { base, steps } => {
            let field = steps.iter().rev().find_map(|step| match step {
                Indirection::Field(name) => Some(&name.text),
                _ => None,
            });
            match field {
                Some(field) => sure(field),
                None => figure(base),
            }
        }
        ExprKind::Function(call) => sure(call.name.name()),
        ExprKind::NullIf { .. } => sure("nullif"),
        ExprKind::Cast { arg, target, .. } => match figure(arg) {
            Some(figured) if figured.sure => Some(figured),
            _ => found(target.name.name(), false),
        },
        ExprKind::Collate { arg, .. } => figure(arg),
        ExprKind::Grouping(_) => sure("grouping"),
        ExprKind::Exists(_) => sure("exists"),
        ExprKind::ArraySubquery(_) => sure("array"),
        ExprKind::Subquery(query) => first_target(query),
        ExprKind::Case { otherwise, .. } => match otherwise.as_deref().and_then(figure) {
            Some(figured) if figured.sure => Some(figured),
            _ => found("case", false),
        },
        ExprKind::Array(_) => sure("array"),
        ExprKind::Row(_) => sure("row"),
        ExprKind::Coalesce(_) => sure("coalesce"),
        ExprKind::MinMax { greatest: true, .. } => sure("greatest"),
        ExprKind::MinMax { .. } => sure("least"),
        ExprKind::ValueFunction { function, .. } => sure(function.name()),
        ExprKind::SqlFunction(call) => sure(call.name),
        _ => None,
    }
}

/// Returns the name of the column of a scalar subquery.
fn first_target(query: &crate::syntax::ast::Query) -> Option<Figured<'_>> {
    let sure =
        |name: &str, source: NameSource<'static>| Some(Figured { name: name.to_owned(), sure: true, source });
    match &query.body {
        QueryBody::Select(select) => {
            let target = select.targets.first()?;
            if let Some(label) = &target.label {
                return sure(&label.text, NameSource::Label);
            }
            // Without a label, the column gets a name when the target is analyzed.
            match &target.expr.kind {
                ExprKind::Star(_) => match select.from.first() {
                    Some(FromItem::Function(_)) | None => None,
                    _ => sure("?column?", NameSource::Other),
                },
                // The name comes from the syntax tree, because the scope of the analyzed subquery no longer exists at
                // this point.
                _ => sure(&column_name(&target.expr), NameSource::Other),
            }
        }
        QueryBody::Values(_) => sure("column1", NameSource::Other),
        QueryBody::SetOperation { left, .. } => first_target(left),
    }
}
