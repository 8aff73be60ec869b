//! Chooses WebSockets as the transport of a [`Config`]: the WebSockets of a cluster, or of a tunnel.
//!
//! Input: the endpoint of the [`Config`], or the URL of a tunnel and the secrets of Cloudflare Access. Output: the HTTP
//! request that opens a connection's WebSocket. The transports send PostgreSQL's protocol in binary frames, without an
//! SSLRequest, because the WebSocket is inside TLS.

use super::Config;
#[cfg(feature = "postgres")]
use crate::credentials::Secret;
#[cfg(feature = "postgres")]
use crate::error::Error;
#[cfg(feature = "postgres")]
use crate::settings::WebSocketRequest;
use crate::settings::WebSocketServer;

impl Config {
    /// Whether to connect through the cluster's WebSocket, `wss://<cluster>:443`, instead of TCP on port 5432. `false`
    /// if it is not set. `dsql-local` accepts WebSockets on its one port. Feature `websocket`.
    ///
    /// A WebSocket is for networks that block port 5432. The first query takes 4 round trips, as over TCP: TCP, TLS,
    /// the HTTP request that opens the WebSocket, and the query.
    ///
    /// On Workers, a WebSocket has no back-pressure: bytes that the query does not read yet wait in memory. If more
    /// than [`max_result`](Config::max_result) bytes wait, the connection is closed, and the query returns an error
    /// ([`Error::is_too_long`](crate::Error::is_too_long)). So use TCP for long streams that are read slowly.
    ///
    /// AWS's connector for JavaScript uses this interface; its documentation does not describe how long DSQL keeps an
    /// idle WebSocket open. `Config::direct_tls` has no effect on a WebSocket.
    ///
    /// ```
    /// # use dsql_edge::Config;
    /// # fn with(config: Config) -> Config {
    /// config.websocket(true)
    /// # }
    /// ```
    pub fn websocket(mut self, websocket: bool) -> Self {
        self.settings.websocket = websocket.then_some(WebSocketServer::Endpoint);
        self
    }

    /// Connects to a PostgreSQL through a tunnel: a WebSocket whose server forwards the bytes of binary frames to the
    /// database, such as `cloudflared` with an ingress rule `service: tcp://localhost:5432`, or `websockify`. Features
    /// `websocket` and `postgres`.
    ///
    /// The TLS of the WebSocket ends at the server of the tunnel, and the certificate of this server is always
    /// verified. `sslmode` has no effect. The tunnel contains no second TLS. So the PostgreSQL must accept connections
    /// without TLS from the machine on which the tunnel ends (`host` in `pg_hba.conf`). The bytes between that machine
    /// and the database are only as safe as the network there. The host and the port of the connection string have no
    /// effect, because the server of the tunnel chooses the database. SCRAM is not bound to a certificate.
    ///
    /// The limits of [`websocket`](Config::websocket) hold for tunnels, too.
    ///
    /// ```
    /// # use dsql_edge::{Config, Tunnel};
    /// let tunnel = Tunnel::new("wss://db.example.com")?.access_service_token("id.access", "secret")?;
    /// let config = Config::from_postgres("postgres://app:secret@localhost/shop")?.tunnel(tunnel)?;
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the server is a DSQL cluster: a cluster requires TLS inside the tunnel, which Workers cannot
    /// begin there.
    #[cfg(feature = "postgres")]
    pub fn tunnel(mut self, tunnel: Tunnel) -> Result<Self, Error> {
        if self.settings.postgres.is_none() {
            return Err(Error::config(
                "a tunnel is for a PostgreSQL (Config::from_postgres): a DSQL cluster requires TLS inside the tunnel",
            ));
        }
        self.settings.websocket = Some(WebSocketServer::Tunnel(tunnel.request));
        Ok(self)
    }
}

/// The WebSocket of a server that forwards its bytes to a database. Features `websocket` and `postgres`.
///
/// ```
/// # use dsql_edge::Tunnel;
/// let tunnel = Tunnel::new("wss://db.example.com")?.access_service_token("id.access", "secret")?;
/// # drop(tunnel);
/// # Ok::<(), dsql_edge::Error>(())
/// ```
#[cfg(feature = "postgres")]
#[derive(Clone)]
pub struct Tunnel {
    request: WebSocketRequest,
}

#[cfg(feature = "postgres")]
impl Tunnel {
    /// A tunnel with this URL: `wss://<host>[:<port>][/<path>]`, port 443 if it is left out.
    ///
    /// # Errors
    /// Returns an error if the text is not such a URL. The error does not repeat the URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        WebSocketRequest::parse(url).map(|request| Tunnel { request })
    }

    /// Sends a [service
    /// token](https://developers.cloudflare.com/cloudflare-one/access-controls/service-credentials/service-tokens/) of
    /// Cloudflare Access, in the headers `CF-Access-Client-Id` and `CF-Access-Client-Secret`. The Access application of
    /// the host needs a policy whose action is *Service Auth*.
    ///
    /// # Errors
    /// Returns an error if a part is empty, or has characters that a header cannot have.
    pub fn access_service_token(mut self, client_id: &str, client_secret: &str) -> Result<Self, Error> {
        let both = [("CF-Access-Client-Id", client_id), ("CF-Access-Client-Secret", client_secret)];
        for (name, value) in both {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::config(
                    "the service token of Cloudflare Access is empty, or has a space or another character that a header \
                     cannot have",
                ));
            }
            self.request.headers.push((name, Secret::new(value)));
        }
        Ok(self)
    }
}

#[cfg(feature = "postgres")]
impl core::fmt::Debug for Tunnel {
    /// Shows only the host: the path and the headers may contain secrets.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tunnel").field("host", &self.request.host).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;
    use crate::credentials::Credentials;

    #[test]
    fn tunnel_shows_no_secret() {
        let tunnel = Tunnel::new("wss://db.example.com/canary").unwrap();
        for (id, secret) in
            [("", "canary"), ("canary", ""), ("canary\r\nx: y", "canary"), ("can ary", "canary")]
        {
            let error = tunnel.clone().access_service_token(id, secret).unwrap_err();
            assert!(error.is_config() && !error.to_string().contains("canary"), "{error}");
        }
        let tunnel = tunnel.access_service_token("canary", "canary").unwrap();
        let config = Config::from_postgres("postgres://canary@h/db").unwrap().tunnel(tunnel.clone()).unwrap();
        let shown = format!("{tunnel:?} {config:?} {}", config.location());
        assert!(shown.contains("wss://db.example.com:443") && !shown.contains("/canary"), "{shown}");
    }

    #[test]
    fn host_of_a_tunnel_may_be_a_url() {
        let from = |host: &str| {
            Config::from_postgres_bindings("", |name| match name {
                "DATABASE_URL" => Some("postgres://app@h/db".to_owned()),
                "TUNNEL_SERVICE_HOSTNAME" => Some(host.to_owned()),
                _ => None,
            })
        };
        for host in ["db.example.com", "db.example.com:8443/path", "wss://db.example.com"] {
            assert!(from(host).is_ok(), "{host}");
        }
        for host in ["https://db.example.com", "http://db.example.com:1/", "WSS://db.example.com"] {
            assert!(from(host).unwrap_err().to_string().contains("does not begin with wss://"), "{host}");
        }
    }

    #[test]
    fn tunnel_to_a_cluster_is_rejected() {
        let config = Config::local("localhost", "us-east-1", Credentials::new("id", "key")).unwrap();
        let error = config.tunnel(Tunnel::new("wss://h").unwrap()).unwrap_err();
        assert!(error.is_config() && error.to_string().contains("Config::from_postgres"), "{error}");
    }
}
