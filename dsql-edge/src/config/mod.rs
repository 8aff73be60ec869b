//! The user's configuration: settings, credentials, callbacks.
//!
//! Input: the bindings of a Worker, a connection string, or parts. Output: a checked [`Config`], with an endpoint that
//! may receive a token. `Debug` shows no credential.

mod bindings;
mod connection_string;
mod percent;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "multi-region")]
mod regions;
#[cfg(feature = "websocket")]
mod websocket;

use core::fmt;
use core::time::Duration;

use std::sync::Arc;

#[cfg(feature = "assume-role")]
use crate::auth::AssumeRole;
use crate::auth::{Credentials, CredentialsProvider, Source};
#[cfg(feature = "direct-tls")]
use crate::direct_tls::DirectTls;
use crate::error::Error;
use crate::event::Event;
#[cfg(feature = "pool")]
use crate::lease::Lessor;
use crate::millis::millis;
#[cfg(feature = "assume-role")]
use crate::settings::StsEndpoint;
use crate::settings::{Endpoint, Settings};
#[cfg(all(feature = "websocket", feature = "postgres"))]
pub use websocket::Tunnel;

pub(crate) type Listener = dyn Fn(&Event<'_>) + Send + Sync;

/// The configuration of a [`Dsql`](crate::Dsql) or a pool: endpoint, credentials, limits.
///
/// ```
/// use std::time::Duration;
/// use dsql_edge::{Config, Credentials};
///
/// let config = Config::new(
///     "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws",
///     Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// )?
/// .user("blog")
/// .query_timeout(Duration::from_secs(5));
/// # Ok::<(), dsql_edge::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) settings: Settings,
    pub(crate) source: Source,
    pub(crate) listener: Option<Arc<Listener>>,
    #[cfg(feature = "pool")]
    pub(crate) lessor: Option<Arc<dyn Lessor>>,
}

