//! `cargo xtask bench pool`: the same load without a pool and through one, in the real workerd, with a delaying proxy in
//! front of a local DSQL.
//!
//! One way the proxy delays by 40 ms, or by 1 ms as near the cluster, where an object with a location hint is. The way from
//! a Worker to an object costs nothing here, since both are in one process; in production it is the visitor's distance
//! from the cluster, once a flight.

use anyhow::Result;
use clap::Args;
use serde::Deserialize;

use super::figures::{Figures, measured_by};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON object a figure
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Measured {
    case: String,
    what: String,
    value: f64,
    unit: String,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let figures = Figures::new("pool", options.json);
    let mut case = String::new();
    for measured in measured_by::<Measured>("pool-load")? {
        if measured.case != case {
            figures.title(&format!("300 queries, 8 at once, {}", measured.case));
            case = measured.case;
        }
        figures.figure(&format!("{}, {case}", measured.what), measured.value, &measured.unit, None);
    }
    Ok(())
}
