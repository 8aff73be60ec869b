//! `cargo xtask`: parses the command, and runs it. Each command is a module.

mod bench;
mod catalog;
mod corpus;
mod demo;
mod fuzz;
mod literals;
mod release;
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
    /// Run the checks of every change, or all checks with --full
    Test(test::Options),
    /// Extract the built-in catalog from a PostgreSQL 16
    Catalog(catalog::Options),
    /// Measure the compiler on real queries and statements
    Corpus(corpus::Options),
    /// Run libFuzzer on the decoders and the compiler
    Fuzz(fuzz::Options),
    /// Compare the compiler's reading of generated constants with a real PostgreSQL 16
    Literals(literals::Options),
    /// Check what a release needs: packages, features, licences, the public API, documentation, versions
    ReleaseCheck(release::Options),
    /// Compare generated scripts with their rewrites by `lint --fix`, on a real PostgreSQL 16
    Rewrites(rewrites::Options),
    /// Compare the compiler with a real PostgreSQL 16 on generated queries
    Soundness(soundness::Options),
    /// Run AWS's test suites and other clients against dsql-local
    Suites(suites::Options),
    /// Measure dsql-edge and comparable projects in one run
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
        Command::Literals(options) => literals::literals(&options),
        Command::ReleaseCheck(options) => release::release_check(&options),
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
