//! Tests `dsql-edge init` in a Worker's crate: it adds the missing parts, overwrites nothing, and its query compiles.
//! This file also tests the options that all commands have.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use dsql_edge_codegen::check::{Candidate, Queries, check};
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};

const CARGO: &str = "[package]\nname = \"shop\"   # mine\nversion = \"0.1.0\"\n\n[dependencies]\nworker = \"0.8\"   # the runtime\n";
const WRANGLER: &str = "name = \"shop\"   # mine\n\n[build]\ncommand = \"x\"\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(dsql_edge());
    without_shell_variables(&mut command).args(arguments).current_dir(folder).output().unwrap()
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every file of a folder and its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                out.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

fn worker() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("src")).unwrap();
    for (name, text) in [
        ("Cargo.toml", CARGO),
        ("wrangler.toml", WRANGLER),
        ("src/lib.rs", "//! A shop.\n"),
        (".gitignore", "target/\n/.dev.vars"),
    ] {
        fs::write(home.path().join(name), text).unwrap();
    }
    home
}

#[test]
fn init_adds_missing_parts_and_changes_nothing_else() {
    let home = worker();
    let first = printed(home.path(), &["init", "--region", "eu-west-1"]);
    let now = files(home.path());
    let text = |name: &str| &now.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(*text("Cargo.toml"), format!("{CARGO}dsql-edge = \"0.1\"\n"));
    assert_eq!(
        *text("wrangler.toml"),
        format!(
            "{WRANGLER}\n# Near the cluster: every round trip counts.\n[placement]\nregion = \"aws:eu-west-1\"\n"
        )
    );
    assert_eq!(text(".gitignore"), "target/\n/.dev.vars\n.dsql-local\n");
    assert_eq!(text("src/lib.rs"), "//! A shop.\n");
    for file in ["Cargo.toml", "wrangler.toml", "dsql-schema.sql", "src/first_query.rs", ".dev.vars.example"]
    {
        assert!(first.contains(&format!("{file}: ")), "{first}");
    }
    // The query that `init` wrote compiles against the snapshot that `init` wrote.
    let snapshot = Candidate::Schema(home.path().join("dsql-schema.sql"));
    let report = check(home.path(), None, &snapshot, Queries::OfSources).unwrap();
    assert_eq!((report.queries, report.findings.len(), report.unread.len()), (1, 0, 0));
    // A second run changes nothing.
    let again = printed(home.path(), &["init", "--region", "eu-west-1"]);
    assert!(again.starts_with("every file is there already"), "{again}");
    assert!(again.contains("add `mod first_query;` to src/lib.rs"), "{again}");
    assert_eq!(files(home.path()), now);
}

