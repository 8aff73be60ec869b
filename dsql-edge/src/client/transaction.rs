//! Transactions: a closure that runs again, as a whole, after a conflict with another transaction.
//!
//! Input: a closure that takes a [`Transaction`]. Output: the closure's result, once COMMIT has been answered. BEGIN is
//! sent with the first statement; COMMIT is sent alone.
//!
//! Invariant: the closure's result decides how the transaction ends only if the transaction has received no error. An
//! error of the server ends the transaction even if the closure ignored the error.

use core::fmt;
use core::future::{Future, IntoFuture, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use crate::client::executor::{self, Executor};
use crate::client::fetch::QueryFuture;
use crate::client::flight::{BEGIN, BEGIN_READ_ONLY, Prepared, TransactionStart};
use crate::client::lender::{Lender, OpenTransaction};
use crate::client::link::FlightFailure;
use crate::client::pipeline::Pipelined;
use crate::client::run::{Attempt, AttemptFuture, Attempted, InTransaction, Runs, Target};
use crate::client::trace::Trace;
use crate::error::{Error, Kind, OUTLIVED, Outcome};
use crate::millis::{Millis, millis};
use crate::query::KeyInsert;
use crate::transport::BoxFuture;

const BUSY: &str = "the transaction was rolled back: its closure returned while a statement or stream was running: \
                    await or drop it first";

/// An open transaction, on which queries run: the argument of the closure of
/// [`Dsql::transaction`](crate::Dsql::transaction).
///
/// `Transaction` is a handle that is copied like a reference: any number of queries and functions
/// (`tx: Transaction<'_>`, or `mut db: impl Executor`) can take `tx`. The statements of a transaction run one after the
/// other.
///
/// ```
/// # use dsql_edge::{Dsql, Error, Transaction, sql};
/// async fn rename(tx: Transaction<'_>, from: &str, to: &str) -> Result<u64, Error> {
///     sql!("UPDATE tag_master SET tag_name = $to WHERE tag_name = $from").execute(tx).await
/// }
///
/// # async fn both(dsql: &Dsql) -> Result<u64, Error> {
/// dsql.transaction(async |tx| {
///     let renamed = rename(tx, "js", "JavaScript").await? + rename(tx, "rs", "Rust").await?;
///     Ok::<_, Error>(renamed)
/// })
/// .await
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Transaction<'d> {
    pub(super) lender: &'d Lender,
    pub(super) id: u64,
}

impl<'d> Transaction<'d> {
    /// Sends several queries in one round trip, as part of this transaction.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn both(dsql: &Dsql) -> Result<(u64, i64), Error> {
    /// dsql.transaction(async |tx| {
    ///     tx.pipeline((
    ///         sql!("DELETE FROM tag_master WHERE usage_count = 0"),
    ///         sql!("SELECT count(*) FROM tag_master").value(),
    ///     ))
    ///     .await
    /// })
    /// .await
    /// # }
    /// ```
    pub fn pipeline<P: Pipelined + 'd>(self, queries: P) -> QueryFuture<'d, P::Output> {
        QueryFuture::of(queries, self)
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

/// A transaction that does not run yet: set its options, then await it.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn total(dsql: &Dsql) -> Result<i64, Error> {
/// use std::time::Duration;
///
/// dsql.transaction(async |tx| {
///     let tags = sql!("SELECT usage_count FROM tag_master").fetch_all(tx).await?;
///     Ok(tags.into_iter().map(|tag| i64::from(tag.usage_count)).sum())
/// })
/// .read_only()
/// .max_attempts(2)
/// .timeout(Duration::from_secs(5))
/// .await
/// # }
/// ```
#[must_use = "a transaction does nothing until it is awaited"]
pub struct TransactionBuilder<'d, F> {
    lender: &'d Lender,
    body: F,
    options: Options,
}

/// A transaction with an [idempotency key](TransactionBuilder::idempotency_key) that does not run yet: set its options,
/// then await it.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct IdempotentTransactionBuilder<'d, F> {
    builder: TransactionBuilder<'d, F>,
    key: KeyInsert,
}

