//! The way in which files go to the server.
//!
//! Input: options. Output: which statements share a transaction.

/// How files go to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Statement by statement, as psql does.
    OneByOne,
    /// Each file in one message, or in one transaction.
    Whole,
    /// By `dsql-edge migrate`: statement by statement, and each job is waited for.
    Migrate,
}
