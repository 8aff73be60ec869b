//! A connection of the pool to the server: its login, and then the bytes that are forwarded.
//!
//! Input: bytes of flights. Output: the bytes of their answers, and the ends of the answers. Only the type and the
//! length of each frame and the status in ReadyForQuery are read. A connection is lent again only if every message of
//! the lease is answered. A transaction that the lease left open is rolled back before other messages are sent.

use core::task::{Context, Poll, Waker};

use super::frames::Frames;
use super::visitor::FlightPart;
use crate::connector::{Connector, Region};
use crate::login::failure::{ConnectionFailure, LoginProgress};
use crate::login::{Login, TlsStart};
use crate::millis::Millis;
use crate::retry::Reached;
use crate::session::{Connection, SessionEvent, SessionFault};
use crate::transport::{Transport, TransportError};
use crate::wire::{Malformed, Parameters, frontend, lease};

pub(super) struct Server {
    transport: Box<dyn Transport>,
    /// `None` once the login has ended.
    login: Option<Connection>,
    pipelined: bool,
    tls: TlsStart,
    pub(super) region: Region,
    has_received: bool,
    /// The bytes that wait until the transport has written the previous bytes.
    outgoing: Vec<u8>,
    /// Whether the transport has bytes that it has not written yet.
    writing: bool,
    write_error: Option<TransportError>,
    /// Whether bytes of a flight were queued to be sent since the connection was lent.
    handed: bool,
    /// Whether the Sync of the current flight was not sent yet.
    midway: bool,
    frames: Frames,
    /// The number of Syncs that are not answered.
    unanswered: usize,
    /// Whether the next answer is the answer to a ROLLBACK. The answer to the pool's own ROLLBACK is not forwarded to a
    /// client.
    rolling_back: bool,
    /// Whether the flight was sent together with the login, and no part of the flight is answered yet.
    unproven: bool,
    /// If a probe was sent, the number of ReadyForQuery messages that precede the probe's own ReadyForQuery. The
    /// probe's ReadyForQuery is not forwarded.
    before_probe: Option<usize>,
    /// The status in the last ReadyForQuery.
    status: u8,
    /// Whether the session may have changed. The connection is then closed when the lease ends.
    pub(super) spent: bool,
    /// The search_path of the session.
    pub(super) search_path: String,
    /// The connection is not lent after this time.
    pub(super) retires: Millis,
    pub(super) idle_since: Millis,
    read: Vec<u8>,
}

const IDLE: u8 = b'I';

impl Server {
    pub(super) fn new(login: Login, search_path: &str, retires: Millis) -> Self {
        Server {
            transport: login.transport,
            login: Some(login.connection),
            pipelined: login.pipelined,
            tls: login.tls,
            region: login.region,
            has_received: false,
            outgoing: Vec::new(),
            writing: false,
            write_error: None,
            handed: false,
            midway: false,
            frames: Frames::default(),
            unanswered: 0,
            rolling_back: false,
            unproven: false,
            before_probe: None,
            status: IDLE,
            spent: false,
            search_path: search_path.to_owned(),
            retires,
            idle_since: 0,
            read: Vec::new(),
        }
    }

    /// Whether the login has ended.
    pub(super) fn has_started(&self) -> bool {
        self.login.is_none()
    }

    pub(super) fn progress(&self) -> LoginProgress {
        LoginProgress {
            started: self.has_started(),
            has_received: self.has_received,
            pipelined: self.pipelined,
            leased: false,
            tls: self.tls,
        }
    }

    /// The point that the flight has reached.
    pub(super) fn reached(&self) -> Reached {
        let unsent = self.login.as_ref().is_some_and(|login| !login.has_sent_statements());
        match self.has_started() {
            _ if !self.handed || unsent || seeded!(DeniesHandedOver) => Reached::Nothing,
            true => Reached::Session,
            false => Reached::Login,
        }
    }

    /// Whether the login has ended, and bytes of a flight were queued to be sent since the connection was lent.
    pub(super) fn has_flown(&self) -> bool {
        self.has_started() && self.handed
    }

    /// The time at which the connection is closed if no client requests it: the end of its idle time or of its age,
    /// whichever comes first.
    pub(super) fn idle_until(&self, idle: Millis) -> Millis {
        self.idle_since.saturating_add(idle).min(self.retires)
    }

    /// Whether everything is answered, and no frame is incomplete.
    pub(super) fn is_settled(&self) -> bool {
        let answered = self.unanswered == 0 && (!self.midway || seeded!(LendsMidway));
        self.has_started() && answered && self.frames.are_whole() && self.write_error.is_none()
    }

