//! `cargo xtask fuzz`: runs libFuzzer, with the stable toolchain, on the parsers that read hostile bytes or arbitrary
//! text.
//!
//! Input: the targets of `fuzz/`, their committed seeds, and the statements and schemas of `tests/cases`. Output: the
//! number of inputs that each target has tried, and for each failure a file that reproduces the failure. Inputs that
//! reach new code are kept in the target folder for the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;
use xtask::project;
use xtask::step::{run, step};

/// The options of `cargo xtask fuzz`.
#[derive(Parser)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The targets; all of them by default
    targets: Vec<String>,
}

const TARGETS: [&str; 8] =
    ["backend", "values", "from_sql", "assumed_role", "scram", "token", "statement", "snapshot"];

/// The flags that cargo-fuzz uses without a sanitizer. These flags use a pass of LLVM itself, so they do not need a
/// nightly toolchain.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

pub(crate) fn fuzz(options: &Options) -> Result<()> {
    let chosen: Vec<&str> = match options.targets.as_slice() {
        [] => TARGETS.to_vec(),
        named => named.iter().map(|name| target(name)).collect::<Result<_>>()?,
    };
    let folder = project::target().join("fuzz");
    let built = folder.join("build");
    step("building the fuzz targets", || {
        let mut build = project::cargo();
        build.args(["build", "--locked", "--bins", "--manifest-path"]);
        build.arg(project::root().join("fuzz/Cargo.toml"));
        // With `--target`, the flags apply only to the fuzz targets, not to build scripts and macros.
        build.args(["--target", &host()?]).env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &built);
        run(&mut build)
    })?;
    let programs = built.join(host()?).join("debug");
    let seeds = seeds_of_cases(&folder)?;
    let mut failed = Vec::new();
    for name in chosen {
        let corpus = folder.join("corpus").join(name);
        let findings = folder.join("findings").join(name);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&findings)?;
        let mut fuzzer = Command::new(programs.join(name));
        fuzzer.arg(format!("-max_total_time={}", options.seconds));
        fuzzer.args([
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-max_len=4096",
            "-print_final_stats=1",
            "-verbosity=0",
        ]);
        fuzzer.arg(format!("-artifact_prefix={}/", findings.display()));
        // In some targets, taking a backtrace after a panic crashes the process before it has written the input.
        fuzzer.env("RUST_BACKTRACE", "0").arg(&corpus);
        let committed = project::root().join("fuzz/seeds").join(name);
        for more in [committed, seeds.join(name)] {
            if more.is_dir() {
                fuzzer.arg(more);
            }
        }
        if step(&format!("fuzzing {name}"), || run(&mut fuzzer)).is_err() {
            eprintln!("the inputs that fail are in {}", findings.display());
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn target(name: &str) -> Result<&'static str> {
    let known = TARGETS.into_iter().find(|target| *target == name);
    known.with_context(|| format!("{name:?} is not a fuzz target; the targets are {}", TARGETS.join(", ")))
}

/// The triple that rustc builds for.
fn host() -> Result<String> {
    let version = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not report its host")?.to_owned())
}

/// Writes each fenced block of `tests/cases` to a file: statements, and schemas.
fn seeds_of_cases(folder: &Path) -> Result<PathBuf> {
    let seeds = folder.join("seeds");
    let mut count = 0;
    let mut waiting = vec![project::root().join("tests/cases")];
    for name in ["statement", "snapshot"] {
        fs::create_dir_all(seeds.join(name))?;
    }
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(here)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let text = fs::read_to_string(&path)?;
            for block in text.split("```sql").skip(1) {
                let Some((heading, rest)) = block.split_once('\n') else { continue };
                let Some((sql, _)) = rest.split_once("\n```") else { continue };
                let name = if heading.contains("schema") { "snapshot" } else { "statement" };
                count += 1;
                fs::write(seeds.join(name).join(count.to_string()), sql)?;
            }
        }
    }
    Ok(seeds)
}