impl Config {
    /// Makes a `Config` for the cluster with this host name: `<26 letters and digits>.dsql.<region>.on.aws`. The region
    /// is read from the host name.
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials};
    /// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    /// let config = Config::new("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws", credentials)?;
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if `endpoint` is not the host name of a DSQL cluster.
    pub fn new(endpoint: &str, credentials: Credentials) -> Result<Self, Error> {
        Endpoint::parse(endpoint, None).map(|endpoint| Config::with(endpoint, credentials))
    }

    /// Makes a `Config` for a database on this machine, such as `dsql-local`: exactly `localhost` or
    /// `localhost:<port>`. Tokens are signed for the host `localhost` and this region, and no cluster accepts them.
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials};
    /// let config = Config::local("localhost:5432", "us-east-1", Credentials::new("id", "key"))?;
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the endpoint is not `localhost`, or if the region is not the name of a region.
    pub fn local(endpoint: &str, region: &str, credentials: Credentials) -> Result<Self, Error> {
        Endpoint::local(endpoint, region).map(|endpoint| Config::with(endpoint, credentials))
    }

    /// Makes a `Config` for any host, such as a proxy or a private name. This method is dangerous: if the server at
    /// that host has a valid certificate, that server receives a token, which the cluster `signing_host` accepts for a
    /// minute.
    ///
    /// The password is sent only after the server has requested it; this costs a round trip.
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials};
    /// let config = Config::dangerous_endpoint(
    ///     "proxy.example.com",
    ///     5432,
    ///     "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws",
    ///     "us-east-1",
    ///     Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    /// )?;
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a host name is empty or has characters that are not allowed in it, or if `region` is not the
    /// name of a region.
    pub fn dangerous_endpoint(
        host: &str,
        port: u16,
        signing_host: &str,
        region: &str,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        Endpoint::dangerous(host, port, signing_host, region)
            .map(|endpoint| Config::with(endpoint, credentials))
    }

    /// Takes the credentials from this provider whenever a connection is opened, instead of the credentials that the
    /// `Config` has.
    pub fn credentials_provider(mut self, provider: impl CredentialsProvider + 'static) -> Self {
        self.source = Source::provider(provider);
        self
    }

    /// Signs with the credentials of this IAM role. STS in the cluster's region returns the role's credentials. The
    /// request to STS is signed with the credentials that the `Config` already has. Feature `assume-role`.
    ///
    /// # Errors
    /// Returns an error if a part of the role has a form that STS rejects.
    #[cfg(feature = "assume-role")]
    pub fn assume_role(mut self, role: AssumeRole) -> Result<Self, Error> {
        role.check()?;
        self.source = Source::role(role, self.source);
        Ok(self)
    }

    /// Sends requests to an STS on this machine, such as that of `dsql-local`: exactly `https://localhost:<port>`.
    /// Feature `assume-role`.
    ///
    /// # Errors
    /// Returns an error if the URL is anything else.
    #[cfg(feature = "assume-role")]
    pub fn local_sts(mut self, url: &str) -> Result<Self, Error> {
        self.settings.sts = StsEndpoint::local(url)?;
        Ok(self)
    }

    /// The role to connect as; `admin` if it is not set. Every other role needs `AWS IAM GRANT`.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.settings.user = user.into();
        self
    }

    /// The name of the session in the server's logs; `dsql-edge/<version>` if it is not set. The name must not contain
    /// data of your users.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.settings.application_name = name.into();
        self
    }

    /// The schemas in which tables are looked up, in PostgreSQL's syntax (`app, public`). Without this setting, the
    /// snapshot's directive `search_path` is used, and without the directive the role's own setting. A snapshot without
    /// the directive accepts any value, but the schemas must contain the tables of the snapshot. A query that was
    /// compiled for another `search_path` returns an error and is not sent.
    pub fn search_path(mut self, schemas: impl AsRef<str>) -> Self {
        self.settings.search_path = Some(search_path(schemas.as_ref()));
        self
    }

    /// Whether to begin with TLS at once, without SSLRequest. This saves a round trip: 3 instead of 4 for the first
    /// query. The default is `false`, because it is not known whether DSQL accepts direct TLS from Workers: PostgreSQL
    /// 17 accepts direct TLS only from clients that send the protocol name `postgresql` in the handshake (ALPN).
    /// Sockets of Workers do not send a protocol name; programs with the feature `tokio` send it.
    ///
    /// Until an endpoint has accepted direct TLS, a write outside a transaction is not sent together with the login, so
    /// that the outcome of a write is never unknown because of this setting; the write then takes 4 round trips. If the
    /// endpoint closes the connection without an answer, the query is sent again at once with SSLRequest; this counts
    /// as a second attempt ([`max_attempts`](Config::max_attempts)). Later connections begin with SSLRequest.
    /// [`Event::direct_tls_rejected`] reports the rejection. All requests of the isolate, or of the process, share the
    /// record of the endpoints that accept or reject direct TLS. Feature `direct-tls`.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// # fn with(config: Config) -> Config {
    /// config.direct_tls(true)
    /// # }
    /// ```
    #[cfg(feature = "direct-tls")]
    pub fn direct_tls(mut self, direct: bool) -> Self {
        self.settings.direct_tls = direct.then_some(DirectTls::UNPROVEN);
        self
    }

    /// The time limit for connecting: waiting for a free connection, TCP, TLS and the login together; 10 seconds if it
    /// is not set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = millis(timeout);
        self
    }

    /// The time limit of the whole answer to a query (of a stream, for each wait for the server), and the time after
    /// which a query is not tried again; 30 seconds if it is not set. DSQL itself has no timeout for statements; it
    /// ends a transaction after 5 minutes.
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.settings.query_timeout = millis(timeout);
        self
    }

    /// The maximum number of connections of one [`Dsql`](crate::Dsql); 3 if it is not set, at least 1. A Worker can
    /// open at most six connections at the same time.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = connections.max(1);
        self
    }

    /// The time limit of a transaction: of all its attempts and the pauses between them together; 60 seconds if it is
    /// not set. DSQL ends a transaction after 5 minutes.
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.settings.transaction_timeout = millis(timeout);
        self
    }

    /// The maximum number of attempts at a query or a transaction, including the first; 5 if it is not set, and 1 means
    /// no retries. [`Dsql`](crate::Dsql) documents which statements may run again. Retries also have a budget, which
    /// may end the attempts earlier. Each `Dsql` has 20 retries, and all requests of the isolate together have 200;
    /// each query or transaction adds a tenth of a retry to both, up to these numbers.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = attempts.max(1);
        self
    }

    /// The longest message to send or to receive, in bytes; 10 MiB, DSQL's own limit, if it is not set. A longer
    /// message is an error ([`Error::is_too_long`]).
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.settings.max_message = bytes;
        self
    }

    /// The longest row to receive, in bytes; 10 MiB if it is not set. A longer row is an error ([`Error::is_too_long`])
    /// and ends the connection.
    pub fn max_row(mut self, bytes: usize) -> Self {
        self.settings.max_row = bytes;
        self
    }

    /// The maximum number of bytes of rows that one fetch, or one pipeline, keeps in memory; 64 MiB if it is not set (a
    /// Worker has 128 MiB in all). A larger result is an error ([`Error::is_too_long`]). Streams do not keep rows.
    pub fn max_result(mut self, bytes: usize) -> Self {
        self.settings.max_result = bytes;
        self
    }

    /// Calls this function at the end of each query, pipeline, chunk of many rows and transaction, with an [`Event`]:
    /// the query, the number of round trips, the time, and the number of retries. The function runs between two
    /// queries, so it should be quick.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// # fn with(config: Config) -> Config {
    /// config.on_event(|event| println!("{:?}: {} round trips", event.name(), event.round_trips()))
    /// # }
    /// ```
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The certificate, in PEM, of a certificate authority that is trusted in addition to the system's authorities. For
    /// example, the certificate of `dsql-local` is issued by such an authority, which `dsql-local` makes itself. This
    /// setting has an effect only outside Workers (feature `tokio`); the runtime of Workers has its own root
    /// certificates.
    pub fn extra_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.extra_ca = Some(pem.into());
        self
    }

    fn with(endpoint: Endpoint, credentials: Credentials) -> Self {
        Config {
            settings: Settings::new(endpoint),
            source: Source::Given(credentials),
            listener: None,
            #[cfg(feature = "pool")]
            lessor: None,
        }
    }

    /// Makes the `Config` of a pool's client; the endpoint and the credentials are in the pool's own `Config`.
    #[cfg(feature = "pool")]
    pub(crate) fn of_pool(lessor: Arc<dyn Lessor>) -> Self {
        Config::with(Endpoint::of_pool(), Credentials::new("", "")).leasing_from(lessor)
    }

    #[cfg(feature = "pool")]
    pub(crate) fn leasing_from(mut self, lessor: Arc<dyn Lessor>) -> Self {
        self.lessor = Some(lessor);
        self
    }

    /// The endpoint for messages: `host:port`, the scheme, host and port of a WebSocket, or `the pool`.
    pub(crate) fn location(&self) -> String {
        #[cfg(feature = "websocket")]
        if let Some(request) = self.settings.websocket_request() {
            return format!("wss://{}:{}", request.host, request.port);
        }
        #[cfg(feature = "pool")]
        if self.lessor.is_some() {
            return "the pool".to_owned();
        }
        format!("{}:{}", self.settings.endpoint.host, self.settings.endpoint.port)
    }
}

/// Writes a search_path in the same form as the search_path of a snapshot: one space after a comma, and quotes only
/// around names that need them.
pub(crate) fn search_path(schemas: &str) -> String {
    let names = schemas.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| bare(name).unwrap_or(name)).collect::<Vec<_>>().join(", ")
}

fn bare(name: &str) -> Option<&str> {
    let name = name.strip_prefix('"')?.strip_suffix('"')?;
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'_') || byte.is_ascii_digit();
    (name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit())).then_some(name)
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.location())
            .field("region", &self.settings.endpoint.region)
            .field("user", &self.settings.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_written_in_one_way() {
        for (written, sent) in [
            ("app,public", "app, public"),
            (" app ,  public, ", "app, public"),
            (r#""$user","Mixed Case""#, r#""$user", "Mixed Case""#),
            (r#""app","user","2nd""#, r#"app, user, "2nd""#),
            ("", ""),
        ] {
            assert_eq!(search_path(written), sent);
        }
    }
}
