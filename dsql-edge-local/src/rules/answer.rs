//! Changes PostgreSQL's answers for the client.
//!
//! Input: one of PostgreSQL's messages. Output: the message for the client. The answers to replaced statements, the
//! errors of conflicts and limits, and the reported settings become DSQL's. Positions in errors are corrected, and
//! dsql-local's own objects are left out. All other bytes stay the same.

use super::copy_in::CopyIn;
use super::encoding::Encoding;
use super::rejected::StatementRejected;
use super::statement::{ALTER_TABLE, CREATE_INDEX};
use super::transaction::{Status, TransactionEvent};
use super::{Session, own_objects, place, postgres_error, show};
use crate::proxy::frame::{Frame, message};

/// The messages that are changed or counted, and therefore read completely: ErrorResponse, RowDescription,
/// CommandComplete, ReadyForQuery, ParseComplete, BindComplete, CloseComplete, NoticeResponse, ParameterStatus,
/// CopyInResponse.
const BUFFERED: &[u8] = b"ETCZ123NSG";

/// The settings that DSQL reports, observed on clusters in August 2026; the version is from the recording in September.
const REPORTED: [(&str, Option<&str>); 11] = [
    ("server_version", Some("16.15")),
    ("server_encoding", None),
    ("client_encoding", None),
    ("DateStyle", None),
    ("IntervalStyle", None),
    ("TimeZone", None),
    ("integer_datetimes", None),
    ("standard_conforming_strings", None),
    ("is_superuser", None),
    ("default_transaction_read_only", None),
    ("in_hot_standby", None),
];

impl Session {
    /// Whether [`Session::postgres_message`] needs the complete message. A DataRow is read
    /// completely only if it is a row of a plan, because other rows can be large.
    pub(crate) fn reads_whole(&mut self, tag: u8) -> bool {
        BUFFERED.contains(&tag) || tag == b'D' && self.cycles.answered().is_some_and(|cycle| cycle.explains)
    }

    /// Changes a complete message of PostgreSQL for the client. [`Session::reads_whole`] is true for this message.
    pub(crate) fn postgres_message(&mut self, frame: Frame) -> Vec<u8> {
        match frame.tag() {
            Some(b'E') => {
                self.forget_requested_faults();
                self.observe(TransactionEvent::Error);
            }
            Some(b'C') if frame.body() == b"ROLLBACK\0" => drop(self.observe(TransactionEvent::RolledBack)),
            _ => {}
        }
        let cut = self.is_cut_after_commit();
        let answer = self.answer(frame);
        if cut { Vec::new() } else { answer }
    }

    fn answer(&mut self, frame: Frame) -> Vec<u8> {
        match frame.tag() {
            Some(b'G') => {
                self.copy_in.begins();
                frame.bytes
            }
            Some(b'E') => {
                self.copy_in.fails();
                match self
                    .caused(frame.body())
                    .or_else(|| postgres_error::of_postgres(frame.body(), &self.cluster))
                {
                    Some(rejected) => {
                        (self.cluster.log)(&rejected.log_line());
                        rejected.to_error_response(self.encoding)
                    }
                    None => {
                        let inserted = self.cycles.answered().map_or(&[][..], |cycle| &cycle.inserted);
                        let fields = own_objects::without_own(frame.body())
                            .or_else(|| place::corrected(frame.body(), inserted));
                        fields.map_or(frame.bytes, |fields| message(b'E', &[&fields]))
                    }
                }
            }
            Some(b'T') => self.described(frame),
            Some(b'C') => match self.tag.take() {
                Some("") => Vec::new(),
                Some(tag) => message(b'C', &[tag.as_bytes(), b"\0"]),
                None => frame.bytes,
            },
            Some(b'N') => self.noticed(frame),
            Some(b'D') if own_objects::is_own_trigger(frame.body()) => Vec::new(),
            Some(b'S') => {
                self.reported(&frame);
                parameter_status(frame)
            }
            Some(b'1' | b'2' | b'3') => match self.completes() {
                true => frame.bytes,
                false => Vec::new(),
            },
            Some(b'Z') => {
                self.ready(Status::of(frame.body()));
                frame.bytes
            }
            _ => frame.bytes,
        }
    }

