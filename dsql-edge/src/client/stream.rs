//! Returns rows one at a time, as they arrive.
//!
//! Input: the future of a query, and a slot for one row. Output: a `Stream`. The stream reads the next row only when it
//! is polled and the previous row has been taken: the other rows wait in the network, not in memory. Dropping the
//! stream early closes its connection.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::Stream;

use crate::client::executor::Executor;
use crate::client::fetch::QueryFuture;
use crate::client::flight::{Prepared, Sink};
use crate::error::Error;
use crate::query::Query;
use crate::row::DataRow;
use crate::statement::Effect;

/// The rows of a query as they arrive, made by [`Query::fetch`].
///
/// `RowStream` is a `futures_core::Stream`, and has its own method [`next`](RowStream::next), so that no other crate is
/// needed. A query can still fail after it has returned rows: it has succeeded only if the stream ends without an
/// error. Outside a transaction, the changes of a query with `RETURNING` are committed once the stream has ended
/// without an error. Dropping the stream early closes the connection, and ends the transaction if the query is in one.
///
/// # The body of a response
///
/// The rows of a large table can be the body of a response, which the Worker sends while it still receives rows. The
/// body outlives the handler, so the stream owns its connection: a [`Session`](crate::Session), given by value.
///
/// ```
/// use dsql_edge::{Dsql, sql};
/// use worker::{Env, Response};
///
/// sql! {
///     struct Line = "SELECT tag_name, usage_count FROM tag_master";
/// }
///
/// /// A line of CSV.
/// impl From<Line> for Vec<u8> {
///     fn from(line: Line) -> Vec<u8> {
///         format!("{},{}\n", line.tag_name, line.usage_count).into_bytes()
///     }
/// }
///
/// async fn export(env: &Env) -> worker::Result<Response> {
///     let dsql = Dsql::from_env(env)?;
///     let lines = sql!(Line, "SELECT tag_name, usage_count FROM tag_master ORDER BY tag_name")
///         .fetch(dsql.session());
///     let response = Response::from_stream(lines)?;
///     response.headers().set("content-type", "text/csv")?;
///     Ok(response)
/// }
/// ```
///
/// The status is sent before the first row. So an error of the query, or a lost connection, ends the body early, and
/// the client of the Worker receives an incomplete response. If the client disconnects, the body is dropped, and the
/// connection is closed. To turn rows into bytes in another way, map the stream with `futures_util::StreamExt::map`.
#[must_use = "a stream does nothing until it is polled"]
pub struct RowStream<'e, R> {
    /// `None` once the query has ended.
    running: Option<QueryFuture<'e, ()>>,
    slot: Arc<Mutex<RowSlot<R>>>,
    /// The error to return after the last row.
    failed: Option<Error>,
}

/// The slot for a row that waits to be taken.
struct RowSlot<R> {
    row: Option<Result<R, Error>>,
    /// Whether a row has been taken. The query then cannot run again.
    taken: bool,
}

struct RowSink<R> {
    decode: fn(&DataRow<'_>) -> Result<R, Error>,
    /// Whether the statement only reads. In a statement that only reads, a row that cannot be decoded ends the stream
    /// at once.
    reads: bool,
    slot: Arc<Mutex<RowSlot<R>>>,
}

impl<R: Send + 'static> Query<R> {
    /// Returns the rows one at a time, without keeping them in memory. The [time limit](crate::Config::query_timeout)
    /// applies to each wait for the server, not to all rows together.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn total(dsql: &Dsql) -> Result<i64, Error> {
    /// let mut total = 0;
    /// let mut tags = sql!("SELECT usage_count FROM tag_master").fetch(dsql);
    /// while let Some(tag) = tags.next().await {
    ///     total += i64::from(tag?.usage_count);
    /// }
    /// # Ok(total)
    /// # }
    /// ```
    pub fn fetch<'e, E: Executor + 'e>(self, mut executor: E) -> RowStream<'e, R> {
        let slot = Arc::new(Mutex::new(RowSlot { row: None, taken: false }));
        let reads = self.request.statement.effect == Effect::Read;
        let mut sink = RowSink { decode: self.decode, reads, slot: slot.clone() };
        let request = self.request;
        let running = async move {
            let query = Prepared::new(request)?;
            match executor.target().run(&[query], &mut [&mut sink]) {
                Some(running) => running.await,
                None => Ok(()),
            }
        };
        RowStream { running: Some(QueryFuture::new(running)), slot, failed: None }
    }
}

impl<R: Send> RowStream<'_, R> {
    /// Returns the next row, or `None` after the last row or an error.
    pub async fn next(&mut self) -> Option<Result<R, Error>> {
        core::future::poll_fn(|context| self.poll_row(context)).await
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<R, Error>>> {
        loop {
            if let Some(row) = self.take() {
                if row.is_err() {
                    self.running = None;
                    self.failed = None;
                }
                return Poll::Ready(Some(row));
            }
            let Some(running) = &mut self.running else { return Poll::Ready(self.failed.take().map(Err)) };
            match Pin::new(running).poll(context) {
                Poll::Ready(result) => {
                    self.running = None;
                    self.failed = result.err();
                }
                // No row is in the slot, so the query waits for something else: the network, a free connection or a
                // pause.
                Poll::Pending if lock(&self.slot).row.is_none() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    fn take(&mut self) -> Option<Result<R, Error>> {
        let mut slot = lock(&self.slot);
        let row = slot.row.take()?;
        slot.taken = true;
        Some(row)
    }
}

impl<R: Send> Stream for RowStream<'_, R> {
    type Item = Result<R, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(context)
    }
}

impl<R: Send> Sink for RowSink<R> {
    fn row(&mut self, row: &DataRow<'_>) -> Result<(), Error> {
        match (self.decode)(row) {
            // If the statement writes, the error is reported only after the end of the answer, because that end shows
            // whether the write was committed.
            Err(error) if !self.reads => return Err(error),
            // An error is passed on like a row, and ends the stream.
            row => lock(&self.slot).row = Some(row),
        }
        Ok(())
    }

    fn done(&mut self, _: u64) {}

    fn restart(&mut self) -> bool {
        let mut slot = lock(&self.slot);
        slot.row = None;
        !slot.taken
    }

    fn keeps(&self) -> bool {
        false
    }

    fn is_full(&self) -> bool {
        lock(&self.slot).row.is_some()
    }
}

fn lock<R>(slot: &Mutex<RowSlot<R>>) -> std::sync::MutexGuard<'_, RowSlot<R>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R> core::fmt::Debug for RowStream<'_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RowStream(…)")
    }
}
