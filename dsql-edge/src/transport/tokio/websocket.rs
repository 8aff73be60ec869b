//! WebSockets through tungstenite, for programs that are not Workers.
//!
//! Input: a TLS connection, and the request for a WebSocket. Output: a [`Transport`] that sends and reads binary
//! frames. Here, a WebSocket has back-pressure: a frame is read from the socket only when the client reads.

use core::task::{Context, Poll, ready};
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream as _;
use futures_sink::Sink;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::stream::Stream;
use crate::settings::WebSocketRequest;
#[cfg(feature = "postgres")]
use crate::transport::contract::Protection;
use crate::transport::contract::{Dialed, Transport, TransportError, TransportErrorKind};
use crate::transport::upgrade::not_upgraded;

/// The longest frame that is sent: servers limit the length of a frame, and frames need not match messages.
const FRAME_SIZE: usize = 65_536;

/// The longest message of the WebSocket that is read. A server may put any number of PostgreSQL's messages into one
/// message of the WebSocket.
const MAX_MESSAGE: usize = 64 << 20;

/// Sends the request inside TLS, and reads the answer.
pub(super) async fn upgrade(stream: Stream, request: &WebSocketRequest) -> Dialed {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    match client_async_with_config(http_request(request)?, stream, Some(config)).await {
        Ok((socket, _)) => {
            Ok(Box::new(Socket { socket, outgoing: Bytes::new(), dead: None }) as Box<dyn Transport>)
        }
        Err(Error::Http(response)) => Err(not_upgraded(response.status().as_u16())),
        Err(Error::Io(error)) => Err(lost(error)),
        Err(Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
            Err(lost("the server closed the connection before the WebSocket was open"))
        }
        Err(error) => {
            let text = format!("the server's answer does not open a WebSocket: {error}");
            Err(TransportError::new(TransportErrorKind::NoWebSocket, text))
        }
    }
}

fn http_request(request: &WebSocketRequest) -> Result<Request, TransportError> {
    // The URL and the headers were checked, so this error does not occur.
    let malformed = || TransportError::new(TransportErrorKind::NoWebSocket, "the request is malformed");
    let mut http = request.url("wss").into_client_request().map_err(|_| malformed())?;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| malformed())?;
        value.set_sensitive(true);
        http.headers_mut().insert(name, value);
    }
    Ok(http)
}

struct Socket {
    socket: WebSocketStream<Stream>,
    outgoing: Bytes,
    /// The error after which the transport does not read any more.
    dead: Option<TransportError>,
}

fn lost(error: impl std::fmt::Display) -> TransportError {
    TransportError::new(TransportErrorKind::Lost, error.to_string())
}

impl Transport for Socket {
    fn start_write(&mut self, bytes: Vec<u8>) {
        self.outgoing = bytes.into();
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut socket = Pin::new(&mut self.socket);
        while !self.outgoing.is_empty() {
            ready!(socket.as_mut().poll_ready(context)).map_err(lost)?;
            let frame = self.outgoing.split_to(self.outgoing.len().min(FRAME_SIZE));
            socket.as_mut().start_send(Message::Binary(frame)).map_err(lost)?;
        }
        socket.poll_flush(context).map_err(lost)
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        into.clear();
        if let Some(error) = &self.dead {
            return Poll::Ready(Err(error.clone()));
        }
        let error = loop {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                // A frame without bytes is not the end of the stream.
                Some(Ok(Message::Binary(bytes))) if bytes.is_empty() => {}
                Some(Ok(Message::Binary(bytes))) => {
                    into.extend_from_slice(&bytes);
                    return Poll::Ready(Ok(()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(Some(frame)))) if !matches!(u16::from(frame.code), 1000 | 1005) => {
                    break lost(format_args!(
                        "the server closed the WebSocket: {} {}",
                        u16::from(frame.code),
                        frame.reason
                    ));
                }
                None | Some(Ok(Message::Close(_))) => return Poll::Ready(Ok(())),
                Some(Ok(Message::Text(_))) => break lost("the server sent a text frame"),
                Some(Err(error)) => break lost(error),
            }
        };
        self.dead = Some(error.clone());
        Poll::Ready(Err(error))
    }

    fn close(&mut self, last: &'static [u8]) {
        // One attempt without waiting: the bytes are sent if the socket's buffer can take them now.
        if self.dead.is_none() && self.outgoing.is_empty() {
            let mut context = Context::from_waker(std::task::Waker::noop());
            let mut socket = Pin::new(&mut self.socket);
            if !last.is_empty() && socket.as_mut().poll_ready(&mut context).is_ready() {
                let _ = socket.as_mut().start_send(Message::Binary(Bytes::from_static(last)));
            }
            let _ = socket.poll_close(&mut context);
        }
        self.dead = Some(lost("the connection was closed"));
    }

    #[cfg(feature = "postgres")]
    fn protection(&self) -> Protection {
        // The certificate belongs to the server of the WebSocket, not to the database, so it is not used for channel
        // binding.
        Protection::Tls { server_end_point: None }
    }
}
