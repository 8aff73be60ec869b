//! DSQL's statement rules on a session: the tables are the compiler's, the same that `sql!` asks.
//!
//! In: a client's messages and PostgreSQL's, one by one. Out: what goes on to the other side. A statement that DSQL
//! refuses is replaced by one that PostgreSQL refuses at the same point, and PostgreSQL's error by DSQL's: so skipping to
//! Sync, aborted transactions and what comes first in a message are PostgreSQL's own doing. What our parser cannot read
//! passes: PostgreSQL's error is the right one.

mod answer;
pub(crate) mod catalog;
mod message;
mod statement;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsql_edge_compiler::dsql::{self, Transactions};
use dsql_edge_compiler::schema::Schema;

pub(crate) use answer::{BUFFERED, Refused};
pub(crate) use statement::{Prepared, named_tables};

use crate::proxy::Log;
use crate::proxy::frame::Frame;

/// Takes the place of a refused statement, with a number: PostgreSQL knows no such column.
const MARK: &str = "dsql_local_refusal_";

/// After so long, an index of this session counts as built.
const BUILDING: Duration = Duration::from_secs(2);

/// Prepared statements and portals that are kept in mind; PostgreSQL keeps them too.
const MOST_PREPARED: usize = 100_000;

/// One session's state.
pub(crate) struct Session {
    transactions: Transactions,
    prepared: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Arc<Prepared>>,
    refusals: HashMap<u32, Refused>,
    number: u32,
    /// The extended protocol has spoken since the last Sync.
    in_cycle: bool,
    /// ReadyForQuery that PostgreSQL still owes.
    owed: usize,
    /// What the next CommandComplete says instead.
    tag: Option<&'static str>,
    last_job: Option<Instant>,
    log: Log,
}

impl Session {
    pub(crate) fn new(log: Log) -> Session {
        Session {
            log,
            transactions: Transactions::new(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
            refusals: HashMap::new(),
            number: 0,
            in_cycle: false,
            owed: 0,
            tag: None,
            last_job: None,
        }
    }

    /// A client's message, as it goes on to PostgreSQL. `schema` has the tables that [`named_tables`] asked for.
    pub(crate) fn client_says(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some(tag) = frame.tag() else { return frame.bytes };
        match tag {
            b'Q' => {
                self.owed += 1;
                self.in_cycle = false;
                let text = message::query(frame.body());
                let sent = text.and_then(|text| statement::with_room(&text, || self.simple(&text, schema)));
                sent.map_or(frame.bytes, |sent| message::query_of(&sent))
            }
            b'P' => {
                self.cycle();
                self.parse(frame, schema)
            }
            b'B' => {
                self.cycle();
                if let Some((portal, name)) = message::bind(frame.body()) {
                    self.bound(portal, &name);
                }
                frame.bytes
            }
            b'E' => {
                self.cycle();
                let refused = message::name(frame.body()).and_then(|portal| self.executed(&portal));
                refused.unwrap_or(frame.bytes)
            }
            b'C' => {
                self.cycle();
                match message::described(frame.body()) {
                    Some((b'S', name)) => drop(self.prepared.remove(&name)),
                    Some((_, portal)) => drop(self.portals.remove(&portal)),
                    None => {}
                }
                frame.bytes
            }
            b'S' => {
                self.in_cycle = false;
                self.owed += 1;
                frame.bytes
            }
            b'D' | b'H' => {
                self.cycle();
                frame.bytes
            }
            b'F' => {
                self.owed += 1;
                frame.bytes
            }
            _ => frame.bytes,
        }
    }

    /// Statements between two Syncs share a transaction, as those of one message do.
    fn cycle(&mut self) {
        if !self.in_cycle {
            self.in_cycle = true;
            self.transactions.message(usize::MAX);
        }
    }

    /// The statements of a simple query, the first that is refused replaced.
    fn simple(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(error) if statement::is_of_dsql(text) => return self.mark(Refused::said(error)),
            Err(_) => return text.to_owned(),
        };
        self.transactions.message(whole.statements.len());
        let mut edits = Vec::new();
        for statement in &whole.statements {
            if let Some(refused) = self.refused(statement, text, &whole.lexed, schema) {
                edits.push((statement.span, self.mark(refused)));
                break;
            }
            edits.extend(statement::local(statement, text, &whole.lexed).map(|it| (statement.span, it)));
            if statement::is_job(statement) {
                self.last_job = Some(Instant::now());
            }
        }
        statement::edited(text, edits)
    }

    fn parse(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some((name, text, types)) = message::parse(frame.body()) else { return frame.bytes };
        self.prepared.remove(&name);
        let sent = statement::with_room(&text, || self.prepare(&name, &text, &types, schema));
        sent.flatten().unwrap_or(frame.bytes)
    }

