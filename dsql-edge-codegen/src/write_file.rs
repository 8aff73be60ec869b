//! Writes a file whole or not at all: a command that is killed, or a full disk, leaves the file as it was.
//!
//! Input: a path and the content. Output: the file.
//!
//! The text goes into a new file in the same folder. Then the new file replaces the old file. A symbolic link stays a
//! link: the file to which the link points is replaced. The new file has the permissions of the old file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Result as Written, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Writes `text` to `path`.
///
/// # Errors
/// Returns the file system's error with the path. After an error, the file is unchanged.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text).with_context(|| path.display().to_string())
}

/// Creates a file with `text`, and its folder if the folder is missing.
///
/// # Errors
/// Returns the file system's error with the path. Returns an error if the file already exists, even if another process
/// has just created it; the existing file is not changed.
pub(crate) fn create(path: &Path, text: &str) -> Result<()> {
    let created = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
    };
    created().with_context(|| path.display().to_string())
}

/// Returns `text` with the line ending of the first line of `old`.
pub(crate) fn with_endings_of(old: &str, text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_crlf = old.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    if is_crlf { text.replace('\n', "\r\n") } else { text }
}

fn replace(path: &Path, text: &str) -> Written<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        // If the target of a link is missing, writing to the link creates the target: a rename would replace the link
        // itself.
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            return fs::write(path, text);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    // A target that is not a regular file, for example a device, cannot be replaced.
    if fs::metadata(&target).is_ok_and(|it| !it.is_file()) {
        return fs::write(&target, text);
    }
    let (new, mut file) = create_beside(&target)?;
    let written = (|| {
        file.write_all(text.as_bytes())?;
        if let Ok(old) = fs::metadata(&target) {
            if old.permissions().readonly() {
                return Err(ErrorKind::PermissionDenied.into());
            }
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&new, &target)
    })();
    if written.is_err() {
        // If the new file cannot be removed, that error is ignored, and the earlier error is returned.
        let _ = fs::remove_file(&new);
    }
    written
}

/// Creates a new file next to `target`.
fn create_beside(target: &Path) -> Written<(PathBuf, File)> {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    for number in 0..100 {
        let new = target.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&new) {
            Ok(file) => return Ok((new, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dsql-edge-write-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn written_file_has_the_text_and_no_other_file_remains() {
        let folder = folder("plain");
        let path = folder.join("a.sql");
        for text in ["one", "two"] {
            write(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(&folder), ["a.sql"]);
        assert!(write(&folder.join("missing/a.sql"), "x").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn created_file_never_replaces_another() {
        let folder = folder("create");
        let path = folder.join("new/a.sql");
        create(&path, "one").unwrap();
        assert!(create(&path, "two").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_hard_links_and_permissions_are_respected() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder("unix");
        let (real, link, other) =
            (folder.join("real.sql"), folder.join("link.sql"), folder.join("other.sql"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.sql", &link).unwrap();
        // The old file keeps its text under its other name, and a process that has the old file open still reads the
        // old text.
        fs::hard_link(&real, &other).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::read_to_string(&other).unwrap(), "old");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_file(&real).unwrap();
        write(&link, "created").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "created");
        fs::remove_dir_all(&folder).unwrap();
    }
}
