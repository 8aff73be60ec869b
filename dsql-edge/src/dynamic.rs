//! SQL that is known only at run time, for tools that run SQL files.
//!
//! The build does not check the statements of this module: use [`sql!`](crate::sql) for the queries of a Worker.
//! Parameters and values are in PostgreSQL's text format, and the server determines the types of the parameters.
//!
//! ```no_run
//! use dsql_edge::dynamic::Sql;
//! use dsql_edge::{Dsql, Error};
//!
//! # async fn names(dsql: &Dsql, schema: &str) -> Result<(), Error> {
//! let tables = Sql::reading("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = $1");
//! for row in tables.query(&[Some(schema)]).fetch_all(dsql).await? {
//!     println!("{} of {}", row.value(0).unwrap_or_default(), row.value(1).unwrap_or_default());
//! }
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use crate::arguments::Arguments;
use crate::query::{Command, KeyInsert, Query, Request};
use crate::row::DataRow;
use crate::statement::{Effect, KeyConstraints, OwnedStatement, SessionEffect, Statement, StatementRef};

/// A statement that may run any number of times, each time with other parameters.
#[derive(Debug, Clone)]
pub struct Sql {
    owned: Arc<OwnedStatement>,
}

impl Sql {
    /// A statement that only reads. If the answer to this statement is lost, the statement is sent again. A statement
    /// that writes could then write twice: use [`writing`](Sql::writing) for such a statement.
    pub fn reading(sql: impl Into<String>) -> Sql {
        Sql::new(sql.into(), Effect::Read)
    }

    /// A statement that may write. If the answer to this statement is lost, the statement is not sent again
    /// ([`Error::is_outcome_unknown`](crate::Error::is_outcome_unknown)).
    pub fn writing(sql: impl Into<String>) -> Sql {
        Sql::new(sql.into(), Effect::Write)
    }

    fn new(sql: String, effect: Effect) -> Sql {
        let statement = Statement {
            sql: "",
            name: "",
            file: "",
            line: 0,
            column: 1,
            params: &[],
            columns: &[],
            // Without formats, all columns are sent as text.
            formats: &[],
            effect,
            session: SessionEffect::MayChange,
            tables: &[],
            search_path: "",
        };
        Sql { owned: Arc::new(OwnedStatement { sql, file: String::new(), statement }) }
    }

    /// Sets the location of the statement in the source, which errors contain.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32) -> Sql {
        let owned = Arc::make_mut(&mut self.owned);
        owned.file = file.into();
        owned.statement.line = line;
        self
    }

    /// A query with these parameters, each in PostgreSQL's text format; `None` is NULL.
    pub fn query(&self, parameters: &[Option<&str>]) -> Query<TextRow> {
        let decode = |row: &DataRow<'_>| Ok(TextRow { values: row.texts()? });
        Query { request: self.request(parameters), decode }
    }

    /// A statement without rows, with these parameters.
    pub fn command(&self, parameters: &[Option<&str>]) -> Command {
        Command { request: self.request(parameters) }
    }

    /// An INSERT that makes a transaction commit at most once
    /// ([`idempotency_key`](crate::TransactionBuilder::idempotency_key)).
    pub fn key(&self, parameters: &[Option<&str>], key: &'static UniqueKey) -> KeyInsert {
        KeyInsert { request: self.request(parameters), constraints: &key.0 }
    }

    fn request(&self, parameters: &[Option<&str>]) -> Request {
        let mut arguments = Arguments::with_capacity(parameters.len());
        parameters.iter().for_each(|parameter| arguments.push_text(*parameter));
        let statement = StatementRef::Dynamic(self.owned.clone());
        Request { statement, arguments: vec![arguments], unchecked: true }
    }
}

/// A row of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    values: Vec<Option<String>>,
}

impl TextRow {
    /// The value of a column, from 0; `None` for NULL, and for a column that the row does not have.
    pub fn value(&self, column: usize) -> Option<&str> {
        self.values.get(column)?.as_deref()
    }

    /// The values of all columns, in order.
    pub fn into_values(self) -> Vec<Option<String>> {
        self.values
    }
}

/// The unique constraints of a table whose rows are idempotency keys.
#[derive(Debug)]
pub struct UniqueKey(KeyConstraints);

impl UniqueKey {
    /// A key; `constraints` must contain the names of all unique constraints of the table. The INSERT must set each
    /// column of these constraints; otherwise, a violation would not mean that the key is taken.
    pub const fn new(constraints: &'static [&'static str]) -> UniqueKey {
        UniqueKey(KeyConstraints { names: constraints, all: true, does_nothing: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn sql_keeps_its_text_and_place() {
        let sql = Sql::writing("DELETE FROM t").at("1.sql", 7);
        let request = sql.command(&[Some("a"), None]).request;
        assert_eq!(
            (request.statement.sql(), request.statement.file(), request.statement.line),
            ("DELETE FROM t", "1.sql", 7)
        );
        assert_eq!(request.statement.effect, Effect::Write);
        let error = Error::config("wrong".to_owned()).at(&request.statement).to_string();
        assert!(error.ends_with("(1.sql:7)"), "{error}");
        assert_eq!(Sql::reading("").command(&[]).request.statement.effect, Effect::Read);
    }
}