/// A closure of a transaction that can run again after a conflict: its captures can be cloned.
#[diagnostic::on_unimplemented(
    message = "the closure of a transaction may run again, and this closure can run only once",
    label = "it changes a variable outside the closure, or owns a value that cannot be cloned",
    note = "after a conflict, the closure runs again from the beginning, so it works on a copy of its captures",
    note = "instead of changing a variable, return its value: `let n = dsql.transaction(async |tx| {{ …; Ok::<_, Error>(n) }}).await?`",
    note = "instead of moving a value into the closure, borrow it"
)]
pub trait RunsAgain: Clone {}

#[diagnostic::do_not_recommend]
impl<F: Clone> RunsAgain for F {}

/// A statement that can be the idempotency key of a transaction: [`KeyInsert`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an idempotency key: a key is an INSERT that cannot succeed twice",
    label = "write `sql!(\"INSERT INTO table (key) VALUES ($key)\")` of one row, where `key` is the primary key or unique; \
             the value of the key is the parameter",
    note = "each column of that key must be written, be NOT NULL, and have a parameter or a constant for its value: \
            `gen_random_uuid()`, `now()` and DEFAULT give a different value in each run",
    note = "it has no RETURNING and no DO UPDATE; if the row could violate another unique index of the table, too, \
            `ON CONFLICT (key) DO NOTHING` names the key",
    note = "the table has no triggers and no rules, and is neither a view nor partitioned, temporary or UNLOGGED",
    note = "`dsql-edge describe 'INSERT …'` prints the reason for one INSERT"
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
    max_attempts: u32,
    timeout: Millis,
}

/// The result of a transaction with an [idempotency key](TransactionBuilder::idempotency_key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdempotentOutcome<T> {
    /// The transaction was committed now, and its closure returned this value.
    Committed(T),
    /// A transaction with the same key had been committed before: by an earlier request, or by an attempt of this
    /// request whose answer was lost. This transaction changed nothing; the changes of the earlier transaction are in
    /// the database.
    AlreadyCommitted,
}

impl<'d, F> TransactionBuilder<'d, F> {
    pub(super) fn new(lender: &'d Lender, body: F) -> Self {
        let settings = lender.connector.settings();
        let options = Options {
            read_only: false,
            max_attempts: settings.max_attempts,
            timeout: settings.transaction_timeout,
        };
        TransactionBuilder { lender, body, options }
    }

    /// Makes the transaction read-only: the server rejects a statement that writes. The end of a read-only transaction
    /// costs no round trip.
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// The maximum number of times that the closure runs, including the first. The default is
    /// [`Config::max_attempts`](crate::Config::max_attempts).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts.max(1);
        self
    }

    /// The time limit of all attempts together, including pauses. The default is
    /// [`Config::transaction_timeout`](crate::Config::transaction_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = millis(timeout);
        self
    }

    /// Makes sure that the transaction commits at most once, even if the answer to COMMIT is lost. You choose one key
    /// for each operation that your user starts, and `insert` writes the key into a table in which the key is unique:
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, IdempotentOutcome, sql};
    /// # async fn order(dsql: &Dsql, key: &str) -> Result<(), Error> {
    /// let done = dsql
    ///     .transaction(async |tx| sql!("UPDATE tag_master SET usage_count = usage_count + 1").execute(tx).await)
    ///     .idempotency_key(sql!(
    ///         "INSERT INTO tag_master (tag_name, tag_category, usage_count) VALUES ($key, 'x', 0)"
    ///     ))
    ///     .await?;
    /// match done {
    ///     IdempotentOutcome::Committed(rows) => println!("{rows} rows"),
    ///     IdempotentOutcome::AlreadyCommitted => println!("committed before"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The INSERT is sent with BEGIN. If the key exists already, the transaction was committed before: PostgreSQL
    /// reports a unique violation (23505) of one of the key's constraints, or with `ON CONFLICT DO NOTHING` inserts no
    /// row. If the answer to COMMIT is lost, the whole transaction runs again, and the key shows whether it had been
    /// committed.
    ///
    /// Not every INSERT can be a key: a second run of the INSERT must violate a constraint. [`KeyInsert`] documents the
    /// rule; other statements do not compile here.
    pub fn idempotency_key(self, insert: impl IdempotencyKey) -> IdempotentTransactionBuilder<'d, F> {
        IdempotentTransactionBuilder { builder: self, key: insert.into_insert() }
    }
}

