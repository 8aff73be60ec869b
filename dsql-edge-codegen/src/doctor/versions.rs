//! Checks whether the versions of the command and of the crate dsql-edge match.

use std::fs;
use std::path::Path;

use toml_edit::DocumentMut;

use super::check::Check;

/// The name of the check.
const NAME: &str = "versions";

const OWN: &str = env!("CARGO_PKG_VERSION");

/// Returns the check: this command, the crates of the package, wrangler, and the server.
pub(super) fn check(package: &Path, server: Option<&str>) -> Check {
    let lock = in_or_above(package, "Cargo.lock");
    let lock: Option<DocumentMut> = lock.and_then(|text| text.parse().ok());
    let of_crate = |name: &str| locked(lock.as_ref()?, name);
    let runtime = of_crate("dsql-edge");
    let mut parts = vec![format!("the command {OWN}")];
    for (name, version) in [
        ("dsql-edge", runtime.clone()),
        ("worker", of_crate("worker")),
        ("wrangler", wrangler(package)),
        ("server", server.map(str::to_owned)),
    ] {
        parts.extend(version.map(|version| format!("{name} {version}")));
    }
    let detail = parts.join(", ");
    match runtime {
        Some(runtime) if runtime != OWN => Check::warning(
            NAME,
            detail,
            format!(
                "the crate and the command have different versions: cargo install dsql-edge-codegen@{runtime}"
            ),
        ),
        _ => Check::ok(NAME, detail),
    }
}

/// Returns the version of a package in Cargo.lock.
fn locked(lock: &DocumentMut, name: &str) -> Option<String> {
    let packages = lock.get("package")?.as_array_of_tables()?;
    let found = packages.iter().find(|it| it.get("name").and_then(|it| it.as_str()) == Some(name))?;
    Some(found.get("version")?.as_str()?.to_owned())
}

/// Returns the version of wrangler that is installed for the package.
fn wrangler(package: &Path) -> Option<String> {
    let text = in_or_above(package, "node_modules/wrangler/package.json")?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(manifest.get("version")?.as_str()?.to_owned())
}

/// Returns the text of a file in a folder, or else in the nearest folder above it.
fn in_or_above(folder: &Path, file: &str) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    folder.ancestors().find_map(|folder| fs::read_to_string(folder.join(file)).ok())
}
