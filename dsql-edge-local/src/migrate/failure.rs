//! The errors of a run of migrations, for the developer who wrote the files.
//!
//! Input: an error of the endpoint, and the statement that caused it. Output: a message with `file:line:column`, DSQL's
//! error, and the next step for the developer. The values in an error are from the developer's own files.

use dsql_edge_compiler::source::Span;
use dsql_edge_migrations::File;
use tokio_postgres::Error;
use tokio_postgres::error::ErrorPosition;

/// The error of a statement of a file.
pub(super) fn of_statement(file: &File, statement: Span, error: &Error) -> String {
    let Some(rejected) = error.as_db_error() else {
        return format!("{}: {}", place(file, statement, 0), described(error));
    };
    let characters = match rejected.position() {
        Some(ErrorPosition::Original(position)) => (*position as usize).saturating_sub(1),
        _ => 0,
    };
    let mut text =
        format!("{}: {}: {}", place(file, statement, characters), rejected.code().code(), rejected.message());
    for (name, more) in [("detail", rejected.detail()), ("hint", rejected.hint())] {
        text.extend(more.map(|more| format!("\n  {name}: {more}")));
    }
    text
}

/// Returns `file:line:column` of the character with this number in a statement.
fn place(file: &File, statement: Span, characters: usize) -> String {
    let sql = statement.text(&file.text);
    let bytes = sql.char_indices().nth(characters).map_or(0, |(at, _)| at);
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let (line, column) = file.line_and_column(statement.start.saturating_add(bytes));
    format!("{}:{line}:{column}", file.path)
}

/// The error of a statement of the ledger, or of the connection. `work` describes what the statement was for, such as
/// `reading the catalog`.
pub(super) fn of_ledger(work: &str, error: &Error) -> String {
    format!("{work}: {}", described(error))
}

/// Describes an error, because tokio-postgres displays every error of the server only as `db error`.
fn described(error: &Error) -> String {
    match error.as_db_error() {
        Some(rejected) => format!("{}: {}", rejected.code().code(), rejected.message()),
        None => {
            let source = std::error::Error::source(error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        }
    }
}
