//! The folders and files of a test server.
//!
//! Input: the target folder, and the PostgreSQL installation. Output: paths. The folder's name contains a digest of
//! everything that a server with existing data depends on, so another version of dsql-edge or of PostgreSQL uses
//! another folder.
//!
//! ```text
//! target/dsql-edge-test/<digest>/
//!     initdb/              a new data folder, which is copied for a test's own server
//!     shared/              the server that tests share
//!         lock             locked while a process starts or joins the server
//!         server           the folder of the server's socket
//!         postgres/data    its data: the templates, and the databases of failed tests
//!     own-<digest>/        the same for a test that has a server of its own
//! ```
//!
//! For root, PostgreSQL runs as `nobody`. If `nobody` cannot reach the target folder, the data is in `/var/tmp`; this
//! data is removed when the target folder is gone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::watcher;
use crate::postgres::{self, Account, sources};
use crate::{Error, Installation};

/// The name of the folder below the target folder.
const NAME: &str = "dsql-edge-test";

/// The folder of the data that cannot be in the target folder, because the user `nobody` cannot reach it.
const ELSEWHERE: &str = "/var/tmp";

/// The name of a file next to the data. If the data is in `ELSEWHERE`, this file contains the path of the server's
/// folder.
const OF: &str = "of";

/// How long an unused folder is kept if it belongs to another version or to a failed test.
pub(super) const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long the copy of a new data folder may take.
const COPY: Duration = Duration::from_secs(10 * 60);

/// The beginning of the name of a folder that is being removed.
const REMOVED: &str = "removed-";

/// The file that marks the folder of a failed test.
const FAILED: &str = "failed";

/// The folder of one server.
#[derive(Debug, Clone)]
pub(super) struct ServerFolder {
    path: PathBuf,
    account: Account,
}

impl ServerFolder {
    /// The folder of the server that tests share.
    pub(super) fn shared(target: Option<&Path>, installation: &Installation) -> ServerFolder {
        ServerFolder::named("shared", target, installation)
    }

    /// The folder of the server of one test.
    pub(super) fn own(target: Option<&Path>, installation: &Installation, test: &str) -> ServerFolder {
        ServerFolder::named(&format!("own-{}", digest(&[test])), target, installation)
    }

