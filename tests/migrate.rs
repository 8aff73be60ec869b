//! `dsql-edge migrate` against a dsql-local: broken at every step and run again, two at once, files that changed, jobs
//! that fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use dsql_edge::{Config, Credentials};
use dsql_edge_codegen::migrate::{Applied, Folder, Progress, migrate};
use dsql_edge_codegen::pull::{Server, snapshot};
use dsql_edge_local::Local;
use dsql_edge_tests::binary::dsql_edge;
use dsql_edge_tests::cutter::{Break, Cutter};
use tokio::process::Command;
use tokio_postgres::NoTls;

/// Long enough for a step of a slow machine, short enough to wait for.
const LEASE: Duration = Duration::from_millis(800);

const POSTS: (&str, &str) = (
    "0001_posts.sql",
    "CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL);
     INSERT INTO posts VALUES (1, 'one'), (2, 'two');
     CREATE TABLE log (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, what text NOT NULL);
     INSERT INTO log (what) VALUES ('once');",
);

const VIEWS: (&str, &str) = (
    "0002_views.sql",
    "ALTER TABLE posts ADD COLUMN views bigint;
     BEGIN;
     UPDATE posts SET views = coalesce(views, 0) + 1;
     INSERT INTO log (what) VALUES ('block');
     COMMIT;
     CREATE UNIQUE INDEX ASYNC posts_title ON posts (title);
     ALTER TABLE posts ADD CONSTRAINT posts_title_key UNIQUE USING INDEX posts_title;
     ALTER TABLE posts RENAME COLUMN views TO view_count;
     -- Twice, and there would be two of it.
     ALTER TABLE posts ADD CHECK (view_count > 0) NOT VALID;
     ALTER TABLE ASYNC posts VALIDATE CONSTRAINT posts_view_count_check;
     DROP TABLE log2;
     GRANT SELECT ON posts TO PUBLIC;",
);

/// What a migration drops has to be there.
const BEFORE: &str =
    "DROP SCHEMA IF EXISTS dsql_edge CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE log2 (id int)";

fn folder(files: &[(&str, &str)]) -> Folder {
    let files = files.iter().map(|(name, text)| (format!("migrations/{name}"), (*text).to_owned()));
    Folder::of(files.collect()).unwrap()
}

fn config(local: &Local, endpoint: &str) -> Config {
    let keys = local.credentials();
    let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key());
    Config::local(endpoint, local.region(), keys).unwrap().extra_ca(local.ca_pem())
}

async fn run(local: &Local, folder: &Folder, lease: Duration) -> Result<Vec<Applied>> {
    migrate(folder, config(local, &local.endpoint()), lease, &|_| {}).await
}

/// Everything that can be seen of the cluster.
async fn everything(local: &Local) -> String {
    let mut server = Server::dsql(config(local, &local.endpoint()));
    let mut out = snapshot(&mut server, "").await.unwrap();
    for sql in [
        "SELECT id || title || view_count FROM posts ORDER BY 1",
        "SELECT what FROM log ORDER BY 1",
        "SELECT file || ' ' || step || ' ' || state FROM dsql_edge.migrations ORDER BY file, step",
        "SELECT 'the lease is held' FROM dsql_edge.migration_lease",
    ] {
        out += &column(local, sql).await.join("\n");
        out += "\n";
    }
    out
}

