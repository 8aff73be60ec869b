//! Compares `describe` with PostgreSQL's recorded answers to minimal cases of public test suites and trackers.
//!
//! Input: `field/kinds.jsonl`, or any file of its form: a line has `id`, `class`, `what`, `schema`, `sql` and
//! `postgres`. `postgres` has the answer (parameters and columns, or the error). If the query ran, `postgres` also has
//! the number of rows and the columns with a NULL.
//! Output: for each class, the share of answers that are equal to PostgreSQL's. In every class, the report lists the
//! unsound answers. An answer is unsound if a column that it describes as NOT NULL had a NULL, or if the number of rows
//! contradicts the described cardinality.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::describe::{Answer, Problem, Program};
use super::queries::read_lines;
use super::report::{Report, Share};

/// A line of the file.
#[derive(Deserialize)]
struct Case {
    id: String,
    class: String,
    what: String,
    schema: String,
    sql: String,
    postgres: Recorded,
}

#[derive(Deserialize)]
struct Recorded {
    pg: Described,
    #[serde(rename = "x")]
    ran: Option<Ran>,
}

/// PostgreSQL's answer to Parse and Describe.
#[derive(Deserialize)]
#[serde(untagged)]
enum Described {
    Error {
        err: ServerError,
    },
    Accepted {
        params: Vec<String>,
        /// Name and typname.
        cols: Vec<(String, String)>,
    },
}

#[derive(Deserialize)]
struct ServerError {
    state: String,
    msg: String,
    /// The position of the error, in bytes from 0; `None` if the error has no position.
    byte: Option<usize>,
}

#[derive(Deserialize)]
struct Ran {
    rows: u64,
    nulls: Vec<bool>,
}

/// Compares every case of a file.
pub(super) fn measure(
    describe: &Program,
    file: &Path,
    only: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    let cases: Vec<Case> = read_lines(file)?;
    let schema = std::env::temp_dir().join(format!("dsql-edge-field-{}.sql", std::process::id()));
    let mut classes: BTreeMap<&str, Share> = BTreeMap::new();
    let mut unsound = 0;
    for case in cases.iter().filter(|case| only.is_none_or(|only| only == case.class || only == case.id)) {
        fs::write(&schema, &case.schema).with_context(|| schema.display().to_string())?;
        // If `describe` rejects the schema, this error is the answer of the case.
        let answer = describe.ask(&schema, &[&case.sql]).map(|mut answers| answers.pop());
        let verdict = match &answer {
            Ok(Some(answer)) => judged(case, answer),
            Ok(None) => Err("no answer".to_owned()),
            Err(error) => Err(format!("the schema is rejected: {error:#}")),
        };
        classes.entry(&case.class).or_default().count(verdict.is_ok());
        if let Err(reason) = verdict {
            unsound += usize::from(reason.starts_with(UNSOUND));
            let Case { id, class, what, .. } = case;
            report.failure(&format!("{class}: {}", reason.lines().next().unwrap_or_default()), || {
                format!("{id}: {what}\n{}\n{}\n{reason}", case.schema, case.sql)
            });
        }
    }
    // If the file cannot be removed, it stays in the folder of temporary files. This does no harm.
    let _ = fs::remove_file(&schema);
    let mut all = Share::default();
    for (class, share) in classes {
        report.share("field", class, share);
        all.add(share);
    }
    report.share("field", "answers as PostgreSQL gives them", all);
    report.number("field", "unsound", unsound, "answers");
    Ok(())
}

const UNSOUND: &str = "unsound";

/// Returns an error that describes the difference, if an answer differs from PostgreSQL's.
fn judged(case: &Case, answer: &Answer) -> Result<(), String> {
    match (&case.postgres.pg, answer) {
        (Described::Accepted { params, cols }, Answer::Described { params: own, columns, cardinality }) => {
            if let Some(ran) = &case.postgres.ran {
                let is_wrong =
                    |(at, null): (usize, &bool)| *null && columns.get(at).is_some_and(|it| !it.nullable);
                if ran.nulls.iter().enumerate().any(is_wrong) {
                    return Err(format!("{UNSOUND}: a column described as NOT NULL is NULL"));
                }
                if exceeds(cardinality, ran.rows) {
                    return Err(format!("{UNSOUND}: {} rows, described as {cardinality}", ran.rows));
                }
            }
            let own_params: Vec<&str> = own.iter().map(|param| param.type_name.as_str()).collect();
            if own_params != *params {
                return Err(format!("other parameter types\nPostgreSQL: {params:?}\nours: {own_params:?}"));
            }
            let own_columns: Vec<(&str, &str)> =
                columns.iter().map(|column| (column.name.as_str(), column.type_name.as_str())).collect();
            let cols: Vec<(&str, &str)> =
                cols.iter().map(|(name, ty)| (name.as_str(), ty.as_str())).collect();
            if own_columns != cols {
                return Err(format!("other columns\nPostgreSQL: {cols:?}\nours: {own_columns:?}"));
            }
            Ok(())
        }
        (Described::Error { err }, Answer::Refused { errors }) => {
            // PostgreSQL reports one error; `describe` reports all errors.
            let same = errors.iter().any(|own| {
                own.sqlstate == err.state
                    && own.message == err.msg
                    && err.byte.is_none_or(|at| at == own.offset)
            });
            let own = || {
                let of = |it: &Problem| format!("{} at {}: {}", it.sqlstate, it.offset, it.message);
                errors.iter().map(of).collect::<Vec<_>>().join("\n      ")
            };
            match same {
                true => Ok(()),
                false => Err(format!(
                    "another error\nPostgreSQL: {} at {:?}: {}\nours: {}",
                    err.state,
                    err.byte,
                    err.msg,
                    own()
                )),
            }
        }
        (Described::Accepted { .. }, Answer::Refused { errors }) => {
            let first = errors.first().map_or("no error", |first| first.message.as_str());
            Err(format!("rejected: {first}"))
        }
        (Described::Error { err }, Answer::Described { .. }) => {
            Err(format!("accepted, where PostgreSQL reports {}: {}", err.state, err.msg))
        }
    }
}

/// Whether the rows contradict the cardinality.
fn exceeds(cardinality: &str, rows: u64) -> bool {
    match cardinality {
        "none" => rows > 0,
        "one" => rows != 1,
        "zero-or-one" => rows > 1,
        _ => false,
    }
}
