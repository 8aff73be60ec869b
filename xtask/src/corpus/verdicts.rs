//! Compares the errors of `dsql-edge lint` with DSQL's verdicts (accepted or refused) that other people have observed
//! for statements.
//!
//! Input: `field/dsql-statements.jsonl`: a line has `id`, `setup` and `sql` (lists of statements, run in order),
//! `expect` (`ok` or `refused`), `source`, `date` and `evidence`. Output: for each kind of evidence, the share of lines
//! for which `lint` agrees with the verdict: `lint` reports an error in the script exactly if DSQL refused a statement.
//! Warnings do not count: a rule that only a document supports is a warning.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::describe::Program;
use super::queries::read_lines;
use super::report::{Report, Share};

/// A line of the file.
#[derive(Deserialize)]
struct Observed {
    id: String,
    setup: Vec<String>,
    sql: Vec<String>,
    expect: String,
    source: String,
    date: String,
    evidence: String,
}

#[derive(Deserialize)]
struct Linted {
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    errors: usize,
}

/// Compares every line of a file; without the file, does nothing.
pub(super) fn measure(ours: &Program, file: &Path, only: Option<&str>, report: &mut Report) -> Result<()> {
    if !file.is_file() {
        return Ok(());
    }
    let script = std::env::temp_dir().join(format!("dsql-edge-verdict-{}.sql", std::process::id()));
    let mut figures: BTreeMap<String, Share> = BTreeMap::new();
    let lines: Vec<Observed> = read_lines(file)?;
    for line in lines.iter().filter(|line| only.is_none_or(|only| only == line.evidence || only == line.id)) {
        let statements = line.setup.iter().chain(&line.sql).map(|it| it.trim().trim_end_matches(';'));
        let text: String = statements.map(|statement| format!("{statement};\n")).collect();
        std::fs::write(&script, text).with_context(|| script.display().to_string())?;
        let is_rejected = errors(ours, &script).with_context(|| line.id.clone())? > 0;
        let agrees = is_rejected == (line.expect == "refused");
        figures.entry(line.evidence.clone()).or_default().count(agrees);
        if !agrees {
            let ours = if is_rejected { "rejected" } else { "accepted" };
            report.failure(&format!("DSQL, {}: {ours}", line.evidence), || {
                let Observed { id, setup, sql, source, date, .. } = line;
                format!("{id}: {source}, {date}\n{}\n{}", setup.join(";\n"), sql.join(";\n"))
            });
        }
    }
    // If the file cannot be removed, it stays in the folder of temporary files. This does no harm.
    let _ = std::fs::remove_file(&script);
    let mut all = Share::default();
    for (evidence, share) in figures {
        report.share("field, DSQL", &evidence, share);
        all.add(share);
    }
    report.share("field, DSQL", "verdicts of DSQL", all);
    Ok(())
}

/// The number of errors that `lint` finds in a script.
fn errors(ours: &Program, script: &Path) -> Result<usize> {
    let output = Command::new(ours.path()).args(["lint", "--format", "json"]).arg(script).output()?;
    let linted: Linted = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(linted.summary.errors)
}
