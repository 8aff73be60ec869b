//! Changes the spans of a type's tokens to the span of the SQL that contains the type, so that rustc shows an error
//! about the type at the SQL.
//!
//! Input: tokens and a span. Output: the tokens, all of which have this span.

use proc_macro2::{Span, TokenStream};

/// Returns the tokens with `span` as their span.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let proc_macro2::TokenTree::Group(group) = &token {
                let mut inner = proc_macro2::Group::new(group.delimiter(), respan(group.stream(), span));
                inner.set_span(span);
                return proc_macro2::TokenTree::Group(inner);
            }
            token.set_span(span);
            token
        })
        .collect()
}
