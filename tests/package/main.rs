//! `sql!` in packages that cargo builds: what only rustc and cargo can show. Each test writes a package, and all share
//! one target folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod crate_paths;
mod names;
mod tracking;

use std::fs;
use std::path::Path;
use std::process::Output;

use xtask::project;

/// A package of its own, which depends on `dsql-edge`.
struct Package {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Package {
    fn new(name: &'static str, files: &[(&str, &str)]) -> Package {
        let package = Package { folder: tempfile::tempdir().unwrap(), name };
        let root = project::root();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\ndsql-edge = {{ path = {:?}, default-features = false }}\n",
            root.join("dsql-edge")
        );
        package.write("Cargo.toml", &manifest);
        fs::copy(root.join("Cargo.lock"), package.path().join("Cargo.lock")).unwrap();
        files.iter().for_each(|(file, text)| package.write(file, text));
        package
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs cargo in the package, offline; `variables` are all that it has of ours.
    fn cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut cargo = project::cargo();
        cargo.current_dir(self.path()).args(arguments).arg("--offline");
        cargo.env("CARGO_TARGET_DIR", project::target().join("tests/package"));
        cargo.env_remove("DSQL_EDGE_SCHEMA").env_remove("DSQL_EDGE_MIGRATIONS").env_remove("RUSTFLAGS");
        cargo.envs(variables.iter().copied()).output().unwrap()
    }

    /// What cargo printed while it built, which must succeed.
    fn built(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.cargo(arguments, variables);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{}: {printed}", self.name);
        printed
    }

    /// What cargo printed while it built, which must fail.
    fn failed(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.cargo(arguments, variables);
        assert!(!output.status.success(), "{} compiles", self.name);
        String::from_utf8(output.stderr).unwrap()
    }
}
