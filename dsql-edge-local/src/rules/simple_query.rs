//! The simple query: one message with any number of statements.
//!
//! Input: Query. Output: its text, with the first rejected statement replaced, and DSQL's own forms as PostgreSQL runs
//! them.

use std::time::Instant;

use dsql_edge_compiler::dsql::transaction::is_copy_from;
use dsql_edge_compiler::schema::Schema;

use super::copy_in::CopyIn;
use super::rejected::StatementRejected;
use super::statement::{self, Parsed, Sql};
use super::transaction::{Rejection, TransactionEvent};
use super::{Session, message};
use crate::proxy::frame::Frame;

impl Session {
    pub(super) fn query(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let sent = self.text(&frame).map(|text| {
            let sent = match text {
                Ok(text) => statement::with_room(&text, || self.simple(&text, schema))
                    .unwrap_or_else(|| self.mark(StatementRejected::too_deep())),
                Err(byte) => self.mark(StatementRejected::not_encoded(byte)),
            };
            message::query_of(&self.encoding.encode(&sent))
        });
        if !self.transaction.is_cut() {
            self.cycles.ends();
        }
        sent.unwrap_or(frame.bytes)
    }

    /// The statements of a simple query, the first that is rejected replaced.
    fn simple(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let whole = match statement::parsed(text) {
            Ok(whole) => whole,
            Err(_) => return self.simple_pieces(text, schema),
        };
        self.observe(TransactionEvent::Message(whole.statements.len()));
        let (sent, _) = self.statements_of(text, &whole, schema);
        sent
    }

    /// The same for a text that cannot be read whole: the rules hold for those of its statements that can.
    fn simple_pieces(&mut self, text: &str, schema: Option<&Schema>) -> String {
        let pieces = statement::pieces(text);
        self.observe(TransactionEvent::Message(pieces.len()));
        let mut edits = Vec::new();
        for piece in pieces {
            let part = piece.text(text);
            let whole = match statement::parsed(part) {
                Ok(whole) => whole,
                Err(error) => match statement::unread(part, error) {
                    Some(rejected) => {
                        edits.push((piece, self.mark(rejected)));
                        break;
                    }
                    None => continue,
                },
            };
            let (sent, rejected) = self.statements_of(part, &whole, schema);
            if sent != part {
                edits.push((piece, sent));
            }
            if rejected {
                break;
            }
        }
        statement::edited(text, edits)
    }

    /// The statements as they go on, and whether one of them was rejected.
    fn statements_of(&mut self, text: &str, whole: &Parsed, schema: Option<&Schema>) -> (String, bool) {
        let mut edits = Vec::new();
        for statement in &whole.statements {
            let sql = Sql { statement, text, lexed: &whole.lexed };
            if let Some(rejection) = self.rejection(sql, schema) {
                let instead = match rejection {
                    Rejection::Statement(rejected) => self.mark(rejected),
                    Rejection::Commit(rejected) => self.mark_commit(rejected),
                };
                edits.push((statement.span, instead));
                return (statement::edited(text, edits), true);
            }
            if is_copy_from(sql.parsed()) {
                self.copy_in = CopyIn::Sent { simple: true };
            }
            edits.extend(self.local(sql).map(|it| (statement.span, it)));
            if statement::is_job(statement) {
                self.last_job = Some(Instant::now());
            }
        }
        (statement::edited(text, edits), false)
    }
}
