//! The replacement that is sent to PostgreSQL instead of a rejected statement: PostgreSQL rejects the replacement, too.
//!
//! Input: DSQL's answer. Output: a statement that contains a number. Later, PostgreSQL's error contains the same
//! number, and this module returns DSQL's answer with that number.
//!
//! # A COMMIT that must fail
//!
//! DSQL finds conflicts at COMMIT: the COMMIT fails, nothing is applied, and the session is idle again. PostgreSQL's
//! COMMIT does not fail on request. `PREPARE TRANSACTION` with a name of 200 bytes fails, at the point where a COMMIT
//! would write its record:
//!
//! 1. Like COMMIT, PostgreSQL runs deferred constraints first. If a constraint fails, its error is returned
//!    (`PrepareTransaction` in `xact.c` of PostgreSQL 16).
//! 2. Then PostgreSQL rejects the name, before all other checks (`MarkAsPreparing` in `twophase.c`: `GIDSIZE` is 200),
//!    even if `max_prepared_transactions` is 0.
//! 3. The error ends the transaction, like the error of a COMMIT: ReadyForQuery has the status `I`.
//! 4. In a transaction that has already failed, the answer is `ROLLBACK`, like the answer to a COMMIT, and the number
//!    is not used.
//!
//! The trace of a conflict on request, on the simple protocol (`>` to PostgreSQL, `<` to the client):
//!
//! ```text
//! client      Q  COMMIT
//! dsql-local  >  Q  PREPARE TRANSACTION 'dsql_local_rejected_7_000…0'
//! PostgreSQL  E  22023  transaction identifier "dsql_local_rejected_7_000…0" is too long
//! dsql-local  <  E  40001  change conflicts with another transaction (OC000)
//! PostgreSQL  Z  I
//! dsql-local  <  Z  I
//! ```
//!
//! On the extended protocol, the client has already parsed and bound `COMMIT`. The client's Execute becomes Parse, Bind
//! and Execute of the replacement; the client does not get the ParseComplete and BindComplete of the replacement
//! (`Sent::Own`).
//!
//! A rejected design: a SELECT of a missing column followed by ROLLBACK. The failing SELECT leaves the session in a
//! failed transaction (`E`). dsql-local would have to answer a ReadyForQuery itself. The statements after COMMIT in the
//! same message or pipeline would not run as they do in DSQL. Another rejected design: a deferred trigger that raises
//! the error. A deferred trigger runs only for a written row, and a READ ONLY transaction cannot write a row.

use super::cycle::Sent;
use super::rejected::StatementRejected;
use super::{Session, message};

/// The beginning of a name in each replacement; the rest of the name is a number. No table has a column with such a
/// name.
const MARK: &str = "dsql_local_rejected_";

/// PostgreSQL rejects the name of a prepared transaction that has this number of bytes or more (`GIDSIZE`).
const TOO_LONG_NAME: usize = 200;

impl Session {
    /// Returns a statement that PostgreSQL rejects. dsql-local sends this statement in place of the client's statement,
    /// which DSQL would reject.
    pub(super) fn mark(&mut self, rejected: StatementRejected) -> String {
        let number = self.keep(rejected);
        self.cycles.current().rejected.get_or_insert(number);
        format!("SELECT {MARK}{number}")
    }

    /// Returns a statement to send in place of a COMMIT. The returned statement ends the transaction in the same way as
    /// a COMMIT that fails. PostgreSQL does not always reject this statement. So, unlike `mark`, this
    /// function does not record a rejection in the cycle, and a later statement of the cycle can get its own rejection.
    pub(super) fn mark_commit(&mut self, rejected: StatementRejected) -> String {
        let number = self.keep(rejected);
        format!("PREPARE TRANSACTION '{MARK}{number}_{:0>width$}'", 0, width = TOO_LONG_NAME)
    }

    /// Keeps DSQL's answer until PostgreSQL rejects the statement with the returned number. PostgreSQL skips from the
    /// statement of `mark` to Sync, so the cycle keeps no answer after that of `mark`, for any number of statements.
    fn keep(&mut self, rejected: StatementRejected) -> u32 {
        let cycle = self.cycles.current();
        let skipped = cycle.rejected.or(cycle.failed.then_some(self.number));
        if let Some(number) = skipped {
            rejected.fault().into_iter().for_each(|fault| self.cluster.faults.restore(fault));
            return number;
        }
        self.number = self.number.wrapping_add(1);
        self.rejections.insert(self.number, rejected);
        self.number
    }

    /// Returns a Parse to send in place of the client's message; the Parse fails with the answer `rejected`. The
    /// Parse uses a statement name of dsql-local, so that the client's prepared statements are kept.
    pub(super) fn instead_of_message(&mut self, rejected: StatementRejected) -> Vec<u8> {
        let mark = self.mark(rejected);
        message::parse_of(&self.own_name(), mark.as_bytes(), &[0, 0])
    }

    /// Returns Parse, Bind and Execute of the statement `sql`, to send in place of the client's Execute.
    pub(super) fn instead_of_execute(&mut self, sql: &str) -> Vec<u8> {
        self.number = self.number.wrapping_add(1);
        let name = self.own_name();
        for _ in 0..2 {
            self.cycles.sends(Sent::Own);
        }
        let parse = message::parse_of(&name, sql.as_bytes(), &[0, 0]);
        [parse, message::bind_of(b"", &name), message::execute_all(b"")].concat()
    }

    fn own_name(&self) -> Vec<u8> {
        format!("dsql_local_{}", self.number).into_bytes()
    }

    /// DSQL's answer for an error `column "dsql_local_rejected_7" does not exist`, or for a COMMIT
    /// `transaction identifier "dsql_local_rejected_7_000…" is too long`.
    pub(super) fn caused(&mut self, fields: &[u8]) -> Option<StatementRejected> {
        let message = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
        let message = std::str::from_utf8(message).ok()?;
        let statement =
            || message.strip_prefix("column \"")?.strip_prefix(MARK)?.strip_suffix("\" does not exist");
        let commit = || {
            let name = message.strip_prefix("transaction identifier \"")?.strip_suffix("\" is too long")?;
            name.strip_prefix(MARK)?.split_once('_').map(|(number, _)| number)
        };
        let number = statement().or_else(commit)?;
        self.rejections.remove(&number.parse().ok()?)
    }
}
