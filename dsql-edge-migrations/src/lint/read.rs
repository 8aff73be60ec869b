//! Reads a file, statement by statement: a statement that cannot be read does not hide the statements after it.
//!
//! Input: the text of a file. Output: the statements that can be read, and the errors of the other statements.

use dsql_edge_compiler::Source;
use dsql_edge_compiler::syntax::{Parsed, lex};

use super::finding::Finding;

/// Returns the statements that can be read, and the errors of the other statements.
pub(super) fn read(text: &str) -> (Parsed<'_>, Vec<Finding>) {
    let (parsed, errors) = Parsed::readable(text, lex(&Source::script(text)));
    let of = |(diagnostic, statement)| Finding { diagnostic, rule: None, fix: None, statement };
    (parsed, errors.into_iter().map(of).collect())
}
