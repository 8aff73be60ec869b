//! Tests what only a PostgreSQL has: transactions of whole files, statements outside a transaction, builds that
//! continue without their client, locks, and the command with a connection string.

use std::cell::{Cell, RefCell};
use std::path::Path;

use anyhow::Result;
use dsql_edge_codegen::migrate::{self, Applied, Folder, Progress, migrate};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_tests::golden;

use crate::site::Site;
use crate::{LEASE, SHORT, command, folder_of, outcome_of, run_on};

async fn apply(site: &Site, files: &[(&str, &str)]) -> Result<Vec<Applied>> {
    run_on(site, &folder_of(files, Dialect::Postgres), LEASE).await
}

async fn failure(site: &Site, files: &[(&str, &str)]) -> String {
    format!("{:#}", apply(site, files).await.unwrap_err())
}

/// For each step, whether the run found that an earlier run had applied the step.
fn found(applied: Result<Vec<Applied>>) -> Vec<bool> {
    applied.unwrap_or_else(|error| panic!("{error:?}")).iter().map(|step| step.found).collect()
}

#[tokio::test]
async fn failed_file_leaves_nothing_and_can_be_changed() {
    let site = Site::start(Dialect::Postgres).await;
    let text = "SET LOCAL lock_timeout = '5s';\nCREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (1);";
    let error = failure(&site, &[("1.sql", text)]).await;
    assert!(error.starts_with("migrations/1.sql:1:1: part 1 was not applied: SQLSTATE 23505"), "{error}");
    assert!(error.contains("migrations/1.sql:4"), "{error}");
    let left = "SELECT relname::text FROM pg_class WHERE relname = 'a' UNION ALL SELECT file FROM dsql_edge.migrations";
    assert_eq!(site.column(left).await, [""; 0]);
    let corrected = text.replacen("INSERT INTO a VALUES (1);", "", 1);
    assert_eq!(found(apply(&site, &[("1.sql", &corrected)]).await), [false]);
    let ledger = "SELECT file || step || state FROM dsql_edge.migrations ORDER BY step";
    assert_eq!(site.column(ledger).await, ["1.sql0applied", "1.sql1applied"]);
    let changed = corrected.replace("5s", "6s");
    let error = failure(&site, &[("1.sql", &changed)]).await;
    assert!(error.contains("part 1 was changed after it was applied"), "{error}");
    site.stop().await;
}

/// Statements that DSQL does not accept, or does not accept in the same transaction.
const OF_A_TRANSACTION: &str = "
    CREATE TABLE a (id int PRIMARY KEY, CONSTRAINT later UNIQUE (id) DEFERRABLE);
    CREATE TEMPORARY TABLE t (id int) ON COMMIT DROP;
    INSERT INTO t VALUES (1);
    INSERT INTO a SELECT id FROM t;
    SAVEPOINT s; TRUNCATE a; ROLLBACK TO s; RELEASE s;
    SET CONSTRAINTS ALL DEFERRED;
    LOCK TABLE a IN SHARE MODE;
    DO $$ BEGIN INSERT INTO a VALUES (2); END $$;
    CREATE PROCEDURE p(n int) LANGUAGE sql AS 'INSERT INTO a VALUES (n)';
    CALL p(3);
    SELECT set_config('lock_timeout', '5s', true), count(*) FROM a;
    CREATE EXTENSION hstore;
    CREATE TYPE mood AS ENUM ('glad'); ALTER TYPE mood ADD VALUE 'sad';
    CREATE INDEX i ON a (id);
    CREATE MATERIALIZED VIEW m AS SELECT id FROM a; REFRESH MATERIALIZED VIEW m;
    COMMENT ON TABLE a IS 'x'; ANALYZE a; NOTIFY c;";

