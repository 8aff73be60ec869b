//! Builds the generated packages, natively.
//!
//! Input: the files of each package. Output: the path of each program, and the queries that rustc rejects. The queries
//! that rustc rejects are left out, and the package is built again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dsql_edge_tests::scratch_package::with_own_variables;
use serde_json::Value;
use xtask::project;

use crate::source::Files;

/// The errors of rustc, by package and by the number of the query.
pub(crate) type Rejected = BTreeMap<(String, usize), String>;

/// Returns the folder of the packages. The folder is kept, so that rustc compiles unchanged packages only once.
pub(crate) fn folder() -> PathBuf {
    project::target().join("tests/corpus")
}

/// Writes the packages as one workspace. Files that have not changed are not written.
pub(crate) fn write(packages: &BTreeMap<String, Files>) -> Result<()> {
    let root = folder();
    let members: Vec<&String> = packages.keys().collect();
    let workspace = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n[profile.dev]\ndebug = false\nincremental = false\n"
    );
    put(&root.join("Cargo.toml"), &workspace)?;
    fs::copy(project::root().join("Cargo.lock"), root.join("Cargo.lock"))?;
    let runtime = project::root();
    for (name, files) in packages {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             dsql-edge = {{ path = {:?}, default-features = false, features = [\"serde\", \"tokio\", \"postgres\"] }}\n\
             dsql-edge-tests-corpus = {{ path = {:?} }}\n",
            runtime.join("dsql-edge"),
            runtime.join("tests/corpus")
        );
        put(&root.join(name).join("Cargo.toml"), &manifest)?;
        for (path, text) in files {
            put(&root.join(name).join(path), text)?;
        }
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("a file without a folder")?)?;
    Ok(fs::write(path, text)?)
}

/// Builds all packages; returns the errors in files of queries.
pub(crate) fn build() -> Result<Rejected> {
    let mut cargo = project::cargo();
    with_own_variables(&mut cargo);
    cargo.current_dir(folder()).args(["build", "--keep-going", "--message-format", "json"]);
    let output = cargo.stderr(std::process::Stdio::inherit()).output()?;
    let lines = String::from_utf8(output.stdout)?;
    let mut rejected = Rejected::new();
    let mut others = String::new();
    for line in lines.lines() {
        let message: Value = serde_json::from_str(line)?;
        let inner = &message["message"];
        if message["reason"] != "compiler-message" || inner["level"] != "error" {
            continue;
        }
        let text = inner["rendered"].as_str().unwrap_or_default();
        let spans = inner["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        let file = spans.iter().find_map(|span| number_of(span["file_name"].as_str()?));
        let package = message["target"]["name"].as_str().unwrap_or_default().to_owned();
        match file {
            Some(number) => {
                let first = rejected.entry((package, number)).or_insert_with(|| text.to_owned());
                // If rustc reports that a column does not fit its Rust type, its other errors about this query are only
                // consequences. So the error about the column is kept, and the other errors about the query are
                // dropped.
                if is_other_type(text) && !is_other_type(first) {
                    *first = text.to_owned();
                }
            }
            None if inner["code"].is_null() && text.starts_with("error: aborting") => {}
            None => others += text,
        }
    }
    if !output.status.success() && rejected.is_empty() {
        bail!("the packages do not compile:\n{others}");
    }
    Ok(rejected)
}

/// Whether an error of rustc states that a Rust type from the query (`AS "x: T"`) does not fit its column.
pub(crate) fn is_other_type(error: &str) -> bool {
    error.contains("a column of the SQL type") || error.contains("the column `")
}

/// The number of the query in a file.
fn number_of(file: &str) -> Option<usize> {
    Path::new(file).file_stem()?.to_str()?.strip_prefix('q')?.parse().ok()
}

/// The path of a built program.
pub(crate) fn program(package: &str) -> PathBuf {
    project::target().join("tests/package/debug").join(package)
}
