//! The prepared statements that a session has in PostgreSQL.
//!
//! Input: Parse, Close and their answers. Output: the statement to which a Bind refers. Up to the next Sync, a message
//! counts as successful once it is sent: if the message fails, PostgreSQL skips the messages after it. After that Sync,
//! the message counts as successful only once it is answered.

use super::Session;
use super::cycle::Sent;
use super::statement::PreparedStatement;

/// The maximum number of prepared statements in a session.
const MOST: usize = 100_000;

impl Session {
    /// Whether the session has the maximum number of prepared statements.
    pub(super) fn has_most_statements(&self) -> bool {
        self.statements.len() + self.cycles.len() >= MOST
    }

    /// Handles ParseComplete, BindComplete or CloseComplete. Returns true if PostgreSQL answers a message of the
    /// client, and false if it answers a message that dsql-local has added.
    pub(super) fn completes(&mut self) -> bool {
        match self.cycles.completes() {
            Some(Sent::Parse(name, prepared)) => drop(self.statements.insert(name, prepared)),
            Some(Sent::Close(name)) => drop(self.statements.remove(&name)),
            Some(Sent::Own) => return false,
            Some(Sent::Bind | Sent::ClosePortal) | None => {}
        }
        true
    }

    /// The statement that a Bind of this name uses, if PostgreSQL accepts the Bind.
    pub(super) fn statement_of(&self, name: &[u8]) -> PreparedStatement {
        match self.cycles.last_about(name) {
            Some(last) => last.parsed.cloned().flatten(),
            None => self.statements.get(name).cloned().flatten(),
        }
    }

    /// Whether PostgreSQL's answers decide which statement a Bind of this name uses. Two conditions must hold: the last
    /// message about the name is before a Sync and may be skipped, and another statement of that name exists or was
    /// sent before.
    pub(super) fn is_uncertain(&self, name: &[u8]) -> bool {
        let several = |follows_another| follows_another || self.statements.contains_key(name);
        self.cycles.last_about(name).is_some_and(|last| last.before_sync && several(last.follows_another))
    }
}
