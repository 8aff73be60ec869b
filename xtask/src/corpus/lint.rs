//! Compares `dsql-edge lint` with AWS's `dsql-lint` on the statements of a recording, in one run: the errors that only
//! one of the two linters finds, and which linter agrees with the cluster's answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::describe::Program;
use super::dsql::{Case, TABLES};
use super::queries::read_lines;
use super::report::{Report, Share};

/// A linter's answer to a file: the names of the violated rules. Empty if the file violates no rule.
type Rules = Vec<String>;

pub(super) fn measure(
    ours: &Program,
    peer: Option<&Path>,
    recording: &Path,
    only: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    let Some(peer) = peer.map(Path::to_owned).or_else(found) else {
        println!("no dsql-lint: `pip install dsql-lint` (0.2.22 was compared), or name it with --dsql-lint");
        return Ok(());
    };
    let cases: Vec<Case> = read_lines(recording)?;
    let folder = std::env::temp_dir().join(format!("dsql-edge-lint-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let compared = compare(ours, &peer, &cases, only, &folder, report);
    std::fs::remove_dir_all(&folder)?;
    compared
}

/// Finds `dsql-lint` in PATH.
fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("dsql-lint")).find(|file| file.is_file())
}

fn compare(
    ours: &Program,
    peer: &Path,
    cases: &[Case],
    only: Option<&str>,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    let version = Command::new(peer).arg("--version").output().context("dsql-lint --version")?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| !case.steps.is_empty() && only.is_none_or(|only| case.file.starts_with(only)))
        .collect();
    let mut files = Vec::new();
    for (number, case) in (0..).zip(&cases) {
        let file = folder.join(format!("{number:03}.sql"));
        let text: String = case.steps.iter().map(|step| format!("{step};\n")).collect();
        std::fs::write(&file, text)?;
        files.push(file);
    }
    let schema = folder.join("schema");
    std::fs::write(&schema, TABLES)?;
    let ours_found = our_words(ours, &schema, &cases, &files)?;
    let peer_found = peer_words(peer, &files)?;
    let mut figures: BTreeMap<&str, [Share; 2]> = BTreeMap::new();
    for (case, (we, they)) in cases.iter().zip(ours_found.iter().zip(&peer_found)) {
        let refused = case.observations.iter().find(|it| it.sqlstate.is_some());
        // A linter cannot check the content of rows.
        let of_data = refused.and_then(|it| it.sqlstate.as_deref()).is_some_and(|it| it.starts_with("23"));
        let kind = match refused {
            None => "accepted by the cluster: nothing found",
            Some(_) if of_data => "rejected because of its data: nothing found",
            Some(_) => "rejected by the cluster: found",
        };
        let right = |found: &Rules| found.is_empty() == (refused.is_none() || of_data);
        let shares = figures.entry(kind).or_default();
        shares[0].count(right(we));
        shares[1].count(right(they));
        if right(we) && right(they) {
            continue;
        }
        let who = match (right(we), right(they)) {
            (true, false) => "dsql-edge lint is right, dsql-lint is not",
            (false, true) => "dsql-lint is right, dsql-edge lint is not",
            _ => "neither is right",
        };
        report.failure(who, || {
            let answer = refused.map_or("accepted".to_owned(), |it| {
                let (sqlstate, message) = (it.sqlstate.as_deref(), it.message.as_deref());
                format!("{} {}", sqlstate.unwrap_or(""), message.unwrap_or(""))
            });
            format!(
                "{} {}: {}\nDSQL:           {answer}\ndsql-edge lint: {}\ndsql-lint:      {}",
                case.file,
                case.name,
                case.steps.join("; "),
                listed(we),
                listed(they)
            )
        });
    }
    let mut all = [Share::default(); 2];
    for (kind, shares) in figures {
        for ((name, share), sum) in ["dsql-edge lint", version.as_str()].iter().zip(shares).zip(&mut all) {
            report.share("lint", &format!("{name}: {kind}"), share);
            sum.add(share);
        }
    }
    report.share("lint", "dsql-edge lint: as the cluster", all[0]);
    report.share("lint", &format!("{version}: as the cluster"), all[1]);
    Ok(())
}

fn listed(found: &Rules) -> String {
    if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
}

/// Lints the files with our linter, with the recording's tables as the schema, and returns the rules that each file
/// breaks. Files that were sent in one message are linted in a separate run.
fn our_words(ours: &Program, schema: &Path, cases: &[&Case], files: &[PathBuf]) -> Result<Vec<Rules>> {
    let mut found = vec![Rules::new(); files.len()];
    for one_message in [false, true] {
        let of: Vec<usize> =
            (0..files.len()).filter(|at| cases[*at].simple_protocol == one_message).collect();
        if of.is_empty() {
            continue;
        }
        let mut command = Command::new(ours.path());
        command.args(["lint", "--format", "json", "--schema"]).arg(schema);
        if one_message {
            command.arg("--one-transaction");
        }
        command.args(of.iter().map(|at| &files[*at]));
        for (at, words) in of.into_iter().zip(our_answer(command)?) {
            found[at] = words;
        }
    }
    Ok(found)
}

/// Reads our linter's answers; warnings are ignored.
fn our_answer(command: Command) -> Result<Vec<Rules>> {
    #[derive(Deserialize)]
    struct Answer {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        findings: Vec<Finding>,
    }
    #[derive(Deserialize)]
    struct Finding {
        rule: Option<String>,
        code: String,
        severity: String,
    }
    let answer: Answer = serde_json::from_slice(&output(command)?).context("dsql-edge lint")?;
    // The cases are linted in one run, so a table of one case may be unknown or duplicate in another case.
    let is_of_rules =
        |it: &Finding| it.rule.is_some() || ["syntax-error", "unknown-schema"].contains(&it.code.as_str());
    let rules = |file: File| {
        let errors = file.findings.into_iter().filter(|finding| finding.severity == "error");
        let errors = errors.filter(is_of_rules);
        errors.map(|finding| finding.rule.unwrap_or(finding.code)).collect()
    };
    Ok(answer.files.into_iter().map(rules).collect())
}

/// Returns the answers of AWS's linter.
fn peer_words(peer: &Path, files: &[PathBuf]) -> Result<Vec<Rules>> {
    #[derive(Deserialize)]
    struct Answer {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        diagnostics: Vec<Diagnostic>,
    }
    #[derive(Deserialize)]
    struct Diagnostic {
        rule: String,
    }
    let mut command = Command::new(peer);
    command.args(["--format", "json"]).args(files);
    let answer: Answer = serde_json::from_slice(&output(command)?).context("dsql-lint")?;
    if answer.files.len() != files.len() {
        bail!("dsql-lint answered for {} of {} files", answer.files.len(), files.len());
    }
    let rules = |file: File| file.diagnostics.into_iter().map(|it| it.rule).collect();
    Ok(answer.files.into_iter().map(rules).collect())
}

/// Returns the output of a linter. Both linters have the exit status 1 if they find an error.
fn output(mut command: Command) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if output.stdout.is_empty() {
        bail!("the linter printed nothing ({})", output.status);
    }
    Ok(output.stdout)
}
