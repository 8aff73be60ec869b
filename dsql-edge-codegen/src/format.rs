//! Prints the answer of a command, which people and machines want in two forms.
//!
//! Input: text, or JSON. Output: stdout.

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
    io::stdout().lock().write_all(text.as_bytes())
}
