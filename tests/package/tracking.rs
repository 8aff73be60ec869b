//! Tests that a build reads the right schema, and that cargo builds again if a variable or a file changes or a file is
//! added.

use std::fs;
use std::process::Command;

use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use dsql_edge_tests::scratch_package::{Package, with_own_variables};

const WITH: &str = "CREATE TABLE links (id int PRIMARY KEY);";
const WITHOUT: &str = "CREATE TABLE links (other int PRIMARY KEY);";
const MISSING: &str = "column \"id\" does not exist";

/// A package whose only query needs `links.id`: whether the package compiles shows which schema the build has read.
fn package(name: &'static str, files: &[(&str, &str)]) -> Package {
    let package = Package::new(name, files);
    package.write("src/lib.rs", "pub fn f() { let _ = dsql_edge::sql!(\"SELECT id FROM links\"); }");
    package
}

#[test]
fn a_changed_variable_or_file_builds_again() {
    let files = [("schemas/a.sql", WITH), ("schemas/b.sql", WITHOUT), ("dsql-schema.sql", WITHOUT)];
    let package = package("tracked-variable", &files);
    let check = |path: &str| package.cargo(&["check"], &[("DSQL_EDGE_SCHEMA", path)]).status.success();
    for (path, compiles) in [
        ("schemas/a.sql", true),
        ("schemas/b.sql", false),
        ("schemas/a.sql", true),
        ("", false),
        (package.path().join("schemas/a.sql").to_str().unwrap(), true),
    ] {
        assert_eq!(check(path), compiles, "{path}");
    }
    assert!(package.failed(&["check"], &[]).contains(MISSING), "the variable is unset");
    // The path is relative to the package, not to the working folder.
    let manifest = package.path().join("Cargo.toml");
    let mut elsewhere = xtask::project::cargo();
    elsewhere.current_dir(std::env::temp_dir()).args(["check", "--manifest-path"]).arg(manifest);
    with_own_variables(&mut elsewhere).env("DSQL_EDGE_SCHEMA", "schemas/a.sql");
    assert!(elsewhere.status().unwrap().success());
    assert!(check("schemas/a.sql"));
    package.write("schemas/a.sql", WITHOUT);
    assert!(!check("schemas/a.sql"), "the file has changed");
}

#[test]
fn a_variable_is_tracked_without_a_query_that_needs_a_schema() {
    let package = Package::new("tracked-unchecked", &[("wrong.sql", "CREATE TABLE;")]);
    package.write("src/lib.rs", "pub fn f() { let _ = dsql_edge::sql_unchecked!(\"DELETE FROM links\"); }");
    package.built(&["check"], &[]);
    let printed = package.built(&["check"], &[("DSQL_EDGE_SCHEMA", "wrong.sql")]);
    assert!(printed.contains("Checking tracked-unchecked"), "{printed}");
}

#[test]
fn a_migration_that_is_added_or_removed_builds_again() {
    let package = package("tracked-folder", &[("migrations/0001_links.sql", WITH)]);
    let variable = [("DSQL_EDGE_MIGRATIONS", "migrations")];
    let printed = package.failed(&["check"], &variable);
    assert!(printed.contains("cargo would not see a file that is added to it"), "{printed}");
    let printed = package.failed(&["check"], &[("DSQL_EDGE_SCHEMA", "migrations")]);
    assert!(printed.contains("cargo would not see a file that is added to it"), "{printed}");
    package.write(
        "build.rs",
        r#"fn main() { println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\ncargo::rerun-if-changed=migrations") }"#,
    );
    package.built(&["check"], &[]);
    let second = "ALTER TABLE links RENAME id TO other;";
    package.write("migrations/0002_rename.sql", second);
    assert!(package.failed(&["check"], &[]).contains(MISSING));
    fs::remove_file(package.path().join("migrations/0002_rename.sql")).unwrap();
    package.write("migrations/U1__links.sql", "DROP TABLE links;");
    package.built(&["check"], &[]);
    package.write("migrations/0002_both.sql", "SELECT 1;\n-- migrate:down\nDROP TABLE links;");
    let printed = package.failed(&["check"], &[]);
    assert!(printed.contains("the statements after `-- migrate:down` would run"), "{printed}");
    fs::remove_file(package.path().join("migrations/0002_both.sql")).unwrap();
    package.write("migrations/0001_links.sql", WITHOUT);
    assert!(package.failed(&["check"], &[]).contains(MISSING));
}

