//! The state of a session's transaction, and the rejection of its next statement or its COMMIT.
//!
//! Input: [`TransactionEvent`]s in order, from both directions (statements when they are sent, and answers when they
//! arrive). Output: rejections. The state of a transaction is here and in the [`Commit`] of each cycle that PostgreSQL
//! has not answered; no other module writes this state.
//!
//! Invariants: when a BEGIN is sent, `statements` becomes open, and `open` describes the new transaction. This remains
//! true until the COMMIT or ROLLBACK of the transaction is sent. At a ReadyForQuery after which no answer is
//! outstanding, PostgreSQL's status takes precedence over `statements` and `open`, because PostgreSQL may have skipped
//! a BEGIN.

use dsql_edge_compiler::dsql::Transactions;
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{StatementKind, TransactionStatement};
use time::OffsetDateTime;

use super::catalog_copy::{CatalogCopy, schema_change};
use super::cycle::{Commit, Cycles};
use super::postgres_error::{on_request, schema_changed, too_old};
use super::rejected::StatementRejected;
use super::statement::locks_rows;
use crate::catalog_version::SchemaChange;
use crate::cluster::Cluster;
use crate::faults::Fault;

/// An event of a transaction.
pub(super) enum TransactionEvent<'s> {
    /// A message that begins a cycle is sent. The value is the number of statements of a simple query; for a pipeline,
    /// whose number of statements is not known, it is `usize::MAX`.
    Message(usize),
    /// A statement is bound.
    Bind(ParsedStatement<'s>),
    /// A statement is executed.
    Statement(ParsedStatement<'s>),
    /// The indexes of the session are treated as built.
    Built,
    /// ErrorResponse has arrived.
    Error,
    /// CommandComplete of a ROLLBACK has arrived.
    RolledBack,
    /// A notice has arrived: a part of a schema change has no effect.
    Skipped,
    /// ReadyForQuery has arrived.
    Ready(Status),
}

/// The status of the transaction in ReadyForQuery.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Idle,
    Open,
    Failed,
}

impl Status {
    pub(super) fn of(body: &[u8]) -> Status {
        match body {
            b"I" => Status::Idle,
            b"E" => Status::Failed,
            _ => Status::Open,
        }
    }
}

/// A statement that is not forwarded.
pub(super) enum Rejection {
    /// The statement fails, and so does its transaction.
    Statement(StatementRejected),
    /// The statement is a COMMIT, which fails and ends its transaction.
    Commit(StatementRejected),
}

/// The transaction between BEGIN and its end.
#[derive(Clone, Copy)]
struct OpenTransaction {
    since: OffsetDateTime,
    /// Whether the transaction has a statement that writes.
    writes: bool,
    /// Whether the transaction can only be rolled back.
    failed: bool,
    /// Whether the transaction has a statement that locks rows as a write does (`FOR UPDATE`).
    locks: bool,
    /// The version of the catalog at BEGIN.
    version: u64,
}

impl OpenTransaction {
    fn now(cluster: &Cluster) -> OpenTransaction {
        let (since, version) = (cluster.clock.now(), cluster.catalog.newest());
        OpenTransaction { since, writes: false, failed: false, locks: false, version }
    }
}

pub(super) struct Transaction {
    /// The statements of the transaction, for DSQL's rules.
    statements: Transactions,
    open: OpenTransaction,
    /// The status in the last ReadyForQuery.
    answered: Status,
    /// A schema change that is answered but not committed.
    change: Option<SchemaChange>,
    catalog: CatalogCopy,
    /// Whether a fault ends the connection in place of a commit. The connection ends as soon as all complete cycles
    /// before the commit are answered.
    cut_before_commit: bool,
    /// Whether a fault ends the connection, now that a commit was answered.
    cut_after_commit: bool,
}

impl Transaction {
    pub(super) fn new(cluster: &Cluster) -> Transaction {
        Transaction {
            statements: Transactions::new(),
            open: OpenTransaction::now(cluster),
            answered: Status::Idle,
            change: None,
            catalog: CatalogCopy::new(cluster.oc001, &cluster.catalog),
            cut_before_commit: false,
            cut_after_commit: false,
        }
    }

    /// Whether a transaction is open, by the statements that were sent.
    pub(super) fn is_open(&self) -> bool {
        self.statements.is_open()
    }

