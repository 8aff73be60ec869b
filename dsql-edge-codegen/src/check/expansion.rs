//! Lists the invocations of the macros that rustc expands.
//!
//! Input: a package. Output: the invocations that the macros recorded, or the reason why the list is incomplete.
//!
//! For `cargo check`, the environment variable `DSQL_EDGE_INVOCATIONS` is set to the path of a file. Each invocation of
//! a macro adds a line to this file. When the variable changes, cargo compiles again only the crates that use the
//! macros.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::SystemTime;

use dsql_edge_macro_input::INVOCATIONS_VARIABLE;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::invocation::{Macro, Query, queries_of};

/// An invocation, with its location in the sources.
#[derive(PartialEq)]
pub(super) struct Expanded {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    name: String,
    pub(super) tokens: String,
    /// The schema that the macro reads; empty if the macro did not find a schema.
    pub(super) schema: PathBuf,
}

/// The invocations of a package.
#[derive(Default)]
pub(super) struct Expansions {
    pub(super) all: Vec<Expanded>,
    /// The first error in the package's tests, examples or benches, if everything else in the package compiles.
    pub(super) tests_fail: Option<String>,
}

/// The targets that `cargo check` compiles: first all targets, and if tests do not compile, the library and the
/// binaries.
const TARGETS: [&[&str]; 2] = [&["--all-targets"], &[]];

/// Returns the invocations of a package.
///
/// # Errors
/// Returns the reason why the list of invocations is incomplete.
pub(super) fn expanded(package: &Path) -> Result<Expansions, String> {
    let mut found = Expansions::default();
    for targets in TARGETS {
        let record = new_record();
        fs::write(&record, "").map_err(|error| format!("{}: {error}", record.display()))?;
        let done = run(package, &record, targets).and_then(|error| {
            read(package, &record, &mut found.all)?;
            Ok(error)
        });
        // If the removal fails, the system removes the temporary file later.
        let _ = fs::remove_file(&record);
        match done? {
            None => return Ok(found),
            Some(error) => _ = found.tests_fail.get_or_insert(error),
        }
    }
    let first = found.tests_fail.unwrap_or_default();
    Err(format!("the package does not compile (first error: {first})"))
}

/// Returns a new path for each run. Cargo compiles a crate again only if the variable changes: with the same path,
/// the second run would not compile a library that the first run compiled.
fn new_record() -> PathBuf {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    std::env::temp_dir().join(format!("dsql-edge-invocations-{}-{now}", std::process::id()))
}

/// Runs `cargo check`, and returns its first error, if any.
fn run(package: &Path, record: &Path, targets: &[&str]) -> Result<Option<String>, String> {
    let cargo = std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["check", "--quiet", "--message-format=short", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    let output = command.args(targets).env(INVOCATIONS_VARIABLE, record).output();
    let output = output.map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = printed.lines().find(|line| line.contains("error")).or(printed.lines().next());
    Ok(Some(error.unwrap_or("cargo check failed").to_owned()))
}

fn read(package: &Path, record: &Path, found: &mut Vec<Expanded>) -> Result<(), String> {
    let text = fs::read_to_string(record).map_err(|error| format!("{}: {error}", record.display()))?;
    let package = real(package);
    for line in text.lines() {
        let fields: Vec<String> = line.split('\t').map(unescaped).collect();
        let [of, name, file, line, tokens, schema] = fields.as_slice() else {
            return Err(format!("a line of {} cannot be read", record.display()));
        };
        let line = line.parse().map_err(|_| format!("a line of {} has no line number", record.display()))?;
        let (name, tokens) = (name.clone(), tokens.clone());
        let schema = real(Path::new(schema));
        let expanded = Expanded { file: real(Path::new(file)), line, name, tokens, schema };
        // An invocation in a library is recorded twice, because cargo compiles the library by itself and with its unit
        // tests.
        if real(Path::new(of)) == package && !found.contains(&expanded) {
            found.push(expanded);
        }
    }
    Ok(())
}

/// Returns tokens without blanks, invisible groups and comments, so that the tokens of a source and of the compiler
/// compare as equal.
pub(super) fn comparable(tokens: TokenStream) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let inside = comparable(group.stream());
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                if open == "["
                    && inside.first().is_some_and(|it| it == "doc")
                    && out.last().is_some_and(|it| it == "#")
                {
                    out.pop();
                    continue;
                }
                out.extend(Some(open.to_owned()).filter(|it| !it.is_empty()));
                out.extend(inside);
                out.extend(Some(close.to_owned()).filter(|it| !it.is_empty()));
            }
            TokenTree::Punct(punct) => out.push(punct.as_char().to_string()),
            other => out.push(other.to_string()),
        }
    }
    out
}

impl Expanded {
    /// Returns the invocation's tokens in the form in which they are compared with the tokens of a source.
    pub(super) fn comparable(&self) -> Option<Vec<String>> {
        TokenStream::from_str(&self.tokens).ok().map(comparable)
    }

    /// Returns the path of the invocation's file: `package`, followed by the file's path relative to the package.
    pub(super) fn shown(&self, package: &Path) -> String {
        shown(&self.file, package)
    }

    /// Returns the queries of the invocation.
    ///
    /// # Errors
    /// Returns an error if the macro would reject the invocation.
    pub(super) fn queries(&self, package: &Path) -> Result<Vec<Query>, String> {
        let file = self.shown(package);
        let queries = || {
            let kind = Macro::named(&self.name).ok_or_else(|| format!("an unknown macro, {}", self.name))?;
            let tokens = TokenStream::from_str(&self.tokens).map_err(|error| error.to_string())?;
            queries_of(kind, tokens, &file, package)
        };
        Ok(queries()?.into_iter().map(|query| query.placed(&file, self.line)).collect())
    }
}

/// Returns a path without symbolic links and `..`, so that two paths can be compared.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns the path of a file for reports: `package`, followed by the file's path relative to the package.
pub(super) fn shown(file: &Path, package: &Path) -> String {
    let path = package.join(relative(file, &real(package)));
    path.strip_prefix(".").unwrap_or(&path).display().to_string()
}

/// Returns the path from a folder to a file, with `..` for parent folders, or the file's own path if the two have no
/// folder in common.
fn relative(file: &Path, folder: &Path) -> PathBuf {
    let Some(common) = folder.ancestors().find(|it| file.starts_with(it)) else { return file.to_owned() };
    if common.parent().is_none() {
        return file.to_owned();
    }
    let above = folder.strip_prefix(common).map_or(0, |it| it.components().count());
    let up: PathBuf = std::iter::repeat_n("..", above).collect();
    file.strip_prefix(common).map_or(file.to_owned(), |inside| up.join(inside))
}

fn unescaped(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        out.push(match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                other => other.unwrap_or('\\'),
            },
            (plain, false) => plain,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_outside_the_package_is_named_from_the_package() {
        for (file, folder, expected) in [
            ("/w/p/src/lib.rs", "/w/p", "src/lib.rs"),
            ("/w/shared/a.rs", "/w/p", "../shared/a.rs"),
            ("/w/shared/a.rs", "/w/p/q", "../../shared/a.rs"),
            ("/other/a.rs", "/w/p", "/other/a.rs"),
        ] {
            assert_eq!(relative(Path::new(file), Path::new(folder)), Path::new(expected), "{file}");
        }
    }
}
