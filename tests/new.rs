//! Tests `dsql-edge new` without building its Workers: files, format, queries, and the errors of a name or a folder.
//! `templates.rs` builds and runs the same Workers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};

const TEMPLATES: [&str; 4] = ["api", "axum", "cron", "pool"];

const FILES: [&str; 12] = [
    ".dev.vars.example",
    ".github/workflows/ci.yml",
    ".gitignore",
    "Cargo.toml",
    "README.md",
    "build.rs",
    "migrations/0001_task.sql",
    "package.json",
    "src/lib.rs",
    "src/task.rs",
    "tests/task.rs",
    "wrangler.toml",
];

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(dsql_edge());
    without_shell_variables(&mut command).args(arguments).current_dir(folder).output().unwrap()
}

fn succeeds(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn each_template_is_complete_and_its_queries_compile() {
    let home = tempfile::tempdir().unwrap();
    for template in TEMPLATES {
        let name = format!("{template}-shop");
        let arguments = ["new", &name, "--template", template, "--region", "eu-west-1", "--format", "json"];
        let answer: serde_json::Value =
            serde_json::from_str(&succeeds(&run(home.path(), &arguments))).unwrap();
        let mut files: Vec<&str> =
            answer["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
        files.sort_unstable();
        assert_eq!(files, FILES, "{template}");
        let folder = home.path().join(&name);
        for file in FILES {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let between: Vec<&str> = text.split('@').collect();
            let placeholder = between
                .iter()
                .skip(1)
                .rev()
                .skip(1)
                .find(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
            assert_eq!(placeholder, None, "{template} {file}");
            assert!(!text.contains("us-east-1") && text.ends_with('\n') && !text.ends_with("\n\n"), "{file}");
        }
        let manifest: toml_edit::DocumentMut =
            fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(name.as_str()));
        let wrangler: toml_edit::DocumentMut =
            fs::read_to_string(folder.join("wrangler.toml")).unwrap().parse().unwrap();
        match template {
            "pool" => assert_eq!(wrangler["vars"]["DSQL_POOL_LOCATION"].as_str(), Some("weur")),
            _ => assert_eq!(wrangler["placement"]["region"].as_str(), Some("aws:eu-west-1")),
        }
        // rustfmt runs without the settings of this project, because a new crate has rustfmt's defaults.
        let mut format = Command::new("rustfmt");
        format.args(["--check", "--edition", "2024", "build.rs", "src/lib.rs", "tests/task.rs"]);
        succeeds(&format.current_dir(&folder).output().unwrap());
        succeeds(&run(&folder, &["lint", "migrations"]));
        let check = run(&folder, &["check", "--no-build", "--schema", "migrations", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&succeeds(&check)).unwrap();
        assert_eq!(report["ok"], true, "{template}: {report}");
        let queries = report["queries"].as_u64().unwrap();
        assert!(queries >= 3, "{template}: {queries} queries");
        // The command line finds the folder that build.rs names.
        assert!(succeeds(&run(&folder, &["describe", "SELECT title FROM task"])).contains("title"));
    }
}

#[test]
fn report_names_each_command_to_run_next() {
    let home = tempfile::tempdir().unwrap();
    let printed = succeeds(&run(home.path(), &["new", "apps/shop"]));
    for line in ["cd apps/shop", "npm run dev", "cargo test", "  src/task.rs"] {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn wrong_name_or_used_folder_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("used")).unwrap();
    fs::write(home.path().join("used/notes.txt"), "mine").unwrap();
    fs::create_dir(home.path().join("empty")).unwrap();
    for (arguments, words) in [
        (&["new", "My_Shop"][..], "such as `my-shop`"),
        (&["new", "used"], "run `dsql-edge init` in it"),
        (&["new", "used/notes.txt"], "notes.txt"),
        (&["new", "shop", "--region", "eu\"west"], "not the name of an AWS Region"),
        (&["new", "shop", "--region", "us-east1"], "not the name of an AWS Region"),
    ] {
        let output = run(home.path(), arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(words), "{error}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(home.path().join("used")).unwrap().count(), 1);
    // An existing folder without files, such as the clone of a new repository, is used.
    succeeds(&run(home.path(), &["new", "empty"]));
    assert!(home.path().join("empty/Cargo.toml").exists());
}
