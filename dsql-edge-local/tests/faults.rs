//! Requested faults from the client's side: each fault, on the first and on a later flight of a connection, on the
//! simple and on the extended protocol.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use client::message;
use dsql_edge_local::{Fault, Local};
use session::{Session, error, run, sync};
use tokio::io::AsyncWriteExt;

const CHANGED: &str = "change conflicts with another transaction (OC000)";

/// The effect of a fault on a flight with one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meets {
    /// The write is applied and answered.
    Nothing,
    /// The write gets 40001, and the connection can be used again.
    Conflict,
    /// The connection ends without a message. `applied`: whether the write is applied.
    Cut { applied: bool },
    /// The login is rejected with this SQLSTATE.
    Rejected(&'static str),
    /// The messages before the first Sync are dropped without an answer; if the flight has no Sync, all messages are
    /// dropped.
    Dropped,
}

/// Each fault, its effect on the first flight of a connection, and its effect on a later flight.
const FAULTS: [(Fault, Meets, Meets); 9] = [
    (Fault::Latency(1), Meets::Nothing, Meets::Nothing),
    (Fault::Conflict(1), Meets::Conflict, Meets::Conflict),
    (Fault::CutBeforeCommit(1), Meets::Cut { applied: false }, Meets::Cut { applied: false }),
    (Fault::CutAfterCommit(1), Meets::Cut { applied: true }, Meets::Cut { applied: true }),
    (Fault::TooManyConnections(1), Meets::Rejected("53300"), Meets::Nothing),
    (Fault::RateExceeded(1), Meets::Rejected("53400"), Meets::Nothing),
    (Fault::WakingUp(1), Meets::Rejected("08006"), Meets::Nothing),
    (Fault::DropFlight(1), Meets::Dropped, Meets::Nothing),
    // `expired-hour` ends open connections, but not a connection that is being opened.
    (Fault::ExpiredHour, Meets::Nothing, Meets::Cut { applied: false }),
];

/// Flights with one write. Each flight has the protocol, the bytes, the number of ReadyForQuery messages in the
/// answer, and the number of returned rows.
fn flights() -> Vec<(&'static str, Vec<u8>, usize, usize)> {
    let simple = |sql: &str| message(b'Q', format!("{sql}\0").as_bytes());
    let insert = "INSERT INTO t VALUES (1)";
    let returning = "INSERT INTO t VALUES (1) RETURNING id, repeat('x', 100000)";
    vec![
        ("simple", simple(insert), 1, 0),
        ("simple, RETURNING", simple(returning), 1, 1),
        ("simple, BEGIN and COMMIT in one message", simple(&format!("BEGIN; {insert}; COMMIT")), 1, 0),
        ("simple, three messages", ["BEGIN", insert, "COMMIT"].map(simple).concat(), 3, 0),
        ("extended", [run(insert), sync()].concat(), 1, 0),
        ("extended, RETURNING", [run(returning), sync()].concat(), 1, 1),
        ("extended, one Sync", [run("BEGIN"), run(insert), run("COMMIT"), sync()].concat(), 1, 0),
        (
            "extended, three Syncs",
            [run("BEGIN"), sync(), run(insert), sync(), run("COMMIT"), sync()].concat(),
            3,
            0,
        ),
    ]
}

async fn rows(local: &Local) -> String {
    Session::open(local).await.simple("SELECT count(*) FROM t").await.values.remove(0)
}

