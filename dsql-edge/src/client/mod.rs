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
mod executor;
mod fetch;
mod flight;
mod key;
#[cfg(feature = "pool")]
mod lease_request;
mod lender;
mod link;
mod pipeline;
mod run;
mod session;
mod stream;
mod transaction;

#[cfg(test)]
mod tests;

pub use dsql::Dsql;
pub use executor::{Executor, SessionExecutor};
pub use fetch::Fetch;
pub use pipeline::{Member, Pipelined};
pub use session::Session;
pub use stream::RowStream;
pub use transaction::{IdempotencyKey, Once, Transact, TransactOnce, Transacting, Transaction};
