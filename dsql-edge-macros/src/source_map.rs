//! Maps an offset in the SQL to file, line and column of the Rust source, if the compiler reports where a literal is.
//!
//! Input: a literal and an offset. Output: a place.

use dsql_edge_compiler::diagnostic::render::Place;
use dsql_edge_macro_input::Literal;
use syn::LitStr;

/// A string literal and its place.
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
        // Editors may give neither file nor line.
        let file = Some(span.file()).filter(|file| !file.is_empty());
        SourceMap { literal: Literal::new(literal), file, line: span.line(), column: span.column() }
    }

    /// The place of a byte of the text; `None` if the compiler does not report the place of the literal.
    pub(crate) fn place(&self, offset: usize) -> Option<Place> {
        if self.line == 0 || self.file.is_none() {
            return None;
        }
        let (line, column) = self.literal.place(offset, self.line, self.column)?;
        Some(Place { file: self.file.clone(), line, column })
    }
}
