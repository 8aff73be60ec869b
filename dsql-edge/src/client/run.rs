//! Running statements on a [`Target`], and running them again.
//!
//! Goes in: what is to be sent, and what takes the rows. Comes out: how it ended, after as many attempts as `retry.rs`
//! allows. All executors meet here: `&Dsql`, `&mut Session`, a `Transaction`.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use crate::client::flight::{Answer, Flight, Prepared, Sink};
use crate::client::lender::{Lender, Loan};
use crate::client::link::{Failing, Link};
use crate::error::{Error, Kind, OUTLIVED, Outcome};
use crate::event::Event;
use crate::login::LoginAttempt;
use crate::millis::Millis;
use crate::retry::{Attempts, Failed, Payload, Reached, Signal};
use crate::statement::Statement;
use crate::transport::BoxFuture;

/// What an executor runs on.
#[derive(Clone, Copy)]
#[allow(unreachable_pub, reason = "named in a public trait that only this crate implements")]
pub struct Target<'t> {
    pub(super) lender: &'t Lender,
    /// A transaction of the lender's; without one each flight commits by itself.
    pub(super) transaction: Option<InTransaction>,
}

/// A transaction, and how a flight of it is flown: who never begins one links nothing of that.
#[derive(Clone, Copy)]
pub(super) struct InTransaction {
    pub(super) id: u64,
    pub(super) fly: Fly,
}

type Fly = for<'r, 's> fn(
    &'r Lender,
    u64,
    &'static Statement,
    &'r [Prepared],
    &'r mut [&'s mut dyn Sink],
) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'r>>;

impl InTransaction {
    pub(super) fn new(id: u64) -> Self {
        let fly: Fly = |lender, id, first, members, sinks| {
            Box::pin(async move {
                let mut runs = Runs::of_query(lender);
                let flown = runs.fly_in(id, members, sinks).await;
                runs.end(first, flown)
            })
        };
        InTransaction { id, fly }
    }
}

impl<'t> Target<'t> {
    /// Runs these statements in one flight, and gives the rows of each to its sink. Several are one transaction.
    pub(super) fn run<'r, 's>(
        &self,
        members: &'r [Prepared],
        sinks: &'r mut [&'s mut dyn Sink],
    ) -> Running<'r, 's>
    where
        't: 'r,
    {
        let lender = self.lender;
        // `for` over no rows, or a pipeline of nothing.
        let Some(first) = members.iter().find(|member| !member.arguments.is_empty()) else {
            return Running::Nothing;
        };
        match self.transaction {
            Some(InTransaction { id, fly }) => {
                Running::InTransaction(fly(lender, id, first.statement, members, sinks))
            }
            None => Running::Alone {
                first: first.statement,
                runs: Runs::of_query(lender),
                stage: Stage::Beginning,
                answer: Answer::new(Flight::alone(members), sinks, lender.connector.settings().max_result),
            },
        }
    }
}

impl Target<'_> {
    /// The error of statements that were executed, where the rows that came back are not those that were asked for.
    #[inline(never)]
    pub(super) fn executed(&self, members: &[Prepared], error: Error) -> Error {
        match self.transaction {
            None if Flight::alone(members).payload() != Payload::Reads => {
                error.with_outcome(Outcome::Executed)
            }
            _ => error,
        }
    }
}

/// Statements on their way.
#[allow(clippy::large_enum_variant, reason = "it lies on the heap, as a part of `Fetch`")]
pub(super) enum Running<'r, 's> {
    Nothing,
    Alone { first: &'static Statement, runs: Runs<'r>, stage: Stage<'r>, answer: Answer<'r, 's> },
    InTransaction(Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'r>>),
}

impl Future for Running<'_, '_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.get_mut() {
            Running::Nothing => Poll::Ready(Ok(())),
            Running::Alone { first, runs, stage, answer } => {
                let result = ready!(runs.poll_until_done(context, stage, answer));
                Poll::Ready(runs.end(first, result))
            }
            Running::InTransaction(flying) => flying.as_mut().poll(context),
        }
    }
}

/// The attempts at one thing: a query, a pipeline, a transaction.
pub(super) struct Runs<'l> {
    lender: &'l Lender,
    attempts: Attempts,
    /// That of connecting; once the server has let us in, that of the query.
    timer: BoxFuture<()>,
    began: Millis,
    /// Nothing is begun again after this time.
    until: Millis,
    rows: u64,
    round_trips: u32,
}

/// Where an attempt stands that is in no transaction.
#[allow(clippy::large_enum_variant, reason = "there is one for each query, and that lies on the heap")]
pub(super) enum Stage<'l> {
    Beginning,
    /// For a connection, or the right to open one.
    Waiting,
    Flying(Loan<'l>, Progress<'l>),
    /// The last one failed like this; the next begins after a pause.
    Pausing(BoxFuture<()>, Box<Failing>),
}

/// How far a flight is on the connection that was lent for it.
#[derive(Default)]
pub(super) struct Progress<'l> {
    /// Where there was no connection.
    opening: Option<LoginAttempt<'l>>,
    /// The connection had served another flight before, which took these round trips.
    kept: bool,
    round_trips: u32,
    begun: bool,
}

