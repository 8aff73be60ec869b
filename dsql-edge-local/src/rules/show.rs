//! Answers SHOW of settings whose value is not PostgreSQL's.
//!
//! Input: a SHOW. Output: a SELECT of the value, whose column is renamed in PostgreSQL's answer. For a timeout, the
//! value is 0, because dsql-local itself has set the timeout; for the version, the version of the recorded cluster; for
//! the faults, the pending faults of all sessions.

use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::StatementKind;

use super::Session;

/// The beginning of the column name in the SELECT that replaces a SHOW; the rest of the name is the name of the
/// setting.
pub(super) const COLUMN: &str = "dsql_local_show_";

/// The setting by which a session requests faults.
pub(super) const FAULTS: &str = "dsql_local.fault";

const SHOWN: [(&str, &str); 4] = [
    ("lock_timeout", "0"),
    ("statement_timeout", "0"),
    ("server_version", "16.15"),
    ("server_version_num", "160015"),
];

/// Returns the name of the setting in a SHOW.
fn setting(statement: ParsedStatement<'_>) -> Option<String> {
    if !matches!(statement.kind, StatementKind::Utility("SHOW")) {
        return None;
    }
    let name: String =
        statement.own_tokens().iter().skip(1).map(|token| token.span.text(statement.text)).collect();
    Some(name.to_ascii_lowercase())
}

/// Whether a statement is `SHOW dsql_local.fault`. The setting's value can change between two executions of a
/// prepared statement.
pub(super) fn shows_faults(statement: ParsedStatement<'_>) -> bool {
    setting(statement).is_some_and(|name| name == FAULTS)
}

impl Session {
    /// The statement that PostgreSQL runs instead of a SHOW.
    pub(super) fn shown(&self, statement: ParsedStatement<'_>) -> Option<String> {
        let name = setting(statement)?;
        let value = match SHOWN.iter().find(|(shown, _)| name == *shown) {
            Some((_, value)) => (*value).to_owned(),
            None if name == FAULTS => self.cluster.faults.list(),
            None => return None,
        };
        Some(format!("SELECT '{value}'::text AS \"{COLUMN}{name}\""))
    }
}
