//! Optimistic concurrency with overlapping sessions: no session waits, the losing transaction gets 40001, and the
//! changes of the other transaction are kept.
//!
//! The order of the answers shows that no session waits: the second session gets its answer before the first has ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use std::time::Duration;

use dsql_edge_local::{Local, Oc001};
use session::{Answers, Session, error, execute, parse, run, sync};

const ROWS: &str = "change conflicts with another transaction (OC000)";
const SCHEMA: &str = "schema has been updated by another transaction (OC001)";

const TABLES: &str = "
    DROP TABLE IF EXISTS account, entry, late;
    CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, owner text UNIQUE);
    INSERT INTO account VALUES (1, 100, 'a'), (2, 100, 'b'), (3, 100, 'c');
    CREATE TABLE entry (id int PRIMARY KEY, account int REFERENCES account ON DELETE CASCADE, note text);
    INSERT INTO entry VALUES (1, 3, 'x');
    CREATE TABLE late (id int PRIMARY KEY, account int REFERENCES account DEFERRABLE INITIALLY DEFERRED);";

async fn local(oc001: Oc001) -> Local {
    Local::builder().init_sql(TABLES).oc001(oc001).start().await.unwrap()
}

const BOTH: [Oc001; 2] = [Oc001::Cached, Oc001::Any];

