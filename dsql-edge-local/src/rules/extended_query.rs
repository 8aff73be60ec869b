//! The extended query: Parse, Bind, Execute and Close.
//!
//! Input: the message. Output: the same message, or one that PostgreSQL rejects at the same point. A rule of the
//! statement itself rejects Parse, a rule of its transaction rejects Execute, and OC001 rejects Bind or Execute.

use std::sync::Arc;
use std::time::Instant;

use dsql_edge_compiler::schema::Schema;

use super::copy_in::CopyIn;
use super::encoding::Encoding;
use super::prepared::Known;
use super::rejected::StatementRejected;
use super::show::shows_faults;
use super::statement::Prepared;
use super::transaction::Stopped;
use super::{Session, message, statement};
use crate::proxy::frame::Frame;

/// Portals of one transaction.
const MOST_PORTALS: usize = 100_000;
impl Session {
    pub(super) fn parse(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
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
    pub(super) fn prepare(
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
        let sent = self.local(statement, text, &whole.lexed);
        let prepared = Prepared::of(statement.clone(), text.to_owned(), whole.lexed);
        Ok((Some(Arc::new(prepared)), sent))
    }

    pub(super) fn bind(&mut self, frame: Frame) -> Vec<u8> {
        let Some((portal, name)) = message::bind(frame.body()) else { return frame.bytes };
        if self.portals.len() >= MOST_PORTALS {
            return self.instead_of_message(StatementRejected::too_many("portals"));
        }
        let prepared = self.statements.find(name);
        match prepared.as_deref().and_then(|prepared| self.stale(prepared)) {
            Some(refused) => {
                self.portals.remove(portal);
                self.instead_of_message(refused)
            }
            None => {
                self.portals.insert(portal.to_owned(), prepared);
                frame.bytes
            }
        }
    }

    pub(super) fn execute(&mut self, frame: Frame) -> Vec<u8> {
        let Some(portal) = message::name(frame.body()) else { return frame.bytes };
        let refused = self.executed(portal);
        // After an error PostgreSQL skips it.
        if refused.is_none() && !self.cycles.current().failed && self.is_copy_in(portal) {
            self.copy_in = CopyIn::Sent { simple: false };
        }
        refused.unwrap_or(frame.bytes)
    }

    /// What is sent instead of Execute, where the statement comes at the wrong time.
    fn executed(&mut self, portal: &[u8]) -> Option<Vec<u8>> {
        let prepared = self.portals.get(portal)?.clone();
        self.changes_encoding |=
            prepared.as_ref().is_none_or(|it| Encoding::may_change(it.parts().1.as_bytes()));
        let prepared = prepared?;
        let (statement, text, lexed) = prepared.parts();
        self.jobs_done(text);
        if statement::is_job(statement) {
            self.last_job = Some(Instant::now());
        }
        match self.out_of_turn(statement, text, lexed) {
            Some(Stopped::Statement(refused)) => Some(self.instead_of_message(refused)),
            Some(Stopped::Commit(refused)) => {
                let instead = self.mark_commit(refused);
                Some(self.instead_of_execute(&instead))
            }
            // Parse gave it the value of then.
            None if shows_faults(statement, text, lexed) => {
                let instead = self.shown(statement, text, lexed)?;
                Some(self.instead_of_execute(&instead))
            }
            None => None,
        }
    }

    /// Parse, Bind and Execute of another statement, in place of an Execute.
    fn instead_of_execute(&mut self, sql: &str) -> Vec<u8> {
        self.number = self.number.wrapping_add(1);
        let name = self.own_name();
        self.cycles.current().sends_own();
        let parse = message::parse_of(&name, sql.as_bytes(), &[0, 0]);
        [parse, message::bind_of(&name), message::execute_all()].concat()
    }

    pub(super) fn close(&mut self, frame: Frame) -> Vec<u8> {
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
}
