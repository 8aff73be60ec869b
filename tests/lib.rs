//! The parts that the tests in this folder share: case files and their oracle, packages that cargo builds, a real
//! workerd, and a network with delays and faults. This library does not use `sql!`, because trybuild compiles the
//! library with other snapshots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod binary;
pub mod case_file;
pub mod certificate;
pub mod check;
pub mod console;
pub mod cutter;
pub mod golden;
mod in_batches;
pub mod network;
pub mod new_worker;
pub mod numbered;
pub mod oracle;
pub mod postgres_server;
pub mod scratch_package;
pub mod user_id;
pub mod workerd;

pub use user_id::UserId;
