//! Checks case files: compiles each query, compares the answer with the answer in the file, and compares both with
//! PostgreSQL's answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dsql_edge_codegen::describe::{Answer, Describer};
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::render::render;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Source;
use dsql_edge_migrations::lint::{Sent, lint};

use crate::case_file::{Case, CaseFile, Ddl, Expectation};
use crate::golden::updating;
use crate::in_batches::Divided;
use crate::numbered::Numbered;
use crate::oracle::{Database, Nulls, Oracle, Verdict};

/// Checks the `.md` files below a folder. If `only` is given, a file whose path contains `only` is checked completely;
/// of any other file, only the cases whose heading contains `only` are checked. With `UPDATE=1`, this function writes
/// the answers.
///
/// # Errors
/// Returns an error if a file cannot be read or PostgreSQL cannot be reached. A case that fails is not an error of this
/// function: [`Checked`] lists the case.
pub fn check(folder: &Path, only: Option<&str>, rows: Rows, oracle: &Oracle) -> Result<Checked> {
    let mut checked = Checked::default();
    for path in case_files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let heading = only.filter(|only| !name.contains(only));
        check_file(&path, &name, heading, rows, oracle, &mut checked).with_context(|| name.clone())?;
    }
    Ok(checked)
}

/// Whether the columns of a query must form a row in Rust, as `sql!` requires.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A column may lack a name or a Rust type.
    AsSql,
    /// The answer contains an error for a column that lacks a name or a Rust type.
    InRust,
}

/// The result of a check.
#[derive(Default)]
pub struct Checked {
    /// The number of cases that were checked.
    pub cases: usize,
    /// The number of rows that PostgreSQL returned for these cases, over data with many NULLs.
    pub rows: usize,
    /// The cases that failed, and why.
    pub failures: Vec<String>,
}

impl Checked {
    /// Counts a case, which failed if there are complaints.
    fn fail(&mut self, name: &str, case: &Case, complaints: impl IntoIterator<Item = String>) {
        self.cases += 1;
        let failure = |complaint| format!("{name}:{}\n{}\n{complaint}", case.line, case.query);
        self.failures.extend(complaints.into_iter().map(failure));
    }
}

/// The databases of one file, by schema and rows.
type Databases<'c, 'o> = BTreeMap<(&'c str, &'c str), Database<'o>>;

/// Returns the database of a case, with its schema and rows.
fn database_of<'d, 'c, 'o>(
    case: &'c Case,
    oracle: &'o Oracle,
    databases: &'d mut Databases<'c, 'o>,
) -> Result<&'d Database<'o>> {
    Ok(match databases.entry((&case.schema, &case.rows)) {
        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::btree_map::Entry::Vacant(entry) => {
            let database = oracle.database(&case.schema)?;
            database.seed()?;
            database.run(&case.rows).with_context(|| format!("line {}: the rows", case.line))?;
            entry.insert(database)
        }
    })
}

