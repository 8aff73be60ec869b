//! Runs statements for many rows: one chunk after the other, each in a transaction of its own.
//!
//! Input: a [`BulkCommand`] or a [`BulkQuery`]. Output: the number of affected rows, or the returned rows. If a chunk
//! fails, the output is its error, with the number of rows that were committed before this chunk. One chunk at a time
//! is kept in memory, because the chunk may have to be sent again.

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
    /// Runs the statement for all rows, and returns the number of rows that it inserted, updated or deleted. Outside a
    /// transaction, all these rows are committed when the number is returned.
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection or the database; [`Error::committed_rows`] is the number of rows that
    /// were committed before the error.
    pub fn execute<'e, E: Executor + 'e>(mut self, mut executor: E) -> QueryFuture<'e, u64>
    where
        'a: 'e,
    {
        QueryFuture::new(async move { execute(executor.target(), &mut self.bulk).await })
    }
}

impl<'a, R: Send + 'static> BulkQuery<'a, R> {
    /// Runs the query for all input rows, and returns the rows of its result in order.
    ///
    /// # Errors
    /// Returns the errors of [`BulkCommand::execute`], and those of decoding.
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

    /// Does the same as [`BulkCommand::execute`]; the returned rows are not decoded.
    ///
    /// # Errors
    /// Returns the errors of [`BulkCommand::execute`].
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

/// The number of rows that were committed.
#[derive(Default)]
struct ChunkProgress {
    committed: usize,
}

impl ChunkProgress {
    /// Sends the next chunk. Returns `false` if there are no more rows.
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

/// A chunk outside a transaction: BEGIN and the rows in one flight, COMMIT in another.
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
            // The rows could not be sent, or a returned row cannot be used, so the chunk must not be committed.
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

/// In a pipeline, all rows are sent in the pipeline's one flight, and so in its one transaction.
impl Pipelined for BulkCommand<'_> {
    type Output = u64;
    type Collector = Counted;

    fn split(mut self, members: &mut Members) -> Counted {
        members.push(self.bulk.one_chunk());
        Counted::default()
    }
}

/// Like [`BulkCommand`]; the result is all returned rows.
impl<R: Send + 'static> Pipelined for BulkQuery<'_, R> {
    type Output = Vec<R>;
    type Collector = All<R>;

    fn split(mut self, members: &mut Members) -> All<R> {
        members.push(self.bulk.one_chunk());
        All::new(self.decode)
    }
}

impl Bulk<'_> {
    /// All rows as one chunk. More rows than a chunk can hold are an error.
    fn one_chunk(&mut self) -> Request {
        let chunk = self.rows.chunk(MAX_ROWS, MAX_BYTES);
        let mut arguments = chunk.map(|chunk| chunk.arguments).unwrap_or_default();
        if self.rows.chunk(1, MAX_BYTES).is_some() {
            let text = "a pipeline takes at most 3,000 rows or 8 MiB; `execute` sends any number";
            let last = arguments.pop().unwrap_or_default();
            arguments.push(last.or_error(Some(Error::new(Kind::TooLong(text)))));
        }
        Request { statement: self.statement.clone(), arguments, unchecked: false }
    }
}
