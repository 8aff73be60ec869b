//! Runs the batches of an UPDATE or DELETE.
//!
//! Input: a [`Batches`]. Output: the number of rows of a batch, or of all batches. Each batch is one query, which is
//! retried by the rules for a write. After an error, the position does not move, so the same batch can be sent again.

use crate::batches::{Batch, Batches};
use crate::client::Dsql;
use crate::client::executor::sealed::Sealed;
use crate::client::fetch::QueryFuture;
use crate::error::Error;
use crate::query::Query;

/// An executor for a statement in batches: `&Dsql`.
#[diagnostic::on_unimplemented(
    message = "a statement in batches cannot run on `{Self}`",
    label = "run it on `&Dsql`: each batch is a separate transaction, so the batches cannot be part of a transaction",
    note = "in a transaction, leave out `in batches of`: the statement may then change at most 3,000 rows"
)]
pub trait BatchExecutor<'e>: Sealed {
    #[doc(hidden)]
    fn dsql(self) -> &'e Dsql;
}

impl<'e> BatchExecutor<'e> for &'e Dsql {
    fn dsql(self) -> &'e Dsql {
        self
    }
}

impl<'e> BatchExecutor<'e> for &&'e Dsql {
    fn dsql(self) -> &'e Dsql {
        self
    }
}

impl Batches {
    /// Runs the next batch, and returns the number of rows that it has updated or deleted; `None` if no row was left.
    /// On a PostgreSQL, the number can be 0, if other transactions have meanwhile changed all rows of the batch.
    ///
    /// # Errors
    /// Returns any [`Error`] of the connection or the database; [`Error::committed_rows`] is the number of rows of the
    /// earlier batches. If `next` is called again after an error, it sends the same batch.
    // This `next` cannot be `Iterator::next`, because it is asynchronous and takes the database.
    #[allow(clippy::should_implement_trait)]
    pub fn next<'e>(&'e mut self, executor: impl BatchExecutor<'e>) -> QueryFuture<'e, Option<u64>> {
        let dsql = executor.dsql();
        QueryFuture::new(async move { next(self, dsql).await })
    }

    /// Runs all batches that are left, and returns the number of rows that all batches have updated or deleted.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql};
    /// # async fn archive(dsql: &Dsql, least: i32) -> Result<u64, Error> {
    /// sql!("DELETE FROM posts WHERE views < $least", in batches of 1000).execute(dsql).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`next`](Batches::next).
    pub fn execute<'e>(mut self, executor: impl BatchExecutor<'e>) -> QueryFuture<'e, u64> {
        let dsql = executor.dsql();
        QueryFuture::new(async move {
            while next(&mut self, dsql).await?.is_some() {}
            Ok(self.rows_affected())
        })
    }
}

async fn next(batches: &mut Batches, dsql: &Dsql) -> Result<Option<u64>, Error> {
    let Some(request) = batches.request()? else { return Ok(None) };
    let query = Query { request, decode: Batch::decode };
    match query.fetch_one(dsql).await {
        Ok(batch) => Ok(batches.record(batch)),
        Err(error) => {
            let rows = usize::try_from(batches.rows_affected()).unwrap_or(usize::MAX);
            Err(error.after_rows(rows))
        }
    }
}
