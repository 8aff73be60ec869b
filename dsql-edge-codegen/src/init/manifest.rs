//! Adds the dependency to Cargo.toml.
//!
//! Input: the manifest. Output: the manifest with the dependency; formatting and comments stay.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml_edit::{DocumentMut, Item, Table, value};

use super::summary::Summary;
use crate::write_file::{with_endings_of, write};

/// The version of dsql-edge that belongs to this version of the command: `0.1`.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// A crate's Cargo.toml.
pub(super) struct Manifest<'p> {
    path: &'p Path,
    text: String,
    document: DocumentMut,
}

impl<'p> Manifest<'p> {
    /// # Errors
    /// Returns an error if the file cannot be read, or if it has no package, only a workspace.
    pub(super) fn read(path: &'p Path) -> Result<Manifest<'p>> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let document: DocumentMut = text.parse().with_context(|| path.display().to_string())?;
        if !document.contains_key("package") {
            bail!("{} has no package, only a workspace: name the Worker's folder", path.display());
        }
        Ok(Manifest { path, text, document })
    }

    /// Adds the dependency on dsql-edge.
    pub(super) fn depend(mut self, summary: &mut Summary) -> Result<()> {
        let path = self.path.display();
        let dependencies = self.document.entry("dependencies").or_insert(Item::Table(Table::new()));
        let Some(table) = dependencies.as_table_like_mut() else {
            bail!("{path}: `dependencies` is not a table");
        };
        if !table.contains_key("worker") {
            summary.next(
                "the crate does not depend on `worker`: dsql-edge runs in Workers, or with its feature `tokio` elsewhere",
            );
        }
        if table.contains_key("dsql-edge") {
            return Ok(());
        }
        table.insert("dsql-edge", value(VERSION));
        let text = with_endings_of(&self.text, &self.document.to_string());
        write(self.path, &text)?;
        summary.done("Cargo.toml", format!("dsql-edge = \"{VERSION}\" added"));
        Ok(())
    }
}
