//! Finds the files of a schema.
//!
//! Input: the path of a file or a folder. Output: the names and the SQL of the files, in the order in which they are
//! applied.

use std::path::Path;

use anyhow::{Result, bail};
use dsql_edge_compiler::schema::{Dialect, Origin};
use dsql_edge_migrations::files::{files_below, is_sql, sql_files, texts};

pub(crate) use dsql_edge_migrations::files::{SqlFile, canonical, dialect, migrations, no_migrations};

/// Returns the dialect from the directives of a file, or of a folder of migrations: the last directive takes effect.
/// Returns `None` for a schema that cannot be read; the command that reads the schema reports why.
pub(crate) fn dialect_of(path: &Path) -> Option<Dialect> {
    let files = if path.is_dir() { migrations(path) } else { read(path) };
    files.unwrap_or_default().iter().filter_map(|file| dialect(&file.text)).next_back()
}

/// Returns the kind of a schema's source, which hints mention: a folder contains migrations, a file is a snapshot.
pub(crate) fn origin_of(path: &Path) -> Origin {
    if path.is_dir() { Origin::Migrations } else { Origin::Snapshot }
}

/// Reads the file itself, or the `.sql` files of a folder and its subfolders, sorted by path.
pub(crate) fn read(path: &Path) -> Result<Vec<SqlFile>> {
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

/// Prints the notes about a folder on stderr: files that neither `migrate` nor `lint --for-migrate` reads, and names
/// that sort differently as text than by their numbers.
pub(crate) fn report_left_out(folder: &Path) -> Result<()> {
    for note in dsql_edge_migrations::files::notes(folder)? {
        eprintln!("dsql-edge: {note}");
    }
    Ok(())
}
