//! `dsql-edge check` compares the queries that it finds in the sources of a package with the invocations of the macros
//! that rustc expands. Each test writes a package, and cargo compiles it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use dsql_edge_tests::binary::dsql_edge;
use dsql_edge_tests::scratch_package::{Package, with_own_variables};
use serde_json::Value;

/// Creates a package with these files; its schema has the table `t (id int PRIMARY KEY, old text NOT NULL)`.
fn package(files: &[(&str, &str)]) -> Package {
    // The name of the thread is the name of the test.
    let test = std::thread::current();
    let package = Package::new(test.name().unwrap(), &[]);
    package.write("dsql-schema.sql", "CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL);\n");
    package.write("drop.sql", "ALTER TABLE t DROP COLUMN old;\n");
    files.iter().for_each(|(file, text)| package.write(file, text));
    package
}

/// Returns the output of `check --apply drop.sql` in a format, and whether it succeeded.
fn check(home: &Path, format: &str, more: &[&str]) -> (String, bool) {
    let mut command = Command::new(dsql_edge());
    command.args(["check", "--apply", "drop.sql", "--format", format]).args(more).current_dir(home);
    let output = with_own_variables(&mut command).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

fn json(home: &Path, more: &[&str]) -> Value {
    let (text, well) = check(home, "json", more);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["ok"], well, "{report:#}");
    report
}

/// Returns `file:line` of each finding.
fn broken(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut places: Vec<String> =
        findings.map(|it| format!("{}:{}", it["file"].as_str().unwrap(), it["line"])).collect();
    places.sort();
    places
}

const EVERYWHERE: &[(&str, &str)] = &[
    (
        "src/lib.rs",
        "pub mod build;\npub mod target;\nmod renamed;\n\
         #[path = \"../.generated/hidden.rs\"]\nmod hidden;\n\
         pub fn plain() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n",
    ),
    ("src/build/mod.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n"),
    ("src/target/mod.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n"),
    (
        "src/renamed.rs",
        "use dsql_edge::sql as query;\n\
         macro_rules! all { ($table:literal) => { query!($table) } }\n\
         pub fn f() {\n    let _ = query!(\"SELECT old FROM t\");\n    let _ = all!(\"SELECT id, old FROM t\");\n    \
         let _ = all!(\"SELECT id FROM t\");\n}\n",
    ),
    (".generated/hidden.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n"),
    ("tests/it.rs", "#[test]\nfn it() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n"),
    // The file does not belong to a target of cargo.
    ("notes/draft.rs", "fn f() { sql!(SELECT old FROM t) }\n"),
];

#[test]
fn every_query_that_the_compiler_expands_is_checked() {
    let home = package(EVERYWHERE);
    let report = json(home.path(), &[]);
    assert_eq!(report["compared_with_the_compiler"], true, "{report:#}");
    let expected = [
        ".generated/hidden.rs:1",
        "src/build/mod.rs:1",
        "src/lib.rs:6",
        // A query that the package's own macro generates; `check` reports the query at its location inside the macro.
        "src/renamed.rs:2",
        "src/renamed.rs:4",
        "src/target/mod.rs:1",
        "tests/it.rs:2",
    ];
    assert_eq!(broken(&report), expected, "{report:#}");
    assert_eq!(report["queries"], 8);
    // The report lists a file that is not compiled, but such a file does not fail CI.
    assert_eq!(report["unread"].as_array().unwrap().len(), 0);
    assert!(report["not_compiled"][0].as_str().unwrap().starts_with("notes/draft.rs:1:"), "{report:#}");
    // With `--no-build`, `check` finds fewer queries, and the report states that the queries were not compared.
    let (report, text) =
        (json(home.path(), &["--no-build"]), check(home.path(), "github", &["--no-build"]).0);
    assert_eq!(report["compared_with_the_compiler"], false);
    assert_eq!(
        broken(&report),
        ["src/build/mod.rs:1", "src/lib.rs:6", "src/renamed.rs:4", "src/target/mod.rs:1", "tests/it.rs:2"]
    );
    assert!(text.contains("::error file=notes/draft.rs,line=1,"), "{text}");
}

