//! Reads the files of a folder of migrations.
//!
//! Input: a folder. Output: the names and texts of its migrations, in the order in which they are applied, and notes
//! about the files that are not applied. `dsql-edge-macro-input` decides by a file's name whether the file is a
//! migration, because the macros apply the same rule.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use dsql_edge_compiler::schema::{Dialect, directives};
use dsql_edge_compiler::source::BYTE_ORDER_MARK;
use dsql_edge_macro_input::migration_files::{MigrationFiles, migration_files};

/// A file of SQL.
#[derive(Clone)]
pub struct SqlFile {
    /// The path for messages, as the user wrote it or as it was found in a folder.
    pub name: String,
    /// The text of the file.
    pub text: String,
}

/// Returns the text of a file without its byte-order mark, with `\n` as line ending: git and editors may change both.
pub fn canonical(text: &str) -> Cow<'_, str> {
    unix_lines(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// Returns the text of a file with `\n` as line ending.
pub fn unix_lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// Returns the dialect in the directive of a file, or `None` if the file has no such directive. A directive with the
/// name of another database is ignored here: it becomes an error when the schema is read.
pub fn dialect(text: &str) -> Option<Dialect> {
    let directives = directives(text).filter(|it| it.is_in_head);
    let named =
        directives.filter_map(|it| match it.directive.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["dialect", "postgres"] => Some(Dialect::Postgres),
            ["dialect", "dsql"] => Some(Dialect::Dsql),
            _ => None,
        });
    named.last()
}

/// Reads the migrations of a folder by name, as `sql!` reads them: files that undo a migration are not included, and
/// neither are subfolders.
///
/// # Errors
/// Returns an error if the folder or a file cannot be read, or if a name does not show whether the file undoes a
/// migration.
pub fn migrations(folder: &Path) -> Result<Vec<SqlFile>> {
    texts(files_of(folder)?.migrations)
}

/// Reads these files.
///
/// # Errors
/// Returns an error if a file cannot be read, or if its text is not UTF-8.
pub fn texts(paths: Vec<PathBuf>) -> Result<Vec<SqlFile>> {
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Ok(SqlFile { name: path.display().to_string(), text })
        })
        .collect()
}

fn files_of(folder: &Path) -> Result<MigrationFiles> {
    migration_files(folder).map_err(|error| anyhow!(error))
}

/// Returns the error for a folder without migrations. The error lists the subfolders that contain SQL, because other
/// tools keep migrations there. `option` is the command-line option with which the user specifies the folder.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn no_migrations(folder: &Path, option: &str) -> Result<String> {
    let inside: Vec<String> = left_out(folder)?
        .iter()
        .filter(|path| path.is_dir())
        .map(|path| path.display().to_string())
        .collect();
    let more = if inside.is_empty() {
        format!("add a .sql file, or name another folder with {option}")
    } else {
        format!(
            "`migrate` does not read its subfolders, and these contain .sql files: {}. Name one of them with {option}, or \
             move the files",
            inside.join(", ")
        )
    };
    let undo = match files_of(folder)?.undo.len() {
        0 => "",
        _ => " (its files undo migrations, by their names)",
    };
    Ok(format!("{} has no migrations{undo}: {more}", folder.display()))
}

/// Returns the entries of a folder of migrations that look like migrations but are not applied: subfolders with SQL in
/// them, and files whose names end with `.SQL`.
fn left_out(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let is_upper = is_sql(&path) && path.extension() != Some("sql".as_ref());
        if is_upper || path.is_dir() && !sql_files(&path)?.is_empty() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns notes about the files of a folder that neither `migrate` nor `lint --for-migrate` reads (except
/// `*.down.sql`), and about names that sort differently as text than by their numbers (`10.sql` comes before `9.sql`).
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn notes(folder: &Path) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for path in left_out(folder)? {
        let path = path.display();
        let folder = folder.display();
        notes.push(format!("{path} is not a migration: `migrate` applies the files {folder}/*.sql"));
    }
    let files = files_of(folder)?;
    for path in files.undo.iter().filter(|path| !path.to_string_lossy().ends_with(".down.sql")) {
        notes.push(format!("{} is not a migration: by its name, it undoes one", path.display()));
    }
    for pair in files.migrations.windows(2) {
        if let [first, second] = pair
            && version(first) > version(second)
        {
            notes.push(format!(
                "warning: {} is applied before {}: names are compared as text, so write numbers of equal length \
                 (01, 10)",
                first.display(),
                second.display()
            ));
        }
    }
    Ok(notes)
}

/// Returns the numbers at the beginning of a file's name, after letters: 1 and 12 for `V1_12__name.sql`.
fn version(path: &Path) -> Vec<u128> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    name.split(['.', '_']).map_while(|part| part.parse().ok()).collect()
}

/// Whether a name ends with `.sql`, in lower-case or capital letters.
pub fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Returns the `.sql` files of a folder and its subfolders, sorted by path.
///
/// # Errors
/// Returns an error if a folder cannot be read.
pub fn sql_files(folder: &Path) -> Result<Vec<PathBuf>> {
    files_below(folder, |path| path.extension().is_some_and(|extension| extension == "sql"))
}

/// Returns the files of a folder and its subfolders for which `is_one` returns true, sorted by path.
///
/// # Errors
/// Returns an error if a folder cannot be read.
pub fn files_below(folder: &Path, is_one: fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_below(&path, is_one)?);
        } else if is_one(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
