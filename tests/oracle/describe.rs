//! PostgreSQL's answer to a statement that it has only prepared: the Describe message, or the first error.

use anyhow::{Result, bail};
use tokio_postgres::types::Type;

use super::Database;

/// PostgreSQL's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// PostgreSQL prepares the statement.
    Accepted {
        /// The types of the parameters, as typnames.
        params: Vec<String>,
        /// Names and types of the columns.
        columns: Vec<(String, String)>,
    },
    /// PostgreSQL rejects the statement.
    Refused {
        /// The SQLSTATE.
        sqlstate: String,
        /// The position of the error, as a byte offset in the statement, if PostgreSQL reports a position.
        offset: Option<usize>,
        /// The primary message.
        message: String,
    },
}

impl Database<'_> {
    /// Prepares a statement with numbered parameters.
    ///
    /// # Errors
    /// Returns an error if the connection fails. A rejected statement is not an error, but a verdict.
    pub fn describe(&self, sql: &str) -> Result<Verdict> {
        self.describe_typed(sql, &[])
    }

    /// Returns the types of the parameters and of the columns as SQL names: schema and name, both quoted.
    ///
    /// # Errors
    /// Returns an error if the statement cannot be prepared.
    pub fn type_names(&self, sql: &str) -> Result<(Vec<String>, Vec<String>)> {
        let (client, runtime) = self.client();
        let statement = runtime.block_on(client.prepare(sql))?;
        let name = |it: &Type| format!("\"{}\".\"{}\"", it.schema(), it.name());
        let params = statement.params().iter().map(name).collect();
        Ok((params, statement.columns().iter().map(|it| name(it.type_())).collect()))
    }

    /// Prepares a statement with the given types for its first parameters.
    ///
    /// # Errors
    /// Returns an error if the connection fails. A rejected statement is not an error, but a verdict.
    pub fn describe_typed(&self, sql: &str, types: &[Type]) -> Result<Verdict> {
        let (client, runtime) = self.client();
        match runtime.block_on(client.prepare_typed(sql, types)) {
            Ok(statement) => Ok(Verdict::Accepted {
                params: statement.params().iter().map(|it| it.name().to_owned()).collect(),
                columns: statement
                    .columns()
                    .iter()
                    .map(|it| (it.name().to_owned(), it.type_().name().to_owned()))
                    .collect(),
            }),
            Err(error) => {
                let Some(error) = error.as_db_error() else { bail!("{error}: {sql}") };
                let offset = match error.position() {
                    Some(tokio_postgres::error::ErrorPosition::Original(position)) => {
                        Some(byte_offset(sql, *position as usize))
                    }
                    _ => None,
                };
                Ok(Verdict::Refused {
                    sqlstate: error.code().code().to_owned(),
                    offset,
                    message: error.message().to_owned(),
                })
            }
        }
    }
}

/// Converts PostgreSQL's position, which counts characters from 1.
fn byte_offset(sql: &str, position: usize) -> usize {
    sql.char_indices().nth(position.saturating_sub(1)).map_or(sql.len(), |(offset, _)| offset)
}
