//! What the tests beside this file share: case files and their oracle, a real workerd, and a network
//! with delays and faults. No `sql!` stands here: trybuild compiles it with other snapshots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod binary;
pub mod case_file;
pub mod check;
pub mod cutter;
pub mod golden;
pub mod network;
pub mod oracle;
pub mod user_id;
pub mod workerd;

pub use user_id::UserId;
