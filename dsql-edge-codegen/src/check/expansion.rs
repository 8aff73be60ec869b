//! The invocations that the compiler expands: a package in, what the macros wrote down out, or why it is not known.
//!
//! `cargo check` compiles the package with `DSQL_EDGE_INVOCATIONS`, a file to which each invocation adds a line. Cargo
//! compiles the package again when the variable changes, and only what uses the macros.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::SystemTime;

use proc_macro2::TokenStream;

use super::invocation::{Macro, Query, queries_of};

/// An invocation, where the compiler met it.
#[derive(PartialEq)]
pub(super) struct Expanded {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    name: String,
    tokens: String,
}

/// What `cargo check` compiles of a package: all of it, or what is not for tests, where tests do not compile.
const TARGETS: [&[&str]; 2] = [&["--all-targets"], &[]];

/// The invocations of a package.
///
/// # Errors
/// Why it is not known.
pub(super) fn expanded(package: &Path) -> Result<Vec<Expanded>, String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let record = std::env::temp_dir().join(format!("dsql-edge-invocations-{}-{since}", std::process::id()));
    let found = compiled(package, &record);
    // The system removes it some day.
    let _ = fs::remove_file(&record);
    found
}

fn compiled(package: &Path, record: &Path) -> Result<Vec<Expanded>, String> {
    let mut first = None;
    for targets in TARGETS {
        fs::write(record, "").map_err(|error| format!("{}: {error}", record.display()))?;
        match run(package, record, targets)? {
            None => return read(package, record),
            Some(error) => first = first.or(Some(error)),
        }
    }
    Err(format!("the package does not compile: {}", first.unwrap_or_default()))
}

/// Runs `cargo check`: the first error, if there is one.
fn run(package: &Path, record: &Path, targets: &[&str]) -> Result<Option<String>, String> {
    let cargo = std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["check", "--quiet", "--message-format=short", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    let output = command.args(targets).env("DSQL_EDGE_INVOCATIONS", record).output();
    let output = output.map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = said.lines().find(|line| line.contains("error")).or(said.lines().next());
    Ok(Some(error.unwrap_or("cargo check failed").to_owned()))
}

fn read(package: &Path, record: &Path) -> Result<Vec<Expanded>, String> {
    let text = fs::read_to_string(record).map_err(|error| format!("{}: {error}", record.display()))?;
    let package = real(package);
    let mut found: Vec<Expanded> = Vec::new();
    for line in text.lines() {
        let fields: Vec<String> = line.split('\t').map(unescaped).collect();
        let [of, name, file, line, tokens] = fields.as_slice() else {
            return Err(format!("a line of {} cannot be read", record.display()));
        };
        let line = line.parse().map_err(|_| format!("a line of {} has no number", record.display()))?;
        let (name, tokens) = (name.clone(), tokens.clone());
        let expanded = Expanded { file: real(Path::new(file)), line, name, tokens };
        // A library is compiled for its own sake, and for its tests.
        if real(Path::new(of)) == package && !found.contains(&expanded) {
            found.push(expanded);
        }
    }
    Ok(found)
}

impl Expanded {
    /// Its queries.
    ///
    /// # Errors
    /// What the macro would reject.
    pub(super) fn queries(&self, package: &Path) -> Result<Vec<Query>, String> {
        let file =
            self.file.strip_prefix(real(package)).map_or(self.file.clone(), |inside| package.join(inside));
        let file = file.strip_prefix(".").unwrap_or(&file).display().to_string();
        let queries = || {
            let kind = Macro::named(&self.name).ok_or_else(|| format!("an unknown macro, {}", self.name))?;
            let tokens = TokenStream::from_str(&self.tokens).map_err(|error| error.to_string())?;
            queries_of(kind, tokens, &file, package)
        };
        Ok(queries()?.into_iter().map(|query| query.placed(&file, self.line)).collect())
    }
}

/// A path as the file system has it, by which two are compared.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
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
