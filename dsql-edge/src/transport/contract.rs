//! The interface of every transport: bytes to a server and back.
//!
//! Input: bytes to send. Output: bytes that arrived, or a [`TransportError`]. Invariant: a transport is dead after a
//! read has returned an error: each later read returns an error.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::borrow::Cow;

/// A connection to a server, inside TLS unless `sslmode` allows plain text; or a stream between a client and a pool.
pub(crate) trait Transport: Send + Sync {
    /// Takes bytes to send; [`poll_write`](Transport::poll_write) writes them. Called only when the previous bytes are
    /// written.
    fn start_write(&mut self, bytes: Vec<u8>);

    /// Writes the bytes. The result is ready when all bytes are written.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Empties `into`, and then puts the bytes into it that have arrived. If `into` stays empty, the server has
    /// closed the connection.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>>;

    /// Sends these last bytes and closes the connection, without waiting.
    fn close(&mut self, last: &'static [u8]);

    /// The protection of the bytes.
    #[cfg(feature = "postgres")]
    fn protection(&self) -> Protection {
        Protection::PlainText
    }
}

/// How a connection's bytes are protected on the network.
#[cfg(feature = "postgres")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Protection {
    PlainText,
    /// TLS, with a certificate that was verified, or will be verified before the server can read a byte.
    Tls {
        /// The digest of the server's certificate (`tls-server-end-point` of RFC 5929), if the platform shows the
        /// certificate.
        server_end_point: Option<Vec<u8>>,
    },
}

/// Why a transport is dead.
#[derive(Debug, Clone)]
pub(crate) struct TransportError {
    pub(crate) kind: TransportErrorKind,
    pub(crate) text: Cow<'static, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportErrorKind {
    /// No server listens there, or the host does not exist.
    Unreachable,
    /// The server declined TLS, or answered SSLRequest with bytes that PostgreSQL never sends.
    NoTls,
    /// The TLS handshake failed.
    Tls,
    /// The connection broke. Before TLS, this means that the server closed the connection, or answered SSLRequest with
    /// an error, as PostgreSQL does when it cannot start a process.
    Lost,
    /// The server answered the HTTP request for a WebSocket with a status other than 101, and would do so again.
    #[cfg(feature = "websocket")]
    NoWebSocket,
    /// More bytes have arrived than may wait in memory.
    #[cfg(feature = "websocket")]
    #[cfg_attr(
        not(target_arch = "wasm32"),
        allow(dead_code, reason = "elsewhere, sockets have back-pressure")
    )]
    Overrun,
    /// The socket belongs to another request.
    OtherRequest,
    /// The platform rejected a request to a pool's object, and the object received no part of the request.
    #[cfg(feature = "pool")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Undelivered,
    /// This build does not contain the code to connect.
    #[cfg_attr(any(feature = "tokio", target_arch = "wasm32"), allow(dead_code))]
    Unsupported,
}

#[cfg(feature = "multi-region")]
impl TransportErrorKind {
    /// Whether the cause may be the network or the machine of the server, so that another endpoint may be reachable.
    pub(crate) fn is_of_network(self) -> bool {
        matches!(self, TransportErrorKind::Unreachable | TransportErrorKind::Lost)
    }
}

impl TransportError {
    pub(crate) fn new(kind: TransportErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        TransportError { kind, text: text.into() }
    }
}

/// A boxed future that is `Send`.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The result of dialing.
pub(crate) type Dialed = Result<Box<dyn Transport>, TransportError>;

/// The values of a binding of Hyperdrive.
#[cfg(feature = "postgres")]
pub(crate) struct HyperdriveBinding {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}
