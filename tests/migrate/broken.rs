//! Breaks a run at each message that the run sends, before the message or its answer arrives, and kills the run or lets
//! it continue. Then starts another run, and checks that nothing is lost and nothing is applied twice. This file also
//! tests two runs at once.

use std::cell::Cell;
use std::time::Duration;

use dsql_edge_codegen::migrate::{Folder, Progress, migrate};
use dsql_edge_codegen::pull::snapshot;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_tests::cutter::{Break, Cutter};

use crate::site::{Site, column_of};
use crate::{LEASE, SHORT, command, folder_of, run_on};

const POSTS: (&str, &str) = (
    "0001_posts.sql",
    "CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL);
     INSERT INTO posts VALUES (1, 'one'), (2, 'two');
     CREATE TABLE log (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, what text NOT NULL);
     INSERT INTO log (what) VALUES ('once');",
);

/// The second file for DSQL.
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
     -- Applied twice, this statement would create two constraints.
     ALTER TABLE posts ADD CHECK (view_count > 0) NOT VALID;
     ALTER TABLE ASYNC posts VALIDATE CONSTRAINT posts_view_count_check;
     ALTER TABLE posts ADD COLUMN counted boolean;
     -- dsql-edge: in batches of 1
     UPDATE posts SET view_count = view_count + 10, counted = true WHERE counted IS NULL;
     DROP TABLE log2;
     GRANT SELECT ON posts TO PUBLIC;",
);

/// The second file for PostgreSQL: each way to divide a file, and statements whose effect would be visible if they ran
/// twice.
const CONCURRENT: (&str, &str) = (
    "0002_views.sql",
    "ALTER TABLE posts ADD COLUMN views bigint;
     CREATE TYPE mood AS ENUM ('glad');
     CREATE TABLE moods (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood);
     BEGIN;
     UPDATE posts SET views = coalesce(views, 0) + 1;
     INSERT INTO log (what) VALUES ('block');
     COMMIT;
     CREATE UNIQUE INDEX CONCURRENTLY posts_title ON posts (title);
     ALTER TABLE posts ADD CONSTRAINT posts_title_key UNIQUE USING INDEX posts_title;
     ALTER TABLE posts RENAME COLUMN views TO view_count;
     ALTER TABLE posts ADD CHECK (view_count > 0);
     ALTER TYPE mood ADD VALUE 'odd';
     INSERT INTO moods (mood) VALUES ('odd');
     CREATE INDEX moods_mood ON moods (mood);
     ALTER TABLE posts ADD COLUMN counted boolean;
     -- dsql-edge: in batches of 1
     UPDATE posts SET view_count = view_count + 10, counted = true WHERE counted IS NULL;
     DROP TABLE log2;
     DROP INDEX CONCURRENTLY moods_mood;
     REINDEX TABLE CONCURRENTLY posts;
     VACUUM posts;
     INSERT INTO log (what) VALUES ('last');",
);

fn files(dialect: Dialect) -> [(&'static str, &'static str); 2] {
    match dialect {
        Dialect::Dsql => [POSTS, VIEWS],
        Dialect::Postgres => [POSTS, CONCURRENT],
    }
}

/// The number of steps of the two files.
fn steps(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Dsql => 15,
        Dialect::Postgres => 12,
    }
}

/// Restores the state before the run: no ledger, an empty schema, and the table that a migration drops.
const BEFORE: &str =
    "DROP SCHEMA IF EXISTS dsql_edge CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE log2 (id int)";

/// The visible state of the database: schema, rows, ledger and lease.
async fn everything(site: &Site) -> String {
    let mut out = snapshot(site.server(), "").await.unwrap();
    // One session serves all queries, because PostgreSQL starts a process for each session.
    let superuser = site.superuser().await;
    for sql in [
        "SELECT id || title || view_count FROM posts ORDER BY 1",
        "SELECT what FROM log ORDER BY 1",
        "SELECT relname::text FROM pg_class JOIN pg_index ON indexrelid = oid WHERE NOT indisvalid",
        "SELECT file || ' ' || step || ' ' || state FROM dsql_edge.migrations ORDER BY file, step",
        "SELECT 'the lease is held' FROM dsql_edge.migration_lease",
    ] {
        out += &column_of(&superuser, sql).await.join("\n");
        out += "\n";
    }
    out
}

/// Applies the folder without a disturbance. Returns the server, the folder, and the state of the database afterwards.
async fn undisturbed(dialect: Dialect) -> (Site, Folder, String) {
    let site = Site::start(dialect).await;
    let folder = folder_of(&files(dialect), dialect);
    site.run_sql(BEFORE).await;
    assert_eq!(run_on(&site, &folder, LEASE).await.unwrap().len(), steps(dialect));
    let expected = everything(&site).await;
    assert!(expected.contains("0002_views.sql 0 applied"), "{expected}");
    assert_eq!(run_on(&site, &folder, LEASE).await.unwrap().len(), 0);
    (site, folder, expected)
}

