//! [`Dsql`]: the connections of one request to a cluster.

use core::fmt;
use core::future::Future;

use crate::client::executor::{Executor, sealed};
use crate::client::fetch::QueryFuture;
use crate::client::lender::Lender;
use crate::client::pipeline::Pipelined;
use crate::client::run::Target;
use crate::client::session::Session;
use crate::client::transaction::{RunsAgain, Transaction, TransactionBuilder};
use crate::config::Config;
use crate::connector::Connector;
use crate::error::Error;
use crate::transport::Environment;

/// The connections of one request to an Aurora DSQL cluster.
///
/// A new `Dsql` costs nothing. A `Dsql` connects at the first query, which takes 4 round trips, and keeps the
/// connection, so that the next query takes 1. [`warm_up`](Dsql::warm_up) connects before the first query. Queries that
/// run at the same time open more connections, up to [`Config::max_connections`]; further queries wait for a
/// connection.
///
/// A `Dsql` belongs to the request in which it was made, because Workers does not let a request use the sockets of
/// another request. If a `Dsql` is kept in a static, its queries in another request return an error
/// ([`Error::is_other_request`]).
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
/// An operation is tried again automatically in three cases:
///
/// - the connection breaks during queries that only read, or in a transaction before its COMMIT was sent;
/// - the server rejects a statement or a transaction, which then has changed nothing, because of a conflict (40001; in
///   a PostgreSQL also a deadlock, 40P01);
/// - connecting fails, and another attempt may succeed.
///
/// A write whose outcome is unknown is never sent again: the write returns an error ([`Error::is_outcome_unknown`]).
/// The only exception is a transaction with an [idempotency key](TransactionBuilder::idempotency_key), which shows
/// whether the write was committed.
#[doc(alias = "connect")]
#[doc(alias = "Client")]
#[doc(alias = "PgPool")]
pub struct Dsql(Lender);

