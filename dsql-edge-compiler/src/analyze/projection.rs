//! Analyzes `row.name`, a column of a composite value or a function of the row: `ParseFuncOrColumn` for column syntax.
//!
//! Input: an expression whose value is a row, and the name after the dot. Output: the field of the row with this name,
//! or a call of the function with this name. PostgreSQL looks for a column first, then for a function with the row as
//! its only argument: after `CREATE FUNCTION full_name(users)`, `users.full_name` means `full_name(users)`. In call
//! syntax, `full_name(users)`, PostgreSQL looks for a function first, then for a column.

use super::analyzer::Analyzer;
use super::candidates::Lookup;
use super::coercion::Context;
use super::function::CallSite;
use super::scope::Scope;
use super::tree::{Node, NodeKind, RteColumn, Var};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::ast::{FunctionCall, Name, QualifiedName};

impl Analyzer<'_> {
    /// `(row).name`; reports an error if the row has neither a column nor a function of that name.
    pub(super) fn field(&mut self, scope: &Scope<'_>, node: Node, name: &Name, span: Span) -> Node {
        let columns = self.record_columns(scope, &node);
        if let Some(at) = columns.iter().position(|column| column.name == name.text) {
            return field_at(node, at, &columns, span);
        }
        if let Some(column) = self.system_column_of(scope, &node, name, span) {
            return column;
        }
        if let Some(call) = self.function_of_row(scope, &node, name, span) {
            return call;
        }
        self.report_unknown_field(scope, &node, &name.text, &columns);
        Node::error(span)
    }

    /// `(t).ctid`
    fn system_column_of(&mut self, scope: &Scope<'_>, row: &Node, name: &Name, span: Span) -> Option<Node> {
        let NodeKind::WholeRow { level, rte, .. } = row.kind else { return None };
        let items = &scope.up(level)?.namespace;
        let item = items.iter().find(|item| item.rte == Some(rte))?;
        self.system_column(item, level, name, span)
    }

    /// Resolves `f(row)`, if no function is called `f`, to the column `f` of the row.
    pub(super) fn column_as_function(
        &mut self,
        scope: &Scope<'_>,
        call: &FunctionCall,
        args: &[Node],
        span: Span,
    ) -> Option<Node> {
        let [arg] = args else { return None };
        let [name] = call.name.parts.as_slice() else { return None };
        let plain = !call.star
            && !call.distinct
            && call.over.is_none()
            && call.filter.is_none()
            && call.order_by.is_empty()
            && !call.variadic
            && call.args.first().is_some_and(|arg| arg.name.is_none());
        if !plain || !(arg.ty == oid::RECORD || self.catalog.is_complex(arg.ty)) {
            return None;
        }
        let columns = self.record_columns(scope, arg);
        let at = columns.iter().position(|column| column.name == name.text)?;
        Some(field_at(arg.clone(), at, &columns, span))
    }

    /// Resolves `row.name` as `name(row)`: returns the call if PostgreSQL chooses one function of this name for the
    /// row, or the cast if the name is a type to which the row can be cast.
    pub(super) fn function_of_row(
        &mut self,
        scope: &Scope<'_>,
        row: &Node,
        name: &Name,
        span: Span,
    ) -> Option<Node> {
        if row.is_error() {
            return None;
        }
        let function = QualifiedName { parts: vec![name.clone()] };
        match self.lookup(&function, &[row.ty], &[None], true, false) {
            Lookup::Function(resolved) => {
                let call = FunctionCall::plain(function, Vec::new(), span);
                let sets_before = scope.sets.count();
                let site = CallSite { call: &call, span, direct: 1, filter: None, sets_before };
                Some(self.resolved_call(scope, site, resolved, vec![row.clone()]))
            }
            Lookup::Coercion(target) => Some(self.coerce(row.clone(), target, -1, Context::Explicit)),
            Lookup::None | Lookup::Ambiguous => None,
        }
    }

    /// `unknown_attribute`.
    fn report_unknown_field(&mut self, scope: &Scope<'_>, row: &Node, name: &str, columns: &[RteColumn]) {
        let alias = match row.kind {
            NodeKind::WholeRow { level, rte, .. } => scope.up(level).and_then(|scope| scope.rtes.get(rte)),
            _ => None,
        };
        let shown = self.catalog.display(row.ty, -1);
        let diagnostic = match (row.ty, alias) {
            (_, Some(rte)) => {
                let message = format!("column {}.{name} does not exist", rte.name);
                Diagnostic::error(Code::UnknownColumn, row.span, message)
            }
            // For such a row, PostgreSQL reports this error before it searches for the name. PostgreSQL's error has no
            // position; here, the error gets the position of the row.
            (oid::RECORD, _) if columns.is_empty() && matches!(row.kind, NodeKind::Var(_)) => {
                Diagnostic::error(Code::WrongObjectType, row.span, "record type has not been registered")
            }
            (oid::RECORD, _) => {
                let message = format!("could not identify column \"{name}\" in record data type");
                Diagnostic::error(Code::UnknownColumn, row.span, message)
            }
            _ if self.catalog.is_complex(row.ty) => {
                let message = format!("column \"{name}\" not found in data type {shown}");
                Diagnostic::error(Code::UnknownColumn, row.span, message)
            }
            _ => {
                let message =
                    format!("column notation .{name} applied to type {shown}, which is not a composite type");
                Diagnostic::error(Code::WrongObjectType, row.span, message)
            }
        };
        let nearest = suggestion::nearest(name, columns.iter().map(|column| column.name.as_str()));
        self.report(match nearest {
            Some(nearest) => diagnostic.with_hint(format!("did you mean {nearest}?")),
            None => diagnostic,
        });
    }
}

/// Returns the field of a row. If the row is written out, the field is the expression itself.
pub(super) fn field_at(row: Node, at: usize, columns: &[RteColumn], span: Span) -> Node {
    let written = match &row.kind {
        NodeKind::Row(fields) if row.ty == oid::RECORD => fields.get(at),
        NodeKind::JoinedRow { columns, .. } => columns.get(at),
        _ => None,
    };
    // A constant without a type stays in the row: outside the row, its new context could give it a type.
    if let Some(field) = written
        && field.ty != oid::UNKNOWN
    {
        return field.clone();
    }
    let (ty, typmod) = columns.get(at).map_or((row.ty, -1), |column| (column.ty, column.typmod));
    let kind = match row.kind {
        // `(t).a` is `t.a`.
        NodeKind::WholeRow { level, rte, .. } => NodeKind::Var(Var { level, rte, column: at }),
        _ => NodeKind::Field(Box::new(row), at),
    };
    Node { ty, typmod, kind, span }
}
