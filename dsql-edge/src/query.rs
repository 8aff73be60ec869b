//! A query that is ready to run: what `sql!` evaluates to.
//!
//! Goes in: the static [`Statement`], its arguments, and the function that decodes a row. Comes out: an inert value;
//! `client/fetch.rs` runs it.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::row::DataRow;
use crate::statement::Statement;

/// A query that returns rows of the type `R`. Made by `sql!`; it does nothing until it is fetched or executed.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<R> {
    pub(crate) request: Request,
    pub(crate) decode: fn(&DataRow<'_>) -> Result<R, Error>,
}

/// A statement that returns no rows. Made by `sql!`; it does nothing until it is executed.
#[must_use = "a statement does nothing until it is executed"]
pub struct Command {
    pub(crate) request: Request,
}

/// A row of one column without a type of its own: what [`Query::fetch_value`] takes the value out of.
#[diagnostic::on_unimplemented(
    message = "`fetch_value` needs a query that returns one column",
    label = "this query's rows have more than one column, or are of a type of yours",
    note = "use `fetch_one` and take the field you want"
)]
pub trait SingleColumn {
    /// The type of the column.
    type Value;

    /// The column's value.
    fn into_value(self) -> Self::Value;
}

/// What an [`Executor`](crate::Executor) runs: a statement and its arguments.
#[derive(Debug)]
pub struct Request {
    pub(crate) statement: &'static Statement,
    /// One for each time that it is executed, all in one flight and one implicit transaction.
    pub(crate) arguments: Vec<Arguments>,
    /// From `sql_unchecked!`: the types of columns are not known before the server describes them.
    pub(crate) unchecked: bool,
}

impl<R: Send + 'static> Query<R> {
    /// A query whose columns were checked when it was compiled.
    pub fn new(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query { request: Request { statement, arguments: vec![arguments], unchecked: false }, decode }
    }

    /// A query that is executed once for each of these, in one transaction.
    pub fn many(
        statement: &'static Statement,
        arguments: Vec<Arguments>,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query { request: Request { statement, arguments, unchecked: false }, decode }
    }

    /// A query whose columns' names alone are known; `decode` must use
    /// [`unchecked_column`](DataRow::unchecked_column).
    pub fn unchecked(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query { request: Request { statement, arguments: vec![arguments], unchecked: true }, decode }
    }
}

impl Command {
    /// A statement that returns no rows.
    pub fn new(statement: &'static Statement, arguments: Arguments) -> Self {
        Command { request: Request { statement, arguments: vec![arguments], unchecked: false } }
    }

    /// A statement that is executed once for each of these, in one transaction.
    pub fn many(statement: &'static Statement, arguments: Vec<Arguments>) -> Self {
        Command { request: Request { statement, arguments, unchecked: false } }
    }

    /// A statement that returns no rows, from `sql_unchecked!`.
    pub fn unchecked(statement: &'static Statement, arguments: Arguments) -> Self {
        Command { request: Request { statement, arguments: vec![arguments], unchecked: true } }
    }
}

impl<R> core::fmt::Debug for Query<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Query").field(&self.request.statement.sql).finish()
    }
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Command").field(&self.request.statement.sql).finish()
    }
}
