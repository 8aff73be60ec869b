//! PostgreSQL's answers, turned into DSQL's where a statement was replaced.
//!
//! In: one of PostgreSQL's messages. Out: the message for the client. Nothing but errors that we caused, and the
//! answers of jobs, is ever changed.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::Finding;

use super::message::message;
use super::{MARK, Session};
use crate::proxy::frame::Frame;

/// The column that a replaced CREATE INDEX ASYNC answers with, until the client gets it.
pub(super) const CREATE_INDEX: &str = "dsql_local_create_index";
/// The same of ALTER TABLE ASYNC.
pub(super) const ALTER_TABLE: &str = "dsql_local_alter_table";

/// The messages that must be looked at whole: ErrorResponse, RowDescription, CommandComplete, ReadyForQuery.
pub(crate) const BUFFERED: &[u8] = b"ETCZ";

/// DSQL's answer to a statement that it refuses.
pub(crate) struct Refused {
    sqlstate: &'static str,
    message: String,
    /// What to do: for the log, DSQL does not send it.
    instead: Option<String>,
}

impl Refused {
    pub(super) fn of(finding: Finding) -> Refused {
        Refused::said(finding.diagnostic)
    }

    /// What our parser says of DSQL's own words, or a rule.
    pub(super) fn said(diagnostic: Diagnostic) -> Refused {
        Refused { sqlstate: diagnostic.sqlstate(), message: diagnostic.message, instead: diagnostic.hint }
    }

    /// A line for the developer.
    fn told(&self) -> String {
        let instead = self.instead.as_ref().map_or(String::new(), |instead| format!(": {instead}"));
        format!("refused as DSQL does: {} [{}]{instead}", self.message, self.sqlstate)
    }

    fn to_error_response(&self) -> Vec<u8> {
        let message_text: Vec<u8> = self.message.bytes().filter(|byte| *byte != 0).collect();
        message(b'E', &[b"SERROR\0VERROR\0C", self.sqlstate.as_bytes(), b"\0M", &message_text, b"\0\0"])
    }
}

impl Session {
    /// One of [`BUFFERED`], as the client gets it.
    pub(crate) fn postgres_says(&mut self, frame: Frame) -> Vec<u8> {
        match frame.tag() {
            Some(b'E') => match self.caused(frame.body()) {
                Some(refused) => {
                    (self.log)(&refused.told());
                    refused.to_error_response()
                }
                None => frame.bytes,
            },
            Some(b'T') => self.described(frame),
            Some(b'C') => match self.tag.take() {
                Some(tag) => message(b'C', &[tag.as_bytes(), b"\0"]),
                None => frame.bytes,
            },
            Some(b'Z') => {
                self.owed = self.owed.saturating_sub(1);
                self.tag = None;
                if self.owed == 0 && !self.in_cycle {
                    // What was not answered was skipped.
                    self.refusals.clear();
                    self.transactions.settle(frame.body() != b"I");
                }
                frame.bytes
            }
            _ => frame.bytes,
        }
    }

    /// The refusal behind an error: `column "dsql_local_refusal_7" does not exist`.
    fn caused(&mut self, fields: &[u8]) -> Option<super::Refused> {
        let said = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
        let said = std::str::from_utf8(said).ok()?;
        let number = said.strip_prefix("column \"")?.strip_prefix(MARK)?.strip_suffix("\" does not exist")?;
        self.refusals.remove(&number.parse().ok()?)
    }

    /// The one column of a job's answer gets DSQL's name, and the next CommandComplete DSQL's tag.
    fn described(&mut self, frame: Frame) -> Vec<u8> {
        for (column, tag) in [(CREATE_INDEX, "CREATE INDEX"), (ALTER_TABLE, "ALTER TABLE")] {
            let head = [&[0, 1], column.as_bytes(), b"\0"].concat();
            if let Some(rest) = frame.body().strip_prefix(head.as_slice()) {
                self.tag = Some(tag);
                return message(b'T', &[&[0, 1], b"job_id\0", rest]);
            }
        }
        frame.bytes
    }
}