#[test]
fn file_that_is_not_a_module_is_named() {
    let query = "pub fn f() { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); }\n";
    let home = package(&[("src/lib.rs", "//! Nothing yet.\n"), ("src/first_query.rs", query)]);
    for more in [&[][..], &["--no-build"]] {
        let report = json(home.path(), more);
        assert_eq!((&report["ok"], &report["queries"]), (&true.into(), &1.into()), "{report:#}");
        let expected = "src/first_query.rs: it is not compiled: add `mod first_query;` to src/lib.rs";
        assert_eq!(report["not_modules"][0], expected, "{report:#}");
    }
    let (text, _) = check(home.path(), "human", &[]);
    assert!(text.contains("note: src/first_query.rs: it is not compiled: add `mod"), "{text}");
    home.write("src/lib.rs", "mod first_query;\n");
    assert_eq!(json(home.path(), &[])["not_modules"].as_array().unwrap().len(), 0);
}

#[test]
fn package_that_does_not_compile_fails_the_check() {
    let home = package(&[(
        "src/lib.rs",
        "pub fn f() -> u8 { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); \"a\" }\n",
    )]);
    let report = json(home.path(), &[]);
    assert_eq!((&report["ok"], &report["queries"]), (&false.into(), &1.into()), "{report:#}");
    let why = report["not_compared"].as_str().unwrap();
    assert!(why.contains("the package does not compile (first error: src/lib.rs:1:"), "{why}");
    for (format, line) in
        [("human", "error: the package does not compile"), ("github", "::error file=Cargo.toml,line=1")]
    {
        let (text, well) = check(home.path(), format, &[]);
        assert!(!well && text.contains(line), "{text}");
    }
    assert_eq!(json(home.path(), &["--no-build"])["ok"], true);
}

#[test]
fn unit_test_that_does_not_compile_hides_no_query() {
    let library = "#[cfg(test)]\nmod missing;\npub mod db { pub use dsql_edge::sql as q; }\n\
                   pub fn f() { let _ = db::q!(\"SELECT old FROM t\"); }\n";
    let main = "fn main() { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); }\n";
    let home = package(&[("src/lib.rs", library), ("src/main.rs", main)]);
    let report = json(home.path(), &[]);
    assert_eq!(broken(&report), ["src/lib.rs:4"], "{report:#}");
    assert!(report["partly_compared"].as_str().unwrap().contains("src/lib.rs:2"), "{report:#}");
    let (text, _) = check(home.path(), "human", &[]);
    assert!(text.contains("note: tests, examples and benches do not compile"), "{text}");
}

#[test]
fn invocations_in_one_line_are_each_checked() {
    let two = "macro_rules! two { ($a:literal) => { (dsql_edge::sql!(\"SELECT id FROM t\"), dsql_edge::sql!($a)) } }\n\
               use dsql_edge::sql as q;\npub fn f() {\n    let _ = two!(\"SELECT old FROM t\");\n    \
               let _ = (dsql_edge::sql!(\"SELECT id FROM t\"), q!(\"SELECT old FROM t\"));\n}\n";
    let home = package(&[("src/lib.rs", two)]);
    let report = json(home.path(), &[]);
    assert_eq!(broken(&report), ["src/lib.rs:1", "src/lib.rs:5"], "{report:#}");
}

