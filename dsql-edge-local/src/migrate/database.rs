//! The statements of a run of migrations, over a session of the endpoint.
//!
//! Input: SQL whose parameters are texts. Output: rows of texts. A statement that conflicts with another session
//! (40001) is sent again.

use std::time::Duration;

use bytes::BytesMut;
use dsql_edge_migrations::catalog::Rows;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// The maximum number of attempts, including the first one.
const ATTEMPTS: u32 = 10;

/// The wait before the second attempt; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// A session of the endpoint.
pub(super) struct Database(pub(super) Client);

impl Rows for Database {
    type Error = Error;

    async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        parameters: &[Option<&str>],
    ) -> Result<Vec<[Option<String>; N]>, Error> {
        let mut attempts = Attempts::new();
        loop {
            match self.rows_once(sql, parameters).await {
                Err(error) if attempts.another(&error).await => {}
                done => return done,
            }
        }
    }
}

impl Database {
    async fn rows_once<const N: usize>(
        &self,
        sql: &str,
        parameters: &[Option<&str>],
    ) -> Result<Vec<[Option<String>; N]>, Error> {
        let rows = self.0.query(sql, &borrowed(&texts(parameters))).await?;
        let texts_of = |row: &tokio_postgres::Row| {
            let mut columns = std::array::from_fn(|_| None);
            for (at, column) in columns.iter_mut().enumerate() {
                *column = row.try_get(at)?;
            }
            Ok(columns)
        };
        rows.iter().map(texts_of).collect()
    }

    /// Runs a write of the ledger; returns the number of changed rows.
    pub(super) async fn write(&self, sql: &str, parameters: &[Option<&str>]) -> Result<u64, Error> {
        let mut attempts = Attempts::new();
        loop {
            match self.0.execute(sql, &borrowed(&texts(parameters))).await {
                Err(error) if attempts.another(&error).await => {}
                done => return done,
            }
        }
    }

    /// Runs a write of the ledger once, without a retry, because the write is a part of a transaction.
    pub(super) async fn write_once(&self, sql: &str, parameters: &[Option<&str>]) -> Result<u64, Error> {
        self.0.execute(sql, &borrowed(&texts(parameters))).await
    }

    /// Runs a statement of a file in a separate transaction; returns the first column of its first row.
    pub(super) async fn send(&self, sql: &str) -> Result<Option<String>, Error> {
        let mut attempts = Attempts::new();
        loop {
            match self.0.simple_query(sql).await {
                Err(error) if attempts.another(&error).await => {}
                done => return done.map(|messages| messages.iter().find_map(first_column)),
            }
        }
    }
}

fn first_column(message: &SimpleQueryMessage) -> Option<String> {
    match message {
        SimpleQueryMessage::Row(row) if !row.is_empty() => row.get(0).map(str::to_owned),
        _ => None,
    }
}

/// Counts the attempts to send a statement.
pub(super) struct Attempts {
    made: u32,
    pause: Duration,
}

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts { made: 1, pause: FIRST_PAUSE }
    }

    /// Returns whether to send the statement again after an error; if so, waits first. A conflict means that the
    /// statement had no effect.
    pub(super) async fn another(&mut self, error: &Error) -> bool {
        if self.made >= ATTEMPTS || error.code() != Some(&SqlState::T_R_SERIALIZATION_FAILURE) {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        self.made += 1;
        true
    }
}

/// A parameter that is sent as text, whatever its type is: the SQL of the ledger has parameters of several types.
#[derive(Debug)]
struct Text<'t>(Option<&'t str>);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

fn texts<'t>(parameters: &[Option<&'t str>]) -> Vec<Text<'t>> {
    parameters.iter().map(|text| Text(*text)).collect()
}

fn borrowed<'t>(texts: &'t [Text<'t>]) -> Vec<&'t (dyn ToSql + Sync)> {
    texts.iter().map(|text| text as &(dyn ToSql + Sync)).collect()
}
