//! The connections of a pool, and the queue of the clients that wait for one.
//!
//! Input: a client's request, with its search_path. Output: in the order of the requests, an idle connection, or the
//! right to open one. A connection returns whenever its [`Lent`] is dropped, and the client that has waited longest is
//! woken. The only message that this module sends is the ROLLBACK of a transaction that a lease left open.
//!
//! A Durable Object has 128 MB of memory, so both the number of waiting leases and their bytes are limited. A lease
//! counts as [`LEASE`] plus the bytes that were read from its client. All leases without a connection together may have
//! [`MEMORY`] bytes; a lease that would exceed this sum is rejected. The pool continues to read the streams of waiting
//! leases only while all leases without a connection together have fewer bytes than [`GROWTH`], so that long statements
//! leave memory for a thousand leases, each with its first read. Copies in JavaScript and the unused parts of buffers
//! are not counted. In the worst case, the copies and the unused parts take three times as much memory as the counted
//! bytes; the total still fits into the object's memory.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::server::Server;
use crate::config::Config;
use crate::connector::Connector;
use crate::error::{Error, Kind};
use crate::millis::Millis;

/// The limits of a pool. For each limit, the method of [`Pool`](super::Pool) with the same name documents the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) max_connections: usize,
    pub(super) max_waiting: usize,
    pub(super) max_age: Millis,
    pub(super) max_idle: Millis,
    pub(super) max_pause: Millis,
}

pub(super) struct Connections {
    /// The pool's own connector, for its clock and its settings.
    pub(super) connector: Connector,
    /// The configuration of new connections.
    login: Mutex<LoginConfig>,
    pub(super) limits: PoolLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Idle connections; the most recently lent connection is at the end.
    idle: Vec<Server>,
    /// The number of open connections: idle and lent.
    open: usize,
    waiting: VecDeque<Waiting>,
    next: u64,
    /// Whether a task runs [`sweep`](Connections::sweep).
    swept: bool,
    /// The number of bytes of all leases without a connection: leases that wait for a connection, and ended leases
    /// whose client still reads the answer.
    held: usize,
}

struct LoginConfig {
    connector: Arc<Connector>,
    /// Whether the server or the provider of credentials rejected this configuration.
    denied: bool,
}

struct Waiting {
    ticket: u64,
    waker: Waker,
}

/// The maximum number of bytes that all leases without a connection may have together.
pub(super) const MEMORY: usize = 24 << 20;

/// The pool continues to read the streams of waiting leases while all leases without a connection have fewer bytes than
/// this.
const GROWTH: usize = MEMORY / 3;

/// The number of bytes that are counted for the streams, the buffers and the task of each lease, in addition to the
/// bytes that the lease has sent.
pub(super) const LEASE: usize = 12 << 10;

/// The maximum random shift of a connection's retirement, so that not all connections are replaced at once.
const JITTER: Millis = 120_000;

impl Connections {
    pub(super) fn new(connector: Connector, limits: PoolLimits) -> Arc<Self> {
        let login = Mutex::new(LoginConfig { connector: Arc::new(connector.clone()), denied: false });
        Arc::new(Connections { connector, login, limits, state: Mutex::default() })
    }

    /// The configuration of new connections.
    pub(super) fn login(&self) -> Arc<Connector> {
        lock(&self.login).connector.clone()
    }

    /// Records that the credentials were rejected, if the error of a failed login shows this.
    pub(super) fn note_failed_login(&self, error: &Error) {
        if error.is_access_denied() || matches!(error.kind(), Kind::Credentials(_)) {
            lock(&self.login).denied = true;
        }
    }

    /// Whether the credentials were rejected, so that they should be read again.
    pub(super) fn is_denied(&self) -> bool {
        lock(&self.login).denied
    }

    /// Sets the configuration of new connections.
    pub(super) fn renew(&self, config: Config) {
        let connector = Connector::new(config, self.connector.environment.clone());
        *lock(&self.login) = LoginConfig { connector: Arc::new(connector), denied: false };
    }

