//! Finds the schema of a package by the rule of `sql!`.
//!
//! Input: a folder. Output: paths. A path in a variable is relative to the package. A path on the command line is
//! relative to the working folder, and does not come here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use dsql_edge_macro_input::schema_path::{self, MIGRATIONS_VARIABLE, SCHEMA_VARIABLE, SNAPSHOT, SchemaPath};

/// The schema that the build of a package reads, or `None` if it has none yet.
///
/// # Errors
/// A variable that names a missing file or folder.
pub(crate) fn of(package: &Path) -> Result<Option<SchemaPath>> {
    // Without `..`, whose ancestors are not the folders above.
    let absolute = std::fs::canonicalize(package).or_else(|_| std::path::absolute(package))?;
    let found = schema_path::schema_path(&absolute, &|name| variable(package, name));
    Ok(match found.map_err(|error| anyhow!(error))? {
        Some(SchemaPath::File(path)) => Some(SchemaPath::File(shown(&path))),
        Some(SchemaPath::Migrations(path)) => Some(SchemaPath::Migrations(shown(&path))),
        None => None,
    })
}

/// The package that the working folder is in, or the working folder.
pub(crate) fn current_package() -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    let package = working.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
    package.unwrap_or(&working).to_owned()
}

/// The snapshot to write: the one that the build reads, or would read if it were there.
pub(crate) fn snapshot_to_write() -> PathBuf {
    let package = current_package();
    let named = variable(&package, SCHEMA_VARIABLE).map(|path| package.join(path));
    shown(&named.unwrap_or_else(|| match of(&package) {
        Ok(Some(SchemaPath::File(path))) => path,
        _ => package.join(SNAPSHOT),
    }))
}

/// The folder of migrations that the build reads, or `migrations`.
pub(crate) fn migrations() -> PathBuf {
    let package = current_package();
    let named = variable(&package, MIGRATIONS_VARIABLE).unwrap_or_else(|| "migrations".into());
    shown(&package.join(named))
}

/// A variable as the macro sees it. In a build, cargo sets the variables that a build script prints, over all others.
fn variable(package: &Path, name: &str) -> Option<OsString> {
    let by_script = (name == MIGRATIONS_VARIABLE).then(|| named_by_build_script(package)).flatten();
    by_script.or_else(|| std::env::var_os(name)).filter(|value| !value.is_empty())
}

/// `cargo::rustc-env=DSQL_EDGE_MIGRATIONS=folder` in build.rs, as `init` writes it.
fn named_by_build_script(package: &Path) -> Option<OsString> {
    let script = std::fs::read_to_string(package.join("build.rs")).ok()?;
    let (_, rest) = script.split_once("DSQL_EDGE_MIGRATIONS=")?;
    let name: String = rest.chars().take_while(|it| !matches!(it, '\\' | '"' | '\n')).collect();
    package.join(&name).is_dir().then(|| name.into())
}

/// The path relative to the working folder, if it is below that.
fn shown(path: &Path) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(working) {
        Ok(near) if near != Path::new("") => near.to_owned(),
        _ => path.to_owned(),
    }
}
