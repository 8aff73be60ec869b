//! DSQL's statement rules on a session: the tables are the compiler's, the same that `sql!` asks.
//!
//! In: a client's messages and PostgreSQL's, one by one. Out: what goes on to the other side. A statement that DSQL
//! refuses is replaced by one that PostgreSQL refuses at the same point, and PostgreSQL's error by DSQL's: so skipping to
//! Sync, aborted transactions and what comes first in a message are PostgreSQL's own doing. What our parser cannot read
//! passes: PostgreSQL's error is the right one.

mod answer;
pub(crate) mod catalog;
mod catalog_copy;
mod copy_in;
mod cycle;
mod encoding;
mod message;
mod prepared;
mod rejected;
mod statement;
mod transaction;
mod wait;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsql_edge_compiler::dsql::transaction::is_copy_from;
use dsql_edge_compiler::dsql::{self, Transactions};
use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::Lexed;
use dsql_edge_compiler::syntax::ast::{QualifiedName, Statement, StatementKind};

pub(crate) use answer::{BUFFERED, parameter_status};
use catalog_copy::CatalogCopy;
use copy_in::CopyIn;
use cycle::Cycles;
use encoding::Encoding;
use prepared::{Known, Statements};
use rejected::StatementRejected;
pub(crate) use statement::for_postgres;
use statement::{Parsed, Prepared};
pub(crate) use transaction::settings;
use transaction::{Open, Stopped};

use crate::catalog_version::SchemaChange;
use crate::cluster::Cluster;
use crate::faults;
use crate::proxy::frame::Frame;

/// Takes the place of a refused statement, with a number: PostgreSQL knows no such column.
const MARK: &str = "dsql_local_refusal_";

/// What a session sets to have faults.
const FAULT_SETTING: &str = "dsql_local.fault";

/// PostgreSQL takes names of prepared transactions below 200 bytes.
const LONGEST_NAME: usize = 200;

/// After so long, an index of this session counts as built.
const BUILDING: Duration = Duration::from_secs(2);

/// Portals of one transaction.
const MOST_PORTALS: usize = 100_000;

/// One session's state.
pub(crate) struct Session {
    transactions: Transactions,
    /// How the client's texts are encoded.
    encoding: Encoding,
    /// The session may have changed its encoding, or may do so: what PostgreSQL answers decides.
    changes_encoding: bool,
    /// The COPY FROM STDIN that is under way.
    copy_in: CopyIn,
    statements: Statements,
    /// Those that have been bound, with their statements.
    portals: HashMap<Vec<u8>, Known>,
    refusals: HashMap<u32, StatementRejected>,
    number: u32,
    /// What PostgreSQL still owes an answer.
    cycles: Cycles,
    /// The transaction between BEGIN and its end.
    open: Option<Open>,
    /// A schema change that has been answered, and not committed yet.
    change: Option<SchemaChange>,
    /// The connection is to end, without a word.
    ends: bool,
    /// It ends in place of a commit: once all that was sent before is answered.
    cut_before_commit: bool,
    catalog: CatalogCopy,
    /// What the next CommandComplete says instead.
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

    /// Whether the connection is to end now, without a word.
    pub(crate) fn ends(&self) -> bool {
        self.ends || self.cut_before_commit && self.cycles.nothing_owed()
    }

    /// Whether PostgreSQL gets no message any more, the last one neither.
    pub(crate) fn sends_no_more(&self) -> bool {
        self.cut_before_commit || self.ends
    }

    /// Whether the client gets nothing of what PostgreSQL now answers.
    pub(crate) fn is_cut_after_commit(&mut self) -> bool {
        self.cycles.answered().is_some_and(|cycle| cycle.cut)
    }

    /// The tables that a message names, if a rule must know their columns and keys.
    pub(crate) fn named_tables(&self, frame: &Frame) -> Vec<QualifiedName> {
        let text = self.text(frame).and_then(Result::ok);
        text.map_or(Vec::new(), |text| statement::named_tables(&text))
    }

    /// The text of a Query or a Parse, or the byte that is not of the client's encoding.
    fn text(&self, frame: &Frame) -> Option<Result<String, u8>> {
        self.text_bytes(frame).map(|text| self.encoding.decode(text))
    }

