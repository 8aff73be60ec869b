//! Writes many rows outside a transaction: chunk by chunk, each chunk in a separate transaction.
//!
//! Input: the chunks of a statement. Output: the returned rows in a [`ChunkSink`], or the error of the chunk that
//! failed, with the number of rows that were committed before that chunk.
//!
//! COMMIT is never sent together with the rows of its own chunk: if the connection is lost before COMMIT is sent, the
//! outcome is known. But COMMIT is sent together with the rows of the *next* chunk, so each chunk takes one round trip:
//!
//! ```text
//! BEGIN, rows 1, Sync
//! COMMIT, Sync, BEGIN, rows 2, Sync
//! COMMIT, Sync
//! ```
//!
//! Two chunks are in memory at a time, because either may have to be sent again. If the COMMIT of chunk 1 fails, the
//! transaction of chunk 2 is rolled back. If the rules allow it, chunk 1 is then sent again, and chunk 2 after it. So
//! the committed rows are always the first rows.
//!
//! A pool ends its lease at COMMIT, so with a pool each COMMIT is a separate flight.

use crate::client::flight::{BEGIN, Prepared, Sink, TransactionStart};
use crate::client::lender::{Lender, OpenTransaction};
use crate::client::link::FlightFailure;
use crate::client::run::{PreviousCommit, Runs};
use crate::client::trace::Trace;
use crate::error::Error;
use crate::row::DataRow;

/// Collects the rows of several chunks.
pub(super) trait ChunkSink: Sink {
    /// Returns the position after the rows that were collected so far.
    fn position(&self) -> u64;

    /// Discards the rows that were collected after this position.
    fn rewind(&mut self, position: u64);
}

/// Passes the rows of one flight on, and records the position of the sink before the first chunk and after each chunk.
pub(super) struct Positions<'s> {
    sink: &'s mut dyn ChunkSink,
    positions: Vec<u64>,
}

impl<'s> Positions<'s> {
    pub(super) fn new(sink: &'s mut dyn ChunkSink) -> Self {
        Positions { positions: vec![sink.position()], sink }
    }

    /// Discards the rows of all chunks after the first `chunks` chunks.
    pub(super) fn rewind_to(&mut self, chunks: usize) {
        self.positions.truncate(chunks + 1);
        if let Some(position) = self.positions.last() {
            self.sink.rewind(*position);
        }
    }
}

impl Sink for Positions<'_> {
    fn row(&mut self, row: &DataRow<'_>) -> Result<(), Error> {
        self.sink.row(row)
    }

    fn done(&mut self, affected: u64) {
        self.sink.done(affected);
        self.positions.push(self.sink.position());
    }

    fn restart(&mut self) -> bool {
        self.rewind_to(0);
        true
    }

    fn keeps(&self) -> bool {
        self.sink.keeps()
    }
}

/// The chunks of one statement.
pub(super) struct Chunks<'c> {
    lender: &'c Lender,
    sink: &'c mut dyn ChunkSink,
    uncommitted: Option<Uncommitted<'c>>,
    committed: usize,
}

/// A chunk that the server has executed, but whose COMMIT was not sent.
struct Uncommitted<'c> {
    chunk: Prepared,
    rows: usize,
    /// The position of the sink before this chunk.
    start: u64,
    open: OpenTransaction<'c>,
    runs: Runs<'c>,
}

/// The outcome of sending the rows of a chunk.
enum Sent<'c> {
    Open(OpenTransaction<'c>),
    /// The rows could not be sent, or a returned row cannot be used: the chunk must not be committed.
    Unusable(Error),
    Failed(Box<FlightFailure>),
}

/// The rows of a chunk that were sent behind the COMMIT of the previous chunk.
struct Behind<'c> {
    runs: Runs<'c>,
    /// The position of the sink before these rows.
    start: u64,
    sent: Sent<'c>,
}

impl<'c> Chunks<'c> {
    pub(super) fn new(lender: &'c Lender, sink: &'c mut dyn ChunkSink) -> Self {
        Chunks { lender, sink, uncommitted: None, committed: 0 }
    }

    /// Commits the previous chunk, and sends the rows of `chunk`.
    pub(super) async fn send(&mut self, chunk: Prepared, rows: usize) -> Result<(), Error> {
        let behind = match self.uncommitted.take() {
            Some(before) if self.lender.is_leased(before.open.id) => {
                self.commit(before).await?;
                None
            }
            Some(before) => self.send_behind(before, &chunk).await?,
            None => None,
        };
        // If the rows were not sent behind the previous COMMIT (`behind` is `None`), the time limit of the chunk begins
        // now.
        let (mut runs, start, sent) = match behind {
            Some(Behind { runs, start, sent }) => (runs, start, Some(sent)),
            None => (self.runs(&chunk), self.sink.position(), None),
        };
        match self.open(&chunk, &mut runs, start, sent).await {
            Ok(open) => self.uncommitted = Some(Uncommitted { chunk, rows, start, open, runs }),
            Err(error) => return self.failed(&chunk, &runs, error),
        }
        Ok(())
    }

