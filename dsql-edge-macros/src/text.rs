//! SQL as it stands in the source, and messages about it with the true place.

use crate::source_map::SourceMap;
use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::diagnostic::render::render;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::LitStr;

/// The SQL of one query.
pub(crate) struct Text {
    /// The SQL.
    pub(crate) source: Source,
    /// What rustc underlines.
    pub(crate) span: Span,
    literal: LitStr,
}

impl Text {
    pub(crate) fn literal(literal: LitStr) -> Text {
        Text { source: Source::named(literal.value()), span: literal.span(), literal }
    }

    /// A diagnostic with its place in the file.
    pub(crate) fn render(&self, diagnostic: &Diagnostic) -> String {
        let place = SourceMap::new(&self.literal).place(diagnostic.span.start as usize);
        render(diagnostic, &self.source.text, place)
    }

    /// A diagnostic that stops the build.
    pub(crate) fn error(&self, diagnostic: &Diagnostic) -> TokenStream {
        compile_error(self.span, &self.render(diagnostic))
    }
}

/// `compile_error!`, as an expression, a statement or an item.
pub(crate) fn compile_error(span: Span, message: &str) -> TokenStream {
    quote_spanned!(span=> ::core::compile_error! { #message })
}
