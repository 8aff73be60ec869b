//! Checks which statements a transaction contains: DSQL accepts one DDL statement per transaction, and does not accept
//! DDL together with DML.
//!
//! Input: the statements of one session, in order. Output: the rule that the next statement breaks. A finding does not
//! end the transaction. If the server rejects a statement, a caller that receives the server's answers calls
//! [`Transactions::failed`]. A linter has no answers; it continues as if a new transaction had begun before the
//! statement that breaks the rule.

use super::Finding;
use super::inside::{self, Copied};
use super::rule::rules;
use super::words::Words;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{AlterAction, ConstraintKind, Statement, StatementKind, TransactionStatement};

rules! {
    /// Rules about several statements.
    TRANSACTIONS;
    // rule                         what is rejected                                      SQLSTATE  DSQL's words
    // known by     alternative
    multi_ddl_transaction:          "a second DDL statement, GRANT or REVOKE in a transaction"    | "0A000" | "multiple ddl statements not supported in a transaction"                                      | Recorded   | "COMMIT after each; several statements in one message are also one transaction";
    mixed_ddl_dml_transaction:      "DDL and DML in a transaction"                      | "0A000" | "ddl and dml are not supported in the same transaction"                                       | Recorded   | "COMMIT in between; several statements in one message are also one transaction";
    aborted_transaction:            "a statement after an error in a transaction"          | "25P02" | "current transaction is aborted, commands ignored until end of transaction block"             | Recorded   | "ROLLBACK, and run the transaction again from its beginning";
    index_not_valid:                "UNIQUE USING INDEX before the index is built"      | "55000" | "index \"{}\" is not valid"                                                                   | Recorded   | "CALL sys.wait_for_job with the job_id that CREATE INDEX ASYNC returned, then add the constraint";
}

/// The state of the current transaction of a session, after the statements so far.
#[derive(Clone, Debug, Default)]
pub struct Transactions {
    /// Whether the session is between BEGIN and COMMIT.
    open: bool,
    /// Whether several statements of one message share a transaction without BEGIN.
    implicit: bool,
    ddl: bool,
    dml: bool,
    aborted: bool,
    /// The unique indexes that a job of this session may still be building: the session has not waited for the job.
    building: Vec<String>,
}

/// The role of a statement in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `BEGIN`, `START TRANSACTION`
    Begin,
    /// `COMMIT`, `END`, `ROLLBACK`, `ABORT`, with or without `AND CHAIN`
    End,
    /// A statement that changes the catalog: `CREATE`, `ALTER`, `DROP`, `GRANT` …
    Ddl,
    /// A statement that changes rows.
    Dml,
    /// Any other statement.
    Other,
}

/// Returns the role of a statement in its transaction. COPY into a table writes. `COPY (query) TO` and EXPLAIN ANALYZE
/// have the role of the statement that they run.
pub fn part(statement: ParsedStatement<'_>) -> Part {
    match &statement.kind {
        StatementKind::Utility("COPY") if is_copy_from(statement) => Part::Dml,
        StatementKind::Utility("COPY" | "EXPLAIN") => match inside::run(statement) {
            Some(inner) => inner.statements.first().map_or(Part::Other, by_itself),
            None => Part::Other,
        },
        _ => by_itself(statement.tree),
    }
}

/// Whether a statement is COPY into a table.
pub fn is_copy_from(statement: ParsedStatement<'_>) -> bool {
    matches!(statement.kind, StatementKind::Utility("COPY"))
        && matches!(inside::copied(statement), Some(Copied::Into(_)))
}

fn by_itself(statement: &Statement) -> Part {
    match &statement.kind {
        StatementKind::Insert(_)
        | StatementKind::Update(_)
        | StatementKind::Delete(_)
        | StatementKind::Merge(_) => Part::Dml,
        StatementKind::Query(query) if writes(query) => Part::Dml,
        StatementKind::Query(_) | StatementKind::Set(_) => Part::Other,
        StatementKind::Transaction(TransactionStatement::Begin) => Part::Begin,
        StatementKind::Transaction(
            TransactionStatement::Commit { .. } | TransactionStatement::Rollback { .. },
        ) => Part::End,
        StatementKind::Transaction(_) => Part::Other,
        StatementKind::Utility(words) => match *words {
            "GRANT" | "REVOKE" | "COMMENT" | "AWS IAM" | "REASSIGN OWNED" | "SECURITY LABEL" => Part::Ddl,
            words if words.starts_with("CREATE ") || words.starts_with("ALTER ") => Part::Ddl,
            _ => Part::Other,
        },
        _ => Part::Ddl,
    }
}

