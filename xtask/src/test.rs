//! `cargo xtask test`: every check there is, in order, with a summary.
//!
//! All checks run, also after one has failed: one run tells everything.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use xtask::{project, setup, worker};

const EXAMPLE: &str = "examples/blog";
const POOL_EXAMPLE: &str = "examples/pool";
const PROBE: &str = "tests/probe";
const MEASURED: &str = "xtask/size";
const HABITS: &str = "tests/habits";
const POOLED: &str = "tests/pool";

pub(crate) fn test() -> Result<()> {
    setup::runtime()?;
    setup::wasm_target()?;
    worker::tools()?;
    let cargo = |arguments: &[&str]| {
        let mut command = project::cargo();
        command.args(arguments);
        command
    };
    // Workers are packages of their own.
    let of_worker = |folder: &str, arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.arg("--manifest-path").arg(project::root().join(folder).join("Cargo.toml"));
        command
    };
    let lints_of_worker = |folder: &str| {
        let mut command = of_worker(folder, &["clippy", "--locked", "--target", worker::TARGET]);
        command.args(["--", "-D", "warnings"]);
        command
    };
    let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    let wasm = ["check", "--locked", "-p", "dsql-edge", "--target", worker::TARGET];
    let mut catalog = Command::new(project::target().join("debug/dsql-local"));
    // A PostgreSQL 16 of its own; dsql-local tells where it is, past its front door.
    let script = r#"DSQL_EDGE_POSTGRES_URL="$DSQL_LOCAL_POSTGRES_URL" exec "$0" catalog --check"#;
    catalog.args(["run", "--no-dev-vars", "--folder"]).arg(project::target().join("xtask-dsql-local"));
    catalog.arg("--postgres").arg(setup::postgres()?);
    catalog.args(["--", "sh", "-c", script]).arg(std::env::current_exe()?);
    let mut fuzz = Command::new(std::env::current_exe()?);
    fuzz.args(["fuzz", "--seconds", "4"]);
    let mut results = Vec::new();
    for (name, mut command) in [
        ("format", cargo(&["fmt", "--all", "--check"])),
        ("format of the example", of_worker(EXAMPLE, &["fmt", "--check"])),
        ("format of the pool's example", of_worker(POOL_EXAMPLE, &["fmt", "--check"])),
        ("format of the tests' Worker", of_worker(PROBE, &["fmt", "--check"])),
        ("format of the measured Worker", of_worker(MEASURED, &["fmt", "--check"])),
        ("format of the habits' Worker", of_worker(HABITS, &["fmt", "--check"])),
        ("format of the pool's Worker", of_worker(POOLED, &["fmt", "--check"])),
        ("format of the fuzz targets", of_worker("fuzz", &["fmt", "--check"])),
        ("lints", cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("lints of the example", lints_of_worker(EXAMPLE)),
        ("lints of the pool's example", lints_of_worker(POOL_EXAMPLE)),
        ("lints of the tests' Worker", lints_of_worker(PROBE)),
        ("lints of the measured Worker", lints_of_worker(MEASURED)),
        ("lints of the habits' Worker", lints_of_worker(HABITS)),
        ("lints of the pool's Worker", lints_of_worker(POOLED)),
        ("docs", docs),
        ("wasm", cargo(&wasm)),
        ("wasm, without default features", cargo(&[&wasm[..], &["--no-default-features"]].concat())),
        ("the catalogue is PostgreSQL's", catalog),
        ("fuzz, four seconds a target", fuzz),
        ("tests", cargo(&["test", "--locked", "--workspace", "--no-fail-fast"])),
    ] {
        results.push(check(name, &mut command));
    }
    summary(&results)
}

struct Verdict {
    name: &'static str,
    time: Duration,
    counts: Counts,
    failed: bool,
}

/// Tests, as the test programs count them.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

fn check(name: &'static str, command: &mut Command) -> Verdict {
    eprintln!("\n=> {name}");
    let start = Instant::now();
    let mut counts = Counts::default();
    let ran = run_counting(command, &mut counts);
    if let Err(error) = &ran {
        eprintln!("{error:#}");
    }
    Verdict { name, time: start.elapsed(), counts, failed: ran.is_err() }
}

/// Runs a command to its end; its output is seen, on standard error, and its tests are counted.
fn run_counting(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take().context("the output is piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        counts.add(&line);
    }
    let status = process.wait()?;
    if status.success() { Ok(()) } else { Err(anyhow!("failed ({status})")) }
}

impl Counts {
    /// Adds what a line such as `test result: ok. 17 passed; 0 failed; 2 ignored; …` says.
    fn add(&mut self, line: &str) {
        let Some((_, rest)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in rest.split("; ") {
            let Some((count, what)) = part.split_once(' ') else { continue };
            let count = count.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

fn summary(results: &[Verdict]) -> Result<()> {
    println!();
    for Verdict { name, time, counts, failed } in results {
        let verdict = if *failed { "FAILED" } else { "ok" };
        print!("{name:<34} {verdict:<7} {:6.1} s", time.as_secs_f64());
        if counts.passed + counts.failed > 0 {
            print!("   {} passed, {} failed, {} ignored", counts.passed, counts.failed, counts.ignored);
        }
        println!();
    }
    let failed: Vec<&str> = results.iter().filter(|result| result.failed).map(|result| result.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(anyhow!("failed: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 17 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.04s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 60.01s",
            "test other ... ok",
        ] {
            counts.add(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.ignored), (20, 1, 2));
    }
}
