//! Decides whether a comment silences a finding.
//!
//! Input: the text of a file and a finding. Output: whether a comment contains the name of the finding's rule. A comment
//! cannot silence an error without a rule,
//! except the error that a name does not exist, or exists already.

use crate::allow_comment::is_allowed;

use super::finding::Finding;
use super::resolve::{is_of_name, is_of_taken_name};

/// Whether a comment silences a finding, at its place or at its statement.
pub(super) fn is_finding_allowed(text: &str, finding: &Finding) -> bool {
    let name = match finding.rule {
        Some(rule) => rule.id,
        None => {
            let (code, is_error) = (finding.diagnostic.code, finding.diagnostic.is_error());
            if is_error && !is_of_name(code) && !is_of_taken_name(code) {
                return false;
            }
            code.name()
        }
    };
    is_allowed(text, name, [finding.diagnostic.span.start, finding.statement.start])
}
