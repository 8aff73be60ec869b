//! Makes a [`Config`] from a binding of Hyperdrive.
//!
//! Input: the binding's host, port, user, password and database, which Hyperdrive generates for each Worker. Output: a
//! [`Config`] without TLS. The socket to Hyperdrive does not leave Cloudflare's machine, so only for this binding, a
//! login in clear text is accepted without TLS, and MD5 without `require_auth`. The connection from Hyperdrive to the
//! database has separate TLS.

use crate::config::Config;
use crate::credentials::Secret;
use crate::error::Error;
use crate::settings::{Endpoint, LoginMethods, PostgresSettings, SslMode};
use crate::transport::{HyperdriveBinding, hyperdrive};

impl Config {
    /// Makes a `Config` from a binding of [Hyperdrive](https://developers.cloudflare.com/hyperdrive/), Cloudflare's
    /// pool of database connections. Feature `postgres`.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # fn connect(env: worker::Env) -> Result<Dsql, dsql_edge::Error> {
    /// Ok(Dsql::new(Config::from_hyperdrive(&env, "DB")?))
    /// # }
    /// ```
    ///
    /// Hyperdrive is a pooler in transaction mode, so [`transaction_pooler`](Config::transaction_pooler) is set:
    /// statements that change their session are errors, and a `search_path` must be set on the role.
    ///
    /// **Hyperdrive caches reads.** By default, the rows of a `SELECT` may be up to 60 seconds old, and up to 15
    /// seconds older while Hyperdrive reads them again. A `SELECT` may return such old rows even after a write of the
    /// same request. Hyperdrive does not cache writes, or queries that call a volatile or stable function. For queries
    /// that must read current rows, bind a second Hyperdrive of the same database whose cache is off (`wrangler
    /// hyperdrive create … --caching-disabled true`), and make a second `Dsql` with that binding.
    ///
    /// `wrangler dev` connects to the database in the `localConnectionString` of the binding (or
    /// `CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB`), without the pool and the cache. If that database is on
    /// another machine, the password can be read on the way, and the client cannot detect this. So use a local
    /// database, or a version of wrangler whose own proxy adds TLS.
    ///
    /// # Errors
    /// Returns an error if the binding is missing, or is not a binding of Hyperdrive.
    pub fn from_hyperdrive(env: &worker::Env, binding: &str) -> Result<Self, Error> {
        let Some(bound) = hyperdrive(env, binding) else {
            return Err(Error::config(
                [
                    "the binding ",
                    binding,
                    " is missing, or is not a Hyperdrive: add [[hyperdrive]] with binding = \"",
                    binding,
                    "\" and its id to wrangler.toml",
                ]
                .concat(),
            ));
        };
        Ok(of_binding(bound))
    }
}

fn of_binding(bound: HyperdriveBinding) -> Config {
    let HyperdriveBinding { host, port, user, password, database } = bound;
    let mut postgres = PostgresSettings::new(database);
    postgres.sslmode = SslMode::Disable;
    postgres.private_socket = true;
    postgres.methods = LoginMethods { md5: true, ..LoginMethods::DEFAULT };
    postgres.transaction_pooler = true;
    Config::of_postgres(Endpoint::postgres(&host, port), postgres, Secret::new(password)).user(user)
}
