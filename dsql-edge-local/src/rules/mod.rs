//! DSQL's statement rules on a session; the tables of rules are the compiler's, which `sql!` uses too.
//!
//! Input: a client's messages and PostgreSQL's, one by one. Output: the messages for the other side. A statement that
//! DSQL rejects is replaced by one that PostgreSQL rejects at the same point, and PostgreSQL's error by DSQL's: so
//! PostgreSQL itself skips to Sync, aborts the transaction, and orders the errors of a message. A statement that our
//! parser cannot read passes: PostgreSQL's error is the right one.

mod answer;
pub(crate) mod catalog;
mod catalog_copy;
mod checks;
mod client_message;
mod copy_in;
mod cycle;
mod encoding;
mod extended_query;
mod message;
mod own_objects;
mod prepared;
mod rejected;
mod replacement;
mod show;
mod simple_query;
mod statement;
mod transaction;
mod wait;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use dsql_edge_compiler::dsql::Transactions;

pub(crate) use answer::parameter_status;
use catalog_copy::CatalogCopy;
use copy_in::CopyIn;
use cycle::Cycles;
use encoding::Encoding;
use prepared::{Known, Statements};
use rejected::StatementRejected;
pub(crate) use statement::for_postgres;
use transaction::Open;
pub(crate) use transaction::settings;

use crate::catalog_version::SchemaChange;
use crate::cluster::Cluster;
use crate::proxy::frame::Frame;

/// One session's state.
pub(crate) struct Session {
    transactions: Transactions,
    /// How the client's texts are encoded.
    encoding: Encoding,
    /// The session may have changed its encoding, or may do so: PostgreSQL's answers decide.
    changes_encoding: bool,
    /// The COPY FROM STDIN that is under way.
    copy_in: CopyIn,
    statements: Statements,
    /// Those that have been bound, with their statements.
    portals: HashMap<Vec<u8>, Known>,
    refusals: HashMap<u32, StatementRejected>,
    number: u32,
    /// The cycles that PostgreSQL has not answered yet.
    cycles: Cycles,
    /// The transaction between BEGIN and its end.
    open: Option<Open>,
    /// A schema change that has been answered, and not committed yet.
    change: Option<SchemaChange>,
    /// The connection is to end, without an error.
    ends: bool,
    /// It ends in place of a commit: once all that was sent before is answered.
    cut_before_commit: bool,
    catalog: CatalogCopy,
    /// The command tag for the next CommandComplete.
    tag: Option<&'static str>,
    last_job: Option<Instant>,
    cluster: Arc<Cluster>,
}

impl Session {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Session {
        Session {
            catalog: CatalogCopy::new(cluster.oc001, &cluster.catalog),
            cluster,
            transactions: Transactions::new(),
            encoding: Encoding::Utf8,
            // The startup may set one, which PostgreSQL reports with the login's answer.
            changes_encoding: true,
            copy_in: CopyIn::None,
            statements: Statements::of_a_login(),
            portals: HashMap::new(),
            refusals: HashMap::new(),
            number: 0,
            cycles: Cycles::of_a_login(),
            open: None,
            change: None,
            ends: false,
            cut_before_commit: false,
            tag: None,
            last_job: None,
        }
    }

    /// Whether a transaction is open, or an answer is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.open.is_some() || !self.cycles.none()
    }

    /// Whether the connection is to end now, without an error.
    pub(crate) fn ends(&self) -> bool {
        self.ends || self.cut_before_commit && self.cycles.nothing_owed()
    }

    /// Whether PostgreSQL gets neither the last message nor any later one.
    pub(crate) fn sends_no_more(&self) -> bool {
        self.cut_before_commit || self.ends
    }

    /// Whether the client gets nothing of what PostgreSQL now answers.
    pub(crate) fn is_cut_after_commit(&mut self) -> bool {
        self.cycles.answered().is_some_and(|cycle| cycle.cut)
    }

    /// PostgreSQL reports a setting.
    pub(crate) fn reported(&mut self, frame: &Frame) {
        let mut parts = frame.body().split(|byte| *byte == 0);
        if frame.tag() == Some(b'S') && parts.next() == Some(b"client_encoding") {
            let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            self.encoding = Encoding::named(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limits::Limits;
    use crate::oc001::Oc001;

    fn session() -> Session {
        let seal_key = Arc::new(crate::seal::SealKey::random().unwrap());
        let clock = Arc::new(crate::clock::Clock::ahead(Duration::ZERO));
        Session::new(Arc::new(Cluster::new(
            Limits::of(&[]),
            Oc001::default(),
            seal_key,
            clock,
            Arc::new(|_| {}),
        )))
    }

    fn parse(name: &str, sql: &str) -> Frame {
        Frame { bytes: message::parse_of(name.as_bytes(), sql.as_bytes(), &[0, 0]) }
    }

    #[test]
    fn what_is_allowed_passes_as_it_came() {
        let mut session = session();
        for sql in
            ["SELECT 1", "BEGIN; INSERT INTO t VALUES ('TRUNCATE'); COMMIT", "", "SELECT /* ' */ $1", "SELEC"]
        {
            let query = message::query_of(sql.as_bytes());
            assert_eq!(session.client_message(Frame { bytes: query.clone() }, None), query, "{sql}");
            let parse = message::parse_of(b"s", sql.as_bytes(), &[0, 1, 0, 0, 0, 23]);
            assert_eq!(session.client_message(Frame { bytes: parse.clone() }, None), parse, "{sql}");
        }
    }

    #[test]
    fn an_error_that_we_caused_is_answered_once() {
        let mut session = session();
        let sent = session.client_message(parse("", "VACUUM"), None);
        assert_eq!(sent, message::parse_of(b"", b"SELECT dsql_local_refusal_1", &[0, 0]));
        let error = |number: u32| Frame {
            bytes: message::message(
                b'E',
                &[
                    b"SERROR\0C42703\0M",
                    format!("column \"dsql_local_refusal_{number}\" does not exist").as_bytes(),
                    b"\0\0",
                ],
            ),
        };
        let answer = session.postgres_message(error(1));
        assert_eq!(answer[5..], *b"SERROR\0VERROR\0C0A000\0Munsupported VACUUM statement\0\0");
        // What a client makes up itself is PostgreSQL's.
        assert_eq!(session.postgres_message(error(1)), error(1).bytes);
        assert_eq!(session.postgres_message(error(9)), error(9).bytes);
    }

    #[test]
    fn no_cut_or_change_of_a_message_panics() {
        let whole = [
            message::query_of(b"CREATE INDEX ASYNC i ON t (a); TRUNCATE t"),
            message::parse_of(b"s", b"ALTER TABLE ASYNC t VALIDATE CONSTRAINT c", &[0, 0]),
            message::message(b'B', &[b"p\0s\0\0\0\0\0\0\0"]),
            message::message(b'E', &[b"p\0\0\0\0\0"]),
            message::message(b'C', &[b"Ss\0"]),
            message::message(b'T', &[&[0, 1], b"dsql_local_create_index\0\0"]),
            message::message(b'Z', &[b"T"]),
        ];
        for bytes in whole {
            for at in 0..bytes.len() {
                let mut session = session();
                session.client_message(Frame { bytes: bytes[..at].to_vec() }, None);
                session.postgres_message(Frame { bytes: bytes[..at].to_vec() });
                for byte in [0, b'\'', b'(', 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] = byte;
                    session.client_message(Frame { bytes: changed.clone() }, None);
                    session.postgres_message(Frame { bytes: changed });
                }
            }
        }
    }
}
