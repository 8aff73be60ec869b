//! Tests the command's output, and the next step that its messages recommend: for a database that is older than its
//! migrations, for missing rights, for locks, and for errors of a PostgreSQL.

use std::cell::RefCell;
use std::path::Path;
use std::process::Stdio;

use dsql_edge::Config;
use dsql_edge_codegen::migrate::{Progress, Status, migrate, read_folder};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::site::{Site, postgres_url};
use crate::{LEASE, folder_of, outcome_of, run_on};

/// The command line in a folder, with DATABASE_URL.
fn dsql_edge_in(home: &Path, site: &Site, arguments: &[&str]) -> Command {
    let mut command = Command::new(dsql_edge());
    without_shell_variables(command.as_std_mut());
    command
        .args(arguments)
        .current_dir(home)
        .env("DATABASE_URL", postgres_url(site.port()))
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn existing_database_is_adopted_by_its_snapshot() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE TABLE a (id int); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM a'").await;
    let home = tempfile::tempdir().unwrap();
    let (folder, baseline) = (home.path().join("migrations"), "migrations/0000_baseline.sql");
    std::fs::create_dir(&folder).unwrap();
    let run = async |arguments: &[&str]| outcome_of(&mut dsql_edge_in(home.path(), &site, arguments)).await;
    let url = postgres_url(site.port());
    let (printed, well) = run(&["pull", "--postgres-url", &url, "--output", baseline]).await;
    assert!(well, "{printed}");
    // The snapshot passes the rules as it is, so that it can create an empty database.
    assert_eq!(read_folder(&folder, Dialect::Postgres).unwrap().files[0].steps.len(), 1);
    // A dump of pg_dump does not pass the rules.
    let text = std::fs::read_to_string(home.path().join(baseline)).unwrap();
    assert!(text.contains("SET check_function_bodies = false"), "{text}");
    std::fs::write(home.path().join(baseline), text + "SET client_min_messages = warning;\n").unwrap();
    std::fs::write(folder.join("0001_b.sql"), "CREATE TABLE b ();\n").unwrap();
    for arguments in [
        &["migrate"][..],
        &["migrate", "--dry-run"],
        &["migrate", "resolve", "0000_baseline.sql:1", "--applied"],
    ] {
        let (printed, well) = run(arguments).await;
        assert!(
            !well && printed.contains("a change of the session cannot be in a migration"),
            "{arguments:?}: {printed}"
        );
    }
    for (arguments, expected) in [
        (&["migrate", "resolve", baseline, "--applied"][..], "0000_baseline.sql is recorded as applied"),
        (&["migrate", "--dry-run"], "CREATE TABLE b ()"),
        (&["migrate"], "1 part applied"),
        (&["migrate", "status"], "0000_baseline.sql  applied"),
    ] {
        let (printed, well) = run(arguments).await;
        assert!(well && printed.contains(expected), "{arguments:?}: {printed}");
    }
    // Only the folder of migrations has the directive of the dialect.
    std::fs::remove_file(home.path().join("dsql-schema.sql")).unwrap();
    let (printed, well) = run(&["pull"]).await;
    assert!(
        well && printed.contains("in DATABASE_URL, because the schema's dialect is postgres"),
        "{printed}"
    );
    site.stop().await;
}

#[tokio::test]
async fn missing_rights_are_named_with_their_grants() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE ROLE poor LOGIN; ALTER ROLE poor SET default_transaction_read_only = on").await;
    let folder = folder_of(&[("1.sql", "SELECT 1;")], Dialect::Postgres);
    let config = || {
        let url = postgres_url(site.port()).replacen("postgres@", "poor@", 1);
        Config::from_postgres(&url).unwrap()
    };
    let failure = async || format!("{:#}", migrate(&folder, config(), LEASE, &|_| {}).await.unwrap_err());
    let error = failure().await;
    assert!(error.contains("the server only reads, as a standby does"), "{error}");
    site.run_sql("ALTER ROLE poor RESET ALL").await;
    let error = failure().await;
    assert!(
        error.contains("once as a role with the right CREATE on the database") && !error.contains("admin"),
        "{error}"
    );
    run_on(&site, &folder, LEASE).await.unwrap();
    let error = failure().await;
    let expected = "reading the ledger: SQLSTATE 42501: permission denied for schema dsql_edge: `migrate status` needs GRANT USAGE ON SCHEMA dsql_edge";
    assert!(error.contains(expected), "{error}");
    // USAGE on the schema and SELECT on the ledger are enough for `migrate status`.
    site.run_sql("GRANT USAGE ON SCHEMA dsql_edge TO poor; GRANT SELECT ON dsql_edge.migrations TO poor")
        .await;
    let status = Status::ask(&folder, config()).await.unwrap();
    assert_eq!(status.lines(), "1.sql  applied\n");
    site.run_sql("ALTER TABLE dsql_edge.migrations RENAME COLUMN file TO name").await;
    let error = format!("{:#}", run_on(&site, &folder, LEASE).await.unwrap_err());
    assert!(
        !error.contains("dsql-edge pull") && error.contains("changed a table of the schema dsql_edge"),
        "{error}"
    );
    site.stop().await;
}