    fn text_bytes<'f>(&self, frame: &'f Frame) -> Option<&'f [u8]> {
        match frame.tag() {
            Some(b'Q') => message::query(frame.body()),
            Some(b'P') => message::parse(frame.body()).map(|(_, text, _)| text),
            _ => None,
        }
    }

    /// PostgreSQL reports a setting.
    pub(crate) fn reported(&mut self, frame: &Frame) {
        let mut parts = frame.body().split(|byte| *byte == 0);
        if frame.tag() == Some(b'S') && parts.next() == Some(b"client_encoding") {
            let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            self.encoding = Encoding::named(&name);
        }
    }

    /// A client's message, as it goes on to PostgreSQL. `schema` has the tables that [`Session::named_tables`] asked for.
    pub(crate) fn client_says(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some(tag) = frame.tag() else { return frame.bytes };
        if self.copy_in.has_begun() {
            return self.copies_in(frame);
        }
        self.changes_encoding |= self.text_bytes(&frame).is_some_and(Encoding::may_change);
        match tag {
            b'Q' => {
                let sent = self.text(&frame).map(|text| {
                    let sent = match text {
                        Ok(text) => statement::with_room(&text, || self.simple(&text, schema))
                            .unwrap_or_else(|| self.mark(StatementRejected::too_deep())),
                        Err(byte) => self.mark(StatementRejected::not_encoded(byte)),
                    };
                    message::query_of(&self.encoding.encode(&sent))
                });
                if !self.cut_before_commit {
                    self.ends_cycle();
                }
                sent.unwrap_or(frame.bytes)
            }
            b'P' => {
                self.cycle();
                self.cycles.current().sends_parse();
                self.parse(frame, schema)
            }
            b'B' => {
                self.cycle();
                self.cycles.current().sends_bind();
                match message::bind(frame.body()) {
                    Some((portal, name)) if self.portals.len() < MOST_PORTALS => {
                        let prepared = self.statements.find(name);
                        let stopped = prepared.as_deref().and_then(|prepared| self.stale(prepared));
                        match stopped {
                            Some(refused) => {
                                self.portals.remove(portal);
                                self.fails(refused)
                            }
                            None => {
                                self.portals.insert(portal.to_owned(), prepared);
                                frame.bytes
                            }
                        }
                    }
                    Some(_) => self.fails(StatementRejected::too_many("portals")),
                    None => frame.bytes,
                }
            }
            b'E' => {
                self.cycle();
                self.cycles.current().executes = true;
                let Some(portal) = message::name(frame.body()).map(<[u8]>::to_owned) else {
                    return frame.bytes;
                };
                let refused = self.executed(&portal);
                // After an error PostgreSQL skips it.
                if refused.is_none() && !self.cycles.current().failed && self.is_copy_in(&portal) {
                    self.copy_in = CopyIn::Sent { simple: false };
                }
                refused.unwrap_or(frame.bytes)
            }
            b'C' => {
                self.cycle();
                match message::described(frame.body()) {
                    Some((b'S', name)) => self.statements.close(name.to_owned()),
                    Some((_, portal)) => {
                        self.portals.remove(portal);
                        self.statements.close_portal();
                    }
                    None => {}
                }
                frame.bytes
            }
            // The client waits for an answer that the fault keeps back: only the end of the connection can follow.
            b'H' if self.cycles.is_open() && self.cycles.current().cut => {
                self.ends_cycle();
                message::message(b'S', &[])
            }
            b'D' | b'H' => {
                self.cycle();
                frame.bytes
            }
            b'S' => {
                self.ends_cycle();
                frame.bytes
            }
            // A call by a function's number passes all rules of functions.
            b'F' => {
                let refused = StatementRejected::new(
                    "0A000",
                    "function calls by the protocol are not supported",
                    "call the function in a SELECT".to_owned(),
                );
                let sent = message::query_of(self.mark(refused).as_bytes());
                self.ends_cycle();
                sent
            }
            _ => frame.bytes,
        }
    }

    /// Statements between two Syncs share a transaction, as those of one message do.
    fn cycle(&mut self) {
        if !self.cycles.is_open() {
            self.cycles.current();
            self.transactions.message(usize::MAX);
        }
    }

    /// What ReadyForQuery answers has been sent.
    fn ends_cycle(&mut self) {
        self.cycles.sent();
        self.statements.sync();
    }

    /// The statements of a simple query, the first that is refused replaced.
    fn simple(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(_) => return self.simple_pieces(text, schema),
        };
        self.transactions.message(whole.statements.len());
        let (sent, _) = self.statements_of(text, &whole, schema);
        sent
    }

    /// The same for a text that cannot be read whole: the rules hold for those of its statements that can.
    fn simple_pieces(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let pieces = statement::pieces(text);
        self.transactions.message(pieces.len());
        let mut edits = Vec::new();
        for piece in pieces {
            let part = piece.text(text);
            let whole = match statement::parsed(part) {
                Ok(whole) => whole,
                Err(error) => match statement::unread(part, error) {
                    Some(refused) => {
                        edits.push((piece, self.mark(refused)));
                        break;
                    }
                    None => continue,
                },
            };
            let (sent, refused) = self.statements_of(part, &whole, schema);
            if sent != part {
                edits.push((piece, sent));
            }
            if refused {
                break;
            }
        }
        statement::edited(text, edits)
    }

    /// The statements as they go on, and whether one of them was refused.
    fn statements_of(&mut self, text: &str, whole: &Parsed, schema: Option<&Schema>) -> (String, bool) {
        let mut edits = Vec::new();
        for statement in &whole.statements {
            if let Some(stopped) = self.refused(statement, text, &whole.lexed, schema) {
                let instead = match stopped {
                    Stopped::Statement(refused) => self.mark(refused),
                    Stopped::Commit(refused) => self.mark_commit(refused),
                };
                edits.push((statement.span, instead));
                return (statement::edited(text, edits), true);
            }
            if is_copy_from(statement, text, &whole.lexed) {
                self.copy_in = CopyIn::Sent { simple: true };
            }
            edits.extend(
                statement::local(statement, text, &whole.lexed, &self.cluster.seal_key)
                    .map(|it| (statement.span, it)),
            );
            if statement::is_job(statement) {
                self.last_job = Some(Instant::now());
            }
        }
        (statement::edited(text, edits), false)
    }

    fn parse(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some((name, text, types)) = message::parse(frame.body()) else { return frame.bytes };
        let refused = match self.text(&frame) {
            // PostgreSQL reports the encoding at the end of the cycle alone.
            _ if self.changes_encoding && !text.is_ascii() && self.cycles.current().executes => {
                StatementRejected::encoding_unknown()
            }
            Some(Err(byte)) => StatementRejected::not_encoded(byte),
            _ if self.statements.is_full() => StatementRejected::too_many("prepared statements"),
            None => return frame.bytes,
            Some(Ok(text)) => match statement::with_room(&text, || self.prepare(&text, schema)) {
                Some(Ok((prepared, sent))) => {
                    self.statements.parse(name.to_owned(), prepared);
                    let sent = sent.map(|sent| message::parse_of(name, &self.encoding.encode(&sent), types));
                    return sent.unwrap_or(frame.bytes);
                }
                Some(Err(refused)) => refused,
                None => StatementRejected::too_deep(),
            },
        };
        self.statements.parse(name.to_owned(), None);
        message::parse_of(name, self.mark(refused).as_bytes(), &[0, 0])
    }

    /// The statement of a Parse, and what is sent instead, where it is not the same.
    fn prepare(
        &self,
        text: &str,
        schema: Option<&Schema>,
    ) -> Result<(Known, Option<String>), StatementRejected> {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(error) => return statement::unread(text, error).map_or(Ok((None, None)), Err),
        };
        let [statement] = whole.statements.as_slice() else { return Ok((None, None)) };
        let own = self.findings(statement, text, &whole.lexed, schema);
        if let Some(finding) = own.into_iter().find(|finding| finding.diagnostic.is_error()) {
            return Err(StatementRejected::of(finding));
        }
        let sent = statement::local(statement, text, &whole.lexed, &self.cluster.seal_key);
        let prepared = Prepared::of(statement.clone(), text.to_owned(), whole.lexed);
        Ok((Some(Arc::new(prepared)), sent))
    }

    /// What is sent instead of Execute, where the statement comes at the wrong time.
    fn executed(&mut self, portal: &[u8]) -> Option<Vec<u8>> {
        let prepared = self.portals.get(portal)?.clone()?;
        let (statement, text, lexed) = prepared.parts();
        self.changes_encoding |= Encoding::may_change(text.as_bytes());
        self.jobs_done(text);
        if statement::is_job(statement) {
            self.last_job = Some(Instant::now());
        }
        let stopped = self.out_of_turn(statement, text, lexed)?;
        Some(match stopped {
            Stopped::Statement(refused) => self.fails(refused),
            Stopped::Commit(refused) => {
                let instead = self.mark_commit(refused);
                let name = self.own_name();
                self.cycles.current().sends_own();
                let parse = message::parse_of(&name, instead.as_bytes(), &[0, 0]);
                [parse, message::bind_of(&name), message::execute_all()].concat()
            }
        })
    }

    /// A message that fails with this in place of another. Its name is ours, so that the client's statements stay.
    fn fails(&mut self, refused: StatementRejected) -> Vec<u8> {
        let mark = self.mark(refused);
        message::parse_of(&self.own_name(), mark.as_bytes(), &[0, 0])
    }

    fn own_name(&self) -> Vec<u8> {
        format!("dsql_local_{}", self.number).into_bytes()
    }

    fn refused(
        &mut self,
        statement: &Statement,
        text: &str,
        lexed: &Lexed,
        schema: Option<&Schema>,
    ) -> Option<Stopped> {
        self.jobs_done(text);
        let own = self.findings(statement, text, lexed, schema);
        let own = own.into_iter().find(|finding| finding.diagnostic.is_error());
        own.map(|finding| Stopped::Statement(StatementRejected::of(finding)))
            .or_else(|| self.out_of_turn(statement, text, lexed))
    }

    /// What DSQL refuses of a statement by itself.
    fn findings(
        &self,
        statement: &Statement,
        text: &str,
        lexed: &Lexed,
        schema: Option<&Schema>,
    ) -> Vec<dsql::Finding> {
        match faults_of(statement, text) {
            Some(_) => Vec::new(),
            None => dsql::findings(statement, text, lexed, schema),
        }
    }

    /// What stops a statement because of those before it, and of other sessions.
    fn out_of_turn(&mut self, statement: &Statement, text: &str, lexed: &Lexed) -> Option<Stopped> {
        if let Some(list) = faults_of(statement, text) {
            match faults::listed(&list) {
                Ok(faults) => self.cluster.faults.set(&faults),
                Err(why) => {
                    let words = format!("invalid value for parameter \"{FAULT_SETTING}\": \"{list}\"");
                    return Some(Stopped::Statement(StatementRejected::new("22023", words, why.to_string())));
                }
            }
        }
        match self.transactions.next(statement, text, lexed) {
            Some(finding) => Some(Stopped::Statement(StatementRejected::of(finding))),
            None => self.timely(statement, text, lexed),
        }
    }

    /// Who looks at the jobs, or lets some time pass, finds them done.
    fn jobs_done(&mut self, text: &str) {
        if text.contains("sys.jobs") || self.last_job.is_none_or(|last| last.elapsed() > BUILDING) {
            self.transactions.built();
        }
    }

    /// A statement that PostgreSQL refuses, and the answer to that.
    fn mark(&mut self, refused: StatementRejected) -> String {
        self.number = self.number.wrapping_add(1);
        self.refusals.insert(self.number, refused);
        format!("SELECT {MARK}{}", self.number)
    }

    /// A statement that ends the transaction as a COMMIT that fails does: PostgreSQL prepares it, which fires what is
    /// deferred, and finds the name too long at the last moment.
    fn mark_commit(&mut self, refused: StatementRejected) -> String {
        let mark = self.mark(refused);
        let name = mark.strip_prefix("SELECT ").unwrap_or_default();
        format!("PREPARE TRANSACTION '{name}_{:0>width$}'", 0, width = LONGEST_NAME)
    }
}

