//! Divides a migration into steps, each of which the server accepts as one transaction. `postgres` has the rules for a
//! PostgreSQL; this module has the rules for DSQL.
//!
//! Input: the text of a file. Output: the steps of the file, or an error for each statement that is not allowed in a
//! migration.
//!
//! On DSQL, a statement outside a transaction is a separate step. The statements between `BEGIN` and `COMMIT` are one
//! step. If there are several, all of them must read or change rows.

mod batches;
mod checksum;
pub(crate) mod divide;
mod job;
mod misplaced;
pub mod postgres;
mod trace;

use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::transaction::{Part, is_last_commit, part};
use dsql_edge_compiler::schema::misspelt_directives;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::StatementKind;
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement, PsqlCommand, both_directions};
use dsql_edge_compiler::transaction_control::command;

use crate::allow_comment::is_rule;

pub use batches::Batched;
use batches::Markers;
pub use checksum::Checksum;
pub use checksum::sha256;
pub use job::Job;
use misplaced::misplaced_error;
pub use trace::{ABSENT, Kind, Object, Seen, Trace, Verdict};

/// The statements of one transaction.
pub struct Step {
    /// The number of the step in the file, from 1.
    pub number: i32,
    /// The span of the step in the text of its file.
    pub span: Span,
    /// The checksum of the step's text.
    pub checksum: Checksum,
    /// The work of the step.
    pub work: Work,
}

impl Step {
    /// Creates a step whose number is one more than the number of steps before it.
    fn of(before: usize, span: Span, text: &str, work: Work) -> Step {
        let number = i32::try_from(before + 1).unwrap_or(i32::MAX);
        Step { number, span, checksum: Checksum::of(span.text(text)), work }
    }
}

/// The work of a step.
pub enum Work {
    /// These statements run in one transaction with the step's row in the ledger. On DSQL, they read or change rows.
    Transaction(Vec<Span>),
    /// The step changes the schema. The server does not accept the change of the schema in the same transaction as a
    /// row of the ledger.
    Schema(Trace),
    /// The step builds or validates an object, on DSQL in a job of the cluster. The object must be valid afterwards.
    Job(Job),
    /// The step may be repeated any number of times, with the same result.
    Repeatable,
    /// The step is an UPDATE or DELETE, and each of its batches is a transaction.
    Batches(Batched),
}

/// Returns the steps of a file.
///
/// # Errors
/// Returns the first syntax error, or an error for each statement that is not allowed in a migration.
pub fn steps(text: &str) -> Result<Vec<Step>, Vec<Diagnostic>> {
    let source = Source::script(text);
    let parsed = Parsed::script(&source).map_err(|error| vec![error])?;
    let (steps, errors) = read(&parsed);
    if errors.is_empty() { Ok(steps) } else { Err(errors) }
}

/// Returns an error for each readable statement that is not allowed in a migration.
pub fn misplaced(file: &Parsed<'_>) -> Vec<Diagnostic> {
    read(file).1
}

/// Returns the errors of text that is not allowed in any migration: an error for each psql command, for the first `\;`,
/// for the first parameter, for the part of a file that undoes the migration, and for each misspelt directive.
fn not_sql(file: &Parsed<'_>) -> Vec<Diagnostic> {
    let command = |command: &PsqlCommand| {
        let what = format!("the psql command \\{}", command.name);
        misplaced_error(command.span, &what, "leave it out: `dsql-edge migrate` sends the statements itself")
    };
    let mut errors: Vec<Diagnostic> = file.tokens.commands.iter().map(command).collect();
    if let Some(place) = file.tokens.joins.first() {
        let span = Span { start: *place, end: place + 2 };
        let hint = "write `;`: `dsql-edge migrate` sends each statement by itself";
        errors.push(misplaced_error(span, "the psql command \\;", hint));
    }
    if let Some((span, _)) = file.tokens.placeholders.first() {
        errors.push(misplaced_error(*span, "a parameter in a migration", "write the value"));
    }
    errors.extend(both_directions(file));
    errors.extend(misspelt_directives(&file.text, &is_rule));
    errors
}

fn read(file: &Parsed<'_>) -> (Vec<Step>, Vec<Diagnostic>) {
    let mut errors = not_sql(file);
    let mut steps: Vec<Step> = Vec::new();
    let markers = Markers::of(file);
    let mut rest = file.iter();
    while let Some(statement) = rest.next() {
        let (span, work) = match part(statement) {
            Part::Begin => {
                let mut is_closed = false;
                let is_inside = |it: &ParsedStatement<'_>| {
                    is_closed = is_last_commit(it);
                    !is_closed
                };
                let inside: Vec<ParsedStatement<'_>> = rest.by_ref().take_while(is_inside).collect();
                if !is_closed && !inside.iter().any(|it| part(*it) == Part::End) {
                    errors.push(open_transaction(statement.span));
                    continue;
                }
                let span = match inside.as_slice() {
                    [first, .., last] => first.span.to(last.span),
                    [only] => only.span,
                    [] => continue,
                };
                (span, block(&inside))
            }
            Part::End => {
                let hint = "statements between BEGIN and COMMIT are one step; a migration is not rolled back";
                (
                    statement.span,
                    Err(misplaced_error(
                        statement.span,
                        "a COMMIT or ROLLBACK without a BEGIN before it",
                        hint,
                    )),
                )
            }
            _ => match markers.rows(statement) {
                Some(rows) if part(statement) == Part::Dml => {
                    (statement.span, rows.map(|rows| Work::Batches(Batched::of(rows))))
                }
                _ => (statement.span, alone(statement)),
            },
        };
        match work {
            Ok(work) => {
                steps.push(Step::of(steps.len(), span, statement.text, work));
            }
            Err(error) => errors.push(error),
        }
    }
    let unused = markers.unused(&errors, |place| is_batches(&steps, place));
    errors.extend(unused);
    (steps, errors)
}

