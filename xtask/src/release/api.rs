//! The public API of dsql-edge as text: a change of `dsql-edge/public-api.txt` shows in a review what users notice.
//!
//! `--bless` writes the file. rustdoc's JSON needs a nightly toolchain.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xtask::project;

use super::tools::installed;

const VERSION: &str = "0.52.0";

/// The file, below the project's folder.
const FILE: &str = "dsql-edge/public-api.txt";

pub(super) fn check(bless: bool) -> Result<String> {
    let mut list = Command::new(installed("cargo-public-api", VERSION)?);
    // Without the items that only generated code names.
    list.args(["public-api", "-p", "dsql-edge", "--all-features", "-sss"]).current_dir(project::root());
    list.env("CARGO_TARGET_DIR", project::target().join("release-check"));
    // `cargo xtask` sets this variable to the cargo of the project's toolchain.
    list.env_remove("CARGO");
    let output =
        list.env("RUSTUP_TOOLCHAIN", "nightly").output().context("cargo-public-api cannot be started")?;
    ensure!(output.status.success(), "cargo-public-api: {}", String::from_utf8_lossy(&output.stderr));
    let now = String::from_utf8(output.stdout)?;
    let path = project::root().join(FILE);
    if bless {
        fs::write(&path, &now).with_context(|| path.display().to_string())?;
        return Ok(format!("{} items written to {FILE}", now.lines().count()));
    }
    let before = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines = |text: &'_ str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (known, found) = (lines(&before), lines(&now));
    for line in known.difference(&found) {
        eprintln!("- {line}");
    }
    for line in found.difference(&known) {
        eprintln!("+ {line}");
    }
    if known != found {
        bail!("the public API is not the one in {FILE}: `cargo xtask release-check --bless api` writes it");
    }
    Ok(format!("{} items, as in {FILE}", found.len()))
}
