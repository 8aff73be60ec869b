//! Measures rustc: cargo starts this program instead of rustc (`RUSTC_WRAPPER`); this program runs
//! rustc and records its time.
//!
//! The wrapper records only the run of rustc for the measured crate, and changes no other run of rustc.
//! `-Z time-passes` makes rustc report the time of its passes; a stable rustc accepts this option with
//! `RUSTC_BOOTSTRAP=1`. The wrapper sets this variable for that one process.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};
use xtask::step::run;

const LOG: &str = "DSQL_EDGE_BENCH_LOG";
const CRATE: &str = "DSQL_EDGE_BENCH_CRATE";

/// The resources that one run of rustc used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    /// Seconds of user time.
    pub(super) user: f64,
    /// Seconds in `macro_expand_crate`.
    pub(super) expansion: f64,
    /// The peak resident memory of rustc.
    pub(super) memory_mib: f64,
}

impl Run {
    /// The minimum of each figure.
    pub(super) fn least(self, other: Run) -> Run {
        Run {
            user: self.user.min(other.user),
            expansion: self.expansion.min(other.expansion),
            memory_mib: self.memory_mib.min(other.memory_mib),
        }
    }
}

/// Runs cargo, and returns rustc's time for this crate.
pub(super) fn watched(cargo: &mut Command, name: &str, log: &Path) -> Result<Run> {
    if log.exists() {
        fs::remove_file(log)?;
    }
    cargo.env("RUSTC_WRAPPER", env::current_exe()?).env(LOG, log).env(CRATE, name);
    run(cargo)?;
    let text = fs::read_to_string(log).with_context(|| format!("cargo did not compile {name}"))?;
    let lines: Vec<&str> = text.lines().collect();
    let [line] = lines.as_slice() else { bail!("cargo compiled {name} {} times", lines.len()) };
    Ok(serde_json::from_str(line)?)
}

/// If cargo started this process as rustc's wrapper, runs as the wrapper; returns `None` in an ordinary run of xtask.
pub(crate) fn stand_in() -> Option<ExitCode> {
    let log = env::var_os(LOG)?;
    Some(match pass_on(Path::new(&log)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn pass_on(log: &Path) -> Result<u8> {
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next().context("cargo names rustc first")?;
    let arguments: Vec<OsString> = arguments.collect();
    let name = env::var(CRATE)?;
    let is_watched = arguments.windows(2).any(|two| two[0] == "--crate-name" && two[1] == *name);
    let mut command = Command::new(rustc);
    command.args(&arguments);
    if !is_watched {
        return Ok(code(command.status()?));
    }
    command.args(["-Ztime-passes", "-Ztime-passes-format=json"]).env("RUSTC_BOOTSTRAP", "1");
    // cargo reads rustc's messages from the output, so the lines about the passes are removed from the output.
    let output = command.output()?;
    let expansion =
        account(&output.stderr, &mut std::io::stderr())? + account(&output.stdout, &mut std::io::stdout())?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    // Linux reports kibibytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1024.0 * 1024.0 } else { 1024.0 };
    let run = Run { user: seconds(usage.user_time()), expansion, memory_mib: usage.max_rss() as f64 / unit };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(log)?;
    writeln!(file, "{}", serde_json::to_string(&run)?)?;
    Ok(code(output.status))
}

/// Reads rustc's report of its passes from its output, and writes the other lines to `rest`.
fn account(output: &[u8], rest: &mut impl std::io::Write) -> Result<f64> {
    #[derive(Deserialize)]
    struct Pass {
        pass: String,
        time: f64,
    }
    let mut expansion = 0.0;
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let Some(pass) = line.strip_prefix(b"time: ") else {
            rest.write_all(line)?;
            continue;
        };
        let pass: Pass = serde_json::from_slice(pass)?;
        if pass.pass == "macro_expand_crate" {
            expansion += pass.time;
        }
    }
    Ok(expansion)
}

/// Returns the user time, in seconds, of all child processes that this process has waited for.
pub(super) fn children() -> Result<f64> {
    Ok(seconds(getrusage(UsageWho::RUSAGE_CHILDREN)?.user_time()))
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

fn code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn the_account_is_taken_out_and_messages_are_passed_on() {
        let output = b"warning: x\ntime: {\"pass\":\"parse_crate\",\"time\":0.5,\"rss_start\":1,\"rss_end\":2}\n\
                       time: {\"pass\":\"macro_expand_crate\",\"time\":0.25,\"rss_start\":1,\"rss_end\":2}\nend";
        let mut rest = Vec::new();
        assert_eq!(account(output, &mut rest).unwrap(), 0.25);
        assert_eq!(rest, b"warning: x\nend");
    }
}
