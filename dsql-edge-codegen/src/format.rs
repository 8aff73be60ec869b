//! Prints the answer of a command, in a form for people or for machines.
//!
//! Input: text, or JSON. Output: stdout.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;

/// The form of an answer: for people, or for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Human,
    /// One JSON object; fields may be added, and `version` is increased when a field changes its meaning
    Json,
}

/// Returns an answer in the form for machines.
pub(crate) fn json(answer: &Value) -> String {
    format!("{answer:#}\n")
}

/// Prints a string on stdout, unchanged.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(of_stdout)
}

/// The reader of stdout has closed the pipe, as `head` does after its last line. The command does not treat a closed
/// stdout as an error: nothing is printed on stderr.
#[derive(Debug)]
pub struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of stdout has gone")
    }
}

impl Error for OutputClosed {}

impl OutputClosed {
    /// Whether a command ended because its output was closed.
    pub fn ended(error: &anyhow::Error) -> bool {
        let is_it = |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<OutputClosed>());
        error.chain().filter_map(|cause| cause.downcast_ref()).any(is_it)
    }
}

/// Converts an error of stdout, so that it is not mistaken for an error of a connection.
pub(crate) fn of_stdout(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::other(OutputClosed),
        _ => error,
    }
}
