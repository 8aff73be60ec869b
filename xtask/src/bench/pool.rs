//! `cargo xtask bench pool`: the same load without a pool and through a pool, in the real workerd, with a delaying
//! network in front of a local DSQL.
//!
//! The network adds 40 ms in each direction or, for an object with a location hint near the cluster, 1 ms. A Worker
//! reaches an object without delay here, because the Worker and the object are in one process. In production, each
//! flight also takes the time between the visitor's location and the object.

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
