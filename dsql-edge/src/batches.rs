//! The value that `sql!("…", in batches of 1000)` evaluates to.
//!
//! Input: the statements of the first batch and of each later batch, and the arguments. Output: the request for the
//! next batch, and the number of rows so far. `client/batches.rs` runs the batches.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::query::Request;
use crate::row::DataRow;
use crate::statement::Statement;
use crate::types::{NotNull, Nullable, sql};

/// An `UPDATE` or `DELETE` that runs in batches, made by `sql!("…", in batches of 1000)`. The statement does nothing
/// until it is executed.
///
/// DSQL limits a transaction to 10 MiB and 3,000 rows, including rows that a foreign key deletes. Each batch is a
/// separate transaction, and takes one round trip. In each batch, `now()` is the time of that batch. The batches follow
/// the order of a unique key of the table, so each row is changed once. But the statement as a whole is not atomic.
/// Other clients see the changes of the committed batches. A row that is inserted during the run is changed only if its
/// key comes after the current batch.
///
/// If a batch fails, the batches before it stay committed, and [`Error::committed_rows`] is the number of their rows.
/// To continue, call [`next`](Batches::next) again, or run the statement again from the beginning: `sql!` accepts only
/// statements that can be repeated, even if the outcome of the last batch is unknown.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn archive(dsql: &Dsql) -> Result<(), Error> {
/// let mut batches = sql!("DELETE FROM posts WHERE views = 0", in batches of 1000);
/// while batches.next(dsql).await?.is_some() {
///     println!("{} rows are deleted", batches.rows_affected());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a statement does nothing until it is executed"]
pub struct Batches {
    first: &'static Statement,
    next: &'static Statement,
    arguments: Arguments,
    /// The key of the last row of the last batch.
    last: Option<Vec<String>>,
    rows: u64,
    is_finished: bool,
}

/// The answer to a batch.
pub(crate) struct Batch {
    /// The key of the last row of the batch, as the text of each column; `None` if no row was left.
    last: Option<Vec<String>>,
    rows: i64,
}

impl Batches {
    /// Makes the batches of a statement: `next` takes the last key of the previous batch after the `arguments`.
    #[doc(hidden)]
    pub fn new(first: &'static Statement, next: &'static Statement, arguments: Arguments) -> Self {
        Batches { first, next, arguments, last: None, rows: 0, is_finished: false }
    }

    /// The number of rows that the answered batches have updated or deleted. The number does not include the rows of a
    /// batch whose outcome is unknown or whose future was dropped, even if these rows were changed.
    pub fn rows_affected(&self) -> u64 {
        self.rows
    }

    /// Returns the request for the next batch; `None` if all batches are done.
    pub(crate) fn request(&mut self) -> Result<Option<Request>, Error> {
        if self.is_finished {
            return Ok(None);
        }
        let mut arguments = self.arguments.copy()?;
        let statement = match &self.last {
            None => self.first,
            Some(last) => {
                arguments.bind::<sql::Array<sql::Text, NotNull>, NotNull, _>(last.as_slice());
                self.next
            }
        };
        Ok(Some(Request { statement: statement.into(), arguments: vec![arguments], unchecked: false }))
    }

    /// Records the answer to a batch. Returns the number of rows of the batch; `None` if no row was left.
    pub(crate) fn record(&mut self, batch: Batch) -> Option<u64> {
        let rows = u64::try_from(batch.rows).unwrap_or(0);
        self.rows = self.rows.saturating_add(rows);
        self.is_finished = batch.last.is_none();
        self.last = batch.last;
        (!self.is_finished).then_some(rows)
    }
}

impl Batch {
    pub(crate) fn decode(row: &DataRow<'_>) -> Result<Batch, Error> {
        Ok(Batch {
            last: row.column::<sql::Array<sql::Text>, Nullable, _>(0)?,
            rows: row.column::<sql::Int8, NotNull, _>(1)?,
        })
    }
}

impl core::fmt::Debug for Batches {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Batches").field("sql", &self.first.sql).field("rows_affected", &self.rows).finish()
    }
}
