//! Typed SQL for Amazon Aurora DSQL on Cloudflare Workers: the runtime.
//!
//! Goes in: queries that `sql!` checked when they were compiled. Comes out: rows, over a Worker's TCP socket, in
//! the fewest round trips the platform allows, with the IAM token signed here.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::string_slice
    )
)]

mod arguments;
pub mod auth;
mod client;
mod config;
mod error;
pub mod private;
mod query;
mod refusal;
mod row;
mod session;
mod sqlstate;
mod statement;
mod transport;
pub mod types;
mod wire;

pub use auth::Credentials;
pub use client::{Dsql, Executor, Session};
pub use config::Config;
pub use dsql_edge_macros::{sql, sql_unchecked};
pub use error::Error;
pub use query::{Command, Fetch, Query};
pub use sqlstate::SqlState;