/// The list of faults that a statement sets: of RESET, none. RESET ALL leaves them, since a pool sends it between two clients.
fn faults_of(statement: &Statement, text: &str) -> Option<String> {
    match &statement.kind {
        StatementKind::Set(set) if set.name.eq_ignore_ascii_case(FAULT_SETTING) => Some(set.values.join(",")),
        StatementKind::Utility("RESET") => {
            let name = statement.span.text(text).split_ascii_whitespace().nth(1)?;
            name.eq_ignore_ascii_case(FAULT_SETTING).then(String::new)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::oc001::Oc001;

    fn session() -> Session {
        let seal_key = Arc::new(crate::seal::SealKey::made().unwrap());
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
            assert_eq!(session.client_says(Frame { bytes: query.clone() }, None), query, "{sql}");
            let parse = message::parse_of(b"s", sql.as_bytes(), &[0, 1, 0, 0, 0, 23]);
            assert_eq!(session.client_says(Frame { bytes: parse.clone() }, None), parse, "{sql}");
        }
    }

    #[test]
    fn an_error_that_we_caused_is_answered_once() {
        let mut session = session();
        let sent = session.client_says(parse("", "VACUUM"), None);
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
        let answer = session.postgres_says(error(1));
        assert_eq!(answer[5..], *b"SERROR\0VERROR\0C0A000\0Munsupported VACUUM statement\0\0");
        // What a client makes up itself is PostgreSQL's.
        assert_eq!(session.postgres_says(error(1)), error(1).bytes);
        assert_eq!(session.postgres_says(error(9)), error(9).bytes);
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
