//! `cargo xtask bench peers`: dsql-edge and comparable clients side by side, in one run, each in the real workerd behind
//! the same delaying network.
//!
//! Input: the measuring program `bench/src/main.rs`, which builds the Workers of `bench/peers` and lets the clients take
//! turns. Output: tables for people, one JSON line per figure, or `bench/README.md` with its charts. This command
//! computes the figures; it measures nothing.

mod ahead;
mod chart;
mod figures;
mod measured;
mod panels;
mod readme;
mod report;
mod statistics;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use xtask::peers::Selection;
use xtask::{project, step};

use super::figures::program;
use measured::Measured;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    selection: Selection,
    /// Print one JSON object per figure
    #[arg(long)]
    json: bool,
    /// Write bench/README.md and its charts
    #[arg(long, conflicts_with = "json")]
    write: bool,
    /// Use the measurements of the last run, and measure nothing
    #[arg(long)]
    last: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let folder = project::target().join("peers");
    fs::create_dir_all(&folder)?;
    let last = folder.join("measured.jsonl");
    if !options.last {
        let lines = measure(&options.selection)?;
        fs::write(&last, lines)?;
    }
    let lines = fs::read_to_string(&last).with_context(|| format!("no last run: {}", last.display()))?;
    let measured = Measured::read(&lines)?;
    if options.json {
        figures::print(&measured);
        return Ok(());
    }
    let mut report = report::of(&measured);
    report.push(ahead::table(&measured));
    print!("{}", table::for_people(&report));
    if options.write {
        readme::write(&project::root().join("bench"), &measured, &report)?;
    }
    Ok(())
}

/// Runs the measuring program, built with optimisation. Without optimisation, the network and the local DSQL would use
/// more processor time than workerd.
fn measure(selection: &Selection) -> Result<String> {
    let built: PathBuf = project::target().join("release/peers");
    step::step("building the measuring program", || {
        let build = ["build", "--release", "--locked", "--package", "dsql-edge-bench", "--bin", "peers"];
        step::run(project::cargo().args(build))
    })?;
    program(std::process::Command::new(built).args(selection.arguments()).current_dir(project::root()))
}
