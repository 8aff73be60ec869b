//! Handles the extended query: Parse, Bind, Execute and Close.
//!
//! Input: the message. Output: the same message, or a message that PostgreSQL rejects at the same point. A rule of the
//! statement itself rejects Parse, a rule of its transaction rejects Execute, and OC001 rejects Bind or Execute.

use std::sync::Arc;
use std::time::Instant;

use dsql_edge_compiler::schema::Schema;

use super::copy_in::CopyIn;
use super::cycle::Sent;
use super::encoding::Encoding;
use super::rejected::StatementRejected;
use super::show::shows_faults;
use super::statement::{self, PreparedStatement};
use super::transaction::{Rejection, TransactionEvent};
use super::{Session, message, place};
use crate::proxy::frame::Frame;

/// The maximum number of portals in a transaction.
const MOST_PORTALS: usize = 100_000;

impl Session {
    pub(super) fn parse(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some((name, text, types)) = message::parse(frame.body()) else { return frame.bytes };
        let rejected = match self.text(&frame) {
            // The encoding of this SQL is not known, because PostgreSQL reports a change of the encoding only at the
            // end of the cycle.
            _ if self.changes_encoding && !text.is_ascii() && self.cycles.current().executes => {
                StatementRejected::encoding_unknown()
            }
            Some(Err(byte)) => StatementRejected::not_encoded(byte),
            _ if self.has_most_statements() => StatementRejected::too_many("prepared statements"),
            None => return frame.bytes,
            Some(Ok(text)) => match statement::with_room(&text, || self.prepare(&text, schema)) {
                Some(Ok((prepared, sent))) => {
                    self.cycles.sends(Sent::Parse(name.to_owned(), prepared));
                    let sent = sent.map(|sent| message::parse_of(name, &self.encoding.encode(&sent), types));
                    return sent.unwrap_or(frame.bytes);
                }
                Some(Err(rejected)) => rejected,
                None => StatementRejected::too_deep(),
            },
        };
        self.cycles.sends(Sent::Parse(name.to_owned(), None));
        message::parse_of(name, self.mark(rejected).as_bytes(), &[0, 0])
    }

    /// Returns the statement of a Parse, and the text that PostgreSQL gets in place of the client's text, if the two
    /// texts differ.
    fn prepare(
        &self,
        text: &str,
        schema: Option<&Schema>,
    ) -> Result<(PreparedStatement, Option<String>), StatementRejected> {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(error) => return statement::unread(text, error).map_or(Ok((None, None)), Err),
        };
        let Ok(statement) = whole.only() else { return Ok((None, None)) };
        if let Some(rejected) = self.own_rejection(statement, schema) {
            return Err(rejected);
        }
        let sent = self.local(statement);
        Ok((Some(Arc::new(whole.into_owned())), sent))
    }

    pub(super) fn bind(&mut self, frame: Frame) -> Vec<u8> {
        let Some((portal, name)) = message::bind(frame.body()) else { return frame.bytes };
        if self.portals.len() >= MOST_PORTALS {
            return self.instead_of_message(StatementRejected::too_many("portals"));
        }
        let prepared = self.statement_of(name);
        let statement = prepared.as_deref().and_then(|it| it.only().ok());
        let stale = statement.and_then(|statement| self.observe(TransactionEvent::Bind(statement)));
        match stale {
            Some(Rejection::Statement(rejected) | Rejection::Commit(rejected)) => {
                self.portals.remove(portal);
                self.instead_of_message(rejected)
            }
            None => {
                self.cycles.sends(Sent::Bind);
                self.portals.insert(portal.to_owned(), prepared);
                frame.bytes
            }
        }
    }

    pub(super) fn execute(&mut self, frame: Frame) -> Vec<u8> {
        let is_first = !std::mem::replace(&mut self.cycles.current().executes, true);
        let Some(portal) = message::name(frame.body()) else { return frame.bytes };
        let instead = self.executed(portal);
        // If the cycle has several Executes, it is not known to which of them an error belongs.
        self.cycles.current().inserted = if is_first { self.inserted_into(portal) } else { Vec::new() };
        // After an error PostgreSQL skips the Execute.
        if instead.is_none() && !self.cycles.current().failed && self.is_copy_in(portal) {
            self.copy_in = CopyIn::Sent { simple: false };
        }
        instead.unwrap_or_else(|| [self.call_before_commit(), frame.bytes].concat())
    }

    /// Returns the positions at which dsql-local has inserted text into the statement of a portal.
    fn inserted_into(&self, portal: &[u8]) -> Vec<usize> {
        let Some(prepared) = self.portals.get(portal).and_then(|it| it.as_deref()) else { return Vec::new() };
        let Ok(statement) = prepared.only() else { return Vec::new() };
        let sent = self.local(statement);
        sent.map_or_else(Vec::new, |sent| place::inserted(&prepared.text, &sent))
    }

    /// The messages to send instead of Execute, if the statement is rejected here, or if its result has changed since
    /// Parse.
    fn executed(&mut self, portal: &[u8]) -> Option<Vec<u8>> {
        let prepared = self.portals.get(portal)?.clone();
        self.changes_encoding |= prepared.as_ref().is_none_or(|it| Encoding::may_change(it.text.as_bytes()));
        let prepared = prepared?;
        let statement = prepared.only().ok()?;
        self.jobs_done(statement);
        if statement::is_job(&statement) {
            self.last_job = Some(Instant::now());
        }
        match self.rejection_here(statement) {
            Some(Rejection::Statement(rejected)) => Some(self.instead_of_message(rejected)),
            Some(Rejection::Commit(rejected)) => {
                let instead = self.mark_commit(rejected);
                Some(self.instead_of_execute(&instead))
            }
            None if shows_faults(statement) => {
                let instead = self.shown(statement)?;
                Some(self.instead_of_execute(&instead))
            }
            None => None,
        }
    }

    pub(super) fn close(&mut self, frame: Frame) -> Vec<u8> {
        match message::described(frame.body()) {
            Some((b'S', name)) => self.cycles.sends(Sent::Close(name.to_owned())),
            Some((_, portal)) => {
                self.portals.remove(portal);
                self.cycles.sends(Sent::ClosePortal);
            }
            None => {}
        }
        frame.bytes
    }
}
