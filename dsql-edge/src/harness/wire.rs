//! The wire between the client and the model server, or a pool, with the one fault of a run.
//!
//! Input: a [`Fault`] and a byte offset, counted over all connections of a run. Output: a transport that works until
//! that byte. This module does not decide whether a client's report is correct.

use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::scenario::DirectTls;
use super::server::{self, Database, Session};
use crate::transport::{Dialed, Transport, TransportError, TransportErrorKind};

/// The kind of fault that happens when a certain byte is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection breaks with an error, in both directions.
    Cut,
    /// The connection ends without an error: writes are accepted and lost, reads return the end of the stream.
    Vanish,
    /// No more bytes are transferred, without an error.
    Stall,
    /// The client's bytes are delayed, and arrive when the client connects again.
    Late,
    /// The client's bytes arrive after the client is done.
    TooLate,
    /// The rest of the frame, or of the write, arrives a moment later.
    Split,
    /// The frame arrives together with all frames after it that were already sent.
    Join,
    /// The connection is cut, and the next [`DIALS`] connections fail.
    Outage,
    /// Instead of the frame, a FATAL error arrives as the last message; the server had executed the statement.
    Shutdown,
    /// Together with the frame, a FATAL error arrives as the last message.
    ShutdownBehind,
    /// Dialing fails.
    FailDial(TransportErrorKind),
    /// The server closes the connection after TLS, without a message.
    EndAfterDial,
}

/// The direction in which the byte of the fault is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
    /// The fault happens when a connection is dialed, not at a byte.
    Dial,
}

impl Fault {
    /// Returns all faults that can happen to bytes of this direction.
    pub(super) fn of(direction: Direction) -> &'static [Fault] {
        match direction {
            Direction::ToServer => {
                &[Fault::Cut, Fault::Vanish, Fault::Stall, Fault::Late, Fault::TooLate, Fault::Split]
            }
            Direction::ToClient => &[
                Fault::Cut,
                Fault::Vanish,
                Fault::Stall,
                Fault::Split,
                Fault::Join,
                Fault::Outage,
                Fault::Shutdown,
                Fault::ShutdownBehind,
            ],
            Direction::Dial => &[
                Fault::FailDial(TransportErrorKind::Unreachable),
                Fault::FailDial(TransportErrorKind::Lost),
                Fault::FailDial(TransportErrorKind::NoTls),
                Fault::FailDial(TransportErrorKind::Tls),
                Fault::FailDial(TransportErrorKind::OtherRequest),
                Fault::EndAfterDial,
            ],
        }
    }
}

/// Where a fault happens: the direction, the kind of fault, and the number of the byte.
pub(super) type Place = (Direction, Fault, usize);

/// The server, its connections, and the fault.
#[derive(Default)]
pub(super) struct World {
    pub(super) database: Database,
    fault: Option<Place>,
    /// A counter that each wait of the client increases by one.
    pub(super) moment: usize,
    /// The size of the pieces in which frames arrive; one piece arrives at each wait of the client.
    pub(super) dribble: Option<usize>,
    /// The bytes that were transferred, to the server and to the client.
    pub(super) passed: (usize, usize),
    /// The number of connections that were dialed. `outage` is the number of the next dials that fail.
    pub(super) dialed: usize,
    outage: usize,
    /// How the server answers direct TLS.
    pub(super) direct: Option<DirectTls>,
    /// The number of connections that the client has not closed.
    pub(super) open: usize,
    peers: Vec<Peer>,
    /// Bytes that are delayed until the client connects again or is done: the fault that delays the bytes, the index of
    /// the peer, and the bytes.
    held: Option<(Fault, usize, Vec<u8>)>,
}

pub(super) type Shared = Arc<Mutex<World>>;

/// The peer at the other end of a connection.
enum Peer {
    Server(Session),
    /// A pool, which answers later, when its task is polled.
    #[cfg(feature = "pool")]
    Pool(SharedPipe),
}

