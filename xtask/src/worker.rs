//! Builds a Worker: its crate to wasm, the wasm to a bundle.
//!
//! Input: the folder of a Worker's crate, with its lock file. Output: the folder of the bundle, below the target
//! folder. Users run worker-build for this. This module instead runs only tools that are built in this workspace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{run, step};
use crate::{project, setup};
use anyhow::{Context, Result};

/// Builds the Worker whose crate is in `folder` and bundles it.
///
/// # Errors
/// Returns an error if cargo or the bundler fails. In this case, cargo or the bundler has written the reason to
/// standard error.
pub fn bundle(folder: &Path, cargo_arguments: &[&str]) -> Result<PathBuf> {
    setup::wasm_target()?;
    let name = package(folder)?;
    let bundler = project::target().join("debug/dsql-edge-bundler");
    tools()?;
    let _lock = project::lock(&format!("worker-{name}"))?;
    step(&format!("building the Worker {name}"), || {
        let mut build = project::cargo();
        build.args(["build", "--release", "--locked", "--target", setup::WASM_TARGET, "--manifest-path"]);
        build.arg(folder.join("Cargo.toml")).args(cargo_arguments);
        // wasm-bindgen reads the section that lists the wasm's features; the bundler strips it later.
        build.args(["--config", "profile.release.strip='debuginfo'"]);
        // worker-build also sets this variable. With this variable, crates use js-sys's types instead of their own
        // copies.
        build.env("WASM_BINDGEN_USE_JS_SYS", "1");
        run(&mut build)
    })?;
    let wasm = project::target()
        .join(setup::WASM_TARGET)
        .join("release")
        .join(format!("{}.wasm", name.replace('-', "_")));
    let bundle = bundled(folder)?;
    fs::create_dir_all(project::target().join("worker"))?;
    // An up-to-date bundle is not written again, because another process may be reading the bundle.
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let bundled = modified(&bundle.join("index.js"));
    if bundled < modified(&wasm) || bundled < modified(&bundler) {
        step(&format!("bundling the Worker {name}"), || run(Command::new(bundler).arg(wasm).arg(&bundle)))?;
    }
    Ok(bundle)
}

/// The folder of the bundle of the Worker whose crate is in `folder`.
///
/// # Errors
/// Returns an error if the crate has no name.
pub fn bundled(folder: &Path) -> Result<PathBuf> {
    Ok(project::target().join("worker").join(package(folder)?))
}

/// The environment variable that is set if the commands `dsql-local` and `dsql-edge` and the bundler are already built:
/// `cargo xtask test` builds these commands with everything else.
pub const BUILT: &str = "DSQL_EDGE_TOOLS_BUILT";

/// Builds `dsql-local` and the bundler, always together, because cargo builds shared dependencies once for each set of
/// packages that a command names.
///
/// # Errors
/// Returns an error if cargo fails.
pub fn tools() -> Result<()> {
    if env::var_os(BUILT).is_some() {
        return Ok(());
    }
    let _lock = project::lock("tools")?;
    let build = ["build", "--locked", "-p", "dsql-edge-local", "-p", "dsql-edge-bundler"];
    step("building dsql-local and the bundler", || run(project::cargo().args(build)))
}

/// The name of the package in the Cargo.toml of a folder: the first `name = "…"`.
///
/// # Errors
/// Returns an error if the file cannot be read, or has no name.
pub fn package(folder: &Path) -> Result<String> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let name = text.lines().find_map(|line| {
        let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    });
    name.with_context(|| format!("{} names no package", path.display()))
}
