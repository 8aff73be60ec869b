//! Tests the command line as a process. The tests of each subcommand are in the workspace's `tests`, and run the built
//! command. Because of this file, `cargo test --workspace` builds the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn dsql_edge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsql-edge")).args(arguments).output().unwrap()
}

#[test]
fn version_is_the_version_of_the_package() {
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

/// Runs `describe` with the string `stdin` as its standard input; returns its output as JSON, and its exit status.
fn describe(arguments: &[&str], stdin: &str) -> (String, Option<i32>) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command.sql");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-edge"))
        .args(["describe", "--schema", schema, "--format", "json"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    command.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = command.wait_with_output().unwrap();
    (String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), output.status.code())
}

#[test]
fn describe_rejects_queries_that_sql_rejects() {
    for (query, expected, status) in [
        ("SELECT 1 AS one", "\"version\":1", 0),
        ("SELECT 1 AS one", "\"diagnostics\":[]", 0),
        ("SELECT 1", "\"severity\":\"error\"", 1),
        ("SELECT 1 AS one, 2 AS one", "\"diagnostics\":[{", 1),
        ("SELECT titel FROM t", "\"version\":1", 1),
    ] {
        let (printed, code) = describe(&[query], "");
        assert!(printed.contains(expected) && code == Some(status), "{query}: {code:?} {printed}");
    }
}

#[test]
fn describe_without_a_query_is_an_error() {
    for (arguments, stdin) in [(&[][..], ""), (&["-"][..], " \n-- nothing\n")] {
        let (printed, code) = describe(arguments, stdin);
        assert!(printed.contains("stdin has no query") && code == Some(1), "{code:?} {printed}");
    }
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

#[test]
fn closed_stdout_is_not_an_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsql-edge"))
        .args(["lint", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(command.stdout.take());
    command.stdin.take().unwrap().write_all(b"VACUUM;\n").unwrap();
    let output = command.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141), "the status of a shell for SIGPIPE");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
