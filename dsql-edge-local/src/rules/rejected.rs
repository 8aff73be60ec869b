//! DSQL's answer to a rejected statement, and the alternative for the log.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::Finding;

use super::encoding::Encoding;
use crate::faults::Fault;
use crate::proxy::frame::error_response;

/// The error that DSQL sends for a rejected statement.
pub(super) struct StatementRejected {
    sqlstate: &'static str,
    message: String,
    detail: Option<String>,
    /// The alternative, which is only in the log, because DSQL does not send alternatives.
    instead: Option<String>,
    /// The requested fault that is the reason of the error.
    fault: Option<Fault>,
}

impl StatementRejected {
    pub(super) fn of(finding: Finding) -> StatementRejected {
        StatementRejected::of_diagnostic(finding.diagnostic)
    }

    /// An error of our parser, or of a rule.
    pub(super) fn of_diagnostic(diagnostic: Diagnostic) -> StatementRejected {
        let sqlstate = diagnostic.sqlstate();
        let Diagnostic { message, detail, hint, .. } = diagnostic;
        StatementRejected { sqlstate, message, detail, instead: hint, fault: None }
    }

    /// Makes an answer of DSQL that is not in the tables of rules; `instead` is the alternative for the log.
    pub(super) fn new(
        sqlstate: &'static str,
        message: impl Into<String>,
        instead: String,
    ) -> StatementRejected {
        StatementRejected {
            sqlstate,
            message: message.into(),
            detail: None,
            instead: Some(instead),
            fault: None,
        }
    }

    /// The answer to a statement beyond a limit of our parser. A cluster's own limit is its stack, whose size is not
    /// known.
    pub(super) fn too_complex(limit: &Diagnostic) -> StatementRejected {
        StatementRejected::too_deep().detailed(limit.message.clone())
    }

    /// The answer to a statement that nests too deeply for the stack.
    pub(super) fn too_deep() -> StatementRejected {
        StatementRejected::new("54001", "stack depth limit exceeded", "reduce the nesting".to_owned())
    }

    /// PostgreSQL's answer to a message that is not valid in the client's encoding.
    pub(super) fn not_encoded(byte: u8) -> StatementRejected {
        let message = format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}");
        StatementRejected::new("22021", message, "send UTF-8, or set client_encoding first".to_owned())
    }

    /// The answer to a message whose encoding is not known: an earlier statement of the cycle may have changed the
    /// encoding.
    pub(super) fn encoding_unknown() -> StatementRejected {
        StatementRejected::new(
            "0A000",
            "client_encoding may have changed earlier in this pipeline, and the statement has characters outside ASCII",
            "send Sync after the statement that changes client_encoding".to_owned(),
        )
    }

    /// The answer to a statement that changes roles, if other tests use the same roles.
    pub(super) fn of_shared_roles() -> StatementRejected {
        StatementRejected::new(
            "0A000",
            "the roles of this PostgreSQL belong to all tests, and a test must not change them: \
             write own_server in the test's attribute, #[dsql_edge::test(own_server)]",
            "a test with its own server has its own roles".to_owned(),
        )
    }

    /// The answer to more objects than a session may have.
    pub(super) fn too_many(what: &str) -> StatementRejected {
        StatementRejected::new("54000", format!("too many {what} in one session"), format!("close {what}"))
    }

    /// Adds a DETAIL.
    pub(super) fn detailed(self, detail: String) -> StatementRejected {
        StatementRejected { detail: Some(detail).filter(|detail| !detail.is_empty()), ..self }
    }

    /// Adds the requested fault that is the reason of the error.
    pub(super) fn by_fault(self, fault: Fault) -> StatementRejected {
        StatementRejected { fault: Some(fault), ..self }
    }

    /// Removes the fault, so that the fault is not restored if the statement is skipped.
    pub(super) fn forget_fault(&mut self) {
        self.fault = None;
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The line of the log.
    pub(super) fn log_line(&self) -> String {
        let instead = self.instead.as_ref().map_or(String::new(), |instead| format!(": {instead}"));
        format!("rejected as DSQL does: {} [{}]{instead}", self.message, self.sqlstate)
    }

    pub(super) fn to_error_response(&self, encoding: Encoding) -> Vec<u8> {
        let (message, detail) = (encoding.encode(&self.message), self.detail.as_deref());
        let detail = detail.map(|detail| encoding.encode(detail));
        let mut fields = vec![(b'M', message.as_slice())];
        fields.extend(detail.as_ref().map(|detail| (b'D', detail.as_slice())));
        error_response("ERROR", self.sqlstate, &fields)
    }
}
