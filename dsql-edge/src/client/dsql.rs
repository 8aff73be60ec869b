//! The database, as one request sees it.

use core::fmt;
use core::future::Future;

use crate::client::executor::{Executor, sealed};
use crate::client::fetch::Fetch;
use crate::client::lender::Lender;
use crate::client::pipeline::Pipelined;
use crate::client::run::Target;
use crate::client::session::Session;
use crate::client::transaction::{Transact, Transaction};
use crate::config::Config;
use crate::connector::Connector;
use crate::error::Error;
use crate::transport::Environment;

/// An Aurora DSQL cluster, as one request sees it.
///
/// Making one costs nothing: it connects with the first query, in 4 round trips, and keeps the connection, so
/// that the next query takes 1. Queries that run at the same time open more connections, as many as
/// [`Config::max_connections`] says; beyond that they wait their turn.
///
/// It belongs to the request it was made in. Workers lets no request use another's sockets: a `Dsql` kept in a
/// static fails with an error that says so ([`Error::is_other_request`]).
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn tags(env: worker::Env) -> Result<(), Error> {
/// let dsql = Dsql::from_env(&env)?;
/// let tags = sql!("SELECT tag_name, usage_count FROM tag_master").fetch_all(&dsql).await?;
/// # drop(tags);
/// # Ok(())
/// # }
/// ```
///
/// What runs again by itself: queries that only read, when the connection breaks; whatever the server refused for a
/// conflict (40001), because nothing of it stayed; and connecting. A statement that writes is never sent again when its
/// outcome is not known: then the error says so ([`Error::is_outcome_unknown`]).
pub struct Dsql(Lender);

impl Dsql {
    /// From the bindings of a Worker: `DSQL_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and, where
    /// needed, `AWS_SESSION_TOKEN`, `DSQL_USER` (`admin` without it) and `DSQL_REGION` (for `localhost`). See
    /// [`Config::from_env`].
    ///
    /// # Errors
    /// When one is missing or malformed: the error names it and says how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_env(env).map(Dsql::new)
    }

    /// Behind a pool in Durable Objects: see [`Config::from_pool`]. Feature `pool`.
    ///
    /// Everything else is as without: queries, pipelines, many rows and streams borrow one of the pool's connections for
    /// one flight, a transaction until its end. A [`Session`] is no connection of its own then.
    ///
    /// # Errors
    /// When a binding is missing or malformed: the error names it and says how to set it.
    #[cfg(feature = "pool")]
    pub fn from_pool(env: &worker::Env) -> Result<Self, Error> {
        Config::from_pool(env).map(Dsql::new)
    }

    /// From a [`Config`].
    pub fn new(config: Config) -> Self {
        Dsql::within(config, Environment::default())
    }

    /// From a [`Config`], in this environment.
    pub(crate) fn within(config: Config, environment: Environment) -> Self {
        Dsql(Lender::new(Connector::new(config, environment), false))
    }

    /// A connection of its own, apart from those that `&Dsql` lends to queries. It connects with its first query. Statements
    /// that change their session run on it alone:
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn in_tokyo(dsql: &Dsql) -> Result<(), Error> {
    /// let mut session = dsql.session();
    /// sql!("SET timezone = 'Asia/Tokyo'").execute(&mut session).await?;
    /// let today = sql!("SELECT current_date AS today").fetch_value(&mut session).await?;
    /// # drop(today);
    /// # Ok(())
    /// # }
    /// ```
    pub fn session(&self) -> Session {
        Session::new(self.0.connector.clone())
    }

    /// Several queries in one round trip, all or nothing.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn page(dsql: &Dsql) -> Result<(), Error> {
    /// let category = "Methodology";
    /// let (tags, count, changed) = dsql
    ///     .pipeline((
    ///         sql!("SELECT tag_name, usage_count FROM tag_master WHERE tag_category = $category"),
    ///         sql!("SELECT count(*) FROM tag_master").value(),
    ///         sql!("UPDATE tag_master SET usage_count = usage_count + 1 WHERE tag_category = $category"),
    ///     ))
    ///     .await?;
    /// # let _: (usize, i64, u64) = (tags.len(), count, changed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// They are a transaction: BEGIN and COMMIT travel with them, they run in order, see one snapshot, and when one
    /// fails nothing of any of them stays. Because COMMIT is sent before anything has come back, a connection that
    /// breaks leaves open what became of it if one of them writes ([`Error::is_outcome_unknown`]); a
    /// [`transaction`](Dsql::transaction) is safer and takes a round trip more.
    pub fn pipeline<'s, P: Pipelined + 's>(&'s self, queries: P) -> Fetch<'s, P::Output> {
        Fetch::of(queries, self)
    }

    /// A transaction: what the closure does stays as a whole, or not at all.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn rename(dsql: &Dsql, from: &str, to: &str) -> Result<(), Error> {
    /// let moved = dsql
    ///     .transaction(async move |tx| {
    ///         let count = sql!("SELECT usage_count FROM tag_master WHERE tag_name = $from").fetch_value(tx).await?;
    ///         sql!("UPDATE tag_master SET usage_count = 0 WHERE tag_name = $from").execute(tx).await?;
    ///         sql!("UPDATE tag_master SET usage_count = $count WHERE tag_name = $to").execute(tx).await
    ///     })
    ///     .await?;
    /// # let _: u64 = moved;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// When the closure returns an error everything is rolled back. When another transaction got there first (40001),
    /// or the connection is lost before COMMIT was sent, the closure **runs again**: five times at the most
    /// ([`Config::max_attempts`]) and no longer than [`Config::transaction_timeout`]. So it must do nothing outside of
    /// the database, and what it captures by value is cloned for each time. An error of the server ends the attempt
    /// even where the closure goes on after it.
    ///
    /// The error type is yours, if it is `From<Error>`; where the compiler cannot tell it, say it:
    /// `async move |tx| -> Result<_, dsql_edge::Error> { … }`.
    ///
    /// If the answer to COMMIT is lost the error says so ([`Error::is_outcome_unknown`]); with a
    /// [`Transact::idempotency_key`] that is resolved. Without a statement it costs nothing.
    pub fn transaction<'s, F, Fut, T, E>(&'s self, body: F) -> Transact<'s, F>
    where
        F: FnOnce(Transaction<'s>) -> Fut + Clone + Send + 's,
        Fut: Future<Output = Result<T, E>> + Send + 's,
        E: From<Error>,
    {
        Transact::new(&self.0, body)
    }

    fn target(&self) -> Target<'_> {
        Target { lender: &self.0, transaction: None }
    }

    #[cfg(test)]
    pub(super) fn lender(&self) -> &Lender {
        &self.0
    }
}

impl Executor for &Dsql {
    fn target(&mut self) -> Target<'_> {
        Dsql::target(self)
    }
}

/// For `&dsql` where `dsql` is a reference already.
impl Executor for &&Dsql {
    fn target(&mut self) -> Target<'_> {
        Dsql::target(self)
    }
}

impl sealed::Sealed for &Dsql {}
impl sealed::Sealed for &&Dsql {}

impl fmt::Debug for Dsql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsql").field(&self.0.connector.config).finish()
    }
}
