//! The statement that PostgreSQL gets in place of a rejected one, and rejects in its turn.
//!
//! Input: DSQL's answer. Output: a statement with a number in it; later, the answer for PostgreSQL's error with the
//! number.

use super::rejected::StatementRejected;
use super::{Session, message};

/// The column of the statement, with the number behind: no table has it.
const MARK: &str = "dsql_local_refusal_";

/// PostgreSQL accepts names of prepared transactions below 200 bytes.
const LONGEST_NAME: usize = 200;

impl Session {
    /// A statement that PostgreSQL rejects, in the place of one that DSQL rejects.
    pub(super) fn mark(&mut self, refused: StatementRejected) -> String {
        self.number = self.number.wrapping_add(1);
        self.refusals.insert(self.number, refused);
        format!("SELECT {MARK}{}", self.number)
    }

    /// A statement that ends the transaction as a COMMIT that fails does: PostgreSQL prepares it, which fires what is
    /// deferred, and finds the name too long at the last moment.
    pub(super) fn mark_commit(&mut self, refused: StatementRejected) -> String {
        let mark = self.mark(refused);
        let name = mark.strip_prefix("SELECT ").unwrap_or_default();
        format!("PREPARE TRANSACTION '{name}_{:0>width$}'", 0, width = LONGEST_NAME)
    }

    /// A message that fails with this in place of another. Its name is ours, so that the client's statements stay.
    pub(super) fn instead_of_message(&mut self, refused: StatementRejected) -> Vec<u8> {
        let mark = self.mark(refused);
        message::parse_of(&self.own_name(), mark.as_bytes(), &[0, 0])
    }

    pub(super) fn own_name(&self) -> Vec<u8> {
        format!("dsql_local_{}", self.number).into_bytes()
    }

    /// DSQL's answer for an error: `column "dsql_local_refusal_7" does not exist`, or of a COMMIT
    /// `transaction identifier "dsql_local_refusal_7_000…" is too long`.
    pub(super) fn caused(&mut self, fields: &[u8]) -> Option<StatementRejected> {
        let said = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
        let said = std::str::from_utf8(said).ok()?;
        let statement =
            || said.strip_prefix("column \"")?.strip_prefix(MARK)?.strip_suffix("\" does not exist");
        let commit = || {
            let name = said.strip_prefix("transaction identifier \"")?.strip_suffix("\" is too long")?;
            name.strip_prefix(MARK)?.split_once('_').map(|(number, _)| number)
        };
        let number = statement().or_else(commit)?;
        self.refusals.remove(&number.parse().ok()?)
    }
}