#[tokio::test]
async fn statements_of_every_kind_share_the_transaction_of_a_file() {
    let site = Site::start(Dialect::Postgres).await;
    let first = ("1.sql", OF_A_TRANSACTION);
    assert_eq!(found(apply(&site, &[first]).await), [false]);
    assert_eq!(site.column("SELECT id::text FROM a ORDER BY a.id").await, ["1", "2", "3"]);
    // A procedure that commits cannot run in a transaction.
    let commits = "CREATE PROCEDURE q() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; CALL q();";
    let error = failure(&site, &[first, ("2.sql", commits)]).await;
    assert!(error.contains("SQLSTATE 2D000") && error.contains("only outside a transaction"), "{error}");
    // A statement may be longer than DSQL's limit.
    let long = format!("INSERT INTO a SELECT length('{}');", "x".repeat(11 << 20));
    assert_eq!(found(apply(&site, &[first, ("2.sql", &long)]).await), [false]);
    site.stop().await;
}

/// The text of a file does not show what a DO block does to its session.
#[tokio::test]
async fn session_of_a_file_does_not_reach_the_next_file() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE SCHEMA evil; CREATE ROLE other; GRANT CREATE ON SCHEMA public TO other").await;
    let changes = "DO $$ BEGIN SET search_path = evil; PERFORM set_config('work_mem', '5MB', false); \
                   CREATE TEMPORARY TABLE b (of_another int); SET ROLE other; END $$;";
    let session =
        "CREATE TABLE b AS SELECT current_setting('search_path') AS path, current_user::text AS role";
    apply(&site, &[("1.sql", changes), ("2.sql", session)]).await.unwrap();
    let made = "SELECT path || ' ' || role || ' ' || current_schema FROM public.b";
    assert_eq!(site.column(made).await, ["\"$user\", public postgres public"]);
    site.stop().await;
}

#[tokio::test]
async fn lock_timeout_of_a_file_ends_its_wait() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE TABLE a (id int)").await;
    let holder = site.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE a").await.unwrap();
    let files =
        [("1.sql", "SET LOCAL lock_timeout = '50ms'; CREATE TABLE b (); ALTER TABLE a ADD COLUMN x int;")];
    let error = failure(&site, &files).await;
    assert!(error.contains("SQLSTATE 55P03"), "{error}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(found(apply(&site, &files).await), [false]);
    site.stop().await;
}

const TABLE: (&str, &str) =
    ("1.sql", "CREATE TABLE a (id int, name text); INSERT INTO a VALUES (1, 'x'), (2, 'x');");
