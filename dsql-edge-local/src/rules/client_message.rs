//! Checks the client's messages, and forwards or replaces each message.
//!
//! Input: one message. Output: the same message, or another message instead.

use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::ast::QualifiedName;

use super::encoding::Encoding;
use super::rejected::StatementRejected;
use super::transaction::TransactionEvent;
use super::{Session, message, statement};
use crate::proxy::frame::{self, Frame, FrontendTag};

impl Session {
    /// Returns the bytes to send to PostgreSQL for a client's message. `schema` has the tables of
    /// [`Session::named_tables`].
    pub(crate) fn client_message(&mut self, frame: Frame, schema: Option<&Schema>) -> Vec<u8> {
        if self.copy_in.has_begun() {
            return self.copies_in(frame);
        }
        self.changes_encoding |= self.text_bytes(&frame).is_some_and(Encoding::may_change);
        match frame.frontend() {
            FrontendTag::Query => self.query(frame, schema),
            FrontendTag::Parse => {
                self.pipeline_begins();
                self.parse(frame, schema)
            }
            FrontendTag::Bind => {
                self.pipeline_begins();
                self.bind(frame)
            }
            FrontendTag::Execute => {
                self.pipeline_begins();
                self.execute(frame)
            }
            FrontendTag::Close => {
                self.pipeline_begins();
                self.close(frame)
            }
            FrontendTag::Describe => {
                self.pipeline_begins();
                frame.bytes
            }
            FrontendTag::Flush => self.flush(frame),
            FrontendTag::Sync => {
                self.cycles.ends();
                frame.bytes
            }
            FrontendTag::FunctionCall => self.function_call(),
            FrontendTag::CopyData
            | FrontendTag::CopyDone
            | FrontendTag::CopyFail
            | FrontendTag::Password
            | FrontendTag::Terminate
            | FrontendTag::Unknown => frame.bytes,
        }
    }

    /// Handles a client's message while PostgreSQL reads rows. A message that is not allowed during COPY FROM STDIN
    /// ends the connection. PostgreSQL would reject such a message, but only while it still reads rows: after that, a
    /// statement in the message would bypass the rules.
    fn copies_in(&mut self, frame: Frame) -> Vec<u8> {
        if self.copy_in.accepts(frame.frontend()) {
            return frame.bytes;
        }
        (self.cluster.log)("connection closed: a message that is not allowed in COPY FROM STDIN");
        self.ends = true;
        Vec::new()
    }

    /// Handles Flush. If a fault holds back the answer to a commit, a later Flush becomes a Sync: the client waits for
    /// the answer to the commit, and the connection ends when ReadyForQuery arrives.
    fn flush(&mut self, frame: Frame) -> Vec<u8> {
        self.pipeline_begins();
        if !self.cycles.current().commit.cut {
            return frame.bytes;
        }
        self.cycles.ends();
        frame::message(b'S', &[])
    }

    /// Rejects FunctionCall, because a call by a function's OID would bypass all rules for functions.
    fn function_call(&mut self) -> Vec<u8> {
        let rejected = StatementRejected::new(
            "0A000",
            "function calls by the protocol are not supported",
            "call the function in a SELECT".to_owned(),
        );
        let sent = message::query_of(self.mark(rejected).as_bytes());
        self.cycles.ends();
        sent
    }

    /// Returns the tables in the SQL of a message, if a rule needs their columns and keys.
    pub(crate) fn named_tables(&self, frame: &Frame) -> Vec<QualifiedName> {
        let text = self.text(frame).and_then(Result::ok);
        text.map_or(Vec::new(), |text| statement::named_tables(&text))
    }

    /// Returns the SQL of a Query or a Parse, or the byte that is not valid in the client's encoding.
    pub(super) fn text(&self, frame: &Frame) -> Option<Result<String, u8>> {
        self.text_bytes(frame).map(|text| self.encoding.decode(text))
    }

    /// Returns the SQL of a Query or a Parse, as bytes.
    pub(super) fn text_bytes<'f>(&self, frame: &'f Frame) -> Option<&'f [u8]> {
        match frame.frontend() {
            FrontendTag::Query => message::query(frame.body()),
            FrontendTag::Parse => message::parse(frame.body()).map(|(_, text, _)| text),
            _ => None,
        }
    }

    /// Begins a pipeline: statements between two Syncs share a transaction, as the statements of one message do.
    fn pipeline_begins(&mut self) {
        if !self.cycles.is_open() {
            self.cycles.current();
            self.observe(TransactionEvent::Message(usize::MAX));
        }
    }
}
