//! What users see when a query does not compile: `ui/*.rs`, each beside its expected output.
//!
//! Only what needs rustc stands here; all else is a case file. `TRYBUILD=overwrite` blesses.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};

/// Says which half this process runs: a macro reads the environment of the compiler that loads it.
const HALF: &str = "DSQL_EDGE_UI_TESTS";

fn main() -> ExitCode {
    match std::env::var(HALF).as_deref() {
        Ok("with a snapshot") => trybuild::TestCases::new().compile_fail("ui/*.rs"),
        Ok("without a snapshot") => trybuild::TestCases::new().compile_fail("ui/no_snapshot/*.rs"),
        _ => return both(),
    }
    ExitCode::SUCCESS
}

fn both() -> ExitCode {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/dsql-schema.sql");
    let mut code = ExitCode::SUCCESS;
    for (half, schema) in [("with a snapshot", schema), ("without a snapshot", "")] {
        let this = std::env::current_exe().expect("a running test has a path");
        let run = Command::new(this).env(HALF, half).env("DSQL_EDGE_SCHEMA", schema).status();
        if !run.is_ok_and(|status| status.success()) {
            eprintln!("ui tests {half} failed");
            code = ExitCode::FAILURE;
        }
    }
    code
}
