//! Reports the beginning of a step, and, when the step ends, the time that it took. Between the two reports, the step
//! may write output.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

/// Runs one step, and reports it on standard error.
///
/// # Errors
/// Returns the error of `work`.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("=> {name}");
    let start = Instant::now();
    let done = work()?;
    eprintln!("   {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Runs a command to completion, with its output on standard error.
///
/// # Errors
/// Returns an error if the command cannot be started or fails. The error contains the command's name, never the
/// command's environment.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let first = command.get_args().next().map(|argument| format!(" {}", argument.to_string_lossy()));
    let name = format!("{name}{}", first.unwrap_or_default());
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("{name} cannot be started"))?;
    if status.success() { Ok(()) } else { Err(anyhow!("{name} failed ({status})")) }
}
