//! Makes a [`Config`] for a PostgreSQL that is not a DSQL cluster.
//!
//! Input: a connection string, bindings, or a binding of Hyperdrive. Output: a checked [`Config`] whose `Source` is the
//! password.

mod bindings;
mod hyperdrive;
mod parameters;
#[cfg(test)]
mod tests;
mod url;

use super::Config;
use crate::auth::Source;
use crate::credentials::Secret;
use crate::error::Error;
use crate::settings::{Endpoint, PostgresSettings, Settings};

impl Config {
    /// Makes a `Config` for any PostgreSQL from a connection string. Feature `postgres`.
    ///
    /// ```
    /// # use dsql_edge::{Config, Dsql};
    /// let url = "postgres://app:pass%40word@db.example.com:5432/shop?application_name=web";
    /// let dsql = Dsql::new(Config::from_postgres(url)?);
    /// # drop(dsql);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// User, password, host, database and values are percent-encoded. The default port is 5432, and the default
    /// database has the user's name. These parameters are accepted, with libpq's names:
    ///
    /// | parameter | |
    /// |---|---|
    /// | `sslmode` | `disable`, `prefer`, `require` or `verify-full`; `require` if it is left out. With TLS, the certificate and the host name are always verified, so `require` and `verify-full` are the same. With `prefer`, a server without TLS is used in plain text |
    /// | `sslrootcert` | a file with a certificate authority (PEM) that is trusted in addition to the system's; only with the feature `tokio`, outside Workers |
    /// | `sslnegotiation` | `postgres`, or `direct` for TLS without SSLRequest (feature `direct-tls`) |
    /// | `channel_binding` | `disable`, `prefer` or `require`; `prefer` if it is left out. Sockets of Workers do not show the certificate, so `require` is an error there |
    /// | `require_auth` | the logins that are accepted, a list of `scram-sha-256`, `password`, `md5` and `none`; all except `md5` if it is left out |
    /// | `application_name`, `connect_timeout` (seconds), `options` | as in libpq |
    /// | `search_path` | [`Config::search_path`] |
    /// | `pgbouncer` | `true`: [`Config::transaction_pooler`] |
    /// | `client_encoding` | `UTF8` or `auto`, without effect: the client always uses UTF8 |
    ///
    /// The server chooses the login: SCRAM-SHA-256 with at most 100,000 iterations, or a password in clear text inside
    /// TLS; MD5 only if `require_auth` lists it. Outside Workers, SCRAM is bound to the server's certificate if the
    /// server offers this. If a password is configured, a server that requests no password is accepted only inside TLS.
    /// Without TLS, the client cannot detect that another server answers.
    ///
    /// Sockets of Workers accept only public certificate authorities. Providers whose certificates come from their own
    /// authority (Amazon RDS, Google Cloud SQL, Azure, DigitalOcean, Aiven) work through Hyperdrive
    /// ([`from_hyperdrive`](Config::from_hyperdrive)).
    ///
    /// The first query takes 7 round trips with SCRAM (TCP, SSLRequest, TLS, three for the login, the query), and 6
    /// with a password in clear text. The client sends each message of the login only after the server has requested
    /// it, and the query only after the login. So a login that fails has sent no part of a query. If a `search_path` is
    /// set, one more round trip checks that it is in force. [`warm_up`](crate::Dsql::warm_up) opens the socket and logs
    /// in, so that the first query takes one round trip.
    ///
    /// If you write your own Durable Object, `Pool::new(config)` also keeps connections to a PostgreSQL (feature
    /// `pool`). The class `DsqlPool` reads only the bindings of a DSQL cluster.
    ///
    /// # Errors
    /// Returns an error if the text is not a connection string of this form, or has a part that is not accepted. The
    /// error names that part.
    pub fn from_postgres(connection_string: &str) -> Result<Self, Error> {
        url::parse(connection_string)?.into_config()
    }

    /// Whether the endpoint is a pooler in transaction mode (PgBouncer, Supavisor, Neon's `-pooler` hosts), which runs
    /// consecutive transactions on different sessions. Feature `postgres`.
    ///
    /// Queries need nothing from a session: a statement is parsed and executed in one flight. The setting has these
    /// effects:
    ///
    /// - `search_path` is not sent, because such a pooler rejects or ignores it. Set it on the role instead: `ALTER
    ///   ROLE app SET search_path = …`. The client checks the setting once on each new connection to the pooler, before
    ///   a query is sent. The pooler may run later queries on another session: if a client of the pooler changes the
    ///   `search_path` of such a session with `SET`, the check does not detect the change. Use names with their schema
    ///   if you do not control all clients.
    /// - A statement that changes its session ([`Session`](crate::Session)) is an error, because other clients would
    ///   get the changed session. But the client does not detect a change of the session in a statement of
    ///   `sql_unchecked!`, or in a function of the schema: do not use `SET` or `set_config(…, false)` there.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// let config = Config::from_postgres("postgres://app:secret@pooler.example.com:6432/shop")?
    ///     .transaction_pooler(true);
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    pub fn transaction_pooler(mut self, is_pooler: bool) -> Self {
        if let Some(postgres) = &mut self.settings.postgres {
            postgres.transaction_pooler = is_pooler;
        }
        self
    }

    pub(super) fn of_postgres(endpoint: Endpoint, postgres: PostgresSettings, password: Secret) -> Self {
        let mut settings = Settings::new(endpoint);
        settings.postgres = Some(Box::new(postgres));
        Config {
            settings,
            source: Source::Password(password),
            listener: None,
            #[cfg(feature = "pool")]
            lessor: None,
        }
    }
}
