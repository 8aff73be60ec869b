//! Connects a Worker to its pool's Durable Objects.
//!
//! Input: a binding, and the number of objects. Output: a stream to one of the objects, for one lease. The stream is an
//! HTTP request: the client writes the request's body and reads the response's body. The request is sent with the
//! client's first write.

use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::lease::Lessor;
use crate::transport::{Environment, Namespace, Transport, text_or_number_of};

/// A binding to the class [`DsqlPool`](crate::DsqlPool).
pub(crate) struct Stub {
    environment: Environment,
    namespace: Namespace,
    prefix: String,
    shards: u64,
    location: Option<String>,
}

impl Stub {
    /// The Durable Objects of the binding `DSQL_POOL`, with the options in the bindings that begin with `DSQL_POOL_`.
    pub(crate) fn from_env(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        let own = |name: &str| [prefix, name].concat();
        let var = |name: &str| text_or_number_of(env, &own(name));
        let namespace = Namespace::of(env, &own("DSQL_POOL")).ok_or_else(|| {
            Error::config(
                [
                    "the binding ",
                    &own("DSQL_POOL"),
                    " is missing or not a Durable Object: in wrangler.toml under [[durable_objects.bindings]] set name = \"",
                    &own("DSQL_POOL"),
                    "\" and class_name = \"DsqlPool\", and under [[migrations]] new_sqlite_classes = [\"DsqlPool\"]",
                ]
                .concat(),
            )
        })?;
        let shards = match var("DSQL_POOL_SHARDS") {
            None => 1,
            Some(text) => {
                text.parse().ok().filter(|shards| (1..=1000).contains(shards)).ok_or_else(|| {
                    Error::config([&own("DSQL_POOL_SHARDS"), " is not a number from 1 to 1000"].concat())
                })?
            }
        };
        let (environment, location) = (Environment::default(), var("DSQL_POOL_LOCATION"));
        Ok(Stub { environment, namespace, prefix: prefix.to_owned(), shards, location })
    }
}

impl Config {
    /// Makes a `Config` for a pool in Durable Objects, from the bindings of a Worker. Feature `pool`.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql, Error};
    /// # fn pooled(env: worker::Env) -> Result<Dsql, Error> {
    /// Ok(Dsql::new(Config::from_pool(&env)?.max_attempts(3)))
    /// # }
    /// ```
    ///
    /// | binding | |
    /// |---|---|
    /// | `DSQL_POOL` | the Durable Object namespace of the class [`DsqlPool`](crate::DsqlPool) |
    /// | `DSQL_POOL_SHARDS` | the number of objects; 1 if it is not set. Each lease uses a random object |
    /// | `DSQL_POOL_LOCATION` | the location where the objects are created, as one of Cloudflare's location hints: `enam`, `weur` …; choose one near the cluster |
    ///
    /// The objects read `DSQL_POOL_CONNECTIONS`, `DSQL_POOL_WAITING` and the bindings of
    /// [`from_env`](Config::from_env), which may be secrets of the Secrets Store. The Worker itself does not need these
    /// bindings.
    ///
    /// # Errors
    /// Returns an error if a binding is missing or malformed. The error shows how to set the binding.
    pub fn from_pool(env: &worker::Env) -> Result<Self, Error> {
        Config::from_pool_with_prefix(env, "")
    }

    /// Makes a `Config` like [`from_pool`](Config::from_pool), for a second cluster: with the prefix `REPORTS_` the
    /// bindings are `REPORTS_DSQL_POOL`, `REPORTS_DSQL_ENDPOINT` and so on. The objects find their credentials by the
    /// rule of [`from_env_with_prefix`](Config::from_env_with_prefix).
    ///
    /// # Errors
    /// Returns the errors of [`from_pool`](Config::from_pool).
    pub fn from_pool_with_prefix(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        Stub::from_env(env, prefix).map(|stub| Config::of_pool(Arc::new(stub)))
    }
}

impl Lessor for Stub {
    fn reach(&self, open: bool) -> Result<Box<dyn Transport>, Error> {
        let shard = self.environment.random() % self.shards;
        let name = format!("{}{shard}", self.prefix);
        let location = self.location.as_deref();
        self.namespace.reach(&name, location, open).map_err(|thrown| {
            let before = "Cloudflare rejects the pool's object with ";
            let (prefix, value) = (self.prefix.as_str(), location.unwrap_or_default());
            Error::config([before, prefix, "DSQL_POOL_LOCATION = \"", value, "\": ", &thrown].concat())
        })
    }

    fn prefix(&self) -> &str {
        &self.prefix
    }
}
