//! A network that breaks at the n-th chunk that clients send: before the chunk arrives, or after the server has
//! answered the chunk.
//!
//! Input: the port to pass connections to, and where to break. Output: a port for the clients, and a notice when the
//! network broke.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The point at which the network breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The chunk does not arrive.
    Before,
    /// The chunk arrives, but its answer does not.
    After,
}

/// The state of the network after the network has broken a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Only the connection that sent the chunk is broken.
    Works,
    /// Every connection is broken, and new connections are closed at once.
    StaysBroken,
}

/// A network that runs until it is dropped.
pub struct Cutter {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    server: u16,
    plan: Mutex<Plan>,
    broke: watch::Sender<bool>,
}

#[derive(Default)]
struct Plan {
    /// The number of chunks that were sent since the plan was made.
    sent: usize,
    breaks: Option<(usize, Break, Afterwards)>,
}

impl Cutter {
    /// Passes connections on to `port` of this machine, and breaks the connection that sends chunk number `at`. Chunks
    /// from clients are counted from 0 over all connections.
    pub async fn to(port: u16, at: usize, how: Break) -> Cutter {
        let cutter = Cutter::intact(port).await;
        cutter.break_at(at, how, Afterwards::Works);
        cutter
    }

    /// Passes connections on to `port` of this machine.
    pub async fn intact(port: u16) -> Cutter {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state =
            Arc::new(State { server: port, plan: Mutex::default(), broke: watch::Sender::new(false) });
        let accepting = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, accepting.clone()));
            }
        });
        Cutter { port: own, state, task }
    }

    /// Counts chunks from 0 again, and breaks at chunk number `at`.
    pub fn break_at(&self, at: usize, how: Break, afterwards: Afterwards) {
        *self.state.plan.lock().unwrap() = Plan { sent: 0, breaks: Some((at, how, afterwards)) };
        self.state.broke.send_replace(false);
    }

    /// From now on, the network works.
    pub fn repair(&self) {
        *self.state.plan.lock().unwrap() = Plan::default();
        self.state.broke.send_replace(false);
    }

    /// `localhost:PORT`, for `DSQL_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The port for the clients.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the network has broken.
    pub fn has_broken(&self) -> bool {
        *self.state.broke.borrow()
    }

    /// Waits until the network breaks.
    pub async fn broken(&self) {
        self.state.broke.subscribe().wait_for(|broke| *broke).await.unwrap();
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// Counts a chunk. Returns how the network breaks at this chunk, if it does.
    fn count(&self) -> Option<Break> {
        let mut plan = self.plan.lock().unwrap();
        plan.sent += 1;
        let (at, how, _) = plan.breaks?;
        (plan.sent - 1 == at).then_some(how)
    }

    fn is_down(&self) -> bool {
        let stays = matches!(self.plan.lock().unwrap().breaks, Some((_, _, Afterwards::StaysBroken)));
        stays && *self.broke.borrow()
    }
}

async fn carry(mut client: TcpStream, state: Arc<State>) {
    if state.is_down() {
        return;
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.server)).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                if state.is_down() {
                    return;
                }
                let breaks = state.count();
                if breaks != Some(Break::Before) && server.write_all(&up[..length]).await.is_err() {
                    return;
                }
                if let Some(how) = breaks {
                    if how == Break::After {
                        // Wait until the server has answered the chunk. Some chunks have no answer, but each has
                        // arrived when the time limit ends.
                        let _ = tokio::time::timeout(Duration::from_millis(500), server.read(&mut down)).await;
                    }
                    state.broke.send_replace(true);
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
