//! Handles the simple query: one message with any number of statements.
//!
//! Input: Query. Output: the text that is sent to PostgreSQL: the first rejected statement is replaced, and DSQL's own
//! forms are rewritten for PostgreSQL.

use std::time::Instant;

use dsql_edge_compiler::dsql::transaction::is_copy_from;
use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::source::Edits;
use dsql_edge_compiler::syntax::Parsed;

use super::copy_in::CopyIn;
use super::rejected::StatementRejected;
use super::statement;
use super::transaction::{Rejection, TransactionEvent};
use super::{Session, message, place};
use crate::proxy::frame::Frame;

impl Session {
    pub(super) fn query(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let sent = self.text(&frame).map(|text| {
            let sent = match text {
                Ok(text) => {
                    let sent = statement::with_room(&text, || self.simple(&text, schema))
                        .unwrap_or_else(|| self.mark(StatementRejected::too_deep()));
                    self.cycles.current().inserted = place::inserted(&text, &sent);
                    sent
                }
                Err(byte) => self.mark(StatementRejected::not_encoded(byte)),
            };
            message::query_of(&self.encoding.encode(&sent))
        });
        if !self.transaction.is_cut() {
            self.cycles.ends();
        }
        sent.unwrap_or(frame.bytes)
    }

    /// Returns the statements of a simple query; if a statement is rejected, the first rejected statement is replaced.
    fn simple(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(_) => return self.simple_pieces(text, schema),
        };
        self.observe(TransactionEvent::Message(whole.statements.len()));
        let (sent, _) = self.statements_of(&whole, schema);
        sent
    }

    /// Does the same as `simple` if the message cannot be parsed as a whole: the rules apply to the statements that can
    /// be parsed.
    fn simple_pieces(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let pieces = statement::pieces(text);
        self.observe(TransactionEvent::Message(pieces.len()));
        let mut edits = Edits::default();
        for piece in pieces {
            let part = piece.text(text);
            let whole = match statement::parsed(part) {
                Ok(whole) => whole,
                Err(error) => match statement::unread(part, error) {
                    Some(rejected) => {
                        edits.replace(piece, self.mark(rejected));
                        break;
                    }
                    None => continue,
                },
            };
            let (sent, rejected) = self.statements_of(&whole, schema);
            if sent != part {
                edits.replace(piece, sent);
            }
            if rejected {
                break;
            }
        }
        edits.apply(text)
    }

    /// The statements for PostgreSQL, and whether one of them was rejected.
    fn statements_of(&mut self, whole: &Parsed<'_>, schema: Option<&Schema>) -> (String, bool) {
        let mut edits = Edits::default();
        for statement in whole.iter() {
            if let Some(rejection) = self.rejection(statement, schema) {
                let instead = match rejection {
                    Rejection::Statement(rejected) => self.mark(rejected),
                    Rejection::Commit(rejected) => self.mark_commit(rejected),
                };
                edits.replace(statement.span, instead);
                return (edits.apply(&whole.text), true);
            }
            if is_copy_from(statement) {
                self.copy_in = CopyIn::Sent { simple: true };
            }
            let instead = self.local(statement).or_else(|| self.with_locked_rows_before(statement));
            edits.extend(instead.map(|it| (statement.span, it)));
            if statement::is_job(&statement) {
                self.last_job = Some(Instant::now());
            }
        }
        (edits.apply(&whole.text), false)
    }
}