#[test]
fn missing_schema_names_the_folder_and_the_build_script() {
    let package = package("no-schema", &[("migrations/0001_links.sql", WITH)]);
    let describe = || {
        let mut command = Command::new(dsql_edge());
        command.args(["describe", "SELECT unknown_function(id) FROM links"]).current_dir(package.path());
        let output = without_shell_variables(&mut command).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let line = r#"println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\ncargo::rerun-if-changed=migrations");"#;
    for (script, expected) in [
        (None, "no build.rs names the folder migrations, which has SQL files"),
        (Some("fn main() {}"), "the build script does not name the folder migrations, which has SQL files"),
    ] {
        script.into_iter().for_each(|script| package.write("build.rs", script));
        for printed in [package.failed(&["check"], &[]), describe()] {
            assert!(printed.contains(expected) && printed.contains(line), "{printed}");
        }
    }
    package.write("build.rs", &format!("fn main() {{ {line} }}"));
    package.built(&["check"], &[]);
    // A hint mentions the folder of migrations, and not a snapshot.
    package.write(
        "src/lib.rs",
        "pub fn f() { let _ = dsql_edge::sql!(\"SELECT unknown_function(id) FROM links\"); }",
    );
    let hint = "neither PostgreSQL nor the folder of migrations has it; if it is new, add the migration that creates it";
    for printed in [package.failed(&["check"], &[]), describe()] {
        assert!(printed.contains(hint) && !printed.contains("dsql-edge pull"), "{printed}");
    }
}

#[test]
fn command_line_reads_the_schema_of_the_build() {
    let files = [
        ("schemas/a.sql", WITH),
        ("src/schemas/a.sql", WITHOUT),
        ("src/dsql-schema.sql", WITH),
        ("migrations/0001_links.sql", WITH),
        ("migrations/0002_undo.down.sql", "DROP TABLE links;"),
        ("dsql-schema.sql", WITHOUT),
    ];
    let package = package("command-line", &files);
    let runs = |folder: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(dsql_edge());
        command.args(arguments).current_dir(package.path().join(folder));
        without_shell_variables(&mut command);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).unwrap())
    };
    let describe = ["describe", "SELECT id FROM links"];
    let check = |folder: &str| match folder {
        "" => vec!["check", "--no-build", "--apply", "schemas/../nothing.sql"],
        _ => vec!["check", "..", "--no-build", "--apply", "../nothing.sql"],
    };
    package.write("nothing.sql", "SELECT 1;");
    // The macro and the command line reject the variable without a build script.
    let migrations = [("DSQL_EDGE_MIGRATIONS", "migrations")];
    let without = "the package has no build script: cargo would not see a file";
    assert!(package.failed(&["check"], &migrations).contains(without));
    for arguments in [&describe[..], &check("")] {
        let (success, printed) = runs("", &migrations, arguments);
        assert!(!success && printed.contains(without), "{printed}");
    }
    // A comment does not set a variable.
    package.write("build.rs", "// cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\nfn main() {}");
    package.failed(&["check"], &[]);
    for folder in ["", "src"] {
        for (variables, compiles) in [
            (&[("DSQL_EDGE_SCHEMA", "schemas/a.sql")][..], true),
            (&[("DSQL_EDGE_MIGRATIONS", "migrations")], true),
            (&[("DSQL_EDGE_SCHEMA", ""), ("DSQL_EDGE_MIGRATIONS", "")], false),
            (&[], false),
            (&[("DSQL_EDGE_SCHEMA", "dsql-schema.sql"), ("DSQL_EDGE_MIGRATIONS", "migrations")], false),
        ] {
            let (success, printed) = runs(folder, variables, &describe);
            assert_eq!(success, compiles, "{folder} {variables:?}: {printed}");
            assert!(compiles || printed.contains("column \"id\" does not exist"), "{printed}");
            let (success, printed) = runs(folder, variables, &check(folder));
            assert!(success == compiles, "{folder} {variables:?}: {printed}");
        }
        for (variable, value, error) in [
            ("DSQL_EDGE_SCHEMA", "none.sql", "none.sql, which does not exist"),
            ("DSQL_EDGE_SCHEMA", "migrations", "cargo would not see a file that is added to it"),
            ("DSQL_EDGE_MIGRATIONS", "none", "none, which is not a folder"),
        ] {
            for arguments in [&describe[..], &check(folder)] {
                let (success, printed) = runs(folder, &[(variable, value)], arguments);
                assert!(!success && printed.contains(error), "{variable}={value}: {printed}");
            }
        }
        // `..` on the command line is the folder of the package. `check` does not read the snapshot in `src`, which is
        // the working folder.
        let (success, printed) =
            runs("src", &[], &["check", "..", "--no-build", "--apply", "../nothing.sql"]);
        assert!(!success && !printed.contains("src/dsql-schema.sql"), "{printed}");
        // A path on the command line is relative to the working folder.
        let named = if folder.is_empty() { "schemas/a.sql" } else { "../schemas/a.sql" };
        let (success, printed) = runs(folder, &[], &["describe", "--schema", named, "SELECT id FROM links"]);
        assert!(success, "{printed}");
    }
}