    /// What is sent instead of a Parse, where it is not the same.
    fn prepare(&mut self, name: &str, text: &str, types: &[u8], schema: Option<&Schema>) -> Option<Vec<u8>> {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(error) if statement::is_of_dsql(text) => {
                let mark = self.mark(Refused::said(error));
                return Some(message::parse_of(name, &mark, &[0, 0]));
            }
            Err(_) => return None,
        };
        let [statement] = whole.statements.as_slice() else { return None };
        let own = dsql::findings(statement, text, &whole.lexed, schema);
        if let Some(finding) = own.into_iter().find(|finding| finding.diagnostic.is_error()) {
            return Some(message::parse_of(name, &self.mark(Refused::of(finding)), &[0, 0]));
        }
        let sent = statement::local(statement, text, &whole.lexed);
        if self.prepared.len() < MOST_PREPARED {
            let prepared = Prepared::of(statement.clone(), text.to_owned(), whole.lexed);
            self.prepared.insert(name.to_owned(), Arc::new(prepared));
        }
        sent.map(|sent| message::parse_of(name, &sent, types))
    }

    fn bound(&mut self, portal: String, name: &str) {
        match self.prepared.get(name) {
            Some(prepared) if self.portals.len() < MOST_PREPARED => {
                drop(self.portals.insert(portal, prepared.clone()));
            }
            _ => drop(self.portals.remove(&portal)),
        }
    }

    /// What is sent instead of Execute, where the statement comes at the wrong time.
    fn executed(&mut self, portal: &str) -> Option<Vec<u8>> {
        let prepared = self.portals.get(portal)?.clone();
        let (statement, text, lexed) = prepared.parts();
        self.jobs_done(text);
        if statement::is_job(statement) {
            self.last_job = Some(Instant::now());
        }
        let finding = self.transactions.next(statement, text, lexed)?;
        let mark = self.mark(Refused::of(finding));
        Some(message::parse_of("", &mark, &[0, 0]))
    }

    fn refused(
        &mut self,
        statement: &dsql_edge_compiler::syntax::ast::Statement,
        text: &str,
        lexed: &dsql_edge_compiler::syntax::Lexed,
        schema: Option<&Schema>,
    ) -> Option<Refused> {
        self.jobs_done(text);
        let own = dsql::findings(statement, text, lexed, schema);
        let own = own.into_iter().find(|finding| finding.diagnostic.is_error());
        own.or_else(|| self.transactions.next(statement, text, lexed)).map(Refused::of)
    }

    /// Who looks at the jobs, or lets some time pass, finds them done.
    fn jobs_done(&mut self, text: &str) {
        if text.contains("sys.jobs") || self.last_job.is_none_or(|last| last.elapsed() > BUILDING) {
            self.transactions.built();
        }
    }

    /// A statement that PostgreSQL refuses, and the answer to that.
    fn mark(&mut self, refused: Refused) -> String {
        self.number = self.number.wrapping_add(1);
        self.refusals.insert(self.number, refused);
        format!("SELECT {MARK}{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(Arc::new(|_| {}))
    }

    fn parse(name: &str, sql: &str) -> Frame {
        Frame { bytes: message::parse_of(name, sql, &[0, 0]) }
    }

    #[test]
    fn what_is_allowed_passes_as_it_came() {
        let mut session = session();
        for sql in
            ["SELECT 1", "BEGIN; INSERT INTO t VALUES ('TRUNCATE'); COMMIT", "", "SELECT /* ' */ $1", "SELEC"]
        {
            let query = message::query_of(sql);
            assert_eq!(session.client_says(Frame { bytes: query.clone() }, None), query, "{sql}");
            let parse = message::parse_of("s", sql, &[0, 1, 0, 0, 0, 23]);
            assert_eq!(session.client_says(Frame { bytes: parse.clone() }, None), parse, "{sql}");
        }
    }

    #[test]
    fn an_error_that_we_caused_is_answered_once() {
        let mut session = session();
        let sent = session.client_says(parse("", "VACUUM"), None);
        assert_eq!(sent, message::parse_of("", "SELECT dsql_local_refusal_1", &[0, 0]));
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
        let answer = session.postgres_says(error(1));
        assert_eq!(answer[5..], *b"SERROR\0VERROR\0C0A000\0Munsupported VACUUM statement\0\0");
        // What a client makes up itself is PostgreSQL's.
        assert_eq!(session.postgres_says(error(1)), error(1).bytes);
        assert_eq!(session.postgres_says(error(9)), error(9).bytes);
    }

    #[test]
    fn no_cut_or_change_of_a_message_panics() {
        let whole = [
            message::query_of("CREATE INDEX ASYNC i ON t (a); TRUNCATE t"),
            message::parse_of("s", "ALTER TABLE ASYNC t VALIDATE CONSTRAINT c", &[0, 0]),
            message::message(b'B', &[b"p\0s\0\0\0\0\0\0\0"]),
            message::message(b'E', &[b"p\0\0\0\0\0"]),
            message::message(b'C', &[b"Ss\0"]),
            message::message(b'T', &[&[0, 1], b"dsql_local_create_index\0\0"]),
            message::message(b'Z', &[b"T"]),
        ];
        for bytes in whole {
            for at in 0..bytes.len() {
                let mut session = session();
                session.client_says(Frame { bytes: bytes[..at].to_vec() }, None);
                session.postgres_says(Frame { bytes: bytes[..at].to_vec() });
                for byte in [0, b'\'', b'(', 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] = byte;
                    session.client_says(Frame { bytes: changed.clone() }, None);
                    session.postgres_says(Frame { bytes: changed });
                }
            }
        }
    }
}
