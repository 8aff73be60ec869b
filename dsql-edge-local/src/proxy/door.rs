//! Reads a client's first bytes: SSLRequest or ClientHello, the startup packet, the password.
//!
//! Input: a stream that may send anything. Output: one packet at a time, with its length checked. No byte after the
//! packet is read, so that no plain text becomes a part of the TLS session.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ended::Ended;
use super::frame::{self, FrontendTag};
use super::startup::MAX_LENGTH;
use crate::connection_rejected::ConnectionRejected;

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
/// The code of a CancelRequest. The packet has this code in the bytes in which a startup packet has the protocol
/// version.
pub(super) const CANCEL: u32 = 80_877_102;

/// The first byte of a TLS record that contains a ClientHello.
const TLS_HANDSHAKE: u8 = 0x16;

/// The longest PasswordMessage, in bytes. A token is much shorter: even with a long session token, it is below 4 KiB.
const MAX_PASSWORD: usize = 64 * 1024;

/// The first packet of a client.
pub(super) enum FirstPacket {
    /// An SSLRequest, or a ClientHello without an SSLRequest before it (`direct`).
    Tls { direct: bool },
    /// A complete CancelRequest.
    Cancel(Vec<u8>),
    /// The startup packet of a session in plain text.
    Plain,
}

/// Answers the packets before TLS.
pub(super) async fn first_packet(tcp: &mut TcpStream) -> io::Result<FirstPacket> {
    let mut first = [0];
    if tcp.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE] {
        return Ok(FirstPacket::Tls { direct: true });
    }
    loop {
        match startup(tcp).await? {
            (SSL_REQUEST, _) => {
                tcp.write_all(b"S").await?;
                return Ok(FirstPacket::Tls { direct: false });
            }
            (GSSENC_REQUEST, _) => tcp.write_all(b"N").await?,
            (CANCEL, body) => return Ok(FirstPacket::Cancel(packet(CANCEL, &body))),
            _ => return Ok(FirstPacket::Plain),
        }
    }
}

/// Reads a packet with a length and a code, but without a tag.
pub(super) async fn startup<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(u32, Vec<u8>)> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if !(8..=MAX_LENGTH).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "invalid length of startup packet"));
    }
    let code = stream.read_u32().await?;
    let mut body = vec![0; length - 8];
    stream.read_exact(&mut body).await?;
    Ok((code, body))
}

/// Returns the bytes of the packet, unchanged.
pub(super) fn packet(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

/// Reads the PasswordMessage.
pub(super) async fn password<S: AsyncRead + Unpin>(stream: &mut S) -> Result<String, Ended> {
    let frame = frame::read(stream).await?;
    if frame.frontend() != FrontendTag::Password || frame.bytes.len() > MAX_PASSWORD {
        return Err(ConnectionRejected::protocol("expected password response").into());
    }
    let text = frame.body().strip_suffix(b"\0").filter(|text| !text.contains(&0));
    text.and_then(|text| std::str::from_utf8(text).ok())
        .map(str::to_owned)
        .ok_or_else(|| ConnectionRejected::protocol("invalid password packet size").into())
}