/// Every `.md` below a folder, sorted.
///
/// # Errors
/// Returns an error if a folder cannot be read.
pub fn case_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(case_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn check_file(
    path: &Path,
    name: &str,
    heading: Option<&str>,
    rows: Rows,
    oracle: &Oracle,
    checked: &mut Checked,
) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let file = CaseFile::parse(&text)?;
    let mut databases = Databases::new();
    let mut answers = Vec::new();
    for case in file.cases() {
        if heading.is_some_and(|heading| !case.heading.contains(heading)) {
            answers.push(case.answer.clone());
            continue;
        }
        if let Some(ddl) = case.ddl {
            let answer = match ddl {
                Ddl::Schema => schema_answer(&case.query),
                Ddl::Migration => migration_answer(&case.query),
            };
            let differs = !updating() && answer != case.answer;
            let complaint = differs.then(|| format!("expected:\n{}actual:\n{answer}", case.answer));
            checked.fail(name, case, complaint);
            answers.push(answer);
            continue;
        }
        if let Some(rows) = case.batches {
            let divided = Divided::new(&case.schema, &case.query, rows)?;
            let mut complaints = Vec::new();
            if !updating() && divided.answer != case.answer {
                complaints.push(format!("expected:\n{}actual:\n{}", case.answer, divided.answer));
            }
            complaints.extend(divided.difference(database_of(case, oracle, &mut databases)?)?);
            checked.fail(name, case, complaints);
            answers.push(divided.answer);
            continue;
        }
        let describer =
            Describer::from_sql(&case.schema).with_context(|| format!("line {}: the schema", case.line))?;
        // Only `sql!` has optional text.
        let source =
            if optional_text(case) { Source::of_macro(&case.query) } else { Source::named(&case.query) };
        let answer = describer.describe(&source);
        let asked = Numbered::of(&source);
        let answer_text = answer_text(&case.query, &asked, &answer, rows);
        let database = database_of(case, oracle, &mut databases)?;
        let mut complaints = Vec::new();
        if !updating() && answer_text != case.answer {
            complaints.push(format!("expected:\n{}actual:\n{answer_text}", case.answer));
        }
        complaints.extend(second_opinion(case, &asked, &answer, database, &mut checked.rows)?);
        checked.fail(name, case, complaints);
        answers.push(answer_text);
    }
    if updating() {
        let updated = file.with_answers(&answers);
        if updated != text {
            fs::write(path, updated)?;
        }
    }
    Ok(())
}

/// The answer in the form of a case file.
fn answer_text(query: &str, asked: &Numbered, answer: &Answer, rows: Rows) -> String {
    let or_null = |nullable| if nullable { " or NULL" } else { "" };
    // The typname of an array begins with an underscore.
    let with_nulls = |type_name: &str, nullable| match type_name.starts_with('_') && nullable {
        true => ", elements or NULL",
        false => "",
    };
    match answer {
        Answer::Described { sql, params, columns, cardinality, remarks, .. } => {
            let mut text = String::new();
            // If the written SQL contains `*`, the SQL that is sent has the columns in place of `*`, so the two strings
            // differ.
            if *sql != asked.text {
                text += &format!("sent: {sql}\n");
            }
            for it in params {
                text += &format!("parameter {}: {}{}", it.name, it.type_name, or_null(it.nullable));
                text += with_nulls(&it.type_name, it.elements_nullable);
                text += "\n";
            }
            for it in columns {
                text += &format!("column {}: {}{}", it.name, it.type_name, or_null(it.nullable));
                text += with_nulls(&it.type_name, it.elements_nullable);
                text += "\n";
            }
            text += &format!("rows: {cardinality}\n");
            let shown = remarks.iter().filter(|it| rows == Rows::InRust || !it.is_error());
            text.extend(shown.map(|it| rendered(it, query)));
            text
        }
        Answer::Refused { remarks, .. } => remarks.iter().map(|it| rendered(it, query)).collect(),
    }
}

