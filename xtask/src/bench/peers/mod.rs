//! `cargo xtask bench peers`: dsql-edge and comparable clients side by side, in one run, each in the real workerd
//! behind the same delaying network.
//!
//! Input: the measuring program `bench/src/main.rs`, which builds the Workers of `bench/peers` and lets the clients
//! take turns. Output: tables for people, one JSON line per figure, or `bench/README.md` with its charts. This command
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
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use xtask::peers::{LOAD_BEFORE, Selection};
use xtask::{project, step};

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
    /// Keep the measurements of the last run, except those of the parts that are measured now
    #[arg(long, conflicts_with = "last")]
    add: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let folder = project::target().join("peers");
    fs::create_dir_all(&folder)?;
    let last = folder.join("measured.jsonl");
    let read = || fs::read_to_string(&last).with_context(|| format!("no last run: {}", last.display()));
    if !options.last {
        let before = if options.add { read()? } else { String::new() };
        // The lines that a run has written before it fails are not lost: `--add` measures the parts that are missing.
        let new = folder.join("new.jsonl");
        let measured = measure(&options.selection, fs::File::create(&new)?);
        fs::write(&last, measured::merged(&before, &fs::read_to_string(&new)?)?)?;
        measured?;
    }
    let measured = Measured::read(&read()?)?;
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
fn measure(selection: &Selection, lines: fs::File) -> Result<()> {
    // The load is read before the builds, because it must only show the work of other programs.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(2).collect::<Vec<_>>().join(", ");
    let built: PathBuf = project::target().join("release/peers");
    step::step("building the measuring program", || {
        let build = ["build", "--release", "--locked", "--package", "dsql-edge-bench", "--bin", "peers"];
        step::run(project::cargo().args(build))
    })?;
    let mut peers = Command::new(built);
    peers.env(LOAD_BEFORE, load);
    peers.args(selection.arguments()).current_dir(project::root()).stdin(Stdio::null()).stdout(lines);
    let status = peers.status()?;
    ensure!(
        status.success(),
        "the measuring program failed ({status}); `--add --part PART` measures what is missing"
    );
    Ok(())
}
