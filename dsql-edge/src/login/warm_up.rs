//! Opens a connection in the background, before a query needs it.
//!
//! Input: a [`Connector`]. Output: a [`LoginAttempt`] for the first query that takes it. A background task polls the
//! attempt (TCP, SSLRequest, TLS, and the token, with a request to STS if one is needed), then watches the connection.
//!
//! The login to a DSQL cluster is not sent in the background: it is sent together with the first flight, without an
//! additional round trip. So a warm-up that is not used does not open a session in the cluster, and the first query
//! still chooses the session's `search_path`. The login to another PostgreSQL takes additional round trips, so it is
//! completed in the background, with `Config::search_path`. If the first query needs another `search_path`, the query
//! opens a connection, as without a warm-up. Whatever happens in the background, no part of a query was sent.
//!
//! # The states
//!
//! | the attempt | the query that takes the attempt |
//! |---|---|
//! | is still connecting | continues to poll the attempt, with the query's own time limit |
//! | is connected | sends the login and its flight |
//! | is logging in, or has logged in (a PostgreSQL) | continues the login, then sends its flight |
//! | has failed, and another attempt would fail in the same way (TLS, credentials, a rejected password) | returns that error |
//! | has failed for another reason, or the server has closed the connection | opens a connection, as without a warm-up |
//! | is older than [`LIFE`], and was therefore ended | opens a connection, as without a warm-up |
//!
//! A failure does not count as an attempt of the query, because nothing of the query was sent. A dead idle connection
//! that the lender replaces (`client/lender.rs`) does not count either; a retry by `Rule::StaleConnection` does.
//!
//! # Invariants
//!
//! - The attempt has one owner: the slot, until a query takes the attempt. So two queries cannot get the same
//!   connection.
//! - The task ends after a failure or the time limit, or when it finds the slot empty: a query has taken the attempt,
//!   or the [`WarmUp`] is dropped. Both wake the task.
//! - On Workers, the task and its timer belong to the request that started them. Another request wakes the task only by
//!   dropping the `WarmUp`. The task then finds an empty slot, and does not use a socket.
//!
//! # The rejected design
//!
//! Instead of a background task, the `Dsql` could hold a [`BoxFuture`] that the first query awaits. But such a future
//! makes no progress while the Worker awaits something else. On Workers the socket would be opened, but the answer to
//! SSLRequest would stay unread, so the query would still wait for TLS.

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Ahead, LoginAttempt};
use crate::connector::Connector;
use crate::millis::Millis;
use crate::transport::BoxFuture;

/// The time, in milliseconds, after which a connection that no query has taken is closed. The token is valid for a
/// minute, and PostgreSQL ends a connection without a login after a minute (`authentication_timeout`): half a minute
/// leaves time for the login, and for clocks that differ.
const LIFE: Millis = 30_000;

/// A connection that is opened in the background. Dropping this value closes the connection.
pub(crate) struct WarmUp {
    slot: Arc<Mutex<Slot>>,
    began: Millis,
}

struct Slot {
    attempt: Option<Box<LoginAttempt<'static>>>,
    /// The waker of the background task.
    waker: Option<Waker>,
}

impl WarmUp {
    /// Begins to open a connection.
    pub(crate) fn start(connector: &Connector) -> Self {
        let connector = Arc::new(connector.clone());
        let attempt = Some(Box::new(LoginAttempt::shared(&connector)));
        let slot = Arc::new(Mutex::new(Slot { attempt, waker: None }));
        let began = connector.now();
        let mut task =
            Task { slot: slot.clone(), connector: connector.clone(), began, over: None, is_open: false };
        connector.environment.spawn(Box::pin(poll_fn(move |context| task.poll(context))));
        WarmUp { slot, began }
    }

    /// Empties the slot, and lets the background task end.
    fn empty(&self) -> Option<Box<LoginAttempt<'static>>> {
        let mut slot = lock(&self.slot);
        let (attempt, waker) = (slot.attempt.take(), slot.waker.take());
        drop(slot);
        waker.into_iter().for_each(Waker::wake);
        attempt
    }
}

impl Ahead for WarmUp {
    fn take(
        self: Box<Self>,
        context: &mut Context<'_>,
        connector: &Connector,
    ) -> Option<Box<LoginAttempt<'static>>> {
        let mut attempt = self.empty()?;
        // The task, which ends an attempt that is too old, may not have run in time.
        if connector.now().saturating_sub(self.began) > LIFE {
            return None;
        }
        attempt.forget_round_trips();
        match attempt.settle(context, connector) {
            Ok(()) => Some(attempt),
            Err(failure) => LoginAttempt::failed(failure),
        }
    }
}

impl Drop for WarmUp {
    fn drop(&mut self) {
        drop(self.empty());
    }
}

/// The background task.
struct Task {
    slot: Arc<Mutex<Slot>>,
    connector: Arc<Connector>,
    began: Millis,
    /// The timer that ends the attempt: first the time limit for connecting, then the rest of [`LIFE`]. The timer is
    /// made when the task first runs, because a timer needs a runtime.
    over: Option<BoxFuture<()>>,
    is_open: bool,
}

impl Task {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut slot = lock(&self.slot);
        let Some(attempt) = &mut slot.attempt else { return Poll::Ready(()) };
        if let Err(failure) = attempt.settle(context, &self.connector) {
            slot.attempt = LoginAttempt::failed(failure);
            return Poll::Ready(());
        }
        if attempt.is_open() && !core::mem::replace(&mut self.is_open, true) {
            let age = self.connector.now().saturating_sub(self.began);
            self.over = Some(self.connector.sleep(LIFE.saturating_sub(age)));
        }
        let first = || self.connector.sleep(self.connector.settings().connect_timeout.min(LIFE));
        if self.over.get_or_insert_with(first).as_mut().poll(context).is_ready() {
            slot.attempt = None;
            return Poll::Ready(());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    // No code panics while the lock is held. Even after a panic, the attempt would still be valid.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
