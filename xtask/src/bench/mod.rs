//! `cargo xtask bench NAME`: measures, side by side with the peers in one run, and prints a table for people or, with
//! `--json`, a line a figure. It asserts nothing: figures are for people to judge.

mod figures;
mod flights;
mod macros;
mod pool;
mod size;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use macros::rustc::stand_in as rustc_stand_in;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// What `sql!` costs at build time, beside sqlx's `query!` in offline mode
    Macro(macros::Options),
    /// Round trips, natively and from a Worker
    Flights(flights::Options),
    /// The same load without a pool and through one
    Pool(pool::Options),
    /// What dsql-edge adds to a Worker, compressed
    Size(size::Options),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Macro(options) => macros::run(options),
        Bench::Flights(options) => flights::run(options),
        Bench::Pool(options) => pool::run(options),
        Bench::Size(options) => size::run(options),
    }
}
