//! A TCP port for the database of a test with the dialect PostgreSQL, because the server listens only on a Unix socket.
//!
//! Input: TCP connections. Output: the same bytes on the socket. The startup message of the client contains the name of
//! the database.

use std::path::PathBuf;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixStream};

use crate::proxy::Serve;

/// The socket to which connections are forwarded.
pub(super) struct Forwarder(pub(super) PathBuf);

impl Serve for Forwarder {
    async fn serve(&self, mut tcp: TcpStream) {
        let _ = tcp.set_nodelay(true);
        // If the server does not run, the client's connection is closed.
        if let Ok(mut socket) = UnixStream::connect(&self.0).await {
            let _ = copy_bidirectional(&mut tcp, &mut socket).await;
        }
    }

    fn log(&self, _line: &str) {}
}
