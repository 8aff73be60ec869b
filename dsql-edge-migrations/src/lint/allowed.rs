//! Decides whether a comment silences a finding.
//!
//! Input: the text of a file and a finding. Output: whether a comment contains the name of the finding's rule. A
//! comment cannot silence a syntax error.

use crate::allow_comment::is_allowed;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Stage};

use super::finding::Finding;

/// Whether a comment silences a finding. The comment must be in the line in which the finding or its statement begins,
/// or in the line above.
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
