//! Programs of other projects that only a release needs, built from crates.io into the target folder.

use std::path::PathBuf;

use anyhow::Result;
use xtask::project;
use xtask::step::run;

/// Installs a program in exactly this version, once, and returns its path.
pub(super) fn installed(name: &str, version: &str) -> Result<PathBuf> {
    let root = project::target().join("release-tools").join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if !program.exists() {
        let _lock = project::lock("release-tools")?;
        let mut install = project::cargo();
        install.args(["install", "--locked", "--version", version, name, "--root"]).arg(&root);
        run(install.env("CARGO_TARGET_DIR", project::target().join("release-tools/build")))?;
    }
    Ok(program)
}
