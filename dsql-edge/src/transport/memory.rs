//! The environment of the tests: a network without sockets, whose servers are scripts, and a clock that tests set.
//!
//! Input: scripts, which list the bytes that arrive and the points at which connections break. Output: the bytes that
//! the client sent.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::contract::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind};
use super::direct_tls::DirectTlsAnswers;
#[cfg(feature = "assume-role")]
use super::post::{Post, Reply};
#[cfg(feature = "multi-region")]
use super::unreachable::Unreachable;
use crate::credentials::Cache;
use crate::millis::{Millis, millis};
use crate::retry::Budget;
use crate::settings::{Endpoint, Settings};

/// The next action of the server.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Waits until the client has written something.
    AwaitWrite,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// The server closes the connection.
    Close,
    /// The connection breaks with this error.
    Break(TransportErrorKind),
    /// The client's writes fail; bytes that arrive can still be read.
    FailWrites,
    /// The server sends nothing before this time.
    Until(Millis),
    /// The server sends nothing more.
    Stall,
}

/// A simulated network: the scripts of the connections, in the order of dialing, and the state that the connections
/// share.
#[derive(Clone)]
pub(crate) struct Network {
    state: Arc<Mutex<State>>,
    retries: Arc<Budget>,
    credentials: Arc<Mutex<Cache>>,
    holds_flights: Arc<AtomicBool>,
    direct_tls: Arc<Mutex<DirectTlsAnswers>>,
    #[cfg(feature = "multi-region")]
    unreachable: Arc<Mutex<Unreachable>>,
}

#[derive(Default)]
struct State {
    /// The function that makes each connection, if there are no scripts.
    server: Option<Arc<dyn Fn(bool) -> Dialed + Send + Sync>>,
    scripts: VecDeque<Result<Vec<Step>, TransportErrorKind>>,
    /// The client's writes on all connections, one entry for each write.
    written: Vec<Vec<u8>>,
    dialed: usize,
    /// The endpoints that were dialed.
    #[cfg(feature = "multi-region")]
    hosts: Vec<String>,
    /// How many of the next dials never end.
    #[cfg(feature = "multi-region")]
    silent: usize,
    /// The number of dials with direct TLS.
    direct: usize,
    open: usize,
    expired: bool,
    now: Millis,
    random: u64,
    /// The answers of STS, each with its delay. `posted` has the requests.
    #[cfg(feature = "assume-role")]
    replies: VecDeque<(Millis, Result<Reply, TransportErrorKind>)>,
    #[cfg(feature = "assume-role")]
    posted: Vec<String>,
    /// The end of the next timer that a task waits for.
    next: Option<Millis>,
    unread: usize,
    spawned: Vec<BoxFuture<()>>,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            state: Arc::default(),
            retries: Arc::new(Budget::of(200)),
            credentials: Arc::new(Mutex::new(Cache::new())),
            holds_flights: Arc::default(),
            direct_tls: Arc::new(Mutex::new(DirectTlsAnswers::new())),
            #[cfg(feature = "multi-region")]
            unreachable: Arc::new(Mutex::new(Unreachable::new())),
        }
    }
}

impl Network {
    /// Adds a script for the next connection.
    pub(crate) fn accept(&self, script: impl IntoIterator<Item = Step>) {
        self.state.lock().unwrap().scripts.push_back(Ok(script.into_iter().collect()));
    }

    /// Makes the next connection fail with this kind of error.
    pub(crate) fn refuse(&self, kind: TransportErrorKind) {
        self.state.lock().unwrap().scripts.push_back(Err(kind));
    }

    /// Makes the next connection fail. This script comes before the scripts that were added earlier.
    #[cfg(feature = "direct-tls")]
    pub(crate) fn refuse_first(&self, kind: TransportErrorKind) {
        self.state.lock().unwrap().scripts.push_front(Err(kind));
    }

    /// Makes connections with this function. The function's argument is `true` for a connection with direct TLS.
    pub(crate) fn serve(&self, server: impl Fn(bool) -> Dialed + Send + Sync + 'static) {
        self.state.lock().unwrap().server = Some(Arc::new(server));
    }

