//! The folder of a server's socket, its log and its fresh data, and the process that uses the folder: initdb, then
//! PostgreSQL.
//!
//! Input: the account of the server. Output: a new folder in the system's temporary folder.
//!
//! Invariant: after the value was dropped, also if a start fails or a signal arrives, initdb or PostgreSQL has ended
//! and the folder is removed. If SIGKILL ends this process, the guard ends initdb or PostgreSQL, and removes the
//! folder.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::{fs, io};

use tokio::process::Command;

use super::account::Account;
use crate::Error;
use crate::guard::{Guarded, Removed};

/// On macOS, the path of a socket may have at most 103 bytes, of which the names of the folder and of the socket need
/// 38.
const LONGEST_PARENT: usize = 60;

/// The folder, and the process that uses it.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    process: Option<Guarded>,
    kept: bool,
}

impl Home {
    /// Makes the folder: in the system's temporary folder, or in `/tmp` if the path of that folder is too long for a
    /// socket, or if the account cannot make and remove folders there.
    pub(crate) fn make(account: Account) -> Result<Home, Error> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
        let mark: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = parent(account, std::env::temp_dir()).join(format!("dsql-local-{mark}"));
        let home = Home { path, process: None, kept: false };
        account.make_folder(&home.path)?;
        Ok(home)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts a process that uses the folder. `prepare` gets the folder, too.
    pub(super) fn spawn(
        &mut self,
        program: &OsStr,
        arguments: Vec<OsString>,
        signal: &str,
        removed: Removed,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> io::Result<&mut Guarded> {
        let path = &self.path;
        let folder = Some((path.as_path(), removed));
        let process =
            Guarded::spawn_with(program, arguments, signal, folder, |command| prepare(command, path))?;
        Ok(self.process.insert(process))
    }

    /// The exit status of the process, if it has ended by itself.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.as_mut().map_or(Ok(None), Guarded::ended)
    }

    /// Ends the process, waits for its end, and removes the folder.
    pub(super) async fn stop(mut self) -> io::Result<()> {
        match self.process.take() {
            Some(process) => process.stop().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Keeps the folder: another process removes it.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
        if !self.kept {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Returns `folder`, or `/tmp` if `folder` cannot contain the folder of a socket.
fn parent(account: Account, folder: PathBuf) -> PathBuf {
    let fits = folder.is_absolute() && folder.as_os_str().len() <= LONGEST_PARENT;
    if fits && account.writes_in(&folder) { folder } else { PathBuf::from("/tmp") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folder_of_the_socket_is_short_and_open_to_the_account() {
        let folder = PathBuf::from(format!("/tmp/home-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let fallback = PathBuf::from("/tmp");
        for (mode, of_nobody) in [(0o777, &folder), (0o755, &fallback), (0o700, &fallback)] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(parent(Account::Ours, folder.clone()), folder);
            assert_eq!(parent(Account::Nobody, folder.clone()), *of_nobody);
        }
        fs::remove_dir(&folder).unwrap();
        for folder in [PathBuf::from("relative"), folder.join("x".repeat(LONGEST_PARENT))] {
            assert_eq!(parent(Account::Ours, folder), fallback);
        }
    }
}
