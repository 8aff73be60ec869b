//! Keeps generated Rust code as a string, which is parsed once.
//!
//! Tokens take a large part of the time of an expansion, because debug builds do not optimize macros: `quote!` appends
//! one token at a time, and each stream inside another stream takes two calls into rustc. rustc's own lexer turns a
//! whole string into tokens in one call. So most tokens of a query, those of its items, are written as a string.
//!
//! A string has no spans. Some tokens need their spans, such as the user's types: these tokens are kept in a separate
//! list. In the string, `$0` is the placeholder of the list's first entry. Outside string literals, generated code
//! contains `$` only in such placeholders.

use core::fmt::{self, Write as _};
use core::str::FromStr as _;
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;

/// Generated code as a string, and the tokens to which the placeholders in the string refer.
#[derive(Default)]
pub(super) struct RustSource {
    text: String,
    tokens: Vec<TokenStream>,
}

impl RustSource {
    /// Appends text: `source.push(format_args!("…"))`.
    pub(super) fn push(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = self.text.write_fmt(text);
    }

    /// Stores `tokens`, and returns the placeholder for these tokens.
    pub(super) fn placeholder(&mut self, tokens: TokenStream) -> String {
        self.tokens.push(tokens);
        format!("${}", self.tokens.len() - 1)
    }

    /// Returns the tokens of the whole string, in which each placeholder is replaced.
    pub(super) fn parse(self) -> TokenStream {
        let parsed = parsed(&self.text);
        if self.tokens.is_empty() { parsed } else { self.with_tokens(parsed) }
    }

    /// Replaces each placeholder by the tokens to which it refers.
    fn with_tokens(&self, parsed: TokenStream) -> TokenStream {
        let mut out = TokenStream::new();
        let mut trees = parsed.into_iter();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '$' => {
                    let number = trees.next().and_then(|number| number.to_string().parse::<usize>().ok());
                    out.extend(number.and_then(|at| self.tokens.get(at)).cloned());
                }
                TokenTree::Group(group) => {
                    let mut inside = Group::new(group.delimiter(), self.with_tokens(group.stream()));
                    inside.set_span(group.span());
                    out.extend([TokenTree::Group(inside)]);
                }
                tree => out.extend([tree]),
            }
        }
        out
    }
}

/// Returns the tokens of generated text. Generated code consists of literals, identifiers, punctuation and balanced
/// brackets, so the string is always valid for the lexer.
pub(super) fn parsed(text: &str) -> TokenStream {
    // `proc_macro2` would parse the string itself before rustc does, which takes ten times longer.
    let parsed = if proc_macro::is_available() {
        proc_macro::TokenStream::from_str(text).map(TokenStream::from).map_err(|error| error.to_string())
    } else {
        TokenStream::from_str(text).map_err(|error| error.to_string())
    };
    parsed.unwrap_or_else(|error| quote!(::core::compile_error!(#error)))
}

/// Joins texts with commas.
pub(super) fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let mut out = String::new();
    for item in items {
        if !out.is_empty() {
            out.push_str(", ");
        }
        let _ = write!(out, "{item}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_and_literals_are_kept() {
        let mut source = RustSource::default();
        let (name, ty) = (source.placeholder(quote!(Post)), source.placeholder(quote!(Vec<Uuid>)));
        let sql = "SELECT '\"\\', \u{200b} \r\n WHERE id = $1";
        source.push(format_args!("struct {name} {{ ids: Option<{ty}> }} const SQL: &str = {sql:?};"));
        let expected = quote!(struct Post { ids: Option<Vec<Uuid>> } const SQL: &str = #sql;);
        assert_eq!(source.parse().to_string().replace(' ', ""), expected.to_string().replace(' ', ""));
    }
}
