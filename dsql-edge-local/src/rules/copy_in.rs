//! COPY FROM STDIN: PostgreSQL reads rows, and ignores Sync and Flush, until CopyDone or CopyFail.
//!
//! Input: the COPY that was sent, CopyInResponse, errors, and the client's messages. Output: whether a message must
//! wait for PostgreSQL's answer, and whether PostgreSQL answers a Sync. libpq sends Sync with the COPY and again after
//! CopyDone. If COPY fails at once, PostgreSQL answers both Syncs, otherwise only the second one (`CopyGetData` in
//! `copyfromparse.c`).

use crate::proxy::frame::FrontendTag;

/// The progress of a COPY FROM STDIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyIn {
    None,
    /// The COPY was sent: PostgreSQL answers with CopyInResponse or an error. A simple query may have several COPYs.
    Sent {
        simple: bool,
    },
    /// PostgreSQL reads rows.
    Reads {
        simple: bool,
    },
}

impl CopyIn {
    pub(super) fn is_undecided(self) -> bool {
        matches!(self, CopyIn::Sent { .. })
    }

    pub(super) fn has_begun(self) -> bool {
        matches!(self, CopyIn::Reads { .. })
    }

    /// Handles CopyInResponse.
    pub(super) fn begins(&mut self) {
        if let CopyIn::Sent { simple } = *self {
            *self = CopyIn::Reads { simple };
        }
    }

    /// Handles ErrorResponse. In a simple query, ReadyForQuery follows the ErrorResponse.
    pub(super) fn fails(&mut self) {
        *self = match *self {
            CopyIn::Sent { simple: true } | CopyIn::Reads { simple: true } => CopyIn::Sent { simple: true },
            _ => CopyIn::None,
        };
    }

    /// Whether a client's message is allowed while PostgreSQL reads rows.
    pub(super) fn accepts(&mut self, tag: FrontendTag) -> bool {
        match tag {
            FrontendTag::CopyData | FrontendTag::Sync | FrontendTag::Flush | FrontendTag::Terminate => true,
            FrontendTag::CopyDone | FrontendTag::CopyFail => {
                *self = match *self {
                    CopyIn::Reads { simple: true } => CopyIn::Sent { simple: true },
                    _ => CopyIn::None,
                };
                true
            }
            FrontendTag::Bind
            | FrontendTag::Close
            | FrontendTag::Describe
            | FrontendTag::Execute
            | FrontendTag::FunctionCall
            | FrontendTag::Parse
            | FrontendTag::Password
            | FrontendTag::Query
            | FrontendTag::Unknown => false,
        }
    }
}
