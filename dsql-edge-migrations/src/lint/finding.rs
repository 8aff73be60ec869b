//! The findings of a file.
//!
//! Input: a diagnostic, with the rule that the statement breaks and the rewrite, if there are any. Output: a value that
//! each format prints.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::{Fix, Rule};
use dsql_edge_compiler::source::{Lines, Span};

use crate::steps::IN_TRANSACTION;

/// A file and its findings.
pub struct LintedFile {
    /// The name of the file, as the caller passed it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The byte offsets at which the lines of the file start.
    pub lines: Lines,
    /// The findings, in the order of their positions.
    pub findings: Vec<Finding>,
}

/// A problem in a file.
pub struct Finding {
    /// The message, the span and the hint.
    pub diagnostic: Diagnostic,
    /// The rule of DSQL that the statement breaks; `None` for any other finding, such as a syntax error.
    pub rule: Option<&'static Rule>,
    /// The rewrite, if there is a single safe rewrite.
    pub fix: Option<Fix>,
    /// The span of the statement with the problem.
    pub statement: Span,
}

impl Finding {
    /// Whether the finding is about an index whose job may not have ended: `dsql-edge migrate` waits for each job.
    pub(super) fn is_moot_for_migrate(&self) -> bool {
        self.rule.is_some_and(|rule| rule.id == "index_not_valid")
    }

    /// Replaces advice that does not fit a migration. `CALL sys.wait_for_job` is not allowed in a migration, because
    /// `migrate` waits for each job, and a statement outside of BEGIN and COMMIT is a transaction of its own.
    pub(super) fn advise_for_migrate(&mut self) {
        let hint = match self.rule.map(|rule| rule.id) {
            Some("index_async") => {
                "write CREATE INDEX ASYNC: `dsql-edge migrate` waits for its job".to_owned()
            }
            Some("multi_ddl_transaction" | "mixed_ddl_dml_transaction") => IN_TRANSACTION.to_owned(),
            _ => {
                let Some(hint) = &self.diagnostic.hint else { return };
                hint.replace(" CALL sys.wait_for_job('…');", "").replace(", wait for its job,", ",")
            }
        };
        self.diagnostic.hint = Some(hint);
    }
}
