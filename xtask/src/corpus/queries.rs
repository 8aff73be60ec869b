//! Runs `describe` on the queries of real projects, and compares its answers with PostgreSQL's descriptions and with
//! the columns in which PostgreSQL returned a NULL.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::describe::{Answer, Column, Program};
use super::report::{Report, Share};

/// A line of `queries.jsonl`.
#[derive(Deserialize)]
struct Query {
    sql: String,
    params: Vec<String>,
    columns: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    /// `Some(false)`: the column is NOT NULL in the catalog, and EXPLAIN shows no outer join with the column's table on
    /// the nullable side.
    sqlx_nullable: Option<bool>,
}

/// A line of `observed.jsonl`.
#[derive(Deserialize)]
struct Observed {
    sql: String,
    observed_null: Vec<bool>,
}

#[derive(Default, Clone, Copy)]
struct Figures {
    accepted: Share,
    names: Share,
    params: Share,
    columns: Share,
    exact: Share,
    called_not_null: usize,
    unsound: usize,
    marked_proved: Share,
    catalog_proved: Share,
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.accepted.add(other.accepted);
        self.names.add(other.names);
        self.params.add(other.params);
        self.columns.add(other.columns);
        self.exact.add(other.exact);
        self.called_not_null += other.called_not_null;
        self.unsound += other.unsound;
        self.marked_proved.add(other.marked_proved);
        self.catalog_proved.add(other.catalog_proved);
    }

    fn add_to(&self, report: &Report, bench: &str) {
        report.share(bench, "accepted", self.accepted);
        report.share(bench, "column names exact", self.names);
        report.share(bench, "parameter types exact", self.params);
        report.share(bench, "column types exact", self.columns);
        report.share(bench, "names, parameter and column types all exact", self.exact);
        report.number(bench, "columns reported as NOT NULL", self.called_not_null, "columns");
        report.number(
            bench,
            "of these, columns in which PostgreSQL returned a NULL",
            self.unsound,
            "columns",
        );
        report.share(
            bench,
            "columns that users marked with `!` and that were never NULL: proved",
            self.marked_proved,
        );
        report.share(bench, "NOT NULL in the catalog, on no nullable side: proved", self.catalog_proved);
    }
}

pub(super) fn measure(
    describe: &Program,
    folder: &Path,
    only: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    let mut projects: Vec<_> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("queries.jsonl").is_file())
        .collect();
    projects.sort();
    let mut total = Figures::default();
    for project in projects {
        let name = project.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let figures = measure_project(describe, &project, &name, report).with_context(|| name.clone())?;
        report.share(&name, "names, parameter and column types all exact", figures.exact);
        total.add(&figures);
    }
    total.add_to(report, "queries");
    Ok(())
}

fn measure_project(describe: &Program, folder: &Path, name: &str, report: &mut Report) -> Result<Figures> {
    let queries: Vec<Query> = read_lines(&folder.join("queries.jsonl"))?;
    let observed: BTreeMap<String, Vec<bool>> = read_lines::<Observed>(&folder.join("observed.jsonl"))?
        .into_iter()
        .map(|line| (line.sql, line.observed_null))
        .collect();
    let statements: Vec<&str> = queries.iter().map(|query| query.sql.as_str()).collect();
    let answers = describe.ask(&folder.join("schema.sql"), &statements)?;
    let mut figures = Figures::default();
    for (number, (query, answer)) in (1..).zip(queries.iter().zip(&answers)) {
        let observed = observed.get(&query.sql).map(Vec::as_slice).unwrap_or_default();
        let place = format!("{name}, line {number}");
        compare(query, answer, observed, &place, &mut figures, report);
    }
    Ok(figures)
}

fn compare(
    query: &Query,
    answer: &Answer,
    observed: &[bool],
    place: &str,
    figures: &mut Figures,
    report: &mut Report,
) {
    let (params, columns): (Vec<&str>, &[Column]) = match answer {
        Answer::Described { params, columns, .. } => {
            (params.iter().map(|param| param.type_name.as_str()).collect(), columns)
        }
        Answer::Refused { errors } => {
            let first = errors.first().map_or("no error".to_owned(), |first| {
                format!("rejected: {} {}: {}", first.stage, first.code, first.message)
            });
            report.failure(&first, || {
                let offset = errors.first().map_or(0, |first| first.offset);
                let (before, after) = query.sql.split_at_checked(offset).unwrap_or((&query.sql, ""));
                format!("{place}\n{before}⟨HERE⟩{after}")
            });
            (Vec::new(), &[])
        }
    };
    let accepted = matches!(answer, Answer::Described { .. });
    let names = accepted && columns.iter().map(|it| &it.name).eq(query.columns.iter().map(|it| &it.name));
    let types =
        accepted && columns.iter().map(|it| &it.type_name).eq(query.columns.iter().map(|it| &it.type_name));
    let params_exact = accepted && params.iter().copied().eq(query.params.iter().map(String::as_str));
    figures.accepted.count(accepted);
    figures.names.count(names);
    figures.columns.count(types);
    figures.params.count(params_exact);
    figures.exact.count(names && types && params_exact);
    if accepted && !(names && types && params_exact) {
        let reason = match (names, types, params_exact) {
            (false, ..) => "other column names",
            (_, false, _) => "other column types",
            _ => "other parameter types",
        };
        report.failure(reason, || {
            let expected: Vec<_> = query.columns.iter().map(|it| (&it.name, &it.type_name)).collect();
            let got: Vec<_> = columns.iter().map(|it| (&it.name, &it.type_name)).collect();
            let (wanted, have) = (&query.params, &params);
            format!(
                "{place}\n{}\nPostgreSQL: {expected:?}\n      ours: {got:?}\nparameters: {wanted:?}\n      ours: {have:?}",
                query.sql
            )
        });
    }

    for (at, expected) in query.columns.iter().enumerate() {
        let not_null = columns.get(at).is_some_and(|column| !column.nullable);
        let seen_null = observed.get(at).copied().unwrap_or(false);
        figures.called_not_null += usize::from(not_null);
        if not_null && seen_null {
            figures.unsound += 1;
            report.failure("UNSOUND: called NOT NULL, was NULL", || {
                format!("{place}, column {}\n{}", expected.name, query.sql)
            });
        }
        let marked = is_marked_not_null(&expected.name) && !seen_null;
        let by_catalogue =
            expected.sqlx_nullable == Some(false) && !is_overridden(&expected.name) && !seen_null;
        if marked {
            figures.marked_proved.count(not_null);
        }
        if by_catalogue {
            figures.catalog_proved.count(not_null);
        }
        if (marked || by_catalogue) && !not_null && accepted {
            let reason = if marked { "not proved: a `!`" } else { "not proved: NOT NULL by the catalog" };
            report.failure(reason, || format!("{place}, column {}\n{}", expected.name, query.sql));
        }
    }
}

/// Whether the name is sqlx's `"x!"` or `"x!: T"`.
fn is_marked_not_null(name: &str) -> bool {
    name.split(':').next().is_some_and(|name| name.trim_end().ends_with('!'))
}

/// Whether the name is one of sqlx's overrides.
fn is_overridden(name: &str) -> bool {
    name.contains([':', '!', '?'])
}

pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    (1..)
        .zip(text.lines())
        .map(|(number, line)| {
            serde_json::from_str(line).with_context(|| format!("{}, line {number}", path.display()))
        })
        .collect()
}
