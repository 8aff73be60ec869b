//! D1, with a count of the statements that a run may still send.
//!
//! Input: statements with their parameters. Output: rows, or the error of the whole batch.
//!
//! Cloudflare documents these limits for a statement and for an invocation of a Worker
//! (<https://developers.cloudflare.com/d1/platform/limits/>):
//!
//! | limit | here |
//! |---|---|
//! | 1,000 queries per invocation, 50 on the free plan | the setting `D1_STATEMENTS`; each statement of a batch counts |
//! | 100 bound parameters per query | one parameter carries all rows, as JSON (`json_rows`) |
//! | 100,000 bytes of SQL text | the SQL is constant |
//! | 2,000,000 bytes in a string, and in a row | a parameter has at most `json_rows::LIMIT` bytes, unless one row is larger |
//! | 30 seconds per query | a batch has at most `BATCH_ROWS` rows |

use std::cell::Cell;

use serde::de::DeserializeOwned;
use worker::{D1Database, D1PreparedStatement, D1Result, D1Type, Env};

use crate::failure::Failure;

pub struct D1 {
    database: D1Database,
    statements_left: Cell<i32>,
}

impl D1 {
    pub fn from_env(env: &Env, statements: i32) -> Result<D1, Failure> {
        let database = env.d1("DB").map_err(|error| Failure::Setting(format!("the binding DB: {error}")))?;
        Ok(D1 { database, statements_left: Cell::new(statements) })
    }

    pub fn statement(&self, sql: &str, parameters: &[D1Type<'_>]) -> Result<D1PreparedStatement, Failure> {
        Ok(self.database.prepare(sql).bind_refs(parameters)?)
    }

    /// Runs statements as one transaction: if one fails, none has an effect.
    pub async fn batch(&self, statements: Vec<D1PreparedStatement>) -> Result<Vec<D1Result>, Failure> {
        let count = i32::try_from(statements.len()).unwrap_or(i32::MAX);
        self.statements_left.set(self.statements_left.get().saturating_sub(count));
        Ok(self.database.batch(statements).await?)
    }

    /// Runs one statement that returns rows.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: &[D1Type<'_>],
    ) -> Result<Vec<T>, Failure> {
        let results = self.batch(vec![self.statement(sql, parameters)?]).await?;
        let Some(result) = results.first() else { return Ok(Vec::new()) };
        Ok(result.results()?)
    }

    /// Whether the run may send another batch.
    pub fn has_room(&self) -> bool {
        self.statements_left.get() >= RESERVED
    }
}

/// A run begins a batch only if this number of statements is left: four for the largest batch (the fence, two
/// statements for rows, and the position), and one to release the lease.
const RESERVED: i32 = 5;
