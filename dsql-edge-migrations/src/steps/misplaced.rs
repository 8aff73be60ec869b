//! The error for a statement or a comment that is not allowed in a migration.

use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use dsql_edge_compiler::source::Span;

pub(super) fn misplaced_error(span: Span, what: &str, hint: &str) -> Diagnostic {
    Diagnostic::error(Code::MisplacedStatement, span, format!("{what} cannot be in a migration"))
        .with_hint(hint)
}
