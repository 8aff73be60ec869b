//! From an offset in the SQL to file, line and column of the Rust source, where the compiler says where a literal stands.

use dsql_edge_compiler::diagnostic::render::Place;
use dsql_edge_macro_input::Literal;
use syn::LitStr;

/// A string literal and where it stands.
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

    /// The place of a byte of the text; `None` where the compiler does not say where the literal stands.
    pub(crate) fn place(&self, offset: usize) -> Option<Place> {
        if self.line == 0 || self.file.is_none() {
            return None;
        }
        let (line, column) = self.literal.place(offset, self.line, self.column)?;
        Some(Place { file: self.file.clone(), line, column })
    }
}
