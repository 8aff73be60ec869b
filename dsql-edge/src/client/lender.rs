//! Lends the connections of a [`Dsql`](crate::Dsql) or a [`Session`](crate::Session).
//!
//! Input: a request for a connection. Output: a [`Loan`]: an idle connection, or the right to open one, or, within a
//! transaction, the transaction's own connection. Whenever a loan ends, the connection is returned if another flight
//! can use it, and the waiting tasks are woken. The only message that this module sends is the ROLLBACK of a
//! transaction that ended.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::flight::TransactionStart;
use crate::client::link::{FlightFailure, Link};
use crate::connector::Connector;
use crate::error::{Error, FAILED, FAILED_WITH, Kind, OUTLIVED};
use crate::login::{Ahead, LoginAttempt, WarmUp};
use crate::retry::{Budget, FailureFacts, Payload, Reached, Signal};
use crate::transport::{BoxFuture, IoContext};

/// A set of connections, and the transactions that hold some of the connections.
pub(super) struct Lender {
    pub(super) connector: Connector,
    made_in: IoContext,
    /// The budget that all queries on these connections share for their retries.
    pub(super) budget: Budget,
    /// Whether the lender belongs to a session, which has one connection and never opens a second one.
    single: bool,
    /// Whether every new connection sends the password only after the server has requested it. Set once the server has
    /// rejected a login whose password was sent before the server requested it.
    serially: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    #[allow(clippy::vec_box, reason = "a loan takes the box, and does not move the link")]
    idle: Vec<Box<Link>>,
    /// The number of open connections: idle connections, lent connections, and connections of transactions.
    open: usize,
    /// The connection that is opened before a query needs it. It counts as open.
    ahead: Option<Box<dyn Ahead>>,
    /// Whether the lender belongs to a session and the session's connection is lost.
    gone: bool,
    waiting: Vec<Waker>,
    transactions: Vec<Open>,
    next: u64,
}

/// A transaction that has not ended.
struct Open {
    id: u64,
    link: Option<Box<Link>>,
    /// Whether a statement or a stream of this transaction currently holds the connection.
    lent: bool,
    /// The statements to send before the transaction's first statement; `None` once the server has executed that
    /// statement.
    start: Option<TransactionStart>,
    /// The first failure in the transaction, which ended the transaction.
    failure: Option<FlightFailure>,
}

/// The number of retries that a [`Lender`] may make at once, in addition to one retry for every ten queries.
const RETRIES: u32 = 20;

