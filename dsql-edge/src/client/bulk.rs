//! Runs statements for many rows, in chunks.
//!
//! Input: a [`BulkCommand`] or a [`BulkQuery`]. Output: the number of affected rows, or the returned rows. If a chunk
//! fails, the output is its error, with the number of rows that were committed. If each chunk is a separate
//! transaction, `chunks.rs` or (with `fused`) `fused.rs` runs the chunks; otherwise, this module runs them.

use crate::arguments::Arguments;
use crate::client::chunks::{ChunkSink, Chunks, Positions};
use crate::client::executor::Executor;
use crate::client::fetch::QueryFuture;
use crate::client::flight::{Prepared, Sink};
use crate::client::fused::FusedChunks;
use crate::client::pipeline::{All, Collector, Counted, Members, Pipelined};
use crate::client::run::{Runs, Target};
use crate::client::trace::Trace;
use crate::error::{Error, Kind};
use crate::many_rows::{MAX_BYTES, MAX_FUSED, MAX_ROWS};
use crate::query::{Bulk, BulkCommand, BulkQuery, Request};
use crate::row::DataRow;
use crate::statement::Effect;

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
    /// Returns the errors of [`BulkCommand::execute`], and an error if a returned row cannot be decoded.
    pub fn fetch_all<'e, E: Executor + 'e>(mut self, mut executor: E) -> QueryFuture<'e, Vec<R>>
    where
        'a: 'e,
    {
        QueryFuture::new(async move {
            let mut all = All::new(self.decode);
            run(executor.target(), &mut self.bulk, &mut all).await?;
            all.finish()
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
    let mut affected = Total::default();
    run(target, bulk, &mut affected).await?;
    Ok(affected.0)
}

/// Runs the statement for all rows, and collects the rows that it returns.
async fn run(target: Target<'_>, bulk: &mut Bulk<'_>, sink: &mut dyn ChunkSink) -> Result<(), Error> {
    if target.transaction.is_some() || bulk.statement.effect == Effect::Read {
        return run_flights(target, bulk, sink).await;
    }
    if bulk.fused {
        return run_fused(target, bulk, sink).await;
    }
    let mut chunks = Chunks::new(target.lender, sink);
    while let Some((chunk, rows)) = bulk.next() {
        match Prepared::new(chunk) {
            Ok(chunk) => chunks.send(chunk, rows).await?,
            Err(error) => return Err(chunks.end(error).await),
        }
    }
    chunks.finish().await
}

/// Runs the chunks in groups. The chunks of a group are sent in one flight, or one by one if one of them is too long
/// for that. Each chunk is a separate transaction.
async fn run_fused(target: Target<'_>, bulk: &mut Bulk<'_>, sink: &mut dyn ChunkSink) -> Result<(), Error> {
    let mut committed: usize = 0;
    loop {
        let Group { chunks, rows, error } = bulk.group();
        if !chunks.is_empty() {
            let mut done = 0;
            let attempt = FusedChunks::new(&chunks, &mut *sink, &mut done);
            let trace = Trace::of_chunk(&target.lender.connector, &chunks);
            let sent = Runs::of_query(target.lender, trace).attempts(attempt).await;
            committed = rows.iter().take(done).fold(committed, |sum, rows| sum.saturating_add(*rows));
            sent.map_err(|error| error.after_rows(committed))?;
        } else if error.is_none() {
            return Ok(());
        }
        if let Some(error) = error {
            return Err(error.after_rows(committed));
        }
    }
}

/// The chunks of a group, and the number of rows of each.
#[derive(Default)]
struct Group {
    chunks: Vec<Prepared>,
    rows: Vec<usize>,
    /// The error of the next chunk, if that chunk cannot be sent.
    error: Option<Error>,
}

/// Runs each chunk as one flight: in the caller's transaction, or outside a transaction if the statement only reads.
async fn run_flights(target: Target<'_>, bulk: &mut Bulk<'_>, sink: &mut dyn ChunkSink) -> Result<(), Error> {
    let mut committed: usize = 0;
    while let Some((chunk, rows)) = bulk.next() {
        let mut sink = Positions::new(&mut *sink);
        let sent = match Prepared::new(chunk) {
            Ok(chunk) => match target.run(core::slice::from_ref(&chunk), &mut [&mut sink]) {
                Some(running) => running.await,
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => committed = committed.saturating_add(rows),
            Err(error) if target.transaction.is_none() => {
                let committed = committed.saturating_add(if error.is_executed() { rows } else { 0 });
                return Err(error.after_rows(committed));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Adds up the server's counts of the rows of all chunks.
#[derive(Default)]
struct Total(u64);

impl Sink for Total {
    fn row(&mut self, _: &DataRow<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn done(&mut self, affected: u64) {
        self.0 = self.0.saturating_add(affected);
    }

    fn restart(&mut self) -> bool {
        self.rewind(0);
        true
    }

    fn keeps(&self) -> bool {
        false
    }
}

impl ChunkSink for Total {
    fn position(&self) -> u64 {
        self.0
    }

    fn rewind(&mut self, position: u64) {
        self.0 = position;
    }
}

impl<R: Send> ChunkSink for All<R> {
    fn position(&self) -> u64 {
        self.rows.len() as u64
    }

    fn rewind(&mut self, position: u64) {
        self.rows.truncate(usize::try_from(position).unwrap_or(usize::MAX));
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
    /// The next chunk, and the number of its rows.
    fn next(&mut self) -> Option<(Request, usize)> {
        let chunk = self.rows.chunk(self.max_rows, MAX_BYTES)?;
        let request =
            Request { statement: self.statement.clone(), arguments: chunk.arguments, unchecked: false };
        Some((request, chunk.rows))
    }

    /// Takes the next chunks, as many as may be sent in one flight.
    fn group(&mut self) -> Group {
        let (mut group, mut bytes) = (Group::default(), 0);
        // A chunk is added only while the group has fewer than half of `MAX_BYTES` bytes, because the added chunk alone
        // may have `MAX_BYTES` bytes.
        while bytes < MAX_BYTES / 2 && group.chunks.len() < MAX_FUSED {
            let Some((request, rows)) = self.next() else { break };
            match Prepared::new(request) {
                Ok(chunk) => {
                    bytes += chunk.arguments.iter().map(Arguments::len).sum::<usize>();
                    group.chunks.push(chunk);
                    group.rows.push(rows);
                }
                Err(error) => {
                    group.error = Some(error);
                    break;
                }
            }
        }
        group
    }

    /// All rows as one chunk. More rows than a chunk can hold are an error.
    fn one_chunk(&mut self) -> Request {
        let chunk = self.rows.chunk(MAX_ROWS, MAX_BYTES);
        let mut arguments = chunk.map(|chunk| chunk.arguments).unwrap_or_default();
        if self.rows.chunk(1, MAX_BYTES).is_some() {
            let text = "a pipeline takes at most 3,000 rows and 8 MiB; `execute` sends any number";
            let last = arguments.pop().unwrap_or_default();
            arguments.push(last.or_error(Some(Error::new(Kind::TooLong(text)))));
        }
        Request { statement: self.statement.clone(), arguments, unchecked: false }
    }
}
