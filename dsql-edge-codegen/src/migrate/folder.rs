//! A folder of migrations, read: files of SQL in, the steps that they are made of out, each a thing that DSQL takes in
//! one transaction. Nothing is sent before the whole folder passes the rules.
//!
//! A statement is a step of its own. What stands between `BEGIN` and `COMMIT` is one step, if it is rows alone.

use std::path::Path;

use anyhow::{Context, Result, bail};
use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::source::{Span, line_and_column};
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::{lex, parse_statements};
use sha2::{Digest, Sha256};

use super::database::Sql;
use super::job::Job;
use super::trace::Trace;
use crate::lint::{Sent, lint};
use crate::schema_files;

/// The files of a folder, by name.
pub struct Folder {
    /// In the order in which they apply.
    pub files: Vec<File>,
}

/// A file of a folder.
pub struct File {
    /// Its name within the folder, by which the ledger knows it.
    pub name: String,
    /// As messages name it.
    pub path: String,
    /// What stands in it.
    pub text: String,
    /// SHA-256 of the text, in hexadecimal.
    pub checksum: String,
    /// What it is made of.
    pub steps: Vec<Step>,
}

/// What goes to the server in one transaction.
pub struct Step {
    /// Its number in the file, from 1.
    pub number: i32,
    /// Where it stands.
    pub span: Span,
    /// SHA-256 of its text, in hexadecimal.
    pub checksum: String,
    pub(super) work: Work,
}

/// What a step does.
pub(super) enum Work {
    /// It changes rows: these statements, and the ledger's row with them.
    Rows(Vec<Span>),
    /// It changes the schema, which cannot share a transaction with the ledger.
    Schema(Trace),
    /// It starts a job of the cluster's, which has to end well.
    Job(Job),
    /// It may run any number of times.
    Repeatable,
}

impl File {
    /// The text of a step.
    pub fn sql(&self, step: &Step) -> &str {
        step.span.text(&self.text)
    }

