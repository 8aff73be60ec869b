//! Breaks a run at each message that the run sends, before the message or its answer arrives, and kills the run or lets
//! it continue. Then starts another run, and checks that nothing is lost and nothing is applied twice. Also tests two
//! runs at once.

use std::cell::Cell;
use std::time::Duration;

use dsql_edge_codegen::migrate::{Folder, Progress, migrate};
use dsql_edge_codegen::pull::snapshot;
use dsql_edge_codegen::server::Server;
use dsql_edge_local::Local;
use dsql_edge_tests::cutter::{Break, Cutter};

use crate::{LEASE, SHORT, column, command, config, folder, run};

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

/// Restores the state before the run: no ledger, an empty schema, and the table that a migration drops.
const BEFORE: &str =
    "DROP SCHEMA IF EXISTS dsql_edge CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE log2 (id int)";

/// The visible state of the cluster: schema, rows, ledger and lease.
async fn everything(local: &Local) -> String {
    let server = Server::dsql(config(local, &local.endpoint()));
    let mut out = snapshot(server, "").await.unwrap();
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

/// Applies the folder without a disturbance. Returns the dsql-local, the folder, and the state of the cluster
/// afterwards.
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

/// Breaks a run at every `stride`th message, beginning with message `first`, and then starts another run. If `lives` is
/// true, the broken run continues or reports an error; otherwise, it is dropped when the network breaks.
async fn broken_at_each(how: Break, lives: bool, first: usize, stride: usize) -> usize {
    let (local, folder, expected) = undisturbed().await;
    let (mut at, mut found) = (first, 0);
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
        at += stride;
    }
    println!(
        "{how:?}, lives: {lives}: {at} messages, every {stride}th broken, {found} steps were found applied"
    );
    assert!(at > 40, "only {at} places");
    local.stop().await.unwrap();
    found
}

/// Breaks runs in four ways at once, because the runs of each way wait for a lease most of the time. Four of five
/// messages are broken in one way each; with `DSQL_EDGE_FAULTS=everywhere` (`cargo xtask test --full faults`), all are
/// broken in all four ways.
#[test]
fn broken_at_each_message_and_run_again() {
    let ways = [(Break::Before, false), (Break::After, false), (Break::Before, true), (Break::After, true)];
    let stride = match std::env::var("DSQL_EDGE_FAULTS").as_deref() {
        Ok("everywhere") => 1,
        Ok(other) => panic!("DSQL_EDGE_FAULTS must be `everywhere` or not set; it is {other}"),
        // Five and not four: a step has about four messages, so a stride of four would break each step at the same
        // message.
        Err(_) => 5,
    };
    let found: usize = std::thread::scope(|scope| {
        let broken = ways.iter().enumerate().map(|(number, (how, lives))| {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(broken_at_each(*how, *lives, number % stride, stride))
            })
        });
        let broken: Vec<_> = broken.collect();
        broken.into_iter().map(|broken| broken.join().unwrap()).sum()
    });
    // The messages are sent in varying chunks, so the exact number varies, but in each case, some statements are
    // applied although the run does not receive their answers.
    assert!(found > if stride == 1 { 15 } else { 2 }, "only {found} steps were found applied");
}

#[tokio::test]
async fn killed_command_is_run_again() {
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
        let mut child = command(&local, &cutter.endpoint(), home.path()).args(SHORT).spawn().unwrap();
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
        let again = command(&local, &local.endpoint(), home.path()).args(SHORT).status().await.unwrap();
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
async fn two_runs_at_once_apply_each_statement_once() {
    let (local, folder, expected) = undisturbed().await;
    for _ in 0..5 {
        local.run_sql("before", BEFORE).await.unwrap();
        let lease = Duration::from_secs(30);
        let waited = Cell::new(0);
        let report = |progress: Progress<'_>| {
            if matches!(progress, Progress::Held { .. }) {
                waited.set(waited.get() + 1);
            }
        };
        let one = migrate(&folder, config(&local, &local.endpoint()), lease, &report);
        let other = migrate(&folder, config(&local, &local.endpoint()), lease, &report);
        let (one, other) = tokio::join!(one, other);
        assert_eq!(one.unwrap().len() + other.unwrap().len(), 13);
        assert!(waited.get() > 0);
        assert_eq!(everything(&local).await, expected);
    }
    local.stop().await.unwrap();
}
