//! Writes a script that a test runs in place of a program.

use std::path::Path;
use std::process::Command;

/// Writes the script in a process of its own. If this process wrote it, another thread could start a program at the same
/// moment; that program would have the file open for writing, and Linux does not run such a file ("Text file busy").
pub(crate) fn write_program(path: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(script);
    assert!(shell.status().unwrap().success(), "{}", path.display());
}
