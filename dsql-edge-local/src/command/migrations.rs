//! `--migrations FOLDER`: applies the migrations of a folder at the start, and again when a file changes.
//!
//! The folder is read every 300 ms: names, sizes and times of change. Events of the system (inotify, FSEvents) would
//! report a change sooner, but they have two disadvantages. First, some folders cause no events (network file systems,
//! shared folders of virtual machines and WSL). Second, an editor or git may replace the folder itself. Reading the
//! entries of one folder costs microseconds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dsql_edge_local::{AppliedFile, Local};
use dsql_edge_migrations::files;

use super::CommandResult;

const PAUSE: Duration = Duration::from_millis(300);

/// The folder of `--migrations`, as it was when its files were last applied.
pub(crate) struct Migrations {
    folder: PathBuf,
    seen: Seen,
}

/// The size and the time of change of each SQL file; `None` if the folder cannot be read.
type Seen = Option<BTreeMap<PathBuf, (u64, Option<SystemTime>)>>;

impl Migrations {
    /// Applies the folder. A mistake in a file of the folder is returned as an error.
    pub(super) async fn apply(local: &Local, folder: &Path) -> CommandResult<Migrations> {
        for note in files::notes(folder).map_err(|error| unreadable(&error))? {
            eprintln!("dsql-local: {note}");
        }
        // The sizes and times are read before the files, so that a change in between is not missed.
        let seen = seen(folder);
        let applied = local.migrate(folder, &report).await?;
        eprintln!("dsql-local: {}", summary(folder, &applied));
        Ok(Migrations { folder: folder.to_owned(), seen })
    }

    /// Applies the folder again whenever a file changes. A mistake is printed, and the command of `run` continues.
    pub(crate) async fn watch(mut self, local: &Local) -> Infallible {
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = seen(&self.folder);
            if now == self.seen {
                continue;
            }
            self.seen = settled(&self.folder, now).await;
            match local.migrate(&self.folder, &report).await {
                Ok(applied) if applied.is_empty() => {}
                Ok(applied) => eprintln!("dsql-local: {}", summary(&self.folder, &applied)),
                Err(error) => {
                    eprintln!(
                        "dsql-local: {error}\ndsql-local: after the next change of a file, dsql-local tries again"
                    );
                }
            }
        }
    }
}

/// The names of the roles that the files of a folder create.
pub(super) fn created_roles(folder: &Path) -> CommandResult<Vec<String>> {
    let files = files::migrations(folder).map_err(|error| unreadable(&error))?;
    Ok(files.iter().flat_map(|file| dsql_edge_local::created_roles(&file.text)).collect())
}

fn unreadable(error: &anyhow::Error) -> String {
    format!("--migrations {error:#}")
}

/// Watches the folder of `--migrations`. If the option `--migrations` is not set, waits forever.
pub(crate) async fn watch(migrations: Option<Migrations>, local: &Local) -> Infallible {
    match migrations {
        Some(migrations) => migrations.watch(local).await,
        None => std::future::pending().await,
    }
}

/// Waits until the folder stops changing: an editor may not have written the whole file yet.
async fn settled(folder: &Path, mut now: Seen) -> Seen {
    loop {
        tokio::time::sleep(PAUSE).await;
        let next = seen(folder);
        if next == now {
            return next;
        }
        now = next;
    }
}

fn seen(folder: &Path) -> Seen {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            // For a symbolic link, `fs::metadata` returns the size and the time of the file to which the link points.
            let written = fs::metadata(&path).map(|file| (file.len(), file.modified().ok()));
            files.insert(path, written.unwrap_or((0, None)));
        }
    }
    Some(files)
}

fn report(line: &str) {
    eprintln!("dsql-local: {line}");
}

pub(super) fn summary(folder: &Path, applied: &[AppliedFile]) -> String {
    let folder = folder.display();
    match applied {
        [] => format!("migrations: every file of {folder} is applied"),
        [file] => {
            let statements = if file.statements == 1 { "statement" } else { "statements" };
            format!("migrations: {} of {folder} is applied ({} {statements})", file.name, file.statements)
        }
        [first, .., last] => {
            let count = applied.len();
            format!("migrations: {count} files of {folder} are applied, {} to {}", first.name, last.name)
        }
    }
}
