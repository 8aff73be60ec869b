//! A PostgreSQL 16 on this machine: the folder of its programs, and its version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable whose value is the folder with `initdb` and `postgres`.
pub(super) const VARIABLE: &str = "DSQL_LOCAL_PG_BIN";

/// A PostgreSQL 16.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `initdb` and `postgres`.
    pub bin: PathBuf,
    /// The version that `postgres --version` prints, such as `16.14`.
    pub version: String,
}

/// Runs the `postgres` in a folder to get its version.
pub(super) fn ask(bin: &Path) -> Result<Installation, String> {
    for program in ["initdb", "postgres"] {
        if !bin.join(program).is_file() {
            return Err(format!("{program} is missing"));
        }
    }
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .output()
        .map_err(|error| format!("postgres --version: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let version = printed.split_whitespace().nth(2).unwrap_or_default();
    if !output.status.success() || version.is_empty() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("postgres --version fails: {}", complaint.trim()));
    }
    if version.split(['.', 'r', 'b']).next() != Some("16") {
        return Err(format!("it is PostgreSQL {version}; DSQL is PostgreSQL 16"));
    }
    let bin = fs::canonicalize(bin).map_err(|error| error.to_string())?;
    Ok(Installation { bin, version: version.to_owned() })
}
