//! The simple query: one message with any number of statements.
//!
//! Input: Query. Output: its text, with the first rejected statement replaced, and DSQL's own forms as PostgreSQL runs
//! them.

use std::time::Instant;

use dsql_edge_compiler::dsql::transaction::is_copy_from;
use dsql_edge_compiler::schema::Schema;

use super::copy_in::CopyIn;
use super::rejected::StatementRejected;
use super::statement::Parsed;
use super::transaction::Stopped;
use super::{Session, message, statement};
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
        if !self.cut_before_commit {
            self.ends_cycle();
        }
        sent.unwrap_or(frame.bytes)
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
            let local = self.local(statement, text, &whole.lexed);
            edits.extend(local.map(|it| (statement.span, it)));
            if statement::is_job(statement) {
                self.last_job = Some(Instant::now());
            }
        }
        (statement::edited(text, edits), false)
    }
}