/// Runs one statement on one of the protocols. No answer within a minute means that the session waits for the other
/// session.
async fn attempt(session: &mut Session, extended: bool, sql: &str) -> Answers {
    let answer = async {
        match extended {
            true => session.extended(sql).await,
            false => session.simple(sql).await,
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answer).await.unwrap_or_else(|_| panic!("waits: {sql}"))
}

async fn fine(session: &mut Session, extended: bool, sql: &str) -> Answers {
    let answer = attempt(session, extended, sql).await;
    assert!(answer.errors.is_empty(), "{sql}: {:?}", answer.errors);
    answer
}

/// The statements of the first session, whose transaction stays open; the statement of the second session; and the
/// answer to that statement.
const CONFLICTS: [(&str, &str, &str, &str); 16] = [
    (
        "lost update",
        "UPDATE account SET balance = 1 WHERE id = 1",
        "UPDATE account SET balance = balance + 1 WHERE id = 1",
        ROWS,
    ),
    (
        "the same key twice",
        "INSERT INTO account VALUES (9, 0, 'z')",
        "INSERT INTO account VALUES (9, 1, 'y')",
        ROWS,
    ),
    (
        "the same unique value twice",
        "INSERT INTO account VALUES (9, 0, 'z')",
        "INSERT INTO account VALUES (8, 1, 'z')",
        ROWS,
    ),
    (
        "upsert",
        "INSERT INTO account VALUES (9, 0, 'z')",
        "INSERT INTO account VALUES (9, 1, 'y') ON CONFLICT DO NOTHING",
        ROWS,
    ),
    (
        "FOR UPDATE, then a write",
        "SELECT * FROM account WHERE id = 1 FOR UPDATE",
        "UPDATE account SET balance = 0 WHERE id = 1",
        ROWS,
    ),
    (
        "a write, then FOR UPDATE",
        "UPDATE account SET balance = 0 WHERE id = 1",
        "SELECT * FROM account FOR UPDATE",
        ROWS,
    ),
    (
        "a write, then NOWAIT",
        "UPDATE account SET balance = 0 WHERE id = 1",
        "SELECT * FROM account FOR UPDATE NOWAIT",
        ROWS,
    ),
    (
        "FOR KEY SHARE, then its end",
        "SELECT * FROM account WHERE id = 2 FOR KEY SHARE",
        "DELETE FROM account WHERE id = 2",
        ROWS,
    ),
    (
        "a parent's end, then a child",
        "DELETE FROM account WHERE id = 2",
        "INSERT INTO entry VALUES (2, 2, 'y')",
        ROWS,
    ),
    (
        "a child, then its parent's end",
        "INSERT INTO entry VALUES (2, 2, 'y')",
        "DELETE FROM account WHERE id = 2",
        ROWS,
    ),
    (
        "a cascade, then a child",
        "DELETE FROM account WHERE id = 3",
        "UPDATE entry SET note = 'y' WHERE id = 1",
        ROWS,
    ),
    (
        "rows, then their table",
        "UPDATE account SET balance = 0 WHERE id = 1",
        "ALTER TABLE account ADD COLUMN more int",
        SCHEMA,
    ),
    ("a table twice", "CREATE TABLE twice (id int)", "CREATE TABLE twice (id int)", SCHEMA),
    ("a role twice", "CREATE ROLE twice", "CREATE ROLE twice", SCHEMA),
    (
        "a table changed twice",
        "ALTER TABLE account ADD COLUMN more int",
        "COMMENT ON TABLE account IS 'x'",
        SCHEMA,
    ),
    ("a table, then its rows", "ALTER TABLE account ADD COLUMN more int", "SELECT * FROM account", SCHEMA),
];

#[tokio::test]
async fn second_writer_fails_while_the_first_is_open() {
    for oc001 in BOTH {
        let local = local(oc001).await;
        for (name, first, second, words) in CONFLICTS {
            local.run_sql("tables", TABLES).await.unwrap();
            let (mut winner, mut loser) = (Session::open(&local).await, Session::open(&local).await);
            for (extended, in_transaction) in [(false, false), (true, false), (false, true), (true, true)] {
                let state = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (SELECT account::text FROM account
                UNION ALL SELECT entry::text FROM entry) t";
                let before = fine(&mut loser, false, state).await.values;
                fine(&mut winner, extended, "BEGIN").await;
                fine(&mut winner, extended, first).await;
                if in_transaction {
                    fine(&mut loser, extended, "BEGIN").await;
                }
                let answer = attempt(&mut loser, extended, second).await;
                assert_eq!(answer.errors, error("40001", words), "{name}");
                assert_eq!(answer.status, [if in_transaction { 'E' } else { 'I' }], "{name}");
                if in_transaction {
                    assert_eq!(fine(&mut loser, extended, "COMMIT").await.done, ["ROLLBACK"], "{name}");
                }
                // The first session is not affected. After the ROLLBACK of the first session, the second session's
                // statement succeeds.
                fine(&mut winner, extended, "ROLLBACK").await;
                assert_eq!(fine(&mut loser, false, state).await.values, before, "{name}");
                fine(&mut loser, extended, "BEGIN").await;
                fine(&mut loser, extended, second).await;
                fine(&mut loser, extended, "ROLLBACK").await;
            }
            // Only the changes of the transaction that committed are applied.
            fine(&mut winner, false, "BEGIN").await;
            let done = fine(&mut winner, false, first).await.done;
            assert_eq!(attempt(&mut loser, false, second).await.errors[0].0, "40001", "{name}");
            assert_eq!(fine(&mut winner, false, "COMMIT").await.done, ["COMMIT"], "{name}: {done:?}");
        }
        local.stop().await.unwrap();
    }
}

/// The second session that waits for a row waits for the queue of the row, not for the row itself. PostgreSQL's error
/// does not name this queue.
#[tokio::test]
async fn several_sessions_that_want_one_row_get_oc000() {
    const WAITING: usize = 4;
    let local = local(Oc001::Cached).await;
    for (extended, held, wanted) in [
        (
            false,
            "SELECT * FROM account WHERE id = 1 FOR UPDATE",
            "SELECT * FROM account WHERE id = 1 FOR UPDATE",
        ),
        (true, "UPDATE account SET balance = 0 WHERE id = 1", "SELECT * FROM account FOR UPDATE"),
        (true, "UPDATE account SET balance = 0 WHERE id = 1", "UPDATE account SET balance = 1 WHERE id = 1"),
        (false, "DELETE FROM account WHERE id = 2", "INSERT INTO entry VALUES (2, 2, 'y')"),
    ] {
        let mut holder = Session::open(&local).await;
        let mut waiting = Vec::new();
        for _ in 0..WAITING {
            waiting.push(Session::open(&local).await);
        }
        fine(&mut holder, extended, "BEGIN").await;
        fine(&mut holder, extended, held).await;
        let answers = waiting.iter_mut().map(|session| attempt(session, extended, wanted));
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.errors, error("40001", ROWS), "{held}, then {wanted}");
        }
        fine(&mut holder, extended, "ROLLBACK").await;
    }
    local.stop().await.unwrap();
}

