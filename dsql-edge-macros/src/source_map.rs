//! Finds the file, line and column in the Rust source for an offset in the SQL, if the compiler reports where the
//! literal is.
//!
//! Input: a literal and an offset. Output: a place.

use dsql_edge_compiler::diagnostic::render::Place;
use dsql_edge_macro_input::Literal;
use syn::LitStr;

/// A string literal with its file, line and column.
pub(crate) struct SourceMap {
    literal: Literal,
    file: Option<String>,
    /// Line of the literal's first character, from 1; 0 if unknown.
    line: usize,
    /// Column of the literal's first character, from 1.
    column: usize,
}

impl SourceMap {
    pub(crate) fn new(literal: &LitStr) -> SourceMap {
        let span = literal.span().unwrap();
        // In an editor, the span may contain neither file nor line.
        let file = Some(span.file()).filter(|file| !file.is_empty());
        SourceMap { literal: Literal::new(literal), file, line: span.line(), column: span.column() }
    }

    /// Returns the file, line and column of a byte of the SQL; `None` if the compiler does not report where the literal
    /// is.
    pub(crate) fn place(&self, offset: usize) -> Option<Place> {
        if self.line == 0 || self.file.is_none() {
            return None;
        }
        let (line, column) = self.literal.place(offset, self.line, self.column)?;
        Some(Place { file: self.file.clone(), line, column })
    }
}
