//! Decides whether a comment silences a finding.
//!
//! Input: the text of a file and a finding. Output: whether a comment contains the name of the finding's rule. A comment
//! cannot silence an error without a rule,
//! except the error that a name does not exist.

use crate::allow_comment::is_allowed;

use super::finding::Finding;
use super::resolve::is_of_name;

/// Whether a comment silences a finding, at its place or at its statement.
pub(super) fn is_finding_allowed(text: &str, finding: &Finding) -> bool {
    let name = match finding.rule {
        Some(rule) => rule.id,
        None if !finding.diagnostic.is_error() || is_of_name(finding.diagnostic.code) => {
            finding.diagnostic.code.name()
        }
        None => return false,
    };
    is_allowed(text, name, [finding.diagnostic.span.start, finding.statement.start])
}
