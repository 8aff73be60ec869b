//! The interface of every transport: bytes to a server and back, inside TLS.
//!
//! Input: bytes to send. Output: bytes that arrived, or a [`TransportError`].
//! Invariant: after an error of reading a transport is dead: each later read returns an error.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::borrow::Cow;

/// A connection to a server, inside TLS.
pub(crate) trait Transport: Send + Sync {
    /// Takes bytes to send. All of them are handed over at once; [`poll_write`](Transport::poll_write) drives
    /// them out. Called only when the last have been taken.
    fn start_write(&mut self, bytes: Vec<u8>);

    /// Ready when nothing is left to write.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>>;

    /// Puts the bytes that have arrived into `into`, which is emptied first. No bytes: the server closed the
    /// connection.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>>;

    /// Sends these last bytes and closes, without waiting for anything.
    fn close(&mut self, last: &'static [u8]);
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
    /// The server declined TLS, or its answer to SSLRequest is not PostgreSQL's.
    NoTls,
    /// The handshake.
    Tls,
    /// The connection broke; before TLS: the server closed it, or answered SSLRequest with an error, as PostgreSQL does
    /// when it cannot start a process.
    Lost,
    /// The socket belongs to another request.
    OtherRequest,
    /// The platform refused the request to a pool's object before the object received any of it.
    #[cfg(feature = "pool")]
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Undelivered,
    /// This build cannot connect at all.
    #[cfg_attr(any(feature = "tokio", target_arch = "wasm32"), allow(dead_code))]
    Unsupported,
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
