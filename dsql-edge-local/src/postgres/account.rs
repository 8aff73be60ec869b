//! The account that PostgreSQL runs under: the current account or, for root, `nobody`, because PostgreSQL does not
//! start as root.
//!
//! For root, this module also creates a folder that `nobody` can reach, and copies the binaries there if `nobody`
//! cannot reach the folder of the binaries (a clone in a home folder of mode 0700). Without this copy, PostgreSQL could
//! not read its libraries, and its error would be about a missing library.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Error;

/// The user id of `nobody` on most systems. The name of the account is not needed.
const NOBODY: u32 = 65534;

/// The account that runs PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    Ours,
    Nobody,
}

impl Account {
    pub(crate) fn choose() -> Account {
        if rustix::process::geteuid().is_root() { Account::Nobody } else { Account::Ours }
    }

    /// Makes `command` run under the account. Of this process's environment, `command` gets only the paths of programs
    /// and libraries.
    pub(crate) fn apply(self, command: &mut Command, folder: &Path) {
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").env("HOME", folder).current_dir(folder);
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self == Account::Nobody {
            // The standard library also drops root's supplementary groups.
            command.uid(NOBODY).gid(NOBODY);
        }
    }

    /// Whether the account can enter a folder and all folders above it.
    pub(crate) fn enters(self, folder: &Path) -> bool {
        let is_open =
            |folder: &Path| fs::metadata(folder).is_ok_and(|it| it.permissions().mode() & 0o001 != 0);
        self == Account::Ours || folder.ancestors().all(is_open)
    }

    /// Whether the account can make folders in a folder, and remove them.
    pub(crate) fn writes_in(self, folder: &Path) -> bool {
        let is_open = || fs::metadata(folder).is_ok_and(|it| it.permissions().mode() & 0o002 != 0);
        self == Account::Ours || (self.enters(folder) && is_open())
    }

    /// Creates a folder that this account owns and no other account can enter. The parent of the folder must exist.
    pub(crate) fn make_folder(self, path: &Path) -> Result<(), Error> {
        DirBuilder::new().mode(0o700).create(path).map_err(Error::file(path))?;
        self.own(path)
    }

    /// Makes this account the owner of a folder and of everything in it.
    pub(crate) fn own_all(self, path: &Path) -> io::Result<()> {
        if self == Account::Ours {
            return Ok(());
        }
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.own_all(&entry?.path())?;
            }
        }
        chown(path, Some(NOBODY), Some(NOBODY))
    }

    fn own(self, path: &Path) -> Result<(), Error> {
        if self == Account::Nobody {
            chown(path, Some(NOBODY), Some(NOBODY)).map_err(Error::file(path))?;
        }
        Ok(())
    }

    /// Returns `bin`. If the account cannot run the programs in `bin`, returns a copy of `bin` in `home`.
    pub(crate) async fn reachable(self, bin: &Path, home: &Path) -> Result<PathBuf, Error> {
        if self == Account::Ours {
            return Ok(bin.to_owned());
        }
        let mut command = Command::new(bin.join("postgres"));
        command.arg("--version");
        self.apply(&mut command, home);
        if command.output().await.is_ok_and(|output| output.status.success()) {
            return Ok(bin.to_owned());
        }
        let (Some(tree), Some(name)) = (bin.parent(), bin.file_name()) else {
            return Err(Error::Postgres(format!(
                "{} is not reachable for a user other than root",
                bin.display()
            )));
        };
        let copy = home.join("postgresql");
        copy_tree(tree, &copy, NOBODY).map_err(Error::file(&copy))?;
        Ok(copy.join(name))
    }
}

/// Copies a folder for another user. A symbolic link is copied as a link. A file that all users may read is hard-linked
/// if both folders are on one file system: this avoids copying 60 MB, and the link has the owner of the original. A
/// file that not all users may read is copied; such files exist, for example, after an installation with umask 077. The
/// user owns each folder of the copy, so that the copy can be removed at the end.
fn copy_tree(from: &Path, to: &Path, owner: u32) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(to)?;
    chown(to, Some(owner), None)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target, owner)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            // Whether all users have the owner's permissions to read and to execute the file.
            let mode = entry.metadata()?.permissions().mode();
            let is_open = mode >> 6 & 0o5 & !mode == 0;
            if !is_open || fs::hard_link(&source, &target).is_err() {
                fs::copy(&source, &target)?;
                chown(&target, Some(owner), None)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn closed_files_are_copied_and_open_files_linked() {
        let home = std::env::temp_dir().join(format!("dsql-local-copy-{}", std::process::id()));
        let (from, to) = (home.join("from"), home.join("to"));
        fs::create_dir_all(&from).unwrap();
        for (name, mode, linked) in
            [("a", 0o644, true), ("b", 0o755, true), ("c", 0o700, false), ("d", 0o600, false)]
        {
            let file = from.join(name);
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let _ = fs::remove_dir_all(&to);
            copy_tree(&from, &to, rustix::process::geteuid().as_raw()).unwrap();
            let inode = |path: &Path| fs::metadata(path).unwrap().ino();
            assert_eq!(inode(&file) == inode(&to.join(name)), linked, "{mode:o}");
        }
        fs::remove_dir_all(home).unwrap();
    }
}
