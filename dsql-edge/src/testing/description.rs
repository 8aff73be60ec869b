//! The description of a test, which the attribute generates.
//!
//! Input: the arguments of the attribute, and the files that it included. Output: the description that dsql-local
//! takes.

use std::path::{Path, PathBuf};

use dsql_edge_local::{Error, Fault, testing};

/// The description of a test, from its attribute.
#[derive(Debug)]
pub struct Test {
    /// The folder of the package.
    pub package: &'static str,
    /// The path of the module that contains the test, including the name of the crate.
    pub module: &'static str,
    /// The name of the function.
    pub name: &'static str,
    /// The source file.
    pub source: &'static str,
    /// The folder that `migrations` names, and the names of its files when the test was compiled.
    pub migrations: Option<(&'static str, &'static [&'static str])>,
    /// The files of the schema: path and text.
    pub schema: &'static [(&'static str, &'static str)],
    /// Whether the files of the schema are migrations, and not a snapshot.
    pub are_migrations: bool,
    /// The fixtures: path relative to the source file, and text.
    pub fixtures: &'static [(&'static str, &'static str)],
    /// The faults, each in dsql-local's syntax (`conflict=1`).
    pub faults: &'static [&'static str],
    /// The database roles, besides `admin`, for which the test gets a `Dsql`.
    pub roles: &'static [&'static str],
    /// Whether the test has its own PostgreSQL.
    pub own_server: bool,
    /// Whether a panic is the expected result.
    pub should_panic: bool,
}

impl Test {
    /// Calls a function of dsql-local with this description.
    pub(super) fn given_to<T>(
        &self,
        faults: &[Fault],
        run: impl FnOnce(&testing::Test<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let name = [self.module, "::", self.name].concat();
        let target = target();
        // The path of a fixture is relative to the source file, and messages show it relative to the workspace.
        let beside = Path::new(self.source).parent().unwrap_or(Path::new(""));
        let fixtures: Vec<(String, &str)> = self
            .fixtures
            .iter()
            .map(|(path, text)| (beside.join(path).to_string_lossy().into_owned(), *text))
            .collect();
        let fixtures: Vec<(&str, &str)> =
            fixtures.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        run(&testing::Test {
            target: target.as_deref(),
            package: Path::new(self.package),
            name: &name,
            schema: testing::Schema { files: self.schema, are_migrations: self.are_migrations },
            fixtures: &fixtures,
            faults,
            roles: self.roles,
            own_server: self.own_server,
        })
    }

    /// Reads `faults("conflict=1", …)`, which the attribute has checked.
    pub(super) fn faults(&self) -> Result<Vec<Fault>, String> {
        testing::faults(self.faults).map_err(|error| error.to_string())
    }

    /// Checks that the folder of migrations has the files that the test was compiled with: cargo does not rebuild the
    /// test when a file is added to the folder.
    pub(super) fn check_migrations(&self) -> Result<(), String> {
        let Some((folder, names)) = self.migrations else { return Ok(()) };
        // If the test program runs on another machine, the folder does not exist there, and nothing is checked.
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        let mut found: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        found.sort();
        if found == names {
            return Ok(());
        }
        Err(format!(
            "the files of {folder} have changed since this test was compiled: compile it again (touch {source}). To have \
             cargo do this, add a build.rs with: fn main() {{ println!(\"cargo::rerun-if-changed={folder}\") }}",
            source = self.source
        ))
    }
}

/// The target folder, which contains the test program. Cargo marks the target folder with the file `CACHEDIR.TAG`.
fn target() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    program.ancestors().skip(1).find(is_target).map(Path::to_owned)
}
