//! Transactions: a closure that runs again, as a whole, when another transaction got there first.
//!
//! Goes in: a closure that takes a [`Transaction`]. Comes out: what it returned, once COMMIT has been answered. BEGIN
//! travels with the first statement, COMMIT alone. What the transaction saw decides what becomes of it, not what the
//! closure made of it: an error of the server that the closure swallowed still ends it.

use core::fmt;
use core::future::{Future, IntoFuture, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use crate::client::executor::{self, Executor};
use crate::client::fetch::Fetch;
use crate::client::flight::{BEGIN, BEGIN_READ_ONLY, Opening, Prepared};
use crate::client::lender::Lender;
use crate::client::pipeline::Pipelined;
use crate::client::run::{InTransaction, Runs, Target};
use crate::error::{Error, Kind, OUTLIVED, Outcome};
use crate::millis::{Millis, millis};
use crate::query::KeyInsert;
use crate::retry::Failed;
use crate::transport::BoxFuture;

const BUSY: &str = "the transaction was rolled back: its closure returned before a statement or stream of it had ended: \
                    await it, or drop it, first";

/// A transaction that is open: what the closure of [`Dsql::transaction`](crate::Dsql::transaction) is given, and
/// queries run on.
///
/// It is a handle, as freely copied as a reference: hand `tx` to as many queries, and as many functions
/// (`tx: Transaction<'_>`, or `mut db: impl Executor`), as you like. Its statements run one after the other.
#[derive(Clone, Copy)]
pub struct Transaction<'d> {
    pub(super) lender: &'d Lender,
    pub(super) id: u64,
}

impl<'d> Transaction<'d> {
    /// Several queries in one round trip, as part of this transaction.
    pub fn pipeline<P: Pipelined + 'd>(self, queries: P) -> Fetch<'d, P::Output> {
        Fetch::of(queries, self)
    }

    fn target(&self) -> Target<'d> {
        Target { lender: self.lender, transaction: Some(InTransaction::new(self.id)) }
    }
}

impl Executor for Transaction<'_> {
    fn target(&mut self) -> Target<'_> {
        Transaction::target(self)
    }
}

impl Executor for &Transaction<'_> {
    fn target(&mut self) -> Target<'_> {
        Transaction::target(self)
    }
}

impl executor::sealed::Sealed for Transaction<'_> {}
impl executor::sealed::Sealed for &Transaction<'_> {}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transaction(…)")
    }
}

/// A transaction that is about to run: set it up, then await it.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct Transact<'d, F> {
    lender: &'d Lender,
    body: F,
    options: Options,
}

/// A transaction with an idempotency key that is about to run: set it up, then await it.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct TransactOnce<'d, F> {
    transact: Transact<'d, F>,
    key: KeyInsert,
}

/// A statement that can be the idempotency key of a transaction: [`KeyInsert`].
#[diagnostic::on_unimplemented(
    message = "this statement cannot be an idempotency key: a second run of it might succeed",
    label = "write `sql!(\"INSERT INTO table (key) VALUES ($key)\")` of one row, where `key` is the primary key or unique",
    note = "each column of that key must be written, be NOT NULL, and have a parameter or a constant for its value: \
            `gen_random_uuid()`, `now()` and DEFAULT give another value in each run",
    note = "it has no RETURNING and no DO UPDATE; where more than one unique constraint of the table could be the key, \
            `ON CONFLICT (key) DO NOTHING` names the one that is",
    note = "the table has no triggers and no rules, and is neither a view nor partitioned, temporary or UNLOGGED"
)]
pub trait IdempotencyKey: sealed::Sealed {
    #[doc(hidden)]
    fn into_insert(self) -> KeyInsert;
}

impl IdempotencyKey for KeyInsert {
    fn into_insert(self) -> KeyInsert {
        self
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::KeyInsert {}
}

#[derive(Clone, Copy)]
struct Options {
    read_only: bool,
    attempts: u32,
    timeout: Millis,
}

/// What became of a transaction that has an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Once<T> {
    /// It was committed now, and its closure returned this.
    Now(T),
    /// One with the same key had been committed before: by an earlier request, or by an attempt of this one whose
    /// answer was lost. Nothing was done now; what it did then is in the database.
    Before,
}

