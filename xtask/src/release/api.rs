//! The public API of dsql-edge as text: in a review, a change of `dsql-edge/public-api.txt` shows what changes for
//! users.
//!
//! `--bless` writes the file. cargo-public-api reads rustdoc's JSON; the project's own toolchain writes it with
//! `RUSTC_BOOTSTRAP`, so that the file does not depend on the current nightly toolchain. The list is shortened for its
//! readers:
//!
//! - the methods of a trait are listed at the trait, and not again at each of its implementations;
//! - blanket implementations, auto traits, derived traits, and items that are already listed are left out;
//! - paths have neither the name of this crate nor the modules of the standard library: `Option`, not
//!   `core::option::Option`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xtask::project;
use xtask::step::run;

use super::tools::installed;

const VERSION: &str = "0.52.0";

/// The file, below the project's folder.
const FILE: &str = "dsql-edge/public-api.txt";

pub(super) fn check(bless: bool) -> Result<String> {
    let target = project::target().join("release-check");
    let mut json = project::cargo();
    json.args(["rustdoc", "--locked", "-p", "dsql-edge", "--lib", "--all-features"]);
    json.args(["--", "-Zunstable-options", "--output-format", "json"]);
    run(json.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", &target))?;
    let mut list = Command::new(installed("cargo-public-api", VERSION)?);
    list.args(["public-api", "-sss", "--rustdoc-json"]).arg(target.join("doc/dsql_edge.json"));
    let output = list.output().context("cargo-public-api cannot be started")?;
    ensure!(output.status.success(), "cargo-public-api: {}", String::from_utf8_lossy(&output.stderr));
    let now = shortened(&String::from_utf8(output.stdout)?);
    let path = project::root().join(FILE);
    if bless {
        fs::write(&path, &now).with_context(|| path.display().to_string())?;
        return Ok(format!("{} items written to {FILE}", now.lines().count()));
    }
    let before = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (known, found) = (before.lines().collect::<BTreeSet<_>>(), now.lines().collect::<BTreeSet<_>>());
    for line in known.difference(&found) {
        eprintln!("- {line}");
    }
    for line in found.difference(&known) {
        eprintln!("+ {line}");
    }
    if before != now {
        bail!("the public API is not the one in {FILE}: `cargo xtask release-check --bless api` writes it");
    }
    Ok(format!("{} items, as in {FILE}", now.lines().count()))
}

/// The list of cargo-public-api, shortened.
fn shortened(list: &str) -> String {
    let mut out = String::new();
    let mut written = BTreeSet::new();
    // While the lines of `impl … for T` are read, the variable contains the name ` T::`; otherwise it is `None`.
    let mut implementor: Option<String> = None;
    for line in list.lines() {
        if line.starts_with("impl") {
            implementor = line.rsplit_once(" for ").map(|(_, name)| {
                let name = name.split(" where ").next().unwrap_or(name);
                format!(" {name}::")
            });
        } else if implementor
            .as_ref()
            .is_some_and(|name| line.contains(name) && !line.starts_with("pub type"))
        {
            continue;
        }
        let line = short_paths(line);
        if written.insert(line.clone()) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// Returns the line without `dsql_edge::` and without the modules in the paths of the standard library.
fn short_paths(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|first: char| first.is_alphabetic() || first == '_') {
        let (before, path) = rest.split_at(start);
        let is_path = |at: char| at.is_alphanumeric() || at == '_' || at == ':';
        let end = path.find(|at| !is_path(at)).unwrap_or(path.len());
        // A single `:` follows the name of a field or of a type's parameter.
        let (path, after) = path.split_at(end);
        out.push_str(before);
        out.push_str(short_path(path));
        rest = after;
    }
    out + rest
}

fn short_path(path: &str) -> &str {
    if let Some(rest) = path.strip_prefix("dsql_edge::") {
        return rest;
    }
    let mut rest = path;
    if ["core::", "alloc::", "std::"].iter().any(|name| path.starts_with(name)) {
        while let Some((module, item)) = rest.split_once("::") {
            if item.is_empty() || !module.starts_with(|first: char| first.is_lowercase()) {
                break;
            }
            rest = item;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_an_implementation_and_long_paths_are_left_out() {
        let list = "\
pub struct dsql_edge::auth::Secret(_)
impl dsql_edge::auth::Secret
pub fn dsql_edge::auth::Secret::expose(&self) -> core::option::Option<&str>
impl core::fmt::Debug for dsql_edge::auth::Secret
pub fn dsql_edge::auth::Secret::fmt(&self, &mut core::fmt::Formatter<'_>) -> core::fmt::Result
impl core::future::into_future::IntoFuture for dsql_edge::Query<T> where T: core::marker::Send
pub type dsql_edge::Query<T>::Output = alloc::vec::Vec<T>
pub fn dsql_edge::Query<T>::into_future(self) -> Self
pub dsql_edge::Step::host: alloc::string::String
impl core::fmt::Debug for dsql_edge::auth::Secret
pub const dsql_edge::auth::MAX: u32
";
        let short = "\
pub struct auth::Secret(_)
impl auth::Secret
pub fn auth::Secret::expose(&self) -> Option<&str>
impl Debug for auth::Secret
impl IntoFuture for Query<T> where T: Send
pub type Query<T>::Output = Vec<T>
pub Step::host: String
pub const auth::MAX: u32
";
        assert_eq!(shortened(list), short);
    }
}
