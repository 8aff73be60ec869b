//! The packages that are published, from `cargo metadata`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xtask::project;

/// A published package.
#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) rust_version: Option<String>,
    pub(super) manifest_path: PathBuf,
    pub(super) features: std::collections::BTreeMap<String, Vec<String>>,
    /// `Some` of no registries if the package is not published.
    publish: Option<Vec<String>>,
    /// `None` for a member of the workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Member>,
}

/// The published packages of the workspace.
pub(super) fn published() -> Result<Vec<Member>> {
    let mut packages = all()?;
    packages.retain(|package| package.source.is_none() && package.publish.is_none());
    ensure!(packages.len() > 3, "cargo metadata lists {} published packages", packages.len());
    Ok(packages)
}

/// All packages of the workspace's lock file.
pub(super) fn all() -> Result<Vec<Member>> {
    let mut metadata = project::cargo();
    let output = metadata.args(["metadata", "--locked", "--format-version", "1"]).output()?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("the output of cargo metadata")?;
    Ok(metadata.packages)
}

/// The published package with this name.
pub(super) fn named(name: &str) -> Result<Member> {
    published()?
        .into_iter()
        .find(|member| member.name == name)
        .with_context(|| format!("{name} is not published"))
}
