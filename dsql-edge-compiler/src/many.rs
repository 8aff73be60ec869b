//! Decides whether a statement for many rows can be sent once, with an array for each parameter.
//!
//! Input: a statement and its parameters. Output: `INSERT … SELECT … FROM UNNEST($1, $2)`, if this statement certainly
//! has the same effect as one execution of the original statement for each row. Otherwise the output is `None`, and the
//! original statement is executed once for each row.

use crate::builtin;
use crate::fields::{Marker, marker};
use crate::source::{Edits, Span};
use crate::sql_type::SqlTypeKind;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Expr, ExprKind, Insert, QueryBody, StatementKind};
use crate::typed::{TypedParameter, Unnest};

/// The alias under which the rewritten statement reads the arrays. The long prefix prevents a conflict with names in
/// the user's SQL.
const ROWS: &str = "dsql_edge_rows";

/// Rewrites `statement` so that each parameter is an array, if `statement` is an INSERT of one row whose values are
/// parameters or constants, with or without casts.
pub(crate) fn unnest(statement: ParsedStatement<'_>, parameters: &[TypedParameter]) -> Option<Unnest> {
    let StatementKind::Insert(insert) = &statement.tree.kind else { return None };
    let row = plain_row(insert)?;
    let mut types = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let ty = &parameter.sql_type;
        // UNNEST is not possible for an array, because PostgreSQL flattens an array of arrays. For a type of the
        // schema, UNNEST is not possible because the OID of the array type is not known.
        let known = matches!(marker(ty), Marker::Scalar(name) if name != "Unknown");
        let array = builtin::type_by_oid(ty.oid).map_or(0, |it| it.array);
        if !known || ty.kind != SqlTypeKind::Scalar || array == 0 {
            return None;
        }
        types.push((ty.oid, array));
    }
    if types.is_empty() {
        return None;
    }
    // The SELECT list replaces `VALUES (…)`: the edits replace the text before the first value and after the last
    // value.
    let (first, last) = (row.first()?, row.last()?);
    let body = insert.source.as_ref()?.span;
    let opening = Span { start: body.start, end: first.span.start };
    let closing = Span { start: last.span.end, end: body.end };
    let numbers = || 1..=types.len();
    let arrays: Vec<String> = numbers().map(|number| format!("${number}")).collect();
    let names: Vec<String> = numbers().map(|number| format!("p{number}")).collect();
    let from = format!(" FROM UNNEST({}) AS {ROWS}({})", arrays.join(", "), names.join(", "));
    let mut edits = Edits::from_iter([(opening, "SELECT ".to_owned()), (closing, from)]);
    let placeholders = statement.tokens.placeholders.iter();
    edits.extend(placeholders.map(|(span, number)| (*span, format!("{ROWS}.p{number}"))));
    Some(Unnest { sql: edits.apply(statement.text), types })
}

/// Returns the row that an INSERT inserts, if the INSERT has only one row, and no clause that depends on earlier rows
/// or on the order of the rows.
fn plain_row(insert: &Insert) -> Option<&[Expr]> {
    let plain = insert.with.is_none() && insert.overriding.is_none() && insert.returning.is_empty();
    let updates = insert.on_conflict.as_ref().is_some_and(|it| it.update.is_some());
    let source = insert.source.as_ref()?;
    let only_values = source.with.is_none()
        && source.order_by.is_empty()
        && source.limit.is_none()
        && source.offset.is_none()
        && source.locking.is_empty();
    match &source.body {
        QueryBody::Values(rows) if plain && !updates && only_values => match rows.as_slice() {
            [row]
                if row.iter().all(is_plain) && insert.columns.iter().all(|it| it.indirection.is_empty()) =>
            {
                Some(row)
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_plain(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Parameter(_) | ExprKind::Literal(_) => true,
        ExprKind::Cast { arg, .. } => is_plain(arg),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    fn sent(sql: &str) -> Option<String> {
        let schema = "CREATE DOMAIN score AS int;
            CREATE TYPE mood AS ENUM ('ok');
            CREATE TABLE t (id int PRIMARY KEY, a text, b text[], c mood, d score, e jsonb);";
        let schema = Schema::parse(schema).unwrap();
        compile(&Source::of_macro(sql), &schema).unwrap().unnest.map(|it| it.sql)
    }

    #[test]
    fn only_equivalent_inserts_become_one_statement() {
        assert_eq!(
            sent(
                "INSERT INTO t (id, a, e) VALUES ( $id, lower, $e::text::jsonb ) ON CONFLICT DO NOTHING"
                    .replace("lower", "'x'")
                    .as_str()
            )
            .unwrap(),
            "INSERT INTO t (id, a, e) SELECT dsql_edge_rows.p1, 'x', dsql_edge_rows.p2::text::jsonb \
             FROM UNNEST($1, $2) AS dsql_edge_rows(p1, p2) ON CONFLICT DO NOTHING"
        );
        assert!(sent("INSERT INTO t VALUES ($1, $2)").is_some());
        for row_by_row in [
            "INSERT INTO t (id) VALUES ($id) RETURNING id",
            "INSERT INTO t (id) VALUES ($id) ON CONFLICT (id) DO UPDATE SET a = 'x'",
            "INSERT INTO t (id, a) VALUES ($id, DEFAULT)",
            "INSERT INTO t (id, a) VALUES ($id, lower($a))",
            "INSERT INTO t (id, b) VALUES ($id, $b)",
            "INSERT INTO t (id, c) VALUES ($id, $c)",
            "INSERT INTO t (id) VALUES ($id), ($id + 1)",
            "INSERT INTO t (id) SELECT $id",
            "INSERT INTO t (id) VALUES (1)",
            "WITH x AS (SELECT 1) INSERT INTO t (id) VALUES ($id)",
            "UPDATE t SET a = $a WHERE id = $id",
        ] {
            assert_eq!(sent(row_by_row), None, "{row_by_row}");
        }
    }
}
