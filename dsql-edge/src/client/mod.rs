//! Runs queries. A query runs on a [`Dsql`], which holds the connections of one request, on a [`Session`], which is one
//! connection, or in a [`Transaction`].
//!
//! Input: the values of `sql!`. Output: rows, through an [`Executor`]. Everything here ends with the request, and
//! nothing runs in the background, except the opening of a connection that [`Dsql::warm_up`] has begun.
//!
//! ```text
//! fetch, pipeline, bulk, transaction   the users' methods
//!              run                     attempts, by the rules of retry.rs
//!             lender                   the connections, and which of them a flight uses
//!              link                    one connection: flight ⇄ session ⇄ transport
//! ```

mod answer;
mod batches;
mod bulk;
mod chunks;
mod dsql;
mod executor;
mod fetch;
mod flight;
mod fused;
mod key;
#[cfg(feature = "pool")]
mod lease_request;
mod lender;
mod link;
mod missing;
mod pipeline;
mod run;
mod session;
mod several;
mod stream;
mod trace;
mod transaction;

#[cfg(test)]
mod tests;

pub use batches::BatchExecutor;
pub use dsql::Dsql;
pub use executor::{Executor, SessionExecutor};
pub use fetch::QueryFuture;
pub use pipeline::{PipelineMember, Pipelined};
pub use session::Session;
pub use stream::RowStream;
pub use transaction::{
    IdempotencyKey, IdempotentOutcome, IdempotentTransactionBuilder, RunsAgain, Transaction,
    TransactionBuilder, TransactionFuture,
};
