//! The packages that are published, and their dependencies, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xtask::project;

/// A package: a published one, or a dependency.
#[derive(Deserialize)]
pub(super) struct Package {
    id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) rust_version: Option<String>,
    pub(super) manifest_path: PathBuf,
    pub(super) features: BTreeMap<String, Vec<String>>,
    metadata: Option<PackageMetadata>,
    /// `Some` with an empty list of registries if the package is not published.
    publish: Option<Vec<String>>,
    /// `None` for a member of the workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    docs: Option<Docs>,
}

#[derive(Deserialize)]
struct Docs {
    rs: Option<DocsRs>,
}

/// How docs.rs builds the documentation of a package.
#[derive(Deserialize)]
struct DocsRs {
    #[serde(rename = "all-features", default)]
    all_features: bool,
}

impl Package {
    fn is_published(&self) -> bool {
        self.source.is_none() && self.publish.is_none()
    }

    /// Whether docs.rs documents all features of the package.
    pub(super) fn documents_all_features(&self) -> bool {
        let docs = self.metadata.as_ref().and_then(|metadata| metadata.docs.as_ref());
        docs.and_then(|docs| docs.rs.as_ref()).is_some_and(|settings| settings.all_features)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package with its dependencies.
#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or `None` for an ordinary dependency.
    kind: Option<String>,
}

impl Dependency {
    /// Whether a user of the package builds the dependency.
    fn is_built_by_users(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

/// The published packages of the workspace.
pub(super) fn published() -> Result<Vec<Package>> {
    let mut packages = metadata()?.packages;
    packages.retain(Package::is_published);
    ensure!(packages.len() > 3, "cargo metadata lists {} published packages", packages.len());
    Ok(packages)
}

/// Returns the dependencies that a user of a published package builds, with any features.
pub(super) fn dependencies() -> Result<Vec<Package>> {
    let Metadata { packages, resolve } = metadata()?;
    let nodes: BTreeMap<&str, &Node> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut pending: Vec<&str> =
        packages.iter().filter(|package| package.is_published()).map(|package| package.id.as_str()).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = pending.pop() {
        if reached.insert(id.to_owned()) {
            let node = nodes.get(id).with_context(|| format!("cargo metadata does not resolve {id}"))?;
            let built = node.deps.iter().filter(|dependency| dependency.is_built_by_users());
            pending.extend(built.map(|dependency| dependency.pkg.as_str()));
        }
    }
    let reached: Vec<Package> = packages
        .into_iter()
        .filter(|package| package.source.is_some() && reached.contains(&package.id))
        .collect();
    Ok(reached)
}

fn metadata() -> Result<Metadata> {
    let mut metadata = project::cargo();
    metadata.args(["metadata", "--locked", "--all-features", "--format-version", "1"]);
    let output = metadata.output().context("cargo cannot be started")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the output of cargo metadata")
}

/// The published package with this name.
pub(super) fn named(name: &str) -> Result<Package> {
    published()?
        .into_iter()
        .find(|package| package.name == name)
        .with_context(|| format!("{name} is not published"))
}
