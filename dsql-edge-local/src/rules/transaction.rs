//! What becomes of a transaction: DSQL's optimistic concurrency, its limits, and PostgreSQL's errors in its words.
//!
//! In: statements in their order, the version of the catalogue, the time; PostgreSQL's errors. Out: what stops a
//! statement or a COMMIT. A session never waits longer for a lock than [`LOCK_TIMEOUT`]; what it would have waited for
//! fails there, where a cluster would answer and fail the COMMIT of the slower of the two: the answer is not known
//! without waiting, and none is made up.

use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::syntax::Lexed;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use time::OffsetDateTime;

use super::Session;
use super::catalog_copy::schema_change;
use super::rejected::StatementRejected;
use super::statement::Prepared;
use crate::faults::Fault;
use crate::limits::Limits;
use crate::postgres::denied_functions;

/// How long a session waits for a lock, in milliseconds: PostgreSQL also locks for an instant what nobody would call a
/// conflict (a table that grows by a page), and 1 is the least it takes.
const LOCK_TIMEOUT: u32 = 50;

const SERIALIZATION_FAILURE: &str = "40001";
const LIMIT_EXCEEDED: &str = "54000";
/// The words of DSQL, recorded.
const CHANGED: &str = "change conflicts with another transaction (OC000)";
const SCHEMA_CHANGED: &str = "schema has been updated by another transaction (OC001)";

/// The settings of PostgreSQL at the start of a session.
pub(crate) fn settings(limits: &Limits) -> Vec<(&'static str, String)> {
    vec![
        ("lock_timeout", LOCK_TIMEOUT.to_string()),
        // No transaction is older, so no statement is.
        ("statement_timeout", limits.age.as_millis().to_string()),
        ("dsql_local.limit_rows", limits.rows.to_string()),
        ("dsql_local.limit_bytes", limits.bytes.to_string()),
    ]
}

/// A transaction between BEGIN and its end.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) since: OffsetDateTime,
    /// It has a statement that writes.
    pub(super) writes: bool,
    /// It can only be rolled back.
    failed: bool,
    /// The version of the catalog at BEGIN.
    begun: u64,
}

/// A statement that does not go on as it came.
pub(super) enum Stopped {
    /// It fails, and its transaction with it.
    Statement(StatementRejected),
    /// It is a COMMIT, which fails and ends its transaction.
    Commit(StatementRejected),
}

/// DSQL's answer for an error of PostgreSQL's: of two transactions at once, or of a limit.
pub(super) fn of_postgres(fields: &[u8], limits: &Limits) -> Option<StatementRejected> {
    let field = |code: u8| {
        let found = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[code]));
        String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
    };
    let (sqlstate, said, context) = (field(b'C'), field(b'M'), field(b'W'));
    // PostgreSQL's own tables are rows too: two schema changes at once.
    let of_catalog = context.contains("in relation \"pg_") || field(b'n').starts_with("pg_");
    let words = match sqlstate.as_str() {
        "40001" | "40P01" | "55P03" | "23505" if of_catalog => SCHEMA_CHANGED,
        "40001" | "40P01" => CHANGED,
        // Waiting for a row, or for a key in an index, PostgreSQL names its place; else it waited for a table, which
        // only a schema change locks against others.
        "55P03" if context.contains("tuple (") || !said.contains("lock timeout") => CHANGED,
        "55P03" => SCHEMA_CHANGED,
        "XX000" if said.starts_with("tuple concurrently ") => SCHEMA_CHANGED,
        "42501" => return denied_function(&said),
        "57014" if said.contains("statement timeout") => return Some(too_old(limits)),
        "54000" if said.starts_with("transaction ") => {
            let instead = "write less in one transaction, and the rest in the next";
            return Some(
                StatementRejected::new(LIMIT_EXCEEDED, said, instead.to_owned()).detailed(field(b'D')),
            );
        }
        _ => return None,
    };
    let why = match sqlstate.as_str() {
        "55P03" => "another open transaction is in the way; on a cluster the COMMIT of one of the two fails",
        _ => "another transaction was quicker; on a cluster COMMIT fails",
    };
    Some(StatementRejected::new(SERIALIZATION_FAILURE, words, format!("{why}: run the transaction again")))
}

