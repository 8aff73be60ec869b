//! Bans, licences and sources of all dependencies, by cargo-deny and the rules of `deny.toml`.
//!
//! Advisories are not checked here, because their database is on GitHub and changes without a commit of ours: `cargo
//! deny check advisories`.

use std::process::Command;

use anyhow::Result;
use xtask::project;
use xtask::step::run;

use super::tools::installed;

const VERSION: &str = "0.20.2";

pub(super) fn check() -> Result<String> {
    let mut deny = Command::new(installed("cargo-deny", VERSION)?);
    deny.current_dir(project::root()).args([
        "--all-features",
        "--locked",
        "check",
        "bans",
        "licenses",
        "sources",
    ]);
    run(&mut deny)?;
    Ok("bans, licences and sources are as in deny.toml".to_owned())
}
