//! Tests the bundler as a command; `tests/end_to_end.rs` runs its bundles. Because of this test,
//! `cargo test --workspace` builds the command. The tests of Workers need the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output};

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

#[test]
fn bundle_is_whole_while_it_is_made_again() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole");
    let _ = fs::remove_dir_all(&folder);
    let wasm = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.wasm");
    fs::write(&wasm, b"\0asm\x01\0\0\0").unwrap();
    let start = || -> Child {
        Command::new(env!("CARGO_BIN_EXE_dsql-edge-bundler")).args([&wasm, &folder]).spawn().unwrap()
    };
    assert!(start().wait().unwrap().success());
    let files = ["index.js", "worker.js", "worker_bg.wasm"].map(|name| folder.join(name));
    let whole = files.clone().map(|file| fs::read(file).unwrap());
    fs::create_dir(folder.join("old")).unwrap();
    fs::write(folder.join("old/left.js"), "").unwrap();
    let mut builds: Vec<Child> = (0..4).map(|_| start()).collect();
    while builds.iter_mut().any(|build| build.try_wait().unwrap().is_none()) {
        assert!(files.clone().map(|file| fs::read(file).unwrap_or_default()) == whole);
    }
    assert!(builds.iter_mut().all(|build| build.wait().unwrap().success()));
    let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["index.js", "worker.js", "worker_bg.wasm"]);
}
