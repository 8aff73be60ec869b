//! Runs statements on a [`Target`], and repeats them by the rules of `retry.rs`.
//!
//! Input: prepared statements, and the sinks of their rows. Output: the outcome, after as many attempts as the rules
//! allow. All executors use this module: `&Dsql`, `&mut Session`, a `Transaction`.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use crate::client::answer::Answer;
use crate::client::flight::{Flight, Prepared, Sink, reads};
use crate::client::lender::{Lender, Loan};
use crate::client::link::{FlightFailure, FlightOutcome, Link};
use crate::client::several::{BehindCommit, behind_commit};
use crate::client::trace::Trace;
use crate::direct_tls::DirectTls;
use crate::error::{Error, Kind, OUTLIVED, Outcome};
use crate::event::Event;
use crate::millis::Millis;
use crate::retry::{Attempts, FailureFacts, Payload, Reached, Rule, Signal};
use crate::statement::StatementRef;
use crate::transport::BoxFuture;

/// The connections that an executor runs on.
#[derive(Clone, Copy)]
#[allow(unreachable_pub, reason = "named in a public trait that only this crate implements")]
pub struct Target<'t> {
    pub(super) lender: &'t Lender,
    /// A transaction on a connection of the lender; if `None`, each flight commits by itself.
    pub(super) transaction: Option<InTransaction>,
}

/// A transaction. `fly` is a function pointer, so that a Worker without transactions does not link the code for
/// transactions.
#[derive(Clone, Copy)]
pub(super) struct InTransaction {
    pub(super) id: u64,
    pub(super) fly: Fly,
}

type Fly = for<'r, 's> fn(
    &'r Lender,
    u64,
    &'r StatementRef,
    &'r [Prepared],
    &'r mut [&'s mut dyn Sink],
) -> Running<'r>;

/// The future that runs statements.
pub(super) type Running<'r> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'r>>;

impl InTransaction {
    pub(super) fn new(id: u64) -> Self {
        let fly: Fly = |lender, id, first, members, sinks| {
            let trace = Trace::of_flight(&lender.connector, members);
            Box::pin(trace.clone().instrument(async move {
                let mut runs = Runs::of_query(lender, trace);
                let flown = runs.fly_in(id, members, sinks).await;
                runs.end(first, flown)
            }))
        };
        InTransaction { id, fly }
    }
}

impl<'t> Target<'t> {
    /// Runs these statements in one flight, and passes the rows of each to its sink. Several statements are one
    /// transaction. Returns `None` if there are no statements to run.
    pub(super) fn run<'r, 's: 'r>(
        &self,
        members: &'r [Prepared],
        sinks: &'r mut [&'s mut dyn Sink],
    ) -> Option<Running<'r>>
    where
        't: 'r,
    {
        let lender = self.lender;
        // An empty pipeline, or a statement with `for` over no rows, has nothing to send: the result is `None`.
        let first = members.iter().find(|member| !member.arguments.is_empty())?;
        if let Some(InTransaction { id, fly }) = self.transaction {
            return Some(fly(lender, id, &first.statement, members, sinks));
        }
        let flight = FlightAlone { first: &first.statement, flight: Flight::alone(members), sinks };
        let trace = Trace::of_flight(&lender.connector, members);
        Some(Box::pin(Runs::of_query(lender, trace).attempts(flight)))
    }
}

impl Target<'_> {
    /// Adds the outcome to an error about unexpected rows, if the statements write and are not part of a transaction:
    /// they were executed, so they must not run again.
    pub(super) fn executed(&self, members: &[Prepared], error: Error) -> Error {
        match self.transaction {
            None if !reads(members) => error.with_outcome(Outcome::Executed),
            _ => error,
        }
    }
}

/// An operation that may be tried again: a flight, the chunks of a statement with `fused`, a transaction.
///
/// A transaction is used as a trait object, so that [`Runs::attempts`] is not compiled again for each closure. (The
/// future of a generic `attempts` would not be `Send`: for a closure with a lifetime, rustc cannot prove `Send`.)
pub(super) trait Attempt: Send {
    /// Makes one attempt: borrows a connection, uses it, and returns it.
    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a>;

    /// Whether an idempotency key resolves an unknown outcome.
    fn is_resolvable(&self) -> bool {
        false
    }

    /// Reports the end of the last attempt to the listener. Returns the final result.
    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error>;
}

impl Attempt for &mut dyn Attempt {
    fn is_resolvable(&self) -> bool {
        (**self).is_resolvable()
    }

    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a> {
        (**self).attempt(runs)
    }

    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error> {
        (**self).finish(runs, result)
    }
}