    fn named(name: &str, target: Option<&Path>, installation: &Installation) -> ServerFolder {
        let parent = match target {
            Some(target) => target.join(NAME),
            None => {
                let user = rustix::process::geteuid().as_raw();
                std::env::temp_dir().join(format!("{NAME}-{user}"))
            }
        };
        let bin = installation.bin.to_string_lossy();
        let mut version = vec![env!("CARGO_PKG_VERSION"), &installation.version, &bin];
        let sources = sources();
        version.extend(sources.iter().map(|source| &**source));
        let path = parent.join(digest(&version)).join(name);
        ServerFolder { path, account: Account::choose() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// Returns the folder that keeps a copy of a new data folder, from which a test's own server copies its data.
    pub(super) fn initdb(&self) -> PathBuf {
        self.path.with_file_name("initdb")
    }

    /// Waits until no other process starts or joins the server. Creates the folder if it is missing. Dropping the file
    /// releases the lock.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be written, or if other users can write it: they could choose the server.
    pub(super) fn lock(&self) -> Result<File, Error> {
        loop {
            // `None` if another process has removed the folder before this process had the lock.
            if let Some(lock) = self.lock_once()? {
                return Ok(lock);
            }
        }
    }

    fn lock_once(&self) -> Result<Option<File>, Error> {
        // If PostgreSQL runs as `nobody`, the folder must be open to `nobody`, who owns only the data in it.
        let mode = if self.account == Account::Ours { 0o700 } else { 0o755 };
        let created = DirBuilder::new().recursive(true).mode(mode).create(&self.path);
        created.map_err(Error::file(&self.path))?;
        let Some(metadata) = unless_gone(fs::metadata(&self.path)).map_err(Error::file(&self.path))? else {
            return Ok(None);
        };
        if metadata.permissions().mode() & 0o022 != 0 || metadata.uid() != rustix::process::geteuid().as_raw()
        {
            let why = format!("other users can write {}: remove it", self.path.display());
            return Err(Error::TestServer(why));
        }
        let path = self.path.join("lock");
        let Some(file) = unless_gone(self.open_lock()).map_err(Error::file(&path))? else { return Ok(None) };
        self.wait_for(file).map_err(Error::file(&path))
    }

    /// Waits for the lock on the file. Returns `None` if the folder meanwhile contains another lock file.
    fn wait_for(&self, file: File) -> io::Result<Option<File>> {
        file.lock()?;
        Ok(self.is_current(&file).then_some(file))
    }

    /// Whether the locked file is still the lock file in the folder.
    fn is_current(&self, lock: &File) -> bool {
        let files = (lock.metadata(), fs::metadata(self.path.join("lock")));
        matches!(files, (Ok(ours), Ok(now)) if (ours.dev(), ours.ino()) == (now.dev(), now.ino()))
    }

    fn open_lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(self.path.join("lock"))
    }

    /// The data folder: below this folder or, if PostgreSQL runs as `nobody` and cannot reach this folder, in /var/tmp.
    pub(super) fn data(&self) -> Result<PathBuf, Error> {
        let parent = match self.account.enters(&self.path) {
            true => self.path.join("postgres"),
            false => {
                let name = digest(&[&self.path.to_string_lossy()]);
                Path::new(ELSEWHERE).join(format!("{NAME}-{name}"))
            }
        };
        if !parent.exists() {
            self.account.make_folder(&parent)?;
            if !parent.starts_with(&self.path) {
                let of = parent.join(OF);
                fs::write(&of, self.path.to_string_lossy().as_bytes()).map_err(Error::file(&of))?;
            }
        }
        Ok(parent.join("data"))
    }

    /// The folder of the server's socket, as it was written last.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let home = PathBuf::from(fs::read_to_string(self.path.join("server")).ok()?.trim());
        // The folder is removed later, so the path in a damaged file must not lead to the removal of another folder.
        let is_ours = home.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dsql-local-"));
        (home.is_absolute() && is_ours).then_some(home)
    }

    pub(super) fn set_home(&self, home: &Path) -> Result<(), Error> {
        let (path, new) = (self.path.join("server"), self.path.join("server.new"));
        fs::write(&new, home.to_string_lossy().as_bytes())
            .and_then(|()| fs::rename(&new, &path))
            .map_err(Error::file(&path))
    }

    /// Whether a shell watches the server.
    pub(super) fn is_watched(&self) -> bool {
        self.home().is_some_and(|home| watcher::is_watched(&home))
    }

    /// Marks the folder as the folder of a failed test, or removes the mark.
    pub(super) fn set_failed(&self, failed: bool) {
        let mark = self.path.join(FAILED);
        // Without the mark, the folder of a failed test is removed earlier.
        let _ = if failed { fs::write(mark, "") } else { fs::remove_file(mark) };
    }

    pub(super) fn is_of_failed(&self) -> bool {
        self.path.join(FAILED).exists()
    }

    /// Removes the folder with its data. The server must have ended, and this process must have the lock.
    fn remove(&self) {
        if let Some(parent) = self.data().ok().as_deref().and_then(Path::parent) {
            let _ = fs::remove_dir_all(parent);
        }
        // Another process may create the folder again at once, so this folder first gets another name.
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let removed = self.path.with_file_name(format!("{REMOVED}{name}-{}", std::process::id()));
        let gone = if fs::rename(&self.path, &removed).is_ok() { &removed } else { &self.path };
        let _ = fs::remove_dir_all(gone);
    }