/// PostgreSQL locks the tables of a prepared statement again at Bind. If this lock has to wait, PostgreSQL's error does
/// not contain the table.
#[tokio::test]
async fn prepared_statement_on_a_table_in_change_gets_oc001() {
    let local = local(Oc001::Cached).await;
    let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
    let prepare = [parse("s", "SELECT * FROM account WHERE id = 1 FOR UPDATE"), sync()].concat();
    assert_eq!(one.send(&prepare, 1).await.errors, []);
    for end in ["ROLLBACK", "COMMIT"] {
        fine(&mut other, true, "BEGIN").await;
        fine(&mut other, true, "ALTER TABLE account ADD COLUMN more int").await;
        let answer = one.send(&[execute("s"), sync()].concat(), 1).await;
        assert_eq!(answer.errors, error("40001", SCHEMA));
        fine(&mut other, true, end).await;
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn snapshot_is_that_of_the_first_statement() {
    for oc001 in BOTH {
        let local = local(oc001).await;
        let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
        // An UPDATE of a row that has changed since the snapshot fails.
        fine(&mut one, true, "BEGIN").await;
        assert_eq!(fine(&mut one, true, "SELECT balance FROM account WHERE id = 1").await.values, ["100"]);
        fine(&mut other, true, "UPDATE account SET balance = 7 WHERE id = 1").await;
        assert_eq!(fine(&mut one, true, "SELECT balance FROM account WHERE id = 1").await.values, ["100"]);
        let answer = attempt(&mut one, true, "UPDATE account SET balance = balance + 1 WHERE id = 1").await;
        assert_eq!(answer.errors, error("40001", ROWS));
        fine(&mut one, true, "ROLLBACK").await;
        // Write skew is allowed: each transaction reads the rows that the other writes.
        for session in [&mut one, &mut other] {
            fine(session, false, "BEGIN").await;
            fine(session, false, "SELECT sum(balance) FROM account").await;
        }
        fine(&mut one, false, "UPDATE account SET balance = 0 WHERE id = 1").await;
        fine(&mut other, false, "UPDATE account SET balance = 0 WHERE id = 2").await;
        for session in [&mut one, &mut other] {
            assert_eq!(fine(session, false, "COMMIT").await.done, ["COMMIT"]);
        }
        // If both transactions lock the rows that they read, one of the transactions fails.
        fine(&mut one, false, "BEGIN; SELECT * FROM account WHERE id IN (1, 2) FOR UPDATE").await;
        let answer =
            attempt(&mut other, false, "BEGIN; SELECT * FROM account WHERE id IN (1, 2) FOR UPDATE").await;
        assert_eq!(answer.errors, error("40001", ROWS));
        fine(&mut other, false, "ROLLBACK").await;
        fine(&mut one, false, "COMMIT").await;
        // SHOW does not show the setting that prevents waiting.
        for sql in ["SHOW lock_timeout", "SHOW LOCK_TIMEOUT"] {
            for extended in [false, true] {
                let answer = fine(&mut one, extended, sql).await;
                let seen = (answer.values.as_slice(), answer.columns.as_slice(), answer.done.as_slice());
                assert_eq!(
                    seen,
                    (&["0".to_owned()][..], &["lock_timeout".to_owned()][..], &["SHOW".to_owned()][..])
                );
            }
        }
        local.stop().await.unwrap();
    }
}

#[tokio::test]
async fn violation_at_commit_fails_the_commit() {
    for oc001 in BOTH {
        let local = local(oc001).await;
        for extended in [false, true] {
            let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
            // The COMMIT runs a deferred check, which would have to wait for the other session.
            fine(&mut other, extended, "BEGIN").await;
            fine(&mut other, extended, "DELETE FROM account WHERE id = 2").await;
            fine(&mut one, extended, "BEGIN").await;
            fine(&mut one, extended, "INSERT INTO late VALUES (1, 2)").await;
            let answer = attempt(&mut one, extended, "COMMIT").await;
            assert_eq!((answer.errors, answer.status), (error("40001", ROWS), vec!['I']));
            fine(&mut other, extended, "ROLLBACK").await;
            // Another session changes the schema after this session's write.
            fine(&mut one, extended, "BEGIN").await;
            fine(&mut one, extended, "INSERT INTO late VALUES (1, 1)").await;
            fine(&mut other, extended, "GRANT SELECT ON late TO PUBLIC").await;
            let answer = attempt(&mut one, extended, "COMMIT").await;
            assert_eq!((answer.errors, answer.status), (error("40001", SCHEMA), vec!['I']));
            assert_eq!(answer.done, [""; 0]);
            assert_eq!(fine(&mut one, extended, "SELECT count(*) FROM late").await.values, ["0"]);
        }
        // In a pipeline the client gets nothing after the failed COMMIT until Sync, and no answer to dsql-local's own
        // messages.
        let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
        fine(&mut one, true, "BEGIN").await;
        fine(&mut one, true, "INSERT INTO late VALUES (2, 1)").await;
        fine(&mut other, true, "REVOKE SELECT ON late FROM PUBLIC").await;
        let pipeline = [run("COMMIT"), run("SELECT 1"), sync(), run("SELECT 2"), sync()].concat();
        let answer = one.send(&pipeline, 2).await;
        assert_eq!((answer.tags.as_str(), answer.status.as_slice()), ("12nEZ12TDCZ", &['I', 'I'][..]));
        assert_eq!((answer.errors, answer.values), (error("40001", SCHEMA), vec!["2".to_owned()]));
        local.stop().await.unwrap();
    }
}

#[tokio::test]
async fn session_gets_oc001_of_anothers_ddl_once() {
    for oc001 in BOTH {
        let local = local(oc001).await;
        for (extended, ddl) in [
            (false, "ALTER TABLE account ADD COLUMN note text"),
            (true, "CREATE INDEX ASYNC ON account (balance)"),
            (false, "GRANT SELECT ON account TO PUBLIC"),
            (true, "BEGIN; ALTER TABLE account ADD COLUMN more int; COMMIT"),
        ] {
            let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
            fine(&mut one, extended, "SELECT count(*) FROM account").await;
            fine(&mut other, extended && !ddl.contains(';'), ddl).await;
            // The session that made the change, and a later session, do not get OC001.
            fine(&mut other, extended, "SELECT count(*) FROM account").await;
            fine(&mut Session::open(&local).await, extended, "SELECT count(*) FROM account").await;
            fine(&mut one, extended, "SHOW timezone").await;
            assert_eq!(
                attempt(&mut one, extended, "SELECT count(*) FROM account").await.errors,
                error("40001", SCHEMA),
                "{ddl}"
            );
            fine(&mut one, extended, "SELECT count(*) FROM account").await;
        }
        let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
        for ddl in [
            "BEGIN; ALTER TABLE account ADD COLUMN c int; ROLLBACK",
            "CREATE TABLE account (id int)",
            "BEGIN; CREATE TABLE account (id int)",
        ] {
            attempt(&mut other, false, ddl).await;
            attempt(&mut other, false, "COMMIT").await;
            fine(&mut one, false, "SELECT count(*) FROM account").await;
        }
        // OC001 also occurs within a transaction, even in a transaction that only reads.
        fine(&mut one, true, "BEGIN READ ONLY").await;
        fine(&mut one, true, "SELECT count(*) FROM account").await;
        fine(&mut other, true, "COMMENT ON TABLE account IS 'x'").await;
        assert_eq!(
            attempt(&mut one, true, "SELECT count(*) FROM account").await.errors,
            error("40001", SCHEMA)
        );
        assert_eq!(fine(&mut one, true, "COMMIT").await.done, ["ROLLBACK"]);
        local.stop().await.unwrap();
    }
}

/// PostgreSQL also takes locks for a short time when no transactions conflict (a table that grows, an index page that
/// splits): such short locks do not cause errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_without_conflict_are_not_disturbed() {
    let local = std::sync::Arc::new(local(Oc001::Any).await);
    let writers = (0..6).map(|writer| {
        let local = local.clone();
        tokio::spawn(async move {
            let mut session = Session::open(&local).await;
            for at in 0..40 {
                let id = 1000 + writer + at * 6;
                let sql = format!("INSERT INTO entry VALUES ({id}, 1, repeat('x', 1500) || {id})");
                fine(&mut session, true, &sql).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut session = Session::open(&local).await;
    let count = "SELECT count(*) FROM entry WHERE id >= 1000";
    assert_eq!(fine(&mut session, false, count).await.values, ["240"]);
}

/// On DSQL, FOR UPDATE adds the row to the writes of its transaction, so a lock still causes conflicts after its
/// transaction has committed.
#[tokio::test]
async fn committed_lock_conflicts_with_overlapping_sessions() {
    const LOCK: &str = "SELECT id FROM account WHERE id = 1 FOR UPDATE";
    let local = local(Oc001::Cached).await;
    let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
    for extended in [false, true] {
        for (second, conflicts) in [
            (LOCK, true),
            ("UPDATE account SET balance = 1 WHERE id = 1", true),
            ("DELETE FROM account WHERE id = 1", true),
            ("SELECT id FROM account WHERE id = 1", false),
            ("SELECT id FROM account WHERE id = 2 FOR UPDATE", false),
            ("UPDATE account SET balance = 1 WHERE id = 2", false),
        ] {
            fine(&mut other, extended, "BEGIN").await;
            fine(&mut other, extended, "SELECT count(*) FROM account").await;
            fine(&mut one, extended, "BEGIN").await;
            fine(&mut one, extended, LOCK).await;
            let committed = fine(&mut one, extended, "COMMIT").await;
            let tags = if extended { "12nCZ" } else { "CZ" };
            assert_eq!((committed.done, committed.tags.as_str()), (vec!["COMMIT".to_owned()], tags));
            let answer = attempt(&mut other, extended, second).await;
            assert_eq!(answer.errors, if conflicts { error("40001", ROWS) } else { Vec::new() }, "{second}");
            fine(&mut other, extended, "ROLLBACK").await;
            // A transaction that begins after the COMMIT does not conflict.
            fine(&mut other, extended, "BEGIN").await;
            fine(&mut other, extended, second).await;
            fine(&mut other, extended, "ROLLBACK").await;
        }
    }
    let values = "SELECT string_agg(balance::text, ',' ORDER BY id) FROM account";
    assert_eq!(fine(&mut one, false, values).await.values, ["100,100,100"]);
    local.stop().await.unwrap();
}

/// Each case: the statements of a first transaction, which commits, and a statement of a second transaction, which
/// began before that COMMIT. The foreign key of a new row locks the parent row only against deletion, so an UPDATE of
/// the parent is not a conflict.
#[tokio::test]
async fn lock_of_a_foreign_key_is_not_written_at_commit() {
    let local = local(Oc001::Cached).await;
    let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
    for (first, second, conflicts) in [
        (&["INSERT INTO entry VALUES (10, 2)"][..], "UPDATE account SET balance = 1 WHERE id = 2", false),
        (
            &["SELECT id FROM account WHERE id = 1 FOR UPDATE", "INSERT INTO entry VALUES (11, 2)"],
            "UPDATE account SET balance = 1 WHERE id = 2",
            false,
        ),
        (
            &["INSERT INTO entry VALUES (12, 2)", "SELECT id FROM account WHERE id = 1 FOR UPDATE"],
            "INSERT INTO entry VALUES (13, 2)",
            false,
        ),
        (
            &["INSERT INTO entry VALUES (14, 2)", "SELECT id FROM account WHERE id = 2 FOR UPDATE"],
            "UPDATE account SET balance = 1 WHERE id = 2",
            true,
        ),
        (
            &["SELECT id FROM account WHERE id = 2 FOR UPDATE", "INSERT INTO entry VALUES (15, 2)"],
            "UPDATE account SET balance = 1 WHERE id = 2",
            true,
        ),
        (
            &["WITH a AS (SELECT id FROM account WHERE id = 2 FOR UPDATE) SELECT count(*) FROM a"],
            "UPDATE account SET balance = 1 WHERE id = 2",
            true,
        ),
        (
            &["SELECT id FROM account WHERE id = 2 FOR KEY SHARE"],
            "UPDATE account SET balance = 1 WHERE id = 2",
            false,
        ),
    ] {
        fine(&mut other, true, "BEGIN").await;
        fine(&mut other, true, "SELECT count(*) FROM account").await;
        fine(&mut one, true, "BEGIN").await;
        for sql in first {
            fine(&mut one, true, sql).await;
        }
        fine(&mut one, true, "COMMIT").await;
        let answer = attempt(&mut other, true, second).await;
        assert_eq!(answer.errors, if conflicts { error("40001", ROWS) } else { Vec::new() }, "{first:?}");
        fine(&mut other, true, "ROLLBACK").await;
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn commit_after_a_lock_is_answered_as_without_it() {
    let local =
        Local::builder().init_sql(TABLES).limit(dsql_edge_local::Limit::Rows(1)).start().await.unwrap();
    // Two kinds of locked rows that cannot be written again: a constraint no longer accepts the row, or no column can
    // be assigned.
    let more = "ALTER TABLE account ADD CONSTRAINT high CHECK (balance > 1000) NOT VALID;
        CREATE TABLE made (id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1), two int GENERATED ALWAYS AS (2) STORED);
        INSERT INTO made DEFAULT VALUES";
    local.run_sql("more", more).await.unwrap();
    let mut session = Session::open(&local).await;
    // The rows that are only locked do not count as written.
    let text = "BEGIN; SELECT * FROM account FOR UPDATE; SELECT * FROM made FOR UPDATE; COMMIT";
    let answer = fine(&mut session, false, text).await;
    assert_eq!((answer.done.last().unwrap().as_str(), answer.status), ("COMMIT", vec!['I']));
    // The COMMIT of a failed transaction is a ROLLBACK, also if it is sent before the failure is answered.
    let lock = || run("SELECT id FROM account WHERE id = 2 FOR UPDATE");
    let cycles = [
        run("BEGIN"),
        sync(),
        lock(),
        sync(),
        run("SELECT 1 / 0"),
        sync(),
        run("COMMIT"),
        sync(),
        run("SELECT 1"),
        sync(),
    ];
    let answer = session.send(&cycles.concat(), 5).await;
    assert_eq!((answer.errors.len(), answer.done.last().unwrap().as_str()), (1, "SELECT 1"));
    assert!(answer.done.contains(&"ROLLBACK".to_owned()), "{answer:?}");
    assert_eq!(answer.status, ['T', 'T', 'E', 'I', 'I']);
    // Each form of COMMIT is sent in one pipeline, with the next statement directly after it.
    for commit in ["COMMIT", "END", "COMMIT AND CHAIN"] {
        let pipeline = [run("BEGIN"), lock(), run(commit), run("SELECT 1"), sync()].concat();
        let answer = session.send(&pipeline, 1).await;
        assert_eq!(answer.errors, []);
        assert_eq!(answer.done, ["BEGIN", "SELECT 1", "COMMIT", "SELECT 1"], "{commit}");
        fine(&mut session, false, "ROLLBACK").await;
    }
    local.stop().await.unwrap();
}