pub(super) type AttemptFuture<'a> = Pin<Box<dyn Future<Output = Attempted> + Send + 'a>>;

/// How an attempt ended.
pub(super) enum Attempted {
    /// This was the last attempt.
    Ended(Result<(), Error>),
    /// A flight failed, and the rules decide whether there is another attempt.
    Failed(Box<FlightFailure>),
}

/// A flight outside a transaction.
struct FlightAlone<'a, 's> {
    first: &'a StatementRef,
    flight: Flight<'a>,
    sinks: &'a mut [&'s mut dyn Sink],
}

impl Attempt for FlightAlone<'_, '_> {
    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a> {
        let (mut loan, mut progress) = (None, Progress::default());
        let mut answer = Answer::new(self.flight, self.sinks, runs.max_result());
        Box::pin(poll_fn(move |context| {
            let lent = match &mut loan {
                Some(lent) => lent,
                empty => {
                    let search_path = answer.flight.search_path();
                    match ready!(runs.lender.poll_borrow(context, search_path, &mut runs.timer)) {
                        Ok(lent) => empty.insert(lent),
                        Err(error) => {
                            let error = runs.ended(error, Outcome::Nothing);
                            return Poll::Ready(Attempted::Ended(Err(error)));
                        }
                    }
                }
            };
            let outcome = ready!(runs.poll_fly(context, lent, &mut progress, &mut answer));
            // The connection is returned before the rules decide about another attempt.
            Poll::Ready(end_alone(runs, &mut loan, &mut answer, outcome))
        }))
    }

    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error> {
        runs.end(self.first, result)
    }
}

/// Ends an attempt at a flight outside a transaction.
fn end_alone(
    runs: &Runs<'_>,
    loan: &mut Option<Loan<'_>>,
    answer: &mut Answer<'_, '_>,
    outcome: FlightOutcome,
) -> Attempted {
    let failure = match outcome {
        FlightOutcome::Completed => return Attempted::Ended(Ok(())),
        // A row could not be used, but the connection can be used again.
        FlightOutcome::CompletedUnusable(error) => {
            let is_read = reads(answer.flight.members);
            let error = if is_read { error } else { error.with_outcome(Outcome::Executed) };
            return Attempted::Ended(Err(error));
        }
        FlightOutcome::Failed(failure) => failure,
    };
    // If the flight had its own BEGIN, its failed transaction is rolled back.
    if let (Some(_), Some(Loan { link: Some(link), .. })) = (answer.flight.begin, &mut *loan) {
        link.roll_back();
    }
    *loan = None;
    if answer.discard_rows() {
        Attempted::Failed(failure)
    } else {
        Attempted::Ended(Err(runs.conclude(failure.error, &failure.facts)))
    }
}

/// The attempts at a query, a pipeline, a chunk or a transaction, and the numbers about these attempts that are
/// reported to the listener.
pub(super) struct Runs<'l> {
    lender: &'l Lender,
    attempts: Attempts,
    /// The timer, which limits connecting and, after the login, the query.
    timer: BoxFuture<()>,
    began: Millis,
    /// The time limit of all attempts; `until` is the time after which no attempt begins.
    limit: Millis,
    until: Millis,
    rows: u64,
    round_trips: u32,
    direct_tls_rejected: Option<DirectTls>,
    trace: Trace,
}

/// The outcome of a COMMIT that was sent with the next transaction.
pub(super) enum PreviousCommit {
    Committed,
    /// The flight could not be sent.
    NotSent,
    Failed(Box<FlightFailure>),
}

/// The progress of a flight on the connection that was lent for it.
#[derive(Default)]
pub(super) struct Progress {
    /// Whether another flight had already been sent on the connection. `round_trips` is the connection's number of
    /// round trips before this flight.
    kept: bool,
    round_trips: u32,
    begun: bool,
}

impl<'l> Runs<'l> {
    pub(super) fn of_query(lender: &'l Lender, trace: Trace) -> Self {
        let settings = lender.connector.settings();
        Runs::new(lender, settings.max_attempts, settings.query_timeout, trace)
    }

    pub(super) fn new(lender: &'l Lender, attempts: u32, limit: Millis, trace: Trace) -> Self {
        let connector = &lender.connector;
        let began = connector.now();
        lender.budget.earn();
        connector.environment.retry_budget().earn();
        Runs {
            lender,
            attempts: Attempts::new(attempts),
            // The timer is made before the first await, so that it belongs to this request even if another request
            // wakes the task later.
            timer: connector.sleep(connector.settings().connect_timeout),
            began,
            limit,
            until: began.saturating_add(limit),
            rows: 0,
            round_trips: 0,
            direct_tls_rejected: None,
            trace,
        }
    }

