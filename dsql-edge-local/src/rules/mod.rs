//! Applies DSQL's statement rules to a session. The tables of rules are in the compiler, and `sql!` uses the same
//! tables.
//!
//! Input: a client's messages and PostgreSQL's messages, one by one. Output: the messages for the other side. A
//! statement that DSQL rejects is replaced by a statement that PostgreSQL rejects at the same point, and PostgreSQL's
//! error is replaced by DSQL's error. So PostgreSQL itself skips to Sync, aborts the transaction, and sends the errors
//! of a message in the right order. A statement that our parser cannot read is forwarded, because PostgreSQL's own
//! error is then the correct answer.

mod answer;
pub(crate) mod catalog;
mod catalog_copy;
mod checks;
mod client_message;
mod copy_in;
mod cycle;
mod encoding;
mod extended_query;
mod locked_rows;
mod message;
mod own_objects;
mod place;
mod postgres_error;
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

pub(crate) use answer::parameter_status;
use copy_in::CopyIn;
use cycle::Cycles;
use encoding::Encoding;
pub(crate) use postgres_error::settings;
use rejected::StatementRejected;
use statement::PreparedStatement;
pub(crate) use statement::for_postgres;
use transaction::{Rejection, Transaction, TransactionEvent};

use crate::cluster::Cluster;
use crate::proxy::frame::Frame;

/// The state of a session.
pub(crate) struct Session {
    /// The encoding of the client's SQL.
    encoding: Encoding,
    /// Whether the encoding may differ from `encoding`. True at the startup, unless the client sets UTF-8 there, and
    /// after a statement that may change the encoding. Becomes false once PostgreSQL has answered all messages, if the
    /// encoding is then UTF-8 and no transaction is open.
    changes_encoding: bool,
    /// The COPY FROM STDIN that is running.
    copy_in: CopyIn,
    /// The prepared statements whose Parse PostgreSQL has answered.
    statements: HashMap<Vec<u8>, PreparedStatement>,
    /// The portals, with their statements.
    portals: HashMap<Vec<u8>, PreparedStatement>,
    /// The messages that PostgreSQL has not answered.
    cycles: Cycles,
    transaction: Transaction,
    /// DSQL's answer to each rejected statement or COMMIT. PostgreSQL gets another statement instead, which contains
    /// a number; this number is the key.
    rejections: HashMap<u32, StatementRejected>,
    /// The last number that was used: as a key of `rejections`, or in the name of a statement of dsql-local.
    number: u32,
    /// Whether the connection must end, because the client violated the protocol.
    ends: bool,
    /// The command tag for the next CommandComplete; empty if the client does not get this CommandComplete.
    tag: Option<&'static str>,
    last_job: Option<Instant>,
    cluster: Arc<Cluster>,
    /// The number of bytes of statements that were searched for the names of DSQL's own tables.
    #[cfg(test)]
    searched: usize,
}

impl Session {
    /// The session of a client that has set this `client_encoding` in its startup packet.
    pub(crate) fn new(cluster: Arc<Cluster>, client_encoding: Option<&str>) -> Session {
        Session {
            transaction: Transaction::new(&cluster),
            cluster,
            encoding: Encoding::Utf8,
            // Without a `client_encoding` of the client, the role's own setting is in force, and any other encoding is
            // known only when PostgreSQL reports it in its answer to the login.
            changes_encoding: !client_encoding.is_some_and(is_utf8),
            copy_in: CopyIn::None,
            statements: HashMap::new(),
            portals: HashMap::new(),
            cycles: Cycles::of_a_login(),
            rejections: HashMap::new(),
            number: 0,
            ends: false,
            tag: None,
            last_job: None,
            #[cfg(test)]
            searched: 0,
        }
    }

    /// Whether a transaction is open, or an answer is outstanding.
    pub(crate) fn is_busy(&self) -> bool {
        self.transaction.is_open() || !self.cycles.none()
    }

    /// Whether the connection must end now, without an error.
    pub(crate) fn ends(&self) -> bool {
        self.ends || self.transaction.is_over(&self.cycles)
    }

    /// Whether the last message and all later messages are not sent to PostgreSQL.
    pub(crate) fn sends_no_more(&self) -> bool {
        self.ends || self.transaction.is_cut()
    }

    /// Whether a fault ends the connection at a commit of the cycle that PostgreSQL is answering. The answers to such a
    /// cycle are not sent to the client.
    pub(crate) fn is_cut_after_commit(&mut self) -> bool {
        self.cycles.answered().is_some_and(|cycle| cycle.commit.cut)
    }

    fn observe(&mut self, event: TransactionEvent<'_>) -> Option<Rejection> {
        self.transaction.observe(event, &mut self.cycles, &self.cluster)
    }