impl Peer {
    fn receive(&mut self, bytes: &[u8], database: &mut Database) -> Vec<Vec<u8>> {
        match self {
            Peer::Server(session) => session.receive(bytes, database),
            #[cfg(feature = "pool")]
            Peer::Pool(pipe) => {
                pipe.lock().unwrap().to_pool.extend_from_slice(bytes);
                Vec::new()
            }
        }
    }
}

impl World {
    pub(super) fn with(fault: Option<Place>) -> Shared {
        Arc::new(Mutex::new(World { fault, ..World::default() }))
    }

    /// Ends all faults. Returns the bytes that were transferred.
    pub(super) fn quiet(&mut self) -> (usize, usize) {
        self.fault = None;
        self.outage = 0;
        self.dribble = None;
        self.passed
    }

    /// Delivers the delayed bytes to the server, which executes them; no client reads the answer.
    pub(super) fn deliver_held(&mut self) {
        if let Some((_, peer, bytes)) = self.held.take() {
            self.peers[peer].receive(&bytes, &mut self.database);
            #[cfg(feature = "pool")]
            self.leave(peer);
        }
    }
}

#[cfg(feature = "pool")]
impl World {
    /// The number of connections that were opened.
    pub(super) fn connections(&self) -> usize {
        self.peers.len()
    }

    /// Ends the client's stream to the pool; if bytes are delayed, the stream ends only after these bytes.
    fn leave(&mut self, peer: usize) {
        let held = matches!(self.held, Some((_, of, _)) if of == peer);
        if let (Peer::Pool(pipe), false) = (&self.peers[peer], held) {
            pipe.lock().unwrap().client_left = true;
        }
    }
}

/// Connects, unless the fault is at this dial.
pub(super) fn dial(world: &Shared, direct: bool) -> Dialed {
    let mut state = world.lock().unwrap();
    let at = state.dialed;
    state.dialed += 1;
    let fault = state.fault.take_if(|fault| fault.0 == Direction::Dial && fault.2 == at);
    let answer = state.direct.filter(|_| direct);
    let ends = answer == Some(DirectTls::Closes) || matches!(fault, Some((_, Fault::EndAfterDial, _)));
    if let Some((_, Fault::FailDial(kind), _)) = fault {
        return Err(TransportError::new(kind, "dialing fails"));
    }
    if answer == Some(DirectTls::Fails) {
        return Err(TransportError::new(TransportErrorKind::Tls, "the handshake fails"));
    }
    if state.outage > 0 {
        state.outage -= 1;
        return Err(TransportError::new(TransportErrorKind::Unreachable, "connection refused"));
    }
    state.open += 1;
    drop(state);
    let mut connection = connect(world, Peer::Server(Session::default()));
    if ends {
        connection.state = State::Broken(Fault::Vanish);
    }
    Ok(Box::new(connection))
}

/// The number of dials that fail in an outage: the first dial of a query, and its two retries.
const DIALS: usize = 3;

/// Connects to a pool. Returns the client's end and the pool's end.
#[cfg(feature = "pool")]
pub(super) fn dial_pool(world: &Shared) -> (Box<dyn Transport>, Box<dyn Transport>) {
    let pipe = SharedPipe::default();
    (Box::new(connect(world, Peer::Pool(pipe.clone()))), Box::new(PoolsEnd(pipe)))
}

fn connect(world: &Shared, peer: Peer) -> Connection {
    let mut state = world.lock().unwrap();
    if matches!(state.held, Some((Fault::Late, ..))) {
        state.deliver_held();
    }
    state.peers.push(peer);
    let peer = state.peers.len() - 1;
    drop(state);
    Connection {
        world: world.clone(),
        peer,
        to_write: Vec::new(),
        frames: VecDeque::new(),
        pause: None,
        logged_in: false,
        closed: false,
        state: State::Whole,
    }
}

