//! A stream in memory that behaves like the streams of Workers. A read returns at most one piece. A write is complete
//! when the other end has read all of it. Only an operation at the other end wakes a task.

use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex};

use crate::transport::{Transport, TransportError, TransportErrorKind};

/// One direction.
#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    ended: bool,
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

type Shared = Arc<Mutex<Way>>;

pub(super) struct End {
    incoming: Shared,
    outgoing: Shared,
    piece: usize,
}

/// Makes both ends of a stream.
pub(super) fn pair(piece: usize) -> (End, End) {
    let (there, back) = (Shared::default(), Shared::default());
    let end = |incoming: &Shared, outgoing: &Shared| End {
        incoming: incoming.clone(),
        outgoing: outgoing.clone(),
        piece,
    };
    (end(&back, &there), end(&there, &back))
}

impl End {
    /// Closes this end in the same way as an aborted request does.
    pub(super) fn abort(&mut self) {
        self.outgoing.lock().unwrap().broken = true;
        self.close(&[]);
    }
}

impl Transport for End {
    fn start_write(&mut self, bytes: Vec<u8>) {
        let mut way = self.outgoing.lock().unwrap();
        assert!(way.bytes.is_empty(), "the previous write is not complete");
        way.bytes = bytes;
        way.reader.take().into_iter().for_each(Waker::wake);
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut way = self.outgoing.lock().unwrap();
        if way.ended {
            return Poll::Ready(Err(gone()));
        }
        if way.bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        way.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        into.clear();
        let mut way = self.incoming.lock().unwrap();
        if way.broken {
            return Poll::Ready(Err(gone()));
        }
        if way.bytes.is_empty() && !way.ended {
            way.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = self.piece.min(way.bytes.len());
        into.extend(way.bytes.drain(..length));
        if way.bytes.is_empty() {
            way.writer.take().into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, last: &'static [u8]) {
        self.outgoing.lock().unwrap().end(last);
        self.incoming.lock().unwrap().end(&[]);
    }
}

impl Way {
    fn end(&mut self, last: &[u8]) {
        if !self.ended && self.bytes.is_empty() {
            self.bytes.extend_from_slice(last);
        }
        self.ended = true;
        self.wake();
    }

    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close(&[]);
    }
}

fn gone() -> TransportError {
    TransportError::new(TransportErrorKind::Lost, "the other end has left")
}