/// Whether a statement is a COMMIT after which no transaction is open.
pub fn is_last_commit(statement: &Statement) -> bool {
    matches!(statement.kind, StatementKind::Transaction(TransactionStatement::Commit { chain: false }))
}

/// Whether the statement ends a transaction and begins the next transaction (`AND CHAIN`).
pub fn chains(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::Transaction(
            TransactionStatement::Commit { chain: true } | TransactionStatement::Rollback { chain: true }
        )
    )
}

/// Whether a `WITH` of the query writes.
fn writes(query: &crate::syntax::ast::Query) -> bool {
    query.with.iter().flat_map(|with| &with.ctes).any(|cte| by_itself(&cte.statement) == Part::Dml)
}

impl Transactions {
    /// Returns the state of a new session.
    pub fn new() -> Transactions {
        Transactions::default()
    }

    /// Records that a message with this number of statements begins.
    pub fn message(&mut self, statements: usize) {
        self.implicit = statements > 1 && !self.open;
        if !self.open {
            (self.ddl, self.dml) = (false, false);
        }
    }

    /// Records that the previous statement failed. After this, an open transaction accepts only COMMIT, ROLLBACK and
    /// ROLLBACK TO.
    pub fn failed(&mut self) {
        self.aborted = self.open;
        if !self.open {
            (self.ddl, self.dml) = (false, false);
        }
    }

    /// Records whether the session is between `BEGIN` and `COMMIT`, as the server reports it.
    pub fn settle(&mut self, open: bool) {
        if self.open != open {
            let building = std::mem::take(&mut self.building);
            *self = Transactions { open, building, ..Transactions::default() };
        }
    }

    /// Records that the jobs of all indexes have completed.
    pub fn built(&mut self) {
        self.building.clear();
    }

    /// Whether the session is between `BEGIN` and `COMMIT`.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Returns a finding if the next statement breaks a rule after the statements so far.
    pub fn next(&mut self, statement: ParsedStatement<'_>) -> Option<Finding> {
        let span = statement.span;
        let part = part(statement);
        let is_rollback_to =
            matches!(statement.kind, StatementKind::Transaction(TransactionStatement::RollbackTo(_)));
        if self.aborted && part != Part::End && !is_rollback_to {
            return Some(aborted_transaction.at(span));
        }
        match part {
            Part::Begin => {
                if !self.open {
                    (self.ddl, self.dml) = (false, false);
                }
                (self.open, self.implicit) = (true, false);
                None
            }
            Part::End => {
                let building = std::mem::take(&mut self.building);
                *self = Transactions { open: chains(&statement), building, ..Transactions::default() };
                None
            }
            Part::Ddl => {
                let rule = if self.ddl {
                    Some(&multi_ddl_transaction)
                } else if self.dml {
                    Some(&mixed_ddl_dml_transaction)
                } else {
                    None
                };
                (self.ddl, self.dml) = (self.open || self.implicit, false);
                self.index(statement.tree).or_else(|| rule.map(|rule| rule.at(span)))
            }
            Part::Dml => {
                let mixed = self.ddl;
                (self.ddl, self.dml) = (false, self.open || self.implicit);
                mixed.then(|| mixed_ddl_dml_transaction.at(span))
            }
            Part::Other => {
                // A script can wait for a job with CALL, or by reading `sys.jobs`.
                let waits = matches!(statement.kind, StatementKind::Utility("CALL"))
                    || Words::of(statement).has("SYS . JOBS");
                if waits {
                    self.building.clear();
                }
                None
            }
        }
    }

    /// Checks that the index of a new constraint is not still being built.
    fn index(&mut self, statement: &Statement) -> Option<Finding> {
        match &statement.kind {
            StatementKind::CreateIndex(index) if index.asynchronous && index.unique => {
                self.building.extend(index.name.as_ref().map(|name| name.text.clone()));
                None
            }
            StatementKind::AlterTable(alter) => alter.actions.iter().find_map(|action| {
                let AlterAction::AddConstraint(constraint) = action else { return None };
                let ConstraintKind::Unique(key) = &constraint.kind else { return None };
                let index = key.index.as_ref().filter(|index| self.building.contains(&index.text))?;
                Some(index_not_valid.naming(index.span, &index.text))
            }),
            _ => None,
        }
    }
}
