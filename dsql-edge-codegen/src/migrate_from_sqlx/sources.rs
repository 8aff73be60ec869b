//! Finds the uses of sqlx in the sources of a package.
//!
//! Input: the folder of the package. Output: the invocations of sqlx's macros, each with its arguments and the methods
//! that are called on it, and the calls of sqlx's functions, whose SQL nothing checks. This module does not read the
//! SQL.
//!
//! Uses are found by their tokens, so uses inside other macros are found too. A name without `sqlx::` counts as a use
//! of sqlx if the file imports the name from sqlx.

use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::chain::{Chain, chain, uses_of_row_count};
use super::invocation::{Invocation, Macro, invocation};
use crate::check::{Names, Unread, is_punct, rust_files, tokens_of};

/// The functions of sqlx that take SQL.
const FUNCTIONS: [&str; 7] =
    ["query", "query_as", "query_scalar", "query_with", "query_as_with", "query_scalar_with", "raw_sql"];

/// The type of sqlx that builds SQL at run time.
const BUILDER: &str = "QueryBuilder";

/// The uses of sqlx in a package.
#[derive(Default)]
pub(super) struct Sources {
    /// The files of Rust, sorted by path. A call has the index of its file.
    pub(super) files: Vec<SourceFile>,
    pub(super) calls: Vec<Call>,
    /// The calls of sqlx's functions.
    pub(super) functions: Vec<FunctionCall>,
    /// Files and invocations that cannot be read.
    pub(super) unread: Vec<Unread>,
}

/// A Rust file.
pub(super) struct SourceFile {
    /// The path of the file in messages.
    pub(super) name: String,
    pub(super) text: String,
}

/// An invocation of one of sqlx's macros.
pub(super) struct Call {
    /// The index of the file.
    pub(super) file: usize,
    pub(super) kind: Macro,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The bytes of the macro's path and `!`.
    pub(super) path: Range<usize>,
    pub(super) invocation: Invocation,
    pub(super) chain: Chain,
    /// The byte ranges of the calls `.rows_affected()` on the variable that contains the result.
    pub(super) row_counts: Vec<Range<usize>>,
    /// The type of the `impl` around the invocation.
    pub(super) self_type: Option<String>,
}

/// A call of one of sqlx's functions.
pub(super) struct FunctionCall {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
}

/// Reads the sources.
pub(super) fn sources(package: &Path) -> Sources {
    let mut out = Sources::default();
    let mut paths: Vec<PathBuf> = rust_files(package, &mut out.unread);
    paths.sort();
    for path in paths {
        let (text, tokens) = match tokens_of(&path) {
            Ok(read) => read,
            Err(why) => {
                out.unread.push(Unread::whole(&path, &why));
                continue;
            }
        };
        let name = path.strip_prefix(package).unwrap_or(&path).display().to_string();
        let names = Names::of(tokens.clone());
        let file = out.files.len();
        out.files.push(SourceFile { name, text });
        Search { file, path: &path, names: &names, out: &mut out }.tokens(tokens, None);
    }
    out
}

struct Search<'s> {
    file: usize,
    path: &'s Path,
    names: &'s Names,
    out: &'s mut Sources,
}

/// A use of sqlx, whose name is written before a group of tokens (its arguments).
enum Use {
    Macro {
        kind: Macro,
        /// The number of tokens of the path and `!`.
        length: usize,
    },
    Function(String),
}

