//! Packages in temporary folders. Packages that cargo builds depend on `dsql-edge`, are built offline, and share one
//! target folder.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use xtask::project;

use crate::binary::without_shell_variables;

/// A package that cargo builds.
pub struct Package {
    folder: tempfile::TempDir,
    name: String,
}

impl Package {
    /// A package with these files and a Cargo.toml.
    ///
    /// Each test must pass a different `name`. In the shared target folder, cargo treats two packages of the same name
    /// as one package. If the files of the second package were older than the build of the first package, cargo would
    /// not compile the second package.
    pub fn new(name: &str, files: &[(&str, &str)]) -> Package {
        let package = Package { folder: tempfile::tempdir().unwrap(), name: name.to_owned() };
        let root = project::root();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\ndsql-edge = {{ path = {:?}, default-features = false }}\n",
            root.join("dsql-edge")
        );
        package.write("Cargo.toml", &manifest);
        fs::copy(root.join("Cargo.lock"), package.path().join("Cargo.lock")).unwrap();
        write_files(package.path(), files);
        package
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the package.
    pub fn write(&self, file: &str, text: &str) {
        write_files(self.path(), &[(file, text)]);
    }

    /// Runs cargo in the package; of dsql-edge's variables, only these are set.
    pub fn cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut cargo = project::cargo();
        cargo.current_dir(self.path()).args(arguments);
        with_own_variables(&mut cargo).envs(variables.iter().copied()).output().unwrap()
    }

    /// The messages of a build that must succeed.
    pub fn built(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.cargo(arguments, variables);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{}: {printed}", self.name);
        printed
    }

    /// The messages of a build that must fail.
    pub fn failed(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.cargo(arguments, variables);
        assert!(!output.status.success(), "{} compiles", self.name);
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Writes files into a folder, and creates their parent folders.
pub fn write_files(folder: &Path, files: &[(&str, &str)]) {
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Makes a command run cargo offline and in the shared target folder, without the variables of the shell that change a
/// build.
pub fn with_own_variables(command: &mut Command) -> &mut Command {
    without_shell_variables(command).env_remove("RUSTFLAGS");
    // Most of these builds compile everything once, so an incremental cache and debug information only cost time.
    command.envs([
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_PROFILE_DEV_DEBUG", "none"),
        ("CARGO_PROFILE_TEST_DEBUG", "none"),
    ]);
    command.env("CARGO_TARGET_DIR", project::target().join("tests/package")).env("CARGO_NET_OFFLINE", "true")
}
