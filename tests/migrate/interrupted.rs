//! A run that gets a signal: it waits for the statement that was sent, records it, and releases the lease.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dsql_edge_compiler::schema::Dialect;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio_postgres::Client;

use crate::site::Site;
use crate::trouble::jobs_that;
use crate::{command, outcome_of};

/// A run of the command, and what it printed so far.
struct Running {
    child: Child,
    lines: BufReader<ChildStderr>,
    printed: String,
}

impl Running {
    fn start(site: &Site, home: &Path) -> Running {
        let mut command = command(site, site.port(), home);
        let mut child = command.arg("--no-pull").stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Running { child, lines, printed: String::new() }
    }

    async fn until(&mut self, text: &str) {
        while !self.printed.contains(text) {
            assert!(self.lines.read_line(&mut self.printed).await.unwrap() > 0, "{text}: {}", self.printed);
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits until the run has ended; returns what it printed, and its exit status.
    async fn end(mut self) -> (String, Option<i32>) {
        self.lines.read_to_string(&mut self.printed).await.unwrap();
        (self.printed, self.child.wait().await.unwrap().code())
    }
}

fn home_with(text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("migrations")).unwrap();
    std::fs::write(home.path().join("migrations/1.sql"), text).unwrap();
    home
}

async fn leases(site: &Site) -> Vec<String> {
    site.column("SELECT holder FROM dsql_edge.migration_lease").await
}

/// Waits until a statement waits for a lock.
async fn waits_for_lock(superuser: &Client) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while superuser.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn statement_in_flight_is_awaited_and_recorded() {
    let site = Site::start(Dialect::Dsql).await;
    let home = home_with(
        "CREATE TABLE a (id int PRIMARY KEY);\nALTER TABLE a ADD COLUMN b int;\nCREATE TABLE c (id int);\n",
    );
    for (round, name) in ["-INT", "-TERM"].into_iter().enumerate() {
        site.run_sql(
            "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS c; DROP SCHEMA IF EXISTS dsql_edge CASCADE",
        )
        .await;
        let holder = site.superuser().await;
        let looking = site.superuser().await;
        let first = home_with("CREATE TABLE a (id int PRIMARY KEY);\n");
        assert!(outcome_of(command(&site, site.port(), first.path()).arg("--no-pull")).await.1, "{round}");
        site.run_sql("DELETE FROM dsql_edge.migrations WHERE step = 0").await;
        holder.batch_execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE").await.unwrap();
        let mut run = Running::start(&site, home.path());
        run.until("ALTER TABLE a").await;
        waits_for_lock(&looking).await;
        run.signal(name);
        run.until("interrupted: waits for the answer").await;
        holder.batch_execute("COMMIT").await.unwrap();
        let (printed, status) = run.end().await;
        assert_eq!(status, Some(1), "{printed}");
        assert!(printed.contains("interrupted: run `dsql-edge migrate` again to continue"), "{printed}");
        assert_eq!(leases(&site).await, [""; 0], "{printed}");
        let steps = "SELECT step || state FROM dsql_edge.migrations ORDER BY step";
        assert_eq!(site.column(steps).await, ["1applied", "2applied"]);
        let (printed, succeeded) =
            outcome_of(command(&site, site.port(), home.path()).arg("--no-pull")).await;
        assert!(succeeded && printed.contains("1 statement applied"), "{printed}");
        assert!(!printed.contains("waiting for another run"), "{printed}");
    }
    site.stop().await;
}

#[tokio::test]
async fn second_signal_leaves_the_unknown_outcome_to_the_next_run() {
    let site = Site::start(Dialect::Dsql).await;
    let table = "CREATE TABLE a (id int PRIMARY KEY);\n";
    let home = home_with(table);
    assert!(outcome_of(command(&site, site.port(), home.path()).arg("--no-pull")).await.1);
    std::fs::write(home.path().join("migrations/2.sql"), "ALTER TABLE a ADD COLUMN b int;\n").unwrap();
    let (holder, looking) = (site.superuser().await, site.superuser().await);
    holder.batch_execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE").await.unwrap();
    let mut run = Running::start(&site, home.path());
    run.until("ALTER TABLE a").await;
    waits_for_lock(&looking).await;
    run.signal("-INT");
    run.until("interrupted: waits for the answer").await;
    run.signal("-INT");
    let (printed, status) = run.end().await;
    assert_eq!(status, Some(1), "{printed}");
    let expected =
        "interrupted before the answer to the statement that was sent (migrations/2.sql:1:1) arrived";
    assert!(printed.contains(expected), "{printed}");
    assert_eq!(leases(&site).await.len(), 1);
    assert_eq!(site.column("SELECT state FROM dsql_edge.migrations WHERE file = '2.sql'").await, ["started"]);
    site.stop().await;
}

#[tokio::test]
async fn run_that_waits_for_a_job_or_a_lease_ends_at_once() {
    let site = Site::start(Dialect::Dsql).await;
    let home = home_with(
        "CREATE TABLE a (id int PRIMARY KEY, name text);\nCREATE UNIQUE INDEX ASYNC a_name ON a (name);\n",
    );
    site.superuser().await.batch_execute(&jobs_that("processing")).await.unwrap();
    let mut run = Running::start(&site, home.path());
    run.until("CREATE UNIQUE INDEX ASYNC").await;
    while site.column("SELECT state FROM dsql_edge.migrations WHERE step = 2").await != ["building"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Another run waits for the lease.
    let mut other = Running::start(&site, home.path());
    other.until("waiting for another run").await;
    other.signal("-TERM");
    let (printed, status) = other.end().await;
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("interrupted before the lease was taken"), "{printed}");
    assert_eq!(leases(&site).await.len(), 1, "the first run keeps its lease");
    run.signal("-TERM");
    let (printed, status) = run.end().await;
    assert_eq!(status, Some(1), "{printed}");
    assert_eq!(leases(&site).await, [""; 0], "{printed}");
    assert_eq!(site.column("SELECT state FROM dsql_edge.migrations WHERE step = 2").await, ["building"]);
    site.stop().await;
}