#[tokio::test]
async fn each_fault_meets_first_and_later_flights_as_described() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await.unwrap();
    for (fault, on_first, on_later) in FAULTS {
        for (flight, bytes, ends, values) in flights() {
            for (first, meets) in [(true, on_first), (false, on_later)] {
                let name = format!("{fault}, {} flight, {flight}", if first { "first" } else { "later" });
                local.run_sql("clean", "DELETE FROM t").await.unwrap();
                let mut session = if first {
                    local.set_faults(&[fault]);
                    Session::send_login(&local, &bytes).await
                } else {
                    let mut session = Session::open(&local).await;
                    local.set_faults(&[fault]);
                    if fault == Fault::ExpiredHour {
                        assert!(session.read(1).await.ended, "{name}");
                    }
                    let _ = session.tls.write_all(&bytes).await;
                    session
                };
                let login = usize::from(first);
                // In a dropped flight, the messages after its first Sync are answered.
                let rest = if flight.starts_with("extended") { ends - 1 } else { 0 };
                let answered = if meets == Meets::Dropped { rest } else { ends };
                let answer = session.read(login + answered).await;
                local.set_faults(&[]);
                let applied = match meets {
                    Meets::Nothing => {
                        assert_eq!(
                            (&answer.errors, answer.values.len(), answer.ended),
                            (&Vec::new(), values, false),
                            "{name}"
                        );
                        "1"
                    }
                    Meets::Conflict => {
                        assert_eq!(
                            (&answer.errors, answer.ended),
                            (&error("40001", CHANGED), false),
                            "{name}"
                        );
                        assert_eq!(answer.status.last(), Some(&'I'), "{name}");
                        // The next attempt is applied.
                        session.tls.write_all(&bytes).await.unwrap();
                        assert!(session.answers(ends).await.errors.is_empty(), "{name}");
                        "1"
                    }
                    Meets::Cut { applied } => {
                        // All answers before the commit arrived completely. The answer to the commit did not arrive.
                        assert!(
                            answer.ended && answer.errors.is_empty() && answer.values.is_empty(),
                            "{name}: {answer:?}"
                        );
                        let before = if fault == Fault::ExpiredHour { 0 } else { login + ends - 1 };
                        assert_eq!(answer.status.len(), before, "{name}: {answer:?}");
                        if applied { "1" } else { "0" }
                    }
                    Meets::Rejected(sqlstate) => {
                        assert!(
                            answer.ended && answer.fatal && answer.errors[0].0 == sqlstate,
                            "{name}: {answer:?}"
                        );
                        "0"
                    }
                    Meets::Dropped => {
                        assert_eq!((answer.status.len(), answer.ended), (1 + rest, false), "{name}");
                        // If the BEGIN is missing, the INSERT commits by itself.
                        if rest > 0 { "1" } else { "0" }
                    }
                };
                assert_eq!(rows(&local).await, applied, "{name}");
            }
        }
    }
    local.stop().await.unwrap();
}

/// A flight with two commits: the fault applies to the second.
#[tokio::test]
async fn commits_before_the_cut_in_a_flight_are_answered() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await.unwrap();
    let insert = |id: u8| format!("INSERT INTO t VALUES ({id})");
    let simple = |id: u8| message(b'Q', format!("{}\0", insert(id)).as_bytes());
    let extended = |id: u8| [run(&insert(id)), sync()].concat();
    let flights = [[simple(1), simple(2)].concat(), [extended(1), extended(2)].concat()];
    for (fault, applied) in [(Fault::CutBeforeCommit(2), "1"), (Fault::CutAfterCommit(2), "2")] {
        for flight in &flights {
            for first in [true, false] {
                local.run_sql("clean", "DELETE FROM t").await.unwrap();
                let mut session = match first {
                    true => {
                        local.set_faults(&[fault]);
                        Session::send_login(&local, flight).await
                    }
                    false => {
                        let mut session = Session::open(&local).await;
                        local.set_faults(&[fault]);
                        session.tls.write_all(flight).await.unwrap();
                        session
                    }
                };
                let answer = session.read(9).await;
                assert_eq!(
                    (answer.done.as_slice(), answer.ended),
                    (&["INSERT 0 1".to_owned()][..], true),
                    "{fault}"
                );
                assert_eq!(rows(&local).await, applied, "{fault}");
            }
        }
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn reset_of_the_setting_removes_faults_and_reset_all_does_not() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await.unwrap();
    let mut session = Session::open(&local).await;
    for (reset, errors) in
        [("RESET dsql_local.fault", 0), ("RESET ALL", 1), ("SET dsql_local.fault TO DEFAULT", 0)]
    {
        assert!(session.simple("SET dsql_local.fault = 'conflict'").await.errors.is_empty());
        assert!(session.simple(reset).await.errors.is_empty(), "{reset}");
        let answer = session.simple("INSERT INTO t SELECT count(*) FROM t").await;
        assert_eq!(answer.errors.len(), errors, "{reset}: {:?}", answer.errors);
    }
    local.stop().await.unwrap();
}

