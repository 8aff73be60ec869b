//! Runs `dsql-edge describe --jsonl` as a process.
//!
//! Input: SQL. Output: the command's answers, unchanged.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The built program.
pub(super) struct Program {
    program: PathBuf,
}

/// One line of the command's output.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum Answer {
    Described { params: Vec<Param>, columns: Vec<Column>, cardinality: String },
    Refused { errors: Vec<Problem> },
}

#[derive(Deserialize, Debug)]
pub(super) struct Param {
    #[serde(rename = "type")]
    pub(super) type_name: String,
}

#[derive(Deserialize, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: String,
    pub(super) nullable: bool,
}

#[derive(Deserialize, Debug)]
pub(super) struct Problem {
    pub(super) stage: String,
    pub(super) code: String,
    pub(super) sqlstate: String,
    pub(super) message: String,
    pub(super) offset: usize,
}

/// Builds `dsql-edge`.
pub(super) fn build(release: bool) -> Result<Program> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--quiet",
        "--package",
        "dsql-edge-codegen",
        "--message-format",
        "json-render-diagnostics",
    ]);
    if release {
        cargo.arg("--release");
    }
    let built =
        cargo.current_dir(xtask::project::root()).stderr(Stdio::inherit()).output().context("cargo build")?;
    if !built.status.success() {
        bail!("dsql-edge-codegen does not build");
    }
    #[derive(Deserialize)]
    struct Artifact {
        executable: Option<PathBuf>,
    }
    let program = String::from_utf8(built.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok()?.executable)
        .next_back()
        .context("cargo names no executable of dsql-edge-codegen")?;
    Ok(Program { program })
}

impl Program {
    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.program
    }

    /// Returns an answer for each statement, in order.
    pub(super) fn ask(&self, schema: &Path, statements: &[&str]) -> Result<Vec<Answer>> {
        let mut process = Command::new(&self.program)
            .args(["describe", "--jsonl", "--dialect", "postgres", "--schema"])
            .arg(schema)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        let mut input = process.stdin.take().context("no stdin")?;
        let output = process.stdout.take().context("no stdout")?;
        let lines: Vec<String> =
            statements.iter().map(|sql| serde_json::json!({ "sql": sql }).to_string() + "\n").collect();
        // Both pipes have a limited size, so this process must write and read at the same time.
        let writer =
            thread::spawn(move || lines.iter().try_for_each(|line| input.write_all(line.as_bytes())));
        let mut answers = Vec::with_capacity(statements.len());
        for line in BufReader::new(output).lines() {
            let line = line?;
            answers.push(serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))?);
        }
        let status = process.wait()?;
        // If the process ended early, the writer failed because the process closed its pipe. The writer's error is
        // dropped, and the exit status of the process is reported instead.
        let _ = writer.join();
        if !status.success() || answers.len() != statements.len() {
            let last = statements.get(answers.len()).copied().unwrap_or_default();
            bail!(
                "describe ended ({status}) after {} of {} answers, at:\n{last}",
                answers.len(),
                statements.len()
            );
        }
        Ok(answers)
    }
}