    /// Handles a setting that PostgreSQL reports.
    pub(crate) fn reported(&mut self, frame: &Frame) {
        let mut parts = frame.body().split(|byte| *byte == 0);
        if frame.tag() == Some(b'S') && parts.next() == Some(b"client_encoding") {
            let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            self.encoding = Encoding::named(&name);
        }
    }
}

/// Whether a `client_encoding` is UTF-8, as PostgreSQL's `pg_char_to_encoding` reads it: without regard to case and
/// punctuation.
fn is_utf8(client_encoding: &str) -> bool {
    let letters = client_encoding.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limits::Limits;
    use crate::oc001::Oc001;
    use crate::proxy::frame;

    pub(crate) fn session() -> Session {
        let seal_key = Arc::new(crate::seal::SealKey::random().unwrap());
        let clock = Arc::new(crate::clock::Clock::ahead(Duration::ZERO));
        let cluster = Cluster::new(Limits::of(&[]), Oc001::default(), seal_key, clock, Arc::new(|_| {}));
        Session::new(Arc::new(cluster), None)
    }

    fn parse(name: &str, sql: &str) -> Frame {
        Frame { bytes: message::parse_of(name.as_bytes(), sql.as_bytes(), &[0, 0]) }
    }

    #[test]
    fn utf8_is_recognized_as_postgresql_recognizes_it() {
        for (name, expected) in
            [("UTF8", true), ("utf-8", true), ("Utf_8", true), ("SJIS", false), ("", false)]
        {
            assert_eq!(is_utf8(name), expected, "{name}");
        }
    }

    #[test]
    fn allowed_statement_passes_unchanged() {
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
    fn error_of_a_replaced_statement_is_answered_once() {
        let mut session = session();
        let sent = session.client_message(parse("", "VACUUM"), None);
        assert_eq!(sent, message::parse_of(b"", b"SELECT dsql_local_rejected_1", &[0, 0]));
        let error = |number: u32| Frame {
            bytes: frame::message(
                b'E',
                &[
                    b"SERROR\0C42703\0M",
                    format!("column \"dsql_local_rejected_{number}\" does not exist").as_bytes(),
                    b"\0\0",
                ],
            ),
        };
        let answer = session.postgres_message(error(1));
        assert_eq!(answer[5..], *b"SERROR\0VERROR\0C0A000\0Munsupported VACUUM statement\0\0");
        // If a client's own statement causes an error with the same message, the error is returned unchanged.
        assert_eq!(session.postgres_message(error(1)), error(1).bytes);
        assert_eq!(session.postgres_message(error(9)), error(9).bytes);
    }

    #[test]
    fn rejections_of_a_pipeline_are_kept_once() {
        let mut session = session();
        session.postgres_message(Frame { bytes: frame::message(b'Z', &[b"I"]) });
        for cycle in 1..=3 {
            for number in 0..10_000 {
                let sql = if number == 0 { "VACUUM" } else { "TRUNCATE t" };
                let sent = session.client_message(parse("", sql), None);
                let mark = format!("SELECT dsql_local_rejected_{cycle}");
                assert_eq!(sent, message::parse_of(b"", mark.as_bytes(), &[0, 0]));
            }
            session.client_message(Frame { bytes: frame::message(b'S', &[]) }, None);
            assert_eq!(session.rejections.len(), cycle);
        }
        let error = |number: u32| {
            let field = format!("Mcolumn \"dsql_local_rejected_{number}\" does not exist\0");
            Frame { bytes: frame::message(b'E', &[b"SERROR\0C42703\0", field.as_bytes(), b"\0"]) }
        };
        for number in 1..=3 {
            let answer = session.postgres_message(error(number));
            assert!(answer.ends_with(b"Munsupported VACUUM statement\0\0"));
            session.postgres_message(Frame { bytes: frame::message(b'Z', &[b"I"]) });
        }
        assert!(session.rejections.is_empty() && !session.is_busy());
    }

    #[test]
    fn cut_or_changed_message_does_not_panic() {
        let whole = [
            message::query_of(b"CREATE INDEX ASYNC i ON t (a); TRUNCATE t"),
            message::parse_of(b"s", b"ALTER TABLE ASYNC t VALIDATE CONSTRAINT c", &[0, 0]),
            frame::message(b'B', &[b"p\0s\0\0\0\0\0\0\0"]),
            frame::message(b'E', &[b"p\0\0\0\0\0"]),
            frame::message(b'C', &[b"Ss\0"]),
            frame::message(b'T', &[&[0, 1], b"dsql_local_create_index\0\0"]),
            frame::message(b'Z', &[b"T"]),
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
