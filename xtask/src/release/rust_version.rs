//! Checks that `rust-version` is the highest `rust-version` of the dependencies, and that our code does not need a
//! newer Rust. clippy's lint `incompatible_msrv` finds items of the standard library that are newer than
//! `rust-version`.
//!
//! This check does not need a toolchain of the version `rust-version`. The workflow for CI builds the packages with
//! such a toolchain.

use anyhow::{Context, Result, bail};
use xtask::step::run;
use xtask::{project, setup};

use super::members::{dependencies, named, published};

pub(super) fn check() -> Result<String> {
    let ours = named("dsql-edge")?.rust_version.context("dsql-edge has no rust-version")?;
    let mut highest: Option<([u32; 3], Vec<String>)> = None;
    for package in dependencies()? {
        let Some(version) = &package.rust_version else { continue };
        let (version, name) = (numbers(version)?, format!("{} {}", package.name, package.version));
        match &mut highest {
            Some((known, names)) if *known == version => names.push(name),
            Some((known, _)) if *known > version => {}
            _ => highest = Some((version, vec![name])),
        }
    }
    let (version, names) = highest.context("no dependency has a rust-version")?;
    let first = names.first().context("a name")?;
    if numbers(&ours)? != version {
        let version = version.map(|number| number.to_string()).join(".");
        bail!("rust-version is {ours}; {first} needs {version}");
    }
    let published = published()?;
    let ours_too = published.iter().all(|package| package.rust_version.as_deref() == Some(&ours));
    if !ours_too {
        bail!("not all packages have the rust-version {ours}");
    }
    let target = project::target().join("release-check");
    let lint = |arguments: &[&str]| {
        let mut lint = project::cargo();
        lint.args(["clippy", "--locked"]).args(arguments).env("CARGO_TARGET_DIR", &target);
        run(lint.args(["--", "-D", "clippy::incompatible_msrv"]))
    };
    let packages: Vec<&str> = published.iter().flat_map(|package| ["-p", package.name.as_str()]).collect();
    lint(&[&["--all-features"][..], &packages].concat())?;
    setup::wasm_target()?;
    lint(&[
        "-p",
        "dsql-edge",
        "--target",
        setup::WASM_TARGET,
        "--features",
        "pool,assume-role,postgres,websocket",
    ])?;
    Ok(format!("{ours}, which {} packages need ({first} …)", names.len()))
}

/// The three numbers of a version; those that are left out are 0.
fn numbers(version: &str) -> Result<[u32; 3]> {
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(version.split('.')) {
        *number = text.parse().with_context(|| format!("{version} is not a version of Rust"))?;
    }
    Ok(numbers)
}
