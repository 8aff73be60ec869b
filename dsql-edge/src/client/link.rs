//! Drives one connection: connects the session's state machine with a transport and the timer.
//!
//! Input: a flight. Output: the rows of the flight, or its failure: the error, and the facts by which `retry.rs`
//! decides about a retry. A link reads while it writes, because a server that cannot send its answers stops reading.
//!
//! Invariant: a link whose flight was dropped before its answer was complete is never used again; it is neither
//! [idle](Link::is_idle) nor [settled](Link::is_settled).

use core::ops::ControlFlow;
use core::task::{Context, Poll, ready};

use crate::client::answer::{Answer, FlightEnd};
use crate::client::flight::{Flight, Step, write_rollback};
#[cfg(feature = "pool")]
use crate::client::lease_request;
use crate::connector::{Connector, Region};
use crate::direct_tls::DirectTls;
use crate::error::{Error, Kind};
use crate::login::failure::{self, ConnectionFailure, LoginProgress};
use crate::login::{LoginAttempt, TlsStart};
use crate::retry::{FailureFacts, PROBE_AFTER, Payload, Reached, Signal};
use crate::session::{Connection, SessionEvent, SessionFault, Status};
use crate::transport::{BoxFuture, Transport, TransportError};
use crate::wire::frontend;

/// A connection, from TCP on.
pub(super) struct Link {
    transport: Box<dyn Transport>,
    connection: Connection,
    /// Whether the transport has bytes that it has not written yet.
    writing: bool,
    /// The error that ended the writing. The server's last messages are still read.
    write_error: Option<TransportError>,
    /// Whether the login has ended.
    started: bool,
    /// Whether the password was sent before the server requested it.
    pipelined: bool,
    tls: TlsStart,
    /// Set if the endpoint did not accept direct TLS, so that this connection was opened with SSLRequest.
    fell_back: Option<DirectTls>,
    region: Region,
    /// Whether a flight was answered on this connection.
    #[cfg(feature = "multi-region")]
    has_answered: bool,
    /// Whether the connection is a lease of a pool, for this flight or this transaction only.
    leased: bool,
    /// The point that the flight had reached before the failure, if a pool has reported this point.
    reached: Option<Reached>,
    /// Whether ROLLBACK has been sent and its answer has not been read. That answer is read before the answer to the
    /// next flight.
    rolling_back: bool,
    /// Whether a flight was sent whose answer is not complete: the flight is running, or was dropped or lost.
    flying: bool,
    /// Whether the flight was sent with the login, and the timer is set for the probe (`Connection::probe`).
    on_trial: bool,
    /// The search_path that the first query was compiled for.
    search_path: &'static str,
    read: Vec<u8>,
    /// The number of round trips: the round trips of dialing, and one more each time that the client sends bytes after
    /// it has received bytes.
    round_trips: u32,
    /// Whether the last transferred bytes came from the server; also true before any bytes were transferred.
    heard_last: bool,
}

/// How a flight ended.
pub(super) enum FlightOutcome {
    Completed,
    /// Everything was executed, but a returned row cannot be used.
    CompletedUnusable(Error),
    Failed(Box<FlightFailure>),
}

/// How a flight failed.
pub(super) struct FlightFailure {
    pub(super) error: Error,
    pub(super) facts: FailureFacts,
    /// Whether an earlier run committed the idempotency key.
    pub(super) key_taken: bool,
}

