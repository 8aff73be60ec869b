//! `cargo xtask test`: every check there is, in order, with a summary.
//!
//! All checks run, also after one has failed: one run tells everything.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use xtask::step::run;
use xtask::{project, setup, worker};

const EXAMPLE: &str = "examples/blog";
const PROBE: &str = "tests/probe";

pub(crate) fn test() -> Result<()> {
    setup::runtime()?;
    setup::wasm_target()?;
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
    let mut results = Vec::new();
    for (name, mut command) in [
        ("format", cargo(&["fmt", "--all", "--check"])),
        ("format of the example", of_worker(EXAMPLE, &["fmt", "--check"])),
        ("format of the tests' Worker", of_worker(PROBE, &["fmt", "--check"])),
        ("lints", cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("lints of the example", lints_of_worker(EXAMPLE)),
        ("lints of the tests' Worker", lints_of_worker(PROBE)),
        ("docs", docs),
        ("wasm", cargo(&wasm)),
        ("wasm, without default features", cargo(&[&wasm[..], &["--no-default-features"]].concat())),
        ("dsql-local", cargo(&["build", "--locked", "-p", "dsql-edge-local"])),
        ("the catalogue is PostgreSQL's", catalog),
        ("tests", cargo(&["test", "--locked", "--workspace"])),
    ] {
        results.push(check(name, &mut command));
    }
    summary(&results)
}

struct Verdict {
    name: &'static str,
    time: Duration,
    failed: Option<String>,
}

fn check(name: &'static str, command: &mut Command) -> Verdict {
    eprintln!("\n=> {name}");
    let start = Instant::now();
    let failed = run(command).err().map(|error| error.to_string());
    Verdict { name, time: start.elapsed(), failed }
}

fn summary(results: &[Verdict]) -> Result<()> {
    println!();
    for result in results {
        let verdict = if result.failed.is_some() { "FAILED" } else { "ok" };
        println!("{:<34} {verdict:<7} {:6.1} s", result.name, result.time.as_secs_f64());
    }
    let failed: Vec<&str> = results.iter().filter(|result| result.failed.is_some()).map(|r| r.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(anyhow!("failed: {}", failed.join(", "))) }
}
