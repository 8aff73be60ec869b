//! The errors of a run and of a request.
//!
//! Input: the errors of DSQL, of D1 and of the Worker's bindings. Output: one string for the log.

use std::fmt;

/// The reason why a run or a request ended early.
pub enum Failure {
    /// DSQL did not answer, or rejected a query.
    Dsql(dsql_edge::Error),
    /// D1 did not answer, or rejected a batch. If no answer came, the batch may or may not have run.
    D1(String),
    /// Another run holds the lease: D1 rejected this run's batch.
    LeaseLost,
    /// D1 holds a position that this Worker cannot read.
    Position(String),
    /// A binding is missing or has a value that cannot be used.
    Setting(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Dsql(error) => write!(out, "DSQL: {error}; the next run continues"),
            Failure::D1(error) => write!(out, "D1: {error}; the next run continues from the last whole batch"),
            Failure::LeaseLost => out.write_str(
                "the lease has passed to another run, so D1 rejected this run's batch; the other run continues",
            ),
            Failure::Position(text) => {
                write!(out, "D1 holds the position {text:?}, which is not a time or a key: set it to NULL")
            }
            Failure::Setting(text) => out.write_str(text),
        }
    }
}

impl From<dsql_edge::Error> for Failure {
    fn from(error: dsql_edge::Error) -> Failure {
        Failure::Dsql(error)
    }
}

/// Errors of the crate `worker` come from D1, except where a binding is read.
impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Failure {
        match error {
            worker::Error::D1(error) => Failure::D1(error.cause()),
            other => Failure::D1(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::D1(format!("a row cannot be written as JSON: {error}"))
    }
}