const INDEX: (&str, &str) = ("2.sql", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_name ON a (name);");
const INDEXES: &str =
    "SELECT relname || indisvalid FROM pg_class JOIN pg_index ON indexrelid = oid WHERE relname LIKE 'a\\_%'";

/// Returns SQL that changes the ledger as if the run had been killed before it recorded the only step of this file.
fn interrupted(file: &str) -> String {
    format!(
        "DELETE FROM dsql_edge.migrations WHERE file = '{file}' AND step = 0;
         UPDATE dsql_edge.migrations SET state = 'started' WHERE file = '{file}'"
    )
}

#[tokio::test]
async fn index_that_a_failed_build_left_is_dropped() {
    let site = Site::start(Dialect::Postgres).await;
    for _ in 0..2 {
        let error = failure(&site, &[TABLE, INDEX]).await;
        assert!(error.starts_with("migrations/2.sql:1:1: part 1 was not applied: SQLSTATE 23505"), "{error}");
        assert!(error.contains("The index that is not valid was dropped. Correct the rows"), "{error}");
        assert_eq!(site.column(INDEXES).await, [""; 0]);
    }
    site.run_sql("UPDATE a SET name = 'y' WHERE id = 2").await;
    assert_eq!(found(apply(&site, &[TABLE, INDEX]).await), [false]);
    assert_eq!(site.column(INDEXES).await, ["a_nametrue"]);
    // The run was killed, and the index is either valid, or not valid, or missing.
    for (change, expected) in [
        ("SELECT 1", true),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass", false),
        ("DROP INDEX a_name", false),
    ] {
        site.run_sql(&interrupted("2.sql")).await;
        site.run_sql(change).await;
        assert_eq!(found(apply(&site, &[TABLE, INDEX]).await), [expected], "{change}");
        assert_eq!(site.column(INDEXES).await, ["a_nametrue"], "{change}");
    }
    site.stop().await;
}

#[tokio::test]
async fn invalid_index_that_another_made_is_not_dropped() {
    let site = Site::start(Dialect::Postgres).await;
    apply(&site, &[TABLE]).await.unwrap();
    site.run_sql("CREATE INDEX a_name ON a (name); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass").await;
    let error = failure(&site, &[TABLE, INDEX]).await;
    assert!(
        error.contains("an index public.a_name, which this folder did not create, exists and is not valid"),
        "{error}"
    );
    assert_eq!(site.column(INDEXES).await, ["a_namefalse"]);
    site.stop().await;
}

/// Another process builds the index while the statement waits for a lock, and this build fails. IF NOT EXISTS then
/// skips the invalid index.
#[tokio::test]
async fn invalid_index_that_if_not_exists_skips_is_not_applied() {
    let site = Site::start(Dialect::Postgres).await;
    apply(&site, &[TABLE]).await.unwrap();
    let (holder, other) = (site.superuser().await, site.superuser().await);
    holder.batch_execute("BEGIN; LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let waiting = async |expected: usize| {
        let builds = "SELECT pid::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE UNIQUE%'";
        while site.column(builds).await.len() != expected {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let other = other.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY a_name ON a (name)");
    let released = async {
        waiting(2).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let run = async {
        waiting(1).await;
        failure(&site, &[TABLE, INDEX]).await
    };
    let (built, error, ()) = tokio::join!(other, run, released);
    assert!(built.is_err() && error.contains("SQLSTATE 23505"), "{error}");
    assert_eq!(site.column(INDEXES).await, [""; 0]);
    site.stop().await;
}

#[tokio::test]
async fn index_that_existed_before_is_not_found_applied() {
    let site = Site::start(Dialect::Postgres).await;
    apply(&site, &[TABLE]).await.unwrap();
    site.run_sql("CREATE INDEX a_name ON a (id)").await;
    assert_eq!(found(apply(&site, &[TABLE, INDEX]).await), [false]);
    site.run_sql(&interrupted("2.sql")).await;
    assert_eq!(found(apply(&site, &[TABLE, INDEX]).await), [false]);
    site.stop().await;
}

/// `migrate` cannot know that the index is its own.
#[tokio::test]
async fn index_that_an_interrupted_reindex_left_is_named() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE TABLE a (id int PRIMARY KEY); CREATE INDEX a_id_ccnew ON a (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_id_ccnew'::regclass").await;
    let notes = RefCell::new(String::new());
    let report = |progress: Progress<'_>| *notes.borrow_mut() += &progress.line();
    let folder = folder_of(
        &[("1.sql", "REINDEX INDEX CONCURRENTLY a_pkey;"), ("2.sql", "VACUUM;")],
        Dialect::Postgres,
    );
    migrate(&folder, site.config(site.port()), LEASE, &report).await.unwrap();
    let expected = "If none runs, DROP INDEX CONCURRENTLY public.a_id_ccnew";
    assert_eq!(notes.borrow().matches(expected).count(), 1, "{}", notes.borrow());
    site.stop().await;
}

/// A build continues in the server although its client is gone: the next run waits for the build, and does not drop its
/// index.
#[tokio::test]
async fn build_of_a_killed_run_is_waited_for() {
    let site = Site::start(Dialect::Postgres).await;
    let index = ("2.sql", "CREATE INDEX CONCURRENTLY a_name ON a (name);");
    apply(&site, &[TABLE]).await.unwrap();
    // `CREATE INDEX CONCURRENTLY` creates an index that is not valid yet, and then waits for this transaction.
    let writer = site.superuser().await;
    writer.batch_execute("BEGIN; INSERT INTO a VALUES (3, 'z')").await.unwrap();
    let folder: Folder = folder_of(&[TABLE, index], Dialect::Postgres);
    let is_building = async {
        while site.column(INDEXES).await != ["a_namefalse"] {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ended = run_on(&site, &folder, LEASE) => panic!("{:?}", ended.map(|_| ())),
        () = is_building => {}
    }
    let waits = Cell::new(0);
    let report = |progress: Progress<'_>| {
        if let Progress::Job { job, .. } = &progress {
            assert!(job.starts_with("the server process "), "{job}");
            waits.set(waits.get() + 1);
        }
    };
    let mut next = std::pin::pin!(migrate(&folder, site.config(site.port()), LEASE, &report));
    let ends = async {
        while waits.get() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(site.column(INDEXES).await, ["a_namefalse"]);
        writer.batch_execute("COMMIT").await.unwrap();
    };
    tokio::select! {
        ended = &mut next => panic!("the run did not wait: {:?}", ended.map(|_| ())),
        () = ends => {}
    }
    assert_eq!(found(next.await), [true]);
    assert_eq!(site.column(INDEXES).await, ["a_nametrue"]);
    site.stop().await;
}

/// Statements outside a transaction, in the order in which they run, and whether the catalog shows that the statement
/// was applied. A statement with `false` runs again after an interruption.
const KINDS: &[(&str, bool)] = &[
    ("CREATE INDEX CONCURRENTLY a_id ON a (id)", true),
    ("REINDEX INDEX CONCURRENTLY a_id", false),
    ("VACUUM (ANALYZE) a", false),
    ("DROP INDEX CONCURRENTLY a_id", true),
    ("DROP INDEX CONCURRENTLY IF EXISTS a_id", false),
    ("CREATE DATABASE other STRATEGY file_copy", true),
    ("ALTER DATABASE other SET TABLESPACE pg_default", false),
    ("DROP DATABASE other", true),
    ("ALTER SYSTEM SET work_mem = '5MB'", false),
    ("ALTER TABLE parts DETACH PARTITION part CONCURRENTLY", true),
    (
        "CREATE SUBSCRIPTION s CONNECTION 'host=localhost dbname=postgres' PUBLICATION p WITH (connect = false)",
        true,
    ),
];

#[tokio::test]
async fn statement_outside_a_transaction_is_found_if_applied() {
    let site = Site::start(Dialect::Postgres).await;
    site.run_sql("CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)").await;
    let mut files = vec![TABLE];
    let names: Vec<String> = (0..KINDS.len()).map(|number| format!("2_{number:02}.sql")).collect();
    apply(&site, &files).await.unwrap();
    for (name, (sql, shows)) in names.iter().zip(KINDS) {
        files.push((name, sql));
        assert_eq!(found(apply(&site, &files).await), [false], "{sql}");
        site.run_sql(&interrupted(name)).await;
        assert_eq!(found(apply(&site, &files).await), [*shows], "{sql}");
    }
    // A detachment that was interrupted between its two transactions can only be finished.
    let detach = ("3.sql", "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY;");
    site.run_sql("ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1)").await;
    files.push(detach);
    apply(&site, &files).await.unwrap();
    site.run_sql("ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1); UPDATE pg_inherits SET inhdetachpending = true").await;
    site.run_sql(&interrupted("3.sql")).await;
    let error = failure(&site, &files).await;
    assert!(error.contains("migrate resolve 3.sql:1 --applied") && error.contains("part"), "{error}");
    site.stop().await;
}

#[test]
fn division_of_files_is_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrate");
    let text = std::fs::read_to_string(folder.join("division.sql")).unwrap();
    let mut recorded = String::new();
    for file in text.split("---- ").filter(|file| !file.trim().is_empty()) {
        let (title, sql) = file.split_once('\n').unwrap();
        recorded += &format!("---- {title}\n");
        let files = vec![("1.sql".to_owned(), sql.trim().to_owned())];
        match migrate::folder_of(files, Dialect::Postgres) {
            Ok(folder) => {
                let file = &folder.files[0];
                for step in &file.steps {
                    recorded += &format!("{}: {}\n", step.number, file.sql(step).replace('\n', "\n   "));
                }
                recorded.extend(file.notes.iter().map(|note| format!("note: {note}\n")));
            }
            Err(error) => {
                let text = error.to_string();
                let lines = text.lines().filter(|line| line.starts_with("error: "));
                recorded.extend(lines.map(|line| format!("{line}\n")));
            }
        }
    }
    golden::compare(&folder.join("division.txt"), &recorded).unwrap();
}

#[tokio::test]
async fn command_reads_the_connection_string_and_hides_it() {
    let site = Site::start(Dialect::Postgres).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("migrations")).unwrap();
    let write =
        |name: &str, text: &str| std::fs::write(home.path().join("migrations").join(name), text).unwrap();
    write(
        "1.sql",
        "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n",
    );
    let texts = RefCell::new(String::new());
    let outcome = async |arguments: &[&str]| -> (String, bool) {
        let applies = arguments.is_empty();
        let mut command = command(&site, site.port(), home.path());
        let outcome = outcome_of(command.args(arguments).args(SHORT.iter().filter(|_| applies))).await;
        *texts.borrow_mut() += &outcome.0;
        outcome
    };
    let (plan, well) = outcome(&["--dry-run"]).await;
    for expected in [
        "   1  CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1) … (2 statements)  (one transaction)\n",
        "   2  CREATE INDEX CONCURRENTLY a_id ON a (id)  (outside a transaction)\n",
        "note: PostgreSQL runs the statement in line 3 only outside a transaction",
        "connects to the PostgreSQL in DATABASE_URL, because the schema's dialect is postgres",
    ] {
        assert!(well && plan.contains(expected), "{expected}: {plan}");
    }
    let (applied, well) = outcome(&[]).await;
    assert!(
        well && applied.contains("2 parts applied") && applied.contains("dsql-schema.sql written"),
        "{applied}"
    );
    let snapshot = std::fs::read_to_string(home.path().join("dsql-schema.sql")).unwrap();
    assert!(
        snapshot.contains("CREATE INDEX a_id ON public.a") && snapshot.contains("dialect postgres"),
        "{snapshot}"
    );
    assert_eq!(outcome(&["status"]).await.0.lines().next().unwrap(), "1.sql  applied");
    write("1.sql", "CREATE TABLE a (id int);\n");
    assert!(!outcome(&["status"]).await.1);
    assert!(outcome(&["resolve", "1.sql", "--changed"]).await.1);
    assert!(outcome(&["status"]).await.1);
    // An option takes precedence over the variable, and no output contains the password.
    let url = format!("postgres://nobody:canary-secret@localhost:{}/postgres?sslmode=disable", site.port());
    let (refused, well) = outcome(&["--postgres-url", &url]).await;
    assert!(!well && !refused.contains("canary") && !refused.contains("DATABASE_URL"), "{refused}");
    let (malformed, well) = outcome(&["--postgres-url", "postgres://u:canary-secret@h:port/d"]).await;
    assert!(!well && malformed.contains("--postgres-url"), "{malformed}");
    let (both, well) = outcome(&["--postgres-url", &url, "--endpoint", "localhost:1"]).await;
    assert!(!well && both.contains("cannot be used with"), "{both}");
    assert!(!texts.borrow().contains("canary"), "{}", texts.borrow());
    site.stop().await;
}

#[tokio::test]
async fn snapshot_is_not_written_if_the_build_reads_the_folder() {
    let site = Site::start(Dialect::Postgres).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("sql")).unwrap();
    let text = "-- dsql-edge: dialect postgres\nCREATE TABLE a (id int PRIMARY KEY);\n";
    for (name, text) in [
        ("sql/1.sql", text),
        ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\n"),
        ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=sql\"); }"),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let run = async |arguments: &[&str]| {
        let mut command = command(&site, site.port(), home.path());
        let snapshot = home.path().join("dsql-schema.sql");
        std::fs::remove_file(&snapshot).unwrap();
        let (text, well) = outcome_of(command.args(arguments)).await;
        assert!(well, "{text}");
        snapshot.exists()
    };
    assert!(!run(&[]).await);
    assert!(run(&["--output", "dsql-schema.sql"]).await);
    site.stop().await;
}
