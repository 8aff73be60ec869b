//! The command line as a command. (What its commands do is in the tests of the workspace.) Having this test makes
//! `cargo test --workspace` build the command, which those tests run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

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

#[test]
fn describe_reads_stdin_for_a_dash() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command.sql");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-edge"))
        .args(["describe", "--schema", schema, "--format", "json", "-", "SELECT 2 AS two"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    command.stdin.take().unwrap().write_all(b"SELECT id AS one FROM t; SELECT 3 AS three").unwrap();
    let output = command.wait_with_output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let columns: Vec<bool> = answers
        .lines()
        .zip(["one", "three", "two"])
        .map(|(answer, column)| answer.contains(&format!("\"name\":\"{column}\"")))
        .collect();
    assert!(output.status.success() && columns == [true; 3], "{answers}");
}

#[test]
fn error_of_a_connection_names_no_file_of_the_command() {
    let output = Command::new(env!("CARGO_BIN_EXE_dsql-edge"))
        .args(["pull", "--endpoint", "localhost:1", "--region", "us-east-1", "--output", "-"])
        .envs([("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("localhost:1"), "{error}");
    assert!(!error.contains(".rs:") && !error.contains("secret"), "{error}");
}