impl<'d, F> Transact<'d, F> {
    pub(super) fn new(lender: &'d Lender, body: F) -> Self {
        let settings = lender.connector.settings();
        let options = Options {
            read_only: false,
            attempts: settings.max_attempts,
            timeout: settings.transaction_timeout,
        };
        Transact { lender, body, options }
    }

    /// It only reads: a statement that writes is an error of the server's. Its end costs no round trip.
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// How often the closure may run, with the first time; [`Config::max_attempts`](crate::Config::max_attempts) if
    /// it is not set.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.attempts = attempts.max(1);
        self
    }

    /// How long all its attempts may take together, pauses included;
    /// [`Config::transaction_timeout`](crate::Config::transaction_timeout) if it is not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = millis(timeout);
        self
    }

    /// Makes sure that it happens once, even if the answer to COMMIT is lost. `insert` writes a key that you choose,
    /// one for each intention of your user, into a table where it is unique:
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, Once, sql};
    /// # async fn order(dsql: &Dsql, key: &str) -> Result<(), Error> {
    /// let done = dsql
    ///     .transaction(async |tx| sql!("UPDATE tag_master SET usage_count = usage_count + 1").execute(tx).await)
    ///     .idempotency_key(sql!("INSERT INTO tag_master (tag_name, tag_category, usage_count) VALUES ($key, 'x', 0)"))
    ///     .await?;
    /// match done {
    ///     Once::Now(rows) => println!("{rows} rows"),
    ///     Once::Before => println!("that had been done before"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It travels with BEGIN. When the key is there already, the transaction was committed before: PostgreSQL reports a
    /// unique violation (23505) of one of the key's constraints, or with `ON CONFLICT DO NOTHING` inserts no row. When
    /// an answer to COMMIT is lost, the whole transaction runs again, and the key tells whether it had been committed.
    ///
    /// Not every INSERT is a key: a second run of it must violate a constraint. [`KeyInsert`] documents the rule; any
    /// other statement does not compile here.
    pub fn idempotency_key(self, insert: impl IdempotencyKey) -> TransactOnce<'d, F> {
        TransactOnce { transact: self, key: insert.into_insert() }
    }
}

impl<F> TransactOnce<'_, F> {
    /// As [`Transact::max_attempts`].
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.transact = self.transact.max_attempts(attempts);
        self
    }

    /// As [`Transact::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transact = self.transact.timeout(timeout);
        self
    }
}

