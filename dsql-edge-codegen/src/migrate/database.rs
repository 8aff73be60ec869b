//! Runs SQL on the server for the ledger and the steps, over dsql-edge's own client.
//!
//! Input: SQL. Output: rows of text, or the number of changed rows.

use std::time::Duration;

use anyhow::Result;
use dsql_edge::dynamic::{self, UniqueKey};
use dsql_edge::{Config, Dsql, Error};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_compiler::source::Span;
use dsql_edge_migrations::File;
use dsql_edge_migrations::catalog::Rows;

use crate::pull::Row;
use crate::pull::columns;

/// The server.
pub(super) struct Database {
    dialect: Dialect,
    /// The client, which retries only transactions: before a single statement is sent again, the caller may have to
    /// confirm its lease.
    dsql: Dsql,
}

/// Counts the attempts to send a statement. `another` permits a further attempt only if the last one had no effect.
pub(super) struct Attempts {
    made: u32,
    pause: Duration,
}

/// The maximum number of attempts, including the first one.
const ATTEMPTS: u32 = 10;

/// The first and the longest wait before the next attempt, and the shortest wait after a failed connection.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_TO_CONNECT: Duration = Duration::from_millis(250);

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts { made: 1, pause: FIRST_PAUSE }
    }

    /// Returns whether to send the statement again after an error; if so, waits first.
    pub(super) async fn another(&mut self, error: &Error) -> bool {
        if self.made >= ATTEMPTS || !did_nothing(error) {
            return false;
        }
        let least = if error.is_conflict() { Duration::ZERO } else { PAUSE_TO_CONNECT };
        tokio::time::sleep(self.pause.max(least)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.made += 1;
        true
    }
}

/// Whether a statement may be sent again: it conflicted with another transaction, or it never arrived.
fn did_nothing(error: &Error) -> bool {
    let known = !error.is_outcome_unknown() && !error.is_executed();
    let never_arrived = error.is_connect() || error.is_connection_lost();
    known && (error.is_conflict() || never_arrived && !error.is_credentials() && !error.is_access_denied())
}

/// A statement, and its file and line if it is from a file of the user.
#[derive(Clone, Copy)]
pub(super) struct Sql<'s> {
    pub(super) text: &'s str,
    pub(super) file: &'s str,
    pub(super) line: u32,
    /// The value of the parameter `$1`, if the statement has one.
    pub(super) parameter: Option<&'s str>,
}

/// The columns of the first row of an answer; empty if the answer does not have a row.
pub(super) type FirstRow = Vec<Option<String>>;

/// The maximum number of times that a repeatable write is sent.
const TIMES: u32 = 6;

/// The primary key of the ledger. Each INSERT into the ledger writes the columns of this key.
static LEDGER: UniqueKey = UniqueKey::new(&["migrations_pkey"]);

/// The time limit for a statement. DSQL ends a transaction after five minutes. PostgreSQL has no limit, and may build
/// an index for hours; a run whose network fails ends earlier, because it cannot renew its lease.
const LONGEST_ON_DSQL: Duration = Duration::from_secs(300);
const LONGEST_ON_POSTGRES: Duration = Duration::from_secs(7 * 24 * 3600);

/// The largest statement, in bytes: an INSERT of a migration may be longer than DSQL's limit of 10 MiB.
const LARGEST_ON_POSTGRES: usize = 256 << 20;

/// The statements with which a transaction of the user's statements ends on PostgreSQL. A DO block or a function can
/// change the session in a way that the text of a migration does not show. The next step uses the same session; behind
/// a pooler in transaction mode, another client may get the session. PostgreSQL does not accept `DISCARD ALL` in a
/// transaction. It accepts the statements in this list, which reset what a migration can leave in a session. Deferred
/// triggers run first, because they may need a setting of the transaction, or change one.
const CLEANUP: [&str; 7] = [
    "SET CONSTRAINTS ALL IMMEDIATE",
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "UNLISTEN *",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "DISCARD TEMP",
];

impl Rows for Database {
    type Error = Error;

    async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        parameters: &[Option<&str>],
    ) -> Result<Vec<Row<N>>, Error> {
        let sql = dynamic::Sql::reading(sql);
        let mut attempts = Attempts::new();
        loop {
            match sql.query(parameters).fetch_all(&self.dsql).await {
                Err(error) if attempts.another(&error).await => {}
                done => return Ok(done?.into_iter().map(columns).collect()),
            }
        }
    }
}

impl Database {
    pub(super) fn new(config: Config, dialect: Dialect) -> Database {
        let (config, longest) = match dialect {
            Dialect::Dsql => (config, LONGEST_ON_DSQL),
            Dialect::Postgres => (config.max_message(LARGEST_ON_POSTGRES), LONGEST_ON_POSTGRES),
        };
        let config = config.query_timeout(longest).transaction_timeout(longest);
        Database { dialect, dsql: Dsql::new(config.max_attempts(1)) }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs a write that has no further effect if it is repeated, and repeats the write if its answer was lost.
    pub(super) async fn settle(&self, sql: &'static str, parameters: &[Option<&str>]) -> Result<u64, Error> {
        let sql = dynamic::Sql::writing(sql);
        let (mut times, mut attempts) = (1, Attempts::new());
        loop {
            match sql.command(parameters).execute(&self.dsql).await {
                Err(error) if error.is_outcome_unknown() && times < TIMES => times += 1,
                Err(error) if attempts.another(&error).await => {}
                done => return done,
            }
        }
    }

    /// Sends a statement once, in a separate transaction.
    pub(super) async fn once(&self, sql: Sql<'_>) -> Result<FirstRow, Error> {
        let parameters: Vec<_> = sql.parameter.map(Some).into_iter().collect();
        let rows = sql.writing().query(&parameters).fetch_all(&self.dsql).await?;
        Ok(rows.into_iter().next().map(|row| row.into_values()).unwrap_or_default())
    }

    /// Runs statements and writes the ledger's row in one transaction: either all of them are applied, once, or none.
    /// On PostgreSQL, the transaction resets the settings of its session.
    pub(super) async fn transaction(
        &self,
        statements: &[Sql<'_>],
        key: &'static str,
        parameters: &[Option<&str>],
    ) -> Result<(), Error> {
        let statements: Vec<dynamic::Sql> = statements.iter().map(Sql::writing).collect();
        let key = dynamic::Sql::writing(key).key(parameters, &LEDGER);
        let cleanup: &[&str] = if self.dialect == Dialect::Postgres { &CLEANUP } else { &[] };
        self.dsql
            .transaction(async move |tx| {
                for statement in &statements {
                    statement.command(&[]).execute(tx).await?;
                }
                if !cleanup.is_empty() {
                    let cleanup = cleanup.iter().map(|sql| dynamic::Sql::writing(*sql).command(&[]));
                    tx.pipeline(cleanup.collect::<Vec<_>>()).await?;
                }
                Ok::<(), Error>(())
            })
            .idempotency_key(key)
            .max_attempts(ATTEMPTS)
            .await?;
        Ok(())
    }
}

impl Sql<'_> {
    /// Returns a statement of a file.
    pub(super) fn of_file(file: &File, span: Span) -> Sql<'_> {
        let (line, _) = file.line_and_column(span.start);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Sql { text: span.text(&file.text), file: &file.path, line, parameter: None }
    }

    /// Returns a statement that is not from the user's file.
    pub(super) fn own(text: &str) -> Sql<'_> {
        Sql { text, file: "", line: 0, parameter: None }
    }

    fn writing(&self) -> dynamic::Sql {
        dynamic::Sql::writing(self.text).at(self.file, self.line)
    }
}
