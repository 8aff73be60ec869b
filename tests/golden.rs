//! Expected text in a file: compared, or with `UPDATE=1` written. CI never sets that.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Whether expected texts are to be written again.
pub fn updating() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Compares a file with what it should be.
///
/// # Errors
/// The first line that differs.
pub fn compare(path: &Path, actual: &str) -> Result<()> {
    if updating() {
        return fs::write(path, actual).with_context(|| path.display().to_string());
    }
    let expected = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if expected == actual {
        return Ok(());
    }
    let mut lines = (1..).zip(expected.lines().zip(actual.lines()));
    let (number, (was, is)) =
        lines.find(|(_, (was, is))| was != is).unwrap_or((0, ("", "one of them is longer than the other")));
    bail!(
        "{}, line {number}: differs (UPDATE=1 takes the new text)\nexpected: {was}\n  actual: {is}",
        path.display()
    )
}
