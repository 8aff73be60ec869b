//! Measures the cold build of each macro with all its dependencies. Every user waits for a cold build once, and CI
//! waits for a cold build in every run.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use xtask::project;
use xtask::step::{run, step};

use super::packages::Peer;
use super::rustc;
use crate::bench::figures::Figures;

/// User and wall time, in seconds.
struct Cost {
    user: f64,
    wall: f64,
}

pub(super) fn measure(folder: &Path, figures: &Figures) -> Result<()> {
    let ours = build(Peer::Ours, folder)?;
    let sqlx = build(Peer::Sqlx, folder)?;
    figures.title("cold build of the macro and its dependencies");
    for (what, ours, sqlx) in [("user time", ours.user, sqlx.user), ("wall time", ours.wall, sqlx.wall)] {
        figures.figure(&format!("cold build, {what}, dsql-edge"), ours, "s", None);
        figures.figure(&format!("cold build, {what}, sqlx"), sqlx, "s", None);
        figures.figure(
            &format!("cold build, {what}, dsql-edge / sqlx"),
            ours / sqlx,
            "ratio",
            Some(1.0 / 3.0),
        );
    }
    Ok(())
}

/// Builds an empty crate that depends only on the macro's crate, in an empty target folder.
fn build(peer: Peer, folder: &Path) -> Result<Cost> {
    let folder = folder.join(format!("cold-{}", peer.name()));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let manifest = format!(
        "[package]\nname = \"cold-{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\n{}\n",
        peer.name(),
        peer.macro_dependency()
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let cargo = |argument: &str| {
        let mut cargo = project::cargo();
        cargo
            .current_dir(&folder)
            .arg(argument)
            .arg("--quiet")
            .env("CARGO_TARGET_DIR", folder.join("target"));
        cargo
    };
    // Downloads are not part of the measured build.
    run(&mut cargo("fetch"))?;
    step(&format!("cold build of the macro, {}", peer.name()), || {
        let (user, start) = (rustc::children()?, Instant::now());
        run(&mut cargo("build"))?;
        Ok(Cost { user: rustc::children()? - user, wall: start.elapsed().as_secs_f64() })
    })
}