/// A commit that PostgreSQL turns into a rollback, or skips because of an earlier error, does not use up a fault.
#[tokio::test]
async fn fault_at_commit_stays_if_nothing_can_commit() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await.unwrap();
    let simple = |sql: &str| message(b'Q', format!("{sql}\0").as_bytes());
    let (insert, wrong) = ("INSERT INTO t VALUES (1)", "SELECT 1/0");
    let flights = [
        ("apart", vec![simple("BEGIN"), simple(insert), simple(wrong), simple("COMMIT")]),
        ("four messages", vec![["BEGIN", insert, wrong, "COMMIT"].map(simple).concat()]),
        (
            "four Syncs",
            vec![["BEGIN", insert, wrong, "COMMIT"].map(|sql| [run(sql), sync()].concat()).concat()],
        ),
        ("one message", vec![simple(&format!("BEGIN; {insert}; {wrong}; COMMIT"))]),
        ("one message, no BEGIN", vec![simple(&format!("{wrong}; {insert}"))]),
        ("pipeline", vec![[run("BEGIN"), run(insert), run(wrong), run("COMMIT"), sync()].concat()]),
        ("pipeline, no BEGIN", vec![[run(wrong), run(insert), sync()].concat()]),
        (
            "extended, apart",
            ["BEGIN", insert, wrong, "COMMIT"].map(|sql| [run(sql), sync()].concat()).to_vec(),
        ),
    ];
    for fault in [Fault::Conflict(1), Fault::CutAfterCommit(1)] {
        for (flight, messages) in &flights {
            let mut session = Session::open(&local).await;
            local.set_faults(&[fault]);
            let mut errors = Vec::new();
            for message in messages {
                let ends = if flight.starts_with("four") { 4 } else { 1 };
                errors.extend(session.send(message, ends).await.errors);
            }
            assert_eq!(errors, error("22012", "division by zero"), "{fault}, {flight}");
            session.simple("ROLLBACK").await;
            assert_eq!(session.simple("SHOW dsql_local.fault").await.values, [fault.to_string()], "{flight}");
            assert_eq!(rows(&local).await, "0", "{fault}, {flight}");
        }
    }
    local.stop().await.unwrap();
}

/// Opens a session, and sets a fault that only the next login would use up.
async fn open_and_keep(local: &Local) -> Session {
    local.set_faults(&[]);
    let session = Session::open(local).await;
    local.set_faults(&[Fault::DropFlight(1)]);
    session
}

/// A SET that PostgreSQL answers with 25P02, or skips, has no effect, whether or not the failure is known when the SET
/// is sent.
#[tokio::test]
async fn fault_of_a_skipped_set_is_not_set() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int PRIMARY KEY)").start().await.unwrap();
    let aborted =
        error("25P02", "current transaction is aborted, commands ignored until end of transaction block");
    let query = |sql: &str| message(b'Q', format!("{sql}\0").as_bytes());
    let (begin, fails, insert) = ("BEGIN", "SELECT 1/0", "INSERT INTO t VALUES (1)");
    for set in [
        "SET dsql_local.fault = 'conflict=1'",
        "SET dsql_local.fault = 'latency=1, expired-hour'",
        "SET dsql_local.fault = 'no fault'",
        "RESET dsql_local.fault",
    ] {
        for extended in [false, true] {
            let mut session = open_and_keep(&local).await;
            session.simple(begin).await;
            session.simple(fails).await;
            assert_eq!(session.run(extended, set).await.errors, aborted, "{set}, extended: {extended}");
            session.simple("ROLLBACK").await;
            assert_eq!(session.simple("SHOW dsql_local.fault").await.values, ["drop-flight=1"], "{set}");
        }
        for (flight, ends) in [
            ([query(begin), query(fails), query(set)].concat(), 3),
            ([run(fails), run(set), run(insert), sync()].concat(), 1),
            (query(&format!("{set}; {fails}; {insert}")), 1),
        ] {
            let mut session = open_and_keep(&local).await;
            let answer = session.send(&flight, ends).await;
            assert!(!answer.errors.is_empty() && !answer.ended, "{set}: {answer:?}");
            session.simple("ROLLBACK").await;
            assert_eq!(session.simple("SHOW dsql_local.fault").await.values, ["drop-flight=1"], "{set}");
        }
    }
    // The faults of a SET apply to the statements after it in the same message.
    let mut session = open_and_keep(&local).await;
    let conflict = format!("SET dsql_local.fault = 'conflict=1'; {insert}");
    assert_eq!(session.simple(&conflict).await.errors, error("40001", CHANGED));
    let long = session.simple("SET dsql_local.fault = 'latency=60001'").await;
    assert_eq!(
        long.errors,
        error("22023", "invalid value for parameter \"dsql_local.fault\": \"latency=60001\"")
    );
    local.stop().await.unwrap();
}