    /// If a statement of a failed cycle has set faults, removes the faults again. The rejections that are not answered
    /// yet also lose their faults, because a rejection would otherwise make its fault pending again.
    fn forget_requested_faults(&mut self) {
        if let Some(requested) = self.cycles.answered().and_then(|cycle| cycle.requested.take()) {
            self.cluster.faults.undo(requested);
            self.rejections.values_mut().for_each(StatementRejected::forget_fault);
        }
    }

    /// Handles ReadyForQuery.
    fn ready(&mut self, status: Status) {
        self.tag = None;
        self.copy_in = CopyIn::None;
        self.observe(TransactionEvent::Ready(status));
        if !self.cycles.none() {
            return;
        }
        // The remaining rejections belong to statements that PostgreSQL skipped, because an earlier statement failed.
        // The faults of these rejections become pending again.
        for rejected in std::mem::take(&mut self.rejections).into_values() {
            rejected.fault().into_iter().for_each(|fault| self.cluster.faults.restore(fault));
        }
        if status == Status::Idle {
            // Portals end with their transaction.
            self.portals.clear();
        }
        self.changes_encoding &= self.encoding != Encoding::Utf8 || self.transaction.is_open();
    }

    /// Handles a notice. PostgreSQL sends a notice if a part of a schema change has no effect:
    /// `column "a" of relation "t" already exists, skipping`.
    fn noticed(&mut self, frame: Frame) -> Vec<u8> {
        if let Some(tag) = requested_tag(frame.body()) {
            self.tag = Some(tag);
            return Vec::new();
        }
        let skips = |field: &[u8]| field.starts_with(b"M") && field.ends_with(b", skipping");
        if frame.body().split(|byte| *byte == 0).any(skips) {
            self.observe(TransactionEvent::Skipped);
        }
        match own_objects::without_own(frame.body()) {
            _ if own_objects::is_about_own(frame.body()) => Vec::new(),
            Some(fields) => message(b'N', &[&fields]),
            None => frame.bytes,
        }
    }

    /// Renames the one column of a replaced statement to DSQL's name, and sets DSQL's tag for the next CommandComplete.
    fn described(&mut self, frame: Frame) -> Vec<u8> {
        let Some(column) = frame.body().strip_prefix(&[0, 1]) else { return frame.bytes };
        for (ours, theirs, tag) in
            [(CREATE_INDEX, "job_id", "CREATE INDEX"), (ALTER_TABLE, "job_id", "ALTER TABLE")]
        {
            if let Some(rest) = column.strip_prefix(ours.as_bytes()).filter(|rest| rest.first() == Some(&0)) {
                self.tag = Some(tag);
                return message(b'T', &[&[0, 1], theirs.as_bytes(), rest]);
            }
        }
        if let Some(setting) = column.strip_prefix(show::COLUMN.as_bytes()) {
            self.tag = Some("SHOW");
            return message(b'T', &[&[0, 1], setting]);
        }
        frame.bytes
    }
}

/// A ParameterStatus with DSQL's value; empty if DSQL does not report the setting.
pub(crate) fn parameter_status(frame: Frame) -> Vec<u8> {
    let mut parts = frame.body().split(|byte| *byte == 0);
    let name = parts.next().unwrap_or_default();
    match REPORTED.iter().find(|(reported, _)| reported.as_bytes() == name) {
        Some((_, Some(value))) => message(b'S', &[name, b"\0", value.as_bytes(), b"\0"]),
        Some(_) => frame.bytes,
        None => Vec::new(),
    }
}

/// The command tag that a procedure of dsql-local requests by a notice. The tag is empty if dsql-local itself has
/// called the procedure: the client then gets no answer to the call.
fn requested_tag(fields: &[u8]) -> Option<&'static str> {
    let message = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
    match message.strip_prefix(b"dsql_local_tag")?.trim_ascii_start() {
        b"" => Some(""),
        b"AWS IAM GRANT" => Some("AWS IAM GRANT"),
        b"AWS IAM REVOKE" => Some("AWS IAM REVOKE"),
        _ => None,
    }
}
