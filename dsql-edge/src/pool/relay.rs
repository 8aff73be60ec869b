//! Serves one lease, from the client's request to the end of the lease.
//!
//! Input: a client that requests a lease. Output: nothing; at the end, the client has received its answers or an error,
//! and the connection is returned. Bytes are forwarded in both directions at once, because a server that cannot send
//! its answers stops reading. The pool never sends anything a second time: only the client can decide to do so.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::sync::Arc;

use super::connections::{Connections, Held, Lent, Turn};
use super::server::Server;
use super::visitor::{Gone, Visitor};
use crate::error::{Error, Kind};
use crate::lease::Report;
use crate::login;
use crate::login::failure::{self, ConnectionFailure};
use crate::millis::Millis;
use crate::retry::{PROBE_AFTER, Reached, Signal};
use crate::session::SessionFault;
use crate::transport::BoxFuture;
use crate::wire::Malformed;
use crate::wire::lease::{Ask, GRANTED_FRAME};

/// Serves a new client.
pub(super) async fn receive(pool: Arc<Connections>, mut visitor: Visitor) {
    match visitor.ask(greeting(&pool)).await {
        Ok(ask) => serve(pool, visitor, ask).await,
        Err(Malformed(reason)) => {
            let report = Report::nothing(Error::config(reason), Signal::Local);
            send_report(visitor, &report, greeting(&pool)).await;
        }
    }
}

/// Serves a client that has requested a lease, until the lease ends.
pub(super) async fn serve(pool: Arc<Connections>, visitor: Visitor, ask: Ask) {
    lease(&pool, visitor, ask).await;
    if pool.needs_sweeping() {
        pool.connector.environment.spawn(Box::pin(pool.clone().sweep()));
    }
}

async fn lease(pool: &Arc<Connections>, mut visitor: Visitor, ask: Ask) {
    let mut timer = pool.connector.sleep(ask.wait);
    let mut lent = match wait(pool, &mut visitor, &ask, &mut timer).await {
        Ok(lent) => lent,
        Err(NotLent::Gone) => return,
        Err(NotLent::Because(report)) => return send_report(visitor, &report, greeting(pool)).await,
    };
    if lent.server.is_none() {
        match open(pool, &ask, &mut timer).await {
            Ok(server) => lent.server = Some(server),
            Err(report) => {
                drop(lent);
                return send_report(visitor, &report, greeting(pool)).await;
            }
        }
    }
    let Some(server) = &mut lent.server else { return };
    if server.has_started() {
        visitor.outbox.extend_from_slice(&GRANTED_FRAME);
        timer = pool.connector.sleep(ask.limit);
    }
    let moved_at = pool.connector.now();
    let due = moved_at.saturating_add(ask.limit);
    let mut relay = Relay { pool, ask: &ask, visitor: &mut visitor, server, moved_at, due };
    let ended = poll_fn(|context| relay.poll(context, &mut timer)).await;
    let report = match ended {
        LeaseEnd::Well => None,
        // If answers are outstanding, dropping `lent` closes the connection; otherwise, the connection is lent again.
        LeaseEnd::Gone => return,
        LeaseEnd::Badly(report) => {
            lent.server.as_ref().is_some_and(Server::is_between_frames).then_some(report)
        }
    };
    if let Some(report) = &report {
        visitor.report(report);
    }
    let time = if report.is_some() { GREETING } else { ask.limit };
    // If the rest of the answer fits into the memory limit, the connection serves the next lease before this client has
    // read the rest.
    let held = pool.hold(visitor.outgoing());
    // If `held` is `None`, the connection is kept until the end of this function.
    let _kept_until_then = held.is_none().then_some(lent);
    visitor.finish(pool.connector.sleep(time)).await;
}

/// Sends a client the reason why it does not get a lease.
pub(super) async fn send_report(mut visitor: Visitor, report: &Report, timer: BoxFuture<()>) {
    visitor.report(report);
    visitor.finish(timer).await;
}

fn greeting(pool: &Connections) -> BoxFuture<()> {
    pool.connector.sleep(GREETING)
}

