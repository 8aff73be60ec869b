//! Runs a query on an [`Executor`]: `fetch_*` and `execute`.
//!
//! Input: a [`Query`] or a [`Command`]. Output: a [`QueryFuture`], which returns the rows.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::client::executor::{Executor, SessionExecutor};
use crate::client::pipeline::{Collector, Members, Pipelined};
use crate::error::Error;
use crate::query::{Command, KeyInsert, Query, SessionCommand, SessionQuery, SingleColumn};

/// The future of a query: await it. The future is `Send`, on Workers too, so that frameworks such as axum accept it.
///
/// Dropping the future before the query is done closes the connection. If a write is dropped in this way, its outcome
/// is unknown.
#[must_use = "a query does nothing until it is awaited"]
pub struct QueryFuture<'e, T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>);

impl<R: Send + 'static> Query<R> {
    /// Returns all rows, in the order in which the server sends them.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn names(dsql: &Dsql) -> Result<Vec<String>, Error> {
    /// let tags = sql!("SELECT tag_name, usage_count FROM tag_master ORDER BY tag_name")
    ///     .fetch_all(dsql)
    ///     .await?;
    /// Ok(tags.into_iter().map(|tag| tag.tag_name).collect())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection, the database or the decoding.
    #[doc(alias = "query_as")]
    pub fn fetch_all<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, Vec<R>> {
        QueryFuture::of(self, executor)
    }

    /// Returns the one row.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn usage(dsql: &Dsql, name: &str) -> Result<i32, Error> {
    /// let tag = sql!("SELECT tag_category, usage_count FROM tag_master WHERE tag_name = $name")
    ///     .fetch_one(dsql)
    ///     .await?;
    /// Ok(tag.usage_count)
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the query returns no row ([`Error::is_no_rows`]) or more than one
    /// ([`Error::is_too_many_rows`]), and the errors of [`fetch_all`](Query::fetch_all).
    pub fn fetch_one<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, R> {
        QueryFuture::of(self.one(), executor)
    }

    /// Returns the one row, or `None`.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn exists(dsql: &Dsql, name: &str) -> Result<bool, Error> {
    /// let tag = sql!("SELECT tag_category FROM tag_master WHERE tag_name = $name")
    ///     .fetch_optional(dsql)
    ///     .await?;
    /// Ok(tag.is_some())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if there is more than one row ([`Error::is_too_many_rows`]), and the errors of
    /// [`fetch_all`](Query::fetch_all).
    pub fn fetch_optional<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, Option<R>> {
        QueryFuture::of(self.optional(), executor)
    }

    /// Returns the value of the one column of the one row.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn count(dsql: &Dsql) -> Result<i64, Error> {
    /// sql!("SELECT count(*) FROM tag_master").fetch_value(dsql).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`fetch_one`](Query::fetch_one).
    #[doc(alias = "query_scalar")]
    #[doc(alias = "fetch_scalar")]
    // `V` is always `R::Value`. `V` is a type parameter so that rustc reports one error instead of three for a query
    // with two columns.
    pub fn fetch_value<'e, E: Executor + 'e, V: Send + 'e>(self, executor: E) -> QueryFuture<'e, V>
    where
        R: SingleColumn<Value = V>,
    {
        QueryFuture::of(self.value(), executor)
    }

    /// Returns the value of the one column of the one row, or `None` without a row.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn usage(dsql: &Dsql, name: &str) -> Result<i32, Error> {
    /// let usage = sql!("SELECT usage_count FROM tag_master WHERE tag_name = $name")
    ///     .fetch_optional_value(dsql)
    ///     .await?;
    /// Ok(usage.unwrap_or(0))
    /// # }
    /// ```
    ///
    /// If the column may be NULL, the value itself is an `Option`: `None` means that no row was found, and `Some(None)`
    /// that the value is NULL. If the two cases mean the same for your program, call `.flatten()`:
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql, types::Uuid};
    /// # async fn email(dsql: &Dsql, id: Uuid) -> Result<Option<String>, Error> {
    /// Ok(sql!("SELECT email FROM users WHERE id = $id").fetch_optional_value(dsql).await?.flatten())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`fetch_optional`](Query::fetch_optional).
    #[doc(alias = "query_scalar")]
    pub fn fetch_optional_value<'e, E: Executor + 'e, V: Send + 'e>(
        self,
        executor: E,
    ) -> QueryFuture<'e, Option<V>>
    where
        R: SingleColumn<Value = V>,
    {
        QueryFuture::of(self.optional_value(), executor)
    }

    /// Returns the value of the one column of each row, in the order in which the server sends the rows.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn names(dsql: &Dsql) -> Result<Vec<String>, Error> {
    /// sql!("SELECT tag_name FROM tag_master ORDER BY tag_name").fetch_values(dsql).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`fetch_all`](Query::fetch_all).
    #[doc(alias = "query_scalar")]
    pub fn fetch_values<'e, E: Executor + 'e, V: Send + 'e>(self, executor: E) -> QueryFuture<'e, Vec<V>>
    where
        R: SingleColumn<Value = V>,
    {
        QueryFuture::of(self.values(), executor)
    }

    /// Runs the query and returns the number of rows that it inserted, updated, deleted or found. The rows themselves
    /// are received and thrown away.
    ///
    /// Use this method for a statement with `RETURNING` where you do not need the returned rows. For a `SELECT`, one of
    /// the `fetch_*` methods returns the rows, and `SELECT count(*)` returns the number of rows without sending the
    /// rows.
    ///
    /// # Errors
    /// Returns the errors of [`fetch_all`](Query::fetch_all).
    pub fn execute<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, u64> {
        Command { request: self.request }.execute(executor)
    }
}

