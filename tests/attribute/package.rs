//! The package of a user, built once: its test programs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dsql_edge_tests::scratch_package::Package;
use xtask::project;

const FILES: [&str; 20] = [
    "dsql-schema.sql",
    "src/lib.rs",
    "tests/passes.rs",
    "tests/fails.rs",
    "tests/data/people.sql",
    "tests/data/post.sql",
    "tests/fixtures/authors.sql",
    "tests/fixtures/posts.sql",
    "tests/fixtures/rejected.sql",
    "tests/fixtures/wrong.sql",
    "changing/0001.sql",
    "migrations/0001_tables.sql",
    "migrations/0001_tables.down.sql",
    "migrations/0002_index.sql",
    "postgres/0001.sql",
    "postgres/0002_index.sql",
    "rejected/0001.sql",
    "wrong/0001.sql",
    "with_roles/0001.sql",
    "Cargo.toml",
];

/// The package, and its test programs by name.
pub(crate) struct UserPackage {
    package: Package,
    programs: HashMap<String, PathBuf>,
}

impl UserPackage {
    pub(crate) fn built() -> &'static UserPackage {
        static BUILT: OnceLock<UserPackage> = OnceLock::new();
        BUILT.get_or_init(|| {
            let package = Package::new("user-package", &[]);
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("attribute/package");
            for file in FILES {
                let text = std::fs::read_to_string(sources.join(file.replace("Cargo.toml", "manifest.toml")));
                let dsql_edge = project::root().join("dsql-edge");
                package.write(file, &text.unwrap().replace("DSQL_EDGE", &dsql_edge.to_string_lossy()));
            }
            let output =
                package.cargo(&["test", "--no-run", "--message-format", "json-render-diagnostics"], &[]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let lines = String::from_utf8(output.stdout).unwrap();
            let programs = lines.lines().filter_map(|line| {
                let artifact: serde_json::Value = serde_json::from_str(line).ok()?;
                let name = artifact["target"]["name"].as_str()?.replace('-', "_");
                Some((name, PathBuf::from(artifact["executable"].as_str()?)))
            });
            UserPackage { programs: programs.collect(), package }
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.package.path()
    }

    pub(crate) fn program(&self, name: &str) -> &Path {
        self.programs.get(name).unwrap_or_else(|| panic!("{name} is not built"))
    }
}
