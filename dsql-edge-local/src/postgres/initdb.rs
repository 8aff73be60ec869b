//! Creates the data folder of a new PostgreSQL.
//!
//! Input: the installation, and a folder that does not exist. Output: the folder as initdb creates it. If the variable
//! `DSQL_LOCAL_INITDB_CACHE` is set to a folder, the first start keeps a copy there, and each later start uses this
//! copy. The tests of this project start more than a hundred servers, and copying costs only a sixth of initdb's CPU
//! time.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;

use super::account::Account;
use super::{Home, SUPERUSER};
use crate::Error;
use crate::guard::Removed;

/// The environment variable whose value is the folder of the copies.
const CACHE: &str = "DSQL_LOCAL_INITDB_CACHE";

pub(super) async fn create(
    account: Account,
    version: &str,
    bin: &Path,
    data: &Path,
    home: &mut Home,
) -> Result<(), Error> {
    let cache = std::env::var_os(CACHE).filter(|folder| !folder.is_empty());
    let kept = cache
        .map(|cache| PathBuf::from(cache).join(version.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    create_or_copy(account, bin, data, home, kept.as_deref()).await
}

/// Creates the data folder `data`. If the folder `kept` exists, `data` is a copy of `kept`. Otherwise, initdb creates
/// `data`, and if `kept` is given, a copy of `data` is kept there.
pub(crate) async fn create_or_copy(
    account: Account,
    bin: &Path,
    data: &Path,
    home: &mut Home,
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

/// Keeps a copy of the folder `data` as `kept`. If two servers are started at the same time and both keep a copy, one
/// of the copies remains.
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

async fn run(account: Account, bin: &Path, data: &Path, home: &mut Home) -> Result<(), Error> {
    let options =
        ["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync", "--no-instructions"];
    let mut arguments: Vec<OsString> = options.into_iter().map(OsString::from).collect();
    arguments.extend(["-D".into(), data.into()]);
    let failed = |error: io::Error| Error::Postgres(format!("initdb: {error}"));
    // After SIGTERM, initdb waits for its child process, and removes the data.
    let program = bin.join("initdb");
    let process =
        home.spawn(program.as_os_str(), arguments, "TERM", Removed::AfterFailure, |command, folder| {
            account.apply(command, folder);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        });
    let process = process.map_err(failed)?;
    let mut printed = Vec::new();
    if let Some(mut errors) = process.take_stderr() {
        errors.read_to_end(&mut printed).await.map_err(failed)?;
    }
    if process.wait().await.map_err(failed)?.success() {
        return Ok(());
    }
    Err(Error::Postgres(format!("initdb: {}", String::from_utf8_lossy(&printed).trim())))
}
