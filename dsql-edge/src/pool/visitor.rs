//! A client of the pool, as the pool sees it: a stream in each direction.
//!
//! Input: a [`Transport`] to a stub. Output: its request for a lease, then the bytes of its flights, checked to be
//! frames of the extended protocol; and the other way the answers, or the reason why there are none. It holds a few
//! chunks at most: a client that stops reading stops the pool from reading.

use core::future::poll_fn;
use core::task::{Context, Poll};

use super::frames::Frames;
use crate::lease::Report;
use crate::transport::{BoxFuture, Transport};
use crate::wire::Malformed;
use crate::wire::lease::{self, Ask, SPENT};

/// The most bytes of one side that are held until the other has taken them; one read more may come on top.
const CHUNK: usize = 65_536;

pub(super) struct Visitor {
    transport: Box<dyn Transport>,
    /// Bytes from it that were not forwarded yet.
    inbox: Vec<u8>,
    /// Its stream has ended.
    pub(super) ended: bool,
    /// The connection must not be lent again: what comes next may change the session's settings.
    pub(super) spent: bool,
    /// Bytes for it that the transport has not got yet.
    pub(super) outbox: Vec<u8>,
    writing: bool,
    frames: Frames,
    /// The number of Syncs in the inbox.
    syncs: usize,
    /// The last bytes from it are a whole Sync.
    synced: bool,
    read: Vec<u8>,
}

/// A piece of a flight, or of several.
pub(super) struct FlightPart {
    pub(super) bytes: Vec<u8>,
    /// How many Syncs are in it.
    pub(super) syncs: usize,
    /// It ends with a Sync.
    pub(super) whole: bool,
}

/// The client has left, or it never was one.
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

    /// Its request for a lease. The error names the fault in it.
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

    /// Reads more, as far as there is room; returns whether anything came. `open`: the end of its stream is [`Gone`].
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
                    // The buffer is not kept, because a thousand leases may wait.
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
                // It is for the pool, not for the server.
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

    /// Its bytes that were not forwarded yet.
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

    /// How many received bytes wait to be passed on.
    pub(super) fn incoming(&self) -> usize {
        self.inbox.len()
    }

    /// How many bytes wait to be sent to it.
    pub(super) fn outgoing(&self) -> usize {
        self.outbox.len() + if self.writing { CHUNK } else { 0 }
    }

    /// Whether bytes from it wait to be forwarded.
    pub(super) fn is_waiting(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether more can be written to it.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < CHUNK
    }

    /// Writes what waits for it; returns whether anything was written.
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

    /// Writes the rest to it, or abandons it when the time is over.
    pub(super) async fn finish(mut self, mut timer: BoxFuture<()>) {
        poll_fn(|context| match self.poll_write(context) {
            Ok(_) if self.writing => timer.as_mut().poll(context),
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Reports why it gets no lease, or why the lease ended. Only between frames of the server's.
    pub(super) fn report(&mut self, report: &Report) {
        lease::failed(&report.write(), &mut self.outbox);
    }
}

/// The frames of flights: Parse, Bind, Describe, Execute, Sync; and the one for the pool itself.
fn may_come(tag: u8) -> bool {
    matches!(tag, b'P' | b'B' | b'D' | b'E' | b'S' | SPENT)
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.transport.close(&[]);
    }
}
