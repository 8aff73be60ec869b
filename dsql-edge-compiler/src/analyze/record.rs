//! Finds the columns of a row that has no named type: `expandRecordVariable` and `get_expr_result_tupdesc`.
//!
//! Input: an expression of type `record`. Output: the columns of the row, if the statement also contains the expression
//! that makes the row, such as `ROW(1, 'a')`. In `SELECT (r).f1 FROM (SELECT ROW(1, 'a') AS r) s`, the column `r` of
//! `s` is `ROW(1, 'a')`, so the columns of `r` are `f1` and `f2`. The columns are not known, in PostgreSQL as well as
//! here, if the row is made only at run time by a set-returning function or by a set operation whose sides have
//! different rows.

use super::analyzer::Analyzer;
use super::scope::Scope;
use super::tree::{Body, Callee, Node, NodeKind, Query, Rte, RteColumn, RteSource, Var};
use crate::builtin::oid;

impl Analyzer<'_> {
    /// Returns the columns of a value of composite type, or of a record whose columns are known.
    pub(super) fn record_columns(&mut self, scope: &Scope<'_>, node: &Node) -> Vec<RteColumn> {
        // The alias of an entry determines the column names of its whole row.
        if let NodeKind::WholeRow { level, rte, .. } = node.kind
            && let Some(rte) = scope.up(level).and_then(|scope| scope.rtes.get(rte))
        {
            return rte.columns.clone();
        }
        let base = self.catalog.base_type(node.ty).0;
        if base != oid::RECORD {
            return self.composite_columns(base);
        }
        let mut levels = Vec::new();
        let mut at = Some(scope);
        while let Some(current) = at {
            levels.push(current.rtes.as_slice());
            at = current.parent;
        }
        columns_in(&levels, node)
    }
}

/// Returns the OUT parameters of a function as the columns of its result.
pub(super) fn out_columns(function: &Callee) -> Vec<RteColumn> {
    let named = function.columns.iter().enumerate().map(|(at, column)| {
        let name = if column.name.is_empty() { format!("column{}", at + 1) } else { column.name.clone() };
        RteColumn { name: name.into(), ty: column.ty, typmod: -1 }
    });
    named.collect()
}

/// `levels` has the range tables to which the expression can refer; the first range table belongs to the query that
/// contains the expression.
fn columns_in(levels: &[&[Rte]], node: &Node) -> Vec<RteColumn> {
    match &node.kind {
        NodeKind::Cast { arg, .. } if node.ty == oid::RECORD => columns_in(levels, arg),
        NodeKind::Row(fields) => {
            let named = fields.iter().enumerate().map(|(at, field)| RteColumn {
                name: format!("f{}", at + 1).into(),
                ty: field.ty,
                typmod: field.typmod,
            });
            named.collect()
        }
        NodeKind::JoinedRow { names, columns } => {
            let named = names.iter().zip(columns).map(|(name, column)| RteColumn {
                name: name.clone(),
                ty: column.ty,
                typmod: column.typmod,
            });
            named.collect()
        }
        NodeKind::WholeRow { level, rte, .. } => {
            let rte = levels.get(*level).and_then(|rtes| rtes.get(*rte));
            rte.map_or_else(Vec::new, |rte| rte.columns.clone())
        }
        NodeKind::Call { function, .. } => out_columns(function),
        NodeKind::Var(var) => columns_of_variable(levels, *var),
        _ => Vec::new(),
    }
}

/// Returns the columns of a record that is a column of a subquery or of a query in `WITH`.
fn columns_of_variable(levels: &[&[Rte]], var: Var) -> Vec<RteColumn> {
    let outer = levels.get(var.level..).unwrap_or_default();
    let Some(rte) = outer.first().and_then(|rtes| rtes.get(var.rte)) else { return Vec::new() };
    match &rte.source {
        RteSource::Subquery { query, view: None } => columns_of_target(query, outer, var.column),
        // The query of a view cannot refer to the query that uses the view. For the query of a WITH, a reference to an
        // outer query is not followed.
        RteSource::Subquery { query, view: Some(_) } => columns_of_target(query, &[], var.column),
        RteSource::Cte(cte) => {
            let query = cte.query.borrow();
            query.as_ref().map_or_else(Vec::new, |query| columns_of_target(query, &[], var.column))
        }
        RteSource::Table { .. } | RteSource::Function { .. } | RteSource::Nullable => Vec::new(),
    }
}

fn columns_of_target(query: &Query, outer: &[&[Rte]], column: usize) -> Vec<RteColumn> {
    match &query.body {
        // The target list of a set operation is the target list of its first query.
        Body::SetOperation { left, .. } => columns_of_target(left, outer, column),
        Body::Values(_) => Vec::new(),
        Body::Plain => {
            let Some(target) = query.targets.get(column) else { return Vec::new() };
            let mut levels: Vec<&[Rte]> = vec![&query.rtes];
            levels.extend(outer);
            columns_in(&levels, &target.node)
        }
    }
}