async fn column(local: &Local, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(&local.postgres_url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let values = rows.iter().map(|row| row.get(0)).collect();
    connection.abort();
    values
}

/// A dsql-local and the folder, and what everything looks like when it was applied undisturbed.
async fn undisturbed() -> (Local, Folder, String) {
    let local = Local::builder().start().await.unwrap();
    let folder = folder(&[POSTS, VIEWS]);
    local.run_sql("before", BEFORE).await.unwrap();
    assert_eq!(run(&local, &folder, LEASE).await.unwrap().len(), 13);
    let expected = everything(&local).await;
    assert!(expected.contains("0002_views.sql 0 applied"), "{expected}");
    assert_eq!(run(&local, &folder, LEASE).await.unwrap().len(), 0);
    (local, folder, expected)
}

/// Breaks a run at each thing that it sends, and runs again. `lives`: the process goes on by itself, or says why not;
/// else it is gone there.
async fn broken_at_each(how: Break, lives: bool) {
    let (local, folder, expected) = undisturbed().await;
    let (mut at, mut found) = (0, 0);
    loop {
        local.run_sql("before", BEFORE).await.unwrap();
        let cutter = Cutter::to(local.port(), at, how).await;
        let running = migrate(&folder, config(&local, &cutter.endpoint()), LEASE, &|_| {});
        if lives {
            found += running.await.iter().flatten().filter(|step| step.found).count();
        } else {
            tokio::select! {
                biased;
                () = cutter.broken() => {}
                ended = running => drop(ended.unwrap()),
            }
        }
        if !cutter.has_broken() {
            break;
        }
        let place = format!("chunk {at}, {how:?}, lives: {lives}");
        let again = run(&local, &folder, LEASE).await.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        found += again.iter().filter(|step| step.found).count();
        assert_eq!(everything(&local).await, expected, "{place}");
        at += 1;
    }
    println!("{how:?}, lives: {lives}: {at} places, {found} steps were found applied");
    assert!(at > 40, "only {at} places");
    assert!(how == Break::Before || found > 5, "only {found} steps were found applied");
    local.stop().await.unwrap();
}

#[tokio::test]
async fn gone_before_anything_arrives_and_run_again() {
    broken_at_each(Break::Before, false).await;
}

#[tokio::test]
async fn gone_before_any_answer_comes_and_run_again() {
    broken_at_each(Break::After, false).await;
}

#[tokio::test]
async fn cut_before_anything_arrives() {
    broken_at_each(Break::Before, true).await;
}

#[tokio::test]
async fn cut_before_any_answer_comes() {
    broken_at_each(Break::After, true).await;
}

/// The command itself, with its environment.
fn command(local: &Local, endpoint: &str, home: &Path) -> Command {
    let mut command = Command::new(dsql_edge());
    let keys = local.credentials();
    std::fs::write(home.join("ca.pem"), local.ca_pem()).unwrap();
    command
        .args(["migrate", "--lease", "0.8"])
        .current_dir(home)
        .env("DSQL_ENDPOINT", endpoint)
        .env("DSQL_REGION", local.region())
        .env("DSQL_EDGE_CA", home.join("ca.pem"))
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("DSQL_EDGE_MIGRATIONS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_command_killed_and_run_again() {
    let (local, _, expected) = undisturbed().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("migrations")).unwrap();
    for (name, text) in [POSTS, VIEWS] {
        std::fs::write(home.path().join("migrations").join(name), text).unwrap();
    }
    let mut at = 10;
    loop {
        local.run_sql("before", BEFORE).await.unwrap();
        let how = if at % 2 == 0 { Break::Before } else { Break::After };
        let cutter = Cutter::to(local.port(), at, how).await;
        let mut child = command(&local, &cutter.endpoint(), home.path()).spawn().unwrap();
        let status = tokio::select! {
            biased;
            () = cutter.broken() => None,
            status = child.wait() => Some(status.unwrap()),
        };
        if let Some(status) = status {
            assert!(status.success());
            break;
        }
        // SIGKILL.
        child.kill().await.unwrap();
        let again = command(&local, &local.endpoint(), home.path()).status().await.unwrap();
        assert!(again.success(), "chunk {at}");
        assert_eq!(everything(&local).await, expected, "chunk {at}");
        let pulled = std::fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap();
        assert!(expected.starts_with(&pulled), "chunk {at}: {pulled}");
        at += 11;
    }
    assert!(at > 60, "only {at} places");
    local.stop().await.unwrap();
}

#[tokio::test]
async fn two_at_once_do_no_harm() {
    let (local, folder, expected) = undisturbed().await;
    for _ in 0..5 {
        local.run_sql("before", BEFORE).await.unwrap();
        let lease = Duration::from_secs(30);
        let waited = Cell::new(0);
        let tell = |progress: Progress<'_>| {
            if matches!(progress, Progress::Held { .. }) {
                waited.set(waited.get() + 1);
            }
        };
        let one = migrate(&folder, config(&local, &local.endpoint()), lease, &tell);
        let other = migrate(&folder, config(&local, &local.endpoint()), lease, &tell);
        let (one, other) = tokio::join!(one, other);
        assert_eq!(one.unwrap().len() + other.unwrap().len(), 13);
        assert!(waited.get() > 0);
        assert_eq!(everything(&local).await, expected);
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn what_fails_says_why_and_can_be_mended() {
    let local = Local::builder().start().await.unwrap();
    local.run_sql("before", BEFORE).await.unwrap();
    let said = async |files: &[(&str, &str)]| -> String {
        match run(&local, &folder(files), LEASE).await {
            Ok(applied) => format!("{} applied", applied.len()),
            Err(error) => format!("{error:#}"),
        }
    };
    let twice = "CREATE TABLE a (id int PRIMARY KEY, name text);\nINSERT INTO a VALUES (1, 'x'), (2, 'x');\n\
                 CREATE UNIQUE INDEX ASYNC a_name ON a (name);";
    // A unique index over duplicates fails in its job.
    for _ in 0..2 {
        let error = said(&[("1.sql", twice)]).await;
        assert!(
            error.starts_with("migrations/1.sql:3:1: statement 3 was not applied: the index a_name on a failed: its job failed:"),
            "{error}"
        );
        assert!(error.contains("Nothing of it is left."), "{error}");
    }
    assert_eq!(
        column(&local, "SELECT file || step || state FROM dsql_edge.migrations ORDER BY 1").await,
        ["1.sql1applied", "1.sql2applied", "1.sql3failed"]
    );
    // What was not applied may be changed, what was may not.
    let other = twice.replace("'x'), (2, 'x'", "'x'), (2, 'y'");
    let error = said(&[("1.sql", &other)]).await;
    assert!(error.contains("migrations/1.sql:2:1: statement 2 was changed after it was applied"), "{error}");
    let mended = twice.replace("CREATE UNIQUE", "UPDATE a SET name = 'y' WHERE id = 2;\nCREATE UNIQUE");
    assert_eq!(said(&[("1.sql", &mended)]).await, "2 applied");
    // DDL that the server refuses, and rows.
    let error = said(&[("1.sql", &mended), ("2.sql", "CREATE TABLE a (id int PRIMARY KEY);")]).await;
    assert!(
        error.starts_with("migrations/2.sql:1:1: statement 1 was not applied: SQLSTATE 42P07"),
        "{error}"
    );
    let error = said(&[("1.sql", &mended), ("2.sql", "SELECT 1;\nINSERT INTO a VALUES (1, 'z');")]).await;
    assert!(
        error.starts_with("migrations/2.sql:2:1: statement 2 was not applied: SQLSTATE 23505"),
        "{error}"
    );
    assert_eq!(
        said(&[("1.sql", &mended), ("2.sql", "SELECT 1;\nINSERT INTO a VALUES (3, 'z');")]).await,
        "1 applied"
    );
    assert_eq!(column(&local, "SELECT name FROM a ORDER BY id").await, ["x", "y", "z"]);
    local.stop().await.unwrap();
}
