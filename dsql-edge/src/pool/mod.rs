//! The pool: connections in a Durable Object that stay open after a request, and are lent to clients for one flight or
//! one transaction.
//!
//! Input: flights of clients. Output: their answers, unchanged.
//!
//! # Leases
//!
//! A Worker's request cannot keep a connection for the next request, and DSQL accepts 100 new connections per second.
//! So an object holds the connections, and a client requests a *lease*: one connection, until the end of its flight, or
//! of its transaction (`open`). The client sends its flights as it would send them to the server, and the pool forwards
//! them byte by byte. The client does everything that it does without a pool: it decodes rows, retries, and applies
//! time limits.
//!
//! ```text
//! object, direct   the entry points: a Worker's request to the object, or a Dsql in the same process
//!     relay        one lease: requested, granted, ended
//!    visitor       the client's stream        server  the connection's
//!  connections     the queue, and the connections that are lent
//! ```
//!
//! # Invariants
//!
//! - A connection is lent to one client at a time, and in the order of the requests.
//! - A connection is lent again only if every message is answered, no message is incomplete, no transaction is open,
//!   and it is certain that no statement has changed the session. An open transaction is rolled back first; in any
//!   other state, the connection is closed.
//! - The pool never sends anything twice, and never decodes a row. The pool reads only the type and the length of each
//!   frame, and the status in ReadyForQuery.
//! - The pool reports to a client which point its flight had reached ([`Report`](crate::lease::Report)), and with this
//!   fact `retry` makes the same decision as without a pool.
//! - The number of waiting leases and their bytes are limited (`connections`).
//!
//! # A worked example
//!
//! Two Workers query at once, and one connection is idle.
//!
//! ```text
//! A  ── Lease(one flight) Parse Bind Describe Execute Sync ─▶ granted; Parse … Sync ─▶ server
//! B  ── Lease(one flight) Parse Bind Describe Execute Sync ─▶ the queue
//! A  ◀── Granted ParseComplete … CommandComplete ReadyForQuery(I)      the lease ends: all answered, idle
//! B                                                          granted; Parse … Sync ─▶ server
//! ```
//!
//! If A's Worker is killed after `Parse … Sync` was forwarded, A's stream ends, and A's lease ends in the middle of a
//! flight. An answer is outstanding, so the connection is closed, and B gets the right to open another one. The outcome
//! of A's statement is unknown, and no client is left to report it to.
//!
//! # The rejected designs
//!
//! - *A pool that executes queries for its clients* (a request per query, with the rows as JSON) would have to repeat
//!   the whole client: types, retries, streams, transactions. The retries of such a pool would be a second set of
//!   rules, and a lost answer between Worker and object could not be distinguished from a lost answer between object
//!   and server.
//! - *A DISCARD ALL after each lease*, as PgBouncer sends it, costs a round trip for each query, and DSQL rejects it
//!   (0A000). Instead, the compiled query states whether it may change the session; if so, the connection is closed
//!   after the lease (`Flight::changes_session`). A connection on which a ParameterStatus arrives is also closed: a
//!   setting of the session has changed, although the compiler did not expect it.
//!
//! Source: frames are PostgreSQL's (protocol 3.0, "Message Formats"); the four frames of a lease are in `wire::lease`.

mod connections;
mod direct;
mod frames;
#[allow(missing_docs, reason = "#[durable_object] generates methods that are not called by name")]
mod object;
mod relay;
mod server;
mod stub;
#[cfg(test)]
mod tests;
mod visitor;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::client::Dsql;
use crate::config::Config;
use crate::connector::Connector;
use crate::error::Error;
use crate::lease::Lessor;
use crate::millis::millis;
#[cfg(test)]
use crate::transport::BoxFuture;
use crate::transport::{self, Environment, Transport};

use connections::{Connections, PoolLimits};
pub use object::DsqlPool;
use visitor::Visitor;

/// Connections that stay open after a request, for a Durable Object that you write yourself; a [`DsqlPool`] contains
/// such a `Pool`.
///
/// A panic in the object's code ends the instance of wasm, and with it the Rust part of the pool, but JavaScript's
/// streams and sockets stay open. Flights that were running then end at the client's `query_timeout`, with an error
/// that contains the outcome; a new pool serves the next request. The old connections end with the object.
///
/// A pool in an object serves the queries of Workers ([`serve`](Pool::serve)) and the queries of the object's own code
/// ([`dsql`](Pool::dsql)). For a transaction of the object's own code, the closure runs in the same object as the
/// connection, so nothing is sent between a Worker and the object.
///
/// ```no_run
/// # use dsql_edge::{Config, Pool, sql};
/// # use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};
/// #[durable_object]
/// pub struct Counter {
///     pool: Result<Pool>,
/// }
///
/// impl DurableObject for Counter {
///     fn new(_state: State, env: Env) -> Self {
///         Counter { pool: Config::from_env(&env).map(Pool::new).map_err(Into::into) }
///     }
///
///     async fn fetch(&self, _request: Request) -> Result<Response> {
///         let dsql = self.pool.as_ref().map_err(|error| error.to_string())?.dsql();
///         let now = sql!("SELECT current_timestamp AS now").fetch_value(&dsql).await?;
///         Response::from_json(&now)
///     }
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Pool {
    connector: Connector,
    limits: PoolLimits,
    connections: Arc<Connections>,
}

