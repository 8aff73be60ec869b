//! Finds the schema of a package: one rule for the macros and for the command line.
//!
//! Input: the folder of the package, and the values of environment variables. Output: a path, which is absolute if the
//! folder is absolute. The module opens only manifests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The name of a snapshot.
pub const SNAPSHOT: &str = "dsql-schema.sql";
/// The environment variable whose value is the path of a snapshot to use instead of [`SNAPSHOT`].
pub const SCHEMA_VARIABLE: &str = "DSQL_EDGE_SCHEMA";
/// The environment variable with the path of a folder of migrations. A build script must set the variable: otherwise
/// cargo would not detect that a file is added to the folder.
pub const MIGRATIONS_VARIABLE: &str = "DSQL_EDGE_MIGRATIONS";

/// The source of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaPath {
    /// A snapshot.
    File(PathBuf),
    /// A folder of migrations.
    Migrations(PathBuf),
}

/// Returns the schema of a package. If the variable `DSQL_EDGE_SCHEMA` is set, the schema is the file with this path;
/// otherwise, if `DSQL_EDGE_MIGRATIONS` is set, the folder with this path; otherwise `dsql-schema.sql` in the nearest
/// of the package's [`folders`] that has such a file. In all other cases, returns `None`. A relative path is relative
/// to the package.
///
/// # Errors
///
/// Returns an error if the path in a variable does not exist, or if it is a file instead of a folder, or a folder
/// instead of a file.
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
            false => Err(format!("{SCHEMA_VARIABLE} is set to {}, which does not exist", path.display())),
        };
    }
    if let Some(path) = named(MIGRATIONS_VARIABLE) {
        return match path.is_dir() {
            true => Ok(Some(SchemaPath::Migrations(path))),
            false => Err(format!("{MIGRATIONS_VARIABLE} names {}, which is not a folder", path.display())),
        };
    }
    for folder in folders(package) {
        let path = folder.join(SNAPSHOT);
        if path.is_dir() {
            return Err(format!("{} is a folder: {}", path.display(), build_script(&path)));
        }
        if path.exists() {
            return Ok(Some(SchemaPath::File(path)));
        }
    }
    Ok(None)
}

/// Returns the folders that are searched for a package's file: `folder`, which is the package's folder or a folder
/// inside it, and the parents of `folder` up to the root.
pub fn folders(folder: &Path) -> impl Iterator<Item = &Path> {
    let root = root(folder);
    folder.ancestors().take_while(move |above| above.starts_with(root))
}

/// Returns the root of the package or workspace that contains a folder. Cargo writes the lock file into the root, so a
/// package that has a lock file is the root itself. For a package without a lock file, the root is the nearest folder
/// whose manifest has a workspace: the package itself, or a folder above it. If no manifest has a workspace, the root
/// is the package. Outside a package, the root is the given folder.
fn root(folder: &Path) -> &Path {
    let Some(package) = folder.ancestors().find(|above| above.join("Cargo.toml").is_file()) else {
        return folder;
    };
    if package.join("Cargo.lock").exists() {
        return package;
    }
    package.ancestors().find(|above| is_workspace(above)).unwrap_or(package)
}

fn is_workspace(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim_start().starts_with("[workspace"))
}

/// Returns the error for a package without a build script if a variable specifies a folder of migrations.
pub fn without_build_script(folder: &Path) -> String {
    let (path, why) = (folder.display(), build_script(folder));
    format!("{MIGRATIONS_VARIABLE} is set to {path}, but the package has no build script: {why}")
}

/// The folder in which most tools keep migrations.
pub const MIGRATIONS: &str = "migrations";

/// Returns the error if a package has no schema. If the package has a folder of SQL files that no variable specifies,
/// the user probably means this folder.
pub fn no_schema(package: &Path, has_build_script: bool) -> String {
    let missing = format!(
        "no schema: {SNAPSHOT} is neither next to Cargo.toml nor in a folder above, up to the workspace's"
    );
    if !has_sql(&package.join(MIGRATIONS)) {
        return format!(
            "{missing}, and no build.rs names a folder of migrations. `dsql-edge init` sets one of the two up; `dsql-edge pull` \
             writes {SNAPSHOT} from a database, and {SCHEMA_VARIABLE} names another file"
        );
    }
    let line = build_line(MIGRATIONS);
    match has_build_script {
        true => format!(
            "{missing}, and the build script does not name the folder {MIGRATIONS}, which has SQL files. If it is the schema, add \
             to main() of the build script:\n{line}"
        ),
        false => format!(
            "{missing}, and no build.rs names the folder {MIGRATIONS}, which has SQL files. If it is the schema, run `dsql-edge \
             init`, or write a build.rs next to Cargo.toml:\nfn main() {{ {line} }}"
        ),
    }
}

/// Whether a folder exists and has an SQL file.
pub fn has_sql(folder: &Path) -> bool {
    let is_sql = |path: &Path| path.extension().is_some_and(|extension| extension == "sql");
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_sql(&entry.path())))
}

/// Returns the line of a build script that specifies a folder of migrations.
pub fn build_line(folder: &str) -> String {
    format!(
        "println!(\"cargo::rustc-env={MIGRATIONS_VARIABLE}={folder}\\ncargo::rerun-if-changed={folder}\");"
    )
}

/// Returns the end of an error message: the reason why a build script must specify the folder, and the code of such a
/// build script.
fn build_script(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(|| "migrations".into(), |name| name.to_string_lossy());
    format!(
        "cargo would not see a file that is added to it. Unset it, and let a build.rs next to Cargo.toml name the \
         folder:\nfn main() {{ {} }}",
        build_line(&name)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn root_is_the_workspace_unless_the_package_has_a_lock_file() {
        let home = std::env::temp_dir().join(format!("dsql-edge-root-{}", std::process::id()));
        for (path, text) in [
            ("alone/Cargo.toml", "[package]"),
            ("alone/Cargo.lock", ""),
            ("alone/inner/Cargo.toml", ""),
            ("workspace/Cargo.toml", "[workspace]\nmembers = [\"member\"]"),
            ("workspace/member/Cargo.toml", "[package]"),
            ("workspace/excluded/Cargo.toml", "[package]"),
            ("workspace/excluded/Cargo.lock", ""),
        ] {
            let path = home.join(path);
            fs::create_dir_all(path.parent().unwrap().join("src")).unwrap();
            fs::write(path, text).unwrap();
        }
        for (folder, expected) in [
            ("alone/src", "alone"),
            ("alone/inner", "alone/inner"),
            ("workspace/member/src", "workspace"),
            ("workspace/excluded/src", "workspace/excluded"),
        ] {
            let (folder, expected) = (home.join(folder), home.join(expected));
            assert_eq!(root(&folder), expected);
            assert_eq!(folders(&folder).last(), Some(expected.as_path()));
        }
        fs::remove_dir_all(home).unwrap();
    }
}
