//! `cargo xtask bench NAME`: measures dsql-edge and comparable projects in one run, and prints a table for people or,
//! with `--json`, one line per figure. The command asserts nothing: people judge the figures.

mod figures;
mod flights;
mod macros;
mod peers;
mod pool;
mod size;
mod warm_up;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use macros::rustc::stand_in as rustc_stand_in;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The cost of `sql!` at build time, compared with sqlx's `query!` in offline mode
    Macro(macros::Options),
    /// Round trips, natively and from a Worker
    Flights(flights::Options),
    /// The same load without a pool and through a pool
    Pool(pool::Options),
    /// dsql-edge and comparable clients side by side, in workerd
    Peers(peers::Options),
    /// The compressed size that dsql-edge adds to a Worker
    Size(size::Options),
    /// The first query of a Worker with and without `Dsql::warm_up`
    WarmUp(warm_up::Options),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Macro(options) => macros::run(options),
        Bench::Flights(options) => flights::run(options),
        Bench::Pool(options) => pool::run(options),
        Bench::Peers(options) => peers::run(options),
        Bench::Size(options) => size::run(options),
        Bench::WarmUp(options) => warm_up::run(options),
    }
}
