//! The output of rustc for queries that do not compile: `ui/*.rs`, each next to its expected output.
//!
//! Only errors that need rustc are here; all others are in case files. `TRYBUILD=overwrite` writes the expected output.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, ExitCode};

/// The variable that selects the part which this process runs. A macro reads the environment of the compiler that loads
/// the macro, so each part needs its own process.
const PART: &str = "DSQL_EDGE_UI_TESTS";

/// The parts of this test. Each part has a name, its files, and the variable that sets the schema.
const PARTS: [(&str, &str, &str); 5] = [
    ("with a snapshot", "ui/*.rs", "DSQL_EDGE_SCHEMA=ui/dsql-schema.sql"),
    ("with PostgreSQL's types", "ui/postgres/*.rs", "DSQL_EDGE_SCHEMA=ui/postgres/schema.sql"),
    ("without a snapshot", "ui/no_snapshot/*.rs", "DSQL_EDGE_SCHEMA="),
    ("with migrations", "ui/migrations/*.rs", "DSQL_EDGE_MIGRATIONS=ui/migrations"),
    ("with a folder for a snapshot", "ui/folder/*.rs", "DSQL_EDGE_SCHEMA=ui/migrations"),
];

fn main() -> ExitCode {
    let part = std::env::var(PART).ok();
    match PARTS.iter().find(|(name, ..)| Some(*name) == part.as_deref()) {
        Some((_, files, _)) => trybuild::TestCases::new().compile_fail(files),
        None => return all(),
    }
    ExitCode::SUCCESS
}

fn all() -> ExitCode {
    let this = std::env::current_exe().expect("a running test has a path");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `sql_file!` reads a file next to the Cargo.toml that trybuild writes.
    let target = this.ancestors().nth(3).expect("a test is in target/debug/deps");
    let queries = target.join("tests/trybuild/dsql-edge-tests-rustc/queries");
    std::fs::create_dir_all(&queries).expect("trybuild's folder can be written");
    std::fs::copy(here.join("ui/queries/wrong.sql"), queries.join("wrong.sql"))
        .expect("ui/queries/wrong.sql exists");
    let mut code = ExitCode::SUCCESS;
    for (part, _, variable) in PARTS {
        let (name, value) = variable.split_once('=').expect("a variable has a value");
        let value = if value.is_empty() { value.into() } else { here.join(value) };
        // OUT_DIR is set here because cargo sets it only if the package has a build script; without a build script, the
        // macro rejects a variable with a folder of migrations. The dependencies are compiled once, so an incremental
        // cache would only cost time.
        let mut run = Command::new(&this);
        run.env(PART, part).env(name, value).env("OUT_DIR", target).env("CARGO_INCREMENTAL", "0");
        let run = run.status();
        if !run.is_ok_and(|status| status.success()) {
            eprintln!("ui tests {part} failed");
            code = ExitCode::FAILURE;
        }
    }
    code
}
