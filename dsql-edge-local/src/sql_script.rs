//! Runs a file of SQL, and reports an error with its location in the file.
//!
//! Input: a session, and the contents of a file. Output: nothing, or PostgreSQL's error with file, line and column.

use dsql_edge_compiler::Source;
use dsql_edge_compiler::syntax::Parsed;
use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

use crate::Error;
use crate::rules::for_postgres;
use crate::seal::SealKey;

/// Sends the whole SQL as one message, so that PostgreSQL runs it in one transaction. DSQL's own forms are available.
pub(crate) async fn run_whole(client: &Client, key: &SealKey, name: &str, sql: &str) -> Result<(), Error> {
    let done = client.batch_execute(&for_postgres(sql, key)).await;
    done.map_err(|error| at(name, sql, 0, &error))
}

/// Runs the statements of an SQL string one after the other, as psql does. If `key` is given, the session is one
/// without the proxy, and DSQL's own forms are rewritten for PostgreSQL. If our parser cannot read the SQL, the whole
/// SQL is sent as one message, so that PostgreSQL reports the error.
pub(crate) async fn run_statements(
    client: &Client,
    key: Option<&SealKey>,
    name: &str,
    sql: &str,
) -> Result<(), Error> {
    for (start, statement) in statements(sql) {
        let sent = match key {
            Some(key) => for_postgres(statement, key),
            None => statement.to_owned(),
        };
        client.batch_execute(&sent).await.map_err(|error| at(name, sql, start, &error))?;
    }
    Ok(())
}

/// Splits an SQL string into statements, each with its position.
fn statements(sql: &str) -> Vec<(usize, &str)> {
    match Parsed::script(&Source::script(sql)) {
        Ok(parsed) => {
            parsed.iter().map(|statement| (statement.span.start as usize, statement.span.text(sql))).collect()
        }
        Err(_) => vec![(0, sql)],
    }
}

/// The error of a statement that begins at the byte `start` of a file.
fn at(name: &str, sql: &str, start: usize, error: &tokio_postgres::Error) -> Error {
    let Some(rejected) = error.as_db_error() else {
        return Error::InitSql { place: name.to_owned(), message: error.to_string() };
    };
    // PostgreSQL counts characters from 1. Without a position, the error is about the whole statement.
    let inside = match rejected.position() {
        Some(ErrorPosition::Original(at)) => (*at as usize).saturating_sub(1),
        _ => 0,
    };
    let (before, statement) = sql.split_at_checked(start).unwrap_or((sql, ""));
    let before: String = before.chars().chain(statement.chars().take(inside)).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let detail = rejected.detail().map_or(String::new(), |detail| format!(" ({detail})"));
    Error::InitSql {
        place: format!("{name}:{line}:{column}"),
        message: format!("{}: {}{detail}", rejected.code().code(), rejected.message()),
    }
}
