//! A session between a client and PostgreSQL, relayed until either ends.
//!
//! Client bytes are passed as whole messages with their lengths checked; PostgreSQL's are passed as they come.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use super::frame;

const CHUNK: usize = 64 * 1024;

/// Relays until one side ends.
///
/// # Errors
/// A client message longer than DSQL takes, or a socket's own error. The session is then simply closed, as a
/// real cluster was seen to do.
pub(super) async fn relay<S>(client: &mut S, postgres: &mut UnixStream) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_postgres, mut to_postgres) = postgres.split();
    let ended = tokio::select! {
        ended = messages(&mut from_client, &mut to_postgres) => ended,
        ended = bytes(&mut from_postgres, &mut to_client) => ended,
    };
    // What PostgreSQL still has to say, such as why it ended, is passed on by `bytes` before it returns.
    let _ = to_client.shutdown().await;
    ended
}

/// Hands a CancelRequest to PostgreSQL, which answers nothing.
pub(super) async fn cancel(postgres: &Path, packet: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(postgres).await?;
    stream.write_all(packet).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

async fn messages<R, W>(from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut pending: Vec<u8> = Vec::with_capacity(CHUNK);
    loop {
        let mut whole = 0;
        while let Some(length) = frame::first_length(pending.get(whole..).unwrap_or_default())? {
            if pending.len() < whole + length {
                break;
            }
            whole += length;
        }
        if let Some(ready) = pending.get(..whole).filter(|ready| !ready.is_empty()) {
            to.write_all(ready).await?;
            pending.drain(..whole);
        }
        pending.reserve(CHUNK);
        if from.read_buf(&mut pending).await? == 0 {
            return Ok(());
        }
    }
}

async fn bytes<R, W>(from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        let Some(ready) = chunk.get(..read).filter(|ready| !ready.is_empty()) else { return Ok(()) };
        to.write_all(ready).await?;
        to.flush().await?;
    }
}