/// Whether a step that runs in batches begins at the offset `place`.
fn is_batches(steps: &[Step], place: u32) -> bool {
    steps.iter().any(|step| step.span.start == place && matches!(step.work, Work::Batches(_)))
}

/// Returns the error for a transaction that is open at the end of a file: psql would discard it.
fn open_transaction(begin: Span) -> Diagnostic {
    misplaced_error(begin, "a transaction without COMMIT", "end it with COMMIT")
}

/// The hint for a statement that cannot be in a transaction together with the other statements of the transaction.
pub(crate) const IN_TRANSACTION: &str = "BEGIN … COMMIT may contain INSERT, UPDATE, DELETE and SELECT, or one statement of \
    another kind alone: leave BEGIN and COMMIT out, or COMMIT after each statement of another kind";

/// Whether a comment before the statement makes the statement run in batches.
pub(crate) fn is_in_batches(file: &Parsed<'_>, statement: ParsedStatement<'_>) -> bool {
    Markers::of(file).rows(statement).is_some()
}

/// Returns the kind of the step that consists of the statements between BEGIN and COMMIT.
fn block(inside: &[ParsedStatement<'_>]) -> Result<Work, Diagnostic> {
    if let [only] = inside {
        return alone(*only);
    }
    for statement in inside {
        let fits = match &statement.kind {
            StatementKind::Transaction(_) | StatementKind::Utility(_) => false,
            StatementKind::Query(_) => true,
            _ => part(*statement) == Part::Dml,
        };
        if !fits {
            let what = "this statement among others in a transaction";
            return Err(misplaced_error(statement.span, what, IN_TRANSACTION));
        }
    }
    Ok(Work::Transaction(inside.iter().map(|statement| statement.span).collect()))
}

/// The hint for a statement that has no effect in a migration.
const NO_CHANGE: &str = "leave it out: it changes neither the schema nor rows";

fn alone(statement: ParsedStatement<'_>) -> Result<Work, Diagnostic> {
    let span = statement.span;
    match &statement.kind {
        StatementKind::Query(_) => Ok(Work::Transaction(vec![span])),
        // The block contains no step: its only statement is itself a BEGIN, a ROLLBACK or COMMIT AND CHAIN.
        _ if matches!(part(statement), Part::Begin | Part::End) => Err(misplaced_error(
            span,
            "this statement in a transaction",
            "statements between BEGIN and COMMIT are one step",
        )),
        StatementKind::Transaction(_) => Err(misplaced_error(span, &command(statement), NO_CHANGE)),
        StatementKind::Set(_) | StatementKind::Utility("SET" | "RESET" | "SET CONSTRAINTS") => {
            Err(misplaced_error(
                span,
                "SET",
                "a setting ends with its session, and a migration may need several: qualify names, app.posts, instead \
             of setting search_path",
            ))
        }
        StatementKind::CreateIndex(index) if index.name.is_none() => Err(misplaced_error(
            span,
            "an index without a name",
            "name it: after a failed run, the next run looks for the index by its name",
        )),
        StatementKind::Utility(words @ ("COPY" | "EXPLAIN")) => Err(misplaced_error(
            span,
            words,
            "write INSERT, UPDATE or DELETE where it changes rows, else leave it out",
        )),
        _ if part(statement) == Part::Dml => Ok(Work::Transaction(vec![span])),
        StatementKind::Utility("CALL") => Err(misplaced_error(
            span,
            "CALL",
            "leave it out: `dsql-edge migrate` waits for each job by itself",
        )),
        StatementKind::Utility(words @ ("DO" | "EXECUTE")) => {
            Err(misplaced_error(span, words, "write the statements that it runs"))
        }
        StatementKind::Utility(words) if part(statement) == Part::Other && *words != "ANALYZE" => {
            Err(misplaced_error(span, words, NO_CHANGE))
        }
        _ => Ok(match Job::of(statement.tree) {
            Some(job) => Work::Job(job),
            None => Trace::of(statement).map_or(Work::Repeatable, Work::Schema),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(step: &Step) -> String {
        match &step.work {
            Work::Transaction(statements) => format!("{} of rows", statements.len()),
            Work::Schema(_) => "schema".to_owned(),
            Work::Job(_) => "job".to_owned(),
            Work::Repeatable => "repeatable".to_owned(),
            Work::Batches(batched) => format!("batches of {}", batched.rows),
        }
    }

    fn kinds(text: &str) -> Vec<String> {
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
    fn statement_that_fails_a_second_time_is_not_repeatable() {
        for (text, expected) in [
            ("ALTER ROLE r LOGIN", "repeatable"),
            ("ALTER ROLE r RENAME TO s", "schema"),
            ("ALTER USER r RENAME TO s", "schema"),
            ("ALTER SEQUENCE s RENAME TO t", "schema"),
            ("ALTER SEQUENCE s SET SCHEMA app", "schema"),
            ("ALTER SEQUENCE s RESTART", "repeatable"),
            ("CREATE SCHEMA s", "schema"),
            ("CREATE SCHEMA AUTHORIZATION r", "schema"),
            ("CREATE SCHEMA IF NOT EXISTS s", "repeatable"),
        ] {
            assert_eq!(kinds(text), [expected], "{text}");
        }
    }

    #[test]
    fn statement_without_a_place_in_a_migration_is_named() {
        for (text, what) in [
            ("SET search_path = app", "SET"),
            ("CALL sys.wait_for_job('x')", "CALL"),
            ("SHOW timezone", "SHOW"),
            ("COPY t FROM STDIN", "COPY"),
            ("CREATE INDEX ASYNC ON t (a)", "an index without a name"),
            ("COMMIT", "a COMMIT or ROLLBACK without a BEGIN before it"),
            ("BEGIN; INSERT INTO t VALUES (1); ROLLBACK", "this statement among others in a transaction"),
            (
                "BEGIN; INSERT INTO t VALUES (1); DROP TABLE t; COMMIT",
                "this statement among others in a transaction",
            ),
            ("BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);", "a transaction without COMMIT"),
            ("BEGIN; INSERT INTO t VALUES (1)", "a transaction without COMMIT"),
            ("BEGIN; INSERT INTO t VALUES (1); COMMIT PREPARED 'a'", "a transaction without COMMIT"),
            ("BEGIN; INSERT INTO t VALUES (1); ROLLBACK TO s", "a transaction without COMMIT"),
            ("SAVEPOINT s", "SAVEPOINT"),
            ("BEGIN; DROP TABLE t", "a transaction without COMMIT"),
            ("INSERT INTO t VALUES (1); START TRANSACTION", "a transaction without COMMIT"),
            ("BEGIN; ROLLBACK", "this statement in a transaction"),
            ("BEGIN; COMMIT AND CHAIN; COMMIT", "this statement in a transaction"),
            ("BEGIN; BEGIN; COMMIT", "this statement in a transaction"),
            ("DELETE FROM t WHERE id = $1", "a parameter in a migration"),
            ("\\restrict x\n", "the psql command \\restrict"),
            ("SELECT 1\\; SELECT 2", "the psql command \\;"),
            ("COPY t FROM stdin;\nit's\n\\.\n", "COPY"),
            ("-- dsql-edge: in batches of 5\nSELECT 1", "this comment for batches"),
            ("DELETE FROM t;\n-- dsql-edge: in batches of 5\n", "this comment for batches"),
            ("DELETE FROM t -- dsql-edge: in batches of 5\n;", "this comment for batches"),
            (
                "BEGIN; -- dsql-edge: in batches of 5\nDELETE FROM t; DELETE FROM u; COMMIT",
                "this comment for batches",
            ),
            (
                "CREATE TABLE t ();\n-- migrate:down\nDROP TABLE t;",
                "the part of a file that undoes the migration",
            ),
        ] {
            assert_eq!(kinds(text), [format!("{what} cannot be in a migration")], "{text}");
        }
    }

    #[test]
    fn comment_before_a_statement_makes_it_run_in_batches() {
        let text = "DELETE FROM t;\n-- dsql-edge: in batches of 1_000\n\n-- old rows\nDELETE FROM t WHERE a < 3;\n\
                    INSERT INTO t VALUES ('\n-- dsql-edge: in batches of 5\n');";
        let (dsql, postgres) =
            (["1 of rows", "batches of 1000", "1 of rows"], postgres::steps(text).unwrap());
        assert_eq!(kinds(text), dsql);
        assert_eq!(postgres.steps.iter().map(kind).collect::<Vec<_>>(), dsql);
        let wrong = "-- dsql-edge: in batches of many\nDELETE FROM t";
        assert!(kinds(wrong)[0].starts_with("a comment for batches without a number of rows"));
        assert!(postgres::steps(wrong).is_err());
    }

    #[test]
    fn checksum_of_a_step_depends_on_its_own_text() {
        let of = |text: &str| -> Vec<String> {
            steps(text).unwrap().into_iter().map(|step| step.checksum.text).collect()
        };
        let (first, second) = (of("DROP TABLE a; DROP TABLE b"), of("-- a\nDROP TABLE a;\n\nDROP TABLE c;"));
        assert_eq!(first[0], second[0]);
        assert_ne!(first[1], second[1]);
    }
}
