//! Decides whether it is certain, from the statements before a name, which object the name means.
//!
//! Input: the statements and psql commands of a file. Output: the offset up to which names are certain, and the
//! transactions that the file rolls back. When a rolled-back transaction ends, `lint` restores the schema from before
//! the transaction. After a command or a statement with an unknown effect on names, findings that depend on a name are
//! not reported.

use std::collections::BTreeMap;

use dsql_edge_compiler::dsql;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind, TransactionStatement};

/// The rules whose findings depend on the meaning of a name, or on the schemas that exist.
const BY_NAME: [&str; 10] = [
    "key_type",
    "key_size",
    "key_size_of_char",
    "key_sizes",
    "key_domain",
    "key_domain_size",
    "drop_primary_key",
    "drop_primary_key_column",
    "identity_type",
    "schemas",
];

/// Commands of psql after which the file alone does not show which objects exist.
const COMMANDS: [&str; 7] = ["i", "include", "ir", "include_relative", "c", "connect", "gexec"];

/// The maximum number of transactions whose effects are undone. At the beginning of each of these transactions, the
/// linter copies the schema.
const MOST_UNDONE: usize = 16;

/// The offsets in a file after which the meaning of names is not certain.
pub(super) struct NameCertainty {
    /// After this offset in the file, it is not known which objects exist.
    objects: u32,
    /// After this offset in the file, the search path is not known.
    path: u32,
    /// The transactions that are rolled back: the indexes of their first and last statements.
    undone: BTreeMap<usize, usize>,
}

impl NameCertainty {
    pub(super) fn of(parsed: &Parsed<'_>) -> NameCertainty {
        let commands = parsed.tokens.commands.iter().filter(|it| COMMANDS.contains(&it.name.as_str()));
        let objects = commands.map(|it| it.span.start).min().unwrap_or(u32::MAX);
        let mut found = NameCertainty { objects, path: u32::MAX, undone: BTreeMap::new() };
        let mut open = None;
        for (at, statement) in parsed.statements.iter().enumerate() {
            let place = statement.span.start;
            match &statement.kind {
                StatementKind::Transaction(kind) => found.transaction(kind, &mut open, at, place),
                StatementKind::Utility("DROP OWNED") => found.objects = found.objects.min(place),
                _ if hides_path(statement, &parsed.text) => found.path = found.path.min(place),
                _ => {}
            }
        }
        found
    }

    fn transaction(&mut self, kind: &TransactionStatement, open: &mut Option<usize>, at: usize, place: u32) {
        match kind {
            TransactionStatement::Begin => *open = open.or(Some(at)),
            TransactionStatement::Commit { chain } => *open = chain.then_some(at),
            TransactionStatement::Rollback { chain } => {
                match open.filter(|_| self.undone.len() < MOST_UNDONE) {
                    Some(begin) => drop(self.undone.insert(begin, at)),
                    // The objects are not known in the whole file: either the transaction of this ROLLBACK began
                    // outside of the file, or the maximum number of copies of the schema is reached.
                    None => self.objects = 0,
                }
                *open = chain.then_some(at);
            }
            TransactionStatement::Savepoint(_) | TransactionStatement::Release(_) => {}
            TransactionStatement::RollbackTo(_)
            | TransactionStatement::PrepareTransaction
            | TransactionStatement::CommitPrepared
            | TransactionStatement::RollbackPrepared => self.objects = self.objects.min(place),
        }
    }

    /// Whether it is certain which objects exist after the file.
    pub(super) fn shows_objects(&self) -> bool {
        self.objects == u32::MAX
    }

    /// Whether the script rolls back the transaction that begins with the statement at this index.
    pub(super) fn begins_undone_block(&self, at: usize) -> bool {
        self.undone.contains_key(&at)
    }

    /// Whether the statement at this index rolls back a transaction of the file.
    pub(super) fn ends_undone_block(&self, at: usize) -> bool {
        self.undone.values().any(|end| *end == at)
    }

    /// Whether the earlier statements determine with certainty which objects the names in a statement mean.
    pub(super) fn is_name_certain(&self, statement: &Statement) -> bool {
        statement.span.start < self.objects.min(self.path)
    }

    /// Whether a finding is certain: either the finding does not depend on a name, or the name in the statement is
    /// certain.
    pub(super) fn is_certain(&self, finding: &dsql::Finding, statement: &Statement) -> bool {
        let has_schema = match &statement.kind {
            StatementKind::AlterTable(alter) => alter.name.schema().is_some(),
            StatementKind::CreateIndex(index) => index.table.schema().is_some(),
            StatementKind::CreateSchema(_) => true,
            // For the other statements, nothing has to be looked up: CREATE TABLE, for example, contains the types of
            // its columns itself.
            _ => return true,
        };
        let place = statement.span.start;
        !BY_NAME.contains(&finding.rule.id) || place < self.objects && (has_schema || place < self.path)
    }
}

/// Whether the search path is not known after a statement. The path is known after `SET search_path`, and after pg_dump
/// has set the empty path.
fn hides_path(statement: &Statement, text: &str) -> bool {
    let written = statement.span.text(text).to_ascii_lowercase();
    match &statement.kind {
        // `SET LOCAL` has no effect outside of a transaction, and its effect ends with the transaction.
        StatementKind::Set(set) => {
            let is_path = set.name.eq_ignore_ascii_case("search_path");
            is_path && (set.name != "search_path" || set.command == "SET LOCAL")
        }
        StatementKind::CreateFunction(_) | StatementKind::AlterFunction(_) => false,
        StatementKind::Utility("RESET" | "DISCARD") => true,
        StatementKind::Utility("SET") => written.contains("schema") || written.contains("search_path"),
        StatementKind::Query(_) if written.contains("set_config('search_path', '', false)") => false,
        _ => written.contains("search_path"),
    }
}
