//! The project's own commands, run as `cargo xtask NAME`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

mod catalog;
mod corpus;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
enum Command {
    /// Take the built-in catalogue from a PostgreSQL 16.
    Catalog(catalog::Options),
    /// Measure the compiler against real queries and statements.
    Corpus(corpus::Options),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Catalog(options) => catalog::run(&options),
        Command::Corpus(options) => corpus::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace: the folder above this package's.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
