//! The `dsql-edge` command line: one file a command. It prints answers on stdout, everything else on stderr, and
//! ends with 1 where something failed.

use std::process::ExitCode;

use clap::Parser;
use dsql_edge_codegen::{check, describe, explain, lint, migrate, pull};

#[derive(Parser)]
#[command(name = "dsql-edge", version, about = "Typed SQL for Amazon Aurora DSQL: the command line")]
enum Command {
    Check(check::Options),
    Describe(describe::Options),
    Explain(explain::Options),
    Lint(lint::Options),
    Migrate(migrate::Options),
    Pull(pull::Options),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Check(options) => check::run(&options),
        Command::Describe(options) => describe::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Lint(options) => lint::run(&options),
        Command::Migrate(options) => migrate::run(&options),
        Command::Pull(options) => pull::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
