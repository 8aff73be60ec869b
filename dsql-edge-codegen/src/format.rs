//! Prints the answer of a command, which people and machines want in two forms.
//!
//! Input: text, or JSON. Output: stdout.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;

/// For people, or for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Human,
    /// One JSON object; fields may be added, `version` grows when one changes its meaning
    Json,
}

/// An answer for machines.
pub(crate) fn json(answer: &Value) -> String {
    format!("{answer:#}\n")
}

/// Prints a text as it is on stdout.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(of_stdout)
}

/// The reader of stdout has gone, as `head` does after its last line. It is not an error of the command, which a reader
/// of stderr needs to see.
#[derive(Debug)]
pub struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of stdout has gone")
    }
}

impl Error for OutputClosed {}

impl OutputClosed {
    /// Whether a command ended because of it.
    pub fn ended(error: &anyhow::Error) -> bool {
        let is_it = |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<OutputClosed>());
        error.chain().filter_map(|cause| cause.downcast_ref()).any(is_it)
    }
}

/// An error of stdout, which is distinguished from that of a connection.
pub(crate) fn of_stdout(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::other(OutputClosed),
        _ => error,
    }
}
