//! The example `edge-cache` in workerd, with miniflare's D1 and a dsql-local: a crash at every statement on both sides,
//! two runs at once, and 100,000 rows.
//!
//! D1 changes only when a batch runs, and after each batch, the front (`front.js`) reads what a visitor would read. So
//! these reads cover every state of D1 that a visitor can see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod crash;
mod passes;
mod reads;
mod shop;
mod site;
mod two_runs;
