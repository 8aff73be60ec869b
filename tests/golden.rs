//! Compares text with an expected text in a file, or writes the file with `UPDATE=1`. CI never sets this variable.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Whether `UPDATE=1` is set, so that the files with expected output are written.
pub fn updating() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Compares a file with the actual text.
///
/// # Errors
/// Returns an error with the first line that differs.
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
        lines.find(|(_, (was, is))| was != is).unwrap_or((0, ("", "one text is longer than the other")));
    bail!(
        "{}, line {number}: differs (UPDATE=1 writes the new text)\nexpected: {was}\n  actual: {is}",
        path.display()
    )
}
