//! Rejects statements that control a transaction, because only the runtime may send such statements.
//!
//! Input: a statement's tree and its tokens. Output: the error, with a hint about `dsql.transaction`, if the statement
//! begins, ends or changes a transaction, or runs a body that may do so.
//!
//! `dsql.transaction` determines from the statements that it sent whether a transaction is open, committed or rolled
//! back. A COMMIT inside the closure commits changes. The transaction may later report these changes as not executed,
//! or a retry may make them a second time. `SET TRANSACTION READ WRITE` makes writes possible inside `.read_only()`.
//! The runtime ends a read-only transaction with ROLLBACK, so the writes are lost without an error. A DO block or a
//! procedure may COMMIT halfway: a later conflict then undoes only the second half, so a retry of the statement would
//! apply the first half twice.

use crate::diagnostic::{Code, Diagnostic};
use crate::dsql::Words;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{StatementKind, TransactionStatement};

/// Whether a setting belongs to the current transaction: any statement that changes such a setting changes it for this
/// transaction only.
pub(crate) fn is_transaction_setting(name: &str) -> bool {
    ["transaction_isolation", "transaction_read_only", "transaction_deferrable"]
        .iter()
        .any(|setting| setting.eq_ignore_ascii_case(name))
}

/// Returns the error for a statement that controls a transaction.
pub fn error(statement: ParsedStatement<'_>) -> Option<Diagnostic> {
    let controls = |command: &str| format!("{command} controls a transaction; a query must not do this");
    let (message, hint) = match &statement.kind {
        StatementKind::Transaction(kind) => (controls(&command(statement)), advice(kind)),
        StatementKind::Utility("SET TRANSACTION") => (controls("SET TRANSACTION"), CHARACTERISTICS),
        StatementKind::Set(set) if is_transaction_setting(&set.name) => {
            (controls("SET TRANSACTION"), CHARACTERISTICS)
        }
        // A CALL of `sys.wait_for_job`, a procedure of DSQL, does not commit.
        StatementKind::Utility("CALL")
            if Words::of(statement).begin_with("CALL SYS . WAIT_FOR_JOB").is_some() =>
        {
            return None;
        }
        StatementKind::Utility(command @ ("DO" | "CALL")) => (
            format!("{command} runs a body that can commit before its end; a query must not do this"),
            match *command {
                "CALL" => {
                    "run its statements in dsql.transaction(async move |tx| …), or write the body in SQL, or in PL/pgSQL without COMMIT, ROLLBACK, CALL, DO and EXECUTE"
                }
                _ => "run its statements in dsql.transaction(async move |tx| …)",
            },
        ),
        _ => return None,
    };
    Some(Diagnostic::error(Code::TransactionControl, statement.span, message).with_hint(hint))
}

/// Returns the command words of a statement that controls a transaction, in capitals. Synonyms stay as the user wrote
/// them: `END`, `START TRANSACTION`.
pub fn command(statement: ParsedStatement<'_>) -> String {
    match Words::of(statement).first_two() {
        (first @ ("START" | "PREPARE"), second) => format!("{first} {second}"),
        (first, _) => first.to_owned(),
    }
}

/// Returns the error for `set_config('transaction_read_only', …)`.
pub(crate) fn setting_error(name: &str, span: crate::source::Span) -> Diagnostic {
    let message = format!("\"{name}\" belongs to the transaction, which a query must not control");
    Diagnostic::error(Code::TransactionControl, span, message).with_hint(CHARACTERISTICS)
}

const CHARACTERISTICS: &str =
    "every transaction is REPEATABLE READ; dsql.transaction(…).read_only() makes one read-only";

/// Returns the advice: the alternative to sending the statement.
fn advice(statement: &TransactionStatement) -> &'static str {
    match statement {
        TransactionStatement::Begin
        | TransactionStatement::Commit { .. }
        | TransactionStatement::CommitPrepared => {
            "run the statements in dsql.transaction(async move |tx| …), which sends BEGIN and COMMIT"
        }
        TransactionStatement::Rollback { .. }
        | TransactionStatement::RollbackTo(_)
        | TransactionStatement::RollbackPrepared => {
            "run the statements in dsql.transaction(async move |tx| …), which rolls back when the closure returns an error"
        }
        TransactionStatement::Savepoint(_) | TransactionStatement::Release(_) => {
            "run this part in its own transaction with dsql.transaction(…): the runtime has no savepoints"
        }
        TransactionStatement::PrepareTransaction => {
            "run the statements in dsql.transaction(async move |tx| …): the runtime has no two-phase commit"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::syntax::Parsed;

    fn is_refused(sql: &str) -> bool {
        let source = Source::numbered(sql);
        error(Parsed::script(&source).unwrap().only().unwrap()).is_some()
    }

    #[test]
    fn every_form_of_transaction_control_is_rejected() {
        for sql in [
            "BEGIN",
            "begin work isolation level repeatable read",
            "START TRANSACTION READ ONLY",
            "COMMIT",
            "COMMIT AND CHAIN",
            "COMMIT PREPARED 'a'",
            "END",
            "ROLLBACK",
            "ROLLBACK TO SAVEPOINT a",
            "ROLLBACK PREPARED 'a'",
            "ABORT",
            "SAVEPOINT a",
            "RELEASE a",
            "PREPARE TRANSACTION 'a'",
            "SET TRANSACTION READ WRITE",
            "SET LOCAL transaction_read_only = off",
            "SET Transaction_Isolation TO 'serializable'",
            "DO 'BEGIN COMMIT; END'",
            "CALL p()",
            "CALL app.wait_for_job('x')",
        ] {
            assert!(is_refused(sql), "{sql}");
        }
    }

    #[test]
    fn statements_without_transaction_control_pass() {
        for sql in [
            "SELECT 1",
            "PREPARE a AS SELECT 1",
            "PREPARE transaction AS SELECT 1",
            "SET search_path = app",
            "SET LOCAL timezone = 'UTC'",
            "SET CONSTRAINTS ALL DEFERRED",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "CALL sys.wait_for_job('abc')",
            "DEALLOCATE ALL",
        ] {
            assert!(!is_refused(sql), "{sql}");
        }
    }
}
