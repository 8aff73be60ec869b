//! Replaces `*` in the SQL text by the columns known at compile time, so that a later ADD COLUMN does not change the
//! result.
//!
//! Input: a `*` in a target list, and the columns for which it is an abbreviation. Output: an edit of the SQL to send.
//! If a column has no unambiguous name, the `*` stays in the SQL, and the server expands it.

use super::analyzer::Analyzer;
use super::catalog::quote_identifier as quoted;
use super::label::ColumnLabel;
use super::namespace_item::NamespaceItem;
use super::scope::Scope;
use super::tree::{Node, NodeKind, Var};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ExprKind, QueryBody};

impl Analyzer<'_> {
    /// Records the column list that replaces the `*` of a target list in the SQL to send.
    pub(super) fn expand_text(&mut self, scope: &Scope<'_>, star: &Expr, columns: &[(ColumnLabel, Node)]) {
        let ExprKind::Star(parts) = &star.kind else { return };
        let names: Option<Vec<String>> = match parts.as_slice() {
            [] => visible(scope)
                .flat_map(|item| item.columns.iter().map(move |column| (item, column)))
                .map(|(item, (name, node))| reference(scope, item, name, node))
                .collect(),
            parts => {
                let prefix: Vec<String> = parts.iter().map(|part| quoted(&part.text)).collect();
                let prefix = prefix.join(".");
                let once = |name: &str| columns.iter().filter(|(other, _)| other == name).count() == 1;
                columns
                    .iter()
                    .map(|(name, node)| {
                        let known = once(name) && !node.is_error();
                        known.then(|| format!("{prefix}.{}", quoted(name)))
                    })
                    .collect()
            }
        };
        if let Some(names) = names.filter(|names| !names.is_empty()) {
            let columns = names.join(", ");
            // In `TABLE t`, the `*` has no text of its own: its span is the keyword TABLE, so the edit replaces the
            // keyword.
            let is_table = star.span.end - star.span.start > 1 && parts.is_empty();
            let sent = if is_table { format!("SELECT {columns} FROM") } else { columns };
            self.edits.push((star.span, sent));
        }
    }

    /// Removes the edit of the `*` in `EXISTS (SELECT * …)`, because this `*` does not read columns.
    pub(super) fn keep_stars(&mut self, query: &ast::Query) {
        match &query.body {
            QueryBody::Select(select) => {
                let stars: Vec<Span> = select.targets.iter().map(|target| target.expr.span).collect();
                self.edits.retain(|(span, _)| !stars.contains(span));
            }
            QueryBody::SetOperation { .. } | QueryBody::Values(_) => {}
        }
    }
}

/// Returns the items of the namespace whose columns `*` includes.
fn visible<'s>(scope: &'s Scope<'_>) -> impl Iterator<Item = &'s NamespaceItem> {
    scope.namespace.iter().filter(|item| item.columns_visible && !item.lateral_only)
}

/// Returns an unambiguous name for the column `name` of a namespace item.
fn reference(scope: &Scope<'_>, item: &NamespaceItem, name: &str, node: &Node) -> Option<String> {
    if node.is_error() {
        return None;
    }
    let same = visible(scope).flat_map(|item| &item.columns).filter(|(other, _)| other == name).count();
    let plain = (same == 1).then(|| quoted(name));
    // With several tables, the name is qualified if possible: an unqualified name would become ambiguous if another
    // table got a column of that name.
    let alone = item.rte.is_some() && visible(scope).count() == 1;
    let table = match node.kind {
        // A column of an unnamed join is qualified by the table that it comes from.
        NodeKind::Var(Var { level: 0, rte, .. }) if item.name.is_empty() => {
            scope.namespace.iter().find(|item| item.rte == Some(rte)).unwrap_or(item)
        }
        _ => item,
    };
    plain.clone().filter(|_| alone).or_else(|| qualified(scope, table, name)).or(plain)
}

fn qualified(scope: &Scope<'_>, item: &NamespaceItem, name: &str) -> Option<String> {
    let reachable = |other: &&NamespaceItem| other.relation_visible && other.name == item.name;
    let known = !item.name.is_empty()
        && item.relation_visible
        && scope.namespace.iter().filter(reachable).count() == 1
        && item.columns.iter().filter(|(other, _)| other == name).count() == 1;
    known.then(|| format!("{}.{}", quoted(&item.name), quoted(name)))
}
