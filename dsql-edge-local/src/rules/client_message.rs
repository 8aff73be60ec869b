//! The client's messages, as they go on to PostgreSQL.
//!
//! Input: one message. Output: the same message, or another one in its place.

use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::ast::QualifiedName;

use super::encoding::Encoding;
use super::rejected::StatementRejected;
use super::{Session, message, statement};
use crate::proxy::frame::Frame;

impl Session {
    /// A client's message, as it goes on to PostgreSQL. `schema` has the tables of [`Session::named_tables`].
    pub(crate) fn client_message(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        let Some(tag) = frame.tag() else { return frame.bytes };
        if self.copy_in.has_begun() {
            return self.copies_in(frame);
        }
        self.changes_encoding |= self.text_bytes(&frame).is_some_and(Encoding::may_change);
        match tag {
            b'Q' => self.query(frame, schema),
            b'P' => {
                self.cycle();
                self.cycles.current().sends_parse();
                self.parse(frame, schema)
            }
            b'B' => {
                self.cycle();
                self.cycles.current().sends_bind();
                self.bind(frame)
            }
            b'E' => {
                self.cycle();
                self.cycles.current().executes = true;
                self.execute(frame)
            }
            b'C' => {
                self.cycle();
                self.close(frame)
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
            b'F' => self.function_call(),
            _ => frame.bytes,
        }
    }

    /// A call by a function's number passes all rules of functions, so it is rejected.
    fn function_call(&mut self) -> Vec<u8> {
        let refused = StatementRejected::new(
            "0A000",
            "function calls by the protocol are not supported",
            "call the function in a SELECT".to_owned(),
        );
        let sent = message::query_of(self.mark(refused).as_bytes());
        self.ends_cycle();
        sent
    }

    /// The tables that a message names, if a rule needs their columns and keys.
    pub(crate) fn named_tables(&self, frame: &Frame) -> Vec<QualifiedName> {
        let text = self.text(frame).and_then(Result::ok);
        text.map_or(Vec::new(), |text| statement::named_tables(&text))
    }

    /// The text of a Query or a Parse, or the byte that is not of the client's encoding.
    pub(super) fn text(&self, frame: &Frame) -> Option<Result<String, u8>> {
        self.text_bytes(frame).map(|text| self.encoding.decode(text))
    }

    /// The text of a Query or a Parse, as it came.
    pub(super) fn text_bytes<'f>(&self, frame: &'f Frame) -> Option<&'f [u8]> {
        match frame.tag() {
            Some(b'Q') => message::query(frame.body()),
            Some(b'P') => message::parse(frame.body()).map(|(_, text, _)| text),
            _ => None,
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
    pub(super) fn ends_cycle(&mut self) {
        self.cycles.sent();
        self.statements.sync();
    }
}
