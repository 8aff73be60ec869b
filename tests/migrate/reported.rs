//! Tests the reports of `migrate status` and `migrate resolve`, and the errors that `migrate` reports before it sends
//! anything.

use std::path::Path;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_local::{Fault, Local};

use crate::site::Site;
use crate::{command, outcome_of};

struct Home(tempfile::TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path().join("migrations")).unwrap();
        files.iter().for_each(|(name, text)| home.write(name, text));
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join("migrations").join(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        let folder = self.path().join("migrations");
        std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    }

    async fn run(&self, site: &Site, arguments: &[&str]) -> (String, bool) {
        let applies = arguments.is_empty();
        let mut command = command(site, site.port(), self.path());
        outcome_of(command.args(arguments).args(["--no-pull"].iter().filter(|_| applies))).await
    }
}

const TABLE: &str = "CREATE TABLE a (id int PRIMARY KEY);\n";

#[tokio::test]
async fn status_shows_the_other_files_with_the_errors_of_one() {
    let site = Site::start(Dialect::Dsql).await;
    let home = Home::with(&[("0001_first.sql", TABLE)]);
    assert!(home.run(&site, &[]).await.1);
    home.write("0002.sql", "TRUNCATE a;\n");
    home.write("0003.sql", "SELECT 1;\n");
    let (status, succeeded) = home.run(&site, &["status"]).await;
    assert!(!succeeded, "{status}");
    let (before, after) = status.split_once("    error: ").unwrap();
    assert_eq!(before, "0001_first.sql  applied\n0002.sql        pending, with errors\n");
    assert!(after.contains("unsupported statement: Truncate"), "{status}");
    assert!(after.ends_with("\n0003.sql        pending\n"), "{status}");
    let (status, succeeded) = home.run(&site, &["status", "--format", "json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(!succeeded && status["files"][1]["errors"].as_array().unwrap().len() == 1, "{status}");
    assert_eq!(status["files"][0]["errors"], serde_json::json!([]));
    // Only the statement that is not applied was changed, so `status` does not report the file as changed.
    home.write("0002.sql", "SELECT 2;\nDROP TABLE missing;\n");
    assert!(!home.run(&site, &[]).await.1);
    site.run_sql("INSERT INTO dsql_edge.migrations SELECT '0002.sql', 1, checksum, state, seen_before, job_id, details, run, started_at, applied_at FROM dsql_edge.migrations WHERE step = 1").await;
    home.write("0002.sql", "SELECT 2;\nTRUNCATE a;\n");
    let (status, succeeded) = home.run(&site, &["status"]).await;
    assert!(!succeeded && status.contains("0002.sql        1 statement applied, with errors\n"), "{status}");
    assert!(!status.contains("is gone") && !status.contains("was changed"), "{status}");
    site.stop().await;
}

#[tokio::test]
async fn renamed_migration_is_called_renamed() {
    let site = Site::start(Dialect::Dsql).await;
    let home = Home::with(&[("1.sql", TABLE), ("2.sql", "CREATE TABLE b (id int);\n")]);
    assert!(home.run(&site, &[]).await.1);
    home.rename("1.sql", "0001_a_long_name.sql");
    for arguments in [&["status"][..], &[], &["--dry-run"]] {
        let (printed, succeeded) = home.run(&site, arguments).await;
        assert!(!succeeded, "{printed}");
        for expected in [
            "0001_a_long_name.sql has the same text, so it was probably renamed. Rename it back to 1.sql",
            "resolve 0001_a_long_name.sql --applied` and then `dsql-edge migrate resolve 1.sql --forget`",
        ] {
            assert!(printed.contains(expected), "{arguments:?}: {printed}");
        }
    }
    let (status, _) = home.run(&site, &["status"]).await;
    assert!(status.contains("\n1.sql                 applied, and not in the folder\n"), "{status}");
    let (status, _) = home.run(&site, &["status", "--format", "json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["renamed"], serde_json::json!([{ "from": "1.sql", "to": "0001_a_long_name.sql" }]));
    assert!(home.run(&site, &["resolve", "0001_a_long_name.sql", "--applied"]).await.1);
    assert!(home.run(&site, &["resolve", "1.sql", "--forget"]).await.1);
    let (printed, succeeded) = home.run(&site, &[]).await;
    assert!(succeeded && printed.contains("nothing to do"), "{printed}");
    site.stop().await;
}

#[tokio::test]
async fn resolve_names_what_the_ledger_and_the_folder_have() {
    let site = Site::start(Dialect::Dsql).await;
    let home = Home::with(&[("0001_init.sql", TABLE), ("0002_more.sql", "SELECT 1;\nSELECT 2;\n")]);
    let (printed, succeeded) = home.run(&site, &["resolve", "0001_init.sql", "--forget"]).await;
    assert!(!succeeded && printed.contains("the ledger has no file 0001_init.sql: it is empty"), "{printed}");
    let ledger = "SELECT coalesce(to_regnamespace('dsql_edge')::text, 'none')";
    assert_eq!(site.column(ledger).await, ["none"], "an error creates no ledger");
    assert!(home.run(&site, &["resolve", "0001_init.sql", "--applied"]).await.1);
    for (what, how, expected) in [
        ("0001_inti.sql", "--forget", "the ledger has no file 0001_inti.sql: did you mean 0001_init.sql?"),
        ("0002_more.sql", "--forget", "the ledger has no file 0002_more.sql: it has 0001_init.sql"),
        ("0002_mroe.sql", "--applied", "the folder has no file 0002_mroe.sql: did you mean 0002_more.sql?"),
        ("other", "--changed", "the folder has no file other: it has 0001_init.sql, 0002_more.sql"),
        ("0002_more.sql:3", "--applied", "0002_more.sql has no statement 3: it has 2 statements"),
        ("0002_more.sql:2", "--not-applied", "the ledger has no row of statement 2 of 0002_more.sql"),
        ("0002_more.sql:2", "--changed", "the ledger has no row of statement 2 of 0002_more.sql"),
        ("0002_more.sql", "--changed", "the ledger has no row of 0002_more.sql"),
    ] {
        let (printed, succeeded) = home.run(&site, &["resolve", what, how]).await;
        assert!(!succeeded && printed.contains(expected), "{what} {how}: {printed}");
    }
    assert!(home.run(&site, &["resolve", "0001_init.sql", "--forget"]).await.1);
    site.stop().await;
}

#[tokio::test]
async fn name_that_is_nowhere_is_an_error_before_anything_is_sent() {
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        let site = Site::start(dialect).await;
        site.run_sql("CREATE TABLE older (id int, named text)").await;
        let sound = [
            // The database has the table `older`. The second statement renames `older`.
            "UPDATE older SET named = 'x';",
            "ALTER TABLE older RENAME TO newer;",
            "UPDATE newer SET named = 'y';",
            "CREATE TABLE task (id int PRIMARY KEY, title text);",
            "UPDATE task SET title = 'a';",
        ];
        for (sql, message) in [
            ("INSERT INTO tasks VALUES (1);", "relation \"tasks\" does not exist"),
            ("ALTER TABLE tasks ADD COLUMN due date;", "relation \"tasks\" does not exist"),
            ("UPDATE task SET titel = 'a';", "column \"titel\" of relation \"task\" does not exist"),
            ("CREATE VIEW v AS SELECT t.titel FROM task AS t;", "column t.titel does not exist"),
            ("CREATE TABLE app.other (id int);", "schema \"app\" does not exist"),
        ] {
            let table = "CREATE TABLE task (id int PRIMARY KEY, title text);\n";
            let home =
                Home::with(&[("1.sql", table), ("2.sql", "SELECT 1;\n"), ("3.sql", &format!("{sql}\n"))]);
            for arguments in [&[][..], &["--dry-run"]] {
                let (printed, succeeded) = home.run(&site, arguments).await;
                assert!(!succeeded && printed.contains(message), "{sql}: {printed}");
                assert!(
                    printed.contains("nothing was sent") && printed.contains("migrations/3.sql:1:"),
                    "{printed}"
                );
            }
            assert_eq!(site.column("SELECT file FROM dsql_edge.migrations").await, [""; 0], "{sql}");
            let comment = "-- dsql-edge: allow unknown-table, unknown-column, unknown-schema\n";
            home.write("3.sql", &format!("{comment}{sql}\n"));
            let (printed, _) = home.run(&site, &["--dry-run"]).await;
            assert!(!printed.contains("nothing was sent"), "{printed}");
        }
        let files: Vec<(String, &str)> =
            sound.iter().enumerate().map(|(at, sql)| (format!("{at}.sql"), *sql)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, sql)| (name.as_str(), *sql)).collect();
        let (printed, succeeded) = Home::with(&files).run(&site, &[]).await;
        assert!(succeeded && printed.contains("5 "), "{printed}");
        site.stop().await;
    }
}

#[tokio::test]
async fn name_after_an_unlisted_table_is_only_a_warning() {
    let site = Site::start(Dialect::Dsql).await;
    site.run_sql("CREATE TABLE older (id int)").await;
    let home =
        Home::with(&[("1.sql", "ALTER TABLE older ADD COLUMN a int;\n"), ("2.sql", "DROP TABLE missing;\n")]);
    let (printed, succeeded) = home.run(&site, &[]).await;
    assert!(
        printed.contains("warning: migrations/2.sql:1:12: table \"missing\" does not exist"),
        "{printed}"
    );
    assert!(!succeeded && printed.contains("migrations/2.sql:1:1: statement 1 was not applied"), "{printed}");
    site.stop().await;
}

#[tokio::test]
async fn misspelt_directive_is_an_error_before_anything_is_sent() {
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        let site = Site::start(dialect).await;
        let home = Home::with(&[("1.sql", &format!("{TABLE}-- dsql-egde: batch\nDELETE FROM a;\n"))]);
        let (printed, succeeded) = home.run(&site, &[]).await;
        assert!(
            !succeeded && printed.contains("did you mean -- dsql-edge: in batches of 1000?"),
            "{printed}"
        );
        assert!(printed.contains("migrations/1.sql:2:1"), "{printed}");
        site.stop().await;
    }
}

#[tokio::test]
async fn failed_commit_names_the_file_and_the_line() {
    let site = Site::start(Dialect::Dsql).await;
    let Site::Dsql(local) = &site else { panic!("a dsql-local") };
    let rows = "BEGIN;\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nCOMMIT;\n";
    let home = Home::with(&[("1.sql", TABLE)]);
    assert!(home.run(&site, &[]).await.1);
    home.write("2.sql", rows);
    for fault in [Fault::Conflict as fn(u64) -> Fault, Fault::CutBeforeCommit, Fault::CutAfterCommit] {
        site.run_sql("DELETE FROM a; DELETE FROM dsql_edge.migration_lease; DELETE FROM dsql_edge.migrations WHERE file = '2.sql'").await;
        always(local, fault);
        let (printed, succeeded) = home.run(&site, &[]).await;
        local.set_faults(&[]);
        assert!(!succeeded && printed.contains("error: migrations/2.sql"), "{printed}");
    }
    site.stop().await;
}

/// Every commit after the first fails.
fn always(local: &Local, fault: fn(u64) -> Fault) {
    local.set_faults(&(2..=64).map(fault).collect::<Vec<_>>());
}

#[tokio::test]
async fn status_shows_how_far_the_batches_are() {
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        let site = Site::start(dialect).await;
        let rows =
            "CREATE TABLE a (id int PRIMARY KEY, n int, CHECK (n < 3 OR id < 40));\nBEGIN;\n".to_owned();
        let rows = rows + "INSERT INTO a SELECT i, 1 FROM generate_series(1, 50) AS i;\nCOMMIT;\n";
        let home = Home::with(&[("1.sql", &rows)]);
        let (printed, succeeded) = home.run(&site, &[]).await;
        assert!(succeeded, "{printed}");
        home.write("2.sql", "-- dsql-edge: in batches of 10\nUPDATE a SET n = 3 WHERE n = 1;\n");
        let (printed, succeeded) = home.run(&site, &[]).await;
        assert!(!succeeded && printed.contains("30 rows are committed"), "{printed}");
        let (status, _) = home.run(&site, &["status"]).await;
        let unit = if dialect == Dialect::Dsql { "statement" } else { "part" };
        let expected = format!(
            "2.sql  0 of 1 {unit}s applied\n    {unit} 1 started: 30 rows are committed, in batches; the next run begins again, \
             with the same result\n"
        );
        assert!(status.contains(&expected), "{status}");
        let (plan, _) = home.run(&site, &["--dry-run"]).await;
        assert!(plan.contains("(rows, in batches; it was begun)"), "{plan}");
        // The user has corrected the rows, and has not changed the statement.
        site.run_sql("DELETE FROM a WHERE id >= 40").await;
        let (printed, succeeded) = home.run(&site, &[]).await;
        assert!(succeeded, "{printed}");
        let row = "SELECT state || coalesce(details, '') FROM dsql_edge.migrations WHERE file = '2.sql' AND step = 1";
        assert_eq!(site.column(row).await, ["applied"]);
        // A statement that fails in its first batch changed nothing, and may be corrected.
        home.write("3.sql", "-- dsql-edge: in batches of 10\nUPDATE a SET n = 1 / 0 WHERE n = 3;\n");
        assert!(!home.run(&site, &[]).await.1);
        assert!(home.run(&site, &["status"]).await.0.contains("3.sql  pending\n"));
        site.stop().await;
    }
}

