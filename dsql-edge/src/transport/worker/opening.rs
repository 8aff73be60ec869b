//! Opens connections on which nothing is read before the login: sockets without TLS, sockets that begin with TLS, and
//! WebSockets.
//!
//! Input: a promise that resolves when the connection is open. Output: a [`Socket`], or the error.

use core::task::{Context, Poll, ready};
use std::future::Future;
use std::pin::Pin;

#[cfg(feature = "websocket")]
use worker::js_sys::Promise;
#[cfg(feature = "websocket")]
use worker::wasm_bindgen::{self, JsCast, JsValue, prelude::wasm_bindgen};
use worker::wasm_bindgen_futures::JsFuture;

use super::super::contract::{BoxFuture, Dialed, TransportErrorKind};
#[cfg(feature = "websocket")]
use super::super::upgrade::not_upgraded;
use super::one_thread::OneThread;
use super::socket::{Connection, Socket, error};
#[cfg(feature = "websocket")]
use crate::settings::{Settings, WebSocketRequest};

/// A connection that is being opened.
pub(super) struct Opening {
    /// `None` once there is a [`Socket`].
    pub(super) connection: Option<Connection>,
    /// Resolves when the connection is open, or to the HTTP status of a server that does not open a WebSocket.
    pub(super) opened: JsFuture,
    /// The kind of the error if the promise is rejected.
    pub(super) failure: TransportErrorKind,
    /// Whether the connection is inside TLS. Whether the TLS handshake succeeds may be known only when the first byte
    /// arrives.
    pub(super) is_tls: bool,
}

impl Opening {
    pub(super) fn boxed(self) -> BoxFuture<Dialed> {
        Box::pin(OneThread(self))
    }
}

/// Closes a connection that was not opened, or whose future was dropped: JavaScript would keep it open.
impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close(&[]);
        }
    }
}

impl Future for Opening {
    type Output = Dialed;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Dialed> {
        let opened = ready!(Pin::new(&mut self.opened).poll(context));
        let opened = opened.map_err(|thrown| error(self.failure, &thrown))?;
        #[cfg(feature = "websocket")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        if let Some(status) = opened.as_f64() {
            return Poll::Ready(Err(not_upgraded(status as u16)));
        }
        #[cfg(not(feature = "websocket"))]
        drop(opened);
        let is_tls = self.is_tls;
        let socket = self.connection.take().map(|connection| Socket::over(connection, is_tls));
        // If the future is polled again after it was ready, it waits forever.
        socket.map_or(Poll::Pending, |socket| Poll::Ready(Ok(Box::new(OneThread(socket)))))
    }
}

#[cfg(feature = "websocket")]
#[wasm_bindgen(module = "/src/transport/websocket.js")]
extern "C" {
    type WebSocketConnection;
    #[wasm_bindgen(constructor)]
    fn new(most: f64) -> WebSocketConnection;
    #[wasm_bindgen(method)]
    fn open(this: &WebSocketConnection, url: &str, headers: Vec<String>) -> Promise;
}

/// Opens a WebSocket. On Workers, `fetch` opens a WebSocket if the URL has the scheme `https`.
#[cfg(feature = "websocket")]
pub(super) fn websocket(settings: &Settings, request: &WebSocketRequest) -> BoxFuture<Dialed> {
    #[allow(clippy::cast_precision_loss, reason = "the number is a limit of memory, below 2⁵³")]
    let connection = WebSocketConnection::new(settings.max_result as f64);
    let headers = request.headers.iter();
    let headers = headers.flat_map(|(name, value)| [(*name).to_owned(), value.expose().to_owned()]).collect();
    let opened = JsFuture::from(connection.open(&request.url("https"), headers));
    let connection: JsValue = connection.into();
    Opening {
        // The object `connection` has the methods of a `Connection`.
        connection: Some(connection.unchecked_into()),
        opened,
        failure: TransportErrorKind::Unreachable,
        is_tls: true,
    }
    .boxed()
}
