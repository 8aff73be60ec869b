//! The Durable Object class that users bind.
//!
//! Input: requests of Workers' stubs. Output: the answers to these requests. The pool connects to the cluster in the
//! bindings of the Durable Object. The object keeps nothing in storage: when it is moved or restarted, the next request
//! opens connections again.
//!
//! An object can exist for a long time, and its bindings of the Secrets Store may get other values meanwhile. So the
//! first request after credentials were rejected reads the bindings again, but at most once in 30 seconds: otherwise,
//! if the credentials stay wrong, every request would read them.

use std::result::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::Pool;
use super::relay::{self, GREETING};
use super::visitor::Visitor;
use crate::config::Config;
use crate::error::Error;
use crate::lease::Report;
use crate::millis::Millis;
use crate::retry::Signal;
use crate::transport::{self, Environment, text_or_number_of};
use crate::wire::Malformed;

/// A pool of connections as a Durable Object: bind it, and use it by [`Dsql::from_pool`](crate::Dsql::from_pool).
///
/// ```toml
/// [[durable_objects.bindings]]
/// name = "DSQL_POOL"
/// class_name = "DsqlPool"
///
/// [[migrations]]
/// tag = "v1"
/// new_sqlite_classes = ["DsqlPool"]
/// ```
///
/// The class comes from this crate, and the Worker exports it by linking the crate with the feature `pool`. The object
/// reads the same bindings as [`Config::from_env`], and these:
///
/// | binding | |
/// |---|---|
/// | `DSQL_POOL_CONNECTIONS` | [`Pool::max_connections`]; 4 if it is not set |
/// | `DSQL_POOL_WAITING` | [`Pool::max_waiting`]; 1,000 if it is not set |
#[durable_object(fetch)]
pub struct DsqlPool {
    env: Env,
    environment: Environment,
    known: Known,
}

/// The pool; `None` until the first request, which contains the prefix of the pool's bindings.
type Known = Arc<Mutex<Option<KnownPool>>>;

struct KnownPool {
    prefix: String,
    pool: Pool,
    /// The time at which the pool's bindings were last read again.
    renewed_at: Option<Millis>,
}

/// The minimum time between two readings of the bindings.
const RENEWAL: Millis = 30_000;

impl DurableObject for DsqlPool {
    fn new(_state: State, env: Env) -> Self {
        DsqlPool { env, environment: Environment::default(), known: Known::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let (transport, response) = transport::visitor(request)?;
        // The answer is a stream that continues after `fetch` has returned, so the task owns copies.
        let (env, environment, known) = (self.env.clone(), self.environment.clone(), self.known.clone());
        self.environment.spawn(Box::pin(serve(env, environment, known, Visitor::new(transport))));
        Ok(response)
    }
}

async fn serve(env: Env, environment: Environment, known: Known, mut visitor: Visitor) {
    let failed = match visitor.ask(environment.sleep(GREETING)).await {
        Err(Malformed(reason)) => Error::config(reason),
        Ok(ask) => match pool(&env, &environment, &known, &ask.prefix).await {
            Ok(pool) => return relay::serve(pool.connections, visitor, ask).await,
            Err(error) => error,
        },
    };
    relay::send_report(visitor, &Report::nothing(failed, Signal::Local), environment.sleep(GREETING)).await;
}

async fn pool(env: &Env, environment: &Environment, known: &Known, prefix: &str) -> Result<Pool, Error> {
    if let Some((pool, is_stale)) = find(known, prefix)? {
        // If the bindings cannot be read now, the pool keeps the old ones.
        if is_stale && let Ok(config) = Config::from_secrets_store(env, prefix).await {
            pool.connections.renew(config);
        }
        return Ok(pool);
    }
    let config = Config::from_secrets_store(env, prefix).await?;
    let mut pool = Pool::within(config, environment.clone());
    if let Some(connections) = number(env, prefix, "DSQL_POOL_CONNECTIONS")? {
        pool = pool.max_connections(connections);
    }
    if let Some(waiting) = number(env, prefix, "DSQL_POOL_WAITING")? {
        pool = pool.max_waiting(waiting);
    }
    // Another request may have made the pool in the meantime.
    if let Some((pool, _)) = find(known, prefix)? {
        return Ok(pool);
    }
    let found = KnownPool { prefix: prefix.to_owned(), pool: pool.clone(), renewed_at: None };
    *lock(known) = Some(found);
    Ok(pool)
}

/// Returns the pool, if it exists, and whether this request must read the pool's bindings again.
fn find(known: &Known, prefix: &str) -> Result<Option<(Pool, bool)>, Error> {
    let mut known = lock(known);
    let Some(found) = &mut *known else { return Ok(None) };
    if found.prefix != prefix {
        return Err(Error::config(
            "an object of the pool got requests for two clusters: use another name of the object for each prefix",
        ));
    }
    let now = found.pool.connector.now();
    let is_due = found.renewed_at.is_none_or(|renewed_at| now >= renewed_at.saturating_add(RENEWAL));
    let is_stale = is_due && found.pool.connections.is_denied();
    if is_stale {
        found.renewed_at = Some(now);
    }
    Ok(Some((found.pool.clone(), is_stale)))
}

fn lock(known: &Known) -> MutexGuard<'_, Option<KnownPool>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(env: &Env, prefix: &str, name: &str) -> Result<Option<usize>, Error> {
    let name = [prefix, name].concat();
    let Some(text) = text_or_number_of(env, &name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.map(Some).ok_or_else(|| Error::config([&name, " is not a number from 1 to 100000"].concat()))
}