impl<'d, F, Fut, T, E> IntoFuture for Transact<'d, F>
where
    F: FnOnce(Transaction<'d>) -> Fut + Clone + Send + 'd,
    Fut: Future<Output = Result<T, E>> + Send + 'd,
    T: Send + 'd,
    E: From<Error> + Send + 'd,
{
    type Output = Result<T, E>;
    type IntoFuture = Transacting<'d, T, E>;

    fn into_future(self) -> Self::IntoFuture {
        Transacting(Box::pin(async move {
            match run(self, None).await? {
                Once::Now(value) => Ok(value),
                // Without a key there is no other time.
                Once::Before => Err(E::from(Error::new(Kind::TransactionOver(OUTLIVED)))),
            }
        }))
    }
}

impl<'d, F, Fut, T, E> IntoFuture for TransactOnce<'d, F>
where
    F: FnOnce(Transaction<'d>) -> Fut + Clone + Send + 'd,
    Fut: Future<Output = Result<T, E>> + Send + 'd,
    T: Send + 'd,
    E: From<Error> + Send + 'd,
{
    type Output = Result<Once<T>, E>;
    type IntoFuture = Transacting<'d, Once<T>, E>;

    fn into_future(self) -> Self::IntoFuture {
        Transacting(Box::pin(run(self.transact, Some(self.key))))
    }
}

/// A transaction on its way: await it. Dropping it before it is done ends its connection: nothing of it stays, unless
/// COMMIT had been sent.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct Transacting<'d, T, E>(Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'd>>);

impl<T, E> Future for Transacting<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

/// The part of it that is made anew for each closure; the rest is [`Course`].
async fn run<'d, F, Fut, T, E>(transact: Transact<'d, F>, key: Option<KeyInsert>) -> Result<Once<T>, E>
where
    F: FnOnce(Transaction<'d>) -> Fut + Clone,
    Fut: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    let mut course = Course::new(transact.lender, transact.options, key)?;
    loop {
        let transaction = course.begin();
        let body = transact.body.clone();
        let returned = course.in_time(body(transaction)).await;
        let next = course.end(returned.as_ref().map(Result::is_ok)).await;
        match (next, returned) {
            (Next::Again, _) => {}
            (Next::Over, Some(returned)) => return returned.map(Once::Now),
            (Next::Before, _) => return Ok(Once::Before),
            (Next::Failed(error), _) => return Err(E::from(error)),
            (Next::Over, None) => return Err(E::from(Error::new(Kind::TransactionOver(OUTLIVED)))),
        }
    }
}

/// The course of a transaction through its attempts.
struct Course<'d> {
    lender: &'d Lender,
    runs: Runs<'d>,
    options: Options,
    key: Option<Arc<Prepared>>,
    deadline: BoxFuture<()>,
    attempt: Option<Attempt<'d>>,
    /// The error of an earlier attempt whose COMMIT may have succeeded, and may still arrive. Only the key resolves it:
    /// whatever else a later attempt ends with, the outcome of the whole stays unknown.
    unresolved: Option<Error>,
}

/// Where a transaction goes after an attempt.
enum Next {
    Again,
    /// What the closure returned stands.
    Over,
    /// The key was there.
    Before,
    Failed(Error),
}

/// An attempt that is under way; dropped, its connection is closed.
pub(super) struct Attempt<'d> {
    pub(super) lender: &'d Lender,
    pub(super) id: u64,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.lender.close_transaction(self.id, false);
    }
}

impl<'d> Course<'d> {
    fn new(lender: &'d Lender, options: Options, key: Option<KeyInsert>) -> Result<Self, Error> {
        if options.read_only && key.is_some() {
            return Err(Error::config("a read-only transaction cannot insert its idempotency key"));
        }
        Ok(Course {
            lender,
            runs: Runs::new(lender, options.attempts, options.timeout),
            options,
            key: key.map(Prepared::key).transpose()?.map(Arc::new),
            deadline: lender.connector.sleep(options.timeout),
            attempt: None,
            unresolved: None,
        })
    }