impl<F> IdempotentTransactionBuilder<'_, F> {
    /// Does the same as [`TransactionBuilder::max_attempts`].
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.builder = self.builder.max_attempts(attempts);
        self
    }

    /// Does the same as [`TransactionBuilder::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.builder = self.builder.timeout(timeout);
        self
    }
}

impl<'d, F, Fut, T, E> IntoFuture for TransactionBuilder<'d, F>
where
    F: FnOnce(Transaction<'d>) -> Fut + RunsAgain + Send + 'd,
    Fut: Future<Output = Result<T, E>> + Send + 'd,
    T: Send + 'd,
    E: From<Error> + Send + 'd,
{
    type Output = Result<T, E>;
    type IntoFuture = TransactionFuture<'d, T, E>;

    fn into_future(self) -> Self::IntoFuture {
        TransactionFuture(Box::pin(async move {
            match run(self, None).await? {
                IdempotentOutcome::Committed(value) => Ok(value),
                // The variant `AlreadyCommitted` does not occur here, because only an attempt with an idempotency key
                // returns it.
                IdempotentOutcome::AlreadyCommitted => {
                    Err(E::from(Error::new(Kind::TransactionOver(OUTLIVED.into()))))
                }
            }
        }))
    }
}

impl<'d, F, Fut, T, E> IntoFuture for IdempotentTransactionBuilder<'d, F>
where
    F: FnOnce(Transaction<'d>) -> Fut + RunsAgain + Send + 'd,
    Fut: Future<Output = Result<T, E>> + Send + 'd,
    T: Send + 'd,
    E: From<Error> + Send + 'd,
{
    type Output = Result<IdempotentOutcome<T>, E>;
    type IntoFuture = TransactionFuture<'d, IdempotentOutcome<T>, E>;

    fn into_future(self) -> Self::IntoFuture {
        TransactionFuture(Box::pin(run(self.builder, Some(self.key))))
    }
}

/// The future of a transaction. Dropping the future early closes its connection. If COMMIT was not sent, the
/// transaction then changes nothing; otherwise, its outcome is unknown.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct TransactionFuture<'d, T, E>(Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'd>>);

impl<T, E> Future for TransactionFuture<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

async fn run<'d, F, Fut, T, E>(
    builder: TransactionBuilder<'d, F>,
    key: Option<KeyInsert>,
) -> Result<IdempotentOutcome<T>, E>
where
    F: FnOnce(Transaction<'d>) -> Fut + Clone + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    let TransactionBuilder { lender, body, options } = builder;
    let shared = TransactionAttempts::new(lender, options, key)?;
    let trace = Trace::of_transaction(&lender.connector);
    let runs = Runs::new(lender, options.max_attempts, options.timeout, trace);
    let mut attempt = ClosureAttempt { shared, body, returned: None::<Result<T, E>> };
    runs.attempts(&mut attempt as &mut dyn Attempt).await?;
    match attempt.returned {
        Some(returned) if !attempt.shared.committed_before => returned.map(IdempotentOutcome::Committed),
        _ => Ok(IdempotentOutcome::AlreadyCommitted),
    }
}

/// The generic part of an attempt, which is compiled for each closure. [`TransactionAttempts`] has the rest.
struct ClosureAttempt<'d, F, R> {
    shared: TransactionAttempts<'d>,
    body: F,
    /// The result of the closure in the last attempt.
    returned: Option<R>,
}