    /// Whether only a part of a flight was sent.
    pub(super) fn is_midway(&self) -> bool {
        self.midway
    }

    /// Whether the session is outside a transaction block.
    pub(super) fn is_out_of_transaction(&self) -> bool {
        self.status == IDLE
    }

    /// Whether all forwarded frames are complete.
    pub(super) fn is_between_frames(&self) -> bool {
        self.frames.are_whole()
    }

    /// Ends a lease: rolls back a transaction that the lease left open. Returns whether the connection can be lent
    /// again.
    pub(super) fn end_lease(&mut self) -> bool {
        let rests = self.is_settled() || (self.has_started() && seeded!(LendsUnanswered));
        if !rests || self.spent {
            return false;
        }
        self.handed = false;
        if !self.is_out_of_transaction() && !seeded!(LendsOpenTransaction) {
            return self.roll_back().is_ok();
        }
        true
    }

    fn roll_back(&mut self) -> Result<(), Malformed> {
        frontend::parse("ROLLBACK", &[], usize::MAX, &mut self.outgoing)?;
        frontend::execute(&Parameters::default(), &[], false, usize::MAX, &mut self.outgoing)?;
        frontend::sync(&mut self.outgoing);
        self.rolling_back = true;
        self.unanswered = 1;
        self.poll_write(&mut Context::from_waker(Waker::noop()));
        Ok(())
    }

    /// If the connection began with direct TLS, records that the endpoint has accepted direct TLS.
    pub(super) fn note_tls(&mut self, connector: &Connector) {
        self.tls.accepted(connector);
    }

    /// Whether the connection is still open, as far as that is visible without a round trip.
    pub(super) fn poll_alive(&mut self, context: &mut Context<'_>) -> bool {
        let mut nothing = Vec::new();
        loop {
            match self.poll_read(context, &mut nothing) {
                Poll::Pending => return self.rolling_back || self.is_settled(),
                Poll::Ready(Ok(())) => nothing.clear(),
                Poll::Ready(Err(_)) => return false,
            }
        }
    }

    /// Whether a whole flight was sent together with the login, so that a probe can show whether the server has
    /// received the flight.
    pub(super) fn is_unproven(&self) -> bool {
        let is_sent = self.unanswered > 0 && !self.midway && self.is_free();
        self.unproven && self.before_probe.is_none() && is_sent
    }

    /// Sends one more Sync after the flight that was sent with the login: see [`Connection::probe`], which does the
    /// same for a client without a pool.
    pub(super) fn probe(&mut self) {
        self.before_probe = Some(self.unanswered);
        self.unanswered += 1;
        frontend::sync(&mut self.outgoing);
    }

    /// Queues a part of a flight to be sent.
    pub(super) fn send(&mut self, part: FlightPart) -> Result<(), Malformed> {
        self.handed = true;
        self.midway = !part.whole;
        self.unanswered += part.syncs;
        match &mut self.login {
            Some(login) => login.relay(&part.bytes)?,
            None => self.outgoing.extend_from_slice(&part.bytes),
        }
        Ok(())
    }

    /// Whether more bytes can be queued.
    pub(super) fn is_free(&self) -> bool {
        !self.writing && self.outgoing.is_empty()
    }

