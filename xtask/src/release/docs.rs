//! Builds the documentation of the published libraries as docs.rs does, with the settings of
//! `[package.metadata.docs.rs]`, and checks that for each feature of dsql-edge, at least one item is marked as needing
//! the feature. docs.rs uses a nightly toolchain; here, `RUSTC_BOOTSTRAP` allows the same flags.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask::project;
use xtask::step::run;

use super::members::{named, published};

/// Features of dsql-edge that only change the behaviour of items: docs.rs marks no item with such a feature.
const WITHOUT_ITEMS: [&str; 3] = ["aws-sigv4", "default", "tracing"];

pub(super) fn check() -> Result<String> {
    let packages = published()?;
    let target = project::target().join("release-check");
    // Files of an earlier run would hide that an item is not marked any longer.
    let folder = target.join("doc");
    let _ = fs::remove_dir_all(folder.join("dsql_edge"));
    let mut doc = project::cargo();
    doc.args(["doc", "--locked", "--no-deps", "--lib", "--all-features"]);
    for package in &packages {
        ensure!(
            package.documents_all_features(),
            "{} has no `all-features = true` in [package.metadata.docs.rs]",
            package.name
        );
        doc.args(["-p", &package.name]);
    }
    // docs.rs sets `docsrs`, and does not stop at a warning.
    doc.env("RUSTC_BOOTSTRAP", "1").env("RUSTDOCFLAGS", "--cfg docsrs -D warnings");
    run(doc.env("CARGO_TARGET_DIR", &target))?;
    let marks = marks(&folder.join("dsql_edge"))?;
    let features = named("dsql-edge")?.features;
    let missing: Vec<&String> = features
        .keys()
        .filter(|name| !WITHOUT_ITEMS.contains(&name.as_str()))
        .filter(|name| !marks.contains(&format!("<code>{name}</code>")))
        .collect();
    ensure!(missing.is_empty(), "no item of dsql-edge is marked with the features {missing:?}");
    Ok(format!("{} packages, with marks of features, in {}", packages.len(), folder.display()))
}

/// The marks of features on all pages below a folder, in the HTML of rustdoc.
fn marks(folder: &Path) -> Result<String> {
    let mut marks = String::new();
    for file in xtask::workerd::files(folder).with_context(|| folder.display().to_string())? {
        if file.extension().is_some_and(|extension| extension == "html") {
            let page = fs::read_to_string(&file)?;
            let parts = page.split("class=\"stab portability\">Available on ").skip(1);
            marks.extend(parts.filter_map(|part| part.split("only.").next()));
        }
    }
    Ok(marks)
}
