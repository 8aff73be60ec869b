//! Reads the methods that are called on the value of a macro: `.fetch_one(&pool).await?.rows_affected()`.
//!
//! Input: the tokens after the invocation. Output: the methods, each with its position.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenTree};

use crate::check::is_punct;

/// The methods of a chain.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) steps: Vec<Step>,
    /// The number of tokens of the chain.
    pub(super) tokens: usize,
    /// Whether the code uses the value of the chain. If the code does not use the value, the chain is a statement
    /// (`query!(…).execute(&pool).await?;`).
    pub(super) is_used: bool,
}

/// A method, or `await`.
pub(super) struct Step {
    pub(super) name: String,
    /// The bytes of the name.
    pub(super) name_at: Range<usize>,
    /// The byte range from the dot to the end of the arguments.
    pub(super) whole: Range<usize>,
    pub(super) line: usize,
}

/// The methods that send a query.
const SENDS: [&str; 7] =
    ["fetch", "fetch_all", "fetch_one", "fetch_optional", "fetch_many", "execute", "execute_many"];

impl Chain {
    /// Returns the method that sends the query, and the methods before it.
    pub(super) fn sent(&self) -> Option<(&[Step], &Step)> {
        let at = self.steps.iter().position(|step| SENDS.contains(&step.name.as_str()))?;
        Some((self.steps.get(..at)?, self.steps.get(at)?))
    }

    /// Returns the steps after the method that sends the query, without `await`.
    pub(super) fn after(&self) -> impl Iterator<Item = &Step> {
        let at = self.steps.iter().position(|step| SENDS.contains(&step.name.as_str()));
        let after = at.and_then(|at| self.steps.get(at + 1..)).unwrap_or_default();
        after.iter().filter(|step| step.name != "await")
    }

    pub(super) fn executes(&self) -> bool {
        self.sent().is_some_and(|(_, step)| step.name == "execute")
    }
}

/// Reads the chain at the beginning of `after`.
pub(super) fn chain(after: &[TokenTree]) -> Chain {
    let mut out = Chain::default();
    let mut rest = after;
    loop {
        rest = match rest {
            [question, more @ ..] if is_punct(question, '?') && !out.steps.is_empty() => more,
            [dot, TokenTree::Ident(name), more @ ..] if is_punct(dot, '.') => {
                let name_at = name.span().byte_range();
                let (end, more) = match more {
                    [TokenTree::Group(arguments), more @ ..]
                        if arguments.delimiter() == Delimiter::Parenthesis =>
                    {
                        (arguments.span_close().byte_range().end, more)
                    }
                    more => (name_at.end, more),
                };
                out.steps.push(Step {
                    name: name.to_string(),
                    whole: dot.span().byte_range().start..end,
                    line: name.span().start().line,
                    name_at,
                });
                more
            }
            _ => break,
        };
    }
    out.tokens = after.len() - rest.len();
    out.is_used = !rest.first().is_some_and(|token| is_punct(token, ';'));
    out
}

/// Returns the byte range of each `.rows_affected()` on the variable `name`, up to and including a statement `let name
/// = …`, whose right side still uses the old value.
pub(super) fn uses_of_row_count(name: &str, tokens: &[TokenTree]) -> Vec<Range<usize>> {
    let is_name = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident == name);
    let mut out = Vec::new();
    let mut is_last = false;
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at..).unwrap_or_default();
        match rest {
            [semicolon, ..] if is_last && is_punct(semicolon, ';') => break,
            [TokenTree::Ident(word), next, ..] if word == "let" && is_name(next) => is_last = true,
            [TokenTree::Ident(word), TokenTree::Ident(mutable), next, ..]
                if word == "let" && mutable == "mut" && is_name(next) =>
            {
                is_last = true;
            }
            [variable, dot, TokenTree::Ident(method), TokenTree::Group(arguments), ..]
                if is_name(variable) && is_punct(dot, '.') && method == "rows_affected" =>
            {
                out.push(dot.span().byte_range().start..arguments.span_close().byte_range().end);
            }
            _ => {}
        }
        if let TokenTree::Group(group) = token {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            out.extend(uses_of_row_count(name, &inside));
        }
    }
    out
}
