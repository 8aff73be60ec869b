//! Failures that the network does not cause: statements that the cluster rejects; files that changed; jobs that fail,
//! report a wrong status or take long; states that only the user can decide.

use std::path::Path;

use dsql_edge_codegen::migrate::{self, Applied};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_local::{Fault, Local};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::{LEASE, SHORT, column, command_for_dsql, folder, outcome_of, run};

#[tokio::test]
async fn failed_statement_names_its_cause_and_can_be_fixed() {
    let local = Local::builder().start().await.unwrap();
    let outcome = async |files: &[(&str, &str)]| -> String {
        match run(&local, &folder(files), LEASE).await {
            Ok(applied) => format!("{} applied", applied.len()),
            Err(error) => format!("{error:#}"),
        }
    };
    let twice = "CREATE TABLE a (id int PRIMARY KEY, name text);\nINSERT INTO a VALUES (1, 'x'), (2, 'x');\n\
                 CREATE UNIQUE INDEX ASYNC a_name ON a (name);";
    // If rows are duplicates, the job that builds the unique index fails.
    for _ in 0..2 {
        let error = outcome(&[("1.sql", twice)]).await;
        assert!(
            error.starts_with("migrations/1.sql:3:1: statement 3 was not applied: the index a_name on a failed: its job failed:"),
            "{error}"
        );
        assert!(error.contains("The invalid index was dropped. Correct the rows and run again"), "{error}");
    }
    assert_eq!(
        column(&local, "SELECT file || step || state FROM dsql_edge.migrations ORDER BY 1").await,
        ["1.sql1applied", "1.sql2applied", "1.sql3failed"]
    );
    // A statement that was not applied may be changed; a statement that was applied must not be changed.
    let other = twice.replace("'x'), (2, 'x'", "'x'), (2, 'y'");
    let error = outcome(&[("1.sql", &other)]).await;
    assert!(error.contains("migrations/1.sql:2:1: statement 2 was changed after it was applied"), "{error}");
    let corrected = twice.replace("CREATE UNIQUE", "UPDATE a SET name = 'y' WHERE id = 2;\nCREATE UNIQUE");
    assert_eq!(outcome(&[("1.sql", &corrected)]).await, "2 applied");
    // The server rejects a DDL statement and, in another migration, a row.
    meddle(&local, "CREATE TABLE other (id int)").await;
    let error =
        outcome(&[("1.sql", &corrected), ("2.sql", "CREATE TABLE other (id int PRIMARY KEY);")]).await;
    assert!(
        error.starts_with("migrations/2.sql:1:1: statement 1 was not applied: SQLSTATE 42P07"),
        "{error}"
    );
    let error =
        outcome(&[("1.sql", &corrected), ("2.sql", "SELECT 1;\nINSERT INTO a VALUES (1, 'z');")]).await;
    assert!(
        error.starts_with("migrations/2.sql:2:1: statement 2 was not applied: SQLSTATE 23505"),
        "{error}"
    );
    assert_eq!(
        outcome(&[("1.sql", &corrected), ("2.sql", "SELECT 1;\nINSERT INTO a VALUES (3, 'z');")]).await,
        "1 applied"
    );
    assert_eq!(column(&local, "SELECT name FROM a ORDER BY id").await, ["x", "y", "z"]);
    // A migration uses a table that no earlier migration creates. Either a later migration creates the table, or no
    // migration does.
    let files = [
        ("1.sql", corrected.as_str()),
        ("2.sql", "SELECT 1;\nINSERT INTO a VALUES (3, 'z');"),
        ("3.sql", "DROP TABLE later;"),
    ];
    let error = outcome(&files).await;
    assert!(error.starts_with("nothing was sent") && error.contains("--> migrations/3.sql:1:12"), "{error}");
    assert!(error.contains("error: table \"later\" does not exist"), "{error}");
    // The linter does not read the body of a function.
    let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT id FROM later';";
    let error = outcome(&[files[0], files[1], ("3.sql", function)]).await;
    let expected = "does not exist in the database: does an earlier migration create it?";
    assert!(error.starts_with("migrations/3.sql:1:1: ") && error.ends_with(expected), "{error}");
    local.stop().await.unwrap();
}