    /// Counts the bytes of a lease without a connection. Returns `None` if all counted bytes together would exceed
    /// [`MEMORY`].
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let mut state = self.state();
        let bytes = LEASE.saturating_add(bytes);
        if state.held.saturating_add(bytes) > MEMORY {
            return None;
        }
        state.held += bytes;
        Some(Held { pool: self.clone(), bytes })
    }

    /// Returns the time at which a connection that is opened now must retire.
    pub(super) fn retirement(&self) -> Millis {
        let now = self.connector.now();
        let jitter = JITTER.min(self.limits.max_age / 10);
        let chosen = self.connector.environment.random() % (2 * jitter + 1);
        let earliest = now.saturating_add(self.limits.max_age).saturating_sub(jitter);
        earliest.saturating_add(chosen)
    }

    /// Closes connections that are old or were idle for long. The function ends when no connection is idle.
    pub(super) async fn sweep(self: Arc<Self>) {
        loop {
            let now = self.connector.now();
            let next = {
                let mut state = self.state();
                let until = |server: &Server| server.idle_until(self.limits.max_idle);
                let before = state.idle.len();
                state.idle.retain(|server| until(server) > now);
                state.open -= before - state.idle.len();
                state.wake_first();
                let next = state.idle.iter().map(until).min();
                if next.is_none() {
                    state.swept = false;
                }
                next
            };
            let Some(next) = next else { return };
            self.connector.sleep(next.saturating_sub(now).max(1)).await;
        }
    }

    /// Returns `true` if a connection is idle and no task runs [`sweep`](Connections::sweep) yet: the caller must then
    /// run it.
    pub(super) fn needs_sweeping(&self) -> bool {
        let mut state = self.state();
        !state.idle.is_empty() && !core::mem::replace(&mut state.swept, true)
    }

    /// The numbers of open connections and of waiting clients.
    #[cfg(test)]
    pub(super) fn census(&self) -> (usize, usize) {
        let state = self.state();
        (state.open, state.waiting.len())
    }

    /// Returns the error for a lease that cannot wait, because `waiting` leases wait already, or because all leases
    /// without a connection have [`MEMORY`] bytes.
    pub(super) fn overloaded(&self, waiting: usize) -> Error {
        let connections = self.limits.max_connections;
        let text = format!(
            "{waiting} flights already wait for the {connections} connections of this pool: use more connections, more \
             shards, or shorter transactions"
        );
        Error::new(Kind::Overloaded(text.into()))
    }

    /// The number of waiting clients.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// The bytes of leases that have no connection.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.state().held
    }

    fn give_back(&self, server: Option<Server>) {
        let mut server = server;
        let reusable = server.as_mut().is_some_and(Server::end_lease);
        let mut state = self.state();
        match server {
            Some(mut server) if reusable => {
                server.note_tls(&self.connector);
                server.idle_since = self.connector.now();
                state.idle.push(server);
            }
            _ if seeded!(CountsClosedConnection) => {}
            _ => state.open -= 1,
        }
        state.wake_first();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while the lock is held. Even after a panic, the guarded value would still be valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counted bytes of a lease without a connection. Dropping this value subtracts the bytes.
pub(super) struct Held {
    pool: Arc<Connections>,
    bytes: usize,
}

impl Held {
    /// Sets the number of bytes that the lease keeps in memory. Returns whether the lease may read more bytes.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        let mut state = self.pool.state();
        state.held -= self.bytes;
        self.bytes = LEASE.saturating_add(bytes);
        state.held += self.bytes;
        state.held < GROWTH
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.state().held -= self.bytes;
    }
}

impl State {
    fn wake_first(&self) {
        if let Some(first) = self.waiting.front() {
            first.waker.wake_by_ref();
        }
    }

    /// Returns an idle connection that is alive, or `Some(None)`: the right to open a connection. Returns `None` if all
    /// connections are lent.
    fn take(
        &mut self,
        pool: &Connections,
        search_path: &str,
        context: &mut Context<'_>,
    ) -> Option<Option<Server>> {
        let now = pool.connector.now();
        while let Some(at) = self.idle.iter().rposition(|server| server.search_path == search_path) {
            let mut server = self.idle.remove(at);
            if server.idle_until(pool.limits.max_idle) > now && server.poll_alive(context) {
                return Some(Some(server));
            }
            // `Rule::StaleConnection`: no byte of the flight was sent on this connection, so another connection
            // replaces it.
            self.open -= 1;
        }
        if self.open < pool.limits.max_connections {
            self.open += 1;
            return Some(None);
        }
        // An idle connection with another search_path is closed, so that a connection with this search_path can be
        // opened.
        (!self.idle.is_empty()).then(|| {
            drop(self.idle.remove(0));
            None
        })
    }
}

/// The position of a client in the queue, which the client may not have joined yet. Dropping this value removes the
/// client from the queue.
pub(super) struct Turn {
    pool: Arc<Connections>,
    ticket: Option<u64>,
}

impl Turn {
    pub(super) fn new(pool: &Arc<Connections>) -> Self {
        Turn { pool: pool.clone(), ticket: None }
    }