impl Link {
    /// Opens a connection, or requests a lease from the pool, for `flight`, the first flight. The login to a DSQL
    /// cluster is sent together with this flight, with one exception: until the endpoint has accepted direct TLS, a
    /// flight that commits is sent after the login. If `serially`, the password is sent only after the server has
    /// requested it.
    pub(super) fn poll_open<'c>(
        context: &mut Context<'_>,
        connector: &'c Connector,
        flight: &Flight<'_>,
        serially: bool,
        login: &mut Option<Box<LoginAttempt<'c>>>,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Box<Self>, (Error, Signal)>> {
        let search_path = flight.search_path().unwrap_or_default();
        let configured = connector.settings().search_path.as_deref();
        let sent = configured.or(Some(search_path).filter(|path| !path.is_empty()));
        #[cfg(feature = "pool")]
        if let Some(lessor) = connector.config.lessor.as_deref() {
            let connection =
                lease_request::ask(connector, lessor, flight, sent.unwrap_or_default(), serially)?;
            let transport = lessor.reach(flight.in_transaction).map_err(|error| (error, Signal::Local))?;
            let mut link = Link::on(transport, connection, search_path);
            link.leased = true;
            return Poll::Ready(Ok(link));
        }
        let login = match login {
            Some(login) => login,
            empty => empty.insert(Box::new(LoginAttempt::new(connector))),
        };
        let login = ready!(login.poll(context, connector, sent, serially, timer))?;
        let mut link = Link::on(login.transport, login.connection, search_path);
        (link.pipelined, link.round_trips) = (login.pipelined, login.round_trips);
        (link.tls, link.fell_back, link.region) = (login.tls, login.fell_back, login.region);
        // Until the endpoint has accepted direct TLS, a flight that commits is not sent with the login.
        if link.tls.is_unproven() && flight.payload() == Payload::Commit && !seeded!(SendsWriteUnproven) {
            link.connection.hold_statements();
        }
        Poll::Ready(Ok(link))
    }

    fn on(transport: Box<dyn Transport>, connection: Connection, search_path: &'static str) -> Box<Self> {
        Box::new(Link {
            transport,
            connection,
            writing: false,
            write_error: None,
            started: false,
            pipelined: false,
            tls: TlsStart::Requested,
            fell_back: None,
            region: Region::default(),
            #[cfg(feature = "multi-region")]
            has_answered: false,
            leased: false,
            reached: None,
            rolling_back: false,
            flying: false,
            on_trial: false,
            search_path,
            read: Vec::new(),
            round_trips: 0,
            heard_last: true,
        })
    }

    /// Whether any flight may use the link: every flight is answered, and at most the answer to a ROLLBACK has not
    /// arrived. The answer to a flight proves that the bytes of the flight have arrived, even if the transport has not
    /// reported yet that they are written.
    pub(super) fn is_idle(&self) -> bool {
        let flying = self.flying && !seeded!(ReusesHalfReadConnection);
        let ended = self.connection.is_dead();
        !flying && !self.is_leased() && (self.connection.is_idle() || (self.rolling_back && !ended))
    }

    /// Whether a flight was sent whose answer is not complete.
    pub(super) fn is_flying(&self) -> bool {
        self.flying
    }

    /// The endpoint of the connection.
    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    /// Whether the link can be lent to a statement that was compiled for this search_path. If `Config::search_path` is
    /// set, all connections have the same search_path, so every link can be lent; [`begin`](Link::begin) compares the
    /// statement's search_path with the setting.
    pub(super) fn looks_up_in(&self, connector: &Connector, search_path: &str) -> bool {
        self.search_path == search_path || connector.settings().search_path.is_some()
    }

    /// Whether the link can send another flight of its transaction.
    pub(super) fn is_settled(&self) -> bool {
        self.connection.is_settled()
    }

    /// Whether the connection is a lease of a pool.
    pub(super) fn is_leased(&self) -> bool {
        // Without the feature `pool`, the result is constant, so that a Worker does not link the code for leases.
        cfg!(feature = "pool") && self.leased
    }

    /// Whether the login has ended, on a connection that is not a lease of a pool.
    pub(super) fn has_started(&self) -> bool {
        self.started && !self.is_leased()
    }

    /// Whether the connection is still open, as far as that is visible without a round trip. Servers close connections
    /// that are old or were idle for long, and a Worker's socket can lose its network.
    pub(super) fn poll_alive(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            match self.transport.poll_read(context, &mut self.read) {
                Poll::Pending => return self.is_idle(),
                Poll::Ready(Ok(())) if self.read.is_empty() => return false,
                Poll::Ready(Ok(())) => {
                    self.connection.handle_input(&self.read);
                    // The answer to a ROLLBACK is read with the next flight. Any other message that the server may send
                    // on an idle connection causes no event.
                    if !self.rolling_back && !matches!(self.connection.poll_event(), Ok(None)) {
                        return false;
                    }
                }
                Poll::Ready(Err(_)) => return false,
            }
        }
    }

    /// Sends ROLLBACK, if a transaction is open and every flight is answered. The answer to ROLLBACK is read before the
    /// answer to the next flight. For a lease, the pool sends the ROLLBACK.
    pub(super) fn roll_back(&mut self) {
        if self.is_leased() {
            return;
        }
        if self.connection.is_settled() && !self.is_idle() && write_rollback(&mut self.connection).is_ok() {
            self.rolling_back = true;
            self.poll_transmit(&mut Context::from_waker(core::task::Waker::noop()));
        }
    }

    /// Writes one flight into the session, which then holds the bytes to send.
    pub(super) fn begin(
        &mut self,
        connector: &Connector,
        flight: &Flight<'_>,
    ) -> Result<(), Box<FlightFailure>> {
        let configured = connector.settings().search_path.as_deref();
        let search_path = configured.unwrap_or(self.search_path);
        #[cfg(feature = "pool")]
        if self.leased && flight.changes_session() {
            self.connection.spend();
        }
        // Behind a pooler in transaction mode, another client can get the changed session, and the next flight of this
        // client can get another session.
        #[cfg(feature = "postgres")]
        if flight.is_for_session()
            && connector.settings().postgres.as_ref().is_some_and(|postgres| postgres.transaction_pooler)
        {
            return Err(self.failure(flight, Error::config(NO_SESSION).of(flight.first()), Signal::Local));
        }
        match flight.write(&mut self.connection, search_path, configured.is_some()) {
            Ok(()) => {
                self.flying = true;
                Ok(())
            }
            Err(error) => Err(self.failure(flight, error, Signal::Local)),
        }
    }

    /// Sends the flight and receives its answer. `timer` limits connecting until the login ends, and is then set to the
    /// limit of the query.
    pub(super) fn poll_fly(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        timer: &mut BoxFuture<()>,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<FlightOutcome> {
        let region = self.region.clone();
        let connector = region.connector(connector);
        let end = ready!(self.poll_end(context, connector, timer, answer));
        self.flying = end.is_err();
        self.on_trial = false;
        #[cfg(feature = "multi-region")]
        match &end {
            // A connection that breaks at its first flight counts as a failed login, because every other attempt at
            // this endpoint would probably fail, too.
            Err(ConnectionFailure::Transport(_) | ConnectionFailure::Session(SessionFault::Closed))
                if self.started && !self.has_answered =>
            {
                connector.note_reached(false);
            }
            end => self.has_answered |= end.is_ok(),
        }
        let end = end.or_else(|failure| answer.reported.take().ok_or(failure));
        Poll::Ready(self.outcome(connector, &answer.flight, end))
    }

    fn outcome(
        &mut self,
        connector: &Connector,
        flight: &Flight<'_>,
        end: Result<FlightEnd, ConnectionFailure>,
    ) -> FlightOutcome {
        let (error, signal, verdict) = match end {
            Ok(FlightEnd::Completed(None)) => return FlightOutcome::Completed,
            Ok(FlightEnd::Completed(Some(error))) => return FlightOutcome::CompletedUnusable(error),
            Ok(FlightEnd::StatementRejected { error, step }) => {
                let signal = flight.signal(&error, step);
                let verdict = if step == Step::Key { flight.judge_key(Some(&error)) } else { None };
                (Error::new(Kind::Database(error)).of(flight.statement(step)), signal, verdict)
            }
            Ok(FlightEnd::KeyNotInserted) => {
                let verdict = flight.judge_key(None);
                let text = verdict.as_ref().map_or("", |verdict| verdict.text);
                let error = Error::new(Kind::TransactionOver(text.into())).of(flight.statement(Step::Key));
                (error, Signal::Answered, verdict)
            }
            Ok(FlightEnd::RolledBack) => (Error::new(Kind::RolledBack), Signal::Answered, None),
            Ok(FlightEnd::UnexpectedState) => {
                (Error::new(Kind::UnexpectedTransactionState), Signal::TransactionState, None)
            }
            Err(failure) => {
                let (error, signal, reached) = failure::explain(self.progress(), connector, failure);
                self.reached = reached;
                (error, signal, None)
            }
        };
        let mut failure = self.failure(flight, error, signal);
        failure.key_taken = verdict.is_some_and(|verdict| verdict.taken);
        FlightOutcome::Failed(failure)
    }

    pub(super) fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// Set if the endpoint did not accept direct TLS.
    pub(super) fn fallen_back(&self) -> Option<DirectTls> {
        self.fell_back
    }

    fn progress(&self) -> LoginProgress {
        let (started, has_received) = (self.started, self.connection.has_received());
        let (pipelined, leased, tls) = (self.pipelined, self.is_leased(), self.tls);
        LoginProgress { started, has_received, pipelined, leased, tls }
    }

    /// The failure of a flight that is polled by another request, which cannot read the rest of the answer.
    pub(super) fn stranded(&self, flight: &Flight<'_>) -> Box<FlightFailure> {
        self.failure(flight, Error::new(Kind::OtherRequest), Signal::Stranded)
    }

    fn failure(&self, flight: &Flight<'_>, error: Error, signal: Signal) -> Box<FlightFailure> {
        let reached = match self.started {
            _ if self.reached.is_some() => self.reached.unwrap_or(Reached::Session),
            _ if signal == Signal::Local || !self.connection.has_sent_statements() => Reached::Nothing,
            true => Reached::Session,
            false => Reached::Login,
        };
        let facts = FailureFacts { reached, payload: flight.payload(), signal, kept: false };
        Box::new(FlightFailure { error, facts, key_taken: false })
    }

    fn poll_end(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        timer: &mut BoxFuture<()>,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<Result<FlightEnd, ConnectionFailure>> {
        if answer.resumes() {
            // The client has waited for its reader, not for the server. So the server's time limit begins again.
            self.on_trial = false;
            connector.rewind(timer, connector.settings().query_timeout);
        }
        loop {
            // The flight must be sent before `handle_events` treats the next message as an answer to the flight.
            self.poll_transmit(context);
            if let Some(end) = self.handle_events(context, connector, timer, answer)? {
                return Poll::Ready(Ok(end));
            }
            // Statements that waited for the end of the login can be sent now.
            self.poll_transmit(context);
            // The reader polls this function again after it has taken the row; until then the server waits.
            if answer.is_full() {
                return Poll::Pending;
            }
            ready!(self.poll_input(context, connector, timer))?;
        }
    }

    /// Passes the server's messages to the answer, until the answer is full. Returns the end of the flight, if a
    /// message ends the flight.
    fn handle_events(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        timer: &mut BoxFuture<()>,
        answer: &mut Answer<'_, '_>,
    ) -> Result<Option<FlightEnd>, ConnectionFailure> {
        let query_timeout = connector.settings().query_timeout;
        while !answer.is_full() {
            let event = match self.connection.poll_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(SessionFault::Closed) if seeded!(TakesEndOfFileForSuccess) => {
                    return Ok(Some(FlightEnd::Completed(None)));
                }
                Err(fault) => return Err(ConnectionFailure::Session(fault)),
            };
            if let SessionEvent::Started = event {
                self.started = true;
                self.tls.accepted(connector);
                let is_sent = self.pipelined && self.connection.has_sent_statements();
                self.on_trial = is_sent && PROBE_AFTER < query_timeout;
                connector.rewind(timer, if self.on_trial { PROBE_AFTER } else { query_timeout });
            }
            if let SessionEvent::FlightDropped = event {
                // Nothing was executed, and the session is ready: the flight is sent again, once.
                connector.environment.hold_flights();
                connector.rewind(timer, query_timeout);
                self.begin(connector, &answer.flight).map_err(|_| malformed(NOT_SENT_AGAIN))?;
                self.poll_transmit(context);
                continue;
            }
            // A FATAL error instead of the answer to ROLLBACK also ends the flight.
            let ends = matches!(&event, SessionEvent::Failed(error) if error.fatal);
            if self.rolling_back && !ends && !seeded!(MistakesRollbackAnswer) {
                match event {
                    SessionEvent::Ready(Status::Idle) => self.rolling_back = false,
                    SessionEvent::Completed(_) => {}
                    _ => return Err(malformed(NOT_ROLLED_BACK)),
                }
                continue;
            }
            let handled = answer.handle(event);
            if core::mem::take(&mut answer.renews_limit) {
                self.on_trial = false;
                connector.rewind(timer, query_timeout);
            }
            if let ControlFlow::Break(end) = handled {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Reads bytes of the server. If no bytes arrive in time, sends the probe or returns the timeout.
    fn poll_input(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<(), ConnectionFailure>> {
        match self.transport.poll_read(context, &mut self.read) {
            Poll::Ready(Ok(())) if self.read.is_empty() => self.connection.handle_eof(),
            Poll::Ready(Ok(())) => {
                self.heard_last = true;
                self.connection.handle_input(&self.read);
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(ConnectionFailure::Transport(error))),
            Poll::Pending => {
                // If the server rejects the login and closes the connection, the write fails too. So the error of the
                // write is returned only after the server's answer has been read.
                if let Some(error) = self.write_error.take() {
                    return Poll::Ready(Err(ConnectionFailure::Transport(error)));
                }
                ready!(timer.as_mut().poll(context));
                if !core::mem::take(&mut self.on_trial) {
                    return Poll::Ready(Err(ConnectionFailure::Timeout));
                }
                connector.rewind(timer, connector.settings().query_timeout.saturating_sub(PROBE_AFTER));
                if !self.writing {
                    self.connection.probe();
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends as many bytes as can be sent now.
    fn poll_transmit(&mut self, context: &mut Context<'_>) {
        loop {
            if !self.writing {
                let Some(bytes) = self.connection.poll_transmit() else { return };
                if core::mem::replace(&mut self.heard_last, false) {
                    self.round_trips += 1;
                }
                self.transport.start_write(bytes);
                self.writing = true;
            }
            let Poll::Ready(written) = self.transport.poll_write(context) else { return };
            self.writing = false;
            if let Err(error) = written {
                self.write_error = Some(error);
                return;
            }
        }
    }
}

#[cfg(feature = "postgres")]
const NO_SESSION: &str = "the statement changes its session, and behind a pooler in transaction mode the session may \
                          change with each transaction: use `SET LOCAL` in a transaction, set it on the role \
                          (ALTER ROLE … SET …), or connect without the pooler";
/// The failure for an answer that the client does not expect.
fn malformed(what: &'static str) -> ConnectionFailure {
    ConnectionFailure::Session(SessionFault::Malformed(what))
}

const NOT_SENT_AGAIN: &str = "the flight was dropped with the login and cannot be sent again";
const NOT_ROLLED_BACK: &str = "unexpected answer to ROLLBACK";

impl Drop for Link {
    fn drop(&mut self) {
        let last: &'static [u8] = if !self.is_leased() && (self.connection.is_settled() || self.is_idle()) {
            &frontend::TERMINATE
        } else {
            &[]
        };
        self.transport.close(last);
    }
}