#[test]
fn a_folder_of_migrations_has_a_build_script() {
    let home = worker();
    let answer: serde_json::Value =
        serde_json::from_str(&printed(home.path(), &["init", "--migrations", "sql", "--format", "json"]))
            .unwrap();
    let done: Vec<&str> =
        answer["done"].as_array().unwrap().iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert!(done.contains(&"sql/0001_init.sql") && done.contains(&"build.rs"), "{done:?}");
    let script = fs::read_to_string(home.path().join("build.rs")).unwrap();
    assert!(
        script.contains(
            r#"println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=sql\ncargo::rerun-if-changed=sql");"#
        )
    );
    // `check` reads its schema from that folder too.
    fs::write(home.path().join("sql/0001_init.sql"), "CREATE TABLE t (id int PRIMARY KEY);").unwrap();
    fs::write(home.path().join("src/lib.rs"), "fn f() { sql!(\"SELECT id FROM t\") }").unwrap();
    fs::write(home.path().join("drop.sql"), "DROP TABLE t;").unwrap();
    let output = run(home.path(), &["check", "--no-build", "--apply", "drop.sql"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("--> src/lib.rs:1:31"));
    // An existing build script is not changed.
    let other = worker();
    fs::write(other.path().join("build.rs"), "fn main() {}\n").unwrap();
    let answer = printed(other.path(), &["init", "--migrations", "sql"]);
    assert!(answer.contains("add to main() of your build.rs"), "{answer}");
    assert_eq!(fs::read_to_string(other.path().join("build.rs")).unwrap(), "fn main() {}\n");
}

#[test]
fn folder_of_migrations_that_is_there_becomes_the_schema() {
    let home = worker();
    fs::create_dir(home.path().join("migrations")).unwrap();
    fs::write(home.path().join("migrations/0001.sql"), "CREATE TABLE t (id int PRIMARY KEY);\n").unwrap();
    let answer = printed(home.path(), &["init"]);
    for part in [
        "the schema is the folder migrations",
        "build.rs: ",
        "`dsql-edge lint --for-migrate migrations`",
        "dsql-local run --migrations migrations",
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    assert!(!home.path().join("dsql-schema.sql").exists());
    // The folder of D1 is not the schema of the cluster.
    let of_d1 = worker();
    fs::create_dir(of_d1.path().join("migrations")).unwrap();
    fs::write(of_d1.path().join("migrations/0001.sql"), "CREATE TABLE t (id int);\n").unwrap();
    let d1 = format!("{WRANGLER}\n[[d1_databases]]\nbinding = \"DB\"\n");
    fs::write(of_d1.path().join("wrangler.toml"), d1).unwrap();
    let answer = printed(of_d1.path(), &["init"]);
    assert!(answer.contains("dsql-schema.sql: ") && !answer.contains("build.rs: "), "{answer}");
}

#[test]
fn worker_of_new_keeps_its_folder_of_migrations() {
    let home = tempfile::tempdir().unwrap();
    printed(home.path(), &["new", "shop"]);
    let shop = home.path().join("shop");
    let before = files(&shop);
    let answer = printed(&shop, &["init", "--region", "us-east-1"]);
    assert!(answer.contains("nothing for the schema: it is the folder migrations"), "{answer}");
    let added: Vec<(String, String)> =
        files(&shop).into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(added, []);
}

#[test]
fn missing_folder_of_migrations_is_named_once() {
    let home = worker();
    let output = run(home.path(), &["migrate", "--folder", "nowhere"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: reading the migrations: nowhere: No such file"), "{error}");
}

#[test]
fn commands_have_examples_completions_and_json() {
    let home = worker();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(home.path(), &["completions", shell]);
        assert!(script.contains("migrate") && script.contains("dry-run"), "{shell}");
    }
    for command in ["init", "pull", "describe", "lint", "check", "migrate", "explain"] {
        let help = printed(home.path(), &[command, "--help"]);
        assert!(help.contains("Examples:"), "{command}");
        assert!(help.contains("--format <FORMAT>") && help.contains("- json"), "{command}");
    }
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&printed(home.path(), arguments)).unwrap()
    };
    printed(home.path(), &["init"]);
    assert_eq!(json(&["describe", "--format", "json", "SELECT 1 AS one"])["columns"][0]["name"], "one");
    // The name of the field, without the override.
    let described = ["describe", "SELECT nullif('a', $other) AS \"phone!\""];
    let (table, columns) =
        (printed(home.path(), &described), json(&[&described[..], &["--format", "json"]].concat()));
    assert!(table.contains("column     phone  text  may be NULL") && !table.contains("phone!  "), "{table}");
    assert_eq!(
        (&columns["columns"][0]["name"], &columns["columns"][0]["field"]),
        (&"phone!".into(), &"phone".into())
    );
    assert_eq!(json(&["explain", "--format", "json", "42703"])["codes"][0]["code"], "unknown-column");
    assert_eq!(json(&["check", "--no-build", "--format", "json", "--schema", "dsql-schema.sql"])["ok"], true);
    // The output is not a terminal, so it has no colours.
    let output = run(home.path(), &["describe", "SELECT titel"]);
    assert!(!output.status.success() && !output.stdout.contains(&0x1b) && !output.stdout.is_empty());
}

#[test]
fn line_endings_of_files_stay() {
    let home = worker();
    let crlf = |text: &str| text.replace('\n', "\r\n");
    for (name, text) in [("Cargo.toml", CARGO), ("wrangler.toml", WRANGLER)] {
        fs::write(home.path().join(name), crlf(text)).unwrap();
    }
    printed(home.path(), &["init", "--region", "eu-west-1"]);
    for name in ["Cargo.toml", "wrangler.toml"] {
        let text = fs::read_to_string(home.path().join(name)).unwrap();
        assert!(text.contains("dsql-edge = ") || text.contains("aws:eu-west-1"), "{text:?}");
        assert_eq!(text, crlf(&text.replace("\r\n", "\n")), "{name}");
    }
}

#[test]
fn unknown_region_is_not_named() {
    for name in ["wrangler.jsonc", "wrangler.toml"] {
        let home = worker();
        fs::remove_file(home.path().join("wrangler.toml")).unwrap();
        if name == "wrangler.jsonc" {
            fs::write(home.path().join(name), "{ \"name\": \"shop\" }\n").unwrap();
        }
        let output = run(home.path(), &["init"]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("aws:<your cluster's region>") && !text.contains("us-east-1"), "{text}");
    }
}
