//! Makes `FOR UPDATE` a write, as on DSQL: before the COMMIT of a transaction that has locked rows, PostgreSQL runs a
//! procedure that writes these rows. `postgres/locked_rows.sql` has the procedure, and the reasons.
//!
//! Input: the statements of a transaction. Output: the call of the procedure, in front of the COMMIT. The client gets
//! no answer to the call. As long as the statements of a transaction are not answered, it is not known whether the
//! transaction has failed. So a statement after `FOR UPDATE` waits for the answers to earlier cycles (`wait`).
//!
//! A statement that commits by itself is left out: its lock ends together with its snapshot.

use dsql_edge_compiler::syntax::ParsedStatement;

use super::cycle::Sent;
use super::{Session, message};

const CALL: &str = "CALL pg_catalog.dsql_local_write_locked_rows()";

/// The name of dsql-local's own statement and portal.
const NAME: &[u8] = b"dsql_local_locked_rows";

impl Session {
    /// The text that is sent instead of a COMMIT, if its transaction has locked rows.
    pub(super) fn with_locked_rows_before(&mut self, commit: ParsedStatement<'_>) -> Option<String> {
        self.takes_locked_rows().then(|| format!("{CALL}; {}", commit.span.text(commit.text)))
    }

    /// The messages that are sent before the Execute of a COMMIT, if its transaction has locked rows. The client may
    /// have bound its COMMIT to the unnamed portal, so the call of the procedure uses a separate portal.
    pub(super) fn call_before_commit(&mut self) -> Vec<u8> {
        if !self.takes_locked_rows() {
            return Vec::new();
        }
        for _ in 0..3 {
            self.cycles.sends(Sent::Own);
        }
        let (close, parse) = (message::close_of(NAME), message::parse_of(NAME, CALL.as_bytes(), &[0, 0]));
        [close, parse, message::bind_of(NAME, NAME), message::execute_all(NAME)].concat()
    }

    fn takes_locked_rows(&mut self) -> bool {
        self.cycles.is_open() && std::mem::take(&mut self.cycles.current().commit.of_locked_rows)
    }
}
