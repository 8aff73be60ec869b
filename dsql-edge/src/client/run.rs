//! Running statements on a [`Target`], and running them again.
//!
//! Goes in: what is to be sent, and what takes the rows. Comes out: how it ended, after as many attempts as `retry.rs`
//! allows. All executors meet here: `&Dsql`, `&mut Session`, a `Transaction`.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;

use crate::client::event::Event;
use crate::client::flight::{Flight, Prepared, Sink};
use crate::client::lender::{Lender, Loan};
use crate::client::link::{Failing, Link};
use crate::error::{Error, Kind, Outcome};
use crate::retry::{Attempts, Failed, Payload, Reached, Signal};
use crate::statement::Statement;
use crate::transport::{self, BoxFuture};

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

type Fly = for<'r, 'l, 's> fn(
    &'r mut Runs<'l>,
    u64,
    &'r [Prepared],
    &'r mut [&'s mut dyn Sink],
) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'r>>;

impl InTransaction {
    pub(super) fn new(id: u64) -> Self {
        InTransaction { id, fly: |runs, id, members, sinks| Box::pin(runs.fly_in(id, members, sinks)) }
    }
}

impl Target<'_> {
    /// Runs these statements in one flight, and gives the rows of each to its sink. Several are one transaction.
    pub(super) async fn run(&self, members: &[Prepared], sinks: &mut [&mut dyn Sink]) -> Result<(), Error> {
        let first = members.first().map(|member| member.statement);
        let mut runs =
            Runs::new(self.lender, self.lender.config.attempts(), self.lender.config.query_limit());
        let result = match self.transaction {
            None => runs.fly_until_done(&Flight::alone(members), sinks).await,
            Some(InTransaction { id, fly }) => fly(&mut runs, id, members, sinks).await,
        };
        let result = match first {
            Some(statement) => result.map_err(|error| error.at(statement.place())),
            None => result,
        };
        runs.report(first, &result);
        result
    }
}

/// The attempts at one thing: a query, a pipeline, a transaction.
pub(super) struct Runs<'l> {
    lender: &'l Lender,
    attempts: Attempts,
    /// That of connecting; once the server has let us in, that of the query.
    timer: BoxFuture<()>,
    began: Duration,
    /// Nothing is begun again after this time.
    until: Duration,
    rows: u64,
    round_trips: u32,
}

impl<'l> Runs<'l> {
    pub(super) fn new(lender: &'l Lender, attempts: u32, limit: Duration) -> Self {
        let began = transport::now(&lender.config);
        lender.budget.earn();
        transport::budget(&lender.config).earn();
        Runs {
            lender,
            attempts: Attempts::new(attempts),
            // Set before anything is waited for: it belongs to the request that asks, whoever wakes it.
            timer: transport::sleep(&lender.config, lender.config.connect_limit()),
            began,
            until: began.saturating_add(limit),
            rows: 0,
            round_trips: 0,
        }
    }

    /// Outside of a transaction: a flight, again and again while the rules allow it.
    pub(super) async fn fly_until_done(
        &mut self,
        flight: &Flight<'_>,
        sinks: &mut [&mut dyn Sink],
    ) -> Result<(), Error> {
        loop {
            let failing = match self.fly(flight, sinks).await {
                Ok(None) => return Ok(()),
                // The query itself went well, and the connection can be used again.
                Ok(Some(local)) if flight.payload() == Payload::Reads => return Err(local),
                Ok(Some(local)) => return Err(local.with_outcome(Outcome::Executed)),
                Err(failing) => failing,
            };
            let anew = sinks.iter_mut().all(|sink| sink.restart());
            if !anew || !self.again(&failing.failed, false).await {
                return Err(self.conclude(failing.error, &failing.failed));
            }
        }
    }

    /// One flight, outside of a transaction. The error in `Ok` is ours: a row could not be used.
    async fn fly(
        &mut self,
        flight: &Flight<'_>,
        sinks: &mut [&mut dyn Sink],
    ) -> Result<Option<Error>, Box<Failing>> {
        if !self.lender.is_of_this_request() {
            return Err(nothing_sent(Error::new(Kind::OtherRequest), Signal::Local, flight));
        }
        let mut loan = match self.lender.borrow(&mut self.timer).await {
            Ok(loan) => loan,
            Err(error) => return Err(nothing_sent(error, Signal::Local, flight)),
        };
        let result = self.fly_on(&mut loan, flight, sinks).await;
        // A failed transaction of the flight's own is over with it.
        if let (Err(_), Some(_), Some(link)) = (&result, flight.begin, &mut loan.link) {
            link.roll_back();
        }
        result
    }