impl Command {
    /// Runs the statement and returns the number of rows that it inserted, updated or deleted.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn reset(dsql: &Dsql) -> Result<u64, Error> {
    /// sql!("UPDATE tag_master SET usage_count = 0").execute(dsql).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection or the database.
    pub fn execute<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, u64> {
        QueryFuture::of(self, executor)
    }
}

impl KeyInsert {
    /// Runs the statement and returns the number of rows that it inserted.
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection or the database.
    pub fn execute<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, u64> {
        Command::from(self).execute(executor)
    }
}

impl SessionCommand {
    /// Runs the statement in a session, and returns the number of affected rows.
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection or the database, and an error if a pool is used, because a pool cannot
    /// reserve a connection for a session.
    pub fn execute<'e, E: SessionExecutor + 'e>(self, session: E) -> QueryFuture<'e, u64> {
        self.0.execute(session)
    }
}

impl<R: Send + 'static> SessionQuery<R> {
    /// Returns all rows, like [`Query::fetch_all`].
    ///
    /// # Errors
    /// Returns the errors of [`SessionCommand::execute`], and an error if a row cannot be decoded.
    pub fn fetch_all<'e, E: SessionExecutor + 'e>(self, session: E) -> QueryFuture<'e, Vec<R>> {
        self.0.fetch_all(session)
    }

    /// Returns the one row, like [`Query::fetch_one`].
    ///
    /// # Errors
    /// Returns the errors of [`fetch_all`](SessionQuery::fetch_all), and an error if the query returns no row, or more
    /// than one.
    pub fn fetch_one<'e, E: SessionExecutor + 'e>(self, session: E) -> QueryFuture<'e, R> {
        self.0.fetch_one(session)
    }

    /// Returns the one row, or `None`, like [`Query::fetch_optional`].
    ///
    /// # Errors
    /// Returns the errors of [`fetch_all`](SessionQuery::fetch_all), and an error if the query returns more than one
    /// row.
    pub fn fetch_optional<'e, E: SessionExecutor + 'e>(self, session: E) -> QueryFuture<'e, Option<R>> {
        self.0.fetch_optional(session)
    }

    /// Returns the value of the one column of the one row, like [`Query::fetch_value`].
    ///
    /// # Errors
    /// Returns the errors of [`fetch_one`](SessionQuery::fetch_one).
    pub fn fetch_value<'e, E: SessionExecutor + 'e, V: Send + 'e>(self, session: E) -> QueryFuture<'e, V>
    where
        R: SingleColumn<Value = V>,
    {
        self.0.fetch_value(session)
    }

    /// Returns the value of the one column of the one row, or `None`, like [`Query::fetch_optional_value`].
    ///
    /// # Errors
    /// Returns the errors of [`fetch_optional`](SessionQuery::fetch_optional).
    pub fn fetch_optional_value<'e, E: SessionExecutor + 'e, V: Send + 'e>(
        self,
        session: E,
    ) -> QueryFuture<'e, Option<V>>
    where
        R: SingleColumn<Value = V>,
    {
        self.0.fetch_optional_value(session)
    }

    /// Returns the value of the one column of each row, like [`Query::fetch_values`].
    ///
    /// # Errors
    /// Returns the errors of [`fetch_all`](SessionQuery::fetch_all).
    pub fn fetch_values<'e, E: SessionExecutor + 'e, V: Send + 'e>(
        self,
        session: E,
    ) -> QueryFuture<'e, Vec<V>>
    where
        R: SingleColumn<Value = V>,
    {
        self.0.fetch_values(session)
    }

    /// Returns the number of rows, like [`Query::execute`].
    ///
    /// # Errors
    /// Returns the errors of [`SessionCommand::execute`].
    pub fn execute<'e, E: SessionExecutor + 'e>(self, session: E) -> QueryFuture<'e, u64> {
        self.0.execute(session)
    }
}

impl<'e, T> QueryFuture<'e, T> {
    pub(super) fn of<P: Pipelined<Output = T> + 'e, E: Executor + 'e>(pipelined: P, mut executor: E) -> Self {
        // This future is compiled again for each type of query; the code of `Target` is compiled once.
        QueryFuture::new(async move {
            let mut members = Members::default();
            let mut collector = pipelined.split(&mut members);
            let mut sinks = Vec::new();
            collector.sinks(&mut sinks);
            let (target, prepared) = (executor.target(), members.prepared()?);
            if let Some(running) = target.run(prepared, &mut sinks) {
                running.await?;
            }
            drop(sinks);
            collector.finish().map_err(|error| target.executed(prepared, error))
        })
    }

    pub(super) fn new(running: impl Future<Output = Result<T, Error>> + Send + 'e) -> Self {
        QueryFuture(Box::pin(running))
    }
}

impl<T> Future for QueryFuture<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> core::fmt::Debug for QueryFuture<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("QueryFuture(…)")
    }
}