    /// Whether the open transaction has a statement that locks rows as a write does.
    pub(super) fn locks_rows(&self) -> bool {
        self.is_open() && self.open.locks
    }

    /// Whether the last message and all later messages are not sent to PostgreSQL.
    pub(super) fn is_cut(&self) -> bool {
        self.cut_before_commit || self.cut_after_commit
    }

    /// Whether the connection must end now.
    pub(super) fn is_over(&self, cycles: &Cycles) -> bool {
        self.cut_after_commit || self.cut_before_commit && cycles.nothing_owed()
    }

    /// Applies an event; if the event contains a statement that is rejected, returns the rejection.
    pub(super) fn observe(
        &mut self,
        event: TransactionEvent<'_>,
        cycles: &mut Cycles,
        cluster: &Cluster,
    ) -> Option<Rejection> {
        match event {
            TransactionEvent::Message(statements) => self.statements.message(statements),
            TransactionEvent::Built => self.statements.built(),
            TransactionEvent::Bind(statement) => return self.bind(statement, cluster),
            TransactionEvent::Statement(statement) => {
                return self.statement(statement, cycles, cluster);
            }
            TransactionEvent::Error => error(cycles, cluster),
            TransactionEvent::RolledBack => rolled_back(cycles, cluster),
            TransactionEvent::Skipped => {
                cycles.answered().into_iter().for_each(|cycle| cycle.commit.skipped += 1);
            }
            TransactionEvent::Ready(status) => self.ready(status, cycles, cluster),
        }
        None
    }

    /// Returns the rejection of a Bind, if the Bind gets OC001. A rejection at Execute would be too late: if a schema
    /// change has changed the statement's columns, PostgreSQL rejects the Bind.
    fn bind(&mut self, statement: ParsedStatement<'_>, cluster: &Cluster) -> Option<Rejection> {
        let begins_or_ends = matches!(part(statement), Part::Begin | Part::End);
        let stale = !begins_or_ends && self.catalog.is_stale_for(statement, &cluster.catalog);
        stale.then(|| Rejection::Statement(schema_changed()))
    }

    fn statement(
        &mut self,
        statement: ParsedStatement<'_>,
        cycles: &mut Cycles,
        cluster: &Cluster,
    ) -> Option<Rejection> {
        let before = self.is_open().then_some(self.open);
        if let Some(finding) = self.statements.next(statement) {
            return Some(Rejection::Statement(StatementRejected::of(finding)));
        }
        let late = before.is_some_and(|open| cluster.clock.now() - open.since > cluster.limits.age);
        match part(statement) {
            Part::Begin => {
                self.open = before.unwrap_or_else(|| OpenTransaction::now(cluster));
                None
            }
            Part::End => {
                // If the statement has `AND CHAIN`, the next transaction begins now.
                self.open = OpenTransaction::now(cluster);
                self.end(before?, late, statement, cycles, cluster)
            }
            _ if late => Some(Rejection::Statement(too_old(&cluster.limits))),
            part => self.within(part, statement, cycles, cluster),
        }
    }

    /// Handles COMMIT or ROLLBACK of the open transaction.
    fn end(
        &mut self,
        open: OpenTransaction,
        late: bool,
        statement: ParsedStatement<'_>,
        cycles: &mut Cycles,
        cluster: &Cluster,
    ) -> Option<Rejection> {
        let commits =
            matches!(statement.kind, StatementKind::Transaction(TransactionStatement::Commit { .. }));
        if !commits {
            cycles.current().commit.rollbacks += 1;
        }
        if !commits || open.failed {
            return None;
        }
        if late {
            return Some(Rejection::Commit(too_old(&cluster.limits)));
        }
        if open.writes && self.catalog.is_stale_for_commit(open.version, &cluster.catalog) {
            return Some(Rejection::Commit(schema_changed()));
        }
        if open.writes && self.meets_conflict(cycles, cluster) {
            return Some(Rejection::Commit(on_request()));
        }
        // In a failed transaction, dsql-local's own statement would fail, and the COMMIT would be skipped.
        cycles.current().commit.of_locked_rows = open.locks && self.answered != Status::Failed;
        None
    }