impl<'d, F, Fut, T, E> Attempt for ClosureAttempt<'d, F, Result<T, E>>
where
    F: FnOnce(Transaction<'d>) -> Fut + Clone + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: Send,
{
    fn is_resolvable(&self) -> bool {
        self.shared.key.is_some()
    }

    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a> {
        Box::pin(async move {
            let open = self.shared.begin(runs);
            let body = self.body.clone();
            let running = body(Transaction { lender: open.lender, id: open.id });
            self.returned = self.shared.in_time(running).await;
            self.shared.end(runs, open, self.returned.as_ref().map(Result::is_ok)).await
        })
    }

    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error> {
        self.shared.finish(runs, result, self.returned.as_ref().map(Result::is_ok))
    }
}

/// The state that all attempts of a transaction share.
struct TransactionAttempts<'d> {
    lender: &'d Lender,
    options: Options,
    key: Option<Arc<Prepared>>,
    deadline: BoxFuture<()>,
    /// Whether an earlier run of the transaction has committed the key's row.
    committed_before: bool,
    /// Whether the last attempt failed with a permanent error, and its closure also returned an error. The closure's
    /// own error is then returned.
    handled: bool,
    /// The error of an attempt whose COMMIT may have succeeded, or may still reach the server. Only the key resolves
    /// the outcome of that attempt. Without a key, the outcome of the transaction stays unknown, even if the outcome of
    /// a later attempt is known.
    unresolved: Option<Error>,
}

impl<'d> TransactionAttempts<'d> {
    fn new(lender: &'d Lender, options: Options, key: Option<KeyInsert>) -> Result<Self, Error> {
        if options.read_only && key.is_some() {
            return Err(Error::config("a read-only transaction cannot insert its idempotency key"));
        }
        let key = key.map(Prepared::key).transpose()?.map(Arc::new);
        let deadline = lender.connector.sleep(options.timeout);
        Ok(TransactionAttempts {
            lender,
            options,
            key,
            deadline,
            committed_before: false,
            handled: false,
            unresolved: None,
        })
    }

