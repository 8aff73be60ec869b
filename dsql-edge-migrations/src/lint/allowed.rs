//! Decides whether a comment silences a finding.
//!
//! Input: the text of a file and a finding. Output: whether a comment contains the name of the finding's rule. A comment
//! cannot silence the error that a statement cannot be read.

use crate::allow_comment::is_allowed;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Stage};

use super::finding::Finding;

/// Whether a comment silences a finding, at its place or at its statement.
pub(super) fn is_finding_allowed(text: &str, finding: &Finding) -> bool {
    let name = match finding.rule {
        Some(rule) => rule.id,
        None => {
            let Diagnostic { code, stage, .. } = finding.diagnostic;
            if stage == Stage::Syntax || matches!(code, Code::SyntaxError | Code::TooComplex) {
                return false;
            }
            code.name()
        }
    };
    is_allowed(text, name, [finding.diagnostic.span.start, finding.statement.start])
}
