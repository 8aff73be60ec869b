//! Finds the schema of a package by the rule of `sql!`.
//!
//! Input: a folder. Output: paths. A path in a variable is relative to the package. A path on the command line is
//! relative to the working folder; this module does not handle it.
//!
//! In a build, the variables that a build script prints override all others. This module does not run the script: it
//! reads the string literals that the script prints.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, anyhow};
use dsql_edge_macro_input::schema_path::{
    self, MIGRATIONS, MIGRATIONS_VARIABLE, SCHEMA_VARIABLE, SNAPSHOT, SchemaPath, without_build_script,
};
use proc_macro2::{TokenStream, TokenTree};
use toml_edit::DocumentMut;

use crate::cargo_config;

/// Returns the path of the schema that the build of a package reads, or `None` if the package has no schema yet.
///
/// # Errors
/// Returns an error if a variable contains the path of a missing file or folder.
pub(crate) fn of(package: &Path) -> Result<Option<SchemaPath>> {
    // The path must not contain `..`: otherwise, its ancestors would not be the folders above it.
    let absolute = std::fs::canonicalize(package).or_else(|_| std::path::absolute(package))?;
    let found = schema_path::schema_path(&absolute, &|name| variable(package, name));
    Ok(match found.map_err(|error| anyhow!(error))? {
        Some(SchemaPath::File(path)) => Some(SchemaPath::File(shown(&path))),
        // If the folder has no Cargo.toml, it needs no build script, because cargo does not build it.
        Some(SchemaPath::Migrations(path))
            if package.join("Cargo.toml").is_file() && build_script(package).is_none() =>
        {
            return Err(anyhow!(without_build_script(&shown(&path))));
        }
        Some(SchemaPath::Migrations(path)) => Some(SchemaPath::Migrations(shown(&path))),
        None => None,
    })
}

/// Describes what is missing in a package without a schema, and how to add it.
pub(crate) fn no_schema(package: &Path) -> String {
    schema_path::no_schema(package, build_script(package).is_some())
}

/// Returns the package that contains the working folder, or the working folder itself if no package contains it.
pub(crate) fn current_package() -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    let package = working.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
    package.unwrap_or(&working).to_owned()
}

/// Returns the snapshot to write: the one that the build reads, or would read if it existed.
pub(crate) fn snapshot_to_write() -> PathBuf {
    let package = current_package();
    let named = variable(&package, SCHEMA_VARIABLE).map(|path| package.join(path));
    shown(&named.unwrap_or_else(|| match of(&package) {
        Ok(Some(SchemaPath::File(path))) => path,
        _ => package.join(SNAPSHOT),
    }))
}

/// Returns the folder of migrations that the build reads, or `migrations`.
pub(crate) fn migrations() -> PathBuf {
    shown(&migrations_of(&current_package()))
}

/// Returns the folder of migrations of a package.
pub(crate) fn migrations_of(package: &Path) -> PathBuf {
    package.join(variable(package, MIGRATIONS_VARIABLE).unwrap_or_else(|| MIGRATIONS.into()))
}

/// Describes in one line which schema a package has, and the reason.
///
/// # Errors
/// Returns an error if a variable contains the path of a missing file or folder.
pub(crate) fn described(package: &Path) -> Result<String> {
    let found = match of(package)? {
        Some(SchemaPath::File(path) | SchemaPath::Migrations(path)) => path.display().to_string(),
        None => "none".to_owned(),
    };
    let set = |name: &str| Some((name.to_owned(), origin(package, name)?.1));
    let why = match set(SCHEMA_VARIABLE).or_else(|| set(MIGRATIONS_VARIABLE)) {
        Some((name, origin)) => format!("{name}, which {origin} sets"),
        None => format!("{SNAPSHOT} in the package or in a folder above"),
    };
    let computed = [SCHEMA_VARIABLE, MIGRATIONS_VARIABLE]
        .into_iter()
        .find(|name| matches!(by_script(package, name), Some(Printed::Computed)));
    let but = computed.map_or(String::new(), |name| {
        format!(". The build script computes {name}, so the build may read another schema: name the schema on the command line")
    });
    Ok(format!("schema: {found} ({why}){but}"))
}

/// Returns a variable as the macro sees it.
fn variable(package: &Path, name: &str) -> Option<OsString> {
    origin(package, name).map(|(value, _)| value)
}