    fn begin(&self, runs: &Runs<'_>) -> OpenTransaction<'d> {
        let begin = if self.options.read_only { BEGIN_READ_ONLY } else { BEGIN };
        let forgotten = seeded!(ForgetsKeyOnRetry) && runs.has_retried();
        let key = self.key.clone().filter(|_| !forgotten);
        OpenTransaction::begin(self.lender, TransactionStart { begin, key })
    }

    /// Returns the closure's result, or `None` if the closure takes too long or is polled by another request.
    async fn in_time<T>(&mut self, running: impl Future<Output = T>) -> Option<T> {
        let mut running = pin!(running);
        poll_fn(|context| match running.as_mut().poll(context) {
            _ if !self.lender.is_of_this_request() => Poll::Ready(None),
            Poll::Ready(returned) => Poll::Ready(Some(returned)),
            Poll::Pending => self.deadline.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Ends an attempt. `well` is whether the closure returned `Ok`; `None` if the closure did not return.
    async fn end(&mut self, runs: &mut Runs<'_>, open: OpenTransaction<'d>, well: Option<bool>) -> Attempted {
        match well {
            Some(well) => self.settle(runs, open, well).await,
            None => Attempted::Ended(Err(self.interrupted(runs, &open))),
        }
    }

    /// Returns the error for an attempt whose closure did not return.
    fn interrupted(&self, runs: &Runs<'_>, open: &OpenTransaction<'d>) -> Error {
        match self.lender.take_failure(open.id) {
            // A flight failed before the closure was interrupted, and the server may have committed this flight.
            Some(failure) if failure.facts.rule().leaves_unknown() => {
                runs.conclude(failure.error, &failure.facts)
            }
            _ => self.overdue(),
        }
    }

    /// Returns the error for a closure that took too long, or whose future is polled by another request, in which the
    /// closure's I/O never completes.
    fn overdue(&self) -> Error {
        Error::new(if self.lender.is_of_this_request() {
            Kind::Timeout("in a transaction (Config::transaction_timeout): it was rolled back".into())
        } else {
            Kind::OtherRequest
        })
    }

    async fn settle(&mut self, runs: &mut Runs<'_>, open: OpenTransaction<'d>, well: bool) -> Attempted {
        let id = open.id;
        // A statement or stream of the closure still holds the connection. Nothing polls this statement or stream any
        // more, so it would never return the connection.
        if self.lender.is_lent(id) {
            let busy = Error::new(Kind::TransactionOver(BUSY.into()));
            return Attempted::Ended(if well { Err(busy) } else { Ok(()) });
        }
        // Without a statement there is nothing to commit, except a key.
        let is_unopened = self.lender.start_of(id).is_some();
        if well && is_unopened && self.key.is_some() {
            runs.rewind();
            let inserted = runs.fly_in(id, &[], &mut []).await;
            // If the error is not recorded as a failure of the transaction, nothing was sent.
            if let (Err(error), false) = (inserted, seeded!(DiscardsKeyResult))
                && !self.lender.has_failed(id)
            {
                open.close();
                return Attempted::Ended(Err(runs.ended(error, Outcome::Nothing)));
            }
        }
        if let Some(failure) = self.lender.take_failure(id) {
            return self.failed(runs, open, failure, well);
        }
        let is_unopened = self.lender.start_of(id).is_some();
        if !well || is_unopened || self.options.read_only {
            open.close();
            return Attempted::Ended(Ok(()));
        }
        let committed = runs.commit(id).await;
        open.close();
        match committed {
            Ok(()) => Attempted::Ended(Ok(())),
            Err(failure) => self.may_repeat(runs, failure, false),
        }
    }

    /// Ends an attempt in which a flight failed. The rules decide whether there is another attempt.
    fn may_repeat(&mut self, runs: &mut Runs<'_>, failure: Box<FlightFailure>, handled: bool) -> Attempted {
        // The next attempt gets the full time limit of connecting, however long the closure took.
        runs.rewind();
        if failure.facts.rule().leaves_unknown() {
            self.unresolved = Some(failure.error.again());
        }
        self.handled = handled;
        Attempted::Failed(failure)
    }

    /// Determines the final result of all attempts: this crate's error, or else the closure's own result. If the
    /// COMMIT of an earlier attempt may have succeeded, a later attempt that fails does not make the outcome known.
    fn finish(
        &mut self,
        runs: &Runs<'_>,
        result: Result<(), Error>,
        well: Option<bool>,
    ) -> Result<(), Error> {
        let result = match (result, well) {
            (Ok(()), None) if !self.committed_before => {
                Err(Error::new(Kind::TransactionOver(OUTLIVED.into())))
            }
            (Err(_), _) if self.handled => Ok(()),
            (result, _) => result,
        };
        let is_committed = result.is_ok() && (self.committed_before || well == Some(true));
        let is_unknown = result.as_ref().is_err_and(Error::is_outcome_unknown);
        let result = match self.unresolved.take() {
            Some(error) if !is_committed && !is_unknown && !seeded!(ForgetsUnknownOutcome) => {
                Err(runs.ended(error, Outcome::Unknown))
            }
            _ => result,
        };
        runs.report(None, &result);
        result
    }

    /// Returns the connection, and ends an attempt in which a flight failed.
    fn failed(
        &mut self,
        runs: &mut Runs<'_>,
        open: OpenTransaction<'d>,
        failure: FlightFailure,
        well: bool,
    ) -> Attempted {
        if seeded!(TrustsClosureResult) && well {
            return Attempted::Ended(Ok(()));
        }
        open.close();
        if failure.key_taken {
            self.committed_before = true;
            return Attempted::Ended(Ok(()));
        }
        // If the error was transient or leaves the outcome unknown, this crate's error is returned, because the
        // closure's own error has neither the number of attempts nor the outcome.
        let rule = failure.facts.rule();
        let handled = !well && !rule.is_transient() && !rule.leaves_unknown();
        self.may_repeat(runs, Box::new(failure), handled)
    }
}

impl<F> fmt::Debug for TransactionBuilder<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionBuilder(…)")
    }
}

impl<F> fmt::Debug for IdempotentTransactionBuilder<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotentTransactionBuilder(…)")
    }
}

impl<T, E> fmt::Debug for TransactionFuture<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionFuture(…)")
    }
}