    /// Makes attempts until an attempt returns `Attempted::Ended`, or the rules of `retry` allow no further attempt.
    /// All attempts are in one span.
    pub(super) fn attempts<A: Attempt>(self, attempt: A) -> impl Future<Output = Result<(), Error>> {
        self.trace.clone().instrument(self.make_attempts(attempt))
    }

    async fn make_attempts<A: Attempt>(mut self, mut attempt: A) -> Result<(), Error> {
        let result = loop {
            let failure = match attempt.attempt(&mut self).await {
                Attempted::Ended(result) => break result,
                Attempted::Failed(failure) => failure,
            };
            if let Some(mut pausing) = self.pause(&failure, attempt.is_resolvable())
                && poll_fn(|context| self.poll_pause(context, &mut pausing)).await
            {
                continue;
            }
            break Err(self.conclude(failure.error, &failure.facts));
        };
        attempt.finish(&self, result)
    }

    /// Waits until the next attempt may begin. If no attempt follows, returns the error of the failed attempt.
    pub(super) async fn again(&mut self, failure: Box<FlightFailure>, resolvable: bool) -> Result<(), Error> {
        if let Some(mut pausing) = self.pause(&failure, resolvable)
            && poll_fn(|context| self.poll_pause(context, &mut pausing)).await
        {
            return Ok(());
        }
        Err(self.conclude(failure.error, &failure.facts))
    }

    /// Sends one flight of a transaction; the first flight begins the transaction. The lender records a failure that
    /// ends the transaction.
    pub(super) async fn fly_in(
        &mut self,
        id: u64,
        members: &[Prepared],
        sinks: &mut [&mut dyn Sink],
    ) -> Result<(), Error> {
        let start = self.lender.start_of(id);
        let search_path = Flight::of_transaction(start.as_ref(), members).search_path();
        let mut loan = self.lender.borrow_in(id, search_path, &mut self.timer).await?;
        // While this statement waited for the connection, another statement may have begun the transaction.
        let start = self.lender.start_of(id);
        let flight = Flight::of_transaction(start.as_ref(), members);
        let mut answer = Answer::new(flight, sinks, self.lender.connector.settings().max_result);
        let outcome = self.fly(&mut loan, &mut answer).await;
        self.end_in(id, outcome)
    }

    /// Records the outcome of a flight of a transaction.
    fn end_in(&self, id: u64, outcome: FlightOutcome) -> Result<(), Error> {
        let failure = match outcome {
            FlightOutcome::Completed => {
                self.lender.set_begun(id);
                return Ok(());
            }
            FlightOutcome::CompletedUnusable(error) => {
                self.lender.set_begun(id);
                return Err(error);
            }
            FlightOutcome::Failed(failure) => failure,
        };
        // A flight that could not be sent leaves the transaction as it was.
        if failure.facts.signal != Signal::Local {
            self.lender.set_failure(id, &failure);
        }
        Err(self.conclude(failure.error, &failure.facts))
    }

    /// Sends the COMMIT of a transaction and, behind it, the first statements of the transaction `next` on the same
    /// connection. Returns the outcome of the COMMIT, and, if the COMMIT succeeded or the flight was not sent, the
    /// result of these statements.
    pub(super) async fn fly_behind_commit(
        &mut self,
        id: u64,
        next: u64,
        members: &[Prepared],
        sinks: &mut [&mut dyn Sink],
    ) -> (PreviousCommit, Result<(), Error>) {
        self.lender.hand_over(id, next);
        let start = self.lender.start_of(next);
        let flight = Flight::of_transaction(start.as_ref(), members);
        let flight = behind_commit(flight);
        let connector = &self.lender.connector;
        connector.rewind(&mut self.timer, connector.settings().query_timeout);
        let mut loan = match self.own_connection(next, &flight).await {
            Ok(loan) => loan,
            Err(failure) => return (PreviousCommit::Failed(failure), Ok(())),
        };
        let mut behind = BehindCommit;
        let mut answer = Answer::of_several(flight, &mut behind, sinks, connector.settings().max_result);
        let outcome = self.fly(&mut loan, &mut answer).await;
        match outcome {
            FlightOutcome::Failed(mut failure) if answer.flight.commits_previous => {
                // The future is polled in another request, which cannot read the rest of the answer. But the server has
                // already rejected the COMMIT, so nothing was committed.
                if failure.facts.signal == Signal::Stranded && answer.reported.is_some() {
                    failure.facts.payload = Payload::Transaction;
                }
                if failure.facts.signal == Signal::Local {
                    return (PreviousCommit::NotSent, Err(self.conclude(failure.error, &failure.facts)));
                }
                (PreviousCommit::Failed(failure), Ok(()))
            }
            outcome => (PreviousCommit::Committed, self.end_in(next, outcome)),
        }
    }