/// A function that no session may call.
fn denied_function(said: &str) -> Option<StatementRejected> {
    let name = said.strip_prefix("permission denied for function ")?;
    let instead = denied_functions::instead_of(name)?;
    Some(StatementRejected::new("0A000", format!("function {name} not supported"), instead.to_owned()))
}

/// A transaction that was begun too long ago.
fn too_old(limits: &Limits) -> StatementRejected {
    let message = format!("transaction age limit of {}s exceeded", limits.age.as_secs());
    StatementRejected::new(
        LIMIT_EXCEEDED,
        message,
        "do less in one transaction, and wait for nothing in it".to_owned(),
    )
}

fn on_request() -> StatementRejected {
    let why = "a fault that was requested: run the transaction again";
    StatementRejected::new(SERIALIZATION_FAILURE, CHANGED, why.to_owned()).by_fault()
}

fn schema_changed() -> StatementRejected {
    let why = "another session has changed the schema: run the transaction again";
    StatementRejected::new(SERIALIZATION_FAILURE, SCHEMA_CHANGED, why.to_owned())
}

impl Session {
    /// Whether a Bind gets OC001. Execute is too late: PostgreSQL rejects a Bind whose statement has other columns now.
    pub(super) fn stale(&mut self, prepared: &Prepared) -> Option<StatementRejected> {
        let (statement, text, lexed) = prepared.parts();
        let begins_or_ends = matches!(part(statement, text, lexed), Part::Begin | Part::End);
        (!begins_or_ends && self.catalog.is_stale_for(statement, text, lexed, &self.cluster.catalog))
            .then(schema_changed)
    }

    /// What a statement does to its transaction, and whether it comes too late.
    pub(super) fn timely(&mut self, statement: &Statement, text: &str, lexed: &Lexed) -> Option<Stopped> {
        let part = part(statement, text, lexed);
        let now = self.cluster.clock.now();
        let late = self.open.is_some_and(|open| now - open.since > self.cluster.limits.age);
        match part {
            Part::Begin => {
                self.open.get_or_insert(Open {
                    since: now,
                    writes: false,
                    failed: false,
                    begun: self.cluster.catalog.newest(),
                });
                None
            }
            Part::End => {
                let open = self.open.take()?;
                let commits =
                    !open.failed && matches!(statement.kind, StatementKind::Utility("COMMIT" | "END"));
                if commits && late {
                    return Some(Stopped::Commit(too_old(&self.cluster.limits)));
                }
                if commits
                    && open.writes
                    && self.catalog.is_stale_for_commit(open.begun, &self.cluster.catalog)
                {
                    return Some(Stopped::Commit(schema_changed()));
                }
                (commits && open.writes && self.meets_conflict()).then(|| Stopped::Commit(on_request()))
            }
            _ if late => Some(Stopped::Statement(too_old(&self.cluster.limits))),
            Part::Ddl | Part::Dml | Part::Other => {
                let reads = part == Part::Other;
                if matches!(statement.kind, StatementKind::Utility("EXPLAIN")) {
                    self.cycles.current().explains = true;
                }
                if self.catalog.is_stale_for(statement, text, lexed, &self.cluster.catalog) {
                    return Some(Stopped::Statement(schema_changed()));
                }
                match &mut self.open {
                    Some(open) => open.writes |= !reads,
                    None if reads || self.cycles.current().commits => {}
                    None => {
                        self.cycles.current().commits = true;
                        if self.meets_conflict() {
                            return Some(Stopped::Statement(on_request()));
                        }
                    }
                }
                if part == Part::Ddl {
                    self.cycles.current().ddl = Some(schema_change(statement, lexed));
                }
                None
            }
        }
    }

