//! `cargo xtask suites`: runs AWS's test suites and other clients of DSQL against dsql-local.
//!
//! Input: lock files of pip and npm, and the test suites in AWS's sdists. The sdists are downloaded from PyPI, and are
//! not a part of the repository. Output: for each suite, how many tests passed and failed, and the reason of each
//! failure. This command is not a part of `cargo xtask test`.

mod install;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use install::Installed;
use serde::Deserialize;
use server::Server;
use xtask::project;
use xtask::step::step;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The suites to run; all of them by default
    suites: Vec<String>,
}

/// A suite, and how it is run.
struct Suite {
    name: &'static str,
    how: How,
}

enum How {
    /// Runs pytest in an sdist, with these arguments.
    Pytest {
        sdist: &'static str,
        arguments: &'static [&'static str],
        settings: Option<&'static str>,
    },
    /// A script of this project.
    Python(&'static str),
    Node(&'static str),
}

const SUITES: [Suite; 6] = [
    Suite {
        name: "python-connector",
        how: How::Pytest {
            sdist: "aurora_dsql_python_connector",
            arguments: &["tests/integration", "-o", "log_cli=false"],
            settings: None,
        },
    },
    Suite {
        name: "sqlalchemy",
        how: How::Pytest {
            sdist: "aurora_dsql_sqlalchemy",
            arguments: &["test", "-o", "addopts="],
            settings: None,
        },
    },
    Suite {
        name: "django",
        how: How::Pytest {
            sdist: "aurora_dsql_django",
            arguments: &["aurora_dsql_django/tests/integration"],
            settings: Some("aurora_dsql_django.tests.test_settings"),
        },
    },
    Suite {
        name: "tortoise-orm",
        how: How::Pytest {
            sdist: "aurora_dsql_tortoise_orm",
            arguments: &["tests/integration"],
            settings: None,
        },
    },
    Suite { name: "python-clients", how: How::Python("clients.py") },
    Suite { name: "node-clients", how: How::Node("clients.mjs") },
];

/// Tests that fail because PostgreSQL differs from DSQL. Each entry has the suite, a part of the test's name, and the
/// difference.
const KNOWN_DIFFERENCES: [(&str, &str, &str); 0] = [];

/// A line of the report that a suite writes.
#[derive(Deserialize)]
struct Line {
    test: String,
    outcome: String,
    reason: String,
}

/// The outcomes of a suite's tests. The maps have the reason for each test that failed or did not run, by the test's
/// name.
#[derive(Default)]
struct Outcome {
    passed: usize,
    failed: BTreeMap<String, String>,
    skipped: BTreeMap<String, String>,
}

pub(crate) fn suites(options: &Options) -> Result<()> {
    let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
    if let Some(unknown) = options.suites.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        bail!("{unknown:?} is not a suite; the suites are {}", names.join(", "));
    }
    let folder = project::target().join("suites");
    fs::create_dir_all(&folder)?;
    let installed = install::install(&folder)?;
    let mut outcomes = Vec::new();
    for suite in SUITES {
        if options.suites.is_empty() || options.suites.iter().any(|wanted| wanted == suite.name) {
            let outcome = step(suite.name, || run(&suite, &folder, &installed))?;
            outcomes.push((suite.name, outcome));
        }
    }
    show(&outcomes)
}

/// Runs a suite against a separate cluster.
fn run(suite: &Suite, folder: &Path, installed: &Installed) -> Result<Outcome> {
    let server = Server::start(&folder.join("dsql-local"))?;
    let report = folder.join(format!("{}.jsonl", suite.name));
    fs::write(&report, "")?;
    let log_path = folder.join(format!("{}.log", suite.name));
    let log = fs::File::create(&log_path)?;
    let mut command = command(suite, folder, installed);
    server.describe_to(&mut command)?;
    command.env("SUITES_REPORT", &report).stdout(log.try_clone()?).stderr(log);
    let status = command.status()?;
    drop(server);
    let outcome = read(&report)?;
    if outcome.passed + outcome.failed.len() == 0 {
        bail!("{} ran no test ({status}): see {}", suite.name, log_path.display());
    }
    Ok(outcome)
}

fn command(suite: &Suite, folder: &Path, installed: &Installed) -> Command {
    let scripts = project::root().join("xtask/suites");
    match suite.how {
        How::Pytest { sdist, arguments, settings } => {
            let mut command = Command::new(&installed.python);
            command.args(["-m", "pytest", "-q", "-p", "plugin", "-p", "no:cacheprovider"]).args(arguments);
            command.current_dir(installed.sdist(folder, sdist)).env("PYTHONPATH", scripts);
            command.envs(settings.map(|settings| ("DJANGO_SETTINGS_MODULE", settings)));
            command
        }
        How::Python(script) => {
            let mut command = Command::new(&installed.python);
            command.arg(scripts.join(script));
            command
        }
        How::Node(script) => {
            let mut command = Command::new("node");
            command.arg(installed.node.join(script));
            command
        }
    }
}

/// Reads a report. A test may have several lines; if one line is a failure, the test has failed.
fn read(report: &Path) -> Result<Outcome> {
    let mut tests: BTreeMap<String, Line> = BTreeMap::new();
    for line in fs::read_to_string(report)?.lines() {
        let line: Line = serde_json::from_str(line)?;
        let failed = tests.get(&line.test).is_some_and(|before| before.outcome == "failed");
        if !failed {
            tests.insert(line.test.clone(), line);
        }
    }
    let mut outcome = Outcome::default();
    for (test, line) in tests {
        match line.outcome.as_str() {
            "passed" => outcome.passed += 1,
            "skipped" => drop(outcome.skipped.insert(test, line.reason)),
            _ => drop(outcome.failed.insert(test, line.reason)),
        }
    }
    Ok(outcome)
}

/// Prints the table, and each failure with its reason.
fn show(outcomes: &[(&str, Outcome)]) -> Result<()> {
    println!("{:<18}{:>7}{:>8}{:>8}{:>9}", "suite", "tests", "passed", "failed", "not run");
    for (suite, outcome) in outcomes {
        let (failed, skipped) = (outcome.failed.len(), outcome.skipped.len());
        let all = outcome.passed + failed + skipped;
        println!("{suite:<18}{all:>7}{:>8}{failed:>8}{skipped:>9}", outcome.passed);
    }
    let mut unexplained = 0;
    for (suite, outcome) in outcomes {
        for (test, reason) in &outcome.failed {
            let known = KNOWN_DIFFERENCES.iter().find(|(of, part, _)| of == suite && test.contains(part));
            unexplained += usize::from(known.is_none());
            let reason =
                known.map_or_else(|| short(reason), |(_, _, why)| format!("known difference: {why}"));
            println!("failed: {suite}: {test}: {reason}");
        }
        for (test, reason) in &outcome.skipped {
            println!("not run: {suite}: {test}: {}", short(reason));
        }
    }
    if unexplained > 0 {
        bail!("{unexplained} tests failed without a known difference");
    }
    Ok(())
}

/// A reason on one line.
fn short(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(400).collect()
}
