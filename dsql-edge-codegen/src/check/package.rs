//! Finds the queries in the sources of a package. This module does not read the SQL of the queries.
//!
//! Input: the folder of the package. Output: every invocation of `sql!`, `sql_file!` and `sql_unchecked!` in its Rust
//! files, in the order of files and lines.
//!
//! Invocations are found by their tokens, so invocations inside other macros are found too. Only the compiler sees an
//! invocation of a macro that an import renames, and an invocation that a macro generates: `expansion` lists such
//! invocations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use toml_edit::DocumentMut;

use super::examples::DocComment;
use super::expansion::{Expanded, comparable, real, shown};
use super::invocation::{Invoked, Query, invoked, queries_of};
use super::modules::Modules;
use super::owner::{Names, Owner, is_punct};

/// The queries and invocations in the sources of a package.
#[derive(Default)]
pub(super) struct Sources {
    /// The invocations whose queries were read.
    pub(super) seen: Vec<Seen>,
    /// Files and invocations that cannot be read.
    pub(super) unread: Vec<Unread>,
    /// Invocations in the examples of doc comments.
    pub(super) examples: Vec<Unread>,
    /// Files with queries that are not modules, each with the line to add.
    pub(super) not_modules: Vec<Unread>,
}

/// An invocation whose queries were read.
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) line: usize,
    /// The tokens of the invocation, because a line may have several invocations.
    pub(super) tokens: Vec<String>,
    /// Whether the invocation's name may refer to a macro that is not dsql-edge's, so that only the compiler can
    /// resolve the name.
    pub(super) is_doubtful: bool,
    /// Whether the invocation's file imports something of dsql-edge, or the package imports our macro under the
    /// invocation's name.
    pub(super) is_likely: bool,
    pub(super) queries: Vec<Query>,
}

/// A file that cannot be read, or an invocation that cannot be read.
#[derive(Debug)]
pub struct Unread {
    /// The path of the file in messages.
    pub file: String,
    /// The line; 0 if the whole file cannot be read.
    pub line: usize,
    /// The column; 0 if the whole file cannot be read.
    pub column: usize,
    /// The reason.
    pub why: String,
    pub(super) path: PathBuf,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.why),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.why),
        }
    }
}

/// Checks that a folder is the folder of a package.
///
/// # Errors
/// Returns an error if the folder has no Cargo.toml, or only the Cargo.toml of a workspace. In the second case the
/// error lists the members of the workspace.
pub(crate) fn require_package(folder: &Path) -> Result<()> {
    let path = folder.join("Cargo.toml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        bail!("{} is not a package: it has no Cargo.toml", folder.display());
    };
    let manifest: DocumentMut = text.parse().with_context(|| path.display().to_string())?;
    if manifest.contains_key("package") {
        return Ok(());
    }
    let members = manifest.get("workspace").and_then(|it| it.get("members")).and_then(|it| it.as_array());
    let names: Vec<&str> = members.into_iter().flatten().filter_map(|it| it.as_str()).collect();
    bail!("{} is a workspace without a package: name one of {}", folder.display(), names.join(", "))
}

/// Returns the folders of the workspace's other packages whose sources have queries, if the package is the root of a
/// workspace.
pub(super) fn members_with_queries(package: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let Ok(manifest) = text.parse::<DocumentMut>() else { return Vec::new() };
    let members = manifest.get("workspace").and_then(|it| it.get("members")).and_then(|it| it.as_array());
    let patterns = members.into_iter().flatten().filter_map(|it| it.as_str());
    let mut folders: Vec<PathBuf> = patterns.flat_map(|pattern| matching(package, pattern)).collect();
    folders.sort();
    folders.dedup();
    folders.retain(|folder| {
        let is_other = folder.join("Cargo.toml").is_file() && real(folder) != real(package);
        let found = if is_other { sources(folder) } else { Sources::default() };
        !found.seen.is_empty() || !found.unread.is_empty()
    });
    let name = |folder: &PathBuf| folder.strip_prefix(".").unwrap_or(folder).display().to_string();
    folders.iter().map(name).collect()
}

/// Returns the folders that match a pattern of members, such as `crates/*`.
fn matching(package: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![package.to_owned()];
    for part in pattern.split('/') {
        found = match part.split_once('*') {
            None => found.iter().map(|folder| folder.join(part)).collect(),
            Some((start, end)) => {
                let inside = found.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
                let folders = inside.flatten().flatten().map(|entry| entry.path()).filter(|it| it.is_dir());
                let is_named = |it: &PathBuf| {
                    it.file_name().is_some_and(|name| {
                        let name = name.to_string_lossy();
                        name.starts_with(start) && name.ends_with(end)
                    })
                };
                folders.filter(is_named).collect()
            }
        };
    }
    found
}

/// Reads the sources.
pub(super) fn sources(package: &Path) -> Sources {
    let mut out = Sources::default();
    let mut files = Vec::new();
    let mut modules = Modules::default();
    for path in rust_files(package, &mut out.unread) {
        match tokens_of(&path) {
            Ok((_, tokens)) => {
                modules.read(tokens.clone());
                files.push((path, Names::of(tokens.clone()), tokens));
            }
            Err(why) => out.unread.push(Unread::whole(&path, &why)),
        }
    }
    let defined: BTreeSet<String> = files.iter().flat_map(|(_, names, _)| &names.defined).cloned().collect();
    let renamed: BTreeMap<String, String> =
        files.iter().flat_map(|(_, names, _)| names.renamed.clone()).collect();
    for (written, names, tokens) in files {
        let name = written.strip_prefix(".").unwrap_or(&written).display().to_string();
        let path = real(&written);
        let before = out.seen.len();
        let (file, names, found) = (name.as_str(), &names, &mut out);
        Search { file, path, package, names, defined: &defined, renamed: &renamed, out: found }
            .tokens(tokens);
        let has_queries = out.seen.iter().skip(before).any(|seen| !seen.is_doubtful);
        if let Some(add) = modules.missing(package, &written).filter(|_| has_queries) {
            out.not_modules.push(Unread::whole(&written, &format!("it is not compiled: {add}")));
        }
    }
    out
}

