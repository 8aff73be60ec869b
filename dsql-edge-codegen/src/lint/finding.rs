//! The findings of a file.
//!
//! Input: a diagnostic, and the rule and the rewrite that belong to it. Output: a value that each format prints.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::{Fix, Rule};
use dsql_edge_compiler::source::{Lines, Span};

/// A file and its findings.
pub struct LintedFile {
    /// As it was named.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where its lines begin.
    pub lines: Lines,
    /// The findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a file.
pub struct Finding {
    /// What, where, and what to do.
    pub diagnostic: Diagnostic,
    /// The rule that the statement breaks; `None` for a syntax error.
    pub rule: Option<&'static Rule>,
    /// The one safe rewrite.
    pub fix: Option<Fix>,
    /// The span of its statement.
    pub statement: Span,
}

impl Finding {
    /// Whether the finding is about an index whose job may not have ended: `dsql-edge migrate` waits for each job.
    pub(super) fn is_moot_for_migrate(&self) -> bool {
        self.rule.is_some_and(|rule| rule.id == "index_not_valid")
    }
}