    /// Sends as many bytes as can be sent now. Returns whether a write was completed. After a completed write, the
    /// caller must try to forward more bytes at once, because no other event wakes the task.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let mut completed = false;
        loop {
            if !self.writing {
                // The messages of the login are sent first.
                let login = self.login.as_mut().and_then(Connection::poll_transmit);
                let Some(bytes) = login
                    .or_else(|| (!self.outgoing.is_empty()).then(|| core::mem::take(&mut self.outgoing)))
                else {
                    return completed;
                };
                self.transport.start_write(bytes);
                self.writing = true;
            }
            let Poll::Ready(written) = self.transport.poll_write(context) else { return completed };
            (self.writing, completed) = (false, true);
            if let Err(error) = written {
                self.write_error.get_or_insert(error);
            }
        }
    }

    /// Receives bytes. Appends to `out` the bytes that are for the client.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<(), ConnectionFailure>> {
        // `Connection::hand_over` ends the login of a PostgreSQL before the pool gets the connection. The session then
        // still holds the ReadyForQuery and the bytes that were read after it. So these bytes are taken from the
        // session, not from the transport.
        #[cfg(feature = "postgres")]
        if let Some(bytes) = self.login.as_mut().and_then(Connection::take_unread) {
            return Poll::Ready(self.take(&bytes, out).map_err(ConnectionFailure::Session));
        }
        let mut read = core::mem::take(&mut self.read);
        let polled = self.transport.poll_read(context, &mut read);
        let result = match polled {
            // If the server rejects the login and closes the connection, the write fails too. So the error of the write
            // is returned only after the server's last answer has been read.
            Poll::Pending => match self.write_error.take() {
                Some(error) => Poll::Ready(Err(ConnectionFailure::Transport(error))),
                None => Poll::Pending,
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(ConnectionFailure::Transport(error))),
            Poll::Ready(Ok(())) => Poll::Ready(self.take(&read, out).map_err(ConnectionFailure::Session)),
        };
        self.read = read;
        result
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SessionFault> {
        self.has_received |= !bytes.is_empty();
        let Some(login) = &mut self.login else {
            return if bytes.is_empty() { Err(SessionFault::Closed) } else { self.pass(bytes, out) };
        };
        if bytes.is_empty() {
            login.handle_eof();
        }
        login.handle_input(bytes);
        match login.poll_event()? {
            None => Ok(()),
            Some(SessionEvent::Started) => {
                self.unproven = self.pipelined && self.handed && login.has_sent_statements();
                // Statements that waited for the end of the login are sent now.
                self.outgoing.extend(login.poll_transmit().unwrap_or_default());
                let behind = self.login.take().map(Connection::into_unread).unwrap_or_default();
                out.extend_from_slice(&lease::GRANTED_FRAME);
                self.pass(&behind, out)
            }
            Some(_) => Err(SessionFault::Malformed(OUT_OF_PLACE)),
        }
    }

    fn pass(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SessionFault> {
        while !bytes.is_empty() {
            let passed = self.frames.pass(bytes, may_come);
            let (length, frame) = passed.map_err(|Malformed(reason)| SessionFault::Malformed(reason))?;
            let (now, behind) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            bytes = behind;
            // A probe is only a Sync, so no other message can arrive between the flight's last ReadyForQuery and the
            // probe's ReadyForQuery.
            let is_probing = self.before_probe.is_some();
            let answers_probe = is_probing && self.unproven && self.frames.tag() == b'Z';
            let is_own = self.rolling_back || answers_probe || self.before_probe == Some(0);
            if !is_own || seeded!(PassesRollbackOn) {
                out.extend_from_slice(now);
            }
            let Some(frame) = frame else { continue };
            let was_unproven =
                !matches!(frame.tag, b'N' | b'S' | b'A') && core::mem::take(&mut self.unproven);
            match (frame.tag, frame.first, self.unanswered) {
                (b'Z', Some(IDLE), _) if was_unproven && is_probing => {
                    return Err(SessionFault::FlightDropped);
                }
                (b'Z', Some(status @ (b'I' | b'T' | b'E')), 1..) => {
                    self.unanswered -= 1;
                    self.status = status;
                    self.before_probe = self.before_probe.and_then(|before| before.checked_sub(1));
                    if core::mem::take(&mut self.rolling_back) && status != IDLE {
                        return Err(SessionFault::Malformed("unexpected answer to ROLLBACK"));
                    }
                }
                // A parameter of the session has changed, so the connection is spent even if the client did not mark
                // it.
                (b'S', ..) => self.spent = true,
                // These messages may arrive at any time.
                (b'N' | b'A', ..) => {}
                // A server may answer statements before their Sync has arrived; the rest of the flight follows.
                (tag, ..) if self.midway && tag != b'Z' => {}
                // An error while no answer is due is the last message: the server closes the connection.
                (b'E', _, 0) => return Err(SessionFault::Closed),
                (b'Z', ..) | (_, _, 0) => return Err(SessionFault::Malformed(OUT_OF_PLACE)),
                _ => {}
            }
        }
        Ok(())
    }
}

const OUT_OF_PLACE: &str = "a message is out of place";

/// Whether a server may send a frame of this type: only a pool sends the frames of a lease.
fn may_come(tag: u8) -> bool {
    tag != lease::LEASE_GRANTED && tag != lease::LEASE_FAILED
}

impl Drop for Server {
    fn drop(&mut self) {
        let quiet = self.is_settled() && self.is_free();
        self.transport.close(if quiet { &frontend::TERMINATE } else { &[] });
    }
}