#[test]
fn build_with_another_schema_is_reported() {
    let library = "pub fn f() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n";
    for (file, text) in [
        ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_SCHEMA={}\", \"other.sql\"); }\n"),
        ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS={}\", \"m\"); }\n"),
    ] {
        let schema = "CREATE TABLE t (id int PRIMARY KEY, old text);\n";
        let home =
            package(&[("src/lib.rs", library), ("other.sql", schema), ("m/1.sql", schema), (file, text)]);
        let report = json(home.path(), &[]);
        let why = report["not_compared"].as_str().unwrap_or_default();
        assert!(
            why.starts_with("the build reads its schema from ") && why.contains("--snapshot"),
            "{report:#}"
        );
        let (read, _) = why.split_once(", and").unwrap();
        let named = read.trim_start_matches("the build reads its schema from ");
        assert_eq!(json(home.path(), &["--snapshot", named])["not_compared"], Value::Null, "{named}");
    }
    // `check` reads a variable that the build script sets with a string literal, and a variable that cargo's
    // configuration sets.
    let other = "CREATE TABLE t (id int PRIMARY KEY, old text);\n";
    for (file, text) in [
        ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_SCHEMA=other.sql\"); }\n"),
        (".cargo/config.toml", "[env]\nDSQL_EDGE_SCHEMA = \"other.sql\"\n"),
    ] {
        let home = package(&[("src/lib.rs", library), ("other.sql", other), (file, text)]);
        assert_eq!(json(home.path(), &[])["not_compared"], Value::Null, "{file}");
    }
}

#[test]
fn macro_of_another_crate_with_our_name_is_not_a_query() {
    let library = "pub mod styles {\n    macro_rules! sql { ($($t:tt)*) => { stringify!($($t)*) } }\n    \
                   pub fn f() -> &'static str { sql!(\"SELECT old FROM t\") }\n    \
                   pub fn g() -> &'static str { sql!(a { color: red }) }\n}\n\
                   pub mod db;\n";
    let db = "use dsql_edge::sql;\npub fn f() { let _ = sql!(\"SELECT id, old FROM t\"); }\n";
    let home = package(&[("src/lib.rs", library), ("src/db.rs", db)]);
    for more in [&[][..], &["--no-build"]] {
        let report = json(home.path(), more);
        assert_eq!(broken(&report), ["src/db.rs:2"], "{report:#}");
        assert_eq!(report["unread"].as_array().unwrap().len(), 0, "{report:#}");
    }
    // If a file does not import our macro, only the compiler can decide which macro is used.
    let textual = "#[macro_use]\npub mod styles {\n    macro_rules! sql { ($($t:tt)*) => { stringify!($($t)*) } }\n}\npub mod page;\n";
    let page = "pub fn f() -> &'static str { sql!(\"SELECT old FROM t\") }\n";
    let home = package(&[("src/lib.rs", textual), ("src/page.rs", page)]);
    let report = json(home.path(), &[]);
    assert_eq!((broken(&report).len(), &report["ok"]), (0, &true.into()), "{report:#}");
}

#[test]
fn query_for_another_target_alone_fails_the_check() {
    let glob = "#[cfg(target_arch = \"wasm32\")]\npub mod worker_only {\n    use dsql_edge::*;\n    \
                pub fn f() { let _ = sql!(\"SELECT old FROM t\"); }\n}\npub mod other;\n";
    let other = "macro_rules! sql { ($x:expr) => { $x } }\npub fn z() -> i32 { sql!(1) }\n";
    let renamed = "pub use dsql_edge::sql as query;\n#[cfg(target_arch = \"wasm32\")]\n\
                   pub fn f() { let _ = crate::query!(\"SELECT old FROM t\"); }\npub mod other;\n";
    for library in [glob, renamed] {
        let home = package(&[("src/lib.rs", library), ("src/other.rs", other)]);
        let report = json(home.path(), &[]);
        let why = report["not_compared"].as_str().unwrap_or_default();
        assert!(
            why.starts_with("the compiler expanded none of the 1 invocations in the sources"),
            "{report:#}"
        );
        // The package now also has a query that the compiler expands; the report lists the query that is not expanded.
        let plain = "pub fn p() { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); }\n";
        home.write("src/lib.rs", &format!("{library}{plain}"));
        let report = json(home.path(), &[]);
        assert_eq!((&report["ok"], &report["queries"]), (&true.into(), &1.into()), "{report:#}");
        assert!(report["not_compiled"][0].as_str().unwrap().starts_with("src/lib.rs:"), "{report:#}");
    }
}

