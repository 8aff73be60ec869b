//! The proxy: listens, terminates TLS, verifies the token, and relays the session to PostgreSQL.
//!
//! Input: TCP connections and the state of the endpoint. Output: bytes that are relayed between client and PostgreSQL,
//! or an error for the client and its reason for the log. Only `rules` changes the bytes.

mod door;
mod ended;
pub(crate) mod frame;
mod listen;
mod relay;
mod startup;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::cluster::Cluster;
use crate::connection_rejected::ConnectionRejected;
use crate::direct_tls::DirectTls;
use crate::faults::Fault;
use crate::iam;
use crate::iam::key_ring::{Identity, KeyLookup, KeyRing};
use crate::iam::mapping;
use crate::limits::{Connected, Limits};
use crate::postgres::{ADMIN, SUPERUSER};
use crate::rules;
use crate::tls::ALPN;
use door::FirstPacket;
use ended::Ended;
use frame::Frame;
pub(crate) use listen::{Listening, Serve, listen};
use startup::Startup;

/// The time limit for a client to log in; the default of PostgreSQL's `authentication_timeout`.
const DOOR_TIMEOUT: Duration = Duration::from_secs(60);

/// The reason in the log if a requested fault rejects a connection.
const ON_REQUEST: &str = "a requested fault";

/// DSQL's one database.
const DATABASE: &str = "postgres";

/// The state that all connections of an endpoint share.
pub(crate) struct Endpoint {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) region: String,
    pub(crate) keys: Arc<KeyRing>,
    /// PostgreSQL's Unix socket.
    pub(crate) postgres: PathBuf,
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
                relay::cancel(&self.postgres, &packet).await.map_err(Ended::Lost)
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
        if direct && self.direct_tls == DirectTls::Never {
            return Err(Ended::Lost(std::io::Error::other("direct TLS is not accepted")));
        }
        let accepted =
            tokio::time::timeout(DOOR_TIMEOUT, TlsAcceptor::from(self.tls.clone()).accept(tcp)).await;
        let mut client = match accepted {
            Ok(tls) => {
                tls.map_err(|error| Ended::Lost(std::io::Error::other(format!("TLS handshake: {error}"))))?
            }
            Err(_) => return Ok(()),
        };
        let session = client.get_ref().1;
        if direct && self.direct_tls == DirectTls::Alpn && session.alpn_protocol() != Some(ALPN) {
            // As in PostgreSQL 17, a client with direct TLS must name the protocol.
            return Err(Ended::Lost(std::io::Error::other("direct TLS without ALPN \"postgresql\"")));
        }
        let host = session.server_name().map(str::to_owned);
        let admitted =
            match tokio::time::timeout(DOOR_TIMEOUT, self.admit(&mut client, host.as_deref())).await {
                Ok(admitted) => admitted,
                Err(_) => return Ok(()),
            };
        match admitted {
            Ok(Admitted::Session(mut postgres, _connected, reported)) => relay::relay(
                &mut client,
                &mut postgres,
                self.rules.then_some(self.postgres.as_path()),
                &self.cluster,
                &reported,
            )
            .await
            .map_err(Ended::Lost),
            // The end includes TLS's close_notify, because libpq 18 treats any other end as a failure.
            Ok(Admitted::Cancelled) => client.shutdown().await.map_err(Ended::Lost),
            Err(Ended::Rejected(rejected)) => reject(&mut client, rejected).await,
            Err(lost) => Err(lost),
        }
    }

    /// Handles the login, from the startup message to PostgreSQL's answer to the startup message.
    async fn admit<S>(&self, client: &mut S, host: Option<&str>) -> Result<Admitted, Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (version, body) = door::startup(client).await?;
        if version == door::CANCEL {
            relay::cancel(&self.postgres, &door::packet(version, &body)).await?;
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
        if startup.database != DATABASE {
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
            // If the access key of a token is not known, the token is verified with the endpoint's own keys, so the
            // client gets the error for a wrong signature.
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
            _ => mapping::exists(&self.postgres, user, &identity.arn)
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
        let mut postgres =
            UnixStream::connect(&self.postgres).await.map_err(ConnectionRejected::backend_unreachable)?;
        let own = if self.rules { rules::settings(&self.cluster.limits) } else { Vec::new() };
        postgres.write_all(&startup.to_postgres(&own)).await?;
        // PostgreSQL sends AuthenticationOk before it looks up the role.
        let authenticated = frame::read(&mut postgres).await?;
        if authenticated.is_error(b"53300") {
            let why = "the PostgreSQL behind dsql-local does not accept more connections: close some";
            return Err(ConnectionRejected::too_many_connections(why).into());
        }
        let next = frame::read(&mut postgres).await?;
        if next.is_error(b"28000") {
            // The role does not exist or may not log in. On DSQL, such a role also has no mapping.
            return Err(ConnectionRejected::role_not_mapped(&startup.user, &identity.arn).into());
        }
        let reported = Frame { bytes: next.bytes.clone() };
        let next = match next.tag() {
            Some(b'S') if self.rules => rules::parameter_status(next),
            _ => next.bytes,
        };
        client.write_all(&[authenticated.bytes, next].concat()).await?;
        Ok(Admitted::Session(postgres, connected, reported))
    }
}

/// The end of a login.
enum Admitted {
    /// PostgreSQL has answered the startup; its first two messages were forwarded.
    Session(UnixStream, Connected, Frame),
    /// The client sent a CancelRequest, which was forwarded to PostgreSQL.
    Cancelled,
}

/// Whether the client closed the connection without a message, as Workers do when a request ends.
fn hung_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
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
