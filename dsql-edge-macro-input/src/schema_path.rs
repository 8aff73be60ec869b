//! Finds the schema of a package: one rule for the macros and for the command line.
//!
//! Input: the folder of the package, and variables. Output: a path, which is absolute if the folder is. No file is
//! opened.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The name of a snapshot.
pub const SNAPSHOT: &str = "dsql-schema.sql";
/// The variable that names another snapshot.
pub const SCHEMA_VARIABLE: &str = "DSQL_EDGE_SCHEMA";
/// The variable that names a folder of migrations. A build script sets it: cargo would not see a new file otherwise.
pub const MIGRATIONS_VARIABLE: &str = "DSQL_EDGE_MIGRATIONS";

/// The source of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaPath {
    /// A snapshot.
    File(PathBuf),
    /// A folder of migrations.
    Migrations(PathBuf),
}

/// The schema of a package: the file that `DSQL_EDGE_SCHEMA` names; else the folder that `DSQL_EDGE_MIGRATIONS` names;
/// else `dsql-schema.sql` next to Cargo.toml or in a folder above it, up to the workspace's. A relative path is
/// relative to the package. `None` if none of these exists.
///
/// # Errors
///
/// A variable that names a missing path, or a file instead of a folder, or the reverse.
pub fn schema_path(
    package: &Path,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<SchemaPath>, String> {
    let named = |name: &str| variable(name).filter(|it| !it.is_empty()).map(|it| package.join(it));
    if let Some(path) = named(SCHEMA_VARIABLE) {
        if path.is_dir() {
            return Err(format!(
                "{SCHEMA_VARIABLE} names the folder {}: {}",
                path.display(),
                build_script(&path)
            ));
        }
        return match path.exists() {
            true => Ok(Some(SchemaPath::File(path))),
            false => Err(format!("{SCHEMA_VARIABLE} names {}, which does not exist", path.display())),
        };
    }
    if let Some(path) = named(MIGRATIONS_VARIABLE) {
        return match path.is_dir() {
            true => Ok(Some(SchemaPath::Migrations(path))),
            false => Err(format!("{MIGRATIONS_VARIABLE} names {}, which is not a folder", path.display())),
        };
    }
    for folder in package.ancestors() {
        let path = folder.join(SNAPSHOT);
        if path.is_dir() {
            return Err(format!("{} is a folder: {}", path.display(), build_script(&path)));
        }
        if path.exists() {
            return Ok(Some(SchemaPath::File(path)));
        }
        // The workspace's root has the lock file; nothing above it belongs to the package.
        if folder.join("Cargo.lock").exists() {
            break;
        }
    }
    Ok(None)
}

/// The error of a variable that names a folder for a package without a build script.
pub fn without_build_script(folder: &Path) -> String {
    let (path, why) = (folder.display(), build_script(folder));
    format!("{MIGRATIONS_VARIABLE} names {path}, and the package has no build script: {why}")
}

/// The reason why a build script must name a folder, and how it does.
fn build_script(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(|| "migrations".into(), |name| name.to_string_lossy());
    format!(
        "cargo would not see a file that is added to it. Unset it, and let a build.rs beside Cargo.toml name the \
         folder:\nfn main() {{ println!(\"cargo::rustc-env={MIGRATIONS_VARIABLE}={name}\\ncargo::rerun-if-changed={name}\") }}"
    )
}
