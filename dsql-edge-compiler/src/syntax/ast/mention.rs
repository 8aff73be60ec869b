//! Whether a statement names a relation without schema, anywhere.
//!
//! In: a statement and a name. Out: yes or no. A local `WITH` of the same name may make it yes without
//! need: names are not resolved here.

use super::{
    Assignment, Expr, FromItem, JoinConstraint, Limit, OnConflict, Query, QueryBody, Statement,
    StatementKind, Target, With, walk_queries,
};

/// Whether the statement names the relation, in its own `FROM` or below.
pub fn mentions(statement: &Statement, name: &str) -> bool {
    let with =
        |with: &Option<With>| with.iter().flat_map(|it| &it.ctes).any(|it| mentions(&it.statement, name));
    let exprs = |list: &[Target]| list.iter().any(|target| in_expr(&target.expr, name));
    match &statement.kind {
        StatementKind::Query(query) => in_query(query, name),
        StatementKind::Insert(insert) => {
            let conflict = |conflict: &OnConflict| {
                conflict.update.as_ref().is_some_and(|(assignments, filter)| {
                    assignments.iter().any(|it| in_assignment(it, name))
                        || filter.iter().any(|filter| in_expr(filter, name))
                })
            };
            with(&insert.with)
                || insert.source.as_ref().is_some_and(|source| in_query(source, name))
                || insert.on_conflict.as_ref().is_some_and(conflict)
                || exprs(&insert.returning)
        }
        StatementKind::Update(update) => {
            with(&update.with)
                || update.assignments.iter().any(|it| in_assignment(it, name))
                || update.from.iter().any(|item| in_item(item, name))
                || update.filter.iter().any(|filter| in_expr(filter, name))
                || exprs(&update.returning)
        }
        StatementKind::Delete(delete) => {
            with(&delete.with)
                || delete.using.iter().any(|item| in_item(item, name))
                || delete.filter.iter().any(|filter| in_expr(filter, name))
                || exprs(&delete.returning)
        }
        _ => false,
    }
}

fn in_assignment(assignment: &Assignment, name: &str) -> bool {
    match assignment {
        Assignment::Single(_, value) | Assignment::Multiple(_, value) => in_expr(value, name),
    }
}

fn in_query(query: &Query, name: &str) -> bool {
    let with = query.with.iter().flat_map(|with| &with.ctes).any(|cte| mentions(&cte.statement, name));
    let limit = match &query.limit {
        Some(Limit::Count(count) | Limit::WithTies(count)) => in_expr(count, name),
        Some(Limit::All) | None => false,
    };
    let around = query.order_by.iter().any(|key| in_expr(&key.expr, name))
        || query.offset.iter().any(|offset| in_expr(offset, name));
    with || limit
        || around
        || match &query.body {
            QueryBody::Select(select) => {
                select.from.iter().any(|item| in_item(item, name))
                    || select.filter.iter().chain(&select.having).any(|expr| in_expr(expr, name))
                    || select.targets.iter().any(|target| in_expr(&target.expr, name))
            }
            QueryBody::Values(rows) => rows.iter().flatten().any(|expr| in_expr(expr, name)),
            QueryBody::SetOperation { left, right, .. } => in_query(left, name) || in_query(right, name),
        }
}

fn in_item(item: &FromItem, name: &str) -> bool {
    match item {
        FromItem::Table { name: table, .. } => table.schema().is_none() && table.name() == name,
        FromItem::Subquery { query, .. } => in_query(query, name),
        FromItem::Join(join) => {
            let on = match &join.constraint {
                JoinConstraint::On(on) => in_expr(on, name),
                JoinConstraint::Using(..) | JoinConstraint::None => false,
            };
            on || in_item(&join.left, name) || in_item(&join.right, name)
        }
        FromItem::Function(item) => item.functions.iter().any(|(call, _)| in_expr(call, name)),
        FromItem::XmlTable(table) => in_expr(&table.row, name) || in_expr(&table.document, name),
    }
}

fn in_expr(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    walk_queries(expr, &mut |query| found = found || in_query(query, name));
    found
}
