//! Finds `NOT IN` with values that may be NULL: such a value makes the condition NULL or false for every row.
//!
//! Input: an analyzed query. Output: a warning for each `NOT IN` whose list contains NULL, and for each `NOT IN
//! (SELECT …)` and `<> ALL (SELECT …)` that selects a column which may be NULL. Only columns of tables are reported: an
//! expression without a proof may be one that is never NULL.

use super::analyzer::Analyzer;
use super::every_expression;
use super::nullability::{self, column_origin};
use super::tree::{Node, NodeKind, Query};
use crate::diagnostic::{Code, Diagnostic, quotation};

impl Analyzer<'_> {
    /// Warns about `NOT IN` with values that may be NULL.
    pub(super) fn warn_not_in(&mut self, query: &Query) {
        let mut found = Vec::new();
        every_expression::visit(&[query], &mut |_, node| {
            found.extend(self.nullable_subquery(node));
            found.extend(list_with_null(node));
        });
        found.sort_by_key(|warning| warning.span.start);
        found.into_iter().for_each(|warning| self.report(warning));
    }

    fn nullable_subquery(&self, node: &Node) -> Option<Diagnostic> {
        let (functions, query, all) = match &node.kind {
            NodeKind::Not(arg) => match &arg.kind {
                NodeKind::Quantified { functions, query, all: false, .. } => (functions, query, false),
                _ => return None,
            },
            NodeKind::Quantified { functions, query, all: true, .. } => (functions, query, true),
            _ => return None,
        };
        // A row that is NULL in one column may differ in another column, so the condition can still be true.
        let ([function], [target]) = (functions.as_slice(), query.targets.as_slice()) else { return None };
        if !function.name.ends_with(if all { "ne" } else { "eq" }) {
            return None;
        }
        column_origin(target.node.plain_column()?, query)?;
        let [true] = *nullability::columns(&self.parameters, query).nullable else { return None };
        let column = target.span;
        let written = if all { "<> ALL" } else { "NOT IN" };
        let message = format!("{written} is not true for any row if its subquery returns a NULL");
        let name = quotation::written(column);
        let hint = format!("add {name} IS NOT NULL to the WHERE of the subquery, or write NOT EXISTS");
        Some(Diagnostic::warning(Code::NotInWithNull, column, message).with_hint(hint))
    }
}

/// `x NOT IN (1, NULL)`, which is `x <> ALL (ARRAY[1, NULL])`.
fn list_with_null(node: &Node) -> Option<Diagnostic> {
    let NodeKind::ArrayComparison { function, right, all: true, .. } = &node.kind else { return None };
    let NodeKind::Array(elements) = &right.kind else { return None };
    let null = elements.iter().find(|element| element.is_null_constant())?;
    if !function.name.ends_with("ne") {
        return None;
    }
    let message = "NOT IN (or <> ALL) is not true for any row, because its list contains NULL";
    let hint = "remove NULL from the list, and test with IS NOT NULL";
    Some(Diagnostic::warning(Code::NotInWithNull, null.span, message).with_hint(hint))
}
