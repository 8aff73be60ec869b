//! Decides whether a client's message must wait, because its meaning depends on answers that have not arrived.
//!
//! Input: the message, and the outstanding answers. Output: yes or no. The relay checks again after each answer.

use dsql_edge_compiler::dsql::transaction::is_copy_from;

use super::message::contains;
use super::{Session, message};
use crate::proxy::frame::{Frame, FrontendTag};

impl Session {
    /// Whether a client's message must wait until PostgreSQL has answered the earlier messages.
    pub(crate) fn must_wait(&self, frame: &Frame) -> bool {
        // The message waits until it is known whether COPY has begun: PostgreSQL does not answer a Sync during COPY.
        if self.copy_in.is_undecided() {
            return true;
        }
        if self.cycles.nothing_owed() {
            return false;
        }
        match frame.frontend() {
            FrontendTag::Bind => message::bind(frame.body()).is_some_and(|(_, name)| self.is_uncertain(name)),
            FrontendTag::Execute => {
                self.transaction.locks_rows()
                    || message::name(frame.body()).is_some_and(|portal| self.is_copy_in(portal))
            }
            tag @ (FrontendTag::Query | FrontendTag::Parse) => {
                let Some(text) = self.text_bytes(frame) else { return false };
                self.changes_encoding && !text.is_ascii()
                    || self.encoding.decode(text).is_err()
                    || tag == FrontendTag::Query && (self.transaction.locks_rows() || contains(text, "COPY"))
            }
            FrontendTag::Close
            | FrontendTag::CopyData
            | FrontendTag::CopyDone
            | FrontendTag::CopyFail
            | FrontendTag::Describe
            | FrontendTag::Flush
            | FrontendTag::FunctionCall
            | FrontendTag::Password
            | FrontendTag::Sync
            | FrontendTag::Terminate
            | FrontendTag::Unknown => false,
        }
    }

    /// Repeats the check of `must_wait` after one more answer. The reason why the message waits is already known, so
    /// the text of the message is not searched again.
    pub(crate) fn still_waits(&self, frame: &Frame) -> bool {
        match frame.frontend() {
            FrontendTag::Query | FrontendTag::Parse => {
                self.copy_in.is_undecided() || !self.cycles.nothing_owed()
            }
            _ => self.must_wait(frame),
        }
    }

    /// Whether this portal's statement is COPY FROM STDIN.
    pub(super) fn is_copy_in(&self, portal: &[u8]) -> bool {
        let prepared = self.portals.get(portal).and_then(Option::as_deref);
        prepared.is_some_and(|prepared| prepared.iter().any(is_copy_from))
    }
}