/// The folder no longer builds in the order of its names, although each statement would succeed on this database.
#[tokio::test]
async fn file_that_needs_a_later_file_is_an_error() {
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        let site = Site::start(dialect).await;
        let task = "CREATE TABLE task (id int PRIMARY KEY, title text);\n";
        let home =
            Home::with(&[("0001_task.sql", task), ("0002.sql", "ALTER TABLE task ADD COLUMN due date;\n")]);
        assert!(home.run(&site, &[]).await.1);
        for (sql, message) in [
            ("ALTER TABLE task ADD COLUMN z int;", "0000_a.sql:1:13\n"),
            ("UPDATE task SET due = now() WHERE id = 1;", "relation \"task\" does not exist"),
            ("CREATE TABLE IF NOT EXISTS task (id int);", "0001_task.sql:1:14\n"),
        ] {
            home.write("0000_a.sql", sql);
            for arguments in [&[][..], &["--dry-run"], &["status"]] {
                let (printed, succeeded) = home.run(&site, arguments).await;
                assert!(!succeeded && printed.contains(message), "{arguments:?}: {printed}");
                assert!(printed.contains("so that it comes after 0002.sql"), "{arguments:?}: {printed}");
            }
        }
        home.write("0000_a.sql", "SELECT 1;\n");
        home.write("0001_z.sql", "UPDATE task SET due = now();\n");
        let (printed, succeeded) = home.run(&site, &["--dry-run"]).await;
        assert!(!succeeded && printed.contains("0001_z.sql:1:17"), "{printed}");
        // An independent file is applied.
        home.write("0001_z.sql", "UPDATE task SET title = 'a';\n");
        let (printed, succeeded) = home.run(&site, &[]).await;
        assert!(succeeded && printed.contains("comes before files that are applied already"), "{printed}");
        site.stop().await;
    }
}
