//! Sets the region in wrangler's settings, so that the Worker runs near its cluster.
//!
//! Input: the crate's folder. Output: a changed wrangler.toml. An edited wrangler.jsonc would lose its comments, so
//! the report has the lines to add instead.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Table, value};

use super::summary::Summary;
use crate::write_file::{with_endings_of, write};

pub(super) fn settings(package: &Path, region: Option<&str>, summary: &mut Summary) -> Result<()> {
    let shown = region.unwrap_or("<your cluster's region>");
    for name in ["wrangler.jsonc", "wrangler.json"] {
        if let Ok(text) = fs::read_to_string(package.join(name)) {
            if !text.contains("\"placement\"") {
                summary.next(format!(
                    "add to {name}, so that the Worker runs near the cluster: \"placement\": {{ \"region\": \"aws:{shown}\" }}"
                ));
            }
            return Ok(());
        }
    }
    let path = package.join("wrangler.toml");
    let Ok(text) = fs::read_to_string(&path) else {
        summary
            .next(format!("wrangler.toml is missing: write one, with [placement] region = \"aws:{shown}\""));
        return Ok(());
    };
    let mut settings: DocumentMut = text.parse().with_context(|| path.display().to_string())?;
    if settings.contains_key("placement") {
        return Ok(());
    }
    let Some(region) = region else {
        summary.next(
            "add to wrangler.toml, so that the Worker runs near the cluster: [placement] region = \"aws:<your cluster's region>\"",
        );
        return Ok(());
    };
    let mut placement = Table::new();
    placement.insert("region", value(format!("aws:{region}")));
    placement.decor_mut().set_prefix("\n# Near the cluster: every round trip counts.\n");
    settings.insert("placement", Item::Table(placement));
    write(&path, &with_endings_of(&text, &settings.to_string()))?;
    summary.done(
        "wrangler.toml",
        format!("[placement] region = \"aws:{region}\" added: the Worker runs near the cluster"),
    );
    Ok(())
}