    fn begin(&mut self) -> Transaction<'d> {
        let begin = if self.options.read_only { BEGIN_READ_ONLY } else { BEGIN };
        let forgotten = seeded!(ForgetsKeyOnRetry) && self.runs.has_retried();
        let id =
            self.lender.open_transaction(Opening { begin, key: self.key.clone().filter(|_| !forgotten) });
        self.attempt = Some(Attempt { lender: self.lender, id });
        Transaction { lender: self.lender, id }
    }

    /// What the closure returns, unless it takes too long.
    async fn in_time<T>(&mut self, running: impl Future<Output = T>) -> Option<T> {
        let mut running = pin!(running);
        poll_fn(|context| match running.as_mut().poll(context) {
            _ if !self.lender.is_of_this_request() => Poll::Ready(None),
            Poll::Ready(returned) => Poll::Ready(Some(returned)),
            Poll::Pending => self.deadline.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// The end of an attempt whose closure returned well, badly, or not at all.
    async fn end(&mut self, well: Option<bool>) -> Next {
        let Some(attempt) = self.attempt.take() else { return Next::Over };
        let next = match well {
            Some(well) => self.settle(attempt, well).await,
            None => Next::Failed(self.interrupted(attempt)),
        };
        let next = self.resolve(next, well == Some(true));
        let result = match &next {
            Next::Again => return next,
            Next::Failed(error) => Err(error.again()),
            Next::Over | Next::Before => Ok(()),
        };
        self.runs.report(None, &result);
        next
    }

    /// The error of an attempt whose closure did not return.
    fn interrupted(&self, attempt: Attempt<'d>) -> Error {
        match self.lender.take_failure(attempt.id) {
            // Something may have been committed before the closure waited.
            Some(failure) if failure.failed.rule().leaves_unknown() => {
                self.runs.conclude(failure.error, &failure.failed)
            }
            _ => self.overdue(),
        }
    }

    /// The closure took too long, or another request polls it, in which its I/O never completes.
    fn overdue(&self) -> Error {
        Error::new(if self.lender.is_of_this_request() {
            Kind::Timeout("in a transaction (Config::transaction_timeout): it was rolled back".into())
        } else {
            Kind::OtherRequest
        })
    }

    /// An attempt that failed does not undo an earlier one whose COMMIT may have succeeded.
    fn resolve(&mut self, next: Next, committed: bool) -> Next {
        match next {
            Next::Failed(error) if error.is_outcome_unknown() => Next::Failed(error),
            Next::Over if committed => Next::Over,
            Next::Failed(_) | Next::Over => match self.unresolved.take() {
                Some(error) if !seeded!(ForgetsUnknownOutcome) => {
                    Next::Failed(self.runs.ended(error, Outcome::Unknown))
                }
                _ => next,
            },
            Next::Again | Next::Before => next,
        }
    }

    /// Whether the attempt that failed like this is followed by another one.
    async fn again(&mut self, error: &Error, failed: &Failed) -> bool {
        self.runs.rewind();
        let again = self.runs.again(failed, self.key.is_some()).await;
        if again && failed.rule().leaves_unknown() {
            self.unresolved = Some(error.again());
        }
        again
    }

    async fn settle(&mut self, attempt: Attempt<'d>, well: bool) -> Next {
        let id = attempt.id;
        // Whoever holds its connection now would hold it for ever.
        if self.lender.is_lent(id) {
            let busy = Error::new(Kind::TransactionOver(BUSY));
            return if well { Next::Failed(busy) } else { Next::Over };
        }
        // Without a statement there is nothing to commit, unless there is a key to be written.
        let unopened = self.lender.opening(id).is_some();
        if well && unopened && self.key.is_some() {
            self.runs.rewind();
            let inserted = self.runs.fly_in(id, &[], &mut []).await;
            // An error that the transaction did not record: nothing was sent.
            if let (Err(error), false) = (inserted, seeded!(DiscardsKeyResult))
                && !self.lender.has_failed(id)
            {
                self.lender.close_transaction(id, true);
                return Next::Failed(self.runs.ended(error, Outcome::Nothing));
            }
        }
        if let Some(failure) = self.lender.take_failure(id) {
            if seeded!(BelievesTheClosure) && well {
                return Next::Over;
            }
            self.lender.close_transaction(id, true);
            if failure.key_taken {
                return Next::Before;
            }
            if self.again(&failure.error, &failure.failed).await {
                return Next::Again;
            }
            // If the closure handled a permanent error, its own result is returned. If the error was transient or
            // leaves the outcome unknown, ours is returned, because the closure's has neither the number of attempts
            // nor the outcome.
            let rule = failure.failed.rule();
            if !well && !rule.is_transient() && !rule.leaves_unknown() {
                return Next::Over;
            }
            return Next::Failed(self.runs.conclude(failure.error, &failure.failed));
        }
        let unopened = self.lender.opening(id).is_some();
        if !well || unopened || self.options.read_only {
            self.lender.close_transaction(id, true);
            return Next::Over;
        }
        match self.runs.commit(id).await {
            Ok(()) => {
                self.lender.close_transaction(id, true);
                Next::Over
            }
            Err(failing) => {
                self.lender.close_transaction(id, true);
                if self.again(&failing.error, &failing.failed).await {
                    return Next::Again;
                }
                Next::Failed(self.runs.conclude(failing.error, &failing.failed))
            }
        }
    }
}

impl<F> fmt::Debug for Transact<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transact(…)")
    }
}

impl<F> fmt::Debug for TransactOnce<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactOnce(…)")
    }
}

impl<T, E> fmt::Debug for Transacting<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transacting(…)")
    }
}
