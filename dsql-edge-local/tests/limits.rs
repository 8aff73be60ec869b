//! DSQL's limits with small values: the size and the duration of a transaction, and the number of connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use std::time::Duration;

use client::{dial, message, startup, token};
use dsql_edge_local::{Limit, Local};
use session::{Session, error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TABLES: &str = "
    CREATE TABLE parent (id int PRIMARY KEY, note text);
    CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, note text);
    CREATE TABLE log (note text);
    INSERT INTO log SELECT 'many' FROM generate_series(1, 5000);";

/// A tool may drop every trigger that it finds in `pg_trigger`, including the triggers that count rows.
#[tokio::test]
async fn rows_are_counted_after_drop_trigger() {
    let local = Local::builder().init_sql(TABLES).limit(Limit::Rows(10)).start().await.unwrap();
    for extended in [false, true] {
        let mut session = Session::open(&local).await;
        for event in ["insert", "update", "delete"] {
            let drop = format!("DROP TRIGGER IF EXISTS dsql_local_{event} ON log");
            assert_eq!(session.run(extended, &drop).await.errors, [], "{event}");
            let alter = format!("ALTER TRIGGER dsql_local_{event} ON log RENAME TO other");
            let expected = error("42704", "trigger for table \"public.log\" does not exist");
            assert_eq!(session.run(extended, &alter).await.errors, expected, "{event}");
        }
        let exceeded = error("54000", "transaction row limit exceeded");
        for sql in [
            "INSERT INTO log SELECT 'x' FROM generate_series(1, 11)",
            "UPDATE log SET note = 'x'",
            "DELETE FROM log",
        ] {
            assert_eq!(session.run(extended, sql).await.errors, exceeded, "{sql}");
        }
    }
    local.stop().await.unwrap();
}

