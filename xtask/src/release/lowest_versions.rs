//! Builds the published packages with the lowest versions of their direct dependencies that Cargo.toml accepts. So this
//! check finds a version in Cargo.toml that is too low.
//!
//! The packages are copied, because cargo writes the versions into the lock file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use xtask::step::run;
use xtask::{project, setup};

use super::members::published;

/// The features of a Worker that add dependencies.
const WORKERS_FEATURES: [&str; 5] = ["pool", "postgres", "postgres-types", "tracing", "websocket"];

pub(super) fn check() -> Result<String> {
    let members = published()?;
    let folder = tempfile::tempdir()?;
    let root = fs::read_to_string(project::root().join("Cargo.toml"))?;
    let names: Vec<String> = members.iter().map(|member| format!("{:?}", member.name)).collect();
    let (_, rest) =
        root.split_once("\n[workspace.package]").context("Cargo.toml has no [workspace.package]")?;
    let workspace = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[workspace.package]{rest}",
        names.join(", ")
    );
    fs::write(folder.path().join("Cargo.toml"), workspace)?;
    for member in &members {
        let from = member.manifest_path.parent().context("a manifest is in a folder")?;
        copy(from, &folder.path().join(&member.name))?;
    }
    let target = project::target().join("release-check");
    let cargo = |arguments: &[&str]| {
        let mut cargo = project::cargo();
        cargo.args(arguments).current_dir(folder.path()).env("CARGO_TARGET_DIR", &target);
        run(&mut cargo)
    };
    let mut lowest = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    lowest
        .args(["update", "-Zdirect-minimal-versions"])
        .current_dir(folder.path())
        .env("RUSTC_BOOTSTRAP", "1");
    run(&mut lowest)?;
    cargo(&["check", "--locked", "--workspace", "--all-features", "--lib", "--bins"])?;
    setup::wasm_target()?;
    let workers = ["check", "--locked", "-p", "dsql-edge", "--target", setup::WASM_TARGET, "--features"];
    cargo(&[&workers[..], &[&WORKERS_FEATURES.join(",")]].concat())?;
    Ok(format!("{} packages build natively, dsql-edge also for Workers", members.len()))
}

/// Copies a package, but not the files that git ignores.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(from).output()?;
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let target = to.join(name);
        fs::create_dir_all(target.parent().context("a file is in a folder")?)?;
        fs::copy(from.join(name), &target).with_context(|| name.to_owned())?;
    }
    Ok(())
}