/// The time limit for a client to request a lease, or to read why it does not get one or why its lease has ended.
pub(super) const GREETING: Millis = 10_000;

enum NotLent {
    /// The client has left.
    Gone,
    Because(Report),
}

/// Waits in the queue until a connection is lent.
async fn wait(
    pool: &Arc<Connections>,
    visitor: &mut Visitor,
    ask: &Ask,
    timer: &mut BoxFuture<()>,
) -> Result<Lent, NotLent> {
    let mut turn = Turn::new(pool);
    let mut held: Option<Held> = None;
    poll_fn(|context| {
        if held.as_mut().is_some_and(|held| held.set(visitor.incoming()))
            && visitor.poll_read(context, ask.open) == Err(Gone)
        {
            return Poll::Ready(Err(NotLent::Gone));
        }
        match turn.poll(&ask.search_path, context) {
            Poll::Ready(Ok(lent)) => return Poll::Ready(Ok(lent)),
            Poll::Ready(Err(error)) => {
                return Poll::Ready(Err(NotLent::Because(Report::nothing(error, Signal::Lost))));
            }
            Poll::Pending => {}
        }
        if held.is_none() {
            held = pool.hold(visitor.incoming());
            if held.is_none() {
                let error = pool.overloaded(pool.waiting() - 1);
                return Poll::Ready(Err(NotLent::Because(Report::nothing(error, Signal::Lost))));
            }
            context.waker().wake_by_ref();
        } else if let Some(held) = &mut held {
            held.set(visitor.incoming());
        }
        timer.as_mut().poll(context).map(|()| {
            let text = "waiting for a connection of the pool (Config::connect_timeout): all are lent";
            // A timeout is never retried: the caller's deadline has passed.
            let report = Report::nothing(Error::new(Kind::Timeout(text.into())), Signal::Local);
            Err(NotLent::Because(report))
        })
    })
    .await
}

async fn open(pool: &Connections, ask: &Ask, timer: &mut BoxFuture<()>) -> Result<Server, Report> {
    let asked = Some(ask.search_path.as_str()).filter(|path| !path.is_empty());
    let connector = pool.login();
    let search_path = asked.or(connector.settings().search_path.as_deref());
    match login::open(&connector, search_path, ask.serially, timer).await {
        Ok(login) => Ok(Server::new(login, &ask.search_path, pool.retirement())),
        Err((error, signal)) => {
            pool.note_failed_login(&error);
            Err(Report::nothing(error, signal))
        }
    }
}

struct Relay<'r> {
    pool: &'r Connections,
    ask: &'r Ask,
    visitor: &'r mut Visitor,
    server: &'r mut Server,
    /// The time at which bytes were last forwarded.
    moved_at: Millis,
    /// The time at which the timer ends, once the connection is logged in.
    due: Millis,
}

enum LeaseEnd {
    Well,
    /// The client has left.
    Gone,
    Badly(Report),
}

