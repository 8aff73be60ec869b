//! A transport without a network, for tests: a script plays the server.
//!
//! Goes in: a script of what arrives, and when it breaks. Comes out: the bytes that the client sent.

use core::future::poll_fn;
use core::sync::atomic::AtomicBool;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::auth::Cache;
use crate::millis::{Millis, millis};
use crate::retry::Budget;

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
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>, Arc<Budget>, Arc<Mutex<Cache>>, Arc<AtomicBool>);

#[derive(Default)]
struct State {
    /// What makes each connection, where there are no scripts.
    server: Option<Arc<dyn Fn() -> Dialed + Send + Sync>>,
    scripts: VecDeque<Result<Vec<Step>, TransportErrorKind>>,
    /// What the client wrote: one entry for each write, of all connections.
    written: Vec<Vec<u8>>,
    dialed: usize,
    open: usize,
    expired: bool,
    now: Millis,
    random: u64,
    /// What STS answers, and after how long; and what it was asked.
    #[cfg(feature = "assume-role")]
    replies: VecDeque<(Millis, Result<super::Reply, TransportErrorKind>)>,
    #[cfg(feature = "assume-role")]
    posted: Vec<String>,
    /// When a timer ends for which somebody waits.
    next: Option<Millis>,
    unread: usize,
    #[cfg(feature = "pool")]
    spawned: Vec<BoxFuture<()>>,
}

impl Default for Network {
    fn default() -> Self {
        Network(Arc::default(), Arc::new(Budget::of(200)), Arc::default(), Arc::default())
    }
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

    /// Connections are made by this.
    pub(crate) fn serve(&self, server: impl Fn() -> Dialed + Send + Sync + 'static) {
        self.0.lock().unwrap().server = Some(Arc::new(server));
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

    /// What runs beside everything else: whoever plays the executor takes it.
    #[cfg(feature = "pool")]
    pub(super) fn spawn(&self, future: BoxFuture<()>) {
        self.0.lock().unwrap().spawned.push(future);
    }

    #[cfg(feature = "pool")]
    pub(crate) fn spawned(&self) -> Vec<BoxFuture<()>> {
        core::mem::take(&mut self.0.lock().unwrap().spawned)
    }

    /// Time goes on to the end of the next timer for which somebody waits; `false` if there is none that ends within
    /// a few seconds: what takes longer is a time limit.
    pub(crate) fn advance(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        let soon = state.now + 4000;
        let Some(next) = state.next.take().filter(|next| *next <= soon) else { return false };
        state.now = next;
        true
    }

    /// Time goes on to the end of the next timer for which somebody waits, however far that is; `false` if there is none.
    pub(crate) fn pass(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        let Some(next) = state.next.take() else { return false };
        state.now = next;
        true
    }

    pub(crate) fn timer(&self, time: Millis) -> BoxFuture<()> {
        let network = self.clone();
        let until = self.now().saturating_add(time);
        Box::pin(poll_fn(move |_| {
            let mut state = network.0.lock().unwrap();
            if state.expired || state.now >= until {
                return Poll::Ready(());
            }
            state.next = Some(state.next.map_or(until, |next| next.min(until)).max(state.now));
            Poll::Pending
        }))
    }

    /// Time goes on.
    pub(crate) fn elapse(&self, time: Duration) {
        self.0.lock().unwrap().now += millis(time);
    }

    /// How many steps of the connection that was read last are still to come.
    pub(crate) fn unread(&self) -> usize {
        self.0.lock().unwrap().unread
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.lock().unwrap().now
    }

    /// The same numbers each time (SplitMix64).
    pub(super) fn random(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        state.random = state.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state.random ^ (state.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Seconds since 1970, by the same clock: it begins with the year 2030.
    pub(crate) fn unix_time(&self) -> u64 {
        1_893_456_000 + self.now() / 1000
    }

    /// The credentials that requests of this network keep for each other.
    pub(crate) fn credentials(&self) -> &Mutex<Cache> {
        &self.2
    }

    pub(super) fn dropped(&self) -> &AtomicBool {
        &self.3
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.1
    }

    /// The next request over HTTPS is answered like this.
    #[cfg(feature = "assume-role")]
    pub(crate) fn answer(&self, status: u16, body: impl Into<String>) {
        self.answer_after(Duration::ZERO, status, body);
    }

    /// The next request over HTTPS is answered like this, so much later.
    #[cfg(feature = "assume-role")]
    pub(crate) fn answer_after(&self, delay: Duration, status: u16, body: impl Into<String>) {
        let reply = super::Reply { status, body: body.into() };
        self.0.lock().unwrap().replies.push_back((millis(delay), Ok(reply)));
    }

    /// The next request over HTTPS is taken and never answered.
    #[cfg(feature = "assume-role")]
    pub(crate) fn leave_hanging(&self) {
        self.answer_after(Duration::MAX, 200, "");
    }

    /// The next request over HTTPS finds nobody.
    #[cfg(feature = "assume-role")]
    pub(crate) fn leave_unanswered(&self, kind: TransportErrorKind) {
        self.0.lock().unwrap().replies.push_back((0, Err(kind)));
    }

    /// What was asked over HTTPS: host, port, headers and body, in one text.
    #[cfg(feature = "assume-role")]
    pub(crate) fn posted(&self) -> Vec<String> {
        self.0.lock().unwrap().posted.clone()
    }

    #[cfg(feature = "assume-role")]
    pub(super) fn reply(&self, post: &super::Post) -> BoxFuture<Result<super::Reply, TransportError>> {
        let mut state = self.0.lock().unwrap();
        state.posted.push(format!("{}:{} {:?} {}", post.host, post.port, post.headers, post.body));
        let (delay, reply) = state.replies.pop_front().expect("an answer for each request");
        drop(state);
        let timer = self.timer(delay);
        Box::pin(async move {
            timer.await;
            reply.map_err(|kind| TransportError::new(kind, "scripted"))
        })
    }

    pub(super) fn dial(&self) -> Dialed {
        let mut state = self.0.lock().unwrap();
        if let Some(server) = state.server.clone() {
            drop(state);
            return server();
        }
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
    fn start_write(&mut self, bytes: Vec<u8>) {
        self.network.0.lock().unwrap().written.push(bytes);
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
                    self.network.0.lock().unwrap().unread = self.steps.len();
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