impl<'l> Runs<'l> {
    pub(super) fn of_query(lender: &'l Lender) -> Self {
        let settings = lender.connector.settings();
        Runs::new(lender, settings.max_attempts, settings.query_timeout)
    }

    pub(super) fn new(lender: &'l Lender, attempts: u32, limit: Millis) -> Self {
        let connector = &lender.connector;
        let began = connector.now();
        lender.budget.earn();
        connector.environment.retry_budget().earn();
        Runs {
            lender,
            attempts: Attempts::new(attempts),
            // Set before anything is waited for: it belongs to the request that asks, whoever wakes it.
            timer: connector.sleep(connector.settings().connect_timeout),
            began,
            until: began.saturating_add(limit),
            rows: 0,
            round_trips: 0,
        }
    }

    /// Outside of a transaction: a flight, again and again while the rules allow it.
    fn poll_until_done(
        &mut self,
        context: &mut Context<'_>,
        stage: &mut Stage<'l>,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<Result<(), Error>> {
        let lender = self.lender;
        loop {
            match stage {
                Stage::Beginning => *stage = Stage::Waiting,
                Stage::Waiting => {
                    match ready!(lender.poll_borrow(context, answer.flight.search_path(), &mut self.timer)) {
                        Ok(loan) => *stage = Stage::Flying(loan, Progress::default()),
                        Err(error) => return Poll::Ready(Err(self.ended(error, Outcome::Nothing))),
                    }
                }
                Stage::Flying(loan, progress) => {
                    let failing = match ready!(self.poll_fly_on(context, loan, progress, answer)) {
                        Ok(None) => return Poll::Ready(Ok(())),
                        // The query itself went well, and the connection can be used again.
                        Ok(Some(local)) if answer.flight.payload() == Payload::Reads => {
                            return Poll::Ready(Err(local));
                        }
                        Ok(Some(local)) => return Poll::Ready(Err(local.with_outcome(Outcome::Executed))),
                        Err(failing) => failing,
                    };
                    // A failed transaction of the flight's own is over with it.
                    if let (Some(_), Some(link)) = (answer.flight.begin, &mut loan.link) {
                        link.roll_back();
                    }
                    // The connection goes back before anything is decided.
                    *stage = Stage::Beginning;
                    let pausing = if answer.restart() { self.pause(&failing.failed, false) } else { None };
                    match pausing {
                        Some(pausing) => *stage = Stage::Pausing(pausing, failing),
                        None => return Poll::Ready(Err(self.conclude(failing.error, &failing.failed))),
                    }
                }
                Stage::Pausing(pausing, _) => {
                    let may_run = ready!(self.poll_pause(context, pausing));
                    let paused = core::mem::replace(stage, Stage::Beginning);
                    if let (false, Stage::Pausing(_, failing)) = (may_run, paused) {
                        return Poll::Ready(Err(self.conclude(failing.error, &failing.failed)));
                    }
                }
            }
        }
    }

    /// One flight in a transaction; the first one begins it. What ends the transaction is remembered there.
    pub(super) async fn fly_in(
        &mut self,
        id: u64,
        members: &[Prepared],
        sinks: &mut [&mut dyn Sink],
    ) -> Result<(), Error> {
        let opening = self.lender.opening(id);
        let search_path = Flight::of_transaction(opening.as_ref(), members).search_path();
        let mut loan = self.lender.borrow_in(id, search_path, &mut self.timer).await?;
        // Another statement may have begun it in the meantime.
        let opening = self.lender.opening(id);
        let flight = Flight::of_transaction(opening.as_ref(), members);
        match self.fly_on(&mut loan, &flight, sinks).await {
            Ok(local) => {
                self.lender.set_begun(id);
                local.map_or(Ok(()), Err)
            }
            Err(failing) => {
                // What could not even be sent leaves the transaction as it was.
                if failing.failed.signal != Signal::Local {
                    self.lender.set_failure(id, &failing);
                }
                Err(self.conclude(failing.error, &failing.failed))
            }
        }
    }

    /// COMMIT, in a flight of its own.
    pub(super) async fn commit(&mut self, id: u64) -> Result<(), Box<Failing>> {
        let flight = Flight { commit: true, in_transaction: true, ..Flight::default() };
        let connector = &self.lender.connector;
        connector.rewind(&mut self.timer, connector.settings().query_timeout);
        let mut loan = match self.lender.borrow_in(id, None, &mut self.timer).await {
            Ok(loan) if loan.link.is_some() => loan,
            Ok(_) => {
                return Err(nothing_sent(
                    Error::new(Kind::TransactionOver(OUTLIVED)),
                    Signal::Local,
                    &flight,
                ));
            }
            Err(error) => return Err(nothing_sent(error, Signal::Local, &flight)),
        };
        self.fly_on(&mut loan, &flight, &mut []).await.map(drop)
    }

