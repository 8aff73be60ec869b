//! Tests that `dsql-local` installs a PostgreSQL 16 with the real npm, if it does not find one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use dsql_edge_tests::binary::{dsql_edge, dsql_local, without_shell_variables};

/// A user without PostgreSQL, with an empty cache folder, and with the npm configuration of the real user.
struct User(tempfile::TempDir);

impl User {
    fn new() -> User {
        User(tempfile::tempdir().unwrap())
    }

    fn cache(&self) -> PathBuf {
        let below = if cfg!(target_os = "macos") { "home/Library/Caches" } else { "cache" };
        self.0.path().canonicalize().unwrap().join(below)
    }

    /// Returns `dsql-local run` with this command, in a separate folder.
    fn run(&self, folder: &str, command: &[&OsStr]) -> Command {
        let folder = self.0.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut run = Command::new(dsql_local());
        without_shell_variables(&mut run);
        run.args(["run", "--"]).args(command).current_dir(&folder).stdin(Stdio::null());
        for name in ["DSQL_LOCAL_PG_BIN", "DSQL_LOCAL_INITDB_CACHE", "NODE_PATH"] {
            run.env_remove(name);
        }
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        if std::env::var_os("NPM_CONFIG_USERCONFIG").is_none() {
            run.env("NPM_CONFIG_USERCONFIG", home.join(".npmrc"));
        }
        run.env("HOME", self.0.path().join("home")).env("XDG_CACHE_HOME", self.cache());
        run
    }

    /// A PATH without npm.
    fn path_without_npm(&self) -> PathBuf {
        let tools = self.0.path().join("tools");
        if std::fs::create_dir(&tools).is_ok() {
            for tool in ["cat", "rm", "sleep", "sh"] {
                let is_tool = |folder: &PathBuf| folder.join(tool).is_file();
                let path = std::env::var_os("PATH").unwrap();
                let folder = std::env::split_paths(&path).find(is_tool).unwrap();
                std::os::unix::fs::symlink(folder.join(tool), tools.join(tool)).unwrap();
            }
        }
        tools
    }

    fn works(&self, output: &Output) -> String {
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{printed}");
        let own = format!("in front of PostgreSQL 16.14 ({}/", self.cache().display());
        assert!(
            printed.contains(&own),
            "this test needs a machine without another PostgreSQL 16:\n{printed}"
        );
        printed
    }

    /// The folders in dsql-local's cache folder.
    fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.cache().join("dsql-local")).into_iter().flatten();
        let entries = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

const NOTHING: [&str; 3] = ["/bin/sh", "-c", ":"];

fn nothing() -> Vec<&'static OsStr> {
    NOTHING.iter().map(OsStr::new).collect()
}

#[test]
fn postgresql_is_installed_once_for_two_starts_at_once() {
    let user = User::new();
    let pull = [dsql_edge().as_os_str(), OsStr::new("pull"), OsStr::new("--output"), OsStr::new("-")];
    let start = |folder| {
        let mut run = user.run(folder, &pull);
        run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, other) = (start("one"), start("other"));
    for started in [one, other] {
        let output = started.wait_with_output().unwrap();
        let printed = user.works(&output);
        assert!(printed.contains("installing PostgreSQL 16 with npm, once\n"), "{printed}");
        // A client has logged in, and has read the catalog.
        assert!(String::from_utf8_lossy(&output.stdout).contains("dsql-edge"), "{printed}");
    }
    assert_eq!(user.folders().len(), 1, "{:?}", user.folders());
    // Afterwards, neither npm nor a network is needed.
    let mut without_npm = user.run("one", &nothing());
    let printed = user.works(&without_npm.env("PATH", user.path_without_npm()).output().unwrap());
    assert!(!printed.contains("installing"), "{printed}");
}

#[test]
fn killed_installation_is_not_used_by_the_next_start() {
    let user = User::new();
    let mut killed = user.run("one", &nothing()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !has_package(&user.cache().join("dsql-local")) {
        assert!(begun.elapsed() < Duration::from_secs(120) && killed.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(user.folders().iter().all(|folder| folder.matches('.').count() > 3), "{:?}", user.folders());
    user.works(&user.run("one", &nothing()).output().unwrap());
    assert_eq!(user.folders().len(), 1, "{:?}", user.folders());
}

/// Whether npm has begun to write the package into a temporary folder.
fn has_package(cache: &Path) -> bool {
    let entries = std::fs::read_dir(cache).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().join("node_modules").is_dir())
}

#[test]
fn start_without_network_or_npm_names_the_way_out() {
    let user = User::new();
    for (name, value, why) in [
        ("NPM_CONFIG_REGISTRY", PathBuf::from("http://127.0.0.1:9/"), "ECONNREFUSED"),
        ("PATH", user.path_without_npm(), "npm is not on PATH"),
    ] {
        let output = user.run("one", &nothing()).env(name, value).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && printed.contains(why), "{printed}");
        assert!(
            printed.contains("or name the folder of its `postgres` with --postgres or DSQL_LOCAL_PG_BIN"),
            "{printed}"
        );
        assert_eq!(user.folders(), [""; 0]);
    }
}
