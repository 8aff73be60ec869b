//! A pool: connections that outlive requests, in a Durable Object, and the way there.
//!
//! Goes in: flights of clients. Comes out: their answers. A client (`client::link`) asks for a lease, for one flight or
//! for one transaction, and sends its flights as it would send them to the server; here they are passed on, whole and
//! unread, on a connection that has been logged in for long. All that a client decides it decides as without a pool:
//! what is decoded, what runs again, when it has waited long enough.
//!
//! ```text
//! object, direct   who comes: a Worker's request to the object, or a Dsql in the same place
//!     relay        one lease: asked for, granted, at its end
//!    visitor       the client's stream        server  the connection's
//!  connections     the queue, and what is lent
//! ```

mod connections;
mod direct;
mod frames;
#[allow(missing_docs, reason = "#[durable_object] writes methods that nobody calls by name")]
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

/// Connections that outlive requests: the inside of a [`DsqlPool`], for a Durable Object of your own.
///
/// A panic in the object's code ends the instance of wasm, and with it the Rust half of the pool, while the streams and
/// sockets of JavaScript live on. Flights under way then end with the client's `query_timeout` and an error with their
/// outcome; a new pool serves the next request. The old connections end with the object.
///
/// Kept in the object, it serves the queries of the object's own code ([`dsql`](Pool::dsql)), so that a transaction's
/// closure runs beside its connection, and those of Workers ([`serve`](Pool::serve)).
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
    /// A pool without connections: they are opened when they are needed.
    pub fn new(config: Config) -> Self {
        Pool::within(config, Environment::default())
    }

    /// A pool in this environment.
    pub(crate) fn within(config: Config, environment: Environment) -> Self {
        let (age, idle) = (55 * 60_000, 10 * 60_000);
        let limits = PoolLimits { connections: 4, waiting: 1000, age, idle, pause: 15_000 };
        Pool::with(Connector::new(config, environment), limits)
    }

    /// Serves a client, however it has come.
    #[cfg(test)]
    pub(crate) fn receive(&self, transport: Box<dyn Transport>) -> BoxFuture<()> {
        Box::pin(relay::receive(self.connections.clone(), Visitor::new(transport)))
    }

    /// What should not be there when nobody has asked for long.
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

    /// How many connections it may have; 4 if it is not set, at least 1. Workers lets six be opened at a time; that
    /// more than four serve well in one object has not been proved in production: take more objects
    /// (`DSQL_POOL_SHARDS`) instead.
    pub fn max_connections(self, connections: usize) -> Self {
        Pool::with(self.connector, PoolLimits { connections: connections.max(1), ..self.limits })
    }

    /// How many queries and transactions may wait for a connection; 1,000 if it is not set. Beyond that a request ends
    /// with an error ([`Error::is_overloaded`](crate::Error::is_overloaded)). Because an object has 128 MB of memory,
    /// the same error is returned when the waiting requests have 24 MiB together; each counts 12 KiB and the bytes that
    /// it has sent.
    pub fn max_waiting(self, waiting: usize) -> Self {
        Pool::with(self.connector, PoolLimits { waiting, ..self.limits })
    }

    /// How old a connection may become, about; 55 minutes if it is not set. DSQL closes one after an hour.
    pub fn max_age(self, age: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { age: millis(age), ..self.limits })
    }

    /// How long a connection may be idle; 10 minutes if it is not set. An object without connections can be put to
    /// sleep.
    pub fn max_idle(self, idle: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { idle: millis(idle), ..self.limits })
    }

    /// How long a transaction may pause between two statements, and a client in the middle of a flight; 15 seconds if
    /// it is not set. Then the transaction is rolled back, and its next statement returns an error
    /// ([`Error::is_timeout`](crate::Error::is_timeout)).
    pub fn max_pause(self, pause: Duration) -> Self {
        Pool::with(self.connector, PoolLimits { pause: millis(pause), ..self.limits })
    }

    /// A cluster whose connections are those of this pool. Make one for each request, as with
    /// [`Dsql::from_env`](crate::Dsql::from_env): it costs nothing.
    pub fn dsql(&self) -> Dsql {
        let Connector { config, environment } = self.connector.clone();
        Dsql::within(config.leasing_from(Arc::new(Here(self.connections.clone()))), environment)
    }

    /// Serves a request that a Worker's `Dsql` has sent ([`Dsql::from_pool`](crate::Dsql::from_pool)).
    ///
    /// # Errors
    /// Where it is no such request.
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

/// A pool in the same place.
struct Here(Arc<Connections>);

impl Lessor for Here {
    fn reach(&self, _: bool) -> Result<Box<dyn Transport>, Error> {
        Ok(direct::reach(&self.0))
    }
}
