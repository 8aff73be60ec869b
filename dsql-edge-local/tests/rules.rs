//! DSQL's statement rules on both protocols.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use client::message;
use dsql_edge_local::Local;
use session::{Session, error, execute, parse, run, sync};
use tokio::io::AsyncWriteExt;

const ABORTED: &str = "current transaction is aborted, commands ignored until end of transaction block";

async fn local() -> Local {
    Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY, a int);").start().await.unwrap()
}

#[tokio::test]
async fn rejection_leaves_the_session_as_an_error_does() {
    let local = local().await;
    let mut session = Session::open(&local).await;
    let rejected = error("0A000", "unsupported statement: Truncate");
    for extended in [false, true] {
        let mut answers = Vec::new();
        for sql in
            ["TRUNCATE t", "SELECT 1", "BEGIN", "TRUNCATE t", "SELECT 1", "TRUNCATE t", "COMMIT", "SELECT 1"]
        {
            let answer = if extended { session.extended(sql).await } else { session.simple(sql).await };
            answers.push((answer.errors, answer.done.join(","), answer.status[0]));
        }
        let aborted = || error("25P02", ABORTED);
        let fine = |done: &str, status| (Vec::new(), done.to_owned(), status);
        assert_eq!(
            answers,
            [
                (rejected.clone(), String::new(), 'I'),
                fine("SELECT 1", 'I'),
                fine("BEGIN", 'T'),
                (rejected.clone(), String::new(), 'E'),
                (aborted(), String::new(), 'E'),
                (aborted(), String::new(), 'E'),
                fine("ROLLBACK", 'I'),
                fine("SELECT 1", 'I'),
            ]
        );
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn statements_before_a_rejected_one_in_a_message_are_undone() {
    let local = local().await;
    let mut session = Session::open(&local).await;
    let answer = session.simple("INSERT INTO t VALUES (1); TRUNCATE t; SELECT 1").await;
    assert_eq!((answer.tags.as_str(), answer.status[0]), ("CEZ", 'I'));
    assert_eq!(session.simple("SELECT count(*) FROM t").await.values, ["0"]);
    // A pipeline: PostgreSQL skips the messages after the error until Sync.
    let pipeline = [
        run("INSERT INTO t VALUES (1)"),
        run("SELECT 1 FOR SHARE"),
        run("SELECT 2"),
        sync(),
        run("SELECT 3"),
        sync(),
    ];
    let answer = session.send(&pipeline.concat(), 2).await;
    assert_eq!(answer.tags, "12nCEZ12TDCZ");
    assert_eq!(answer.errors[0].1, "locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported");
    assert_eq!(session.simple("SELECT count(*) FROM t").await.values, ["0"]);
    // A message that arrives byte by byte gets the same answer as a message that arrives at once.
    for byte in message(b'Q', b"VACUUM\0") {
        session.tls.write_all(&[byte]).await.unwrap();
        session.tls.flush().await.unwrap();
    }
    assert_eq!(session.answers(1).await.errors, error("0A000", "unsupported VACUUM statement"));
    // A statement with almost the maximum nesting that can be parsed.
    let deep = format!("SELECT {}1{} FOR SHARE", "(".repeat(140), ")".repeat(140));
    assert_eq!(session.simple(&deep).await.errors[0].0, "0A000");
    assert_eq!(session.extended(&deep).await.errors[0].0, "0A000");
    let deeper = format!("SELECT {}1{}", "(".repeat(3_000), ")".repeat(3_000));
    assert_eq!(session.simple(&deeper).await.errors, error("54001", "stack depth limit exceeded"));
    // A statement that our parser cannot read is rejected by PostgreSQL itself.
    assert_eq!(session.simple("SELEC 1").await.errors, error("42601", "syntax error at or near \"SELEC\""));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn one_ddl_a_transaction_on_both_protocols() {
    let local = local().await;
    let mut session = Session::open(&local).await;
    let multiple = error("0A000", "multiple ddl statements not supported in a transaction");
    let mixed = error("0A000", "ddl and dml are not supported in the same transaction");
    assert_eq!(session.simple("CREATE TABLE a (i int); CREATE TABLE b (i int)").await.errors, multiple);
    assert_eq!(session.simple("SELECT to_regclass('a') IS NULL").await.values, ["t"]);
    // The rules of a transaction are checked when a prepared statement is executed, not when it is prepared.
    let answer =
        session.send(&[parse("ddl", "CREATE TABLE IF NOT EXISTS a (i int)"), sync()].concat(), 1).await;
    assert!(answer.errors.is_empty());
    for sql in ["BEGIN", "CREATE TABLE b (i int)"] {
        assert!(session.extended(sql).await.errors.is_empty(), "{sql}");
    }
    assert_eq!(session.send(&[execute("ddl"), sync()].concat(), 1).await.errors, multiple);
    assert_eq!(session.extended("ROLLBACK").await.status, ['I']);
    assert!(session.send(&[execute("ddl"), sync()].concat(), 1).await.errors.is_empty());
    assert!(session.simple("BEGIN; INSERT INTO a VALUES (1)").await.errors.is_empty());
    assert_eq!(session.extended("DROP TABLE a").await.errors, mixed);
    session.simple("ROLLBACK").await;
    // Two statements between two Syncs share a transaction.
    let both = [run("CREATE TABLE c (i int)"), run("INSERT INTO c VALUES (1)"), sync()].concat();
    assert_eq!(session.send(&both, 1).await.errors, mixed);
    assert!(session.extended("CREATE TABLE c (i int)").await.errors.is_empty());
    assert!(session.extended("CREATE TABLE d (i int)").await.errors.is_empty());
    local.stop().await.unwrap();
}

#[tokio::test]
async fn asynchronous_ddl_answers_with_a_job() {
    let local = local().await;
    let mut session = Session::open(&local).await;
    session.simple("INSERT INTO t VALUES (1, 5), (2, 5)").await;
    for extended in [false, true] {
        let sql = format!("CREATE INDEX ASYNC t_a_{extended} ON t (a) WHERE a > 0 AND 'a\\b' <> 'it''s'");
        let answer = if extended { session.extended(&sql).await } else { session.simple(&sql).await };
        assert_eq!(
            (answer.columns, answer.done),
            (vec!["job_id".to_owned()], vec!["CREATE INDEX".to_owned()])
        );
        let job = &answer.values[0];
        assert!(
            job.len() == 26 && job.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()),
            "{job}"
        );
        let status = format!(
            "SELECT status || ' ' || job_type || ' ' || object_name FROM sys.jobs WHERE job_id = '{job}'"
        );
        assert_eq!(
            session.simple(&status).await.values,
            [format!("completed INDEX_BUILD public.t_a_{extended}")]
        );
        assert_eq!(session.simple(&format!("CALL sys.wait_for_job('{job}')")).await.done, ["CALL"]);
    }
    // A build that fails because of rows makes the job fail, not the statement.
    let answer = session.simple("CREATE UNIQUE INDEX ASYNC t_u ON t (a)").await;
    let job = &answer.values[0];
    let status = session.simple(&format!("SELECT status FROM sys.jobs WHERE job_id = '{job}'")).await;
    assert_eq!(status.values, ["failed"]);
    assert_eq!(
        session.simple("CREATE INDEX t_b ON t (a)").await.errors,
        error("0A000", "unsupported mode. please use CREATE INDEX ASYNC.")
    );
    let missing = session.simple("CREATE INDEX ASYNC ON nothing (a)").await.errors;
    assert_eq!(missing, error("42P01", "relation \"nothing\" does not exist"));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn numeric_without_a_precision_has_six_decimal_places() {
    let local = local().await;
    let mut session = Session::open(&local).await;
    for (table, extended) in [("n", false), ("x", true)] {
        let create = format!("CREATE TABLE {table} (id int, a numeric, b decimal NOT NULL, c numeric(3,1))");
        let answer = session.run(extended, &create).await;
        assert_eq!((answer.errors, answer.done), (Vec::new(), vec!["CREATE TABLE".to_owned()]));
        session.run(extended, &format!("ALTER TABLE {table} ADD COLUMN d numeric")).await;
        session.run(extended, &format!("INSERT INTO {table} VALUES (1, 1.5, 2.1234567, 3.1, 4)")).await;
        let read = session.run(extended, &format!("SELECT concat_ws(' ', a, b, c, d) FROM {table}")).await;
        assert_eq!(read.values, ["1.500000 2.123457 3.1 4.000000"], "extended: {extended}");
        let large =
            session.run(extended, &format!("INSERT INTO {table} VALUES (2, 1234567890123.5, 0)")).await;
        assert_eq!(large.errors, error("22003", "numeric field overflow"), "extended: {extended}");
    }
    // The position in an error is a position in the client's SQL.
    let wrong = "CREATE TABLE wrong (a numeric, b decimal, c nothing)";
    let place = wrong.find("nothing").map(|at| at + 1);
    for extended in [false, true] {
        let answer = session.run(extended, wrong).await;
        assert_eq!(answer.errors, error("42704", "type \"nothing\" does not exist"));
        assert_eq!(answer.place, place, "extended: {extended}");
    }
    assert_eq!(session.simple(&format!("SELECT 1; {wrong}")).await.place, place.map(|at| at + 10));
    // Also tested: a table that CREATE SCHEMA creates, and a user's domain that has the name `numeric`.
    session.simple("CREATE SCHEMA s CREATE TABLE n (a numeric)").await;
    session.simple("INSERT INTO s.n VALUES (1.5)").await;
    assert_eq!(session.simple("SELECT a FROM s.n").await.values, ["1.500000"]);
    session.simple("CREATE DOMAIN s.numeric AS int").await;
    session.simple("SET search_path = s, pg_catalog").await;
    assert_eq!(session.simple("CREATE TABLE s.o (a \"numeric\")").await.done, ["CREATE TABLE"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn without_the_rules_it_is_postgresql() {
    let local = Local::builder().rules(false).init_sql("CREATE TABLE t (id int)").start().await.unwrap();
    let mut session = Session::open(&local).await;
    assert_eq!(session.simple("TRUNCATE t").await.done, ["TRUNCATE TABLE"]);
    assert_eq!(session.simple("INSERT INTO t SELECT generate_series(1, 4000)").await.done, ["INSERT 0 4000"]);
    assert_eq!(session.simple("SELECT current_setting('lock_timeout')").await.values, ["0"]);
    // Without the rules, a conflict is PostgreSQL's error with its message.
    let mut other = Session::open(&local).await;
    session.simple("BEGIN; SELECT count(*) FROM t").await;
    assert!(other.simple("UPDATE t SET id = 0 WHERE id = 1").await.errors.is_empty());
    let answer = session.simple("UPDATE t SET id = 0 WHERE id = 1").await;
    assert_eq!(answer.errors, error("40001", "could not serialize access due to concurrent update"));
    local.stop().await.unwrap();
}
