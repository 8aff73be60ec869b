//! Allows one `dsql-local` per folder: a second start would replace the first one's bindings in `.dev.vars`.
//!
//! Input: the folder. Output: a lock on `FOLDER/lock`, which the system always releases when the process ends. The lock
//! file contains the endpoint, so that a second start can show the endpoint in its error.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::CommandResult;

const FILE: &str = "lock";

/// The lock on a folder. Dropping the lock releases the folder.
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Locks the folder, and creates it if it is missing.
    pub(crate) fn take(folder: &Path) -> CommandResult<FolderLock> {
        if let Some(lock) = FolderLock::take_if_free(folder)? {
            return Ok(lock);
        }
        let endpoint = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        let endpoint = if endpoint.is_empty() { "which is starting".to_owned() } else { endpoint };
        Err(format!(
            "a dsql-local already runs in this folder ({endpoint}): stop it, or name another folder with --folder"
        )
        .into())
    }

    /// Locks the folder, and creates it if it is missing. Returns `None` if a dsql-local runs in the folder.
    pub(crate) fn take_if_free(folder: &Path) -> CommandResult<Option<FolderLock>> {
        let path = folder.join(FILE);
        let of_file = |error: std::io::Error| format!("{}: {error}", path.display());
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(of_file)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(of_file)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(of_file)?;
                Ok(Some(FolderLock(file)))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(of_file(error).into()),
        }
    }

    /// Writes the endpoint into the file, for a second start.
    pub(crate) fn serves(&mut self, endpoint: &str) -> CommandResult<()> {
        self.0.write_all(endpoint.as_bytes()).map_err(|error| format!("{FILE}: {error}").into())
    }
}
