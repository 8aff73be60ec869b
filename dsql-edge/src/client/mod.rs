//! Running queries: [`Dsql`], the connections of one request; [`Session`], one connection; [`Transaction`].
//!
//! Goes in: what `sql!` evaluates to. Comes out: rows, through an [`Executor`]. Here alone is anything awaited
//! (the transports aside). Nothing here outlives the request, and nothing runs in the background.
//!
//! ```text
//! fetch, pipeline, transaction   what users call
//!        run                     attempts, by the rules of retry.rs
//!       lender                   whose connection it runs on
//!        link                    one connection: flight ⇄ session ⇄ transport
//! ```

mod bulk;
mod dsql;
mod event;
pub(crate) mod failure;
mod fetch;
mod flight;
mod key;
#[cfg(feature = "pool")]
mod lease;
mod lender;
mod link;
pub(crate) mod login;
mod pipeline;
mod run;
mod session;
mod stream;
mod transaction;

#[cfg(test)]
mod tests;

pub use dsql::Dsql;
pub use event::Event;
pub use fetch::Fetch;
pub use pipeline::{Member, Pipelined};
pub use session::Session;
pub use stream::RowStream;
pub use transaction::{IdempotencyKey, Once, Transact, TransactOnce, Transacting, Transaction};

use run::Target;

/// What a query can run on: `&Dsql`, `&mut Session`, a `Transaction`.
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
    label = "a query runs on `&Dsql`, `&mut Session` or a `Transaction`",
    note = "borrow it: `.fetch_all(&dsql)`"
)]
pub trait Executor: sealed::Sealed + Send {
    #[doc(hidden)]
    fn target(&mut self) -> Target<'_>;
}

impl Executor for &Dsql {
    fn target(&mut self) -> Target<'_> {
        Dsql::target(self)
    }
}

/// What `&dsql` is where `dsql` is a reference already.
impl Executor for &&Dsql {
    fn target(&mut self) -> Target<'_> {
        Dsql::target(self)
    }
}

impl Executor for Session {
    fn target(&mut self) -> Target<'_> {
        Session::target(self)
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

impl<E: Executor> Executor for &mut E {
    fn target(&mut self) -> Target<'_> {
        E::target(self)
    }
}

/// An executor for statements that change their session: `&mut Session`, whose connection serves no other caller.
#[diagnostic::on_unimplemented(
    message = "a statement that changes its session cannot run on `{Self}`",
    label = "it runs on `&mut Session` only: other queries, and through a pool other tenants, use this connection too",
    note = "open a session: `let mut session = dsql.session();`, and give it `&mut session`",
    note = "in a transaction, `SET LOCAL …` and `set_config(…, true)` last until its end"
)]
pub trait SessionExecutor: Executor {}

impl SessionExecutor for Session {}

impl<E: SessionExecutor> SessionExecutor for &mut E {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for &super::Dsql {}
    impl Sealed for &&super::Dsql {}
    impl Sealed for super::Session {}
    impl Sealed for super::Transaction<'_> {}
    impl Sealed for &super::Transaction<'_> {}
    impl<E: Sealed> Sealed for &mut E {}
}
