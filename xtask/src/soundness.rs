//! `cargo xtask soundness`: tests the compiler with generated schemas, rows and statements.
//!
//! Input: a duration in minutes or a number of schemas, and a seed. Output: the text that the test `soundness` prints.
//! The text contains a case for each difference, in the form of `tests/cases`. The text also contains the figures, and
//! the number of times that each construct occurred.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run for this number of minutes
    #[arg(long, default_value_t = 10, conflicts_with = "schemas")]
    minutes: u64,
    /// Stop after this number of schemas, each with its statements
    #[arg(long)]
    schemas: Option<u64>,
    /// The seed: the same seed generates the same schemas and statements
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn soundness(options: &Options) -> Result<()> {
    let mut command = project::cargo_test("soundness");
    command.env("SOUNDNESS_SEED", options.seed.to_string());
    match options.schemas {
        Some(schemas) => command.env("SOUNDNESS_SCHEMAS", schemas.to_string()),
        None => command.env("SOUNDNESS_MINUTES", options.minutes.to_string()),
    };
    run(&mut command)
}