    /// Handles a statement that neither begins nor ends a transaction.
    fn within(
        &mut self,
        part: Part,
        statement: ParsedStatement<'_>,
        cycles: &mut Cycles,
        cluster: &Cluster,
    ) -> Option<Rejection> {
        if self.catalog.is_stale_for(statement, &cluster.catalog) {
            return Some(Rejection::Statement(schema_changed()));
        }
        let writes = part != Part::Other;
        if self.is_open() {
            self.open.writes |= writes;
            self.open.locks |= locks_rows(statement);
        } else if writes
            && !std::mem::replace(&mut cycles.current().commit.autocommits, true)
            && self.meets_conflict(cycles, cluster)
        {
            return Some(Rejection::Statement(on_request()));
        }
        if part == Part::Ddl {
            cycles.current().commit.change = Some(schema_change(statement, cluster.catalog.opens_change()));
        }
        None
    }

    /// Takes the requested fault for a commit. Returns whether the fault is a conflict. If the fault ends the
    /// connection, the fault is recorded.
    fn meets_conflict(&mut self, cycles: &mut Cycles, cluster: &Cluster) -> bool {
        match cluster.faults.commits() {
            Some(Fault::Conflict(_)) => return true,
            Some(Fault::CutBeforeCommit(_)) => self.cut_before_commit = true,
            Some(Fault::CutAfterCommit(_)) => cycles.current().commit.cut = true,
            _ => {}
        }
        false
    }

    fn ready(&mut self, status: Status, cycles: &mut Cycles, cluster: &Cluster) {
        self.answered = status;
        let mut cycle = cycles.over().unwrap_or_default();
        if let Some(requested) = cycle.requested.take() {
            cluster.faults.accept(&requested);
        }
        let Commit { cut, change, skipped, rolled_back, .. } = cycle.commit;
        self.cut_after_commit |= cut;
        let change = change.filter(|change| skipped < change.parts);
        self.change = self.change.take().or(change).filter(|_| !cycle.failed && !rolled_back);
        if let Some(change) = self.change.take_if(|_| status == Status::Idle) {
            self.catalog.commits(change, &cluster.catalog);
        }
        if cycles.none() {
            if !self.is_open() {
                // If PostgreSQL now reports an open transaction, the BEGIN of the transaction was not recognized, so
                // the statements of the transaction may have written.
                self.open = OpenTransaction { writes: true, ..OpenTransaction::now(cluster) };
            }
            self.open.failed = status == Status::Failed;
            self.statements.settle(status != Status::Idle);
        }
    }
}

/// Handles the answer to a ROLLBACK. If no ROLLBACK was sent, the answer is to the COMMIT of a failed transaction.
fn rolled_back(cycles: &mut Cycles, cluster: &Cluster) {
    let Some(cycle) = cycles.answered() else { return };
    cycle.commit.rolled_back = true;
    match cycle.commit.rollbacks.checked_sub(1) {
        Some(left) => cycle.commit.rollbacks = left,
        None => does_not_commit(&mut cycle.commit, cluster),
    }
}

/// Handles the failure of a cycle. A cycle that fails does not commit.
fn error(cycles: &mut Cycles, cluster: &Cluster) {
    let Some(cycle) = cycles.answered() else { return };
    cycle.failed = true;
    does_not_commit(&mut cycle.commit, cluster);
}

