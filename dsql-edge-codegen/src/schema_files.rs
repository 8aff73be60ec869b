//! Finds the files of a schema.
//!
//! Input: the path of a file or a folder. Output: names and texts, in the order in which they are applied.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dsql_edge_compiler::schema::{Dialect, directives};
use dsql_edge_compiler::source::BYTE_ORDER_MARK;

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

/// Reads the `.sql` files of a folder of migrations by name, as `sql!` reads them: files that undo a migration
/// (`.down.sql`) and subfolders are left out.
pub(crate) fn migrations(folder: &Path) -> Result<Vec<SchemaFile>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".sql") && !name.ends_with(".down.sql") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    texts(paths)
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
    Ok(())
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
