//! The binary `dsql-edge`, for tests that run it as people do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use xtask::worker::BUILT;

/// The binary, built here unless it was built together with everything else ([`BUILT`]).
pub fn dsql_edge() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(built)
}

fn built() -> PathBuf {
    if std::env::var_os(BUILT).is_some() {
        return xtask::project::target().join("debug/dsql-edge");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "dsql-edge-codegen", "--message-format", "json-render-diagnostics"])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let lines = String::from_utf8(built.stdout).unwrap();
    let mut executables = lines.lines().filter_map(|line| {
        let artifact: serde_json::Value = serde_json::from_str(line).ok()?;
        artifact["executable"].as_str().map(PathBuf::from)
    });
    executables.next_back().expect("cargo names the binary")
}
