//! Clients that send PostgreSQL's protocol in the binary frames of a WebSocket, as DSQL accepts it on port 443.
//!
//! Input: a TLS connection without an SSLRequest before it. Output: a stream of the bytes in the frames. After the
//! handshake of the WebSocket, the proxy handles the stream like a TCP connection. The WebSockets of Workers do not
//! send a protocol name in the TLS handshake (ALPN), so the first bytes decide.

use std::io;

use futures_util::{SinkExt, StreamExt, future};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::frame::MAX_LENGTH;

/// The method of the request that opens a WebSocket. No packet of PostgreSQL's protocol begins with these bytes: its
/// length would be above a billion.
const GET: &[u8; 4] = b"GET ";

/// A client that began with TLS.
pub(super) enum Client<W, O> {
    /// The bytes in the frames of a WebSocket.
    WebSocket(W),
    /// A client that did not send an HTTP request; the bytes that were read are still in the stream.
    Other(O),
}

/// Reads the client's first bytes and, if they are an HTTP request, answers the request. With `is_http`, the client has
/// sent the protocol name of HTTP, so any other bytes are an error.
///
/// # Errors
/// Returns an error if the client requests anything other than a WebSocket, or if the connection breaks.
pub(super) async fn accept<S>(
    mut client: S,
    is_http: bool,
) -> io::Result<Client<impl AsyncRead + AsyncWrite + Unpin, impl AsyncRead + AsyncWrite + Unpin>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut first = [0; GET.len()];
    client.read_exact(&mut first).await?;
    let (reader, writer) = tokio::io::split(client);
    let client = tokio::io::join(io::Cursor::new(first).chain(reader), writer);
    if first != *GET && !is_http {
        return Ok(Client::Other(client));
    }
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_LENGTH)).max_frame_size(Some(MAX_LENGTH));
    let socket = accept_async_with_config(client, Some(config)).await.map_err(other)?;
    let (sink, stream) = socket.split();
    let bytes = stream.filter_map(|message| {
        future::ready(match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(Message::Text(_)) => Some(Err(io::Error::other("the client sent a text frame"))),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => None,
            Err(error) => Some(Err(other(error))),
        })
    });
    let sink = sink
        .sink_map_err(other)
        .with(|bytes: Bytes| future::ready(Ok::<_, io::Error>(Message::Binary(bytes))));
    let (reader, writer) = (StreamReader::new(bytes), SinkWriter::new(CopyToBytes::new(sink)));
    Ok(Client::WebSocket(tokio::io::join(reader, writer)))
}

/// Returns an I/O error of the socket unchanged: its kind shows whether the client hung up, which is not logged.
fn other(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(format!("WebSocket: {error}")),
    }
}