/// Runs SQL on dsql-local's PostgreSQL as its superuser. If the SQL conflicts with a run that renews its lease, runs
/// the SQL again.
async fn meddle(local: &Local, sql: &str) {
    let (client, connection) = tokio_postgres::connect(&local.postgres_url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    // dsql-local itself occasionally writes to the same tables, so the SQL may conflict many times.
    const MOST_TRIES: usize = 100;
    let mut tries = 0;
    while let Err(error) = client.batch_execute(sql).await {
        tries += 1;
        let is_conflict = error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE);
        assert!(is_conflict && tries < MOST_TRIES, "{sql}, try {tries}: {error:?}");
    }
    connection.abort();
}

/// Returns SQL after which each job ends with this status and leaves an index that is not valid.
pub(crate) fn jobs_that(status: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_build_index(
             target text, name text, statement text, plain text, probe text, seal text
         ) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
         DECLARE
             sealed text := statement || E'\\x01.' || plain || E'\\x01.' || probe;
         BEGIN
             EXECUTE plain;
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass;
             RETURN pg_catalog.dsql_local_log_job('INDEX_BUILD', 'pg_class', 'a_name'::regclass, 'public.a_name',
                 '{status}', 'found duplicate key', sealed, seal);
         END $$"
    )
}

const INDEX: (&str, &str) = (
    "1.sql",
    "CREATE TABLE a (id int PRIMARY KEY, name text);\nCREATE UNIQUE INDEX ASYNC a_name ON a (name);\n",
);

