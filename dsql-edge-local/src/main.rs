//! `dsql-local`, the command line: parses the arguments and runs the command.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::{Command, psql, reset, run, serve, watch};

/// A local Aurora DSQL for development and tests: DSQL's login, rules and limits in front of a real PostgreSQL 16.
#[derive(Parser)]
#[command(name = "dsql-local", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(options) => serve::serve(&options).await,
        Command::Run { options, command } => run::run(&options, &command).await,
        Command::Psql(options) => psql::psql(&options),
        Command::Reset(options) => reset::reset(&options).await,
        Command::Watch { pid } => watch::watch(pid),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dsql-local: {error}");
            ExitCode::FAILURE
        }
    }
}