impl Search<'_> {
    fn tokens(&mut self, tokens: TokenStream, self_type: Option<&str>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut is_attribute = false;
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                is_attribute = is_punct(token, '#') || is_attribute && is_punct(token, '!');
                continue;
            };
            // The text of a documentation comment is an attribute.
            if std::mem::take(&mut is_attribute) {
                continue;
            }
            let before = tokens.get(..at).unwrap_or_default();
            match self.used(before, group) {
                Some(Use::Macro { kind, length }) => {
                    let after = tokens.get(at + 1..).unwrap_or_default();
                    self.call(kind, before, length, group, after, self_type);
                }
                Some(Use::Function(name)) => {
                    let line = group.span_open().start().line;
                    let file =
                        self.out.files.get(self.file).map_or_else(String::new, |file| file.name.clone());
                    self.out.functions.push(FunctionCall { file, line, name });
                }
                None => {}
            }
            let of_impl = (group.delimiter() == Delimiter::Brace).then(|| impl_type(before)).flatten();
            self.tokens(group.stream(), of_impl.as_deref().or(self_type));
        }
    }

    /// Returns the use of sqlx whose name is at the end of `before`.
    fn used(&self, before: &[TokenTree], group: &Group) -> Option<Use> {
        if let Some((bang, before)) = before.split_last()
            && is_punct(bang, '!')
        {
            let (name, length) = self.name_of_sqlx(before)?;
            return Some(Use::Macro { kind: Macro::named(&name)?, length: length + 1 });
        }
        if group.delimiter() != Delimiter::Parenthesis {
            return None;
        }
        let before = without_generics(before);
        if let [owner @ .., first, second, TokenTree::Ident(_)] = before
            && is_punct(first, ':')
            && is_punct(second, ':')
            && let Some((name, _)) = self.name_of_sqlx(without_generics(owner))
            && name == BUILDER
        {
            return Some(Use::Function(name));
        }
        let (name, _) = self.name_of_sqlx(before)?;
        FUNCTIONS.contains(&name.as_str()).then_some(Use::Function(name))
    }

    /// Returns the name at the end of `before`, and the number of its tokens, if it is a name of sqlx.
    fn name_of_sqlx(&self, before: &[TokenTree]) -> Option<(String, usize)> {
        let (TokenTree::Ident(name), rest) = before.split_last()? else { return None };
        let name = name.to_string();
        match rest {
            [.., TokenTree::Ident(owner), first, second] if is_punct(first, ':') && is_punct(second, ':') => {
                // `::sqlx::query` has two more tokens.
                let leading = match rest.get(..rest.len() - 3) {
                    Some([.., first, second]) if is_punct(first, ':') && is_punct(second, ':') => 2,
                    _ => 0,
                };
                (owner == "sqlx").then_some((name, 4 + leading))
            }
            [.., dot] if is_punct(dot, '.') || is_punct(dot, ':') => None,
            [.., TokenTree::Ident(keyword)] if keyword == "fn" || keyword == "macro_rules" => None,
            _ => self.names.imports_from("sqlx", &name).then_some((name, 1)),
        }
    }

    fn call(
        &mut self,
        kind: Macro,
        before: &[TokenTree],
        length: usize,
        group: &Group,
        after: &[TokenTree],
        self_type: Option<&str>,
    ) {
        let start = before.len().saturating_sub(length);
        let (Some(first), Some(bang)) = (before.get(start), before.last()) else { return };
        let place = first.span().start();
        let path = first.span().byte_range().start..bang.span().byte_range().end;
        let invocation = match invocation(kind, group.stream()) {
            Ok(invocation) => invocation,
            Err(why) => {
                let text = self.out.files.get(self.file).map_or_else(String::new, |file| file.name.clone());
                self.out.unread.push(Unread::at(&text, place.line, place.column + 1, why, self.path));
                return;
            }
        };
        let mut chain = chain(after);
        let assigned = assigned_to(before.get(..start).unwrap_or_default());
        chain.is_used |= assigned.is_some();
        let row_counts = match assigned {
            Some(name) if chain.executes() => {
                uses_of_row_count(&name, after.get(chain.tokens..).unwrap_or_default())
            }
            _ => Vec::new(),
        };
        self.out.calls.push(Call {
            file: self.file,
            kind,
            line: place.line,
            column: place.column + 1,
            path,
            invocation,
            chain,
            row_counts,
            self_type: self_type.map(str::to_owned),
        });
    }
}

/// Returns the name of the variable if `before` ends with `let name =`.
fn assigned_to(before: &[TokenTree]) -> Option<String> {
    let (equals, before) = before.split_last()?;
    if !is_punct(equals, '=') {
        return None;
    }
    match before {
        [.., TokenTree::Ident(word), TokenTree::Ident(name)] if word == "let" || word == "mut" => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// Returns the tokens without the generic arguments `::<…>` at their end.
fn without_generics(before: &[TokenTree]) -> &[TokenTree] {
    if !before.last().is_some_and(|last| is_punct(last, '>')) {
        return before;
    }
    let mut depth = 0_usize;
    for (at, token) in before.iter().enumerate().rev() {
        // The `>` of `->` is not a closing bracket.
        let is_arrow = at.checked_sub(1).and_then(|at| before.get(at)).is_some_and(|it| is_punct(it, '-'));
        if is_punct(token, '>') && !is_arrow {
            depth += 1;
        } else if is_punct(token, '<') {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                let start = at.saturating_sub(2);
                let colons = before.get(start..at).unwrap_or_default();
                let is_turbofish = colons.len() == 2 && colons.iter().all(|it| is_punct(it, ':'));
                return if is_turbofish { before.get(..start).unwrap_or_default() } else { &[] };
            }
        }
    }
    &[]
}

/// Returns the type of `impl Type` or `impl Trait for Type`, if `before` ends with this. `None` if the type has generic
/// arguments, whose parameters a nested item cannot use.
fn impl_type(before: &[TokenTree]) -> Option<String> {
    let end = |token: &TokenTree| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let start = before.iter().rposition(end).map_or(0, |at| at + 1);
    let item = before.get(start..)?;
    let at = item.iter().position(|token| matches!(token, TokenTree::Ident(word) if word == "impl"))?;
    let head = item.get(at + 1..)?;
    let is_word = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
    let of_type = match head.iter().rposition(|token| is_word(token, "for")) {
        Some(at) => head.get(at + 1..)?,
        None => head,
    };
    let of_type: Vec<&TokenTree> = of_type.iter().take_while(|token| !is_word(token, "where")).collect();
    let is_path = of_type.iter().all(|token| matches!(token, TokenTree::Ident(_)) || is_punct(token, ':'));
    (is_path && !of_type.is_empty()).then(|| of_type.iter().map(ToString::to_string).collect())
}
