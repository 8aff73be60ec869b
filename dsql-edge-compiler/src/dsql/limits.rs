//! Checks the limits that one statement can exceed: the numbers of rows, columns of a table, columns of a key, indexes
//! of a table, and schemas.
//!
//! Input: the objects that a statement creates, or the rows that it writes. Output: the limit that the statement
//! exceeds, if the SQL alone shows this. Only DSQL can check limits that depend on data (sizes, the age of a
//! transaction, rows that a condition selects).

use super::Finding;
use super::rule::rules;
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::ast::{
    CreateSchema, CreateTable, Expr, ExprKind, FromItem, Insert, Literal, Query, QueryBody, TableElement,
};

/// The maximum number of rows that one transaction may change ("Database limits", DSQL user guide; recorded: a cluster
/// accepted 3,000).
pub const ROWS: i64 = 3_000;
/// The maximum number of columns of a table: 255 in the user guide, but a cluster accepted 256.
pub const COLUMNS: usize = 256;
/// The maximum number of columns of a key or an index, without the INCLUDE columns of the index.
pub const KEY_COLUMNS: usize = 8;
/// The maximum number of schemas of a cluster, without `public` and `sys`.
pub const SCHEMAS: usize = 10;
/// The maximum number of indexes of a table, including those of its primary key and unique constraints.
pub const INDEXES: usize = 24;

rules! {
    /// The limits.
    LIMITS;
    // rule            what is rejected                           SQLSTATE  DSQL's words
    // known by     alternative
    rows:              "more than 3,000 rows in a transaction"  | "54000" | "transaction row limit exceeded"                        | Recorded   | "write at most 3,000 rows per transaction";
    table_columns:     "more than 256 columns in a table"       | "54011" | "cannot use more than 256 columns in an index"          | Observed "AWS's agent plugins, observed 2026-10" | "split the table, or store rarely read columns as jsonb";
    key_columns:       "more than 8 columns in a key"           | "54011" | "more than 8 column keys in an index are not supported" | Observed "ministack, live 2026-10-04" | "put columns that are only read into INCLUDE (…)";
    schemas:           "more than 10 schemas"                    | "54000" | "more than 10 schemas not allowed"                      | Observed "AWS's agent plugins, observed 2026-10" | "use fewer schemas, or another cluster; public does not count";
    table_indexes:     "more than 24 indexes of a table"        | "54000" | "more than 24 indexes per table are not allowed"        | Documented | "keep only the indexes that queries need";
}

/// A limit of a cluster or a transaction, as DSQL states it ("Cluster quotas", "Database limits", DSQL user guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The limited quantity.
    pub of: &'static str,
    /// The value of the limit.
    pub value: &'static str,
    /// The SQLSTATE of DSQL's error; "" if DSQL closes the connection.
    pub sqlstate: &'static str,
    /// The message of DSQL's error.
    pub message: &'static str,
}

/// All limits, including those that SQL text does not show.
#[rustfmt::skip]
pub const ALL: &[Limit] = &[
    // of                                                          value                                     SQLSTATE
    // DSQL's words
    Limit { of: "rows changed in a transaction",                  value: "3,000",                            sqlstate: "54000", message: "transaction row limit exceeded" },
    Limit { of: "bytes written in a transaction, indexes included",  value: "10 MiB, checked at COMMIT",           sqlstate: "54000", message: "transaction size limit 10mb exceeded" },
    Limit { of: "age of a transaction",                           value: "5 minutes",                        sqlstate: "54000", message: "transaction age limit of 300s exceeded" },
    Limit { of: "a row",                                          value: "2 MiB",                            sqlstate: "54000", message: "maximum row size exceeded" },
    Limit { of: "a column outside keys",                       value: "1 MiB",                            sqlstate: "54000", message: "maximum column size exceeded" },
    Limit { of: "the columns of a key or an index together",      value: "1 KiB; a cluster accepted 1,981 bytes", sqlstate: "54000", message: "key size too large" },
    Limit { of: "columns of a key or an index",                   value: "8",                                sqlstate: "54011", message: "more than 8 column keys in an index are not supported" },
    Limit { of: "columns of a table",                             value: "255; a cluster accepted 256",          sqlstate: "54011", message: "cannot use more than 256 columns in an index" },
    Limit { of: "indexes of a table, including keys",            value: "24",                               sqlstate: "54000", message: "more than 24 indexes per table are not allowed" },
    Limit { of: "memory of a query",                              value: "128 MiB",                          sqlstate: "53200", message: "query requires too much temp space, out of memory." },
    Limit { of: "connections of a cluster",                       value: "10,000",                           sqlstate: "53300", message: "Unable to accept connection, too many open connections." },
    Limit { of: "new connections",                                value: "100 per second, 1,000 at once",      sqlstate: "53400", message: "Unable to accept connection, rate exceeded." },
    Limit { of: "lifetime of a connection",                           value: "60 minutes",                       sqlstate: "",      message: "" },
];

pub(super) fn columns(table: &CreateTable, out: &mut Vec<Finding>) {
    let columns = table.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        _ => None,
    });
    out.extend(columns.skip(COLUMNS).take(1).map(|column| table_columns.at(column.name.span)));
}

/// Checks the number of schemas, including the schema that CREATE SCHEMA adds.
pub(super) fn schemas_of(
    created: &CreateSchema,
    schema: Option<&Schema>,
    place: Span,
    out: &mut Vec<Finding>,
) {
    let Some(schema) = schema else { return };
    let counted = schema.schemas.iter().filter(|name| !matches!(name.as_str(), "public" | "sys"));
    let is_new = !created.name.as_ref().is_some_and(|name| schema.has_schema(&name.text));
    if is_new && counted.count() >= SCHEMAS {
        out.push(schemas.at(place));
    }
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

/// Checks how many rows an INSERT certainly writes: the rows of VALUES, or the rows of `generate_series` with
/// constants.
pub(super) fn inserted(insert: &Insert, out: &mut Vec<Finding>) {
    let Some(source) = &insert.source else { return };
    // ON CONFLICT may skip rows, and LIMIT and OFFSET may leave rows out, so the number of written rows is not certain.
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
            let plain = select.filter.is_none()
                && select.distinct.is_none()
                && select.group_by.is_empty()
                && select.having.is_none();
            match select.from.as_slice() {
                _ if !plain => None,
                [] => select.targets.iter().filter_map(|target| series(&target.expr)).max(),
                [FromItem::Function(item)] => match item.functions.as_slice() {
                    [(call, _)] if select.targets.iter().all(|target| !may_return_set(&target.expr)) => {
                        series(call)
                    }
                    _ => None,
                },
                _ => None,
            }
        }
        QueryBody::SetOperation { .. } => None,
    }
}

/// Whether an expression may return more or fewer rows than one, or may be an aggregate.
fn may_return_set(expr: &Expr) -> bool {
    !matches!(
        expr.kind,
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Parameter(_) | ExprKind::Star(_)
    )
}

/// Returns the number of rows that a call such as `generate_series(1, 3001)` returns; `None` for any other expression.
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