    /// Commits the last chunk.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        match self.uncommitted.take() {
            Some(last) => self.commit(last).await,
            None => Ok(()),
        }
    }

    /// Commits the previous chunk after the next chunk could not be sent, and returns the error to report.
    pub(super) async fn end(&mut self, error: Error) -> Error {
        match self.finish().await {
            Ok(()) => error.after_rows(self.committed),
            Err(earlier) => earlier,
        }
    }

    /// Sends the COMMIT of a chunk, and the rows of the next chunk behind it. Returns `None` if the rows of the next
    /// chunk have to be sent again.
    async fn send_behind(
        &mut self,
        before: Uncommitted<'c>,
        chunk: &Prepared,
    ) -> Result<Option<Behind<'c>>, Error> {
        let mut runs = self.runs(chunk);
        let start = self.sink.position();
        let open = self.begin();
        let members = core::slice::from_ref(chunk);
        let sinks: &mut [&mut dyn Sink] = &mut [&mut *self.sink];
        let (previous, sent) = runs.fly_behind_commit(before.open.id, open.id, members, sinks).await;
        match previous {
            PreviousCommit::Committed => {
                self.committed(before);
                Ok(Some(Behind { runs, start, sent: self.sent(open, sent) }))
            }
            // Nothing was sent, and the connection still has the open transaction.
            PreviousCommit::NotSent => {
                self.lender.hand_over(open.id, before.open.id);
                self.commit(before).await?;
                Ok(sent.err().map(|error| Behind { runs, start, sent: Sent::Unusable(error) }))
            }
            PreviousCommit::Failed(failure) => {
                open.close();
                before.open.close();
                let Uncommitted { chunk, rows, start, mut runs, .. } = before;
                // The failure is returned only after the answer to the next chunk's rows. The time of that answer does
                // not count for `chunk`, so the time limit of `chunk` starts again.
                runs.renew_limit();
                self.commit_again(chunk, rows, start, runs, failure).await?;
                Ok(None)
            }
        }
    }

    /// Sends COMMIT in a separate flight. If the COMMIT fails and the rules allow it, the rows are sent again.
    async fn commit(&mut self, mut last: Uncommitted<'c>) -> Result<(), Error> {
        match last.runs.commit(last.open.id).await {
            Ok(()) => {
                self.committed(last);
                Ok(())
            }
            Err(failure) => {
                last.open.close();
                let Uncommitted { chunk, rows, start, runs, .. } = last;
                self.commit_again(chunk, rows, start, runs, failure).await
            }
        }
    }

    /// Sends the rows and the COMMIT of a chunk again, after this failure of its COMMIT.
    async fn commit_again(
        &mut self,
        chunk: Prepared,
        rows: usize,
        start: u64,
        mut runs: Runs<'c>,
        failure: Box<FlightFailure>,
    ) -> Result<(), Error> {
        let mut again = runs.again(failure, false).await;
        loop {
            self.sink.rewind(start);
            let open = match again {
                Ok(()) => self.open(&chunk, &mut runs, start, None).await,
                Err(error) => Err(error),
            };
            let open = match open {
                Ok(open) => open,
                Err(error) => return self.failed(&chunk, &runs, error),
            };
            match runs.commit(open.id).await {
                Ok(()) => {
                    self.committed(Uncommitted { chunk, rows, start, open, runs });
                    return Ok(());
                }
                Err(failure) => {
                    open.close();
                    again = runs.again(failure, false).await;
                }
            }
        }
    }

    /// Sends the rows of a chunk until the server has executed the chunk: after each failure that may be retried, the
    /// rows are sent again. `sent` is the answer to rows that were already sent behind the previous COMMIT.
    async fn open(
        &mut self,
        chunk: &Prepared,
        runs: &mut Runs<'c>,
        start: u64,
        mut sent: Option<Sent<'c>>,
    ) -> Result<OpenTransaction<'c>, Error> {
        loop {
            let answer = match sent.take() {
                Some(answer) => answer,
                None => {
                    let open = self.begin();
                    let members = core::slice::from_ref(chunk);
                    let flown = runs.fly_in(open.id, members, &mut [&mut *self.sink]).await;
                    self.sent(open, flown)
                }
            };
            match answer {
                Sent::Open(open) => return Ok(open),
                Sent::Unusable(error) => return Err(error),
                Sent::Failed(failure) => {
                    self.sink.rewind(start);
                    runs.again(failure, false).await?;
                }
            }
        }
    }

    /// The attempts at a chunk. Each chunk has a separate span, because its rows may be sent in the same flight as the
    /// COMMIT of the previous chunk.
    fn runs(&self, chunk: &Prepared) -> Runs<'c> {
        let trace = Trace::of_chunk(&self.lender.connector, core::slice::from_ref(chunk));
        Runs::of_query(self.lender, trace)
    }

    fn begin(&self) -> OpenTransaction<'c> {
        OpenTransaction::begin(self.lender, TransactionStart { begin: BEGIN, key: None })
    }

    fn sent(&self, open: OpenTransaction<'c>, flown: Result<(), Error>) -> Sent<'c> {
        let sent = match (flown, self.lender.take_failure(open.id)) {
            (_, Some(failure)) => Sent::Failed(Box::new(failure)),
            (Err(error), None) => Sent::Unusable(error),
            (Ok(()), None) => return Sent::Open(open),
        };
        open.close();
        sent
    }

    fn committed(&mut self, chunk: Uncommitted<'c>) {
        chunk.open.close();
        self.committed = self.committed.saturating_add(chunk.rows);
        chunk.runs.report(Some(&chunk.chunk.statement), &Ok::<_, Error>(()));
    }

    /// Returns the error of a chunk, with the number of rows that were committed before it.
    fn failed(&self, chunk: &Prepared, runs: &Runs<'c>, error: Error) -> Result<(), Error> {
        runs.end(&chunk.statement, Err(error)).map_err(|error| error.after_rows(self.committed))
    }
}
