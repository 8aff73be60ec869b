//! Reads the SQL of an invocation, and reports each error at its true position in the SQL.
//!
//! Input: a string literal, or the path of an SQL file. Output: its text, and errors as tokens.

use crate::snapshot;
use crate::source_map::SourceMap;
use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::source::line_and_column;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use std::path::PathBuf;
use syn::LitStr;

/// The SQL of one query.
pub(crate) struct Text {
    /// The SQL.
    pub(crate) source: Source,
    /// The span that rustc underlines.
    pub(crate) span: Span,
    origin: Origin,
}

enum Origin {
    Literal(LitStr),
    File {
        /// The path of the SQL file as the user wrote it.
        written: String,
        path: PathBuf,
    },
}

impl Text {
    pub(crate) fn literal(literal: LitStr) -> Text {
        Text {
            source: Source::of_macro(literal.value()),
            span: literal.span(),
            origin: Origin::Literal(literal),
        }
    }

    /// Reads a file, whose path is relative to the crate's Cargo.toml.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub(crate) fn file(literal: &LitStr) -> Result<Text, String> {
        let written = literal.value();
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let path = folder.join(&written);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!("{written} cannot be read: {error}; the path is relative to Cargo.toml")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Ok(Text {
            source: Source::of_macro(text),
            span: literal.span(),
            origin: Origin::File { written, path },
        })
    }

    /// Returns the tokens that make the build depend on the file.
    pub(crate) fn tracked(&self) -> TokenStream {
        match &self.origin {
            Origin::Literal(_) => TokenStream::new(),
            Origin::File { path, .. } => snapshot::tracked(std::slice::from_ref(path)),
        }
    }

    /// Renders a diagnostic with its position in the file.
    pub(crate) fn render(&self, diagnostic: &Diagnostic) -> String {
        let start = diagnostic.span.start as usize;
        let place = match &self.origin {
            Origin::Literal(literal) => SourceMap::new(literal).place(start),
            Origin::File { written, .. } => {
                let (line, column) = line_and_column(&self.source.text, start);
                Some(Place { file: Some(written.clone()), line, column })
            }
        };
        render(diagnostic, &self.source.text, place)
    }

    /// Returns the tokens that report a diagnostic as an error of the build.
    pub(crate) fn error(&self, diagnostic: &Diagnostic) -> TokenStream {
        compile_error(self.span, &self.render(diagnostic))
    }
}

/// `compile_error!`, as an expression, a statement or an item.
pub(crate) fn compile_error(span: Span, message: &str) -> TokenStream {
    quote_spanned!(span=> ::core::compile_error! { #message })
}
