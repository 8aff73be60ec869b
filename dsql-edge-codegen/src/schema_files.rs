//! Finds the files of a schema.
//!
//! Input: the path of a file or a folder. Output: names and texts, in the order in which they are applied.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dsql_edge_compiler::schema::{Dialect, directives};
use dsql_edge_compiler::source::BYTE_ORDER_MARK;
use dsql_edge_macro_input::migration_files::{MigrationFiles, migration_files};

/// Returns a text without its byte-order mark, with `\n` as line ending: git and editors may change both.
pub(crate) fn canonical(text: &str) -> Cow<'_, str> {
    unix_lines(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// Returns a text with `\n` as line ending.
pub(crate) fn unix_lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// Returns the dialect that the directive of a text names, or `None` if the text has no such directive. A directive with
/// another name is an error elsewhere, when the schema is read.
pub(crate) fn dialect(text: &str) -> Option<Dialect> {
    let directives = directives(text).filter(|it| it.is_in_head);
    let named =
        directives.filter_map(|it| match it.directive.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["dialect", "postgres"] => Some(Dialect::Postgres),
            ["dialect", "dsql"] => Some(Dialect::Dsql),
            _ => None,
        });
    named.last()
}

/// Returns the dialect that the directives of a file, or of a folder of migrations, name: the last directive takes
/// effect. A schema that cannot be read names no dialect; the command that reads the schema reports why.
pub(crate) fn dialect_of(path: &Path) -> Option<Dialect> {
    let files = if path.is_dir() { migrations(path) } else { read(path) };
    files.unwrap_or_default().iter().filter_map(|file| dialect(&file.text)).next_back()
}

/// A file of DDL.
#[derive(Clone)]
pub(crate) struct SchemaFile {
    /// The path as it was named or found, for messages.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads the file itself, or the `.sql` files of a folder and its subfolders, sorted by path.
pub(crate) fn read(path: &Path) -> Result<Vec<SchemaFile>> {
    if !path.is_dir() {
        return texts(vec![path.to_owned()]);
    }
    for other in files_below(path, |name| is_sql(name) && name.extension() != Some("sql".as_ref()))? {
        eprintln!("dsql-edge: {} is not read: its name does not end with .sql", other.display());
    }
    let paths = sql_files(path)?;
    if paths.is_empty() {
        bail!("{} has no .sql file", path.display());
    }
    texts(paths)
}

fn texts(paths: Vec<PathBuf>) -> Result<Vec<SchemaFile>> {
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Ok(SchemaFile { name: path.display().to_string(), text })
        })
        .collect()
}

/// Reads the migrations of a folder by name, as `sql!` reads them: files that undo a migration and subfolders are left out.
pub(crate) fn migrations(folder: &Path) -> Result<Vec<SchemaFile>> {
    texts(files_of(folder)?.migrations)
}

fn files_of(folder: &Path) -> Result<MigrationFiles> {
    migration_files(folder).map_err(|error| anyhow!(error))
}

/// Returns the error for a folder without migrations. It names the subfolders with SQL in them, where other tools keep
/// migrations.
pub(crate) fn no_migrations(folder: &Path) -> Result<String> {
    let inside: Vec<String> = left_out(folder)?
        .iter()
        .filter(|path| path.is_dir())
        .map(|path| path.display().to_string())
        .collect();
    let more = if inside.is_empty() {
        "add a .sql file, or name another folder with --folder".to_owned()
    } else {
        format!(
            "`migrate` does not read its subfolders, and these contain .sql files: {}. Name one of them with --folder, or \
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
pub(crate) fn left_out(folder: &Path) -> Result<Vec<PathBuf>> {
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

/// Prints on stderr the names of files that neither `migrate` nor `lint --for-migrate` reads.
pub(crate) fn report_left_out(folder: &Path) -> Result<()> {
    for path in left_out(folder)? {
        let path = path.display();
        eprintln!(
            "dsql-edge: {path} is not a migration: `migrate` applies the files {}/*.sql",
            folder.display()
        );
    }
    for path in files_of(folder)?.undo.iter().filter(|path| !path.to_string_lossy().ends_with(".down.sql")) {
        eprintln!("dsql-edge: {} is not a migration: by its name, it undoes one", path.display());
    }
    for pair in files_of(folder)?.migrations.windows(2) {
        if let [first, second] = pair
            && version(first) > version(second)
        {
            eprintln!(
                "dsql-edge: warning: {} is applied before {}: names are compared as text, so write numbers of equal length \
                 (01, 10)",
                first.display(),
                second.display()
            );
        }
    }
    Ok(())
}

/// Returns the numbers at the beginning of a file's name, after letters: 1 and 12 for `V1_12__name.sql`.
fn version(path: &Path) -> Vec<u128> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    name.split(['.', '_']).map_while(|part| part.parse().ok()).collect()
}

/// Whether a name ends with `.sql`, in lower-case or capital letters.
fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

fn sql_files(folder: &Path) -> Result<Vec<PathBuf>> {
    files_below(folder, |path| path.extension().is_some_and(|extension| extension == "sql"))
}

/// Returns the files of a folder and its subfolders, sorted by path.
fn files_below(folder: &Path, is_one: fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
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
