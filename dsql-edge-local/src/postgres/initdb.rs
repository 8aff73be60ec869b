//! Creates the data folder of a new PostgreSQL.
//!
//! Input: the installation, and a folder that does not exist. Output: the folder as initdb creates it. If the variable
//! `DSQL_LOCAL_INITDB_CACHE` names a folder, the first start keeps a copy there, and each later start uses this copy:
//! copying costs a sixth of initdb's CPU time, and the tests of this project start more than a hundred servers.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;

use super::SUPERUSER;
use super::account::Account;
use crate::Error;

/// The variable that names the folder of the copies.
const CACHE: &str = "DSQL_LOCAL_INITDB_CACHE";

pub(super) async fn create(
    account: Account,
    version: &str,
    bin: &Path,
    data: &Path,
    home: &Path,
) -> Result<(), Error> {
    let cache = std::env::var_os(CACHE).filter(|folder| !folder.is_empty());
    let kept = cache
        .map(|cache| PathBuf::from(cache).join(version.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    create_or_copy(account, bin, data, home, kept.as_deref()).await
}

/// Creates a data folder: if `kept` is given, as a copy of that folder, which is made first if it is missing.
pub(crate) async fn create_or_copy(
    account: Account,
    bin: &Path,
    data: &Path,
    home: &Path,
    kept: Option<&Path>,
) -> Result<(), Error> {
    match kept {
        Some(kept) if kept.exists() => {
            copy(kept, data).map_err(Error::file(data))?;
            account.own_all(data).map_err(Error::file(data))
        }
        Some(kept) => {
            run(account, bin, data, home).await?;
            keep(data, kept).map_err(Error::file(kept))
        }
        None => run(account, bin, data, home).await,
    }
}

/// Keeps a copy of the folder `data` as `kept`. If two starts keep a copy at the same time, one of the copies remains.
fn keep(data: &Path, kept: &Path) -> io::Result<()> {
    static STARTS: AtomicUsize = AtomicUsize::new(0);
    let number = STARTS.fetch_add(1, Ordering::Relaxed);
    let new = kept.with_extension(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(kept.parent().unwrap_or(kept))?;
    copy(data, &new)?;
    match fs::rename(&new, kept) {
        Err(_) if kept.exists() => fs::remove_dir_all(&new),
        result => result,
    }
}

/// Copies a folder. Only the owner of the copy can enter it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

async fn run(account: Account, bin: &Path, data: &Path, home: &Path) -> Result<(), Error> {
    let mut command = Command::new(bin.join("initdb"));
    command.args([
        "-U",
        SUPERUSER,
        "-E",
        "UTF8",
        "--locale=C",
        "-A",
        "trust",
        "--no-sync",
        "--no-instructions",
        "-D",
    ]);
    command.arg(data).stdin(Stdio::null()).kill_on_drop(true);
    account.apply(&mut command, home);
    let output = command.output().await.map_err(|error| Error::Postgres(format!("initdb: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(Error::Postgres(format!("initdb: {}", printed.trim())))
}
