//! A stretch of network that breaks at the n-th thing a client sends, before it arrives or after it was answered.
//!
//! Input: the port to pass connections to, and where to break. Output: a port of its own, and a notice when it broke.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Where it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// What is sent does not arrive.
    Before,
    /// It arrives, and the answer does not.
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
    /// A permit is there once it broke.
    broke: Semaphore,
}

impl Cutter {
    /// Passes on to `port` of this machine, and breaks one connection at its `at`-th chunk from a client, counted over all
    /// connections from 0.
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

    /// Whether it broke.
    pub fn has_broken(&self) -> bool {
        self.state.broke.available_permits() > 0
    }

    /// Waits until it broke.
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
                        // Until the server has answered; what has no answer has arrived by then.
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
