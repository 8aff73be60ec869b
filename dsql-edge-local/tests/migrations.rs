//! Tests `Local::migrate`: which statements of a folder are applied, and what an error contains. `tests/migrate` of the
//! workspace compares the ledger with that of `dsql-edge migrate`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use dsql_edge_local::{Fault, Limit, Local};
use tokio_postgres::NoTls;

/// A running dsql-local, and a folder of migrations.
struct Site {
    local: Local,
    folder: PathBuf,
}

impl Site {
    async fn new(name: &str) -> Site {
        let folder = std::env::temp_dir().join(format!("dsql-local-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let limit: Limit = "rows=5".parse().unwrap();
        Site { local: Local::builder().limit(limit).start().await.unwrap(), folder }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// Applies the folder; returns the files with the numbers of their statements.
    async fn migrate(&self) -> Result<Vec<(String, usize)>, String> {
        let done = self.local.migrate(&self.folder, &|_| {}).await.map_err(|error| error.to_string())?;
        Ok(done.into_iter().map(|file| (file.name, file.statements)).collect())
    }

    async fn applies(&self, name: &str, statements: usize) {
        assert_eq!(self.migrate().await, Ok(vec![(name.to_owned(), statements)]));
    }

    /// Applies the folder, and expects an error that contains all of these strings.
    async fn fails(&self, parts: &[&str]) {
        let error = self.migrate().await.unwrap_err();
        let place = format!("{}/", self.folder.display());
        let error = error.replace(&place, "");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }

    /// The first column of the first row, as the superuser.
    async fn value(&self, sql: &str) -> Option<String> {
        let (client, connection) = tokio_postgres::connect(&self.local.postgres_url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_opt(sql, &[]).await.unwrap().and_then(|row| row.get(0))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn folder_is_applied_once_and_continued_after_each_mistake() {
    let site = Site::new("continued").await;
    site.fails(&["has no migrations: add a .sql file, or name another folder with --migrations"]).await;
    site.write(
        "0001.sql",
        "CREATE TABLE a (id int PRIMARY KEY, n int);\nBEGIN;\nINSERT INTO a VALUES (1, 1);\nINSERT INTO a VALUES (2, 1);\nCOMMIT;\n",
    );
    site.write(
        "0002.sql",
        "CREATE INDEX ASYNC a_n ON a (n);\n-- dsql-edge: in batches of 2\nUPDATE a SET n = 2 WHERE n = 1;",
    );
    let both = vec![("0001.sql".to_owned(), 2), ("0002.sql".to_owned(), 2)];
    // A commit that conflicts is tried again.
    site.local.set_faults(&["conflict=1".parse::<Fault>().unwrap()]);
    assert_eq!(site.migrate().await, Ok(both));
    assert_eq!(site.value("SELECT sum(n)::text FROM a").await.as_deref(), Some("4"));
    assert_eq!(site.migrate().await, Ok(vec![]));

    site.write("0003.sql", "CREATE TABLE b (id int PRIMARY KEY);\n\nCREATE TABLE c (ä text, x nosuch);");
    site.fails(&["0003.sql:3:27: 42704: type \"nosuch\" does not exist"]).await;
    site.write("0003.sql", "CREATE TABLE b (id int PRIMARY KEY);\n\nCREATE TABLE c (ä text, x text);");
    site.applies("0003.sql", 1).await;

    // The rows of a transaction are applied together or not at all.
    let twice = "BEGIN;\n INSERT INTO b VALUES (1);\n INSERT INTO b VALUES (1);\nCOMMIT;";
    site.write("0004.sql", twice);
    site.fails(&["0004.sql:3:2: 23505: duplicate key", "detail: Key (id)=(1) already exists"]).await;
    assert_eq!(site.value("SELECT count(*)::text FROM b").await.as_deref(), Some("0"));
    site.write("0004.sql", &twice.replacen("(1)", "(2)", 1));
    site.applies("0004.sql", 1).await;

    // DSQL's rules apply, before anything is sent and in the endpoint.
    site.write("0005.sql", "TRUNCATE b;");
    site.fails(&["nothing was sent", "unsupported statement: Truncate", "--> 0005.sql:1:1"]).await;
    site.write("0005.sql", "CREATE TABLE d (id int PRIMARY KEY, at money);");
    site.fails(&["nothing was sent", "datatype money not supported", "--> 0005.sql:1:40"]).await;
    site.write("0005.sql", "DELETE FROM b;");
    site.applies("0005.sql", 1).await;

    // A job that fails leaves no index.
    site.write("0006.sql", "CREATE UNIQUE INDEX ASYNC a_once ON a (n);");
    site.fails(&["0006.sql:1:1: the index a_once on a failed: its job failed"]).await;
    assert_eq!(site.value("SELECT 'index' FROM pg_class WHERE relname = 'a_once'").await, None);
    site.write("0006.sql", "DELETE FROM a WHERE id = 2; CREATE UNIQUE INDEX ASYNC a_once ON a (n);");
    site.applies("0006.sql", 2).await;

    // More rows than a transaction may change.
    site.write("0007.sql", "INSERT INTO b VALUES (1), (2), (3);\nINSERT INTO b VALUES (4), (5), (6);");
    site.write("0008.sql", "-- dsql-edge: in batches of 2\nDELETE FROM b WHERE id > 0;");
    site.fails(&["0008.sql:2:1: 54000: ", "run `dsql-edge migrate`"]).await;
}

#[tokio::test]
async fn folder_that_differs_from_the_applied_files_is_not_sent() {
    let site = Site::new("differs").await;
    site.write("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    site.write("2.sql", "CREATE TABLE b (id int PRIMARY KEY);");
    assert_eq!(site.migrate().await.map(|files| files.len()), Ok(2));
    site.write("1.sql", "CREATE TABLE a (id bigint PRIMARY KEY);");
    site.write("3.sql", "CREATE TABLE c (id int PRIMARY KEY);");
    let changed = "1.sql:1:1: statement 1 was changed after it was applied";
    site.fails(&[changed, "run `dsql-local reset`"]).await;
    assert_eq!(site.value("SELECT 'table' FROM pg_class WHERE relname = 'c'").await, None);
    site.write("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    fs::remove_file(site.folder.join("2.sql")).unwrap();
    site.fails(&["2.sql was applied and is not in the folder"]).await;
    site.write("2.sql", "-- dsql-edge: dialect postgres\nCREATE TABLE b (id int PRIMARY KEY);");
    site.fails(&["2.sql has the directive `dialect postgres`", "dsql-edge migrate --postgres-url"]).await;

    // A run was killed after a statement, or before it.
    site.write("2.sql", "CREATE TABLE b (id int PRIMARY KEY);");
    site.applies("3.sql", 1).await;
    let lease =
        "INSERT INTO dsql_edge.migration_lease VALUES ('migrate', 'dsql-local', now() + interval '1 hour')";
    site.local.run_sql("test", lease).await.unwrap();
    let interrupted = "DELETE FROM dsql_edge.migrations WHERE file IN ('2.sql', '3.sql') AND step = 0;
         UPDATE dsql_edge.migrations SET state = 'started', applied_at = NULL WHERE file IN ('2.sql', '3.sql');
         DROP TABLE c";
    site.local.run_sql("test", interrupted).await.unwrap();
    let both = vec![("2.sql".to_owned(), 1), ("3.sql".to_owned(), 1)];
    assert_eq!(site.migrate().await, Ok(both));
    assert_eq!(
        site.value("SELECT 'table' FROM pg_class WHERE relname = 'c'").await.as_deref(),
        Some("table")
    );
    let left = "SELECT count(*)::text FROM dsql_edge.migrations WHERE state <> 'applied'";
    assert_eq!(site.value(left).await.as_deref(), Some("0"));
    assert_eq!(site.value("SELECT holder FROM dsql_edge.migration_lease").await, None);

    // `dsql-edge migrate` runs at the same time.
    let lease =
        "INSERT INTO dsql_edge.migration_lease VALUES ('migrate', 'process 7', now() + interval '1 second')";
    site.local.run_sql("test", lease).await.unwrap();
    let reported = std::sync::Mutex::new(Vec::new());
    let report = |line: &str| reported.lock().unwrap().push(line.to_owned());
    assert_eq!(site.local.migrate(&site.folder, &report).await.unwrap(), []);
    let reported = reported.into_inner().unwrap();
    assert!(
        matches!(&reported[..], [line] if line.contains("another run of migrations (process 7;")),
        "{reported:?}"
    );
}