    /// Removes the unused folders of other servers: at once if a test was killed, and after a week if the folder
    /// belongs to a failed test or to another version.
    pub(super) fn remove_unused(&self) {
        let Some(version) = self.path.parent() else { return };
        for own in folders(version, "own-") {
            let own = ServerFolder { path: own, account: self.account };
            if !own.is_of_failed() || is_old(&own.path.join(FAILED)) {
                own.remove_if_unused();
            }
        }
        if self.account == Account::Nobody {
            remove_elsewhere();
        }
        for removed in folders(version, REMOVED) {
            let _ = fs::remove_dir_all(removed);
        }
        // A process was killed while it copied the new data folder.
        for copy in folders(version, "initdb.").iter().filter(|copy| is_older(copy, COPY)) {
            let _ = fs::remove_dir_all(copy);
        }
        for other in version.parent().into_iter().flat_map(|parent| folders(parent, "")) {
            let shared = ServerFolder { path: other.join("shared"), account: self.account };
            if other != version && is_old(&shared.path.join("server")) {
                for own in folders(&other, "own-") {
                    ServerFolder { path: own, account: self.account }.remove_if_unused();
                }
                if shared.remove_if_unused() {
                    let _ = fs::remove_dir_all(&other);
                }
            }
        }
    }

    /// Removes the folder with its data, if no process uses it.
    pub(super) fn remove_if_unused(&self) -> bool {
        self.open_lock().is_ok_and(|file| self.remove_if_free(&file))
    }

    /// Removes the folder with its data, if no process has locked this file, the folder does not contain a newer lock
    /// file, and no shell watches the server.
    fn remove_if_free(&self, file: &File) -> bool {
        let is_free = file.try_lock().is_ok() && self.is_current(file) && !self.is_watched();
        if is_free {
            self.remove();
        }
        is_free
    }
}

/// Removes the data whose target folder was removed, for example by `cargo clean`.
fn remove_elsewhere() {
    for folder in folders(Path::new(ELSEWHERE), &format!("{NAME}-")) {
        let of = fs::read_to_string(folder.join(OF)).unwrap_or_default();
        let is_gone = !of.is_empty() && !Path::new(&of).exists();
        if is_gone && postgres::data_in_use::server(&folder.join("data")).is_none() {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            path.is_dir() && name.starts_with(prefix)
        })
        .collect()
}

/// `None` if the file or folder does not exist.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn is_old(file: &Path) -> bool {
    is_older(file, KEPT)
}

fn is_older(file: &Path, time: Duration) -> bool {
    let changed = fs::metadata(file).and_then(|it| it.modified()).ok();
    changed.and_then(|changed| SystemTime::now().duration_since(changed).ok()).is_some_and(|age| age > time)
}

/// Returns the first 16 hexadecimal digits of the digest of these strings.
pub(super) fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// A folder of this process, which is removed at the end of a test.
    struct Temporary(ServerFolder);

    impl Temporary {
        fn new(name: &str) -> Temporary {
            let path = std::env::temp_dir().join(format!("dsql-edge-{name}-{}", std::process::id()));
            Temporary(ServerFolder { path, account: Account::Ours })
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.path);
        }
    }

    #[test]
    fn folder_is_removed_only_if_no_process_has_its_lock() {
        let Temporary(folder) = &Temporary::new("folder-of-lock");
        let lock = folder.lock().unwrap();
        assert!(!folder.remove_if_unused() && folder.path.exists());
        drop(lock);
        assert!(folder.remove_if_unused() && !folder.path.exists());
    }

    /// One process opens the file, another process removes the folder with this file, and a third process creates the
    /// folder again and locks its new file. No process has the lock on the first file.
    #[test]
    fn lock_on_a_removed_folder_is_not_one_on_its_successor() {
        let Temporary(folder) = &Temporary::new("folder-removed");
        drop(folder.lock().unwrap());
        let (for_removal, for_lock) = (folder.open_lock().unwrap(), folder.open_lock().unwrap());
        assert!(folder.remove_if_unused());
        assert!(folder.wait_for(for_lock.try_clone().unwrap()).unwrap().is_none());
        drop(for_lock);
        let owner = folder.lock().unwrap();
        assert!(!folder.remove_if_free(&for_removal));
        assert!(folder.is_current(&owner));
    }
}