    /// One flight in a transaction; the first one begins it. What ends the transaction is remembered there.
    pub(super) async fn fly_in(
        &mut self,
        id: u64,
        members: &[Prepared],
        sinks: &mut [&mut dyn Sink],
    ) -> Result<(), Error> {
        if !self.lender.is_of_this_request() {
            return Err(Error::new(Kind::OtherRequest));
        }
        let mut loan = self.lender.borrow_in(id, &mut self.timer).await?;
        let opening = self.lender.opening(id);
        let flight = Flight {
            begin: opening.as_ref().map(|opening| opening.begin),
            key: opening.as_ref().and_then(|opening| opening.key.as_deref()),
            members,
            commit: false,
            in_transaction: true,
        };
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
                Err(failing.error)
            }
        }
    }

    /// COMMIT, in a flight of its own.
    pub(super) async fn commit(&mut self, id: u64) -> Result<(), Box<Failing>> {
        let flight = Flight { commit: true, in_transaction: true, ..Flight::default() };
        self.timer = transport::sleep(&self.lender.config, self.lender.config.query_limit());
        let mut loan = match self.lender.borrow_in(id, &mut self.timer).await {
            Ok(loan) if loan.link.is_some() => loan,
            Ok(_) => return Err(nothing_sent(Error::new(Kind::TransactionOver), Signal::Local, &flight)),
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
        let config = &self.lender.config;
        let kept = loan.link.is_some();
        let link = match &mut loan.link {
            Some(link) => {
                self.timer = transport::sleep(config, config.query_limit());
                link
            }
            empty => match Link::open(config, flight, self.attempts.serially(), &mut self.timer).await {
                Ok(link) => empty.insert(Box::new(link)),
                Err((error, signal)) => return Err(nothing_sent(error, signal, flight)),
            },
        };
        let before = if kept { link.round_trips() } else { 0 };
        let result = link.fly(config, flight, sinks, &mut self.timer).await;
        self.round_trips += link.round_trips() - before;
        match result {
            Ok((local, rows)) => {
                self.rows += rows;
                Ok(local)
            }
            Err(mut failing) => {
                failing.failed.kept = kept;
                Err(failing)
            }
        }
    }

    /// Whether it may run again after this: waits as long as the rule says. `resolvable`: it has an idempotency key.
    pub(super) async fn again(&mut self, failed: &Failed, resolvable: bool) -> bool {
        // A session that was lost stays so.
        if self.lender.is_gone() {
            return false;
        }
        let config = &self.lender.config;
        let budget = [&self.lender.budget, transport::budget(config)];
        let Some(pause) = self.attempts.after(failed.rule(), resolvable, &budget) else { return false };
        let pause = pause.chosen_by(transport::random(config));
        if transport::now(config).saturating_add(pause) >= self.until {
            return false;
        }
        // Until the server has let us in, connecting again is still connecting.
        if failed.reached == Reached::Session {
            self.timer = transport::sleep(config, config.connect_limit());
        }
        if pause.is_zero() {
            return true;
        }
        let mut pausing = transport::sleep(config, pause);
        poll_fn(|context| {
            if pausing.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            self.timer.as_mut().poll(context).map(|()| false)
        })
        .await
    }

    pub(super) fn has_retried(&self) -> bool {
        self.attempts.retries() > 0
    }

    /// The error that is told in the end.
    pub(super) fn conclude(&self, error: Error, failed: &Failed) -> Error {
        let outcome = if failed.rule().leaves_unknown() { Outcome::Unknown } else { Outcome::Nothing };
        error.with_outcome(outcome).after_attempts(self.attempts.retries() + 1)
    }

    /// Tells whoever listens ([`Config::on_event`](crate::Config::on_event)).
    pub(super) fn report<T>(&self, statement: Option<&'static Statement>, result: &Result<T, Error>) {
        let config = &self.lender.config;
        if let Some(listener) = config.listener() {
            listener(&Event {
                statement,
                rows: self.rows,
                round_trips: self.round_trips,
                elapsed: transport::now(config).saturating_sub(self.began),
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
