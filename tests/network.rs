//! A network between a Worker and its database, with a delay, a count of round trips, and a fault. A test can also make
//! the network hold back bytes, so that an event happens at an exact point of the conversation.
//!
//! Input: the port to pass connections to. Output: a port for the Worker, and a record of each connection.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The default delay. With a shorter delay, the bytes of one flight may be counted as two flights.
pub const DELAY: Duration = Duration::from_millis(20);

/// A time limit that only a hang exceeds.
const HANG: Duration = Duration::from_secs(60);

/// The fault that the network adds to the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Each connection is closed after this number of bytes from the server.
    CutAfter(usize),
    /// Only the first connection is closed after this number of bytes from the server.
    CutFirstAfter(usize),
}

/// The direction whose bytes are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Bytes from the server.
    Answers,
    /// Bytes from the client.
    Requests,
}

/// A network that runs until it is dropped.
pub struct Network {
    port: u16,
    connections: Arc<Mutex<Vec<Seen>>>,
    /// Whether bytes have been held back since the last [`Network::hold`].
    holding: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

/// The record of one connection: its flights.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    opened: Option<Instant>,
    flights: Vec<Flight>,
    /// The time of the first answer to each flight.
    answered: Vec<Instant>,
    held: Option<Held>,
    ended: bool,
}

/// Bytes from the client, and the bytes from the server that follow the client's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// Bytes from the client.
    pub sent: usize,
    /// Bytes from the server until the client sends again.
    pub received: usize,
}

impl Seen {
    /// The number of round trips that the client waited for, without the round trip of TCP itself.
    ///
    /// Closing a connection is not a round trip: the client does not wait after Terminate and the end of TLS, and the
    /// server sends at most the end of TLS (an encrypted alert of 24 bytes).
    pub fn round_trips(&self) -> usize {
        let last = self.flights.iter().rposition(|flight| flight.received > 32);
        last.map_or(0, |last| last + 1)
    }

    /// The time at which the connection was opened.
    pub fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// The number of round trips, TCP's included, that had ended at this time.
    pub fn round_trips_before(&self, time: Instant) -> usize {
        let ended = self.answered.iter().filter(|answered| **answered < time).count();
        if ended > 0 { ended + 1 } else { 0 }
    }

    /// The number of bytes from the server.
    pub fn received(&self) -> usize {
        self.flights.iter().map(|flight| flight.received).sum()
    }

    /// Whether the connection has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl Network {
    /// Passes connections on to `port` of this machine.
    pub async fn to(port: u16, delay: Duration, fault: Fault) -> Network {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let holding = Arc::new(watch::Sender::new(false));
        let task = tokio::spawn(accept(listener, port, delay, fault, connections.clone(), holding.clone()));
        Network { port: own, connections, holding, task }
    }

    /// `localhost:PORT`, for `DSQL_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// From now on, the existing connections hold back the bytes of one direction, even after the sender has closed the
    /// connection. Later connections are not affected.
    pub fn hold(&self, held: Held) {
        for seen in self.connections.lock().unwrap().iter_mut() {
            seen.held = Some(held);
        }
        self.holding.send_replace(false);
    }

    /// Waits until bytes have been held back.
    pub async fn holds(&self) {
        let mut holding = self.holding.subscribe();
        tokio::time::timeout(HANG, holding.wait_for(|holding| *holding))
            .await
            .expect("no bytes were held back in time")
            .unwrap();
    }

    /// The records of all connections, in the order in which they were opened.
    pub fn connections(&self) -> Vec<Seen> {
        self.connections.lock().unwrap().clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    delay: Duration,
    fault: Fault,
    connections: Arc<Mutex<Vec<Seen>>>,
    holding: Arc<watch::Sender<bool>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let number = {
            let mut connections = connections.lock().unwrap();
            connections.push(Seen { opened: Some(Instant::now()), ..Seen::default() });
            connections.len() - 1
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let way = |held| Way { connections: connections.clone(), number, held, holding: holding.clone() };
        let (sent, received) = (way(Held::Requests), way(Held::Answers));
        let connections = connections.clone();
        tokio::spawn(async move {
            // If one side closes the connection, the other side is closed too, after the bytes in transit have arrived.
            tokio::select! {
                () = carry(from_client, to_server, delay, fault, sent) => {}
                () = carry(from_server, to_client, delay, fault, received) => {}
            }
            connections.lock().unwrap()[number].ended = true;
        });
    }
}

/// One direction of a connection.
struct Way {
    connections: Arc<Mutex<Vec<Seen>>>,
    number: usize,
    held: Held,
    holding: Arc<watch::Sender<bool>>,
}

impl Way {
    /// Bytes from the client are counted when they are sent, and bytes from the server when they arrive: the client
    /// does not react to an answer that is still in transit.
    fn sent(&self, bytes: usize) {
        if self.held == Held::Answers {
            return;
        }
        let mut connections = self.connections.lock().unwrap();
        let flights = &mut connections[self.number].flights;
        match flights.last_mut() {
            Some(flight) if flight.received == 0 => flight.sent += bytes,
            _ => flights.push(Flight { sent: bytes, received: 0 }),
        }
    }

    fn arriving(&self, bytes: usize, fault: Fault) -> usize {
        if self.held == Held::Requests {
            return bytes;
        }
        let mut connections = self.connections.lock().unwrap();
        let seen = &mut connections[self.number];
        let passes = match fault {
            Fault::None => bytes,
            Fault::CutFirstAfter(_) if self.number > 0 => bytes,
            Fault::CutAfter(limit) | Fault::CutFirstAfter(limit) => {
                bytes.min(limit.saturating_sub(seen.received()))
            }
        };
        if let Some(flight) = seen.flights.last_mut() {
            if flight.received == 0 {
                seen.answered.push(Instant::now());
            }
            flight.received += passes;
        }
        passes
    }

    fn is_held(&self) -> bool {
        self.connections.lock().unwrap()[self.number].held == Some(self.held)
    }
}

/// Carries bytes in one direction. Each byte arrives after the delay, and does not wait for other bytes.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration, fault: Fault, way: Way) {
    let (send, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let way = &way;
    let read = async move {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            way.sent(length);
            let _ = send.send((Instant::now() + delay, chunk[..length].to_vec()));
        }
    };
    let write = async move {
        while let Some((at, bytes)) = under_way.recv().await {
            tokio::time::sleep_until(at).await;
            if way.is_held() {
                way.holding.send_replace(true);
                // Read and drop the bytes until the sender closes the connection.
                continue;
            }
            let passes = way.arriving(bytes.len(), fault);
            if to.write_all(&bytes[..passes]).await.is_err() || passes < bytes.len() {
                return;
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = async { read.await; std::future::pending().await } => {}
    }
}