struct Connection {
    world: Shared,
    peer: usize,
    to_write: Vec<u8>,
    frames: VecDeque<Vec<u8>>,
    /// If the next bytes must wait, the moment after which these bytes arrive.
    pause: Option<usize>,
    /// Whether the ReadyForQuery of the login was transferred.
    logged_in: bool,
    closed: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// The connection broke; the server's earlier bytes can still be read.
    Broken(Fault),
}

impl Connection {
    /// If the fault is in the next `count` bytes, removes and returns the fault, with the number of bytes before it.
    fn take_fault(&self, direction: Direction, count: usize) -> Option<(Fault, usize)> {
        let mut world = self.world.lock().unwrap();
        let (towards, fault, at) = world.fault?;
        let passed = if towards == Direction::ToServer { world.passed.0 } else { world.passed.1 };
        if towards != direction || !(passed..passed + count).contains(&at) {
            return None;
        }
        world.fault = None;
        Some((fault, at - passed))
    }

    fn deliver(&mut self, bytes: &[u8]) {
        let mut world = self.world.lock().unwrap();
        let World { peers, database, passed, .. } = &mut *world;
        passed.0 += bytes.len();
        self.frames.extend(peers[self.peer].receive(bytes, database));
    }

    fn moment(&self) -> usize {
        self.world.lock().unwrap().moment
    }

    /// Takes the bytes that the pool has sent. Returns whether the pool has left.
    fn listen(&mut self) -> bool {
        #[cfg(feature = "pool")]
        if let Peer::Pool(pipe) = &self.world.lock().unwrap().peers[self.peer] {
            let mut pipe = pipe.lock().unwrap();
            self.frames.extend(pipe.to_client.drain(..));
            return pipe.pool_left;
        }
        false
    }

    /// Breaks the connection; the peer receives the end of the stream, unless the fault is silent.
    fn breaks(&mut self, fault: Fault) {
        self.listen();
        self.state = State::Broken(fault);
        #[cfg(feature = "pool")]
        if fault != Fault::Stall {
            self.world.lock().unwrap().leave(self.peer);
        }
    }

    fn lost() -> TransportError {
        TransportError::new(TransportErrorKind::Lost, "the wire broke")
    }
}

