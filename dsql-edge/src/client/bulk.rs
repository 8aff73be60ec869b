//! Statements for many rows: one chunk after the other, in as many transactions.
//!
//! Input: a [`BulkCommand`] or a [`BulkQuery`]. Output: how many rows it touched, or the rows it returned; or the
//! error of a chunk, with the number of rows that were committed before it. Holds one chunk at a time, because that
//! one may have to be sent again.

use crate::client::executor::Executor;
use crate::client::fetch::QueryFuture;
use crate::client::flight::{BEGIN, Prepared, Sink, TransactionStart};
use crate::client::lender::{Lender, OpenTransaction};
use crate::client::pipeline::{All, Collector, Counted, Members, Pipelined};
use crate::client::run::{Attempt, AttemptFuture, Attempted, Runs, Target};
use crate::error::{Error, Kind};
use crate::many_rows::{MAX_BYTES, MAX_ROWS};
use crate::query::{Bulk, BulkCommand, BulkQuery, Request};
use crate::statement::{Effect, StatementRef};

impl<'a> BulkCommand<'a> {
    /// Runs it for all rows, and returns the number of those that it inserted, updated or deleted. All of them are
    /// committed then, if it does not run in a transaction.
    ///
    /// # Errors
    /// Any [`Error`] of the connection or the database; [`Error::committed_rows`] counts the rows before it.
    pub fn execute<'e, E: Executor + 'e>(mut self, mut executor: E) -> QueryFuture<'e, u64>
    where
        'a: 'e,
    {
        QueryFuture::new(async move { execute(executor.target(), &mut self.bulk).await })
    }
}

impl<'a, R: Send + 'static> BulkQuery<'a, R> {
    /// Runs it for all rows and returns those that came back, in order.
    ///
    /// # Errors
    /// As [`BulkCommand::execute`], and those of decoding.
    pub fn fetch_all<'e, E: Executor + 'e>(mut self, mut executor: E) -> QueryFuture<'e, Vec<R>>
    where
        'a: 'e,
    {
        QueryFuture::new(async move {
            let (mut all, mut chunk) = (Vec::new(), All::new(self.decode));
            let mut progress = ChunkProgress::default();
            while progress.next(executor.target(), &mut self.bulk, &mut chunk).await? {
                all.append(chunk.rows());
            }
            Ok(all)
        })
    }

    /// As [`BulkCommand::execute`]; the rows that come back are not decoded.
    ///
    /// # Errors
    /// As [`BulkCommand::execute`].
    pub fn execute<'e, E: Executor + 'e>(self, executor: E) -> QueryFuture<'e, u64>
    where
        'a: 'e,
    {
        BulkCommand { bulk: self.bulk }.execute(executor)
    }
}

async fn execute(target: Target<'_>, bulk: &mut Bulk<'_>) -> Result<u64, Error> {
    let (mut affected, mut chunk) = (0, Counted::default());
    let mut progress = ChunkProgress::default();
    while progress.next(target, bulk, &mut chunk).await? {
        affected += core::mem::take(&mut chunk).finish()?;
    }
    Ok(affected)
}

/// How many rows were committed.
#[derive(Default)]
struct ChunkProgress {
    committed: usize,
}

impl ChunkProgress {
    /// Sends the next chunk; `false` if there is none.
    async fn next(
        &mut self,
        target: Target<'_>,
        bulk: &mut Bulk<'_>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Error> {
        let Some(chunk) = bulk.rows.chunk(MAX_ROWS, MAX_BYTES) else { return Ok(false) };
        let rows = chunk.rows;
        let request =
            Request { statement: bulk.statement.clone(), arguments: chunk.arguments, unchecked: false };
        let sent = match Prepared::new(request) {
            Ok(prepared) => target.run_chunk(&prepared, bulk.fused, sink).await,
            Err(error) => Err(error),
        };
        let alone = target.transaction.is_none();
        match sent {
            Ok(()) => self.committed = self.committed.saturating_add(rows),
            Err(error) if alone => {
                let committed = self.committed.saturating_add(if error.is_executed() { rows } else { 0 });
                return Err(error.after_rows(committed));
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

impl Target<'_> {
    async fn run_chunk(&self, chunk: &Prepared, fused: bool, sink: &mut dyn Sink) -> Result<(), Error> {
        let statement = &chunk.statement;
        let members = core::slice::from_ref(chunk);
        let separate = self.transaction.is_none() && !fused && statement.effect != Effect::Read;
        if !separate {
            return match self.run(members, &mut [sink]) {
                Some(running) => running.await,
                None => Ok(()),
            };
        }
        let attempt = ChunkAttempt { statement, lender: self.lender, members, sink };
        Runs::of_query(self.lender).attempts(attempt).await
    }
}

/// A chunk outside of a transaction: BEGIN and the rows in one flight, COMMIT in another.
struct ChunkAttempt<'c, 's> {
    statement: &'c StatementRef,
    lender: &'c Lender,
    members: &'c [Prepared],
    sink: &'s mut dyn Sink,
}

impl Attempt for ChunkAttempt<'_, '_> {
    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a> {
        Box::pin(self.send(runs))
    }

    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error> {
        runs.end(self.statement, result)
    }
}

impl ChunkAttempt<'_, '_> {
    async fn send(&mut self, runs: &mut Runs<'_>) -> Attempted {
        let open = OpenTransaction::begin(self.lender, TransactionStart { begin: BEGIN, key: None });
        let sent = runs.fly_in(open.id, self.members, &mut [&mut *self.sink]).await;
        let failure = match (sent, self.lender.take_failure(open.id)) {
            (_, Some(failure)) => Box::new(failure),
            // The rows could not be sent, or a row that came back is not usable: nothing of this chunk is to stay.
            (Err(error), None) => {
                open.close();
                return Attempted::Ended(Err(error));
            }
            (Ok(()), None) => match runs.commit(open.id).await {
                Ok(()) => {
                    open.close();
                    return Attempted::Ended(Ok(()));
                }
                Err(failure) => failure,
            },
        };
        open.close();
        if self.sink.restart() {
            Attempted::Failed(failure)
        } else {
            Attempted::Ended(Err(runs.conclude(failure.error, &failure.facts)))
        }
    }
}

/// In a pipeline its rows are part of the one flight, and so of the one transaction.
impl Pipelined for BulkCommand<'_> {
    type Output = u64;
    type Collector = Counted;

    fn split(mut self, members: &mut Members) -> Counted {
        members.push(self.bulk.one_chunk());
        Counted::default()
    }
}

/// As [`BulkCommand`]: all rows that come back.
impl<R: Send + 'static> Pipelined for BulkQuery<'_, R> {
    type Output = Vec<R>;
    type Collector = All<R>;

    fn split(mut self, members: &mut Members) -> All<R> {
        members.push(self.bulk.one_chunk());
        All::new(self.decode)
    }
}

impl Bulk<'_> {
    /// All rows at once: more than a chunk is an error.
    fn one_chunk(&mut self) -> Request {
        let chunk = self.rows.chunk(MAX_ROWS, MAX_BYTES);
        let mut arguments = chunk.map(|chunk| chunk.arguments).unwrap_or_default();
        if self.rows.chunk(1, MAX_BYTES).is_some() {
            let text = "a pipeline takes 3,000 rows or 8 MiB of them at the most; `execute` sends any number";
            let last = arguments.pop().unwrap_or_default();
            arguments.push(last.or_error(Some(Error::new(Kind::TooLong(text)))));
        }
        Request { statement: self.statement.clone(), arguments, unchecked: false }
    }
}
