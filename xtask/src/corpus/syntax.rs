//! Compares the answers of `describe` with PostgreSQL 16's raw parser. The raw parser accepts some of the statements,
//! and rejects the others at a known position. The `stage` of an answer must be `syntax` exactly if the raw parser
//! reports an error.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::describe::{Answer, Problem, Program};
use super::queries::read_lines;
use super::report::{Report, Share};

/// A line of one of the files of statements. An accepted statement has no error.
#[derive(Deserialize)]
struct Statement {
    sql: String,
    pg16_error: Option<String>,
    /// The position of the error, in characters, from 1.
    pg16_cursor: Option<usize>,
}

pub(super) fn measure(
    describe: &Program,
    folder: &Path,
    only: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    // The schema is empty, because the raw parser does not use a schema.
    let empty = std::env::temp_dir().join(format!("dsql-edge-corpus-{}.sql", std::process::id()));
    fs::write(&empty, "")?;
    let mut figures = Figures::default();
    let outcome = files.iter().try_for_each(|file| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| only != name) {
            return Ok(());
        }
        measure_file(describe, &empty, file, &name, &mut figures, report).with_context(|| name.clone())
    });
    let _ = fs::remove_file(&empty);
    outcome?;
    report.share("syntax", "accepted by PostgreSQL: accepted", figures.accepted);
    report.share("syntax", "rejected by PostgreSQL: rejected", figures.refused);
    report.share("syntax", "rejected by both: same place", figures.same_place);
    report.share("syntax", "rejected by both: same words", figures.same_words);
    Ok(())
}

#[derive(Default)]
struct Figures {
    accepted: Share,
    refused: Share,
    same_place: Share,
    same_words: Share,
}

fn measure_file(
    describe: &Program,
    schema: &Path,
    file: &Path,
    name: &str,
    figures: &mut Figures,
    report: &mut Report,
) -> Result<()> {
    let statements: Vec<Statement> = read_lines(file)?;
    let texts: Vec<&str> = statements.iter().map(|statement| statement.sql.as_str()).collect();
    let answers = describe.ask(schema, &texts)?;
    for (number, (statement, answer)) in (1..).zip(statements.iter().zip(&answers)) {
        let refusal = syntax_error(answer);
        let place = format!("{name}, line {number}");
        match (&statement.pg16_error, refusal) {
            (None, None) => figures.accepted.count(true),
            (None, Some(problem)) => {
                figures.accepted.count(false);
                report.failure(&format!("rejected, PostgreSQL accepts: {}", problem.message), || {
                    let (before, after) =
                        statement.sql.split_at_checked(problem.offset).unwrap_or((&statement.sql, ""));
                    format!("{place}\n{before}⟨HERE⟩{after}")
                });
            }
            (Some(message), None) => {
                figures.refused.count(false);
                report.failure("accepted, PostgreSQL rejects", || {
                    format!("{place}: {message}\n{}", statement.sql)
                });
            }
            (Some(message), Some(problem)) => {
                figures.refused.count(true);
                let cursor = statement.sql.get(..problem.offset).map(|before| before.chars().count() + 1);
                let same_place = cursor == statement.pg16_cursor;
                figures.same_place.count(same_place);
                figures.same_words.count(*message == problem.message);
                if !same_place || *message != problem.message {
                    let reason =
                        if same_place { "rejected in other words" } else { "rejected at another place" };
                    report.failure(reason, || {
                        format!(
                            "{place}\n{}\nPostgreSQL: {message} at {:?}\n      ours: {} at {cursor:?}",
                            statement.sql, statement.pg16_cursor, problem.message
                        )
                    });
                }
            }
        }
    }
    Ok(())
}

fn syntax_error(answer: &Answer) -> Option<&Problem> {
    match answer {
        Answer::Refused { errors } => errors.iter().find(|problem| problem.stage == "syntax"),
        Answer::Described { .. } => None,
    }
}