#[tokio::test]
async fn error_of_a_statement_has_the_message_and_the_next_step() {
    let site = Site::start(Dialect::Postgres).await;
    for (text, expected) in [
        ("DO $$ BEGIN RAISE 'a canary'; END $$;", "SQLSTATE P0001: a canary"),
        (
            "CREATE TYPE mood AS ENUM ('glad');\nBEGIN; ALTER TYPE mood ADD VALUE 'x'; COMMIT;\nBEGIN; ALTER TYPE mood ADD VALUE 'sad';\n\
             SELECT ('s' || 'ad')::mood; COMMIT;",
            "help: PostgreSQL accepts a value that was added to an enum only after COMMIT",
        ),
        (
            "CREATE TABLE n AS SELECT 1 AS id UNION ALL SELECT 1;\nCREATE UNIQUE INDEX CONCURRENTLY n_id ON n (id);",
            "A statement of this file that corrects them goes between BEGIN and COMMIT, directly before the index",
        ),
    ] {
        let error =
            run_on(&site, &folder_of(&[("1.sql", text)], Dialect::Postgres), LEASE).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected) && !error.contains("Error::message"), "{error}");
        site.run_sql("DELETE FROM dsql_edge.migrations WHERE file <> '1.sql' OR NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'n')").await;
    }
    let table = "CREATE TABLE n AS SELECT 1 AS id UNION ALL SELECT 1;\n";
    let index = "CREATE UNIQUE INDEX CONCURRENTLY n_id ON n (id);";
    let run = async |correction: &str| {
        run_on(
            &site,
            &folder_of(&[("1.sql", &format!("{table}{correction}{index}"))], Dialect::Postgres),
            LEASE,
        )
        .await
    };
    let error = format!("{:#}", run("DELETE FROM n;\n").await.unwrap_err());
    assert!(
        error.contains("A statement that comes after an applied part goes between BEGIN and COMMIT"),
        "{error}"
    );
    assert_eq!(run("BEGIN; DELETE FROM n; COMMIT;\n").await.unwrap().len(), 2);
    site.stop().await;
}

#[tokio::test]
async fn wait_for_a_lock_and_an_interruption_are_reported() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE TABLE a (id int)").await;
    let holder = site.superuser().await;
    let process: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    holder.batch_execute("BEGIN; LOCK TABLE a").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("migrations")).unwrap();
    let text = "-- dsql-edge: dialect postgres\nALTER TABLE a ADD COLUMN b int;\n";
    std::fs::write(home.path().join("migrations/1.sql"), text).unwrap();
    let mut child =
        dsql_edge_in(home.path(), &site, &["migrate", "--no-pull"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut printed = String::new();
    while !printed.contains("waits for a lock") {
        assert!(lines.read_line(&mut printed).await.unwrap() > 0, "{printed}");
    }
    let expected = format!("waits for a lock of the server process {process} (role postgres, ");
    assert!(printed.contains(&expected), "{printed}");
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    lines.read_to_string(&mut printed).await.unwrap();
    assert!(!child.wait().await.unwrap().success());
    let expected = "interrupted: the server may continue the statement that was sent (migrations/1.sql:2:1)";
    assert!(printed.contains(expected), "{printed}");
    // The next run waits for the statement of the run that was interrupted, and names its process too.
    let waits = RefCell::new(Vec::new());
    let report = |progress: Progress<'_>| {
        if let Progress::Waiting { process, .. } = &progress {
            waits.borrow_mut().push((*process).to_owned());
        }
    };
    let folder = folder_of(&[("1.sql", text)], Dialect::Postgres);
    let next = migrate(&folder, site.config(site.port()), LEASE, &report);
    let ends = async {
        while !waits.borrow().contains(&process.to_string()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (applied, ()) = tokio::join!(next, ends);
    assert_eq!(applied.unwrap().len(), 1);
    assert_eq!(
        site.column(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'b'"
        )
        .await,
        ["b"]
    );
    site.stop().await;
}
