//! Makes a [`Config`] for a PostgreSQL from bindings: a connection string, or its parts.

use super::parameters::Parameters;
use super::url;
use crate::config::Config;
use crate::error::Error;
use crate::transport::text_of;

/// The binding with the connection string.
const URL: &str = "DATABASE_URL";

/// The bindings for the parts of a connection string, with libpq's names, and for each binding the parameter that it
/// sets.
const PARTS: [(&str, &str); 13] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGDATABASE", "dbname"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGOPTIONS", "options"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGAPPNAME", "application_name"),
];

/// The other variables of libpq that choose a server, a user or the protection of a connection, and their parameters.
/// If one of these variables is set, `Config` returns an error: a client that ignored the variable could connect to a
/// server that the user did not intend, or with less protection.
const REJECTED: [(&str, &str); 8] = [
    ("PGHOSTADDR", "hostaddr"),
    ("PGPASSFILE", "passfile"),
    ("PGSERVICE", "service"),
    ("PGSERVICEFILE", "servicefile"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCRL", "sslcrl"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
];

/// The bindings of a tunnel, with the names of the variables of `cloudflared access tcp`: the host, and the id and the
/// secret of a service token.
const TUNNEL: [&str; 3] =
    ["TUNNEL_SERVICE_HOSTNAME", "TUNNEL_SERVICE_TOKEN_ID", "TUNNEL_SERVICE_TOKEN_SECRET"];

impl Config {
    /// Makes a `Config` for a PostgreSQL from the bindings of a Worker. Feature `postgres`.
    ///
    /// | binding | |
    /// |---|---|
    /// | `DATABASE_URL` | a connection string, as for [`from_postgres`](Config::from_postgres) |
    /// | `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGAPPNAME`, `PGOPTIONS`, `PGCONNECT_TIMEOUT` | the parts that the connection string leaves out |
    /// | `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLNEGOTIATION`, `PGCHANNELBINDING`, `PGREQUIREAUTH` | how the connection is protected, where the connection string leaves this out |
    /// | `TUNNEL_SERVICE_HOSTNAME` | the host of a tunnel, or its URL `wss://…`: see `Config::tunnel` (feature `websocket`) |
    /// | `TUNNEL_SERVICE_TOKEN_ID`, `TUNNEL_SERVICE_TOKEN_SECRET` | the service token of Cloudflare Access, if Access protects the host of the tunnel |
    ///
    /// So the password can be a secret, `PGPASSWORD`, while the rest of the connection string is a var. A secret of the
    /// Secrets Store is read with [`from_postgres_secrets_store`](Config::from_postgres_secrets_store).
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # fn connect(env: worker::Env) -> Result<Dsql, dsql_edge::Error> {
    /// Ok(Dsql::new(Config::from_postgres_env(&env)?))
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`from_postgres`](Config::from_postgres), and an error that names the binding if the host
    /// or the user is missing.
    pub fn from_postgres_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_postgres_bindings("", |name| text_of(env, name))
    }

    /// Makes a `Config` like [`from_postgres_env`](Config::from_postgres_env), from any source of values by name, such
    /// as a process's environment. With the prefix `REPORTS_`, the names are `REPORTS_DATABASE_URL` and so on. Feature
    /// `postgres`.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// let config = Config::from_postgres_bindings("", |name| std::env::var(name).ok());
    /// # drop(config);
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`from_postgres_env`](Config::from_postgres_env).
    pub fn from_postgres_bindings(
        prefix: &str,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        // An empty binding is treated as missing.
        let bound = |name: &str| lookup(&[prefix, name].concat()).filter(|value| !value.is_empty());
        let mut parameters = match bound(URL) {
            Some(text) => url::parse(&text)?,
            None => Parameters::default(),
        };
        for (binding, name) in PARTS.into_iter().chain(REJECTED) {
            if !parameters.has(name)
                && let Some(value) = bound(binding)
            {
                parameters.set(name, value)?;
            }
        }
        parameters.into_config()?.with_bound_tunnel(&bound)
    }

    #[cfg(feature = "websocket")]
    fn with_bound_tunnel(self, bound: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let [host, id, secret] = TUNNEL.map(bound);
        let Some(host) = host else {
            // Without the tunnel, the client would connect to a server that the user did not intend.
            return if id.is_some() || secret.is_some() {
                Err(Error::config("a service token is bound, but TUNNEL_SERVICE_HOSTNAME is missing"))
            } else {
                Ok(self)
            };
        };
        // A host with a scheme is passed on as a URL, and `Tunnel::new` rejects any scheme except `wss`.
        let has_scheme = host.split([':']).nth(1).is_some_and(|rest| rest.starts_with("//"));
        let url = if has_scheme { host } else { ["wss://", &host].concat() };
        let tunnel = crate::Tunnel::new(&url)?;
        self.tunnel(match (id, secret) {
            (None, None) => tunnel,
            (Some(id), Some(secret)) => tunnel.access_service_token(&id, &secret)?,
            _ => {
                return Err(Error::config(
                    "TUNNEL_SERVICE_TOKEN_ID and TUNNEL_SERVICE_TOKEN_SECRET belong together: one of them is missing",
                ));
            }
        })
    }

    #[cfg(not(feature = "websocket"))]
    fn with_bound_tunnel(self, bound: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let [host, ..] = TUNNEL;
        match bound(host) {
            None => Ok(self),
            Some(_) => {
                Err(Error::config("TUNNEL_SERVICE_HOSTNAME needs the feature `websocket` of dsql-edge"))
            }
        }
    }

    /// Makes a `Config` like [`from_postgres_bindings`](Config::from_postgres_bindings), but each binding may be a
    /// secret of the Secrets Store, a var, or a secret of the Worker. Feature `postgres`.
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # async fn from_store(env: worker::Env) -> Result<(), dsql_edge::Error> {
    /// let dsql = Dsql::new(Config::from_postgres_secrets_store(&env, "").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`from_postgres_env`](Config::from_postgres_env), and an error if the store does not
    /// return a secret.
    pub async fn from_postgres_secrets_store(env: &worker::Env, prefix: &str) -> Result<Self, Error> {
        let mut values = Vec::new();
        for name in PARTS.iter().chain(&REJECTED).map(|(binding, _)| *binding).chain(TUNNEL).chain([URL]) {
            let name = [prefix, name].concat();
            if let Some(value) = crate::config::bindings::value_of(env, &name).await? {
                values.push((name, value));
            }
        }
        Config::from_postgres_bindings(prefix, |name| {
            values.iter().find(|(bound, _)| bound == name).map(|(_, value)| value.clone())
        })
    }
}