/// Reads a Rust file. Returns the text and the tokens of the file; the spans of the tokens are byte ranges of this
/// text.
pub(crate) fn tokens_of(path: &Path) -> Result<(String, TokenStream), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let code = if text.starts_with("#!/") { format!("//{text}") } else { text };
    let code = code.strip_prefix('\u{feff}').unwrap_or(&code).to_owned();
    let tokens = TokenStream::from_str(&code).map_err(|error| error.to_string())?;
    Ok((code, tokens))
}

impl Unread {
    /// Describes an invocation that the compiler does not expand.
    pub(super) fn not_expanded(seen: &Seen, package: &Path) -> Unread {
        let (path, line) = (seen.path.clone(), seen.line);
        let file = shown(&path, package);
        let why = "the compiler does not expand this macro; it may be dsql-edge's, or a macro of the same name in another crate"
            .to_owned();
        Unread { file, line, column: 1, why, path }
    }

    /// Describes an invocation that only the compiler sees.
    pub(super) fn of_expansion(expanded: &Expanded, package: &Path, why: String) -> Unread {
        let (path, line) = (expanded.file.clone(), expanded.line);
        Unread { file: expanded.shown(package), line, column: 1, why, path }
    }

    /// Describes a file or an invocation that cannot be read.
    pub(crate) fn at(file: &str, line: usize, column: usize, why: String, path: &Path) -> Unread {
        Unread { file: file.to_owned(), line, column, why, path: real(path) }
    }

    /// Describes a file that cannot be read.
    pub(crate) fn whole(path: &Path, why: &dyn fmt::Display) -> Unread {
        let file = path.strip_prefix(".").unwrap_or(path).display().to_string();
        Unread { file, line: 0, column: 0, why: why.to_string(), path: real(path) }
    }
}

/// Returns the package's Rust files, without packages inside it and without folders that cargo writes.
pub(crate) fn rust_files(package: &Path, unread: &mut Vec<Unread>) -> Vec<PathBuf> {
    let (mut pending, mut found) = (vec![package.to_owned()], Vec::new());
    // Each folder is visited once, because a symbolic link may point to a parent folder.
    let mut visited = vec![real(package)];
    while let Some(folder) = pending.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                unread.push(Unread::whole(&folder, &error));
                continue;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                let other = name == "node_modules" || name.starts_with('.') || is_of_cargo(&path);
                let place = real(&path);
                if !other && !path.join("Cargo.toml").exists() && !visited.contains(&place) {
                    visited.push(place);
                    pending.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether cargo writes to a folder: cargo creates CACHEDIR.TAG in such a folder, whatever the folder's name is.
fn is_of_cargo(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").is_file()
}

struct Search<'s> {
    file: &'s str,
    path: PathBuf,
    package: &'s Path,
    names: &'s Names,
    defined: &'s BTreeSet<String>,
    renamed: &'s BTreeMap<String, String>,
    out: &'s mut Sources,
}

impl Search<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut comment = DocComment::default();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                // The tokens `#` and `!` separate two lines of one comment.
                if !is_punct(token, '#') && !is_punct(token, '!') {
                    self.examples(&mut comment);
                }
                continue;
            };
            if comment.add(group) {
                continue;
            }
            self.examples(&mut comment);
            if let Some(found) = invoked(tokens.get(..at).unwrap_or_default(), self.renamed) {
                self.invocation(&found, group);
            }
            if group.delimiter() != Delimiter::None || !group.stream().is_empty() {
                self.tokens(group.stream());
            }
        }
    }

    fn examples(&mut self, comment: &mut DocComment) {
        let why = "it is in an example of a doc comment, which `cargo test --doc` compiles";
        for line in comment.take_invocations() {
            let (file, why, path) = (self.file.to_owned(), why.to_owned(), self.path.clone());
            self.out.examples.push(Unread { file, line, column: 1, why, path });
        }
    }

    fn invocation(&mut self, invoked: &Invoked, group: &Group) {
        let owner = match invoked.is_qualified {
            true => Owner::DsqlEdge,
            false if invoked.is_renamed => Owner::Unknown,
            false => self.names.owner(&invoked.name, self.defined),
        };
        if owner == Owner::Other {
            return;
        }
        let place = group.span_open().start();
        match queries_of(invoked.kind, group.stream(), self.file, self.package) {
            Ok(queries) => {
                let tokens = comparable(group.stream());
                let is_doubtful = owner == Owner::Unknown;
                let is_likely = invoked.is_renamed || self.names.imports_ours();
                let (path, line) = (self.path.clone(), invoked.line);
                self.out.seen.push(Seen { path, line, tokens, is_doubtful, is_likely, queries });
            }
            // Here, it is not known whether the macro is dsql-edge's. If the macro is ours, `expansion` lists the
            // invocation.
            Err(_) if owner == Owner::Unknown => {}
            // In a macro of the user, the SQL may be `$sql`: `expansion` lists the invocations of such a macro.
            Err(_)
                if group
                    .stream()
                    .into_iter()
                    .any(|token| matches!(&token, TokenTree::Punct(it) if it.as_char() == '$')) => {}
            Err(why) => self.out.unread.push(Unread {
                file: self.file.to_owned(),
                line: place.line,
                column: place.column + 1,
                why,
                path: self.path.clone(),
            }),
        }
    }
}
