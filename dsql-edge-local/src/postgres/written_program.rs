//! Writes a script that a test runs in place of a program.

use std::path::Path;
use std::process::Command;

/// Writes the script in a separate process. If this process wrote the file itself, another thread could start a program
/// at the same moment. That program would inherit the open file, and Linux does not run a file that is open for writing
/// ("Text file busy").
pub(crate) fn write_program(path: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(script);
    assert!(shell.status().unwrap().success(), "{}", path.display());
}
