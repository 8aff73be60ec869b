//! Writes many rows with `fused`: several chunks in one flight, each chunk in a separate transaction.
//!
//! ```text
//! BEGIN, rows 1, COMMIT, BEGIN, rows 2, COMMIT, Sync
//! ```
//!
//! After an error the server skips everything up to Sync. So if a chunk fails, no later chunk is committed, and the
//! committed rows are always the first rows; the chunks that were not committed are sent again if the rules allow it.
//! If the connection is lost, the outcome of all chunks whose COMMIT was not answered is unknown.

use crate::client::answer::Answer;
use crate::client::chunks::{ChunkSink, Positions};
use crate::client::flight::{Flight, Prepared, Sink};
use crate::client::link::FlightOutcome;
use crate::client::run::{Attempt, AttemptFuture, Attempted, Runs};
use crate::client::several::{Members, of_transactions};
use crate::error::{Error, Outcome};
use crate::retry::Signal;

/// A group of chunks. They are sent in one flight, or one by one if one of them is too long for that.
pub(super) struct FusedChunks<'a> {
    chunks: &'a [Prepared],
    sink: &'a mut dyn ChunkSink,
    committed: &'a mut usize,
    /// The maximum number of chunks in a flight.
    at_once: usize,
}

impl<'a> FusedChunks<'a> {
    /// `committed` receives the number of chunks that were committed.
    pub(super) fn new(chunks: &'a [Prepared], sink: &'a mut dyn ChunkSink, committed: &'a mut usize) -> Self {
        FusedChunks { chunks, sink, committed, at_once: chunks.len() }
    }

    async fn send(&mut self, runs: &mut Runs<'_>) -> Attempted {
        loop {
            let rest = self.chunks.get(*self.committed..).unwrap_or_default();
            let chunks = rest.get(..self.at_once).unwrap_or(rest);
            if chunks.is_empty() {
                return Attempted::Ended(Ok(()));
            }
            match self.send_flight(chunks, runs).await {
                Ok(()) => {}
                // A chunk may be too long for a message. So each chunk is sent in a separate flight now: the chunks
                // before that chunk are then committed.
                Err(Attempted::Failed(failure))
                    if failure.facts.signal == Signal::Local && chunks.len() > 1 =>
                {
                    self.at_once = 1;
                }
                Err(ended) => return ended,
            }
        }
    }

    async fn send_flight(&mut self, chunks: &[Prepared], runs: &mut Runs<'_>) -> Result<(), Attempted> {
        let is_single = matches!(chunks, [_]);
        let flight = if is_single { Flight::alone(chunks) } else { of_transactions(chunks) };
        let lent = runs.borrow(flight.search_path()).await;
        let mut loan = lent.map_err(|error| Attempted::Ended(Err(error)))?;
        let mut sink = Positions::new(&mut *self.sink);
        let sinks: &mut [&mut dyn Sink] = &mut [&mut sink];
        let mut members = Members::default();
        let mut answer = match is_single {
            true => Answer::new(flight, sinks, runs.max_result()),
            false => Answer::of_several(flight, &mut members, sinks, runs.max_result()),
        };
        let outcome = runs.fly(&mut loan, &mut answer).await;
        let local = answer.local.take();
        let failure = match outcome {
            FlightOutcome::Completed => {
                *self.committed += chunks.len();
                return Ok(());
            }
            FlightOutcome::CompletedUnusable(error) => {
                *self.committed += chunks.len();
                return Err(Attempted::Ended(Err(error.with_outcome(Outcome::Executed))));
            }
            FlightOutcome::Failed(failure) => failure,
        };
        let unusable = local.filter(|_| members.is_unusable());
        let committed = members.committed;
        *self.committed += committed;
        runs.count_rows(members.rows);
        if let Some(link) = &mut loan.link {
            link.roll_back();
        }
        sink.rewind_to(committed);
        if committed > 0 {
            runs.renew();
        }
        // The rows of a committed chunk cannot be received again.
        match unusable.filter(|_| !failure.facts.rule().leaves_unknown()) {
            Some(error) => Err(Attempted::Ended(Err(error.with_outcome(Outcome::Executed)))),
            None => Err(Attempted::Failed(failure)),
        }
    }
}

impl Attempt for FusedChunks<'_> {
    fn attempt<'a>(&'a mut self, runs: &'a mut Runs<'_>) -> AttemptFuture<'a> {
        Box::pin(self.send(runs))
    }

    fn finish(&mut self, runs: &Runs<'_>, result: Result<(), Error>) -> Result<(), Error> {
        match self.chunks.first() {
            Some(first) => runs.end(&first.statement, result),
            None => result,
        }
    }
}
