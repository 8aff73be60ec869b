//! `cargo xtask`: reads which command is meant, and runs it. Each command is a room of its own.

mod bench;
mod catalog;
mod corpus;
mod demo;
mod fuzz;
mod rewrites;
mod soundness;
mod suites;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Run the example blog in workerd against a local DSQL, and show its answers
    Demo(demo::Options),
    /// Run the checks of every change, or with --full all checks there are
    Test(test::Options),
    /// Take the built-in catalog from a PostgreSQL 16
    Catalog(catalog::Options),
    /// Measure the compiler against real queries and statements.
    Corpus(corpus::Options),
    /// Let libFuzzer loose on the decoders and the compiler
    Fuzz(fuzz::Options),
    /// Compare generated scripts with their rewrites by `lint --fix`, on a real PostgreSQL 16
    Rewrites(rewrites::Options),
    /// Attack the compiler with made-up queries on a real PostgreSQL 16
    Soundness(soundness::Options),
    /// Run AWS's test suites and other people's clients against dsql-local
    Suites(suites::Options),
    /// Measure, beside the peers, in one run
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    if let Some(code) = bench::rustc_stand_in() {
        return code;
    }
    let done = match Command::parse() {
        Command::Demo(options) => demo::demo(&options),
        Command::Test(options) => test::test(&options),
        Command::Catalog(options) => catalog::run(&options),
        Command::Corpus(options) => corpus::run(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Rewrites(options) => rewrites::rewrites(&options),
        Command::Soundness(options) => soundness::soundness(&options),
        Command::Suites(options) => suites::suites(&options),
        Command::Bench(bench) => bench::run(&bench),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
