//! Finds and builds the binaries `dsql-edge` and `dsql-local`, for tests that run these binaries as users do.
//!
//! With `DSQL_EDGE_PACKAGES`, the binaries and the crates are those of a folder with unpacked packages, which `cargo
//! xtask release-check packages` prepares.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use xtask::worker::BUILT;

/// Returns the path of `dsql-edge`, and builds it unless it was built together with all tests ([`BUILT`]).
pub fn dsql_edge() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("dsql-edge-codegen", "dsql-edge"))
}

/// Returns the path of `dsql-local`, and builds it unless it was built together with all tests.
pub fn dsql_local() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("dsql-edge-local", "dsql-local"))
}

/// Removes the variables of the shell that specify a server, keys or a schema, so that a test does not depend on them.
/// The variables `DSQL_LOCAL_…` are kept, because one of them names the folder of dsql-local's PostgreSQL.
pub fn without_shell_variables(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_str().is_some_and(|name| {
            name.starts_with("AWS_")
                || name.starts_with("PG")
                || name == "DATABASE_URL"
                || name.starts_with("DSQL_") && !name.starts_with("DSQL_LOCAL_")
        });
        if is_ours {
            command.env_remove(&name);
        }
    }
    command
}

/// The folder with the unpacked packages of a release, and with their binaries in `installed`; `None` if the tests use
/// the crates of this clone.
pub fn unpacked_packages() -> Option<PathBuf> {
    std::env::var_os("DSQL_EDGE_PACKAGES").map(PathBuf::from)
}

fn built(package: &str, binary: &str) -> PathBuf {
    if let Some(folder) = unpacked_packages() {
        return folder.join("installed/bin").join(binary);
    }
    if std::env::var_os(BUILT).is_some() {
        return xtask::project::target().join("debug").join(binary);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", package, "--message-format", "json-render-diagnostics"])
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
