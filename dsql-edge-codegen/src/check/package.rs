//! The queries of a package: its folder in, every invocation of `sql!`, `sql_file!` and `sql_unchecked!` in its Rust files
//! out, in the order of files and lines. It does not look into the SQL.
//!
//! Invocations are found by their tokens, so those inside other macros are found too; one that is renamed when it is
//! imported is not.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::invocation::{Macro, Query, queries_of};

/// The queries, and what could not be read, each with its place.
pub(super) fn queries(package: &Path) -> Result<(Vec<Query>, Vec<String>)> {
    let (mut queries, mut unread) = (Vec::new(), Vec::new());
    for path in rust_files(package)? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if !text.contains("sql") {
            continue;
        }
        let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
        let code = if text.starts_with("#!/") { format!("//{text}") } else { text };
        let code = code.strip_prefix('\u{feff}').unwrap_or(&code);
        match TokenStream::from_str(code) {
            Ok(tokens) => {
                let mut search = Search { file: &name, package, queries: &mut queries, unread: &mut unread };
                search.tokens(tokens);
            }
            Err(error) => unread.push(format!("{name}: {error}")),
        }
    }
    Ok((queries, unread))
}

/// The package's Rust files: not those of packages inside of it, nor what is built.
fn rust_files(package: &Path) -> Result<Vec<PathBuf>> {
    let (mut pending, mut found) = (vec![package.to_owned()], Vec::new());
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                let built =
                    matches!(name.as_str(), "target" | "node_modules" | "build") || name.starts_with('.');
                if !built && !path.join("Cargo.toml").exists() {
                    pending.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Search<'s> {
    file: &'s str,
    package: &'s Path,
    queries: &'s mut Vec<Query>,
    unread: &'s mut Vec<String>,
}

impl Search<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else { continue };
            if let Some(kind) = invoked(tokens.get(..at).unwrap_or_default()) {
                self.invocation(kind, group);
            }
            if group.delimiter() != Delimiter::None || !group.stream().is_empty() {
                self.tokens(group.stream());
            }
        }
    }

    fn invocation(&mut self, kind: Macro, group: &Group) {
        let place = group.span_open().start();
        match queries_of(kind, group.stream(), self.file, self.package) {
            Ok(found) => self.queries.extend(found),
            // In a macro of the user's, `$sql` stands for the text.
            Err(_)
                if group
                    .stream()
                    .into_iter()
                    .any(|token| matches!(&token, TokenTree::Punct(it) if it.as_char() == '$')) => {}
            Err(error) => {
                self.unread.push(format!("{}:{}:{}: {error}", self.file, place.line, place.column + 1));
            }
        }
    }
}

/// Which macro is invoked where the tokens end with its path and `!`.
fn invoked(before: &[TokenTree]) -> Option<Macro> {
    let (bang, before) = before.split_last()?;
    if !is_punct(bang, '!') {
        return None;
    }
    let (name, before) = before.split_last()?;
    let TokenTree::Ident(name) = name else { return None };
    let kind = match name.to_string().as_str() {
        "sql" => Macro::Sql,
        "sql_file" => Macro::File,
        "sql_unchecked" => Macro::Unchecked,
        _ => return None,
    };
    // `dsql_edge::sql!` is ours, `other::sql!` is not.
    match before {
        [.., TokenTree::Ident(owner), first, second] if is_punct(first, ':') && is_punct(second, ':') => {
            (owner == "dsql_edge").then_some(kind)
        }
        _ => Some(kind),
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}
