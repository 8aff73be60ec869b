//! What the tests beside this file share: a real workerd, and a network with delays and faults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod network;
pub mod workerd;