impl Relay<'_> {
    fn poll(&mut self, context: &mut Context<'_>, timer: &mut BoxFuture<()>) -> Poll<LeaseEnd> {
        loop {
            let before = self.server.has_started();
            let moved = match self.advance(context) {
                Ok(moved) => moved,
                Err(ended) => return Poll::Ready(ended),
            };
            let now = self.pool.connector.now();
            if !before && self.server.has_started() {
                self.set_timer(timer, now, now.saturating_add(self.ask.limit));
            }
            if self.is_over() {
                return Poll::Ready(LeaseEnd::Well);
            }
            if moved {
                self.moved_at = now;
                continue;
            }
            // The limit applies to the time since bytes were last forwarded. The timer is set again only if it would
            // end too late, or has ended too early.
            let until = self.moved_at.saturating_add(self.patience());
            if until < self.due && self.server.has_started() {
                self.set_timer(timer, now, until);
            }
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if until <= self.pool.connector.now() || !self.server.has_started() {
                if !self.server.is_unproven() {
                    return Poll::Ready(LeaseEnd::Badly(self.impatient()));
                }
                self.server.probe();
                self.moved_at = now;
                self.set_timer(timer, now, now.saturating_add(self.ask.limit));
                continue;
            }
            self.set_timer(timer, now, until);
        }
    }

    fn set_timer(&mut self, timer: &mut BoxFuture<()>, now: Millis, until: Millis) {
        self.due = until;
        *timer = self.pool.connector.sleep(until.saturating_sub(now));
    }

    /// Forwards the bytes that can be forwarded now.
    fn advance(&mut self, context: &mut Context<'_>) -> Result<bool, LeaseEnd> {
        let mut moved = self.visitor.poll_read(context, self.ask.open).map_err(|Gone| LeaseEnd::Gone)?;
        // The client marks a connection as spent before it sends the bytes that change the session, so the mark is read
        // before these bytes are forwarded.
        self.server.spent |= self.visitor.spent;
        if self.server.is_free()
            && let Some(part) = self.visitor.take()
        {
            moved = true;
            self.server.send(part).map_err(|Malformed(reason)| {
                self.failed(ConnectionFailure::Session(SessionFault::Malformed(reason)))
            })?;
        }
        moved |= self.server.poll_write(context);
        while self.visitor.has_room() {
            match self.server.poll_read(context, &mut self.visitor.outbox) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => moved = true,
                Poll::Ready(Err(failure)) => return Err(self.failed(failure)),
            }
        }
        // Sends the next messages of the login, or the statements that waited for the end of the login.
        moved |= self.server.poll_write(context);
        Ok(self.visitor.poll_write(context).map_err(|Gone| LeaseEnd::Gone)? || moved)
    }

    /// Whether the lease has ended: a whole flight is answered, and no transaction continues.
    fn is_over(&self) -> bool {
        let rests = self.server.is_settled() && !self.visitor.is_waiting();
        let flown = self.server.has_flown();
        rests && flown && (self.server.is_out_of_transaction() || !self.ask.open)
    }

    fn failed(&self, failure: ConnectionFailure) -> LeaseEnd {
        let whole = self.pool.login();
        let connector = self.server.region.connector(&whole);
        let (error, signal, _) = failure::explain(self.server.progress(), connector, failure);
        self.pool.note_failed_login(&error);
        LeaseEnd::Badly(Report { reached: self.server.reached(), signal, error })
    }

    /// The longest time in which no bytes are forwarded: the limit is `limit` while the server must answer, and
    /// `max_pause` while the client must send. `max_pause` is a separate limit, because other clients may wait for the
    /// connection while this client sends nothing. If the flight was sent with the login and no part of it is answered
    /// yet, the limit is [`PROBE_AFTER`].
    fn patience(&self) -> Millis {
        if self.server.is_settled() {
            self.pool.limits.max_pause
        } else if self.awaits_rest() {
            self.pool.limits.max_pause.min(self.ask.limit)
        } else if self.server.is_unproven() {
            PROBE_AFTER.min(self.ask.limit)
        } else {
            self.ask.limit
        }
    }

    /// Whether the flight is incomplete and the server already has all bytes that have arrived, so that the client must
    /// send more bytes.
    fn awaits_rest(&self) -> bool {
        self.server.is_midway() && self.server.is_free() && !self.visitor.is_waiting()
    }

    fn impatient(&self) -> Report {
        if !self.server.has_started() {
            let reached = self.server.reached();
            return Report {
                reached,
                signal: Signal::Timeout,
                error: failure::connect_timeout(&self.pool.connector.config),
            };
        }
        if self.server.is_settled() {
            let text =
                "between two statements of a transaction: the pool has rolled it back to free its connection";
            return Report::nothing(Error::new(Kind::Timeout(text.into())), Signal::Answered);
        }
        let text = if self.awaits_rest() {
            "waiting in the pool for the rest of the client's query"
        } else {
            "waiting for the server in the pool (Config::query_timeout)"
        };
        let error = Error::new(Kind::Timeout(text.into()));
        Report { reached: Reached::Session, signal: Signal::Timeout, error }
    }
}
