//! `cargo xtask rewrites`: runs made-up scripts on PostgreSQL 16, as they are and as `dsql-edge lint --fix` rewrites them.
//!
//! Input: how many scripts, and a seed. Output: what the tests' target `rewrites` prints: each script that does something
//! else with its rewrites, how often each rewrite was tried, and the figures.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Stop after so many scripts
    #[arg(long, default_value_t = 3_000)]
    scripts: u64,
    /// Where to begin: the same seed makes the same scripts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn rewrites(options: &Options) -> Result<()> {
    let mut command = project::cargo();
    // Of the whole workspace: see `test::parts`.
    command.args(["test", "--locked", "--workspace", "--test", "rewrites", "--", "--nocapture"]);
    command.env("REWRITES_SEED", options.seed.to_string());
    command.env("REWRITES_SCRIPTS", options.scripts.to_string());
    run(&mut command)
}