    /// Something commits: whether a conflict was asked for, or else the end of the connection.
    fn meets_conflict(&mut self) -> bool {
        match self.cluster.faults.commits() {
            Some(Fault::Conflict(_)) => return true,
            Some(Fault::CutBeforeCommit(_)) => self.cut_before_commit = true,
            Some(Fault::CutAfterCommit(_)) => self.cycles.current().cut = true,
            _ => {}
        }
        false
    }

    /// ErrorResponse: what was to commit behind it does not, so a fault at that commit is still to come.
    pub(super) fn fails(&mut self) {
        let Some(cycle) = self.cycles.answered() else { return };
        cycle.failed = true;
        if std::mem::take(&mut cycle.cut) {
            self.cluster.faults.restore(Fault::CutAfterCommit(1));
        }
    }

    /// ReadyForQuery, with the status of the transaction.
    pub(super) fn settles(&mut self, status: &[u8]) {
        let cycle = self.cycles.over().unwrap_or_default();
        self.ends |= cycle.cut;
        let ddl = cycle.ddl.filter(|change| cycle.skipped < change.parts);
        self.change = self.change.take().or(ddl).filter(|_| !cycle.failed && !cycle.rolled_back);
        if let Some(change) = self.change.take_if(|_| status == b"I") {
            self.catalog.commits(change, &self.cluster.catalog);
        }
        if self.cycles.none() {
            // PostgreSQL skipped them, because of an error before: there was no commit that a fault could fail.
            let skipped = std::mem::take(&mut self.refusals);
            for _ in skipped.values().filter(|refused| refused.is_by_fault()) {
                self.cluster.faults.restore(Fault::Conflict(1));
            }
            self.transactions.settle(status != b"I");
            let since = self.cluster.clock.now();
            match status {
                b"I" => {
                    self.open = None;
                    // Portals end with their transaction.
                    self.portals.clear();
                }
                _ => {
                    let begun = self.cluster.catalog.newest();
                    let open = Open { since, writes: true, failed: false, begun };
                    self.open.get_or_insert(open).failed = status == b"E";
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fields: &str) -> Option<String> {
        of_postgres(fields.as_bytes(), &Limits::of(&[])).map(|refused| refused.message().to_owned())
    }

    #[test]
    fn what_is_a_conflict_and_what_a_limit() {
        for (fields, words) in [
            ("C40001\0Mcould not serialize access due to concurrent update\0\0", Some(CHANGED)),
            ("C40P01\0Mdeadlock detected\0\0", Some(CHANGED)),
            (
                "C55P03\0Mcanceling statement due to lock timeout\0Wwhile updating tuple (0,1) in relation \"t\"\0\0",
                Some(CHANGED),
            ),
            ("C55P03\0Mcould not obtain lock on row in relation \"t\"\0\0", Some(CHANGED)),
            ("C55P03\0Mcanceling statement due to lock timeout\0\0", Some(SCHEMA_CHANGED)),
            (
                "C23505\0Mduplicate key value violates unique constraint \"pg_class_relname_nsp_index\"\0\
                 npg_class_relname_nsp_index\0\0",
                Some(SCHEMA_CHANGED),
            ),
            ("CXX000\0Mtuple concurrently updated\0\0", Some(SCHEMA_CHANGED)),
            ("CXX000\0Mcache lookup failed\0\0", None),
            ("C23505\0Mduplicate key value violates unique constraint \"t_pkey\"\0\0", None),
            (
                "C57014\0Mcanceling statement due to statement timeout\0\0",
                Some("transaction age limit of 300s exceeded"),
            ),
            ("C57014\0Mcanceling statement due to user request\0\0", None),
            ("", None),
        ] {
            assert_eq!(said(fields).as_deref(), words, "{fields}");
        }
    }
}