    async fn fly_on(
        &mut self,
        loan: &mut Loan<'_>,
        flight: &Flight<'_>,
        sinks: &mut [&mut dyn Sink],
    ) -> Result<Option<Error>, Box<Failing>> {
        let mut answer = Answer::new(*flight, sinks, self.lender.connector.settings().max_result);
        let mut progress = Progress::default();
        poll_fn(|context| self.poll_fly_on(context, loan, &mut progress, &mut answer)).await
    }

    /// One flight. The error in `Ok` is ours: a row could not be used.
    fn poll_fly_on(
        &mut self,
        context: &mut Context<'_>,
        loan: &mut Loan<'_>,
        progress: &mut Progress<'l>,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<Result<Option<Error>, Box<Failing>>> {
        let connector = &self.lender.connector;
        if !self.lender.is_of_this_request() {
            return Poll::Ready(Err(match &loan.link {
                Some(link) if progress.begun => link.stranded(&answer.flight),
                _ => nothing_sent(Error::new(Kind::OtherRequest), Signal::Stranded, &answer.flight),
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
                let (serially, opening) = (self.lender.logs_in_serially(), &mut progress.opening);
                match ready!(Link::poll_open(
                    context,
                    connector,
                    &answer.flight,
                    serially,
                    opening,
                    &mut self.timer
                )) {
                    Ok(link) => empty.insert(link),
                    Err((error, signal)) => {
                        return Poll::Ready(Err(nothing_sent(error, signal, &answer.flight)));
                    }
                }
            }
        };
        let begun = if progress.begun { Ok(()) } else { link.begin(connector, &answer.flight) };
        progress.begun = true;
        let flown = match begun {
            Ok(()) => ready!(link.poll_fly(context, connector, &mut self.timer, answer)),
            Err(failing) => Err(failing),
        };
        self.round_trips += link.round_trips() - progress.round_trips;
        Poll::Ready(match flown {
            Ok(local) => {
                self.rows += answer.rows;
                Ok(local)
            }
            Err(mut failing) => {
                failing.failed.kept = progress.kept;
                Err(failing)
            }
        })
    }

    /// Gives connecting its whole time: that which the closure of a transaction takes does not count.
    pub(super) fn rewind(&mut self) {
        let connector = &self.lender.connector;
        connector.rewind(&mut self.timer, connector.settings().connect_timeout);
    }

    /// Whether it may run again after this: waits as long as the rule says. `resolvable`: it has an idempotency key.
    pub(super) async fn again(&mut self, failed: &Failed, resolvable: bool) -> bool {
        let Some(mut pausing) = self.pause(failed, resolvable) else { return false };
        poll_fn(|context| self.poll_pause(context, &mut pausing)).await
    }

    /// The pause before it runs again, if it may.
    fn pause(&mut self, failed: &Failed, resolvable: bool) -> Option<BoxFuture<()>> {
        // A session that was lost stays so.
        if self.lender.is_gone() {
            return None;
        }
        let connector = &self.lender.connector;
        let budget = [&self.lender.budget, connector.environment.retry_budget()];
        let rule = failed.rule();
        let pause = self.attempts.after(rule, resolvable, &budget)?;
        if rule.wants_serial_login() {
            self.lender.log_in_serially();
        }
        let pause = pause.chosen_by(connector.environment.random());
        if connector.now().saturating_add(pause) >= self.until {
            return None;
        }
        // Until the server has let us in, connecting again is still connecting.
        if failed.reached == Reached::Session {
            self.rewind();
        }
        Some(connector.sleep(pause))
    }

    /// `false` when the time is over before the pause is.
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

    /// The error that is told in the end.
    pub(super) fn conclude(&self, error: Error, failed: &Failed) -> Error {
        let outcome = if failed.rule().leaves_unknown() { Outcome::Unknown } else { Outcome::Nothing };
        // Where a pause was polled in another request.
        let error = if self.lender.is_of_this_request() { error } else { Error::new(Kind::OtherRequest) };
        self.ended(error, outcome)
    }

    /// The end of these statements: an error tells where they stand.
    fn end(&self, first: &'static Statement, result: Result<(), Error>) -> Result<(), Error> {
        let result = result.map_err(|error| error.at(first));
        self.report(Some(first), &result);
        result
    }

    pub(super) fn ended(&self, error: Error, outcome: Outcome) -> Error {
        error.with_outcome(outcome).after_attempts(self.attempts.retries() + 1)
    }

    /// Tells whoever listens ([`Config::on_event`](crate::Config::on_event)).
    pub(super) fn report<T>(&self, statement: Option<&'static Statement>, result: &Result<T, Error>) {
        let connector = &self.lender.connector;
        if let Some(listener) = &connector.config.listener {
            listener(&Event {
                statement,
                rows: self.rows,
                round_trips: self.round_trips,
                elapsed: connector.now().saturating_sub(self.began),
                retries: self.attempts.retries(),
                error: result.as_ref().err(),
            });
        }
    }
}

fn nothing_sent(error: Error, signal: Signal, flight: &Flight<'_>) -> Box<Failing> {
    let failed = Failed { reached: Reached::Nothing, payload: flight.payload(), signal, kept: false };
    Box::new(Failing { error, failed, key_taken: false })
}
