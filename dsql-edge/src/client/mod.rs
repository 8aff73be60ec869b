//! Running queries: [`Dsql`], the connections of one request, and [`Session`], one connection.
//!
//! Goes in: what `sql!` evaluates to. Comes out: rows, through an [`Executor`]. Here alone is anything awaited
//! (the transports aside). Nothing here outlives the request, and nothing runs in the background.

mod dsql;
mod fetch;
mod link;
mod session;

#[cfg(test)]
mod tests;

pub use dsql::Dsql;
pub use fetch::Fetch;
pub use session::Session;

use core::future::Future;

use crate::error::Error;
use crate::query::Request;
use crate::row::DataRow;

/// What takes each row, as it arrives.
#[allow(unreachable_pub, reason = "named in a public trait that only this crate implements")]
pub type Sink<'s> = dyn FnMut(&DataRow<'_>) -> Result<(), Error> + Send + 's;

/// What a query can run on: `&Dsql`, `&mut Session`.
///
/// It is public so that functions can take one:
///
/// ```
/// # use dsql_edge::{Executor, sql};
/// async fn tags(mut db: impl Executor) -> Result<i64, dsql_edge::Error> {
///     sql!("DELETE FROM tag_master WHERE usage_count = 0").execute(&mut db).await?;
///     sql!("SELECT count(*) FROM tag_master").fetch_value(&mut db).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a query can run on",
    label = "a query runs on `&Dsql` or `&mut Session`",
    note = "borrow it: `.fetch_all(&dsql)`"
)]
pub trait Executor: sealed::Sealed + Send {
    /// Runs a query, gives each row to `sink`, and returns the number of rows that the server counts.
    ///
    /// When `sink` fails the rest of the answer is still received, and the error returned.
    #[doc(hidden)]
    fn run(
        &mut self,
        request: Request,
        sink: &mut Sink<'_>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl Executor for &Dsql {
    async fn run(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        Dsql::run(self, request, sink).await
    }
}

/// What `&dsql` is where `dsql` is a reference already.
impl Executor for &&Dsql {
    async fn run(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        Dsql::run(self, request, sink).await
    }
}

impl Executor for Session {
    async fn run(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        Session::run(self, request, sink).await
    }
}

impl<E: Executor> Executor for &mut E {
    async fn run(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        E::run(self, request, sink).await
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for &super::Dsql {}
    impl Sealed for &&super::Dsql {}
    impl Sealed for super::Session {}
    impl<E: Sealed> Sealed for &mut E {}
}