    /// Makes the next dial hang.
    #[cfg(feature = "multi-region")]
    pub(crate) fn never_answer(&self) {
        self.state.lock().unwrap().silent += 1;
    }

    /// The endpoints that were dialed since the last call.
    #[cfg(feature = "multi-region")]
    pub(crate) fn hosts(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().hosts)
    }

    pub(crate) fn written(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().written.clone()
    }

    /// The number of connections that were dialed, and the number of connections that are open.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.dialed, state.open)
    }

    /// The number of connections that were dialed with direct TLS.
    #[cfg(feature = "direct-tls")]
    pub(crate) fn direct(&self) -> usize {
        self.state.lock().unwrap().direct
    }

    /// Ends every timer, including timers that are set later.
    pub(crate) fn expire(&self) {
        self.state.lock().unwrap().expired = true;
    }

    /// Stores a future for the test, which polls it.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        self.state.lock().unwrap().spawned.push(future);
    }

    pub(crate) fn spawned(&self) -> Vec<BoxFuture<()>> {
        core::mem::take(&mut self.state.lock().unwrap().spawned)
    }

    /// Advances the clock to the end of the next timer that a task waits for. Returns `false` if no timer ends within 4
    /// seconds. A longer timer is a time limit, and this function does not advance the clock to a time limit.
    pub(crate) fn advance(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let soon = state.now + 4000;
        let Some(next) = state.next.take().filter(|next| *next <= soon) else { return false };
        state.now = next;
        true
    }

    /// Advances the clock to the end of the next timer that a task waits for, however long this timer is. Returns
    /// `false` if no timer runs.
    pub(crate) fn pass(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let Some(next) = state.next.take() else { return false };
        state.now = next;
        true
    }

    pub(crate) fn sleep(&self, time: Millis) -> BoxFuture<()> {
        let network = self.clone();
        let until = self.now().saturating_add(time);
        Box::pin(poll_fn(move |_| {
            let mut state = network.state.lock().unwrap();
            if state.expired || state.now >= until {
                return Poll::Ready(());
            }
            state.next = Some(state.next.map_or(until, |next| next.min(until)).max(state.now));
            Poll::Pending
        }))
    }

    /// Advances the clock.
    pub(crate) fn elapse(&self, time: Duration) {
        self.state.lock().unwrap().now += millis(time);
    }

    /// Returns the number of steps that are left in the script of the connection that was read last.
    pub(crate) fn unread(&self) -> usize {
        self.state.lock().unwrap().unread
    }

    pub(crate) fn now(&self) -> Millis {
        self.state.lock().unwrap().now
    }

    /// A pseudo-random number (SplitMix64), from the same sequence in each test.
    pub(crate) fn random(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        state.random = state.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state.random ^ (state.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Seconds since 1970, by the test's clock, which begins with the year 2030.
    pub(crate) fn unix_time(&self) -> u64 {
        1_893_456_000 + self.now() / 1000
    }

    /// The expiring credentials that all requests share.
    pub(crate) fn credentials(&self) -> MutexGuard<'_, Cache> {
        self.credentials.lock().unwrap()
    }

    pub(crate) fn holds_flights(&self) -> bool {
        self.holds_flights.load(Ordering::Relaxed)
    }

    pub(crate) fn hold_flights(&self) {
        self.holds_flights.store(true, Ordering::Relaxed);
    }

    pub(crate) fn accepts_direct_tls(&self, endpoint: &Endpoint) -> Option<bool> {
        self.direct_tls.lock().unwrap().find(endpoint)
    }

    pub(crate) fn note_direct_tls(&self, endpoint: &Endpoint, accepted: Option<bool>) {
        self.direct_tls.lock().unwrap().note(endpoint, accepted);
    }

    #[cfg(feature = "multi-region")]
    pub(crate) fn unreachable_since(&self, endpoint: &Endpoint) -> Option<Millis> {
        self.unreachable.lock().unwrap().since(endpoint)
    }

    #[cfg(feature = "multi-region")]
    pub(crate) fn note_unreachable(&self, endpoint: &Endpoint, at: Option<Millis>) {
        self.unreachable.lock().unwrap().note(endpoint, at);
    }

    pub(crate) fn retry_budget(&self) -> &Budget {
        &self.retries
    }

    pub(crate) fn dial(&self, settings: &Settings, direct: bool) -> BoxFuture<Dialed> {
        let _ = settings;
        #[cfg(feature = "multi-region")]
        {
            let mut state = self.state.lock().unwrap();
            state.hosts.push(settings.endpoint.host.clone());
            if let Some(left) = state.silent.checked_sub(1) {
                state.silent = left;
                return Box::pin(core::future::pending());
            }
        }
        // Dialing takes effect at once, even if the future is dropped.
        let dialed = self.dialed(direct);
        Box::pin(async move { dialed })
    }

    /// Sets the answer to the next request over HTTPS.
    #[cfg(feature = "assume-role")]
    pub(crate) fn answer(&self, status: u16, body: impl Into<String>) {
        self.answer_after(Duration::ZERO, status, body);
    }

    /// Sets the answer to the next request over HTTPS, and its delay.
    #[cfg(feature = "assume-role")]
    pub(crate) fn answer_after(&self, delay: Duration, status: u16, body: impl Into<String>) {
        let reply = Reply { status, body: body.into() };
        self.state.lock().unwrap().replies.push_back((millis(delay), Ok(reply)));
    }

    /// Makes the next request over HTTPS wait forever for its answer.
    #[cfg(feature = "assume-role")]
    pub(crate) fn leave_hanging(&self) {
        self.answer_after(Duration::MAX, 200, "");
    }

    /// Makes the next request over HTTPS fail with this kind of error.
    #[cfg(feature = "assume-role")]
    pub(crate) fn leave_unanswered(&self, kind: TransportErrorKind) {
        self.state.lock().unwrap().replies.push_back((0, Err(kind)));
    }

    /// The requests over HTTPS: host, port, headers and body, as one string.
    #[cfg(feature = "assume-role")]
    pub(crate) fn posted(&self) -> Vec<String> {
        self.state.lock().unwrap().posted.clone()
    }

    #[cfg(feature = "assume-role")]
    pub(crate) fn post(&self, _: &Settings, post: Post) -> BoxFuture<Result<Reply, TransportError>> {
        let mut state = self.state.lock().unwrap();
        state.posted.push(format!("{}:{} {:?} {}", post.host, post.port, post.headers, post.body));
        let (delay, reply) = state.replies.pop_front().expect("an answer for each request");
        drop(state);
        let timer = self.sleep(delay);
        Box::pin(async move {
            timer.await;
            reply.map_err(|kind| TransportError::new(kind, "scripted"))
        })
    }

    /// The result of the next script, or of the server.
    fn dialed(&self, direct: bool) -> Dialed {
        let mut state = self.state.lock().unwrap();
        state.direct += usize::from(direct);
        if let Some(server) = state.server.clone() {
            drop(state);
            return server(direct);
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
    /// The number of writes that no `AwaitWrite` has consumed yet.
    writes: usize,
}

impl Transport for Connection {
    fn start_write(&mut self, bytes: Vec<u8>) {
        self.network.state.lock().unwrap().written.push(bytes);
        self.writes += 1;
    }

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if matches!(self.steps.front(), Some(Step::FailWrites)) {
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
                    self.network.state.lock().unwrap().unread = self.steps.len();
                    return Poll::Ready(Ok(()));
                }
                Some(Step::Until(time)) if self.network.now() < *time => return Poll::Pending,
                Some(Step::Until(_)) => drop(self.steps.pop_front()),
                Some(Step::Break(kind)) => return Poll::Ready(Err(TransportError::new(*kind, "scripted"))),
                Some(Step::Close) | None => return Poll::Ready(Ok(())),
                Some(Step::Stall | Step::FailWrites) => return Poll::Pending,
            }
        }
    }

    fn close(&mut self, last: &'static [u8]) {
        self.network.state.lock().unwrap().written.push(last.to_vec());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.network.state.lock().unwrap().open -= 1;
    }
}
