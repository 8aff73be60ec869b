//! `rust-version` is the highest among the dependencies, and no code of ours needs a newer one: clippy's lint
//! `incompatible_msrv` finds items of the standard library that are newer.

use anyhow::{Context, Result, bail};
use xtask::project;
use xtask::step::run;

use super::members::{all, named};

pub(super) fn check() -> Result<String> {
    let ours = named("dsql-edge")?.rust_version.context("dsql-edge has no rust-version")?;
    let mut highest: Option<(Vec<u32>, String)> = None;
    for package in all()?.into_iter().filter(|package| !package.name.starts_with("dsql-edge")) {
        let Some(version) = &package.rust_version else { continue };
        let version = numbers(version);
        if highest.as_ref().is_none_or(|(known, _)| *known < version) {
            highest = Some((version, package.name));
        }
    }
    let (version, name) = highest.context("no dependency has a rust-version")?;
    if numbers(&ours) != version {
        let version: Vec<String> = version.iter().map(u32::to_string).collect();
        bail!("rust-version is {ours}; {name} needs {}", version.join("."));
    }
    let mut lint = project::cargo();
    lint.args(["clippy", "--locked", "--workspace", "--", "-D", "clippy::incompatible_msrv"]);
    run(lint.env("CARGO_TARGET_DIR", project::target().join("release-check")))?;
    Ok(format!("{ours}, which {name} needs"))
}

/// The three numbers of a version; those that are left out are 0.
fn numbers(version: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap_or(0)).collect();
    numbers.resize(3, 0);
    numbers
}
