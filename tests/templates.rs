//! Builds, runs and tests the Workers of `dsql-edge new`, as a user does: `npm run dev` and `cargo test`. This file
//! also runs the commands of the guide's first chapter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use dsql_edge_tests::console::{Shell, blocks, write_program};
use dsql_edge_tests::new_worker::{self, Developed};
use xtask::project;

/// Any free port, so that a Worker on wrangler's default port is not in the way.
const ANY_PORT: [&str; 6] = ["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];

#[test]
fn template_api_answers_and_its_tests_pass() {
    let shell = new_worker("api");
    let worker = Developed::start(&shell, &ANY_PORT);
    tasks_are_added_and_listed(&worker);
    worker.stop();
    passes_its_tests(&shell, 3);
}

#[test]
fn template_axum_answers_and_its_tests_pass() {
    let shell = new_worker("axum");
    let worker = Developed::start(&shell, &ANY_PORT);
    tasks_are_added_and_listed(&worker);
    worker.stop();
    passes_its_tests(&shell, 3);
}

#[test]
fn template_cron_answers_and_its_tests_pass() {
    let shell = new_worker("cron");
    let worker = Developed::start(&shell, &ANY_PORT);
    assert!(worker.request("GET", "/", "").1.starts_with(r#"{"ok":true,"timestamp":"#));
    assert_eq!(worker.request("GET", "/cdn-cgi/handler/scheduled", "").0, 200);
    assert_eq!(worker.request("GET", "/tasks", ""), (200, r#"{"open":0,"tasks":[]}"#.to_owned()));
    worker.stop();
    passes_its_tests(&shell, 4);
}

#[test]
fn template_pool_answers_and_its_tests_pass() {
    let shell = new_worker("pool");
    let worker = Developed::start(&shell, &ANY_PORT);
    tasks_are_added_and_listed(&worker);
    worker.stop();
    passes_its_tests(&shell, 3);
}

/// Creates a Worker from a template. Returns a shell whose working folder is the Worker's folder.
fn new_worker(template: &str) -> Shell {
    let name = format!("new-{template}");
    let mut shell = new_worker::shell(&project::target().join("templates").join(template), &name);
    shell.run(&format!("dsql-edge new {name} --template {template} > new.txt && cd {name}"), &[]).unwrap();
    new_worker::prepare(&shell.folder);
    shell
}

fn tasks_are_added_and_listed(worker: &Developed) {
    let (status, now) = worker.request("GET", "/", "");
    assert!(status == 200 && now.starts_with(r#"{"ok":true,"timestamp":"#), "{status} {now}");
    let (status, added) = worker.request("POST", "/tasks", r#"{"title":"water the plants"}"#);
    assert_eq!(status, 201, "{added}");
    let (status, tasks) = worker.request("GET", "/tasks", "");
    let tasks: serde_json::Value = serde_json::from_str(&tasks).unwrap();
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    assert_eq!((status, &tasks["open"], &tasks["tasks"][0]["id"]), (200, &1.into(), &added["id"]));
    assert_eq!(worker.request("POST", "/tasks", r#"{"title":""}"#).0, 400);
    assert_eq!(worker.request("POST", "/tasks", "{").0, 400);
    assert_eq!(worker.request("GET", "/nothing", "").0, 404);
}

/// Runs the Worker's tests, and checks that `expected` tests pass.
fn passes_its_tests(shell: &Shell, expected: usize) {
    let mut cargo = shell.command("cargo");
    let output = new_worker::with_variables(&mut cargo).args(["test", "--color", "never"]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stderr) + &text(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains(&format!("test result: ok. {expected} passed")), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
}

#[test]
fn commands_of_the_first_chapter_print_what_it_shows() {
    let home = project::target().join("templates/guide");
    let mut shell = new_worker::shell(&home, "tasks");
    // `npm install` does nothing, because the packages are installed already.
    let npm = "#!/bin/sh\n[ \"$1\" = install ] && echo 'up to date' && exit 0\nexit 1\n";
    write_program(&shell.programs, "npm", npm);
    let text = fs::read_to_string(project::root().join("docs/src/first-query.md")).unwrap();
    let mut running = None;
    for block in blocks(&text).iter().filter(|block| block.kind != "install") {
        for (command, expected) in &block.commands {
            if command == "npm run dev" {
                fs::remove_file(shell.programs.join("npm")).unwrap();
                running = Some(Developed::start(&shell, &[]));
                continue;
            }
            if let Err(problem) = shell.run(command, expected) {
                panic!("docs/src/first-query.md:{}: {problem}", block.line);
            }
            if command == "cd tasks" {
                new_worker::prepare(&shell.folder);
            }
        }
    }
    running.expect("the chapter starts the Worker").stop();
}