pub(crate) fn rendered(diagnostic: &Diagnostic, query: &str) -> String {
    render(diagnostic, query, None).lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The errors of a schema.
fn schema_answer(ddl: &str) -> String {
    match Describer::from_sql(ddl) {
        Ok(_) => {
            let schema = Schema::parse(ddl).unwrap_or_default();
            let unfollowed = schema.unfollowed.iter().map(|it| rendered(&it.diagnostic, ddl));
            or_accepted(unfollowed.collect())
        }
        Err(error) => error.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect(),
    }
}

/// Returns the errors for which `migrate` rejects a migration.
fn migration_answer(text: &str) -> String {
    let linted = lint([(String::new(), text.to_owned())], None, Sent::Migrate);
    let errors = linted.iter().flat_map(|file| &file.findings).map(|finding| &finding.diagnostic);
    or_accepted(errors.filter(|error| error.is_error()).map(|error| rendered(error, text)).collect())
}

/// Returns `errors`. If there are no errors, returns a line that no expected answer contains, so that the case fails.
fn or_accepted(errors: String) -> String {
    if errors.is_empty() { "it is accepted\n".to_owned() } else { errors }
}

fn optional_text(case: &Case) -> bool {
    case.query.contains("{?")
}

/// Whether a warning states that PostgreSQL rejects the statement each time it runs. The other warnings of the code
/// `fails-at-run-time` are about decoding a row.
fn fails_on_the_server(warning: &Diagnostic) -> bool {
    warning.code == Code::FailsAtRunTime && !warning.message.ends_with("as a Vec")
}

/// Returns the difference between the compiler's answer and PostgreSQL's, or `None` if they do not differ.
fn second_opinion(
    case: &Case,
    asked: &Numbered,
    answer: &Answer,
    database: &Database<'_>,
    rows: &mut usize,
) -> Result<Option<String>> {
    // Optional text is not SQL.
    if optional_text(case) {
        return Ok(None);
    }
    // The SQL that is sent must mean the same as the SQL that was written.
    let verdict = database.describe(&asked.text)?;
    let sent = match answer {
        Answer::Described { sql, .. } => sql.as_str(),
        Answer::Refused { .. } => asked.text.as_str(),
    };
    let verdict_on_sent = if sent == asked.text { verdict.clone() } else { database.describe(sent)? };
    let complaint = match (case.oracle, answer, &verdict) {
        (Expectation::Accepts, Answer::Refused { .. }, Verdict::Accepted { .. })
        | (Expectation::Refuses, Answer::Refused { .. }, Verdict::Refused { .. }) => None,
        (
            Expectation::Agrees,
            Answer::Described { params, columns, remarks, .. },
            Verdict::Accepted { .. },
        ) => {
            let ours = Verdict::Accepted {
                params: params.iter().map(|it| it.type_name.clone()).collect(),
                columns: columns.iter().map(|it| (it.name.clone(), it.type_name.clone())).collect(),
            };
            if verdict_on_sent != verdict {
                Some(format!(
                    "PostgreSQL about the SQL that is sent: {verdict_on_sent:?}\n  about the SQL that was written: {verdict:?}"
                ))
            } else if ours != verdict {
                Some(format!("PostgreSQL: {verdict:?}\n      ours: {ours:?}"))
            } else {
                let nulls =
                    params.iter().map(|it| Nulls { value: it.nullable, elements: it.elements_nullable });
                let observed = database.observe(sent, &nulls.collect::<Vec<_>>())?;
                *rows += observed.rows;
                let wrong =
                    columns.iter().zip(&observed.null).find(|(column, null)| !column.nullable && **null);
                let wrong = wrong.map(|(column, _)| {
                    format!(
                        "PostgreSQL returned NULL for {}, which the answer reports as NOT NULL",
                        column.name
                    )
                });
                let fails = remarks.iter().find(|it| fails_on_the_server(it)).filter(|_| observed.rows > 0);
                wrong
                    .or_else(|| fails.map(|it| format!("PostgreSQL returned a row, although {}", it.message)))
            }
        }
        (
            Expectation::Agrees,
            Answer::Refused { remarks: diagnostics, .. },
            Verdict::Refused { sqlstate, offset, message },
        ) => {
            let first = diagnostics.iter().find(|it| it.is_error());
            let ours = first.map(|it| (it.sqlstate(), Some(asked.position(it.span.start as usize))));
            let theirs = Some((sqlstate.as_str(), *offset));
            // Some errors of PostgreSQL have no position; the compiler's errors always have a position.
            let same_place = offset.is_none() || ours == theirs;
            let same_code = ours.map(|(code, _)| code) == Some(sqlstate.as_str());
            // The compiler's messages contain a parameter as written, such as `$name`.
            let stem = |message: &str| message.split_inclusive("parameter $").next().map(str::to_owned);
            let same_words = first.is_some_and(|it| stem(&it.message) == stem(message));
            let words = first.map(|it| &it.message);
            (!same_code || !same_place || !same_words)
                .then(|| format!("PostgreSQL: {verdict:?}\n      ours: {ours:?} {words:?}"))
        }
        (expectation, ..) => Some(format!("PostgreSQL ({expectation:?} was expected): {verdict:?}")),
    };
    Ok(complaint)
}
