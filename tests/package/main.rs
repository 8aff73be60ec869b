//! Tests `sql!` in packages that cargo builds: behaviour that only rustc and cargo can show. Each test writes a
//! package.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod crate_paths;
mod names;
mod tracking;