#[test]
fn query_outside_the_package_is_named_from_the_package() {
    let home = package(&[("shared.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT old FROM t\"); }\n")]);
    let manifest = fs::read_to_string(home.path().join("Cargo.toml")).unwrap();
    home.write("inner/Cargo.toml", &manifest);
    home.write("inner/Cargo.lock", &fs::read_to_string(home.path().join("Cargo.lock")).unwrap());
    home.write("inner/dsql-schema.sql", "CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL);\n");
    home.write("inner/drop.sql", "ALTER TABLE t DROP COLUMN old;\n");
    home.write("inner/src/lib.rs", "#[path = \"../../shared.rs\"]\npub mod shared;\n");
    let report = json(&home.path().join("inner"), &[]);
    assert_eq!(broken(&report), ["../shared.rs:1"], "{report:#}");
}

#[test]
fn workspace_without_a_package_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("Cargo.toml"), "[workspace]\nmembers = [\"a\", \"b\"]\n").unwrap();
    fs::write(home.path().join("drop.sql"), "SELECT 1;\n").unwrap();
    let mut command = Command::new(dsql_edge());
    let output = command
        .args(["check", "--no-build", "--apply", "drop.sql"])
        .current_dir(home.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && error.contains("is a workspace without a package: name one of a, b"),
        "{error}"
    );
    let empty = package(&[("src/lib.rs", "")]);
    let output = Command::new(dsql_edge())
        .args(["check", "--no-build", "--apply", "drop.sql"])
        .current_dir(empty.path())
        .output()
        .unwrap();
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("0 queries") && !summary.contains("all compile"), "{summary}");
}

#[test]
fn members_of_a_workspace_that_are_not_checked_are_named() {
    let home = tempfile::tempdir().unwrap();
    let manifest = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\n");
    let query = "pub fn f() { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); }\n";
    for (file, text) in [
        (
            "Cargo.toml",
            format!("{}[workspace]\nmembers = [\".\", \"crates/*\", \"plain\"]\n", manifest("root")),
        ),
        ("src/lib.rs", String::new()),
        ("crates/mem/Cargo.toml", manifest("mem")),
        ("crates/mem/src/lib.rs", query.to_owned()),
        ("plain/Cargo.toml", manifest("plain")),
        ("plain/src/lib.rs", String::new()),
        ("dsql-schema.sql", "CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL);\n".to_owned()),
        ("drop.sql", "ALTER TABLE t DROP COLUMN old;\n".to_owned()),
    ] {
        let path = home.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let report = json(home.path(), &["--no-build"]);
    assert_eq!(report["packages_not_looked_at"], serde_json::json!(["crates/mem"]), "{report:#}");
    for (format, start) in [("human", "note: "), ("github", "::notice file=Cargo.toml,")] {
        let (text, _) = check(home.path(), format, &["--no-build"]);
        assert!(text.starts_with(start) && text.contains("crates/mem"), "{text}");
    }
}

#[test]
fn file_that_cannot_be_read_fails_the_check() {
    let home = package(&[("src/lib.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT id FROM t\"); }\n")]);
    fs::write(home.path().join("src/other.rs"), b"// caf\xe9 sql!(\"SELECT old FROM t\")\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", home.path().join("src/above")).unwrap();
    let report = json(home.path(), &["--no-build"]);
    assert_eq!(report["ok"], false);
    let unread = report["unread"][0].as_str().unwrap();
    assert!(unread.starts_with("src/other.rs: ") && unread.contains("UTF-8"), "{unread}");
    for (format, line) in
        [("human", "not looked at: src/other.rs"), ("github", "::error file=src/other.rs,line=1")]
    {
        let (text, well) = check(home.path(), format, &["--no-build"]);
        assert!(!well && text.contains(line), "{text}");
    }
}
