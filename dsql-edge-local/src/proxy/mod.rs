//! The proxy: listens, terminates TLS, verifies the token, and relays the session to PostgreSQL.
//!
//! Input: TCP connections and the state of the endpoint. Output: bytes that are relayed between client and PostgreSQL,
//! or an error for the client and its reason for the log. After the login, only `rules` changes the bytes.

mod door;
mod ended;
pub(crate) mod frame;
mod listen;
mod relay;
mod startup;
mod websocket;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;

use crate::cluster::Cluster;
use crate::connection_rejected::ConnectionRejected;
use crate::direct_tls::DirectTls;
use crate::faults::Fault;
use crate::iam;
use crate::iam::key_ring::{Identity, KeyLookup, KeyRing};
use crate::iam::mapping;
use crate::limits::{Connected, Limits};
use crate::postgres::{ADMIN, Database, POSTGRES, SUPERUSER};
use crate::rules::{self, Session};
use crate::tls::{ALPN, HTTP};
use door::FirstPacket;
use ended::Ended;
use frame::Frame;
pub(crate) use listen::{Listening, Serve, listen};
use startup::Startup;

/// The time limit for each step of a login: the first packet, the TLS handshake, and the login inside TLS. The value is
/// the default of PostgreSQL's `authentication_timeout`.
const DOOR_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit for the first bytes of a client with direct TLS that does not send a protocol name. A client that
/// opens a WebSocket sends its HTTP request together with the end of the TLS handshake. PostgreSQL 17 closes the
/// connections of all other clients without a protocol name.
const GET_TIMEOUT: Duration = Duration::from_secs(1);

/// The reason in the log if a requested fault rejects a connection.
const ON_REQUEST: &str = "a requested fault";

/// The state that all connections of an endpoint share.
pub(crate) struct Endpoint {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) region: String,
    pub(crate) keys: Arc<KeyRing>,
    /// The database of PostgreSQL. To clients, the database has the name `postgres`, as the one database of DSQL has.
    pub(crate) database: Database,
    /// The state that all sessions share.
    pub(crate) cluster: Arc<Cluster>,
    /// Whether DSQL's statement rules apply.
    pub(crate) rules: bool,
    pub(crate) direct_tls: DirectTls,
}

impl Serve for Endpoint {
    async fn serve(&self, mut tcp: TcpStream) {
        // Each answer is one write; without this option the kernel may delay the answer for 40 ms.
        let _ = tcp.set_nodelay(true);
        let ended = match tokio::time::timeout(DOOR_TIMEOUT, door::first_packet(&mut tcp)).await {
            Ok(Ok(FirstPacket::Tls { direct })) => self.serve_tls(tcp, direct).await,
            Ok(Ok(FirstPacket::Cancel(packet))) => {
                relay::cancel(&self.database.socket, &packet).await.map_err(Ended::Lost)
            }
            Ok(Ok(FirstPacket::Plain)) => reject(&mut tcp, ConnectionRejected::tls_missing()).await,
            Ok(Err(error)) => Err(Ended::Lost(error)),
            Err(_) => Ok(()),
        };
        match ended {
            Ok(()) => {}
            Err(Ended::Rejected(rejected)) => (self.cluster.log)(&format!(
                "connection rejected: {}{} [{}]: {}",
                rejected.message,
                rejected.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})")),
                rejected.sqlstate,
                rejected.reason
            )),
            Err(Ended::Lost(error)) if hung_up(&error) => {}
            Err(Ended::Lost(error)) => (self.cluster.log)(&format!("connection ended: {error}")),
        }
    }

    fn log(&self, line: &str) {
        (self.cluster.log)(line);
    }
}

impl Endpoint {
    async fn serve_tls(&self, tcp: TcpStream, direct: bool) -> Result<(), Ended> {
        let Ok(accepted) = tokio::time::timeout(DOOR_TIMEOUT, self.accept_tls(tcp, direct)).await else {
            return Ok(());
        };
        let client =
            accepted.map_err(|error| Ended::Lost(io::Error::other(format!("TLS handshake: {error}"))))?;
        let session = client.get_ref().1;
        let host = session.server_name().map(str::to_owned);
        let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
        if !direct || protocol.as_deref() == Some(ALPN) {
            return self.serve_session(client, host.as_deref()).await;
        }
        let is_http = protocol.as_deref() == Some(HTTP);
        // As in PostgreSQL 17, a client with direct TLS must send the protocol name `postgresql`. Workers' WebSockets
        // do not send the name `postgresql`.
        let patience = if self.direct_tls == DirectTls::Any || is_http { DOOR_TIMEOUT } else { GET_TIMEOUT };
        match tokio::time::timeout(patience, websocket::accept(client, is_http)).await {
            Ok(Ok(websocket::Client::WebSocket(client))) => self.serve_session(client, host.as_deref()).await,
            Ok(Ok(websocket::Client::Other(client))) if self.direct_tls == DirectTls::Any => {
                self.serve_session(client, host.as_deref()).await
            }
            Ok(Err(error)) => Err(Ended::Lost(error)),
            Ok(Ok(_)) | Err(_) => {
                Err(Ended::Lost(io::Error::other("direct TLS without ALPN \"postgresql\"")))
            }
        }
    }