impl Transport for Connection {
    fn start_write(&mut self, bytes: Vec<u8>) {
        assert!(self.to_write.is_empty(), "the previous write is not complete");
        self.to_write = bytes;
    }

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let bytes = core::mem::take(&mut self.to_write);
        match self.state {
            State::Broken(Fault::Cut) => return Poll::Ready(Err(Self::lost())),
            State::Broken(Fault::Stall) if !bytes.is_empty() => {
                self.to_write = bytes;
                return Poll::Pending;
            }
            State::Broken(_) => return Poll::Ready(Ok(())),
            State::Whole => {}
        }
        let Some((fault, at)) = self.take_fault(Direction::ToServer, bytes.len()) else {
            self.deliver(&bytes);
            return Poll::Ready(Ok(()));
        };
        let (before, behind) = bytes.split_at(at);
        self.deliver(before);
        match fault {
            Fault::Split => {
                // The rest of the bytes is transferred with the next poll.
                self.to_write = behind.to_vec();
                Poll::Pending
            }
            Fault::Cut => {
                self.breaks(fault);
                Poll::Ready(Err(Self::lost()))
            }
            Fault::Stall => {
                self.breaks(fault);
                self.to_write = behind.to_vec();
                Poll::Pending
            }
            Fault::Late | Fault::TooLate => {
                self.world.lock().unwrap().held = Some((fault, self.peer, behind.to_vec()));
                self.breaks(Fault::Vanish);
                Poll::Ready(Ok(()))
            }
            Fault::Vanish
            | Fault::Join
            | Fault::Outage
            | Fault::Shutdown
            | Fault::ShutdownBehind
            | Fault::FailDial(_)
            | Fault::EndAfterDial => {
                self.breaks(Fault::Vanish);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_read(&mut self, _: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        into.clear();
        if self.pause.is_some_and(|pause| pause == self.moment()) {
            return Poll::Pending;
        }
        let peer_left = self.state == State::Whole && self.listen();
        let Some(mut frame) = self.frames.pop_front() else {
            return match self.state {
                State::Whole if peer_left => Poll::Ready(Ok(())),
                State::Whole | State::Broken(Fault::Stall) => Poll::Pending,
                State::Broken(Fault::Cut) => Poll::Ready(Err(Self::lost())),
                State::Broken(_) => Poll::Ready(Ok(())),
            };
        };
        let dribble = self.world.lock().unwrap().dribble;
        if let Some((fault, at)) = self.take_fault(Direction::ToClient, frame.len()) {
            match fault {
                Fault::Join => {
                    self.frames.drain(..).for_each(|next| frame.extend(next));
                }
                Fault::Split => {
                    self.frames.push_front(frame.split_off(at));
                    self.pause = Some(self.moment());
                }
                // `Fault::Shutdown` happens only after the login, because during the login a server sends other errors
                // and has executed nothing.
                Fault::Shutdown if self.logged_in => {
                    frame = server::fatal();
                    self.breaks(Fault::Vanish);
                    self.frames.clear();
                }
                Fault::ShutdownBehind if self.logged_in => {
                    frame.extend(server::fatal());
                    self.breaks(Fault::Vanish);
                    self.frames.clear();
                }
                Fault::Outage => {
                    self.world.lock().unwrap().outage = DIALS;
                    frame.truncate(at);
                    self.breaks(Fault::Cut);
                    self.frames.clear();
                }
                _ => {
                    frame.truncate(at);
                    self.breaks(fault);
                    self.frames.clear();
                }
            }
        } else if let Some(piece) = dribble {
            if frame.len() > piece {
                self.frames.push_front(frame.split_off(piece));
            }
            self.pause = Some(self.moment());
        }
        if frame.is_empty() {
            return self.poll_read(&mut Context::from_waker(core::task::Waker::noop()), into);
        }
        self.world.lock().unwrap().passed.1 += frame.len();
        self.logged_in |= frame.first() == Some(&b'Z');
        into.extend(frame);
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, last: &'static [u8]) {
        let mut world = self.world.lock().unwrap();
        if matches!(world.peers[self.peer], Peer::Server(_)) && !std::mem::replace(&mut self.closed, true) {
            world.open -= 1;
        }
        drop(world);
        if self.state == State::Whole && self.to_write.is_empty() && !last.is_empty() {
            self.deliver(last);
        }
        #[cfg(feature = "pool")]
        if self.state == State::Whole {
            self.world.lock().unwrap().leave(self.peer);
        }
    }
}

/// The bytes between a client and a pool.
#[cfg(feature = "pool")]
#[derive(Default)]
struct Pipe {
    to_pool: Vec<u8>,
    to_client: VecDeque<Vec<u8>>,
    client_left: bool,
    pool_left: bool,
}

#[cfg(feature = "pool")]
type SharedPipe = Arc<Mutex<Pipe>>;

#[cfg(feature = "pool")]
struct PoolsEnd(SharedPipe);

#[cfg(feature = "pool")]
impl Transport for PoolsEnd {
    fn start_write(&mut self, bytes: Vec<u8>) {
        self.0.lock().unwrap().to_client.push_back(bytes);
    }

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let left = self.0.lock().unwrap().client_left;
        Poll::Ready(if left { Err(Connection::lost()) } else { Ok(()) })
    }

    fn poll_read(&mut self, _: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        let mut pipe = self.0.lock().unwrap();
        *into = core::mem::take(&mut pipe.to_pool);
        match (into.is_empty(), pipe.client_left) {
            (false, _) => Poll::Ready(Ok(())),
            (true, true) => Poll::Ready(Err(Connection::lost())),
            (true, false) => Poll::Pending,
        }
    }

    fn close(&mut self, _: &'static [u8]) {
        self.0.lock().unwrap().pool_left = true;
    }
}
