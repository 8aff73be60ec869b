//! The Rust code of the guide: build.rs makes a module of each chapter, and of each block in it.
//!
//! The code of a block can use the names of `prelude` and the items of the earlier blocks. A function
//! `async fn …(dsql: &Dsql) -> Result<(), …>` of a block also runs, as a test, on a local DSQL with the tables of
//! `migrations`.

#![allow(dead_code, unused_imports, missing_docs, reason = "the blocks are examples, which nothing uses")]
#![deny(deprecated, reason = "`sql!` reports its warnings as uses of a deprecated function")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

include!(concat!(env!("OUT_DIR"), "/chapters.rs"));

mod prelude {
    pub(crate) use dsql_edge::types::{Decimal, Uuid};
    pub(crate) use dsql_edge::{Config, Dsql, Error, Executor, IdempotentOutcome, sql};
    pub(crate) use serde::{Deserialize, Serialize};
    pub(crate) use worker::{Context, Env, Request, Response, event};
}
