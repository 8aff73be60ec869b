//! Finds invocations in the examples of doc comments: `check` lists these invocations, but does not compile them.
//!
//! Input: the lines of a doc comment. Output: the location of each invocation in a block of Rust. `cargo test --doc`
//! compiles each example as a separate program, under the current schema.

use std::collections::BTreeMap;

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::invocation::invoked;

/// The lines of a doc comment, each with its number in the file.
#[derive(Default)]
pub(super) struct DocComment(Vec<(usize, String)>);

impl DocComment {
    /// Adds the text of `#[doc = "…"]`; returns false if the group is another attribute.
    pub(super) fn add(&mut self, attribute: &Group) -> bool {
        if attribute.delimiter() != Delimiter::Bracket {
            return false;
        }
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        let [TokenTree::Ident(doc), TokenTree::Punct(_), TokenTree::Literal(text)] = tokens.as_slice() else {
            return false;
        };
        let Ok(value) = syn::parse_str::<syn::LitStr>(&text.to_string()) else { return false };
        if doc != "doc" {
            return false;
        }
        let first = text.span().start().line;
        self.0.extend(value.value().lines().enumerate().map(|(at, line)| (first + at, line.to_owned())));
        true
    }

    /// Returns the lines of the invocations in the comment's blocks of Rust, and empties the comment.
    pub(super) fn take_invocations(&mut self) -> Vec<usize> {
        let mut out = Vec::new();
        let mut block: Option<(bool, usize, String)> = None;
        for (number, line) in std::mem::take(&mut self.0) {
            let written = line.trim();
            match (&mut block, written.strip_prefix("```")) {
                (None, Some(info)) => block = Some((is_rust(info), number + 1, String::new())),
                (Some((is_rust, first, code)), Some(_)) => {
                    if *is_rust && let Ok(tokens) = TokenStream::from_str(code) {
                        collect(tokens, &mut |line| out.push(*first + line - 1));
                    }
                    block = None;
                }
                (Some((_, _, code)), None) => {
                    // rustdoc compiles a line that begins with `# `, but does not show it.
                    let hidden = written.strip_prefix("# ").or((written == "#").then_some(""));
                    *code += hidden.unwrap_or(written);
                    code.push('\n');
                }
                (None, None) => {}
            }
        }
        out
    }
}

/// Whether rustdoc compiles a block, decided by the words after its opening fence.
fn is_rust(info: &str) -> bool {
    let mut words = info.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    words.all(|word| matches!(word, "rust" | "should_panic" | "no_run") || word.starts_with("edition"))
}

fn collect(tokens: TokenStream, found: &mut dyn FnMut(usize)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        if let Some(invoked) = invoked(tokens.get(..at).unwrap_or_default(), &BTreeMap::new()) {
            found(invoked.line);
        }
        collect(group.stream(), found);
    }
}