    /// Sends COMMIT in a separate flight.
    pub(super) async fn commit(&mut self, id: u64) -> Result<(), Box<FlightFailure>> {
        let flight = Flight { commit: true, in_transaction: true, ..Flight::default() };
        let connector = &self.lender.connector;
        connector.rewind(&mut self.timer, connector.settings().query_timeout);
        let mut loan = self.own_connection(id, &flight).await?;
        let mut answer = Answer::new(flight, &mut [], connector.settings().max_result);
        match self.fly(&mut loan, &mut answer).await {
            FlightOutcome::Completed | FlightOutcome::CompletedUnusable(_) => Ok(()),
            FlightOutcome::Failed(failure) => Err(failure),
        }
    }

    /// Borrows the connection that the transaction already has.
    async fn own_connection(&mut self, id: u64, flight: &Flight<'_>) -> Result<Loan<'l>, Box<FlightFailure>> {
        match self.lender.borrow_in(id, None, &mut self.timer).await {
            Ok(loan) if loan.link.is_some() => Ok(loan),
            Ok(_) => {
                let error = Error::new(Kind::TransactionOver(OUTLIVED.into()));
                Err(nothing_sent(error, Signal::Local, flight))
            }
            Err(error) => Err(nothing_sent(error, Signal::Local, flight)),
        }
    }

    /// Waits for a connection, or for the right to open one.
    pub(super) async fn borrow(&mut self, search_path: Option<&'static str>) -> Result<Loan<'l>, Error> {
        let lent = self.lender.borrow(search_path, &mut self.timer).await;
        lent.map_err(|error| self.ended(error, Outcome::Nothing))
    }

    /// The maximum number of bytes of the rows that a flight keeps in memory.
    pub(super) fn max_result(&self) -> usize {
        self.lender.connector.settings().max_result
    }

    /// Sends one flight on the connection that was lent, which is opened first if necessary.
    pub(super) async fn fly(&mut self, loan: &mut Loan<'l>, answer: &mut Answer<'_, '_>) -> FlightOutcome {
        let mut progress = Progress::default();
        poll_fn(|context| self.poll_fly(context, loan, &mut progress, answer)).await
    }

    fn poll_fly(
        &mut self,
        context: &mut Context<'_>,
        loan: &mut Loan<'l>,
        progress: &mut Progress,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<FlightOutcome> {
        let connector = &self.lender.connector;
        let flight = &answer.flight;
        if !self.lender.is_of_this_request() {
            return Poll::Ready(FlightOutcome::Failed(match &loan.link {
                Some(link) if progress.begun => link.stranded(flight),
                _ => nothing_sent(Error::new(Kind::OtherRequest), Signal::Stranded, flight),
            }));
        }
        let link = match &mut loan.link {
            Some(link) => {
                if !progress.begun {
                    progress.kept = true;
                    progress.round_trips = link.round_trips();
                    connector.rewind(&mut self.timer, connector.settings().query_timeout);
                }
                link
            }
            empty => {
                let (serially, login) = (self.lender.logs_in_serially(), &mut loan.login);
                match ready!(Link::poll_open(context, connector, flight, serially, login, &mut self.timer)) {
                    Ok(link) => {
                        self.direct_tls_rejected = self.direct_tls_rejected.or(link.fallen_back());
                        empty.insert(link)
                    }
                    Err((error, signal)) => {
                        return Poll::Ready(FlightOutcome::Failed(nothing_sent(error, signal, flight)));
                    }
                }
            }
        };
        let begun = if progress.begun { Ok(()) } else { link.begin(connector, flight) };
        progress.begun = true;
        let mut outcome = match begun {
            Ok(()) => ready!(link.poll_fly(context, connector, &mut self.timer, answer)),
            Err(failure) => FlightOutcome::Failed(failure),
        };
        self.round_trips += link.round_trips() - progress.round_trips;
        self.trace.flown(link.region().connector(connector), progress.kept);
        match &mut outcome {
            FlightOutcome::Failed(failure) => failure.facts.kept = progress.kept,
            FlightOutcome::Completed | FlightOutcome::CompletedUnusable(_) => self.rows += answer.rows,
        }
        Poll::Ready(outcome)
    }

    /// Counts rows of a flight that failed after a part of it was committed.
    pub(super) fn count_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// Starts the number of attempts and the time limit again, because a part of the operation was committed.
    pub(super) fn renew(&mut self) {
        self.attempts.renew();
        self.renew_limit();
    }

    /// Starts the time limit again.
    pub(super) fn renew_limit(&mut self) {
        self.until = self.lender.connector.now().saturating_add(self.limit);
    }

    /// Sets the timer to the full time limit of connecting, so that the time of a transaction's closure, or of an
    /// earlier attempt, does not count.
    pub(super) fn rewind(&mut self) {
        let connector = &self.lender.connector;
        connector.rewind(&mut self.timer, connector.settings().connect_timeout);
    }

    /// The pause before the next attempt; `None` if no attempt follows.
    fn pause(&mut self, failure: &FlightFailure, resolvable: bool) -> Option<BoxFuture<()>> {
        // A session whose connection is lost does not retry, because a session does not open another connection.
        if self.lender.is_gone() {
            return None;
        }
        let connector = &self.lender.connector;
        let budget = [&self.lender.budget, connector.environment.retry_budget()];
        let facts = &failure.facts;
        let rule = facts.rule();
        if let Rule::DirectTlsRejected(direct) = rule {
            self.direct_tls_rejected = Some(direct);
        }
        let pause = self.attempts.after(rule, resolvable, &budget)?;
        if rule.wants_serial_login() {
            self.lender.log_in_serially();
        }
        let pause = pause.chosen_by(connector.environment.random());
        if connector.now().saturating_add(pause) >= self.until {
            self.attempts.take_back();
            return None;
        }
        self.trace.retry(&failure.error, pause, self.attempts.retries() + 1);
        // The time limit of connecting starts again only if the login had ended: all attempts that fail before the end
        // of their login share one time limit of connecting.
        if facts.reached == Reached::Session {
            self.rewind();
        }
        Some(connector.sleep(pause))
    }

    /// Returns `false` if the timer ends before the pause, or if the future is polled in another request.
    fn poll_pause(&mut self, context: &mut Context<'_>, pausing: &mut BoxFuture<()>) -> Poll<bool> {
        if self.lender.is_of_this_request() {
            if pausing.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            ready!(self.timer.as_mut().poll(context));
        }
        self.attempts.take_back();
        Poll::Ready(false)
    }

    pub(super) fn has_retried(&self) -> bool {
        self.attempts.retries() > 0
    }

    /// Adds the outcome and the number of attempts to the error that is returned to the user.
    pub(super) fn conclude(&self, error: Error, facts: &FailureFacts) -> Error {
        let outcome = if facts.rule().leaves_unknown() { Outcome::Unknown } else { Outcome::Nothing };
        // The future may have been polled in another request, for example during the pause.
        let error = if self.lender.is_of_this_request() { error } else { Error::new(Kind::OtherRequest) };
        self.ended(error, outcome)
    }

    /// Ends a run, whose first statement is `first`: adds the location of this statement in the source to an error, and
    /// calls the listener.
    pub(super) fn end(&self, first: &StatementRef, result: Result<(), Error>) -> Result<(), Error> {
        let result = result.map_err(|error| error.at(first));
        self.report(Some(first), &result);
        result
    }

    pub(super) fn ended(&self, error: Error, outcome: Outcome) -> Error {
        error.with_outcome(outcome).after_attempts(self.attempts.retries() + 1)
    }

    /// Records the end in the trace, and calls the listener ([`Config::on_event`](crate::Config::on_event)).
    pub(super) fn report<T>(&self, statement: Option<&StatementRef>, result: &Result<T, Error>) {
        let connector = &self.lender.connector;
        let error = result.as_ref().err();
        self.trace.end(self.rows, self.round_trips, self.attempts.retries() + 1, error);
        if let Some(listener) = &connector.config.listener {
            listener(&Event {
                statement,
                rows: self.rows,
                round_trips: self.round_trips,
                elapsed: connector.now().saturating_sub(self.began),
                retries: self.attempts.retries(),
                direct_tls_rejected: self.direct_tls_rejected,
                error,
            });
        }
    }
}

fn nothing_sent(error: Error, signal: Signal, flight: &Flight<'_>) -> Box<FlightFailure> {
    let facts = FailureFacts { reached: Reached::Nothing, payload: flight.payload(), signal, kept: false };
    Box::new(FlightFailure { error, facts, key_taken: false })
}
