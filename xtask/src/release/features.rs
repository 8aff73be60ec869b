//! Builds dsql-edge with each of its features, with each two of them, with all but one, and with all, natively and for
//! Workers. Two features that are wrong only together with a third one are not found.

use anyhow::{Context, Result, bail};
use xtask::{project, setup};

use super::members::named;

/// Features that a Worker cannot have: they connect through the operating system.
const NATIVE: [&str; 2] = ["tokio", "test"];

pub(super) fn check() -> Result<String> {
    setup::wasm_target()?;
    let features: Vec<String> =
        named("dsql-edge")?.features.into_keys().filter(|name| name != "default").collect();
    let native = combinations(&features);
    let of_workers: Vec<String> =
        features.iter().filter(|name| !NATIVE.contains(&name.as_str())).cloned().collect();
    let wasm = combinations(&of_workers);
    let mut failed = Vec::new();
    for (combinations, target) in [(&native, None), (&wasm, Some(setup::WASM_TARGET))] {
        for combination in combinations {
            if !builds(combination, target)? {
                failed.push(format!("{} ({})", combination.join(","), target.unwrap_or("native")));
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} combinations do not build without a warning: {}", failed.len(), failed.join("; "));
    }
    Ok(format!(
        "{} features: {} combinations natively, {} for Workers",
        features.len(),
        native.len(),
        wasm.len()
    ))
}

fn combinations(features: &[String]) -> Vec<Vec<&str>> {
    let all: Vec<&str> = features.iter().map(String::as_str).collect();
    let mut out = vec![Vec::new(), all.clone()];
    for (at, feature) in all.iter().enumerate() {
        out.push(vec![*feature]);
        out.push(all.iter().filter(|other| *other != feature).copied().collect());
        out.extend(all.iter().skip(at + 1).map(|other| vec![*feature, *other]));
    }
    out
}

/// Checks the crate itself with `-D warnings`; the dependencies are built only once.
fn builds(features: &[&str], target: Option<&str>) -> Result<bool> {
    let mut cargo = project::cargo();
    cargo.args(["rustc", "--quiet", "--locked", "-p", "dsql-edge", "--lib", "--profile", "check"]);
    cargo.args(["--no-default-features", "--features", &features.join(",")]);
    if let Some(target) = target {
        cargo.args(["--target", target]);
    }
    cargo.env("CARGO_TARGET_DIR", project::target().join("release-check"));
    let output = cargo.args(["--", "-D", "warnings"]).output().context("cargo cannot be started")?;
    if !output.status.success() {
        eprintln!("{}:\n{}", features.join(","), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}