#[tokio::test]
async fn completed_job_with_an_invalid_index_is_an_error() {
    let local = Local::builder().start().await.unwrap();
    let files = folder(&[INDEX]);
    for status in ["completed", "failed"] {
        meddle(&local, &jobs_that(status)).await;
        let error = format!("{:#}", run(&local, &files, LEASE).await.unwrap_err());
        assert!(
            error.contains("1.sql:2:1: statement 2 was not applied") && error.contains("found duplicate key"),
            "{error}"
        );
        // `migrate` has dropped the invalid index, so that the next run can create it again.
        assert_eq!(
            column(&local, "SELECT relname::text FROM pg_class WHERE relname = 'a_name'").await,
            [""; 0]
        );
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn index_that_another_made_is_not_dropped() {
    let local = Local::builder().start().await.unwrap();
    let table = INDEX.1.lines().next().unwrap();
    run(&local, &folder(&[("1.sql", table)]), LEASE).await.unwrap();
    // Another session builds the index. With the status `failed`, the other session's build has failed.
    for (status, message) in [
        ("processing", "an index public.a_name, which this folder did not create, is being built by the job"),
        (
            "failed",
            "an index public.a_name, which this folder did not create, exists and is not valid: DROP INDEX",
        ),
    ] {
        let build = format!(
            "DROP INDEX IF EXISTS a_name;
             DELETE FROM pg_catalog.dsql_local_jobs;
             CREATE INDEX a_name ON a (name);
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass;
             INSERT INTO pg_catalog.dsql_local_jobs
             VALUES ('of a colleague', '{status}', 'found duplicate key', 'INDEX_BUILD', 'pg_class'::regclass,
                 'a_name'::regclass, 'public.a_name', now(), now())"
        );
        meddle(&local, &build).await;
        let oid = "SELECT oid::text FROM pg_class WHERE relname = 'a_name'";
        let before = column(&local, oid).await;
        let second = ("2.sql", "CREATE INDEX ASYNC a_name ON a (id, name);");
        let error =
            format!("{:#}", run(&local, &folder(&[("1.sql", table), second]), LEASE).await.unwrap_err());
        assert!(error.contains(message), "{error}");
        assert_eq!(column(&local, oid).await, before);
        assert_eq!(before.len(), 1);
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn schema_change_that_conflicts_is_sent_again() {
    let local = Local::builder().start().await.unwrap();
    run(&local, &folder(&[("1.sql", "CREATE TABLE a (id int PRIMARY KEY);")]), LEASE).await.unwrap();
    // There are more conflicts than the client would retry by itself.
    local.set_faults(&[Fault::Conflict(1), Fault::Conflict(2), Fault::Conflict(3)]);
    let files = folder(&[
        ("1.sql", "CREATE TABLE a (id int PRIMARY KEY);"),
        ("2.sql", "CREATE TABLE b (id int PRIMARY KEY);"),
    ]);
    assert_eq!(run(&local, &files, LEASE).await.unwrap().len(), 1);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn job_continues_after_the_run_that_started_it() {
    let local = Local::builder().start().await.unwrap();
    let files = folder(&[INDEX]);
    meddle(&local, &jobs_that("processing")).await;
    let building = async {
        let mut looks = 0;
        while column(&local, "SELECT coalesce(to_regclass('dsql_edge.migrations')::text, '')").await
            != ["dsql_edge.migrations"]
            || column(&local, "SELECT job_id FROM dsql_edge.migrations WHERE state = 'building'")
                .await
                .is_empty()
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            looks += 1;
            assert!(looks < 2_000, "no job is being waited for");
        }
        // Another run takes the lease.
        meddle(
            &local,
            "UPDATE dsql_edge.migration_lease SET holder = 'x', expires_at = now() - interval '1 s'",
        )
        .await;
    };
    let (ended, ()) = tokio::join!(run(&local, &files, LEASE), building);
    assert!(ended.unwrap_err().to_string().contains("another run has taken over"));
    // The next run waits for the job that the first run began.
    let job = column(&local, "SELECT job_id FROM dsql_edge.migrations WHERE state = 'building'").await;
    let ends = async {
        tokio::time::sleep(LEASE).await;
        let valid = "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'a_name'::regclass;
            UPDATE pg_catalog.dsql_local_jobs SET status = 'completed', details = NULL";
        meddle(&local, valid).await;
    };
    let (ended, ()) = tokio::join!(run(&local, &files, LEASE), ends);
    assert_eq!(ended.unwrap().iter().map(|step| step.found).collect::<Vec<_>>(), [true]);
    assert_eq!(column(&local, "SELECT job_id FROM dsql_edge.migrations WHERE step = 2").await, job);
    assert_eq!(column(&local, "SELECT job_id FROM sys.jobs").await, job);
    local.stop().await.unwrap();
}

/// Statements that change the schema, one after the other.
const KINDS: &[&str] = &[
    "CREATE TABLE t (id int PRIMARY KEY)",
    "CREATE SCHEMA app",
    "CREATE DOMAIN email AS text CHECK (VALUE <> '')",
    "CREATE SEQUENCE s CACHE 1",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW v AS SELECT id FROM t",
    "CREATE TABLE app.t (id int PRIMARY KEY)",
    "CREATE INDEX ASYNC app_t_id ON app.t (id)",
    "ALTER INDEX app.app_t_id RENAME TO app_t",
    "ALTER VIEW v RENAME TO w",
    "ALTER TABLE t ADD COLUMN a int",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 5",
    "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID",
    "ALTER TABLE ASYNC t VALIDATE CONSTRAINT positive",
    "ALTER TABLE t DROP CONSTRAINT positive",
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE u DROP COLUMN a",
    "CREATE ROLE reader WITH LOGIN",
    "AWS IAM GRANT reader TO 'arn:aws:iam::123456789012:role/reader'",
    "DROP VIEW w",
    "DROP FUNCTION one()",
    "DROP SEQUENCE s",
    "DROP DOMAIN email",
    "DROP TABLE app.t, u",
    "DROP SCHEMA app",
];

#[tokio::test]
async fn each_kind_of_statement_is_found_where_it_was_applied() {
    let local = Local::builder().start().await.unwrap();
    let names: Vec<String> = (1..=KINDS.len()).map(|number| format!("{number:02}.sql")).collect();
    let mut files = Vec::new();
    for (name, sql) in names.iter().zip(KINDS) {
        files.push((name.as_str(), *sql));
        let files = folder(&files);
        let found = |ended: anyhow::Result<Vec<Applied>>| -> Vec<bool> {
            ended.unwrap_or_else(|error| panic!("{sql}: {error:?}")).iter().map(|step| step.found).collect()
        };
        assert_eq!(found(run(&local, &files, LEASE).await), [false], "{sql}");
        // This is the ledger after a run that was killed before it recorded the statement as applied.
        let broken = format!(
            "DELETE FROM dsql_edge.migrations WHERE file = '{name}' AND step = 0;
             UPDATE dsql_edge.migrations SET state = 'started', job_id = NULL WHERE file = '{name}'"
        );
        meddle(&local, &broken).await;
        assert_eq!(found(run(&local, &files, LEASE).await), [true], "{sql}");
    }
    local.stop().await.unwrap();
}

/// Runs the command. Returns the output of both streams, and whether the command succeeded.
async fn outcome(local: &Local, home: &Path, arguments: &[&str]) -> (String, bool) {
    let applies = arguments.first().is_none_or(|first| first.starts_with("--"));
    let mut command = command_for_dsql(local, &local.endpoint(), home);
    outcome_of(command.args(arguments).args(SHORT.iter().filter(|_| applies))).await
}

#[tokio::test]
async fn undecidable_state_is_left_to_the_user() {
    let local = Local::builder().start().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(home.path().join("migrations")).unwrap();
        std::fs::write(home.path().join("migrations").join(name), text).unwrap();
    };
    let text = "CREATE TABLE a (id int PRIMARY KEY, name text);\nCREATE STATISTICS s ON id, name FROM a;\n\
                INSERT INTO a VALUES (1, 'x');\n";
    write("1.sql", text);
    // A dry run and `status` change nothing.
    let (plan, well) = outcome(&local, home.path(), &["--dry-run"]).await;
    let expected = "1.sql\n   1  CREATE TABLE a (id int PRIMARY KEY, name text)  (schema)\n   2  CREATE STATISTICS s ON id, \
                    name FROM a  (schema)\n   3  INSERT INTO a VALUES (1, 'x')  (rows)\n";
    assert_eq!((plan.as_str(), well), (expected, true));
    assert_eq!(outcome(&local, home.path(), &["status"]).await, ("1.sql  pending\n".to_owned(), true));
    assert_eq!(column(&local, "SELECT coalesce(to_regnamespace('dsql_edge')::text, 'none')").await, ["none"]);
    assert!(outcome(&local, home.path(), &["--no-pull"]).await.1);
    // This is the ledger after a run that was killed while statement 2 was in transit.
    let broken = "DELETE FROM dsql_edge.migrations WHERE step IN (0, 3); DELETE FROM a;
        UPDATE dsql_edge.migrations SET state = 'started' WHERE step = 2";
    meddle(&local, broken).await;
    let (error, well) = outcome(&local, home.path(), &[]).await;
    assert!(!well);
    for expected in [
        "1.sql:2:1: statement 2 was not applied",
        "the catalog does not show whether it was applied",
        "migrate resolve 1.sql:2 --applied",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let (status, _) = outcome(&local, home.path(), &["status"]).await;
    assert_eq!(status, "1.sql  1 of 3 statements applied\n    statement 2 started\n");
    // A statement that is recorded as not applied is sent again. The cluster rejects the statement, because the
    // statement was applied before.
    assert!(outcome(&local, home.path(), &["resolve", "1.sql:2", "--not-applied"]).await.1);
    assert!(outcome(&local, home.path(), &[]).await.0.contains("42710"));
    assert!(outcome(&local, home.path(), &["resolve", "1.sql:2", "--applied"]).await.1);
    assert!(outcome(&local, home.path(), &[]).await.1);
    assert_eq!(column(&local, "SELECT name FROM a").await, ["x"]);
    // A table of that name exists, but with other columns.
    write("2.sql", "CREATE TABLE b (id int PRIMARY KEY, name text);");
    assert!(outcome(&local, home.path(), &[]).await.1);
    let other = "DELETE FROM dsql_edge.migrations WHERE file = '2.sql' AND step = 0; ALTER TABLE b RENAME COLUMN name TO title;
        UPDATE dsql_edge.migrations SET state = 'started' WHERE file = '2.sql'";
    meddle(&local, other).await;
    let (error, _) = outcome(&local, home.path(), &[]).await;
    assert!(error.contains("the table b exists, but with other columns (id, title)"), "{error}");
    assert!(outcome(&local, home.path(), &["resolve", "2.sql", "--applied"]).await.1);
    assert_eq!(
        outcome(&local, home.path(), &["status"]).await,
        ("1.sql  applied\n2.sql  applied\n".to_owned(), true)
    );
    // The user confirms that one file was changed and that another file was removed.
    write("1.sql", &format!("-- A comment.\n{text}"));
    std::fs::remove_file(home.path().join("migrations/2.sql")).unwrap();
    let (status, well) = outcome(&local, home.path(), &["status"]).await;
    assert!(
        !well
            && status.contains("comments or blanks")
            && status.contains("2.sql  applied, and not in the folder"),
        "{status}"
    );
    let (error, well) = outcome(&local, home.path(), &[]).await;
    assert!(!well && error.contains("nothing was sent"), "{error}");
    assert!(outcome(&local, home.path(), &["resolve", "1.sql", "--changed"]).await.1);
    assert!(outcome(&local, home.path(), &["resolve", "2.sql", "--forget"]).await.1);
    let (status, well) = outcome(&local, home.path(), &["status", "--format", "json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(
        well && status["files"][0]["applied"] == true && status["gone"] == serde_json::json!([]),
        "{status}"
    );
    local.stop().await.unwrap();
}

#[test]
fn folder_with_errors_is_never_sent() {
    let refused = |text: &str| {
        let files = [("1.sql", "CREATE TABLE a (id int PRIMARY KEY);"), ("2.sql", text)];
        let files = files.map(|(name, text)| (format!("migrations/{name}"), text.to_owned()));
        migrate::folder_of(files.to_vec(), Dialect::Dsql)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for (text, expected) in [
        ("CREATE INDEX i ON a (id);", "unsupported mode. please use CREATE INDEX ASYNC."),
        ("TRUNCATE a;", "unsupported statement: Truncate"),
        ("SELEC 1;", "syntax error at or near \"SELEC\""),
        ("SET search_path = app;", "SET cannot be in a migration"),
        ("-- dsql-edge: in batch of 5\nDELETE FROM a;", "write -- dsql-edge: in batches of 1000"),
        ("-- dsql-edge: in batches 5\nDELETE FROM a;", "write -- dsql-edge: in batches of 1000"),
    ] {
        let error = refused(text);
        assert!(error.contains(expected) && error.contains("--> migrations/2.sql:1:"), "{error}");
        assert_eq!(error.matches("-->").count(), 1, "{error}");
    }
}

/// The linter needs the table of the statement, which an earlier file creates: for example, `n = n + 1` changes a
/// column on which the new value depends.
#[test]
fn statement_that_cannot_run_in_batches_is_an_error() {
    let files = |statement: &str| {
        let table = "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE log (line text);";
        let marked = format!("-- dsql-edge: in batches of 2\n{statement};");
        vec![("1.sql".to_owned(), table.to_owned()), ("2.sql".to_owned(), marked)]
    };
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        assert!(migrate::folder_of(files("UPDATE t SET n = 1"), dialect).is_ok());
        for (statement, expected) in [
            ("UPDATE t SET n = n + 1", "2.sql:2:14"),
            ("DELETE FROM log", "no key that orders batches"),
            ("DELETE FROM other", "relation \"other\" does not exist"),
            ("INSERT INTO t VALUES (1)", "only UPDATE and DELETE can run in batches"),
        ] {
            let error = migrate::folder_of(files(statement), dialect).err().unwrap().to_string();
            assert!(error.contains(expected) && error.contains("nothing was sent"), "{error}");
        }
    }
}
