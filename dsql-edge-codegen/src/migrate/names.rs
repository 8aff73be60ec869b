//! Finds statements that certainly fail, because a table, a column or a schema exists neither in the database nor in
//! the migrations before them.
//!
//! Input: the steps that are not applied, and the catalog. Output: an error before anything is sent. The linter
//! compares each statement with what the folder creates. If the linter does not find a name, the name is looked up in
//! the catalog, because the database may have tables that no migration created.
//!
//! If the catalog has such a name, the folder does not show all effects of the statement that uses this name. An error
//! in a later statement is then not certain: `ALTER TABLE old RENAME TO new` gives a table a name that the linter does
//! not know. So an unknown name is an error only if all names before it are known; a later unknown name is a warning. A
//! later unknown name is also a warning after a step that an interrupted run began, because this step may have been
//! applied.

use anyhow::{Result, bail};
use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::lex;
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::folder::shown;
use dsql_edge_migrations::lint::{LintedFile, Sent, empty_schema, lint, lint_postgres};
use dsql_edge_migrations::{File, Folder, Pending, State};

use super::database::Database;
use super::progress::Progress;

/// Returns an error that lists the statements that certainly fail.
pub(super) async fn check(
    folder: &Folder,
    pending: &[Pending<'_>],
    database: &Database,
    report: &dyn Fn(Progress<'_>),
) -> Result<()> {
    let mut missing: Vec<String> = Vec::new();
    let mut is_known = true;
    for Unknown { file, error, is_after_begun } in unknown(folder, pending) {
        is_known &= !is_after_begun;
        let exists = exists(&error, &file.text, database).await?;
        if !exists && is_known {
            missing.push(shown(&error, &file.path, &file.text));
        } else if !exists {
            let (line, column) = file.line_and_column(error.span.start);
            let message = &error.message;
            report(Progress::MayFail(&format!("{}:{line}:{column}: {message}", file.path)));
        }
        is_known &= !exists;
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "nothing was sent: these names are neither in the database nor in the migrations before them\n\n{}\n\nA comment \
         `-- dsql-edge: allow unknown-table` (or unknown-column, unknown-schema) in the line above sends such a statement all \
         the same",
        missing.join("\n\n")
    )
}

/// A name that no statement before it creates.
struct Unknown<'f> {
    file: &'f File,
    error: Diagnostic,
    /// Whether an interrupted run began a step before this statement.
    is_after_begun: bool,
}

/// Returns the names, in order, that a step uses and no earlier statement creates. Steps that an interrupted run began
/// are left out.
fn unknown<'f>(folder: &'f Folder, pending: &[Pending<'f>]) -> Vec<Unknown<'f>> {
    if pending.iter().all(|it| it.steps.is_empty()) {
        return Vec::new();
    }
    let schema = empty_schema(folder.files.iter().map(|file| file.text.as_str()), folder.dialect);
    let texts = folder.files.iter().map(|file| (file.name.clone(), file.text.clone()));
    let linted: Vec<LintedFile> = match folder.dialect {
        Dialect::Dsql => lint(texts, Some(&schema), Sent::Migrate),
        Dialect::Postgres => lint_postgres(texts, Some(&schema), Sent::Migrate),
    };
    let mut found = Vec::new();
    let mut is_after_begun = false;
    for (file, linted) in folder.files.iter().zip(linted) {
        let Some(pending) = pending.iter().find(|it| it.file.name == file.name) else { continue };
        let is_wrong = |error: &Diagnostic| error.is_error() && is_looked_up(error.code);
        let findings = linted.findings.into_iter().filter(|it| is_wrong(&it.diagnostic));
        let findings: Vec<_> = findings.map(|it| (it.statement.start, it.diagnostic)).collect();
        for (step, entry) in &pending.steps {
            if entry.as_ref().is_some_and(|entry| entry.state != State::Failed) {
                is_after_begun = true;
                continue;
            }
            let is_inside = |place: u32| (step.span.start..step.span.end).contains(&place);
            let inside = findings.iter().filter(|(place, _)| is_inside(*place));
            found.extend(inside.map(|(_, error)| Unknown { file, error: error.clone(), is_after_begun }));
        }
    }
    found
}

fn is_looked_up(code: Code) -> bool {
    matches!(code, Code::UnknownTable | Code::UnknownColumn | Code::UnknownSchema)
}

/// Whether the database has the name that an error is about. If the error does not contain the name, returns true.
async fn exists(error: &Diagnostic, text: &str, database: &Database) -> Result<bool> {
    let names = names_in(error.span, text);
    let Some(name) = names.last().map(String::as_str) else { return Ok(true) };
    let rows = match error.code {
        Code::UnknownTable => {
            let schema = names.len().checked_sub(2).and_then(|at| names.get(at)).map_or("", String::as_str);
            database.rows::<1>(RELATION, &[Some(schema), Some(name)]).await?
        }
        Code::UnknownColumn => {
            let table = error.message.split_once("of relation \"").and_then(|(_, it)| it.split_once('"'));
            let table = table.map_or("", |(table, _)| table);
            database.rows::<1>(COLUMN, &[Some(table), Some(name)]).await?
        }
        _ => database.rows::<1>(SCHEMA, &[Some(name)]).await?,
    };
    Ok(!rows.is_empty())
}

/// Returns the parts of the name at a span: the schema and the table, or the table and the column.
fn names_in(place: Span, text: &str) -> Vec<String> {
    let lexed = lex(&Source::script(place.text(text)));
    lexed.tokens.iter().filter_map(|token| token.kind.name().map(str::to_owned)).collect()
}

/// $1: the schema or '', so that a relation of any schema counts; $2: the relation.
const RELATION: &str =
    "SELECT c.oid::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $2 AND (n.nspname = $1 OR $1 = '') LIMIT 1";

/// $1: the relation or '', so that a column of any relation counts; $2: the column.
const COLUMN: &str =
    "SELECT a.attrelid::text FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attname = $2 AND NOT a.attisdropped AND (c.relname = $1 OR $1 = '')
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') LIMIT 1";

const SCHEMA: &str = "SELECT n.oid::text FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";