/// In each of these transactions, only the last statement exceeds the limit.
#[tokio::test]
async fn rows_are_counted_wherever_they_are_written() {
    let local = Local::builder().init_sql(TABLES).limit(Limit::Rows(10)).start().await.unwrap();
    let mut session = Session::open(&local).await;
    let exceeded = error("54000", "transaction row limit exceeded");
    let insert = |table: &str, from: i32, to: i32| {
        format!("INSERT INTO {table} SELECT g, 1, 'x' FROM generate_series({from}, {to}) g")
    };
    let parents = "INSERT INTO parent SELECT g, 'x' FROM generate_series(1, 5) g";
    let cases = [
        ("autocommit", vec![insert("child", 1, 10), insert("child", 11, 21)]),
        ("a transaction", vec!["BEGIN".into(), "UPDATE child SET note = 'y' WHERE id < 10".into(), "DELETE FROM child WHERE id < 3".into()]),
        (
            "WITH",
            vec!["BEGIN".into(), "WITH a AS (UPDATE child SET note = 'y' WHERE id <= 10 RETURNING 1), b AS (INSERT INTO log VALUES ('b')) SELECT count(*) FROM a".into()],
        ),
        ("a cascade", vec!["DELETE FROM parent WHERE id = 1".into()]),
        ("an upsert", vec![insert("child", 1, 11) + " ON CONFLICT (id) DO UPDATE SET note = 'z'"]),
    ];
    for extended in [false, true] {
        local.run_sql("reset", "DELETE FROM child; DELETE FROM parent").await.unwrap();
        assert!(session.simple(parents).await.errors.is_empty());
        for (name, statements) in &cases {
            for (at, sql) in statements.iter().enumerate() {
                let answer = if extended { session.extended(sql).await } else { session.simple(sql).await };
                match at + 1 == statements.len() {
                    true => {
                        assert_eq!((answer.errors, answer.done.len()), (exceeded.clone(), 0), "{name}: {sql}")
                    }
                    false => assert!(answer.errors.is_empty(), "{name}: {sql}: {:?}", answer.errors),
                }
            }
            session.simple("ROLLBACK").await;
        }
        // Each transaction counts from 0, also after a failed transaction. Rows that are not written are not counted.
        for sql in [
            "UPDATE child SET note = 'y'",
            "INSERT INTO child SELECT * FROM child ON CONFLICT DO NOTHING",
            "SELECT * FROM log",
        ] {
            let answer = session.simple(sql).await;
            assert!(answer.errors.is_empty(), "{sql}: {:?}", answer.errors);
        }
    }
    // A client cannot see the triggers that count the rows.
    for sql in [
        "SELECT count(*) FROM information_schema.triggers",
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
    ] {
        assert_eq!(session.simple(sql).await.values, ["0"], "{sql}");
    }
    // A table that this session creates and drops.
    for sql in
        ["CREATE TABLE mine (id int)", "INSERT INTO mine SELECT generate_series(1, 10)", "DROP TABLE mine"]
    {
        let answer = session.simple(sql).await;
        assert!(answer.errors.is_empty(), "{sql}: {:?}", answer.errors);
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn dsqls_own_limit_is_three_thousand_rows() {
    let local = Local::builder().init_sql(TABLES).start().await.unwrap();
    let mut session = Session::open(&local).await;
    let insert = |rows: u32| format!("INSERT INTO log SELECT note FROM log LIMIT {rows}");
    assert_eq!(session.extended(&insert(3000)).await.done, ["INSERT 0 3000"]);
    assert_eq!(
        session.extended(&insert(3001)).await.errors,
        error("54000", "transaction row limit exceeded")
    );
    assert_eq!(session.simple("SELECT count(*) FROM log").await.values, ["8000"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn size_is_checked_at_commit() {
    let local = Local::builder().init_sql(TABLES).limit(Limit::Bytes(1 << 20)).start().await.unwrap();
    let mut session = Session::open(&local).await;
    let exceeded = error("54000", "transaction size limit 1mb exceeded");
    for extended in [false, true] {
        let insert =
            "INSERT INTO log SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 20000)";
        let mut run = async |sql: &str| match extended {
            true => session.extended(sql).await,
            false => session.simple(sql).await,
        };
        assert!(run("BEGIN").await.errors.is_empty());
        assert!(run(insert).await.errors.is_empty());
        assert!(run(insert).await.errors.is_empty());
        assert!(run("SELECT 1").await.errors.is_empty());
        let answer = run("COMMIT").await;
        assert_eq!((answer.errors, answer.status), (exceeded.clone(), vec!['I']));
        assert!(run("BEGIN").await.errors.is_empty());
        assert!(run(insert).await.errors.is_empty());
        assert!(run("ROLLBACK").await.errors.is_empty());
        assert!(run(insert).await.errors.is_empty());
        assert_eq!(run(&format!("{insert} UNION ALL {}", &insert[16..])).await.errors, exceeded);
    }
    assert_eq!(session.simple("SELECT count(*) FROM log").await.values, ["5002"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn age_ends_a_transaction_and_a_connection() {
    let local = Local::builder().init_sql(TABLES).start().await.unwrap();
    let (mut session, mut busy) = (Session::open(&local).await, Session::open(&local).await);
    let exceeded = error("54000", "transaction age limit of 300s exceeded");
    for extended in [false, true] {
        for last in ["SELECT 1", "COMMIT"] {
            for sql in ["BEGIN", "INSERT INTO log VALUES ('old')"] {
                assert!(session.extended(sql).await.errors.is_empty());
            }
            local.advance_clock(Duration::from_secs(301));
            let answer = if extended { session.extended(last).await } else { session.simple(last).await };
            assert_eq!(answer.errors, exceeded, "{last}");
            assert_eq!(answer.status, [if last == "COMMIT" { 'I' } else { 'E' }]);
            session.simple("ROLLBACK").await;
        }
    }
    assert_eq!(session.simple("SELECT count(*) FROM log WHERE note = 'old'").await.values, ["0"]);
    // After an hour, an idle session is closed; a session in a transaction is closed when the transaction ends.
    busy.simple("BEGIN").await;
    local.advance_clock(Duration::from_secs(3600 - 4 * 301));
    assert!(session.tls.read_u8().await.is_err(), "it is closed without an answer");
    assert_eq!(busy.simple("ROLLBACK").await.done, ["ROLLBACK"]);
    assert!(busy.tls.read_u8().await.is_err());
    local.stop().await.unwrap();
}

/// Logs in. Returns the session, or the SQLSTATE and the message of the error.
async fn knock(local: &Local) -> Result<Session, (String, String)> {
    let mut tls = dial(local).to(local).await.unwrap();
    let password = message(b'p', format!("{}\0", token(local, |_| {})).as_bytes());
    tls.write_all(&[startup("admin", &[]), password].concat()).await.unwrap();
    let mut session = Session { tls };
    match session.begins().await {
        Ok(_) => Ok(session),
        Err(fields) => {
            let field = |code: char| fields.split('\0').find_map(|field| field.strip_prefix(code));
            Err((field('C').unwrap().to_owned(), field('M').unwrap().to_owned()))
        }
    }
}

#[tokio::test]
async fn connections_are_counted_and_come_at_a_rate() {
    let limits = ["connections=2", "connection-burst=5", "connection-rate=1"];
    let mut builder = Local::builder();
    for limit in limits {
        builder = builder.limit(limit.parse().unwrap());
    }
    let local = builder.start().await.unwrap();
    let (one, two) = (knock(&local).await.unwrap(), knock(&local).await.unwrap());
    let answer = |code: &str, text: &str| Some((code.to_owned(), text.to_owned()));
    let full = answer("53300", "Unable to accept connection, too many open connections.");
    assert_eq!(knock(&local).await.err(), full);
    drop(one);
    // The connection is counted until the server has detected its end.
    let mut third = knock(&local).await;
    for _ in 0..100 {
        if third.is_ok() {
            break;
        }
        local.advance_clock(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
        third = knock(&local).await;
    }
    assert!(third.is_ok());
    drop((two, third));
    local.advance_clock(Duration::from_secs(60));
    let mut errors = Vec::new();
    for _ in 0..30 {
        errors.extend(knock(&local).await.err());
    }
    assert!(errors.len() >= 20, "{errors:?}");
    assert_eq!(errors.pop(), answer("53400", "Unable to accept connection, rate exceeded."));
    local.advance_clock(Duration::from_secs(5));
    assert!(knock(&local).await.is_ok());
    local.stop().await.unwrap();
}
