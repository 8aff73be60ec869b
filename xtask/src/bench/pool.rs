//! `cargo xtask bench pool`: the same load without a pool and through one, in the real workerd, with a delaying proxy in
//! front of a local DSQL.
//!
//! One way the proxy delays by 40 ms, or by 1 ms as near the cluster, where an object with a location hint is. The way from
//! a Worker to an object costs nothing here, since both are in one process; in production it is the visitor's distance
//! from the cluster, once a flight.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use xtask::project;

use super::figures::Figures;

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
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "dsql-edge-tests", "--bin", "pool-load"])
        .current_dir(project::root())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "measuring failed");
    let figures = Figures::new("pool", options.json);
    let mut case = String::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let measured: Measured = serde_json::from_str(line).with_context(|| line.to_owned())?;
        if measured.case != case {
            figures.title(&format!("300 queries, 8 at once, {}", measured.case));
            case = measured.case;
        }
        figures.figure(&format!("{}, {case}", measured.what), measured.value, &measured.unit, None);
    }
    Ok(())
}
