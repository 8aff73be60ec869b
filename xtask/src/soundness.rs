//! `cargo xtask soundness`: attacks the compiler with generated schemas, rows and statements.
//!
//! Input: minutes or a number of schemas, and a seed. Output: that of the test `soundness`: a case for each
//! difference, ready for `tests/cases`, how often each construct occurred, and the figures.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Go on for this number of minutes
    #[arg(long, default_value_t = 10, conflicts_with = "schemas")]
    minutes: u64,
    /// Stop after this number of schemas, each with its statements
    #[arg(long)]
    schemas: Option<u64>,
    /// Where to begin: the same seed makes the same schemas and statements
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn soundness(options: &Options) -> Result<()> {
    let mut command = project::cargo();
    // Of the whole workspace: see `test::parts`.
    command.args(["test", "--locked", "--workspace", "--test", "soundness", "--", "--nocapture"]);
    command.env("SOUNDNESS_SEED", options.seed.to_string());
    match options.schemas {
        Some(schemas) => command.env("SOUNDNESS_SCHEMAS", schemas.to_string()),
        None => command.env("SOUNDNESS_MINUTES", options.minutes.to_string()),
    };
    run(&mut command)
}
