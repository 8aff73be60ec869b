//! Listens on one port of both loopback addresses, and serves connections.
//!
//! Input: a port, or 0, and the endpoint. Output: the port in use, and a handle that ends every session when dropped.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::Error;

/// An endpoint that serves connections.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Serves one connection until it ends.
    fn serve(&self, tcp: TcpStream) -> impl Future<Output = ()> + Send;

    /// Takes one line for the log.
    fn log(&self, line: &str);
}

impl<T: Serve> Serve for Arc<T> {
    async fn serve(&self, tcp: TcpStream) {
        (**self).serve(tcp).await;
    }

    fn log(&self, line: &str) {
        (**self).log(line);
    }
}

/// The maximum number of attempts, including the first one. Another port is tried if a port is in use on one of the two
/// addresses.
const ATTEMPTS: usize = 50;

/// A listening endpoint. Dropping this value ends the sessions.
pub(crate) struct Listening {
    port: u16,
    task: JoinHandle<()>,
}

impl Listening {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sockets that are bound but do not serve connections yet: so the port is known before PostgreSQL has started.
pub(crate) struct Bound {
    v4: TcpListener,
    v6: Option<TcpListener>,
    port: u16,
}

/// Binds `wanted` on 127.0.0.1 and, if the machine has IPv6, ::1. Binds any free port if `wanted` is 0 or in use.
pub(crate) async fn listen(wanted: u16) -> Result<Bound, Error> {
    let mut port = wanted;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match bind(port).await {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = Some(error),
            Err(source) => return Err(Error::Listen { address: format!("127.0.0.1:{port}"), source }),
        }
        port = 0;
    }
    Err(Error::Listen {
        address: "127.0.0.1 and ::1".to_owned(),
        source: last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()),
    })
}

async fn bind(port: u16) -> io::Result<Bound> {
    let v4 = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let port = v4.local_addr()?.port();
    let v6 = match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
        Ok(listener) => Some(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // The machine has no IPv6.
        Err(_) => None,
    };
    Ok(Bound { v4, v6, port })
}

impl Bound {
    /// Starts to serve connections.
    pub(crate) fn serve(self, endpoint: impl Serve) -> Listening {
        let port = self.port;
        Listening { port, task: tokio::spawn(accept(self, Arc::new(endpoint))) }
    }
}

async fn accept(bound: Bound, endpoint: Arc<impl Serve>) {
    // The set aborts its tasks when this task is aborted.
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = bound.v4.accept() => accepted,
            accepted = accept_v6(bound.v6.as_ref()) => accepted,
            Some(_) = sessions.join_next() => continue,
        };
        match accepted {
            Ok((tcp, _)) => {
                let endpoint = endpoint.clone();
                sessions.spawn(async move { endpoint.serve(tcp).await });
            }
            // Most likely the process has no free file descriptors. Some file descriptors become free when sessions
            // end.
            Err(error) => {
                endpoint.log(&format!("cannot accept a connection: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn accept_v6(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
