//! The documentation of the published libraries as docs.rs builds it: with all features, and with the mark of the feature that
//! an item needs. docs.rs uses a nightly toolchain; here, `RUSTC_BOOTSTRAP` allows the same flags.

use anyhow::Result;
use xtask::project;
use xtask::step::run;

use super::members::published;

pub(super) fn check() -> Result<String> {
    let members = published()?;
    let mut doc = project::cargo();
    doc.args(["doc", "--locked", "--no-deps", "--lib", "--all-features"]);
    for member in &members {
        doc.args(["-p", &member.name]);
    }
    let target = project::target().join("release-check");
    doc.env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTDOCFLAGS", "--cfg docsrs -D warnings")
        .env("CARGO_TARGET_DIR", &target);
    run(&mut doc)?;
    Ok(format!("{} packages in {}", members.len(), target.join("doc").display()))
}