    pub(super) fn sql_at(&self, span: Span) -> Sql<'_> {
        let (line, _) = line_and_column(&self.text, span.start as usize);
        Sql { text: span.text(&self.text), file: &self.path, line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// `file:line:column` of a step.
    pub fn place(&self, step: &Step) -> String {
        let (line, column) = line_and_column(&self.text, step.span.start as usize);
        format!("{}:{line}:{column}", self.path)
    }
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// Files that cannot be read, and everything in them that DSQL refuses or that has no place in a migration.
    pub fn read(folder: &Path) -> Result<Folder> {
        let files = schema_files::migrations(folder)?;
        Folder::of(files.into_iter().map(|file| (file.name, file.text)).collect())
    }

    /// A folder with these files, each with its path.
    ///
    /// # Errors
    /// Everything in them that DSQL refuses or that has no place in a migration.
    pub fn of(texts: Vec<(String, String)>) -> Result<Folder> {
        let mut problems = of_rules(texts.iter().cloned());
        let mut files = Vec::with_capacity(texts.len());
        for (path, text) in texts {
            match steps(&text) {
                Ok(steps) => {
                    let name = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
                    let name = name.with_context(|| format!("{path} has no name"))?;
                    files.push(File { name, checksum: checksum(&text), path, text, steps });
                }
                // Where the rules speak, they speak better.
                Err(errors) if problems.is_empty() => {
                    problems.extend(errors.iter().map(|error| shown(error, &path, &text)));
                }
                Err(_) => {}
            }
        }
        if problems.is_empty() {
            return Ok(Folder { files });
        }
        bail!(
            "nothing was sent: the folder has to pass as a whole first\n\n{}\n\n\
             `dsql-edge lint --for-migrate` tells more of what DSQL refuses, and `--fix` mends what has one safe rewrite",
            problems.join("\n\n")
        )
    }
}

/// What the linter calls an error. It knows of no one who waits for an index before a constraint uses it; here it is us.
fn of_rules(texts: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let linted = lint(texts, None, Sent::OneByOne);
    let findings = linted.iter().flat_map(|file| {
        let errors = file.findings.iter().filter(|finding| finding.diagnostic.is_error());
        let ours = errors.filter(|finding| !finding.is_moot_for_migrate());
        ours.map(|finding| shown(&finding.diagnostic, &file.name, &file.text))
    });
    findings.collect()
}

fn shown(diagnostic: &Diagnostic, name: &str, text: &str) -> String {
    let (line, column) = line_and_column(text, diagnostic.span.start as usize);
    format!("error: {}", render(diagnostic, text, Some(Place { file: Some(name.to_owned()), line, column })))
}

pub(super) fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn steps(text: &str) -> Result<Vec<Step>, Vec<Diagnostic>> {
    let lexed = lex(&Source::numbered(text));
    let statements = parse_statements(text, &lexed).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    if let Some((span, _)) = lexed.placeholders.first() {
        errors.push(refused(*span, "a parameter in a migration", "write the value"));
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = statements.iter();
    while let Some(statement) = rest.next() {
        let (span, work) = match part(statement) {
            Part::Begin => {
                let inside: Vec<&Statement> =
                    rest.by_ref().take_while(|it| part(it) != Part::End || !ends_well(it, text)).collect();
                let span = match inside.as_slice() {
                    [first, .., last] => first.span.to(last.span),
                    [only] => only.span,
                    [] => continue,
                };
                (span, block(&inside))
            }
            Part::End => {
                let hint =
                    "BEGIN … COMMIT around statements makes them one step; a migration is not rolled back";
                (
                    statement.span,
                    Err(refused(statement.span, "this statement, where no BEGIN stands before it,", hint)),
                )
            }
            _ => (statement.span, alone(statement)),
        };
        match work {
            Ok(work) => {
                let number = i32::try_from(steps.len() + 1).unwrap_or(i32::MAX);
                steps.push(Step { number, span, checksum: checksum(span.text(text)), work });
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(steps) } else { Err(errors) }
}

fn ends_well(statement: &Statement, text: &str) -> bool {
    let words = statement.span.text(text).to_ascii_uppercase();
    matches!(statement.kind, StatementKind::Utility("COMMIT" | "END")) && !words.contains("CHAIN")
}

/// What stands between BEGIN and COMMIT.
fn block(inside: &[&Statement]) -> Result<Work, Diagnostic> {
    if let [only] = inside {
        return alone(only);
    }
    for statement in inside {
        let hint = "between BEGIN and COMMIT stand INSERT, UPDATE, DELETE and SELECT, or one statement of another kind alone";
        match (&statement.kind, part(statement)) {
            (_, Part::Dml) | (StatementKind::Query(_), _) => {}
            _ => return Err(refused(statement.span, "this statement among others in a transaction", hint)),
        }
    }
    Ok(Work::Rows(inside.iter().map(|statement| statement.span).collect()))
}

fn alone(statement: &Statement) -> Result<Work, Diagnostic> {
    let span = statement.span;
    match &statement.kind {
        StatementKind::Query(_) => Ok(Work::Rows(vec![span])),
        StatementKind::Set(_) | StatementKind::Utility("SET" | "RESET" | "SET CONSTRAINTS") => Err(refused(
            span,
            "SET",
            "a setting ends with its session, and a migration may need several: qualify names, app.posts, instead \
             of setting search_path",
        )),
        StatementKind::CreateIndex(index) if index.name.is_none() => Err(refused(
            span,
            "an index without a name",
            "name it: a run that broke looks for it, to know whether it is there",
        )),
        _ if part(statement) == Part::Dml => Ok(Work::Rows(vec![span])),
        StatementKind::Utility("CALL") => {
            Err(refused(span, "CALL", "leave it out: `dsql-edge migrate` waits for each job by itself"))
        }
        StatementKind::Utility(words) if part(statement) == Part::Other && *words != "ANALYZE" => {
            let hint = "leave it out: it neither changes the schema nor rows";
            Err(refused(span, words, hint))
        }
        _ => Ok(match Job::of(statement) {
            Some(job) => Work::Job(job),
            None => Trace::of(statement).map_or(Work::Repeatable, Work::Schema),
        }),
    }
}

fn refused(span: Span, what: &str, hint: &str) -> Diagnostic {
    Diagnostic::error(Code::NotSupportedYet, span, format!("{what} has no place in a migration"))
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let kind = |step: &Step| match &step.work {
            Work::Rows(statements) => format!("{} of rows", statements.len()),
            Work::Schema(_) => "schema".to_owned(),
            Work::Job(_) => "job".to_owned(),
            Work::Repeatable => "repeatable".to_owned(),
        };
        match steps(text) {
            Ok(steps) => steps.iter().map(kind).collect(),
            Err(errors) => errors.into_iter().map(|error| error.message).collect(),
        }
    }

    #[test]
    fn a_statement_is_a_step_and_a_block_of_rows_is_one() {
        let text = "CREATE TABLE t (id int PRIMARY KEY);\n\
                    BEGIN; INSERT INTO t VALUES (1); UPDATE t SET id = 2; COMMIT;\n\
                    INSERT INTO t VALUES (3); SELECT 1; BEGIN; ALTER TABLE t ADD COLUMN a int; END;\n\
                    CREATE INDEX ASYNC i ON t (a); GRANT SELECT ON t TO r; ANALYZE t; BEGIN; COMMIT;\n\
                    ALTER TABLE ASYNC t VALIDATE CONSTRAINT c; DROP TABLE t; DROP TABLE IF EXISTS t;\n\
                    CREATE OR REPLACE VIEW v AS SELECT 1 AS one; CREATE VIEW w AS SELECT 1 AS one";
        let expected = [
            "schema",
            "2 of rows",
            "1 of rows",
            "1 of rows",
            "schema",
            "job",
            "repeatable",
            "repeatable",
            "job",
            "schema",
            "repeatable",
            "repeatable",
            "schema",
        ];
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn what_has_no_place_is_named() {
        for (text, what) in [
            ("SET search_path = app", "SET"),
            ("CALL sys.wait_for_job('x')", "CALL"),
            ("SHOW timezone", "SHOW"),
            ("COPY t FROM STDIN", "COPY"),
            ("CREATE INDEX ASYNC ON t (a)", "an index without a name"),
            ("COMMIT", "this statement, where no BEGIN stands before it,"),
            ("BEGIN; INSERT INTO t VALUES (1); ROLLBACK", "this statement among others in a transaction"),
            (
                "BEGIN; INSERT INTO t VALUES (1); DROP TABLE t; COMMIT",
                "this statement among others in a transaction",
            ),
            ("DELETE FROM t WHERE id = $1", "a parameter in a migration"),
        ] {
            assert_eq!(kinds(text), [format!("{what} has no place in a migration")], "{text}");
        }
    }

    #[test]
    fn a_step_is_known_by_its_own_text() {
        let of = |text: &str| -> Vec<String> {
            steps(text).unwrap().into_iter().map(|step| step.checksum).collect()
        };
        let (first, second) = (of("DROP TABLE a; DROP TABLE b"), of("-- a\nDROP TABLE a;\n\nDROP TABLE c;"));
        assert_eq!(first[0], second[0]);
        assert_ne!(first[1], second[1]);
    }
}
