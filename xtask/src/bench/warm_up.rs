//! `cargo xtask bench warm-up`: measures whole requests of a Worker that sends its first query at once, or after it has
//! waited 100 ms for something else, with and without `Dsql::warm_up`, in the real workerd. A network with a round trip
//! of 80 ms is in front of a local DSQL; this network does not delay TCP's own round trip.

use anyhow::Result;
use clap::Args;
use serde::Deserialize;

use super::figures::{Figures, measured_by};

#[derive(Args)]
pub(crate) struct Options {
    /// Print one JSON object per figure
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Measured {
    case: String,
    milliseconds: f64,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let figures = Figures::new("warm-up", options.json);
    figures.title("Whole requests, median of 20, 80 ms from the cluster");
    for Measured { case, milliseconds } in measured_by::<Measured>("warm-up")? {
        figures.figure(&case, milliseconds, "ms", None);
    }
    Ok(())
}
