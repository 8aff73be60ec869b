//! Runs a script on PostgreSQL.
//!
//! Input: pieces. Output: the catalog, the rows and the errors afterwards, as text.

use std::fmt::Write;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use dsql_edge_tests::oracle::Database;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use crate::psql::Piece;

/// The result of a script.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Catalog and rows.
    pub(crate) state: String,
    /// The SQLSTATEs of the statements that failed by themselves.
    pub(crate) errors: Vec<String>,
}

/// Runs the files of a script in an empty schema, statement by statement, and continues after errors. `one_session`:
/// the settings of a file also apply to the next file.
pub(crate) fn run(files: &[Vec<Piece>], one_session: bool, database: &Database<'_>) -> Result<Outcome> {
    let (client, runtime) = database.client();
    runtime.block_on(async {
        client.batch_execute("ROLLBACK").await?;
        client.batch_execute("DISCARD ALL").await?;
        client.batch_execute("DROP SCHEMA IF EXISTS public, other CASCADE; CREATE SCHEMA public").await?;
        let mut errors = Vec::new();
        for pieces in files {
            run_file(pieces, client, &mut errors).await?;
            client.batch_execute("ROLLBACK").await?;
            if !one_session {
                client.batch_execute("DISCARD ALL").await?;
            }
        }
        client.batch_execute("DISCARD ALL").await?;
        Ok(Outcome { state: state(client).await?, errors })
    })
}

async fn run_file(pieces: &[Piece], client: &Client, errors: &mut Vec<String>) -> Result<()> {
    for piece in pieces {
        let (statement, done) = match piece {
            Piece::Statement(sql) => (sql, client.batch_execute(&without_async(sql)).await),
            Piece::Copy { statement, rows } => (statement, copy(client, statement, rows).await),
            Piece::Command(_) => continue,
        };
        if let Err(error) = done {
            let state = error.code().with_context(|| format!("{error:?}: {piece:?}"))?.code().to_owned();
            // In a failed transaction every statement fails, so 25P02 is left out. A rewrite adds a constraint with two
            // statements. If the second of these statements fails, the constraint stays NOT VALID. The catalog shows
            // whether the constraint is NOT VALID, so the error is left out.
            if state != "25P02" && !statement.contains("VALIDATE CONSTRAINT") {
                errors.push(state);
            }
        }
    }
    Ok(())
}

/// Removes DSQL's word ASYNC, which PostgreSQL does not have.
fn without_async(sql: &str) -> String {
    for command in ["CREATE INDEX", "CREATE UNIQUE INDEX", "ALTER TABLE"] {
        if let Some(rest) = sql.strip_prefix(command).and_then(|rest| rest.strip_prefix(" ASYNC ")) {
            return format!("{command} {rest}");
        }
    }
    sql.to_owned()
}

/// Runs the COPY with its rows in a file. If a COPY failed with tokio-postgres's own functions, the client and the
/// server would disagree about the state of the connection.
async fn copy(client: &Client, statement: &str, rows: &str) -> Result<(), Error> {
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile().unwrap();
    std::fs::write(file.path(), rows).unwrap();
    let from_file = format!("FROM '{}'", file.path().display());
    let (before, after) = statement.split_once("FROM stdin").or(statement.split_once("FROM STDIN")).unwrap();
    client.batch_execute(&format!("{before}{from_file}{after}")).await
}

/// A query that describes the catalog. All identity columns are described in one form, and the order of an index is
/// left out, because DSQL has only bigint identity columns and indexes without an order.
const CATALOG: &str = r"
SELECT 'column ' || c.relname || '.' || a.attname || ' ' ||
       CASE WHEN a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' THEN
                CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END
            ELSE format_type(a.atttypid, a.atttypmod) || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') END
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT (c.relkind = 'v' AND a.attname IN ('id', 'a'))
UNION ALL
SELECT 'constraint ' || c.relname || '.' || k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index ' || c.relname || '.' || x.relname || ' ' || i.indisunique || ' ' ||
       (SELECT string_agg(pg_get_indexdef(i.indexrelid, key, true), ', ' ORDER BY key)
        FROM generate_series(1, i.indnkeyatts::int) AS key)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
WHERE x.relnamespace = 'public'::regnamespace AND i.indisvalid
UNION ALL
SELECT 'sequence ' || c.relname || ' ' || s.seqstart || ' ' || s.seqcycle || ' ' || coalesce(pg_sequence_last_value(c.oid), 0)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'view ' || c.relname || pg_get_viewdef(c.oid)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
UNION ALL
SELECT 'function ' || p.proname || ' ' || p.prosrc FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'comment ' || c.relname || ' ' || d.description
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid WHERE c.relnamespace = 'public'::regnamespace
ORDER BY 1";

const TABLES: &str =
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1";

async fn state(client: &Client) -> Result<String> {
    let mut out = String::new();
    for line in first_column(client, CATALOG).await? {
        writeln!(out, "{line}")?;
    }
    for table in first_column(client, TABLES).await? {
        for row in first_column(client, &format!("SELECT t::text FROM {table} t ORDER BY 1")).await? {
            writeln!(out, "row {table} {row}")?;
        }
    }
    Ok(out)
}

async fn first_column(client: &Client, sql: &str) -> Result<Vec<String>> {
    let messages = client.simple_query(sql).await?;
    let value = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(value).collect())
}
