//! Warns of an UPDATE or DELETE in a migration that changes every row of a table, because DSQL changes at most 3,000
//! rows in a transaction.
//!
//! Input: a file, and the tables that exist before all files, if they are known. Output: a warning for each such
//! statement that does not run in batches. A table that the file itself creates, or that did not
//! exist before all files, gets no warning: such a table has only the rows that the files write.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{QualifiedName, Statement, StatementKind};

use super::finding::Finding;
use crate::steps::is_in_batches;

/// Returns the warnings of a file. `existed` returns whether a table of this name existed before the first file;
/// `None` if that is not known.
pub(super) fn warnings(parsed: &Parsed<'_>, existed: impl Fn(&str) -> Option<bool>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, statement) in parsed.iter().enumerate() {
        let Some((command, table)) = whole_table(statement.tree) else { continue };
        let before = parsed.statements.get(..at).unwrap_or_default();
        let is_new = match existed(table.name()) {
            Some(existed) => !existed,
            None => before.iter().filter_map(created).any(|name| name.name() == table.name()),
        };
        if is_new || is_in_batches(parsed, statement) {
            continue;
        }
        let message = format!(
            "{command} without WHERE changes every row of the table, and DSQL changes at most 3,000 rows in a transaction"
        );
        let hint = "write the comment -- dsql-edge: in batches of 1000 in the line before the statement; if the table is \
                    small, write WHERE true";
        let diagnostic = Diagnostic::warning(Code::MissingWhere, table.span(), message).with_hint(hint);
        found.push(Finding { diagnostic, rule: None, fix: None, statement: statement.span });
    }
    found
}

/// Returns the command and the table of a statement that changes every row of the table.
fn whole_table(statement: &Statement) -> Option<(&'static str, &QualifiedName)> {
    match &statement.kind {
        StatementKind::Update(update) if update.filter.is_none() && update.from.is_empty() => {
            Some(("UPDATE", &update.table.name))
        }
        StatementKind::Delete(delete) if delete.filter.is_none() && delete.using.is_empty() => {
            Some(("DELETE", &delete.table.name))
        }
        _ => None,
    }
}

/// Returns the table that a statement creates.
fn created(statement: &Statement) -> Option<&QualifiedName> {
    match &statement.kind {
        StatementKind::CreateTable(table) if !table.if_not_exists => Some(&table.name),
        StatementKind::CreateTableAs(table) => Some(&table.name),
        _ => None,
    }
}
