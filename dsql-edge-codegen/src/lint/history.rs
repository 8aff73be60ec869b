//! Finds the migrations that run before the linted files, so that the linter can resolve the names in these files.
//!
//! Input: the files that are linted. Output: the earlier migrations of the folder, if the files are successive files of
//! the folder of migrations that the build of a package reads. Otherwise, the output is empty, because the schema
//! before the files is not known.

use std::fs::canonicalize;
use std::path::{Path, PathBuf};

use dsql_edge_macro_input::schema_path::SchemaPath;

use crate::package_schema;
use crate::schema_files::{self, SqlFile};

/// Returns the migrations before these files. If the files begin with the first migration, the result is empty.
pub(super) fn before(files: &[PathBuf]) -> Option<Vec<SqlFile>> {
    let own: Vec<PathBuf> = files.iter().map(canonicalize).collect::<Result<_, _>>().ok()?;
    let above = own.first()?.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
    let packages = above.map(Path::to_owned).into_iter().chain([package_schema::current_package()]);
    packages.into_iter().find_map(|package| {
        let Ok(Some(SchemaPath::Migrations(folder))) = package_schema::of(&package) else { return None };
        let mut all = schema_files::migrations(&folder).ok()?;
        let paths: Vec<PathBuf> =
            all.iter().map(|file| canonicalize(&file.name)).collect::<Result<_, _>>().ok()?;
        let first = paths.windows(own.len()).position(|some| some == own)?;
        all.truncate(first);
        Some(all)
    })
}
