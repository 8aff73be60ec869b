//! Describes how files are sent to the server. This determines which statements share a transaction.

/// How files are sent to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Each statement is sent in a separate message, as psql does.
    OneByOne,
    /// All statements of a file are sent in one message, or in one transaction.
    Whole,
    /// By `dsql-edge migrate`: statement by statement, with a wait for each job.
    Migrate,
}
