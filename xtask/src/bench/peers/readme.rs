//! Writes `bench/README.md` and its charts from one run.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::chart::{Panel, THEMES, svg};
use super::measured::{Machine, Measured};
use super::panels;
use super::table::{Table, markdown};

/// The part of the page that no run changes: how the clients are written, and what is not measured.
const METHOD: &str = include_str!("method.md");

/// The round trip of the charts, in milliseconds.
const CHARTED: u64 = 80;

/// Writes the page and the charts into a folder.
pub(super) fn write(folder: &Path, measured: &Measured, tables: &[Table]) -> Result<()> {
    let machine = measured.machine.as_ref().context("the run has no description of its machine")?;
    let summary = ["one", "rows", "three", "transaction"];
    let mut page = String::from("# dsql-edge and its peers, side by side\n\n");
    page.push_str(&about(measured, machine));
    for (title, name, panels) in [
        ("", "summary", panels::times(measured, CHARTED, &summary)),
        ("Time", "time", panels::times(measured, CHARTED, &[])),
        ("Cost", "cost", panels::costs(measured)),
        ("Beyond the connection rate, and conflicts", "load", panels::loads(measured)),
    ] {
        draw(folder, name, &panels)?;
        // The project's README shows the summary.
        if !title.is_empty() {
            let _ = writeln!(page, "## {title}\n\n{}", picture(name, title));
        }
    }
    let _ = writeln!(page, "## Tables\n");
    for table in tables {
        page.push_str(&markdown(table));
    }
    page.push_str(METHOD);
    fs::write(folder.join("README.md"), page).context("bench/README.md cannot be written")
}

fn draw(folder: &Path, name: &str, panels: &[Panel]) -> Result<()> {
    for theme in &THEMES {
        let file = folder.join(format!("{name}-{}.svg", theme.name));
        fs::write(&file, svg(panels, theme)).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn picture(name: &str, title: &str) -> String {
    format!(
        "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{name}-dark.svg\">\n  \
         <img alt=\"{title}: the tables below have the same figures\" src=\"{name}-light.svg\">\n</picture>\n"
    )
}

/// The command of a run; each run after the first one added its figures.
fn command(run: usize, arguments: &str) -> String {
    let add = if run == 0 { "" } else { " --add" };
    let space = if arguments.is_empty() { "" } else { " " };
    format!("`cargo xtask bench peers{add}{space}{arguments} --write`")
}

/// The commands, the date, the machine and the versions.
fn about(measured: &Measured, machine: &Machine) -> String {
    let commands: Vec<String> =
        measured.arguments.iter().enumerate().map(|(run, arguments)| command(run, arguments)).collect();
    let versions: Vec<String> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let network: Vec<String> =
        machine.network.iter().map(|(wanted, real)| format!("{wanted} ms: {real:.1} ms")).collect();
    // The load was measured before the builds, so it does not include the work of the run.
    let load = machine.load_before.split(',').next().and_then(|load| load.trim().parse::<f64>().ok());
    #[allow(clippy::cast_precision_loss, reason = "few cores")]
    let is_busy = load.is_some_and(|load| load > machine.cores as f64 / 2.0);
    let busy = if is_busy {
        " **Other work kept the machine busy during this run: compare ratios, not times, and repeat the run for processor \
         time and first answers.**"
    } else {
        ""
    };
    format!(
        "{} wrote this page and its charts on {}, in {:.0} minutes without the \
         builds, on {} cores of {} ({}). Load average before the builds, for one and five minutes: {}.{busy}\n\n\
         Versions: {}.\n\n\
         Blue bars are dsql-edge; shorter is better, except for answers per second.\n\n\
         What the harness adds: a request without a query takes {:.1} ms. The round trips of the network, measured with \
         one byte, are {}.\n\n",
        commands.join(" and "),
        machine.date,
        measured.seconds / 60.0,
        machine.cores,
        machine.processor,
        machine.system,
        machine.load_before,
        versions.join(", "),
        machine.http_ms,
        network.join(", "),
    )
}