/// Breaks a run at every `stride`th message, beginning with message `first`, and then starts another run. If `lives` is
/// true, the broken run continues or reports an error; otherwise, it is dropped when the network breaks.
async fn broken_at_each(dialect: Dialect, how: Break, lives: bool, first: usize, stride: usize) -> usize {
    let (site, folder, expected) = undisturbed(dialect).await;
    let (mut at, mut found) = (first, 0);
    loop {
        site.run_sql(BEFORE).await;
        let cutter = Cutter::to(site.port(), at, how).await;
        let running = migrate(&folder, site.config(cutter.port()), LEASE, &|_| {});
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
        let place = format!("{dialect:?}, chunk {at}, {how:?}, lives: {lives}");
        let again = run_on(&site, &folder, LEASE).await.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        found += again.iter().filter(|step| step.found).count();
        assert_eq!(everything(&site).await, expected, "{place}");
        at += stride;
    }
    println!(
        "{dialect:?}, {how:?}, lives: {lives}: {at} messages, every {stride}th broken, {found} steps were found applied"
    );
    assert!(at > 40, "only {at} places");
    site.stop().await;
    found
}

/// Breaks runs in four ways at once, because the runs of each way wait for a lease most of the time. Four of nine
/// messages are broken in one way each; with `DSQL_EDGE_FAULTS=everywhere` (`cargo xtask test --full faults`), all are
/// broken in all four ways.
fn broken_in_each_way(dialect: Dialect) {
    let ways = [(Break::Before, false), (Break::After, false), (Break::Before, true), (Break::After, true)];
    let stride = match std::env::var("DSQL_EDGE_FAULTS").as_deref() {
        Ok("everywhere") => 1,
        Ok(other) => panic!("DSQL_EDGE_FAULTS must be `everywhere` or not set; it is {other}"),
        // The stride is nine and not eight, because a step has about four messages: a stride of eight would break the
        // connection at the same message of each step.
        Err(_) => 9,
    };
    let found: usize = std::thread::scope(|scope| {
        let broken = ways.iter().enumerate().map(|(number, (how, lives))| {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(broken_at_each(dialect, *how, *lives, number % stride, stride))
            })
        });
        let broken: Vec<_> = broken.collect();
        broken.into_iter().map(|broken| broken.join().unwrap()).sum()
    });
    // The messages are sent in varying chunks, so the number of steps that were found applied varies. Some statements
    // are applied although the run does not receive their answers. On PostgreSQL, only the statements outside a
    // transaction can be found applied.
    let least = match (dialect, stride) {
        (Dialect::Dsql, 1) => 15,
        (Dialect::Dsql, _) => 1,
        (Dialect::Postgres, 1) => 2,
        (Dialect::Postgres, _) => 0,
    };
    assert!(found >= least, "only {found} steps were found applied");
}

#[test]
fn broken_at_each_message_and_run_again() {
    broken_in_each_way(Dialect::Dsql);
}

#[test]
fn broken_at_each_message_on_postgresql_and_run_again() {
    broken_in_each_way(Dialect::Postgres);
}

#[tokio::test]
async fn killed_command_is_run_again() {
    killed_and_run_again(Dialect::Dsql, 11).await;
}

#[tokio::test]
async fn killed_command_on_postgresql_is_run_again() {
    killed_and_run_again(Dialect::Postgres, 13).await;
}

async fn killed_and_run_again(dialect: Dialect, stride: usize) {
    let (site, _, expected) = undisturbed(dialect).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("migrations")).unwrap();
    for (name, text) in files(dialect) {
        std::fs::write(home.path().join("migrations").join(name), text).unwrap();
    }
    let mut at = 10;
    loop {
        site.run_sql(BEFORE).await;
        let how = if at % 2 == 0 { Break::Before } else { Break::After };
        let cutter = Cutter::to(site.port(), at, how).await;
        let mut child = command(&site, cutter.port(), home.path()).args(SHORT).spawn().unwrap();
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
        let again = command(&site, site.port(), home.path()).args(SHORT).status().await.unwrap();
        assert!(again.success(), "chunk {at}");
        assert_eq!(everything(&site).await, expected, "chunk {at}");
        let pulled = std::fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap();
        assert!(expected.starts_with(&pulled), "chunk {at}: {pulled}");
        at += stride;
    }
    assert!(at > 50, "only {at} places");
    site.stop().await;
}

#[tokio::test]
async fn two_runs_at_once_apply_each_statement_once() {
    for dialect in [Dialect::Dsql, Dialect::Postgres] {
        let (site, folder, expected) = undisturbed(dialect).await;
        // In a round, no run waits if one run releases the lease before the other reads its holder.
        let waited = Cell::new(0);
        for _ in 0..5 {
            site.run_sql(BEFORE).await;
            let lease = Duration::from_secs(30);
            let report = |progress: Progress<'_>| {
                if matches!(progress, Progress::Held { .. }) {
                    waited.set(waited.get() + 1);
                }
            };
            let one = migrate(&folder, site.config(site.port()), lease, &report);
            let other = migrate(&folder, site.config(site.port()), lease, &report);
            let (one, other) = tokio::join!(one, other);
            assert_eq!(one.unwrap().len() + other.unwrap().len(), steps(dialect));
            assert_eq!(everything(&site).await, expected);
        }
        assert!(waited.get() > 0);
        site.stop().await;
    }
}
