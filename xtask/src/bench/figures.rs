//! Prints measured figures for people or as JSON lines. It computes nothing.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use xtask::project;

/// Runs a measuring program of the tests. The program prints one JSON object per line.
pub(super) fn measured_by<T: DeserializeOwned>(program: &str) -> Result<Vec<T>> {
    let run = ["run", "--quiet", "--package", "dsql-edge-tests", "--bin", program];
    let lines = self::program(Command::new(env!("CARGO")).args(run).current_dir(project::root()))?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Runs a program and returns its standard output.
pub(super) fn program(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("{name} cannot be started"))?;
    ensure!(output.status.success(), "{name} failed");
    Ok(String::from_utf8(output.stdout)?)
}

/// The figures of one benchmark, which are printed on standard output.
pub(super) struct Figures {
    bench: &'static str,
    json: bool,
}

impl Figures {
    pub(super) fn new(bench: &'static str, json: bool) -> Self {
        Self { bench, json }
    }

    /// Prints a headline, only in the form for people.
    pub(super) fn title(&self, text: &str) {
        if !self.json {
            println!("\n{text}");
        }
    }

    /// Prints one figure. If the project has set a limit, also prints the limit.
    pub(super) fn figure(&self, case: &str, value: f64, unit: &str, at_most: Option<f64>) {
        if self.json {
            let (bench, case, unit) =
                (serde_json::json!(self.bench), serde_json::json!(case), serde_json::json!(unit));
            println!("{{\"bench\":{bench},\"case\":{case},\"value\":{value:.4},\"unit\":{unit}}}");
            return;
        }
        let mark = match at_most {
            Some(most) if value <= most => format!("   reached: at most {most:.2}"),
            Some(most) => format!("   MISSED: at most {most:.2}"),
            None => String::new(),
        };
        println!("{case:<66}{value:>10.3} {unit}{mark}");
    }
}
