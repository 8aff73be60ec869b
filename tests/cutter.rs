//! A network that breaks at the n-th chunk that clients send: before the chunk arrives, or after the server has
//! answered the chunk.
//!
//! Input: the port to pass connections to, and where to break. Output: a port for the clients, and a notice when the
//! network broke.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The point at which the network breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The chunk does not arrive.
    Before,
    /// The chunk arrives, but its answer does not.
    After,
}

/// A network that runs until it is dropped.
pub struct Cutter {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    server: u16,
    sent: AtomicUsize,
    at: usize,
    how: Break,
    /// Gets a permit when the network breaks.
    broke: Semaphore,
}

impl Cutter {
    /// Passes connections on to `port` of this machine, and breaks the connection that sends chunk number `at`. Chunks
    /// from clients are counted from 0 over all connections.
    pub async fn to(port: u16, at: usize, how: Break) -> Cutter {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state =
            Arc::new(State { server: port, sent: AtomicUsize::new(0), at, how, broke: Semaphore::new(0) });
        let accepting = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, accepting.clone()));
            }
        });
        Cutter { port: own, state, task }
    }

    /// `localhost:PORT`, for `DSQL_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Whether the network has broken.
    pub fn has_broken(&self) -> bool {
        self.state.broke.available_permits() > 0
    }

    /// Waits until the network breaks.
    pub async fn broken(&self) {
        drop(self.state.broke.acquire().await.unwrap());
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, state: Arc<State>) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.server)).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let breaks = state.sent.fetch_add(1, Ordering::SeqCst) == state.at;
                if !(breaks && state.how == Break::Before) && server.write_all(&up[..length]).await.is_err() {
                    return;
                }
                if breaks {
                    if state.how == Break::After {
                        // Wait until the server has answered the chunk. Some chunks have no answer, but each has
                        // arrived when the time limit ends.
                        let _ = tokio::time::timeout(Duration::from_millis(500), server.read(&mut down)).await;
                    }
                    state.broke.add_permits(1);
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
