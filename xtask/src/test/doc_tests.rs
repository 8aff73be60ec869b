//! Decides whether the doc tests must be repeated, because something that they depend on has changed.
//!
//! If nothing has changed, cargo does not repeat the lints and the docs, but rustdoc builds each example again. Input:
//! the files of the packages, the compiler and its flags. Output: whether the doc tests have passed with exactly these
//! inputs. When the doc tests have passed, a digest of the inputs is stored in the target folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use xtask::project;

/// The inputs of the doc tests.
pub(super) struct DocTests {
    /// The file that contains the digest of the inputs with which the doc tests have passed.
    stamp: PathBuf,
    digest: String,
}

impl DocTests {
    pub(super) fn of_project() -> Result<Self> {
        let digest = digest(&project::root())?;
        Ok(Self { stamp: project::target().join("xtask-doc-tests"), digest })
    }

    /// Whether no input has changed since the doc tests passed.
    pub(super) fn are_unchanged(&self) -> bool {
        fs::read_to_string(&self.stamp).is_ok_and(|passed| passed == self.digest)
    }

    /// Records that the doc tests have passed.
    pub(super) fn have_passed(&self) -> Result<()> {
        fs::write(&self.stamp, &self.digest).with_context(|| self.stamp.display().to_string())
    }
}

fn digest(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let rustc = Command::new("rustc").arg("-Vv").current_dir(root).output()?;
    ensure!(rustc.status.success(), "rustc does not print its version");
    hash.update(&rustc.stdout);
    for name in ["RUSTFLAGS", "RUSTDOCFLAGS"] {
        hash.update(env::var_os(name).unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            files.push(path);
        } else if name.starts_with("dsql-edge") || matches!(name.as_str(), "examples" | "tests" | "xtask") {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    for file in files {
        let contents = fs::read(&file).with_context(|| file.display().to_string())?;
        hash.update(file.strip_prefix(root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hash.update(contents.len().to_le_bytes());
        hash.update(&contents);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files in a folder, without the files that a build or an installation writes.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_file() {
            files.push(path);
        } else if path.is_dir()
            && name != "target"
            && name != "node_modules"
            && !name.as_encoded_bytes().starts_with(b".")
        {
            collect(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn each_change_of_a_source_changes_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("dsql-edge/src");
        fs::create_dir_all(folder.path().join("dsql-edge/target")).unwrap();
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("lib.rs"), "one").unwrap();
        let first = digest(folder.path()).unwrap();
        fs::write(folder.path().join("dsql-edge/target/output"), "built").unwrap();
        assert_eq!(digest(folder.path()).unwrap(), first);
        fs::write(source.join("lib.rs"), "two").unwrap();
        let second = digest(folder.path()).unwrap();
        fs::rename(source.join("lib.rs"), source.join("main.rs")).unwrap();
        let third = digest(folder.path()).unwrap();
        assert!(first != second && second != third);
    }
}