impl Dsql {
    /// Makes a `Dsql` from the bindings of a Worker: `DSQL_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// and, where needed, `AWS_SESSION_TOKEN`, `DSQL_USER` (`admin` if it is not set) and `DSQL_REGION` (for
    /// `localhost`). See [`Config::from_env`].
    ///
    /// # Errors
    /// Returns an error if a binding is missing or malformed. The error names the binding and shows how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_env(env).map(Dsql::new)
    }

    /// Makes a `Dsql` that uses a pool in Durable Objects: see [`Config::from_pool`]. Feature `pool`.
    ///
    /// Everything else works as without a pool: queries, pipelines, many rows and streams borrow a connection of the
    /// pool for one flight, and a transaction borrows one until its end. With a pool, a [`Session`] does not keep a
    /// connection between its queries, so statements that change the session are errors.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn count(env: worker::Env) -> Result<i64, Error> {
    /// let dsql = Dsql::from_pool(&env)?;
    /// sql!("SELECT count(*) FROM tag_master").fetch_value(&dsql).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if a binding is missing or malformed. The error names the binding and shows how to set it.
    #[cfg(feature = "pool")]
    pub fn from_pool(env: &worker::Env) -> Result<Self, Error> {
        Config::from_pool(env).map(Dsql::new)
    }

    /// Makes a `Dsql` from a [`Config`].
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials, Dsql, Error};
    /// # fn local() -> Result<Dsql, Error> {
    /// let config = Config::local("localhost:5432", "us-east-1", Credentials::new("id", "key"))?;
    /// Ok(Dsql::new(config.max_connections(1)))
    /// # }
    /// ```
    pub fn new(config: Config) -> Self {
        Dsql::within(config, Environment::default())
    }

    /// Makes a `Dsql` from a [`Config`], in this environment.
    pub(crate) fn within(config: Config, environment: Environment) -> Self {
        Dsql(Lender::new(Connector::new(config, environment), false))
    }

    /// Begins to open a connection, and returns at once. The connection is opened while the Worker awaits something
    /// else, for example the body of the request: TCP, SSLRequest, TLS, and the token, with a request to STS if the
    /// keys assume a role. If the connection is open when the next query begins, that query takes 1 round trip instead
    /// of 4.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn add(request: &mut worker::Request, env: &worker::Env) -> Result<u64, Box<dyn std::error::Error>> {
    /// let dsql = Dsql::from_env(env)?;
    /// dsql.warm_up();
    /// let name = request.text().await?; // the connection is opened in the meantime
    /// let added = sql!(
    ///     "INSERT INTO tag_master (tag_name, tag_category, usage_count)
    ///      VALUES ($name, 'new', 0)"
    /// );
    /// # Ok(
    /// added.execute(&dsql).await?
    /// # )
    /// # }
    /// ```
    ///
    /// The first query, pipeline, stream or transaction takes this connection, even while it is being opened; the login
    /// to a DSQL cluster is sent together with that query. If a second query runs at the same time, it opens another
    /// connection. A [`Session`] does not take the connection. If no query has taken the connection after 30 seconds,
    /// it is closed; dropping the `Dsql` closes it at once. So the connection ends with the request at the latest, but
    /// it counts towards the limits of Workers until then.
    ///
    /// On a PostgreSQL that is not a DSQL cluster (feature `postgres`), the call also logs in, with
    /// [`Config::search_path`], because the login takes additional round trips there. If the snapshot's directive
    /// requires another `search_path`, this connection is of no use and the first query opens another one: set
    /// `Config::search_path` to the value of the directive. Behind a pooler in transaction mode
    /// (`Config::transaction_pooler`), the `search_path` is only checked.
    ///
    /// No error is reported before a query needs the connection. If the connection could not be opened, or was closed
    /// again, the query opens another one. The failed connection does not count as an attempt of the query
    /// ([`Config::max_attempts`]), because nothing of the query was sent. If another attempt would fail in the same
    /// way, because of a certificate or of missing credentials, the query returns that error.
    ///
    /// The call has no effect if a connection is already open or being opened, or if this `Dsql` uses a pool. On
    /// Workers, the call also has no effect in a request other than the one in which this `Dsql` was made. In programs
    /// that are not Workers, the call has no effect outside a tokio runtime.
    pub fn warm_up(&self) {
        self.0.warm_up();
    }

    /// Returns a session: a connection that no other query of this `Dsql` uses. The session's first query opens the
    /// connection. Statements that change their session run only on a session:
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

    /// Sends several queries in one round trip; all are committed, or none.
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
    /// The queries are a transaction: BEGIN and COMMIT are sent together with the queries. The queries run in order; if
    /// one query fails, none of them changes anything. In a DSQL cluster, all queries read the same state of the
    /// database; in another PostgreSQL, only if none of the queries writes. COMMIT is sent before any answer has
    /// arrived: if one of the queries writes and the connection breaks, the outcome is unknown
    /// ([`Error::is_outcome_unknown`]). In a [`transaction`](Dsql::transaction), the outcome is unknown only if the
    /// connection breaks between COMMIT and its answer. The price of a transaction is one more round trip.
    #[doc(alias = "batch")]
    pub fn pipeline<'s, P: Pipelined + 's>(&'s self, queries: P) -> QueryFuture<'s, P::Output> {
        QueryFuture::of(queries, self)
    }

    /// Runs the closure as a transaction: either all its changes are committed, or none.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn rename(dsql: &Dsql, from: &str, to: &str) -> Result<(), Error> {
    /// let moved = dsql
    ///     .transaction(async move |tx| {
    ///         let count = sql!("SELECT usage_count FROM tag_master WHERE tag_name = $from")
    ///             .fetch_value(tx)
    ///             .await?;
    ///         sql!("UPDATE tag_master SET usage_count = 0 WHERE tag_name = $from").execute(tx).await?;
    ///         sql!("UPDATE tag_master SET usage_count = $count WHERE tag_name = $to").execute(tx).await
    ///     })
    ///     .await?;
    /// # let _: u64 = moved;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Each query in the closure runs on `tx`. A query on the `Dsql` itself, in the closure, is **not a part of the
    /// transaction**: it runs on another connection, is committed by itself, and remains if the transaction is rolled
    /// back. A helper function that takes `impl Executor` gets `tx`, too.
    ///
    /// If the closure returns an error, everything is rolled back. If the transaction conflicts with another one
    /// (40001), or the connection is lost before COMMIT was sent, the closure **runs again**: it runs at most five
    /// times ([`Config::max_attempts`]) and no longer than [`Config::transaction_timeout`]. So the closure must not
    /// change anything outside the database. Values that the closure owns are cloned for each run. An error of the
    /// server ends the attempt even if the closure ignores it.
    ///
    /// The closure may return any error type that implements `From<Error>`. If the compiler cannot infer the type, name
    /// it: `async move |tx| -> Result<_, dsql_edge::Error> { … }`.
    ///
    /// If the answer to COMMIT is lost, the outcome is unknown ([`Error::is_outcome_unknown`]), unless a
    /// [`TransactionBuilder::idempotency_key`] resolves it. A transaction without a statement sends nothing.
    #[doc(alias = "begin")]
    #[doc(alias = "commit")]
    #[doc(alias = "rollback")]
    pub fn transaction<'s, F, Fut, T, E>(&'s self, body: F) -> TransactionBuilder<'s, F>
    where
        F: FnOnce(Transaction<'s>) -> Fut + RunsAgain + Send + 's,
        Fut: Future<Output = Result<T, E>> + Send + 's,
        E: From<Error>,
    {
        TransactionBuilder::new(&self.0, body)
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

/// Lets a caller write `&dsql` where `dsql` is already a reference.
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