impl Pool {
    /// Makes a pool without connections: a connection is opened when a query needs it.
    ///
    /// ```
    /// # use dsql_edge::{Config, Dsql, Error, Pool};
    /// # fn pooled(env: worker::Env) -> Result<Dsql, Error> {
    /// let pool = Pool::new(Config::from_env(&env)?).max_connections(2);
    /// Ok(pool.dsql())
    /// # }
    /// ```
    pub fn new(config: Config) -> Self {
        Pool::within(config, Environment::default())
    }

    /// Makes a pool in this environment.
    pub(crate) fn within(config: Config, environment: Environment) -> Self {
        let limits = PoolLimits {
            max_connections: 4,
            max_waiting: 1000,
            max_age: 55 * 60_000,
            max_idle: 10 * 60_000,
            max_pause: 15_000,
        };
        Pool::with(Connector::new(config, environment), limits)
    }

    /// Serves a client.
    #[cfg(test)]
    pub(crate) fn receive(&self, transport: Box<dyn Transport>) -> BoxFuture<()> {
        Box::pin(relay::receive(self.connections.clone(), Visitor::new(transport)))
    }

    /// Describes the connections and waiting clients that are left after a long time without requests; `None`, as
    /// expected, if there are none.
    #[cfg(test)]
    pub(crate) fn left_over(&self) -> Option<String> {
        let left = self.connections.census();
        (left != (0, 0))
            .then(|| format!("{} connections and {} waiting are left in the pool", left.0, left.1))
    }

    fn with(connector: Connector, limits: PoolLimits) -> Self {
        let connections = Connections::new(connector.clone(), limits);
        Pool { connector, limits, connections }
    }

    /// The maximum number of connections; 4 if it is not set, at least 1. A Worker can open at most six connections at
    /// the same time. More than four connections in one object have not been tested in production: use more objects
    /// (`DSQL_POOL_SHARDS`) instead.
    pub fn max_connections(self, connections: usize) -> Self {
        Pool::with(self.connector, PoolLimits { max_connections: connections.max(1), ..self.limits })
    }

    /// The maximum number of queries and transactions that may wait for a connection; 1,000 if it is not set. If this
    /// many already wait, another query or transaction ends with an error
    /// ([`Error::is_overloaded`](crate::Error::is_overloaded)). Because an object has 128 MB of memory, the same error
    /// is returned if the waiting requests have 24 MiB together; each counts as 12 KiB plus the bytes that it has sent.
    pub fn max_waiting(self, waiting: usize) -> Self {
        Pool::with(self.connector, PoolLimits { max_waiting: waiting, ..self.limits })
    }

    /// The approximate age at which a connection is replaced; 55 minutes if it is not set. DSQL closes a connection
    /// after an hour.
    pub fn max_age(self, age: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { max_age: millis(age), ..self.limits })
    }

    /// The time after which an idle connection is closed; 10 minutes if it is not set. Cloudflare can evict an object
    /// without connections.
    pub fn max_idle(self, idle: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { max_idle: millis(idle), ..self.limits })
    }

    /// The longest pause of a transaction between two statements, and the longest pause of a client in the middle of a
    /// flight; 15 seconds if it is not set. After a longer pause, the transaction is rolled back, and its next
    /// statement returns an error ([`Error::is_timeout`](crate::Error::is_timeout)).
    pub fn max_pause(self, pause: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { max_pause: millis(pause), ..self.limits })
    }

    /// Returns a [`Dsql`] that uses the connections of this pool. Make a `Dsql` for each request, as with
    /// [`Dsql::from_env`](crate::Dsql::from_env): this costs nothing.
    pub fn dsql(&self) -> Dsql {
        let Connector { config, environment, .. } = self.connector.clone();
        Dsql::within(config.leasing_from(Arc::new(Here(self.connections.clone()))), environment)
    }

    /// Serves a request that a Worker's `Dsql` has sent ([`Dsql::from_pool`](crate::Dsql::from_pool)).
    ///
    /// # Errors
    /// Returns an error outside Workers, or if the platform cannot make the response. If the request does not come from
    /// such a `Dsql`, the response contains the error.
    pub fn serve(&self, request: worker::Request) -> worker::Result<worker::Response> {
        let (transport, response) = transport::visitor(request)?;
        let serving = relay::receive(self.connections.clone(), Visitor::new(transport));
        self.connector.environment.spawn(Box::pin(serving));
        Ok(response)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.connector.config).finish()
    }
}

/// Leases from a pool in the same process.
struct Here(Arc<Connections>);

impl Lessor for Here {
    fn reach(&self, _: bool) -> Result<Box<dyn Transport>, Error> {
        Ok(direct::reach(&self.0))
    }
}
