//! `cargo xtask literals`: tests how the compiler reads constants, with generated literals.
//!
//! Input: the number of literals for each type, and a seed. Output: the output of the test
//! `literals`: for each type, the number of literals that were tried, the number of literals that
//! PostgreSQL rejects, and the differences.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Try this number of literals for each type
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// The seed: the same seed generates the same literals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Try only this type
    #[arg(long = "type")]
    only: Option<String>,
}

pub(crate) fn literals(options: &Options) -> Result<()> {
    // The compiler uses most of the time. Without optimization, the test takes twice as long.
    let mut command = project::cargo();
    command.args(["test", "--config", "profile.test.package.dsql-edge-compiler.opt-level=2", "--locked"]);
    command.args(["--workspace", "--test", "literals", "--", "--nocapture"]);
    command.env("LITERALS", options.count.to_string()).env("LITERALS_SEED", options.seed.to_string());
    if let Some(only) = &options.only {
        command.env("LITERALS_TYPE", only);
    }
    run(&mut command)
}