    /// Returns a connection, or the right to open one, when it is this client's turn. Returns an error if too many
    /// clients already wait.
    pub(super) fn poll(&mut self, search_path: &str, context: &mut Context<'_>) -> Poll<Result<Lent, Error>> {
        let mut state = self.pool.state();
        let first = state.waiting.front().map(|waiting| waiting.ticket);
        // A later client never overtakes an earlier one.
        if first == self.ticket
            && let Some(server) = state.take(&self.pool, search_path, context)
        {
            if self.ticket.take().is_some() {
                state.waiting.pop_front();
            }
            // There may also be a connection for the next client in the queue, so the next client is woken.
            state.wake_first();
            return Poll::Ready(Ok(Lent { pool: self.pool.clone(), server }));
        }
        match self.ticket {
            Some(ticket) => {
                if let Some(own) = state.waiting.iter_mut().find(|waiting| waiting.ticket == ticket) {
                    own.waker.clone_from(context.waker());
                }
            }
            None if state.waiting.len() >= self.pool.limits.max_waiting => {
                return Poll::Ready(Err(self.pool.overloaded(state.waiting.len())));
            }
            None => {
                state.next += 1;
                let ticket = state.next;
                self.ticket = Some(ticket);
                state.waiting.push_back(Waiting { ticket, waker: context.waker().clone() });
            }
        }
        Poll::Pending
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket
            && !seeded!(KeepsTicketOfLeftClient)
        {
            let mut state = self.pool.state();
            state.waiting.retain(|waiting| waiting.ticket != ticket);
            state.wake_first();
        }
    }
}

/// A connection that is lent, or the right to open one.
pub(super) struct Lent {
    pool: Arc<Connections>,
    pub(super) server: Option<Server>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give_back(self.server.take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::credentials::Credentials;
    use crate::transport::Environment;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A client, and the number of times it was woken.
    struct Client {
        turn: Turn,
        woken: Arc<Woken>,
    }

    impl Client {
        fn of(pool: &Arc<Connections>) -> Self {
            Client { turn: Turn::new(pool), woken: Arc::default() }
        }

        fn ask(&mut self) -> Poll<Result<Lent, Error>> {
            let waker = Waker::from(self.woken.clone());
            self.turn.poll("", &mut Context::from_waker(&waker))
        }

        fn woken(&self) -> bool {
            self.woken.0.swap(0, Ordering::Relaxed) > 0
        }
    }

    fn pool(connections: usize, waiting: usize) -> Arc<Connections> {
        let config = Config::local("localhost", "us-east-1", Credentials::new("id", "key")).unwrap();
        let limits = PoolLimits {
            max_connections: connections,
            max_waiting: waiting,
            max_age: 3_300_000,
            max_idle: 600_000,
            max_pause: 3_300_000,
        };
        Connections::new(Connector::new(config, Environment::default()), limits)
    }

    fn lent(polled: Poll<Result<Lent, Error>>) -> Lent {
        match polled {
            Poll::Ready(Ok(lent)) => lent,
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => panic!("no client has a turn"),
        }
    }

    #[test]
    fn clients_are_served_in_order_without_those_that_left() {
        let pool = pool(2, 3);
        let mut clients: Vec<Client> = (0..6).map(|_| Client::of(&pool)).collect();
        let first = lent(clients[0].ask());
        let second = lent(clients[1].ask());
        assert!(clients[2..5].iter_mut().all(|client| client.ask().is_pending()));
        let Poll::Ready(Err(full)) = clients[5].ask() else { panic!("three wait already") };
        assert!(full.is_overloaded());

        // Only the client at the front of the queue is woken, and only that client gets the connection.
        drop(first);
        assert!(clients[2].woken() && !clients[3].woken() && !clients[4].woken());
        assert!(clients[4].ask().is_pending() && clients[3].ask().is_pending());
        let third = lent(clients[2].ask());
        assert!(clients[3].woken());
        assert!(clients[3].ask().is_pending(), "both are lent");

        // A later client does not overtake, even if a connection is free.
        drop(second);
        assert!(clients[3].woken());
        let mut later = Client::of(&pool);
        assert!(later.ask().is_pending());
        // The next client leaves although it has the turn.
        drop(clients.remove(3));
        assert!(clients[3].woken());
        let fourth = lent(clients[3].ask());
        assert!(later.ask().is_pending());
        drop((third, fourth));
        assert!(later.woken());
        drop(lent(later.ask()));
        assert_eq!(pool.census(), (0, 0));
    }
}
