//! A step of a command: reported when it begins, and with its time when it ends. What it runs may write in between.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

/// Does one thing, and reports it on standard error.
///
/// # Errors
/// What `work` returns.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("=> {name}");
    let start = Instant::now();
    let done = work()?;
    eprintln!("   {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Runs a command to its end; its output is seen, on standard error.
///
/// # Errors
/// Where it cannot be started or fails; with its name, and never with its environment.
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
