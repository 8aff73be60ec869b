//! Tests `#[dsql_edge::test]` in a package as users write it. Checks that the tests pass, what a failed test prints and
//! keeps, and which files and processes remain after test programs that end, are killed, or start at the same time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod package;
mod run;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use package::UserPackage;
use run::{Folder, eventually, printed};

#[test]
fn passing_tests_leave_nothing() {
    let folder = Folder::new();
    for program in ["user_package", "passes"] {
        let output = folder.run(program, &[], &[]);
        assert!(output.status.success(), "{}", printed(&output));
    }
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 0);
    // Only the data of the shared server and a new data folder to copy are left.
    assert_eq!(folder.files(), ["initdb", "shared"]);
    // The next run uses the same data.
    let before = fs::metadata(folder.data().join("PG_VERSION")).unwrap().modified().unwrap();
    assert!(folder.run("passes", &["fixtures_run_in_order"], &[]).status.success());
    assert_eq!(fs::metadata(folder.data().join("PG_VERSION")).unwrap().modified().unwrap(), before);
}

/// The tests that begin at the same time all record that they use the template.
#[test]
fn first_tests_after_a_pause_do_not_conflict() {
    let folder = Folder::new();
    let run = || {
        folder.run("passes", &["sees_its_rows", "test_may", "conflict_is_retried", "--test-threads=8"], &[])
    };
    for _ in 0..5 {
        let output = run();
        assert!(output.status.success(), "{}", printed(&output));
        folder.wait_for_the_end();
        folder.run_on_data("UPDATE templates SET used = now() - interval '2 hours'");
    }
}

#[test]
fn failed_test_keeps_its_database_until_it_runs_again() {
    for (test, own) in [("assertion_fails", false), ("own_server_fails", true)] {
        let folder = Folder::new();
        let output = folder.run("fails", &[test], &[]);
        let text = printed(&output);
        assert!(!output.status.success() && text.contains("as requested"), "{text}");
        assert!(own || text.contains("rejected as DSQL does"), "{text}");
        folder.wait_for_the_end();
        let command = text.lines().find(|line| line.contains("DSQL_EDGE_TEST=open")).expect(&text).trim();
        assert_eq!(folder.open(command), ["Left by a failed test"], "{text}");
        folder.wait_for_the_end();
        assert!(folder.run("fails", &[test], &[("PASSES", "1")]).status.success());
        folder.wait_for_the_end();
        assert!(own || folder.databases_of_tests() == 0);
        assert!(folder.files().iter().all(|name| !name.starts_with("own-")), "{:?}", folder.files());
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(printed(&output).contains("is kept if its test fails"), "{}", printed(&output));
    }
}

#[test]
fn error_names_the_cause_and_its_place() {
    let folder = Folder::new();
    let added = UserPackage::built().path().join("changing/0002.sql");
    fs::write(added, "DROP TABLE links;").unwrap();
    for (test, expected) in [
        (
            "fixture_is_wrong",
            "tests/fixtures/wrong.sql:3:26: 42703: column \"nick\" of relation \"authors\" does not exist",
        ),
        (
            "fixture_is_rejected",
            "tests/fixtures/rejected.sql:2:1: 0A000: TEMPORARY or TEMP table not supported",
        ),
        ("migration_is_rejected", "type \"serial\" does not exist"),
        ("migration_is_rejected", "--> rejected/0001.sql:2:25"),
        ("migration_is_wrong", "wrong/0001.sql:3:13: 42P01: relation \"drafts\" does not exist"),
        ("folder_has_changed", "changing have changed since this test was compiled: compile it again"),
        ("fault_needs_dsql", "faults(…) needs DSQL, but the schema has the dialect postgres"),
    ] {
        let output = folder.run("fails", &[test], &[]);
        assert!(printed(&output).contains(expected), "{}", printed(&output));
    }
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 0);
}

#[test]
fn passed_test_fails_if_its_fault_did_not_happen() {
    let folder = Folder::new();
    let output = folder.run("fails", &["fault_never_happens"], &[]);
    let text = printed(&output);
    let expected = "passed, but without its faults: conflict=2 did not happen: the number of commits after writes was 1\n";
    assert!(!output.status.success() && text.contains(expected), "{text}");
    // The test that panics as expected passes.
    assert!(text.contains("1 passed; 1 failed"), "{text}");
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 1);
}

#[test]
fn killed_process_leaves_nothing_after_the_next_run() {
    let folder = Folder::new();
    let mut killed = folder.start_endless();
    killed.kill().unwrap();
    killed.wait().unwrap();
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 1);
    assert!(folder.run("fails", &["runs_until_it_is_killed"], &[]).status.success());
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 0);
}

#[test]
fn server_runs_while_one_process_is_left() {
    let folder = Folder::new();
    let mut one = folder.start_endless();
    let home = folder.home();
    // The process that joined the running server later ends first.
    assert!(folder.run("passes", &["one_test_sees_its_rows"], &[]).status.success());
    assert_eq!(folder.home(), home);
    thread::sleep(std::time::Duration::from_secs(3));
    assert!(home.exists());
    // The shells that stop the server are killed, too. Now only the next process can stop the server.
    run::kill_shells(&home);
    one.kill().unwrap();
    one.wait().unwrap();
    assert!(folder.server().is_some());
    assert!(folder.run("passes", &["one_test_sees_its_rows"], &[]).status.success());
    assert_ne!(folder.home(), home);
    assert!(!home.exists());
    folder.wait_for_the_end();
}

#[test]
fn killed_server_is_started_again() {
    let folder = Folder::new();
    let mut one = folder.start_endless();
    run::kill("KILL", folder.server().unwrap());
    one.kill().unwrap();
    one.wait().unwrap();
    eventually("the killed server ends", || folder.server().is_none());
    let output = folder.run("passes", &["fixtures_run_in_order"], &[]);
    assert!(output.status.success(), "{}", printed(&output));
    folder.wait_for_the_end();
}

#[test]
fn processes_that_start_at_once_share_a_server() {
    let folder = Folder::new();
    let started: Vec<_> = (0..4)
        .map(|_| {
            let mut command = folder.command("passes", &["sees_its_rows"], &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for process in started {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
    folder.wait_for_the_end();
    assert_eq!(folder.databases_of_tests(), 0);
}
