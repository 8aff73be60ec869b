//! The pool's side of a client: a stream in each direction.
//!
//! Input: a [`Transport`] to a stub. Output: the client's request for a lease, then the bytes of its flights, which are
//! checked to be frames of the extended protocol. Output in the other direction: the answers for the client, or an
//! error. The buffers of a visitor contain at most a few chunks: a client that stops reading stops the pool from
//! reading.

use core::future::poll_fn;
use core::task::{Context, Poll};

use super::frames::Frames;
use crate::lease::Report;
use crate::transport::{BoxFuture, Transport};
use crate::wire::Malformed;
use crate::wire::lease::{self, Ask, SPENT};

/// The maximum number of bytes that are received from one side and held until the other side has taken them. The buffer
/// can exceed this number by the bytes of one read.
const CHUNK: usize = 65_536;

pub(super) struct Visitor {
    transport: Box<dyn Transport>,
    /// Bytes from the client that were not forwarded yet.
    inbox: Vec<u8>,
    /// Whether the client's stream has ended.
    pub(super) ended: bool,
    /// Whether the connection must not be lent again, because the next statements may change the session's settings.
    pub(super) spent: bool,
    /// Bytes for the client that the transport has not taken yet.
    pub(super) outbox: Vec<u8>,
    writing: bool,
    frames: Frames,
    /// The number of Syncs in the inbox.
    syncs: usize,
    /// Whether the last bytes from the client are a complete Sync.
    synced: bool,
    read: Vec<u8>,
}

/// A part of a flight, or of several flights.
pub(super) struct FlightPart {
    pub(super) bytes: Vec<u8>,
    /// The number of Syncs in `bytes`.
    pub(super) syncs: usize,
    /// Whether `bytes` ends with a Sync.
    pub(super) whole: bool,
}

/// The client has left, or has violated the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl Visitor {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Visitor {
            transport,
            inbox: Vec::new(),
            ended: false,
            spent: false,
            outbox: Vec::new(),
            writing: false,
            frames: Frames::default(),
            syncs: 0,
            synced: false,
            read: Vec::new(),
        }
    }

    /// Receives the client's request for a lease. An error describes what is wrong with the request.
    pub(super) async fn ask(&mut self, mut timer: BoxFuture<()>) -> Result<Ask, Malformed> {
        poll_fn(|context| {
            loop {
                if let Some(ask) = Ask::take(&mut self.inbox)? {
                    self.spent = ask.spent;
                    let behind = core::mem::take(&mut self.inbox);
                    self.read = Vec::new();
                    return Poll::Ready(self.accept(&behind).map(|()| ask));
                }
                match self.transport.poll_read(context, &mut self.read) {
                    Poll::Ready(Ok(())) if !self.read.is_empty() => self.inbox.extend_from_slice(&self.read),
                    Poll::Ready(_) => {
                        return Poll::Ready(Err(Malformed("the client left before it requested a lease")));
                    }
                    Poll::Pending => {
                        return timer
                            .as_mut()
                            .poll(context)
                            .map(|()| Err(Malformed("the client did not request a lease in time")));
                    }
                }
            }
        })
        .await
    }

    /// Reads more bytes, up to the limit. Returns whether bytes arrived. If `open`, the end of the client's stream is
    /// [`Gone`].
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, open: bool) -> Result<bool, Gone> {
        let mut moved = false;
        while !self.ended && self.inbox.len() < CHUNK {
            match self.transport.poll_read(context, &mut self.read) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Err(Gone),
                Poll::Ready(Ok(())) if self.read.is_empty() => {
                    self.ended = true;
                    if open {
                        return Err(Gone);
                    }
                }
                Poll::Ready(Ok(())) => {
                    // The buffer is not kept: a thousand leases may wait, and their buffers would take too much memory.
                    let read = core::mem::take(&mut self.read);
                    self.accept(&read).map_err(|_| Gone)?;
                    moved = true;
                }
            }
        }
        Ok(moved)
    }

    fn accept(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (passed, frame) = self.frames.pass(rest, may_come)?;
            let (now, behind) = rest.split_at_checked(passed).unwrap_or((rest, &[]));
            rest = behind;
            if self.frames.tag() == SPENT {
                // The frame SPENT is for the pool, not for the server.
                if self.frames.has_body() {
                    return Err(Malformed("the frame that marks a connection as spent must be empty"));
                }
                self.spent |= frame.is_some();
                continue;
            }
            self.synced = frame.is_some_and(|frame| frame.tag == b'S');
            self.syncs += usize::from(self.synced);
            self.inbox.extend_from_slice(now);
        }
        Ok(())
    }

    /// Takes the client's bytes that were not forwarded yet.
    pub(super) fn take(&mut self) -> Option<FlightPart> {
        if self.inbox.is_empty() {
            return None;
        }
        Some(FlightPart {
            bytes: core::mem::take(&mut self.inbox),
            syncs: core::mem::take(&mut self.syncs),
            whole: self.synced,
        })
    }

    /// The number of received bytes that wait to be forwarded.
    pub(super) fn incoming(&self) -> usize {
        self.inbox.len()
    }

    /// An estimate of the number of bytes that wait to be sent to the client.
    pub(super) fn outgoing(&self) -> usize {
        self.outbox.len() + if self.writing { CHUNK } else { 0 }
    }

    /// Whether bytes from the client wait to be forwarded.
    pub(super) fn is_waiting(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether more bytes can be queued for the client.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < CHUNK
    }

    /// Writes the bytes that wait for the client. Returns whether bytes were written.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, Gone> {
        let mut moved = false;
        loop {
            if self.writing {
                match self.transport.poll_write(context) {
                    Poll::Pending => return Ok(moved),
                    Poll::Ready(Err(_)) => return Err(Gone),
                    Poll::Ready(Ok(())) => (self.writing, moved) = (false, true),
                }
            }
            if self.outbox.is_empty() {
                return Ok(moved);
            }
            self.transport.start_write(core::mem::take(&mut self.outbox));
            self.writing = true;
        }
    }

    /// Writes the remaining bytes to the client, or drops them when the time limit ends.
    pub(super) async fn finish(mut self, mut timer: BoxFuture<()>) {
        poll_fn(|context| match self.poll_write(context) {
            Ok(_) if self.writing => timer.as_mut().poll(context),
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Queues the reason why the client does not get a lease, or why its lease ended. Called only between two frames of
    /// the server.
    pub(super) fn report(&mut self, report: &Report) {
        lease::failed(&report.write(), &mut self.outbox);
    }
}

/// Allows the frames of flights (Parse, Bind, Describe, Execute, Sync), and the frame that is for the pool itself.
fn may_come(tag: u8) -> bool {
    matches!(tag, b'P' | b'B' | b'D' | b'E' | b'S' | SPENT)
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.transport.close(&[]);
    }
}
