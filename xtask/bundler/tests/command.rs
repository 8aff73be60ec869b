//! Tests the bundler as a command; `tests/end_to_end.rs` runs its bundles. Because of this test,
//! `cargo test --workspace` builds the command. The tests of Workers need the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn bundler(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsql-edge-bundler")).args(arguments).output().unwrap()
}

#[test]
fn missing_argument_prints_usage() {
    for arguments in [&[][..], &["one"], &["one", "two", "three"]] {
        let output = bundler(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("WASM FOLDER"));
    }
}

#[test]
fn file_that_is_not_wasm_is_an_error() {
    let folder = format!("{}/not-wasm", env!("CARGO_TARGET_TMPDIR"));
    let output = bundler(&[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), &folder]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("dsql-edge-bundler: "));
}
