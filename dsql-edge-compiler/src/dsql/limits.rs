//! Limits that a statement alone can break: rows, columns, keys, indexes.
//!
//! In: what a statement creates or writes. Out: the limit that it breaks, where the text itself shows it. What
//! depends on data (sizes, the age of a transaction, rows that a condition picks) is DSQL's to find.

use super::Finding;
use super::rule::rules;
use crate::source::Span;
use crate::syntax::ast::{CreateTable, Expr, ExprKind, Insert, Literal, Query, QueryBody, TableElement};

/// Rows that one transaction may change ("Database limits", DSQL user guide; recorded: 3,000 pass).
pub const ROWS: i64 = 3_000;
/// Columns of a table: the user guide says 255, a cluster took 256.
pub const COLUMNS: usize = 256;
/// Columns of a key or an index.
pub const KEY_COLUMNS: usize = 8;
/// Indexes of a table, its primary key and unique constraints among them.
pub const INDEXES: usize = 24;

rules! {
    /// The limits.
    LIMITS;
    // rule            what is refused                            SQLSTATE  DSQL's words                                              known by     what to do instead
    rows:              "more than 3,000 rows in a transaction"  | "54000" | "transaction row limit exceeded"                        | Recorded   | "write 3,000 rows at most in one transaction, and the rest in the next";
    table_columns:     "more than 255 columns in a table"       | "54011" | "tables can have at most 255 columns"                   | Documented | "split the table, or keep what is rarely read as jsonb";
    key_columns:       "more than 8 columns in a key"           | "54011" | "more than 8 column keys in an index are not supported" | Documented | "INCLUDE (…) the columns that only are to be read";
    table_indexes:     "more than 24 indexes of a table"        | "54000" | "more than 24 indexes per table are not allowed"        | Documented | "keep those that queries need";
}

pub(super) fn columns(table: &CreateTable, out: &mut Vec<Finding>) {
    let columns = table.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        _ => None,
    });
    out.extend(columns.skip(COLUMNS).take(1).map(|column| table_columns.at(column.name.span)));
}

pub(super) fn key(count: usize, span: Span, out: &mut Vec<Finding>) {
    if count > KEY_COLUMNS {
        out.push(key_columns.at(span));
    }
}

pub(super) fn index_key(count: usize, span: Span, out: &mut Vec<Finding>) {
    key(count, span, out);
}

pub(super) fn indexes(count: usize, span: Span, out: &mut Vec<Finding>) {
    if count > INDEXES {
        out.push(table_indexes.at(span));
    }
}

/// Rows that an INSERT is sure to write: those of VALUES, and those of `generate_series` of constants.
pub(super) fn inserted(insert: &Insert, out: &mut Vec<Finding>) {
    let Some(source) = &insert.source else { return };
    // Rows that conflict are not written.
    if insert.on_conflict.is_some() || source.limit.is_some() || source.offset.is_some() {
        return;
    }
    if rows_of(source).is_some_and(|count| count > ROWS) {
        out.push(rows.at(source.span));
    }
}

fn rows_of(query: &Query) -> Option<i64> {
    match &query.body {
        QueryBody::Values(list) => i64::try_from(list.len()).ok(),
        QueryBody::Select(select) => {
            let plain = select.from.is_empty()
                && select.filter.is_none()
                && select.distinct.is_none()
                && select.group_by.is_empty()
                && select.having.is_none();
            plain.then(|| select.targets.iter().filter_map(|target| series(&target.expr)).max()).flatten()
        }
        QueryBody::SetOperation { .. } => None,
    }
}

/// How many rows `generate_series(1, 3001)` gives.
fn series(expr: &Expr) -> Option<i64> {
    let ExprKind::Function(call) = &expr.kind else { return None };
    let number = |at: usize| match call.args.get(at)?.value.kind {
        ExprKind::Literal(Literal::Integer(value)) => Some(i64::from(value)),
        _ => None,
    };
    let builtin = call.name.schema().is_none_or(|schema| schema == "pg_catalog");
    (builtin && call.name.name() == "generate_series" && call.args.len() == 2)
        .then(|| Some((number(1)? - number(0)? + 1).max(0)))
        .flatten()
}