/// Returns a variable as the macro sees it, and the source that sets it. The variables that a build script prints
/// override all others. Cargo takes a variable from `[env]` in its configuration if the environment does not have the
/// variable, or if `force` is true.
fn origin(package: &Path, name: &str) -> Option<(OsString, String)> {
    let script = match by_script(package, name) {
        Some(Printed::Value(value)) => Some((OsString::from(value), "the build script".to_owned())),
        _ => None,
    };
    let environment = || Some((std::env::var_os(name)?, "the environment".to_owned()));
    let config = cargo_config::variable(package, name);
    let (forced, config) = match config {
        Some(it) if it.force => (Some(it), None),
        other => (None, other),
    };
    let shown = |it: cargo_config::Variable| (it.value, it.file.display().to_string());
    let found = script.or_else(|| forced.map(shown)).or_else(environment).or_else(|| config.map(shown));
    found.filter(|(value, _)| !value.is_empty())
}

/// The value that a build script prints for a variable.
enum Printed {
    Value(String),
    /// The script formats the value from variables, so the value is known only in the build.
    Computed,
}

fn by_script(package: &Path, name: &str) -> Option<Printed> {
    let code = std::fs::read_to_string(build_script(package)?).ok()?;
    printed(&code, name)
}

/// Returns the build script of a package: `package.build` in its manifest, or build.rs.
fn build_script(package: &Path) -> Option<PathBuf> {
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let manifest: DocumentMut = manifest.parse().unwrap_or_default();
    let build = manifest.get("package").and_then(|it| it.get("build"));
    if build.and_then(|it| it.as_bool()) == Some(false) {
        return None;
    }
    let path = package.join(build.and_then(|it| it.as_str()).unwrap_or("build.rs"));
    path.is_file().then_some(path)
}

/// Returns the value that the code of a build script prints for a variable, as `init` writes it:
/// `cargo::rustc-env=NAME=value`, all of it in one literal. Comments are not tokens, so they are not read.
fn printed(code: &str, name: &str) -> Option<Printed> {
    let mut literals = Vec::new();
    collect_literals(TokenStream::from_str(code).ok()?, &mut literals);
    let lines: Vec<&str> = literals.iter().flat_map(|literal| literal.lines()).collect();
    let value = lines.into_iter().find_map(|line| {
        let variable =
            line.trim().strip_prefix("cargo:")?.trim_start_matches(':').strip_prefix("rustc-env=")?;
        variable.strip_prefix(name)?.strip_prefix('=')
    })?;
    Some(if value.contains('{') { Printed::Computed } else { Printed::Value(value.to_owned()) })
}

/// Collects the values of the string literals in tokens, except the literals of documentation.
fn collect_literals(tokens: TokenStream, out: &mut Vec<String>) {
    let mut is_attribute = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                is_attribute = punct.as_char() == '#' || is_attribute && punct.as_char() == '!';
                continue;
            }
            TokenTree::Group(group) if !is_attribute => collect_literals(group.stream(), out),
            TokenTree::Literal(literal) => {
                let value = syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|it| it.value());
                out.extend(value);
            }
            TokenTree::Group(_) | TokenTree::Ident(_) => {}
        }
        is_attribute = false;
    }
}

/// Returns the path relative to the working folder, if the path is below the working folder.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(working) {
        Ok(near) if near != Path::new("") => near.to_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_of_a_build_script_is_read_from_its_literals() {
        for (code, expected) in [
            ("fn main() { println!(\"cargo::rustc-env=X=m\\ncargo::rerun-if-changed=m\"); }", Some("m")),
            ("fn main() { println!(\"cargo:rustc-env=X=db/m\"); }", Some("db/m")),
            ("fn main() { println!(r\"cargo::rustc-env=X=m\"); }", Some("m")),
            ("fn main() { print!(\"cargo::rerun-if-changed=m\\ncargo::rustc-env=X=m\\n\"); }", Some("m")),
            ("// println!(\"cargo::rustc-env=X=m\");\nfn main() {}", None),
            ("/* cargo::rustc-env=X=m */ fn main() {}", None),
            ("/// cargo::rustc-env=X=m\nfn main() {}", None),
            ("#![doc = \"cargo::rustc-env=X=m\"]\nfn main() {}", None),
            ("fn main() { println!(\"cargo::rustc-env=X={}\", 1); }", Some("computed")),
            ("fn main() { println!(\"cargo::rustc-env=XY=m\"); }", None),
        ] {
            let found = printed(code, "X").map(|it| match it {
                Printed::Value(value) => value,
                Printed::Computed => "computed".to_owned(),
            });
            assert_eq!(found.as_deref(), expected, "{code}");
        }
    }
}
