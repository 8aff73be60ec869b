//! Reports the statements whose effect on the schema is not known.
//!
//! Input: a statement, or a command of psql. Output: an error, if the statement may change the objects that queries use
//! and the fold does not apply it. The macro ignores this error. `dsql-edge check` reports the error, because the other
//! results of `check` may be wrong for a schema with such a statement.

use super::contrib::is_known_extension;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::PsqlCommand;
use crate::syntax::ast::{Drop, ObjectKind, Statement, StatementKind, TableSource};

const HINT: &str =
    "replace it by the statements that change the schema, such as ALTER TABLE or DROP FUNCTION";

/// Returns the error for a statement or command whose effect is not known.
pub(super) fn error(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::UnfollowedStatement,
        span,
        format!("the effect of this statement is not known: {what}"),
    )
    .with_hint(HINT)
}

/// Returns the error for a BEGIN whose transaction does not end.
pub(super) fn open_transaction(begin: Span) -> Diagnostic {
    let mut diagnostic = error(begin, "its transaction does not end");
    diagnostic.hint = Some("end it with COMMIT".to_owned());
    diagnostic
}

/// Returns an error if the fold ignores an effect of the statement.
pub(super) fn statement(
    statement: &Statement,
    text: &str,
    is_prepared: impl Fn(&str) -> bool,
) -> Option<Diagnostic> {
    let words = || {
        let words = statement.span.text(text).split_whitespace().map(str::to_ascii_uppercase);
        words.collect::<Vec<_>>().join(" ")
    };
    let what = match &statement.kind {
        StatementKind::Utility(command) => match *command {
            "DO" => "DO runs code that may change the schema",
            "CALL" if words().starts_with("CALL SYS.WAIT_FOR_JOB") => return None,
            "CALL" => "CALL runs a procedure that may change the schema",
            "IMPORT FOREIGN SCHEMA" => "IMPORT FOREIGN SCHEMA creates tables that only the other server has",
            "ALTER EXTENSION" => "ALTER EXTENSION may change functions and types",
            "ALTER OPERATOR" | "ALTER COLLATION"
                if words().contains(" RENAME TO ") || words().contains(" SET SCHEMA ") =>
            {
                "it renames an operator or a collation"
            }
            _ => return None,
        },
        StatementKind::Drop(drop) => dropped(drop)?,
        StatementKind::MoveExtension(moved) if !is_known_extension(&moved.name.text) => {
            "ALTER EXTENSION may change functions and types"
        }
        StatementKind::CreateSchema(created) if created.name.is_none() => {
            "the schema has the name of a role, which is not in this file"
        }
        StatementKind::CreateTableAs(table) => match &table.source {
            TableSource::Execute(name) if !is_prepared(&name.text) => {
                "the columns of the table are those of a prepared statement"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(error(statement.span, what))
}

fn dropped(drop: &Drop) -> Option<&'static str> {
    Some(match drop.object {
        ObjectKind::Extension if drop.names.iter().all(|name| is_known_extension(name.name())) => {
            return None;
        }
        ObjectKind::Extension => "DROP EXTENSION drops functions and types",
        ObjectKind::Owned => {
            "DROP OWNED drops the objects of a role, and this file does not show which these are"
        }
        _ => return None,
    })
}

/// Returns the error for a psql command, if the command may change which statements run.
pub(super) fn command(command: &PsqlCommand) -> Option<Diagnostic> {
    let what = match command.name.as_str() {
        "i" | "include" | "ir" | "include_relative" => "it runs the statements of another file",
        "gexec" => "it runs the rows of a query as statements",
        "if" => "only psql can evaluate the condition",
        "q" | "quit" => "psql exits here and does not run the statements after it",
        _ => return None,
    };
    let what = format!("\\{}: {what}", command.name);
    Some(error(command.span, &what))
}
