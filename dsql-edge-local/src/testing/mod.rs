//! The databases of `#[dsql_edge::test]`: a cluster for each test, on a PostgreSQL that all tests share.
//!
//! Input: a test with its schema and fixtures. Output: an endpoint with the rules of DSQL, or the connection string of
//! a PostgreSQL. All functions block: each test has its own runtime, and this module has one runtime for the whole
//! process. `dsql-edge` uses this module; it may change in any release.
//!
//! # One server for all processes
//!
//! `cargo test` starts a process for each test program, and nextest starts one for each test. All these processes share
//! a PostgreSQL whose data is below the target folder (`folder`). The first process locks a file, and starts the
//! server. The system releases this lock when a process ends, so a killed process leaves no lock.
//!
//! The server must end after the last process, even if each process is killed. So a shell next to PostgreSQL reads from
//! a named pipe, and each process keeps the pipe open for writing (`watcher`): the shell reads the end of the stream
//! when no process is left. Then the shell waits two seconds for the next process, because `cargo test` starts its
//! programs one after the other. If no process comes, the shell ends PostgreSQL. A rejected design: the processes count
//! themselves in a file. A killed process would stay in the count.
//!
//! Invariants:
//!
//! - A process that joins the server writes its name into the pipe, and uses the server only after the shell has
//!   answered this name. The shell answers only while it reads, so no process joins a server that is about to end.
//! - The server is started, and its data is replaced, only by a process that has the lock and has found no shell.
//! - A database belongs to the session that created it (`databases`). After the end of this session, the database is
//!   dropped by the next process, unless the test has failed and kept it.
//!
//! # Roles
//!
//! Roles belong to the server. The role `admin` of the shared server must not create roles, and the proxy rejects
//! statements that change roles. A test that needs these statements has its own server.

mod by_rules;
mod certificate;
mod control;
mod databases;
mod failed;
mod folder;
mod forwarder;
mod process;
mod roles;
mod server;
mod templates;
mod test_cluster;
mod watcher;

pub use failed::{KeptDatabase, kept_database};
pub use test_cluster::{Role, TestCluster};

use std::path::Path;

use crate::faults::{Fault, InvalidFault};

/// The schema of a test.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// The files, in order: path and text.
    pub files: &'a [(&'a str, &'a str)],
    /// Whether the files are migrations, which are applied and recorded as `dsql-edge migrate` does. Otherwise, the
    /// files are a snapshot, which may be a dump. DSQL's rules do not apply to the statements of a snapshot, here as in
    /// `sql!`, but the statements may only create objects that a cluster can have.
    pub are_migrations: bool,
}

/// A test.
#[derive(Debug, Clone, Copy)]
pub struct Test<'a> {
    /// The target folder, in which the data of the server is kept. If the target folder is not known, the data is in
    /// the temporary folder.
    pub target: Option<&'a Path>,
    /// The folder of the package.
    pub package: &'a Path,
    /// The path of the test, by which the tests of a package are distinguished.
    pub name: &'a str,
    /// The schema.
    pub schema: Schema<'a>,
    /// The files that run before the test: name and text.
    pub fixtures: &'a [(&'a str, &'a str)],
    /// The pending faults when the test begins.
    pub faults: &'a [Fault],
    /// The database roles that log in with their own keys.
    pub roles: &'a [&'a str],
    /// Whether the test needs its own server.
    pub own_server: bool,
}

/// Reads the lists of faults of a test, such as `conflict=1, latency=20`.
///
/// # Errors
/// Returns an error for the first name that is not a fault, or if the sum of the latencies is too long.
pub fn faults(lists: &[&str]) -> Result<Vec<Fault>, InvalidFault> {
    dsql_edge_macro_input::faults::of_lists(lists.iter().copied())
}
