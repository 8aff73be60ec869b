//! Values that each part of workerd's configuration uses.
//!
//! Input: a text. Output: the text as Cap'n Proto's syntax has it.

/// The compatibility date of the project's Workers.
pub(crate) const COMPATIBILITY_DATE: &str = "2026-04-01";

/// A string literal in Cap'n Proto's syntax.
pub(crate) fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