impl Lender {
    pub(super) fn new(connector: Connector, single: bool) -> Self {
        Lender {
            connector,
            made_in: IoContext::current(),
            budget: Budget::of(RETRIES),
            single,
            serially: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(super) fn logs_in_serially(&self) -> bool {
        self.serially.load(Ordering::Relaxed)
    }

    pub(super) fn log_in_serially(&self) {
        self.serially.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_of_this_request(&self) -> bool {
        self.made_in.is_current()
    }

    /// Waits for an idle connection, or for the right to open a connection, and returns whichever is available first.
    /// `search_path` is the setting that the statements were compiled for, if any statement is checked against a
    /// snapshot.
    pub(super) async fn borrow(
        &self,
        search_path: Option<&'static str>,
        timer: &mut BoxFuture<()>,
    ) -> Result<Loan<'_>, Error> {
        poll_fn(|context| self.poll_borrow(context, search_path, timer)).await
    }

    pub(super) fn poll_borrow(
        &self,
        context: &mut Context<'_>,
        search_path: Option<&'static str>,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Loan<'_>, Error>> {
        if !self.is_of_this_request() {
            return Poll::Ready(Err(Error::new(Kind::OtherRequest)));
        }
        let mut state = self.state();
        // A session has one connection, which is lent for any search_path: the flight checks the search_path.
        let suits = |link: &Link| {
            self.single || search_path.is_none_or(|path| link.looks_up_in(&self.connector, path))
        };
        while let Some(at) = state.idle.iter().rposition(|link| suits(link)) {
            let mut link = state.idle.swap_remove(at);
            if link.poll_alive(context) {
                return Poll::Ready(Ok(self.lend(Some(link), None)));
            }
            // `Rule::StaleConnection`: the idle connection is dead, and nothing was sent on it. Another connection
            // replaces the dead connection, except in a session.
            state.open -= 1;
            state.gone = self.single;
        }
        if state.gone {
            return Poll::Ready(Err(Error::new(Kind::Lost("this session's connection is lost".into()))));
        }
        if let Some(ahead) = state.ahead.take() {
            // If the connection that was opened early is dead, the loan is the right to open another one, as after a
            // dead idle connection.
            return Poll::Ready(Ok(self.lend(None, ahead.take(context, &self.connector))));
        }
        let most = if self.single { 1 } else { self.connector.settings().max_connections };
        // An idle connection with another search_path is closed, so that a new one can be opened.
        if state.open >= most && state.idle.pop().is_some() {
            state.open -= 1;
        }
        if state.open < most {
            state.open += 1;
            return Poll::Ready(Ok(self.lend(None, None)));
        }
        wait(&mut state, context);
        drop(state);
        timer.as_mut().poll(context).map(|()| {
            Err(Error::new(Kind::Timeout(
                "waiting for a connection: other queries hold all connections (Config::max_connections)"
                    .into(),
            )))
        })
    }

    /// Begins to open a connection before a query needs it, if a connection does not exist yet. Has no effect with a
    /// pool, or in another request.
    pub(super) fn warm_up(&self) {
        #[cfg(feature = "pool")]
        if self.connector.config.lessor.is_some() {
            return;
        }
        let mut state = self.state();
        if self.is_of_this_request() && state.open == 0 {
            state.open += 1;
            state.ahead = Some(Box::new(WarmUp::start(&self.connector)));
        }
    }

    fn lend<'l>(&'l self, link: Option<Box<Link>>, login: Option<Box<LoginAttempt<'l>>>) -> Loan<'l> {
        Loan { lender: self, link, login, of: None, counted: true }
    }

    /// Whether the connection of a session is lost; the session does not open another.
    pub(super) fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// Records a new transaction. The transaction has no connection until its first statement.
    fn open_transaction(&self, start: TransactionStart) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        state.transactions.push(Open { id, link: None, lent: false, start: Some(start), failure: None });
        id
    }

    /// Returns the connection of a transaction for its next statement. Before the first statement, the transaction has
    /// no connection, and [`borrow`](Lender::borrow) returns one. Statements of a transaction run one after the other.
    pub(super) async fn borrow_in(
        &self,
        id: u64,
        search_path: Option<&'static str>,
        timer: &mut BoxFuture<()>,
    ) -> Result<Loan<'_>, Error> {
        let own = poll_fn(|context| {
            if !self.is_of_this_request() {
                return Poll::Ready(Err(Error::new(Kind::OtherRequest)));
            }
            let mut state = self.state();
            let Some(open) = state.transactions.iter_mut().find(|open| open.id == id) else {
                return Poll::Ready(Err(Error::new(Kind::TransactionOver(OUTLIVED.into()))));
            };
            // A transaction that has begun cannot continue on another connection.
            let is_lost = open.start.is_none() && open.link.is_none() && !open.lent;
            if open.failure.is_some() || (is_lost && !seeded!(ForgetsLostTransaction)) {
                return Poll::Ready(Err(Error::new(Kind::TransactionOver(why_over(open.failure.as_ref())))));
            }
            if open.lent {
                wait(&mut state, context);
                drop(state);
                return timer.as_mut().poll(context).map(|()| {
                    Err(Error::new(Kind::Timeout(
                        "waiting for another statement or stream of the same transaction to end".into(),
                    )))
                });
            }
            open.lent = true;
            let link = open.link.take();
            let counted = link.is_some();
            let mut own = self.lend(link, None);
            (own.of, own.counted) = (Owner::of(id), counted);
            Poll::Ready(Ok(own))
        });
        let mut own = own.await?;
        if own.link.is_some() {
            return Ok(own);
        }
        let mut loan = self.borrow(search_path, timer).await?;
        // `loan` replaces `own` as the loan of the transaction, so only the end of `loan` returns a connection to the
        // transaction.
        own.of = None;
        loan.of = Owner::of(id);
        Ok(loan)
    }

    /// The statements to send before the next statement of the transaction; `None` once the transaction has begun.
    pub(super) fn start_of(&self, id: u64) -> Option<TransactionStart> {
        self.state().transactions.iter().find(|open| open.id == id)?.start.clone()
    }

    pub(super) fn set_begun(&self, id: u64) {
        if let Some(open) = self.state().transactions.iter_mut().find(|open| open.id == id) {
            open.start = None;
        }
    }

    /// Moves the connection of the transaction `from` to the transaction `to`.
    pub(super) fn hand_over(&self, from: u64, to: u64) {
        let mut state = self.state();
        let link =
            state.transactions.iter_mut().find(|open| open.id == from).and_then(|open| open.link.take());
        if let Some(open) = state.transactions.iter_mut().find(|open| open.id == to) {
            open.link = link;
        }
    }

    /// Whether the transaction's connection is a lease of a pool.
    pub(super) fn is_leased(&self, id: u64) -> bool {
        let state = self.state();
        let link = state.transactions.iter().find(|open| open.id == id).and_then(|open| open.link.as_ref());
        link.is_some_and(|link| link.is_leased())
    }

    /// Whether a statement of the transaction is running, or a stream of it is open.
    pub(super) fn is_lent(&self, id: u64) -> bool {
        self.state().transactions.iter().any(|open| open.id == id && open.lent)
    }

    /// Records the failure of the transaction, so that it counts even if the closure ignores the error.
    pub(super) fn set_failure(&self, id: u64, failure: &FlightFailure) {
        if let Some(open) = self.state().transactions.iter_mut().find(|open| open.id == id) {
            let FlightFailure { error, facts, key_taken } = failure;
            let (error, facts, key_taken) = (error.again(), *facts, *key_taken);
            open.failure.get_or_insert(FlightFailure { error, facts, key_taken });
        }
    }

    pub(super) fn has_failed(&self, id: u64) -> bool {
        self.state().transactions.iter().any(|open| open.id == id && open.failure.is_some())
    }

    pub(super) fn take_failure(&self, id: u64) -> Option<FlightFailure> {
        self.state().transactions.iter_mut().find(|open| open.id == id)?.failure.take()
    }

    /// Ends the transaction. If `kept`, the connection is kept, after a ROLLBACK if the transaction needs one;
    /// otherwise the connection is closed.
    fn close_transaction(&self, id: u64, kept: bool) {
        let mut state = self.state();
        let Some(at) = state.transactions.iter().position(|open| open.id == id) else { return };
        let Some(mut link) = state.transactions.swap_remove(at).link else { return };
        if kept && !link.is_idle() {
            link.roll_back();
        }
        self.take_back(&mut state, Some(link), kept);
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn take_back(&self, state: &mut State, link: Option<Box<Link>>, kept: bool) {
        match link {
            Some(link) if kept && link.is_idle() => state.idle.push(link),
            link => {
                state.open -= 1;
                // If a connection failed before the end of its login, the session can open another one.
                state.gone |= self.single && link.is_some_and(|link| link.has_started());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while the lock is held. Even after a panic, the list of connections would still be valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open transaction. Dropping this value closes the connection of the transaction.
pub(super) struct OpenTransaction<'l> {
    pub(super) lender: &'l Lender,
    pub(super) id: u64,
}

impl<'l> OpenTransaction<'l> {
    pub(super) fn begin(lender: &'l Lender, start: TransactionStart) -> Self {
        OpenTransaction { lender, id: lender.open_transaction(start) }
    }

    /// Ends the transaction and keeps its connection for others, after a ROLLBACK if one is needed.
    pub(super) fn close(self) {
        self.lender.close_transaction(self.id, true);
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        self.lender.close_transaction(self.id, false);
    }
}

fn wait(state: &mut State, context: &Context<'_>) {
    if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
        state.waiting.push(context.waker().clone());
    }
}

/// A connection that is lent, or the right to open one.
pub(super) struct Loan<'l> {
    lender: &'l Lender,
    pub(super) link: Option<Box<Link>>,
    /// The connection that is being opened, or that was opened before the query needed it.
    pub(super) login: Option<Box<LoginAttempt<'l>>>,
    /// The transaction that the connection belongs to.
    of: Option<Owner>,
    /// Whether the connection is included in the number of open connections.
    counted: bool,
}

/// The transaction of a loan. `give_back` is a function pointer, so that a Worker without transactions does not link
/// that function.
#[derive(Clone, Copy)]
struct Owner {
    id: u64,
    give_back: fn(&mut Loan<'_>, &mut State, u64),
}

impl Owner {
    fn of(id: u64) -> Option<Self> {
        Some(Owner { id, give_back: |loan, state, id| loan.back_to_transaction(state, id) })
    }
}

impl Loan<'_> {
    /// Returns a settled connection to the transaction.
    fn back_to_transaction(&mut self, state: &mut State, id: u64) {
        let Some(open) = state.transactions.iter_mut().find(|open| open.id == id) else { return };
        open.lent = false;
        match self.link.take_if(|link| link.is_settled()) {
            Some(settled) => {
                open.link = Some(settled);
                self.counted = false;
            }
            // A flight was dropped before its answer was complete. The outcome of the flight is not known, and the
            // transaction cannot continue on another connection.
            None if self.link.as_ref().is_some_and(|link| link.is_flying()) => {
                open.failure.get_or_insert_with(abandoned);
            }
            // The transaction has begun, and its connection has ended after the last answer.
            None if open.start.is_none() && !seeded!(ForgetsLostTransaction) => {
                open.failure.get_or_insert_with(ended);
            }
            // The loan did not open a connection, or did not send a statement of the transaction on it: nothing is
            // lost.
            None => {}
        }
    }
}

impl Drop for Loan<'_> {
    // Not inlined, so that the code is not repeated wherever a loan ends.
    #[inline(never)]
    fn drop(&mut self) {
        let mut state = self.lender.state();
        if let Some(Owner { id, give_back }) = self.of {
            give_back(self, &mut state, id);
        }
        if self.counted {
            let unused = self.link.as_ref().is_some_and(|link| !link.is_flying());
            self.lender.take_back(&mut state, self.link.take(), self.of.is_none() || unused);
        }
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The reason why a transaction with this failure, or with a lost connection, is over.
fn why_over(failure: Option<&FlightFailure>) -> Cow<'static, str> {
    match failure.and_then(|failure| failure.error.sqlstate()) {
        Some(state) => [FAILED_WITH, state.as_str()].concat().into(),
        None => FAILED.into(),
    }
}

/// The failure of a flight whose future was dropped.
fn abandoned() -> FlightFailure {
    failure(Error::new(Kind::TransactionOver(FAILED.into())), Signal::Protocol)
}

/// The failure of a transaction whose connection ended between two statements.
fn ended() -> FlightFailure {
    failure(Error::new(Kind::Lost("the transaction's connection ended".into())), Signal::Lost)
}

fn failure(error: Error, signal: Signal) -> FlightFailure {
    let (reached, payload) = (Reached::Session, Payload::Transaction);
    FlightFailure { error, facts: FailureFacts { reached, payload, signal, kept: false }, key_taken: false }
}
