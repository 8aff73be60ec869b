//! A network between a Worker and its database, with a delay, a count of round trips, and a fault. A test can also make
//! the network hold back bytes, so that an event happens at an exact point of the conversation.
//!
//! Input: the port to pass connections to. Output: a port for the Worker, and a record of each connection. A connection
//! to this machine is opened at once; a [`Network::with_handshake`] also delays the first bytes of each connection by
//! the round trip that TCP's handshake takes in a real network.

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

/// How the network breaks connections, in addition to its delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Each connection is closed after this number of bytes from the server.
    CutAfter(usize),
    /// Only the first connection is closed after this number of bytes from the server.
    CutFirstAfter(usize),
    /// The first connection is closed after this number of bytes from the server, and all later ones before any byte.
    DieAfter(usize),
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
    /// The time that TCP's handshake takes.
    handshake: Duration,
    /// Whether bytes have been held back since the last [`Network::hold`].
    holding: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

/// The record of one connection: its flights.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    opened: Option<Instant>,
    flights: Vec<Flight>,
    held: Option<Held>,
    ended: bool,
}

/// One flight: bytes from the client, and the bytes that the server sends before the client sends again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// Bytes from the client.
    pub sent: usize,
    /// Bytes from the server until the client sends again.
    pub received: usize,
    /// The time of the first byte from the client.
    pub began: Instant,
    /// The time of the first byte from the server.
    pub answered: Option<Instant>,
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

    /// Returns the number of round trips, including TCP's, that had ended before `time`.
    pub fn round_trips_before(&self, time: Instant) -> usize {
        let answers = self.flights.iter().filter_map(|flight| flight.answered);
        let ended = answers.filter(|answered| *answered < time).count();
        if ended > 0 { ended + 1 } else { 0 }
    }

    /// The beginning and the end of each round trip that the client waited for. The first round trip begins when TCP's
    /// handshake ends.
    fn waits(&self, handshake: Duration) -> Vec<(Instant, Instant)> {
        let flights = self.flights[..self.round_trips()].iter();
        let mut waits: Vec<_> = flights.filter_map(|flight| Some((flight.began, flight.answered?))).collect();
        if let (Some(opened), false) = (self.opened, handshake.is_zero()) {
            for (began, _) in &mut waits {
                *began = (*began).max(opened + handshake);
            }
            waits.push((opened, opened + handshake));
        }
        waits
    }

    /// The number of bytes from the client.
    pub fn sent(&self) -> usize {
        self.flights.iter().map(|flight| flight.sent).sum()
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
        Network::open(port, delay, fault, Duration::ZERO).await
    }

    /// Passes connections on to `port` of this machine. The first bytes of each connection also wait for the round trip
    /// of TCP's handshake.
    pub async fn with_handshake(port: u16, delay: Duration) -> Network {
        Network::open(port, delay, Fault::None, 2 * delay).await
    }

    async fn open(port: u16, delay: Duration, fault: Fault, handshake: Duration) -> Network {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let holding = Arc::new(watch::Sender::new(false));
        let pace = Pace { delay, handshake, fault };
        let task = tokio::spawn(accept(listener, port, pace, connections.clone(), holding.clone()));
        Network { port: own, connections, handshake, holding, task }
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

    /// Forgets what was recorded. Connections that are open stay open, and are recorded from now on.
    pub fn forget(&self) {
        for seen in self.connections.lock().unwrap().iter_mut() {
            seen.flights.clear();
            seen.opened = None;
        }
    }

    /// The number of connections that were opened since the last [`Network::forget`].
    pub fn opened(&self) -> usize {
        self.connections.lock().unwrap().iter().filter(|seen| seen.opened.is_some()).count()
    }

    /// The number of round trips that followed each other since the last [`Network::forget`], over all connections:
    /// round trips at the same time on several connections count once. The handshake of TCP counts if this network
    /// delays it.
    pub fn consecutive_round_trips(&self) -> usize {
        let connections = self.connections();
        let mut waits: Vec<_> = connections.iter().flat_map(|seen| seen.waits(self.handshake)).collect();
        consecutive(&mut waits)
    }
}

/// Returns the largest number of intervals that can be chosen so that no two of them overlap. Of the
/// intervals that begin after the last chosen interval has ended, the algorithm takes the one that ends first.
fn consecutive(waits: &mut [(Instant, Instant)]) -> usize {
    waits.sort_by_key(|(_, end)| *end);
    let (mut count, mut until) = (0, None);
    for (began, ended) in waits {
        if until.is_none_or(|until| *began >= until) {
            (count, until) = (count + 1, Some(*ended));
        }
    }
    count
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How the network delays, counts and breaks the bytes of each connection.
#[derive(Clone, Copy)]
struct Pace {
    delay: Duration,
    handshake: Duration,
    fault: Fault,
}

async fn accept(
    listener: TcpListener,
    port: u16,
    pace: Pace,
    connections: Arc<Mutex<Vec<Seen>>>,
    holding: Arc<watch::Sender<bool>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let opened = Instant::now();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let number = {
            let mut connections = connections.lock().unwrap();
            connections.push(Seen { opened: Some(opened), ..Seen::default() });
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
                () = carry(from_client, to_server, opened, pace, sent) => {}
                () = carry(from_server, to_client, opened, pace, received) => {}
            }
            connections.lock().unwrap()[number].ended = true;
        });
    }
}

/// The state of one direction of a connection.
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
            _ => flights.push(Flight { sent: bytes, received: 0, began: Instant::now(), answered: None }),
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
            Fault::DieAfter(_) if self.number > 0 => 0,
            Fault::CutAfter(limit) | Fault::CutFirstAfter(limit) | Fault::DieAfter(limit) => {
                bytes.min(limit.saturating_sub(seen.received()))
            }
        };
        if let Some(flight) = seen.flights.last_mut() {
            flight.received += passes;
            flight.answered.get_or_insert_with(Instant::now);
        }
        passes
    }

    fn is_held(&self) -> bool {
        self.connections.lock().unwrap()[self.number].held == Some(self.held)
    }
}

/// Carries bytes in one direction. Each byte arrives after the delay, and does not wait for other bytes.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, opened: Instant, pace: Pace, way: Way) {
    let (send, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let way = &way;
    let read = async move {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            way.sent(length);
            let sent = Instant::now().max(opened + pace.handshake);
            let _ = send.send((sent + pace.delay, chunk[..length].to_vec()));
        }
    };
    let write = async move {
        while let Some((at, bytes)) = under_way.recv().await {
            tokio::time::sleep_until(at).await;
            if way.is_held() {
                way.holding.send_replace(true);
                // The direction of a held connection is blocked: bytes are still read, but dropped, until the sender
                // closes the connection.
                continue;
            }
            let passes = way.arriving(bytes.len(), pace.fault);
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
