//! Values that several parts of workerd's configuration use.
//!
//! Input: a string. Output: a string literal in Cap'n Proto's syntax.

/// The compatibility date of the project's Workers.
pub(crate) const COMPATIBILITY_DATE: &str = "2026-04-01";

/// A string literal in Cap'n Proto's syntax.
pub(crate) fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
