//! A query that is ready to run: what `sql!` evaluates to.
//!
//! Goes in: the static [`Statement`], its arguments, and the function that decodes a row. Comes out: rows, from
//! anything that is an [`Executor`].

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::arguments::Arguments;
use crate::client::Executor;
use crate::error::{Error, Kind};
use crate::row::DataRow;
use crate::statement::Statement;

/// A query that returns rows of the type `R`. Made by `sql!`; it does nothing until it is fetched or executed.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<R> {
    request: Request,
    decode: fn(&DataRow<'_>) -> Result<R, Error>,
}

/// A statement that returns no rows. Made by `sql!`; it does nothing until it is executed.
#[must_use = "a statement does nothing until it is executed"]
pub struct Command {
    request: Request,
}

/// A query on its way: await it. It is `Send`, on Workers too, so that frameworks such as axum take it.
///
/// Dropping it before it is done ends its connection; whether a statement that writes was executed is then not
/// known.
#[must_use = "a query does nothing until it is awaited"]
pub struct Fetch<'e, T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>);

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

/// What an [`Executor`] runs: a statement and its arguments.
#[derive(Debug)]
pub struct Request {
    pub(crate) statement: &'static Statement,
    pub(crate) arguments: Arguments,
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
        Query { request: Request { statement, arguments, unchecked: false }, decode }
    }

    /// A query whose columns' names alone are known; `decode` must use
    /// [`unchecked_column`](DataRow::unchecked_column).
    pub fn unchecked(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query { request: Request { statement, arguments, unchecked: true }, decode }
    }

    /// All rows, in the order the server sends them.
    ///
    /// # Errors
    /// Any [`Error`] of the connection, the database or the decoding.
    pub fn fetch_all<'e, E: Executor + 'e>(self, mut executor: E) -> Fetch<'e, Vec<R>> {
        Fetch::new(async move {
            let mut rows = Vec::new();
            let decode = self.decode;
            executor
                .run(self.request, &mut |row| {
                    rows.push(decode(row)?);
                    Ok(())
                })
                .await?;
            Ok(rows)
        })
    }

    /// The one row.
    ///
    /// # Errors
    /// When there is none ([`Error::is_no_rows`]) or more than one ([`Error::is_too_many_rows`]); otherwise as
    /// [`fetch_all`](Query::fetch_all).
    pub fn fetch_one<'e, E: Executor + 'e>(self, mut executor: E) -> Fetch<'e, R> {
        Fetch::new(async move { self.one(&mut executor).await })
    }

    /// The one row, if there is one.
    ///
    /// # Errors
    /// When there is more than one ([`Error::is_too_many_rows`]); otherwise as [`fetch_all`](Query::fetch_all).
    pub fn fetch_optional<'e, E: Executor + 'e>(self, mut executor: E) -> Fetch<'e, Option<R>> {
        Fetch::new(async move { self.at_most_one(&mut executor).await })
    }

    /// The value of the one column of the one row.
    ///
    /// # Errors
    /// As [`fetch_one`](Query::fetch_one).
    // `V` stands for `R::Value`, so that a query of two columns is one error and not three.
    pub fn fetch_value<'e, E: Executor + 'e, V>(self, mut executor: E) -> Fetch<'e, V>
    where
        R: SingleColumn<Value = V>,
    {
        Fetch::new(async move { self.one(&mut executor).await.map(R::into_value) })
    }

    /// Runs it and returns the number of rows that it inserted, updated, deleted or found. The rows themselves
    /// are not decoded.
    ///
    /// # Errors
    /// As [`fetch_all`](Query::fetch_all).
    pub fn execute<'e, E: Executor + 'e>(self, executor: E) -> Fetch<'e, u64> {
        Command { request: self.request }.execute(executor)
    }

    async fn one<E: Executor>(self, executor: &mut E) -> Result<R, Error> {
        let place = self.request.statement.place();
        self.at_most_one(executor).await?.ok_or_else(|| Error::new(Kind::NoRows).at(place))
    }

    async fn at_most_one<E: Executor>(self, executor: &mut E) -> Result<Option<R>, Error> {
        let mut found = None;
        let decode = self.decode;
        let place = self.request.statement.place();
        executor
            .run(self.request, &mut |row| {
                if found.is_some() {
                    return Err(Error::new(Kind::TooManyRows).at(place));
                }
                found = Some(decode(row)?);
                Ok(())
            })
            .await?;
        Ok(found)
    }
}

impl Command {
    /// A statement that returns no rows.
    pub fn new(statement: &'static Statement, arguments: Arguments) -> Self {
        Command { request: Request { statement, arguments, unchecked: false } }
    }

    /// A statement that returns no rows, from `sql_unchecked!`.
    pub fn unchecked(statement: &'static Statement, arguments: Arguments) -> Self {
        Command { request: Request { statement, arguments, unchecked: true } }
    }

    /// Runs it and returns the number of rows that it inserted, updated or deleted.
    ///
    /// # Errors
    /// Any [`Error`] of the connection or the database.
    pub fn execute<'e, E: Executor + 'e>(self, mut executor: E) -> Fetch<'e, u64> {
        Fetch::new(async move { executor.run(self.request, &mut |_| Ok(())).await })
    }
}

impl<'e, T> Fetch<'e, T> {
    fn new(running: impl Future<Output = Result<T, Error>> + Send + 'e) -> Self {
        Fetch(Box::pin(running))
    }
}

impl<T> Future for Fetch<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> core::fmt::Debug for Fetch<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fetch(…)")
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
