//! The command line as a command. (What its commands do is in the tests of the workspace.) Having this test makes
//! `cargo test --workspace` build the command, which those tests run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn dsql_edge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsql-edge")).args(arguments).output().unwrap()
}

#[test]
fn version_is_the_package_s() {
    let output = dsql_edge(&["--version"]);
    assert!(output.status.success());
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version.trim(), concat!("dsql-edge ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn unknown_command_is_an_error() {
    let output = dsql_edge(&["guess"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("guess"));
}
