//! Cargo.toml: the dependency, where it is missing. Formatting and comments stay.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml_edit::{DocumentMut, Item, Table, value};

use super::Steps;

/// The version that goes with this command: `0.1`.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

pub(super) fn dependency(path: &Path, steps: &mut Steps) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut manifest: DocumentMut = text.parse().with_context(|| path.display().to_string())?;
    if !manifest.contains_key("package") {
        bail!("{} is a workspace's: name the Worker's own folder", path.display());
    }
    let dependencies = manifest.entry("dependencies").or_insert(Item::Table(Table::new()));
    let Some(table) = dependencies.as_table_like_mut() else {
        bail!("{}: `dependencies` is no table", path.display());
    };
    if !table.contains_key("worker") {
        steps.next("the crate does not depend on `worker`: dsql-edge runs in Workers, or with its feature `tokio` elsewhere");
    }
    if table.contains_key("dsql-edge") {
        return Ok(());
    }
    table.insert("dsql-edge", value(VERSION));
    fs::write(path, manifest.to_string()).with_context(|| path.display().to_string())?;
    steps.done("Cargo.toml", format!("dsql-edge = \"{VERSION}\" added"));
    Ok(())
}
