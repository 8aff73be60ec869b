//! Folders that `migrate` rejects or warns of before it connects to a server.

use std::process::Command;

use dsql_edge_tests::binary::dsql_edge;

/// Runs `migrate` on a folder with these files and without a server; returns both outputs.
fn migrate(files: &[(&str, &str)], arguments: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = Command::new(dsql_edge())
        .args(["migrate", "--postgres-url", "postgres://u@localhost:1/d", "--folder"])
        .arg(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).into()
}

#[test]
fn migrate_names_what_is_wrong_with_a_folder() {
    for (files, expected) in [
        (&[][..], "has no migrations: add a .sql file"),
        (
            &[("1.down.sql", "DROP TABLE a;")][..],
            "has no migrations (its files undo migrations, by their names)",
        ),
        (&[("2024_a/up.sql", "SELECT 1;")][..], "2024_a. Name one of them with --folder"),
        (&[("1.sql", "SELECT 1;"), ("1_undo.sql", "SELECT 1;")][..], "does 1_undo.sql undo 1.sql?"),
        (
            &[("10_c.up.sql", "SELECT 1;"), ("1_a.up.sql", "CREATE;")][..],
            "1_a.up.sql: names are compared as text",
        ),
        (
            &[("V2__a.sql", "SELECT 1;"), ("V10__b.sql", "CREATE;")][..],
            "V2__a.sql: names are compared as text",
        ),
    ] {
        let (_, printed) = migrate(files, &[]);
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    let (printed, _) = migrate(
        &[("1.sql", "SELECT 1;"), ("9_a.sql", "SELECT 1;"), ("10_b.sql", "CREATE;")],
        &["--format", "json"],
    );
    assert!(
        printed.starts_with("{\n") && printed.contains("\"error\"") && printed.contains("10_b.sql:1"),
        "{printed}"
    );
}