    async fn accept_tls(&self, tcp: TcpStream, direct: bool) -> io::Result<TlsStream<TcpStream>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let is_http = begun.client_hello().alpn().is_some_and(|mut names| names.any(|name| name == HTTP));
        if direct && self.direct_tls == DirectTls::Never && !is_http {
            return Err(io::Error::other("direct TLS is not accepted"));
        }
        begun.into_stream(self.tls.clone()).await
    }

    /// Serves a client inside TLS; `host` is the name that the client sent in the TLS handshake.
    async fn serve_session<S>(&self, mut client: S, host: Option<&str>) -> Result<(), Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let admitted = match tokio::time::timeout(DOOR_TIMEOUT, self.admit(&mut client, host)).await {
            Ok(admitted) => admitted,
            Err(_) => return Ok(()),
        };
        match admitted {
            Ok(Admitted::Session(mut postgres, _connected, session)) => relay::relay(
                &mut client,
                &mut postgres,
                self.rules.then_some(&self.database),
                &self.cluster,
                session,
            )
            .await
            .map_err(Ended::Lost),
            // The end includes TLS's close_notify, because libpq 18 treats any other end as a failure.
            Ok(Admitted::Cancelled) => client.shutdown().await.map_err(Ended::Lost),
            Err(Ended::Rejected(rejected)) => reject(&mut client, rejected).await,
            Err(lost) => Err(lost),
        }
    }

    /// Serves a client that is in the same process, over a pipe in memory. The client does not log in: its session has
    /// the user of the startup message, and all rules apply to the session.
    ///
    /// # Errors
    /// Returns the reason, for the log, if the session is rejected or lost.
    pub(crate) async fn serve_own_client<S>(&self, mut client: S) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let opened = async {
            let (version, body) = door::startup(&mut client).await?;
            let startup = Startup::parse(version, &body)?;
            self.open_session(&mut client, &startup, self.keys.given()).await
        };
        let ended = match opened.await {
            Ok(Admitted::Session(mut postgres, _connected, session)) => {
                let rules = self.rules.then_some(&self.database);
                relay::relay(&mut client, &mut postgres, rules, &self.cluster, session)
                    .await
                    .map_err(Ended::Lost)
            }
            Ok(Admitted::Cancelled) => Ok(()),
            Err(Ended::Rejected(rejected)) => reject(&mut client, rejected).await,
            Err(lost) => Err(lost),
        };
        ended.map_err(|ended| match ended {
            Ended::Rejected(rejected) => format!("{}: {}", rejected.message, rejected.reason),
            Ended::Lost(error) => error.to_string(),
        })
    }

    /// Handles the login, from the startup message to PostgreSQL's answer to the startup message.
    async fn admit<S>(&self, client: &mut S, host: Option<&str>) -> Result<Admitted, Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (version, body) = door::startup(client).await?;
        if version == door::CANCEL {
            relay::cancel(&self.database.socket, &door::packet(version, &body)).await?;
            return Ok(Admitted::Cancelled);
        }
        let host = host.ok_or_else(ConnectionRejected::sni_missing)?;
        let startup = Startup::parse(version, &body)?;
        self.limit_rate()?;
        if let Some(negotiation) = startup.negotiation() {
            client.write_all(&negotiation).await?;
        }
        client.write_all(&frame::CLEARTEXT_PASSWORD).await?;
        client.flush().await?;
        let password = door::password(client).await?;
        let identity = self.authenticate(&password, &startup.user, host)?;
        if let Some(name) = &startup.not_allowed {
            return Err(ConnectionRejected::parameter_not_supported(name).into());
        }
        if startup.database != POSTGRES {
            return Err(ConnectionRejected::database_missing(&startup.database).into());
        }
        if !self.is_mapped(&startup.user, &identity).await? {
            return Err(ConnectionRejected::role_not_mapped(&startup.user, &identity.arn).into());
        }
        self.open_session(client, &startup, &identity).await
    }

    /// Checks the requested faults, and the rate of new connections.
    fn limit_rate(&self) -> Result<(), ConnectionRejected> {
        let Limits { rate, burst, .. } = &self.cluster.limits;
        match self.cluster.faults.connects() {
            None => {}
            Some(Fault::WakingUp(_)) => return Err(ConnectionRejected::waking_up(ON_REQUEST)),
            Some(Fault::RateExceeded(_)) => return Err(ConnectionRejected::rate_exceeded(ON_REQUEST)),
            Some(_) => return Err(ConnectionRejected::too_many_connections(ON_REQUEST)),
        }
        if self.cluster.admission.admits(self.cluster.clock.now()) {
            return Ok(());
        }
        let why = format!(
            "more than {rate} new connections per second, after {burst} at once: keep connections open"
        );
        Err(ConnectionRejected::rate_exceeded(why))
    }

    /// Verifies a token for `user`, and returns the identity that signed the token.
    fn authenticate(&self, password: &str, user: &str, host: &str) -> Result<Identity, ConnectionRejected> {
        let now = self.cluster.clock.now();
        let signer = iam::signer(password).unwrap_or_default();
        let identity = match self.keys.find(&signer, now) {
            KeyLookup::Current(identity) => identity,
            KeyLookup::Expired => return Err(ConnectionRejected::session_expired()),
            // If the access key of a token is not known, or if the token is malformed, `verify` returns the error, with
            // any keys.
            KeyLookup::Never => self.keys.given().clone(),
        };
        let credentials = &identity.credentials;
        iam::verify(password, iam::Expected { user, host, region: &self.region, credentials }, now)?;
        if user == ADMIN && !identity.admin {
            return Err(ConnectionRejected::not_authorized(&identity.arn, "DbConnectAdmin", &self.region));
        }
        Ok(identity)
    }

    /// Whether an identity may log in as a role.
    async fn is_mapped(&self, user: &str, identity: &Identity) -> Result<bool, ConnectionRejected> {
        match user {
            ADMIN => Ok(true),
            SUPERUSER => Ok(false),
            // Without the rules, AWS IAM GRANT is not available, so every role is treated as mapped.
            _ if !self.rules => Ok(true),
            _ => mapping::exists(&self.database, user, &identity.arn)
                .await
                .map_err(ConnectionRejected::backend_unreachable),
        }
    }

    /// Opens a session with PostgreSQL, and forwards PostgreSQL's first two messages.
    async fn open_session<S>(
        &self,
        client: &mut S,
        startup: &Startup,
        identity: &Identity,
    ) -> Result<Admitted, Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let most = self.cluster.limits.connections;
        let connected = self.cluster.connections.connect(most).ok_or_else(|| {
            ConnectionRejected::too_many_connections(format!("{most} connections are open: close some"))
        })?;
        let mut postgres = UnixStream::connect(&self.database.socket)
            .await
            .map_err(ConnectionRejected::backend_unreachable)?;
        let own = if self.rules { rules::settings(&self.cluster.limits) } else { Vec::new() };
        postgres.write_all(&startup.to_postgres(&self.database.name, &own)).await?;
        // PostgreSQL sends AuthenticationOk before it looks up the role.
        let authenticated = frame::read(&mut postgres).await?;
        if authenticated.is_error(b"53300") {
            let why = "the PostgreSQL behind dsql-local does not accept more connections: close some";
            return Err(ConnectionRejected::too_many_connections(why).into());
        }
        let next = frame::read(&mut postgres).await?;
        if next.is_error(b"28000") {
            // The role does not exist or may not log in. On DSQL, a role that may not log in also has no mapping.
            return Err(ConnectionRejected::role_not_mapped(&startup.user, &identity.arn).into());
        }
        let mut session = Session::new(self.cluster.clone(), startup.client_encoding());
        session.reported(&next);
        let next = match next.tag() {
            Some(b'S') if self.rules => rules::parameter_status(next),
            _ => next.bytes,
        };
        client.write_all(&[authenticated.bytes, next].concat()).await?;
        client.flush().await?;
        Ok(Admitted::Session(postgres, connected, Box::new(session)))
    }
}

/// The end of a login.
enum Admitted {
    /// PostgreSQL has answered the startup; its first two messages were forwarded.
    Session(UnixStream, Connected, Box<Session>),
    /// The client sent a CancelRequest, which was forwarded to PostgreSQL.
    Cancelled,
}

/// Whether the client closed the connection without a message, as Workers do when a request ends.
fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Sends the error, and returns it for the log.
async fn reject<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    rejected: ConnectionRejected,
) -> Result<(), Ended> {
    client.write_all(&rejected.to_error_response()).await?;
    client.shutdown().await?;
    // A client that pipelined may still send bytes: closing with unread bytes would reset the connection, and the
    // client could lose the error.
    let mut rest = [0; 4096];
    let mut left = frame::MAX_LENGTH;
    let drain = async {
        while let Ok(read @ 1..) = client.read(&mut rest).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
    Err(Ended::Rejected(rejected))
}

impl Frame {
    /// Whether the message is an ErrorResponse with this SQLSTATE.
    fn is_error(&self, sqlstate: &[u8]) -> bool {
        self.tag() == Some(b'E')
            && self.body().split(|byte| *byte == 0).any(|field| field.strip_prefix(b"C") == Some(sqlstate))
    }
}
