//! `cargo xtask bench flights`: prints the round trips of queries, pipelines, many rows, transactions and streams,
//! natively and from a Worker in the real workerd. A delaying network in front of a local DSQL counts the round trips.
//!
//! This command runs code of the tests (`tests/flights.rs`); the tests assert the figures that this command prints.

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
struct Flight {
    from: String,
    case: String,
    expected: f64,
    counted: f64,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let figures = Figures::new("flights", options.json);
    let mut from = String::new();
    for flight in measured_by::<Flight>("flights")? {
        if flight.from != from {
            figures
                .title(&format!("Round trips, {}, including TCP's if a connection is opened", flight.from));
            from = flight.from;
        }
        let case = match from.as_str() {
            "Worker" => format!("{}, from a Worker", flight.case),
            "Worker, through a pool" => format!("{}, through the pool", flight.case),
            _ => flight.case,
        };
        figures.figure(&case, flight.counted, "round trips", Some(flight.expected));
    }
    Ok(())
}