/// Restores the fault of a commit that does not take place.
fn does_not_commit(commit: &mut Commit, cluster: &Cluster) {
    if std::mem::take(&mut commit.cut) {
        cluster.faults.restore(Fault::CutAfterCommit(1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::limits::{Limit, Limits};
    use crate::oc001::Oc001;
    use crate::rules::statement::parsed;
    use crate::seal::SealKey;

    struct Observed {
        transaction: Transaction,
        cycles: Cycles,
        cluster: Cluster,
    }

    impl Observed {
        fn new() -> Observed {
            let clock = Arc::new(Clock::ahead(Duration::ZERO));
            let seal_key = Arc::new(SealKey::random().unwrap());
            let limits = Limits::of(&[Limit::Age(60)]);
            let cluster = Cluster::new(limits, Oc001::default(), seal_key, clock, Arc::new(|_| {}));
            let (transaction, cycles) = (Transaction::new(&cluster), Cycles::of_a_login());
            let mut observed = Observed { transaction, cycles, cluster };
            observed.event(TransactionEvent::Ready(Status::Idle));
            observed
        }

        fn event(&mut self, event: TransactionEvent<'_>) -> Option<Rejection> {
            self.transaction.observe(event, &mut self.cycles, &self.cluster)
        }

        /// Sends a simple query of one statement. Returns the message of the statement's rejection.
        fn send(&mut self, text: &str) -> Option<String> {
            let parsed = parsed(text).unwrap();
            self.event(TransactionEvent::Message(1));
            let rejection = self.event(TransactionEvent::Statement(parsed.only().unwrap()));
            self.cycles.ends();
            rejection.map(|rejection| match rejection {
                Rejection::Statement(rejected) => rejected.message().to_owned(),
                Rejection::Commit(rejected) => format!("COMMIT: {}", rejected.message()),
            })
        }

        /// Does the same as `send`, and then handles ReadyForQuery with this status.
        fn run(&mut self, text: &str, status: Status) -> Option<String> {
            let rejected = self.send(text);
            self.event(TransactionEvent::Ready(status));
            rejected
        }
    }

    const CONFLICT: &str = "change conflicts with another transaction (OC000)";

    #[test]
    fn commit_of_a_write_gets_the_conflict_unless_it_failed() {
        let mut observed = Observed::new();
        observed.cluster.faults.set(&[Fault::Conflict(1)]);
        for (write, fails) in [("SELECT 1", false), ("INSERT INTO t VALUES (1)", true)] {
            assert_eq!(observed.run("BEGIN", Status::Open), None);
            observed.send(write);
            if fails {
                observed.event(TransactionEvent::Error);
            }
            observed.event(TransactionEvent::Ready(if fails { Status::Failed } else { Status::Open }));
            assert_eq!(observed.run("COMMIT", Status::Idle), None, "{write}");
        }
        observed.run("BEGIN", Status::Open);
        observed.run("INSERT INTO t VALUES (1)", Status::Open);
        assert_eq!(observed.run("COMMIT", Status::Idle), Some(format!("COMMIT: {CONFLICT}")));
        observed.cluster.faults.set(&[Fault::Conflict(1)]);
        assert_eq!(observed.run("INSERT INTO t VALUES (1)", Status::Idle), Some(CONFLICT.to_owned()));
    }

    #[test]
    fn age_counts_from_the_begin_of_a_chained_transaction() {
        let mut observed = Observed::new();
        let old = Some("transaction age limit of 60s exceeded".to_owned());
        observed.run("BEGIN", Status::Open);
        observed.cluster.clock.advance(Duration::from_secs(40));
        assert_eq!(observed.run("COMMIT AND CHAIN", Status::Open), None);
        observed.cluster.clock.advance(Duration::from_secs(40));
        assert_eq!(observed.run("SELECT 1", Status::Open), None);
        observed.cluster.clock.advance(Duration::from_secs(40));
        assert_eq!(observed.run("SELECT 1", Status::Open), old);
        assert_eq!(observed.run("COMMIT", Status::Idle), old.map(|old| format!("COMMIT: {old}")));
    }

    #[test]
    fn schema_change_counts_once_committed_and_not_skipped() {
        let mut observed = Observed::new();
        let version = |observed: &Observed| observed.cluster.catalog.newest();
        observed.send("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS b int");
        observed.event(TransactionEvent::Skipped);
        observed.event(TransactionEvent::Ready(Status::Idle));
        assert_eq!(version(&observed), 1);
        observed.send("DROP TABLE IF EXISTS t");
        observed.event(TransactionEvent::Skipped);
        observed.event(TransactionEvent::Ready(Status::Idle));
        observed.send("DROP TABLE t");
        observed.event(TransactionEvent::Error);
        observed.event(TransactionEvent::Ready(Status::Idle));
        observed.run("BEGIN", Status::Open);
        observed.run("DROP TABLE t", Status::Open);
        assert_eq!(version(&observed), 1);
        observed.send("ROLLBACK");
        observed.event(TransactionEvent::RolledBack);
        observed.event(TransactionEvent::Ready(Status::Idle));
        assert_eq!(version(&observed), 1);
        observed.run("BEGIN", Status::Open);
        observed.run("DROP TABLE t", Status::Open);
        observed.run("COMMIT", Status::Idle);
        assert_eq!(version(&observed), 2);
    }
}
