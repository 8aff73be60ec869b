//! The project's folders.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The workspace's target folder, into which the running program was built.
pub fn target() -> PathBuf {
    let built = env::current_exe().ok().and_then(|exe| {
        // TARGET/debug/xtask, or TARGET/debug/deps/some-test.
        let profile =
            exe.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"))?;
        profile.parent().map(Path::to_owned)
    });
    built.unwrap_or_else(|| root().join("target"))
}

/// Takes a lock: until the lock is dropped, other processes of the project and other threads of this process cannot do
/// the same work.
///
/// # Errors
/// Returns an error if the target folder cannot be written.
pub fn lock(work: &str) -> Result<File> {
    let folder = target().join("xtask-locks");
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join(work))?;
    file.lock()?;
    Ok(file)
}

/// `cargo test` of one test program, with its output. The command names the whole workspace, because cargo builds
/// shared dependencies once for each set of packages.
pub fn cargo_test(program: &str) -> Command {
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--test", program, "--", "--nocapture"]);
    command
}

/// A `cargo` of the running toolchain, in the project's folder, building into the project's target folder.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target());
    command
}
