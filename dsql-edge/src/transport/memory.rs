//! A transport without a network, for tests: a script plays the server.
//!
//! Goes in: a script of what arrives, and when it breaks. Comes out: the bytes that the client sent.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;

use super::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind};

/// What the server does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Waits until the client has written something.
    AwaitWrite,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Closes the connection.
    Close,
    /// The connection breaks with this error.
    Break(TransportErrorKind),
    /// What the client writes fails; what comes can still be read.
    RefuseWrites,
    /// Says nothing more, for ever.
    Stall,
}

/// One script for each connection, in the order in which they are dialed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    scripts: VecDeque<Result<Vec<Step>, TransportErrorKind>>,
    /// What the client wrote: one entry for each write, of all connections.
    written: Vec<Vec<u8>>,
    dialed: usize,
    open: usize,
    expired: bool,
}

impl Network {
    /// The next connection follows this script.
    pub(crate) fn accept(&self, script: impl IntoIterator<Item = Step>) {
        self.0.lock().unwrap().scripts.push_back(Ok(script.into_iter().collect()));
    }

    /// The next connection does not come about.
    pub(crate) fn refuse(&self, kind: TransportErrorKind) {
        self.0.lock().unwrap().scripts.push_back(Err(kind));
    }

    pub(crate) fn written(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().written.clone()
    }

    /// How many connections were dialed, and how many of them are open.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let state = self.0.lock().unwrap();
        (state.dialed, state.open)
    }

    /// Every timer ends, and those that are set later end at once.
    pub(crate) fn expire(&self) {
        self.0.lock().unwrap().expired = true;
    }

    pub(super) fn timer(&self) -> BoxFuture<()> {
        let network = self.clone();
        Box::pin(poll_fn(
            move |_| if network.0.lock().unwrap().expired { Poll::Ready(()) } else { Poll::Pending },
        ))
    }

    pub(super) fn dial(&self) -> Dialed {
        let mut state = self.0.lock().unwrap();
        let script = state.scripts.pop_front().expect("a script for each connection");
        let steps = script.map_err(|kind| TransportError::new(kind, "scripted"))?.into();
        state.dialed += 1;
        state.open += 1;
        drop(state);
        Ok(Box::new(Connection { network: self.clone(), steps, writes: 0 }))
    }
}

struct Connection {
    network: Network,
    steps: VecDeque<Step>,
    /// Writes that no `AwaitWrite` has answered yet.
    writes: usize,
}

impl Transport for Connection {
    fn start_write(&mut self, bytes: BytesMut) {
        self.network.0.lock().unwrap().written.push(bytes.to_vec());
        self.writes += 1;
    }

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if matches!(self.steps.front(), Some(Step::RefuseWrites)) {
            self.steps.pop_front();
            return Poll::Ready(Err(TransportError::new(TransportErrorKind::Lost, "the write broke")));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        into.clear();
        loop {
            match self.steps.front() {
                Some(Step::AwaitWrite) if self.writes == 0 => return Poll::Pending,
                Some(Step::AwaitWrite) => {
                    self.writes -= 1;
                    self.steps.pop_front();
                }
                Some(Step::Send(bytes)) => {
                    into.extend_from_slice(bytes);
                    self.steps.pop_front();
                    return Poll::Ready(Ok(()));
                }
                Some(Step::Break(kind)) => return Poll::Ready(Err(TransportError::new(*kind, "scripted"))),
                Some(Step::Close) | None => return Poll::Ready(Ok(())),
                Some(Step::Stall | Step::RefuseWrites) => return Poll::Pending,
            }
        }
    }

    fn close(&mut self, last: &'static [u8]) {
        self.network.0.lock().unwrap().written.push(last.to_vec());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.network.0.lock().unwrap().open -= 1;
    }
}
