//! `cargo xtask rewrites`: runs generated scripts on PostgreSQL 16, unchanged and rewritten by `lint --fix`.
//!
//! Input: the number of scripts, and a seed. Output: the output of the test `rewrites`: each script that behaves
//! differently with its rewrites, how often each rewrite was tried, and the figures.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The number of scripts
    #[arg(long, default_value_t = 3_000)]
    scripts: u64,
    /// The same seed generates the same scripts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn rewrites(options: &Options) -> Result<()> {
    let mut command = project::cargo_test("rewrites");
    command.env("REWRITES_SEED", options.seed.to_string());
    command.env("REWRITES_SCRIPTS", options.scripts.to_string());
    run(&mut command)
}
