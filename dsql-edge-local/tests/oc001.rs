//! The sessions that get OC001 after another session's schema change: each case, with `cached` and with `any`.
//!
//! Sources: `page` is "DDL and distributed transactions" of the DSQL user guide; `suites` are AWS's own test suites,
//! which pass on a cluster without a retry (aurora-dsql-sqlalchemy 1.3.0, aurora-dsql-tortoise-orm 0.2.0,
//! aurora-dsql-python-connector 0.2.7); `skill` is AWS's DSQL skill (any statement can get OC001, also a read and in
//! READ ONLY, and the first retry succeeds); `ours` is our own choice, because no source documents the behaviour. In
//! the cases in which `cached` does not send OC001, a cluster may still send it: no source excludes this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use dsql_edge_local::{Local, Oc001};
use session::{Session, error, execute, parse, sync};

const TABLES: &str = "CREATE TABLE t (id int); CREATE TABLE u (id int); CREATE TABLE other (id int)";
const SCHEMA_CHANGED: &str = "schema has been updated by another transaction (OC001)";

/// One case with two sessions, A and B: B runs `before`, A runs `change`, and then B runs `then`, which gets OC001 or
/// not.
struct Case {
    before: &'static [&'static str],
    change: &'static str,
    then: &'static str,
    /// Whether B gets OC001 in the mode `cached`, and whether B gets OC001 in the mode `any`.
    oc001: (bool, bool),
    source: &'static str,
}

const fn case(
    before: &'static [&'static str],
    change: &'static str,
    then: &'static str,
    oc001: (bool, bool),
    source: &'static str,
) -> Case {
    Case { before, change, then, oc001, source }
}

const ALTER: &str = "ALTER TABLE t ADD COLUMN more int";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // B has used the table that A changes.
    case(&["SELECT * FROM t"], ALTER, "SELECT * FROM t", (true, true), "page"),
    case(&["SELECT * FROM t"], ALTER, "INSERT INTO t (id) VALUES (1)", (true, true), "page: its example"),
    case(&["INSERT INTO t VALUES (1)"], ALTER, "UPDATE t SET id = 2", (true, true), "page"),
    case(&["SELECT * FROM t"], ALTER, "SELECT (SELECT count(*) FROM t)", (true, true), "page"),
    case(&["SELECT * FROM t"], "GRANT SELECT ON t TO PUBLIC", "SELECT * FROM t", (true, true), "skill: GRANT counts"),
    case(&["SELECT * FROM t"], "CREATE INDEX ASYNC ON t (id)", "SELECT * FROM t", (true, true), "page"),
    case(&["BEGIN READ ONLY", "SELECT * FROM u"], "GRANT SELECT ON u TO PUBLIC", "SELECT * FROM u", (true, true), "skill: reads too"),
    case(&["BEGIN", "INSERT INTO t VALUES (1)"], "GRANT SELECT ON t TO PUBLIC", "COMMIT", (true, true), "page: COMMIT uses storage"),
    // B has no cached copy.
    case(&[], "CREATE TABLE new (id int)", "SELECT * FROM new", (false, true), "suites: connector, tortoise"),
    case(&[], ALTER, "INSERT INTO t (id) VALUES (1)", (false, true), "page: only a cached copy is old"),
    case(&["SELECT 1", "SHOW timezone"], ALTER, "SELECT * FROM t", (false, true), "page: no storage used so far"),
    // B has used other tables.
    case(&["SELECT * FROM t"], "CREATE TABLE new (id int)", "INSERT INTO new VALUES (1)", (false, true), "suites: sqlalchemy"),
    case(&["SELECT * FROM other"], ALTER, "SELECT * FROM t", (false, true), "ours, as for a new table"),
    case(&["SELECT * FROM t"], ALTER, "SELECT * FROM other", (false, true), "ours, as for a new table"),
    case(&["BEGIN", "INSERT INTO t VALUES (1)"], "CREATE TABLE new (id int)", "COMMIT", (false, true), "ours, as for a new table"),
    // B's statement reads no rows of tables.
    case(&["SELECT * FROM t"], ALTER, "SELECT 1", (false, true), "page: no storage used"),
    case(&["SELECT * FROM t"], ALTER, "SELECT count(*) FROM information_schema.tables", (false, true), "suites: tortoise"),
    case(&["SELECT * FROM t"], ALTER, "CREATE TABLE new (id int)", (false, true), "suites: sqlalchemy"),
    case(&["SELECT * FROM t"], ALTER, "SHOW timezone", (false, false), "ours"),
    case(&["SELECT * FROM t"], ALTER, "SET timezone = 'UTC'", (false, false), "ours"),
    case(&["SELECT * FROM t"], ALTER, "BEGIN", (false, false), "ours"),
    // A changes nothing.
    case(&["SELECT * FROM t"], "ALTER TABLE t ADD COLUMN IF NOT EXISTS id int", "SELECT * FROM t", (false, false), "page: changes"),
    case(&["SELECT * FROM t"], "ALTER TABLE IF EXISTS t DROP COLUMN IF EXISTS no", "SELECT * FROM t", (false, false), "page: changes"),
    case(&["SELECT * FROM t"], "CREATE TABLE IF NOT EXISTS t (id int)", "SELECT * FROM t", (false, false), "page: changes"),
    case(&["SELECT * FROM t"], "DROP TABLE IF EXISTS no", "SELECT * FROM t", (false, false), "page: changes"),
    case(&["SELECT * FROM t"], "DROP VIEW IF EXISTS no", "SELECT * FROM t", (false, false), "page: changes"),
    case(&["SELECT * FROM t"], "BEGIN; ALTER TABLE t ADD COLUMN IF NOT EXISTS id int; COMMIT", "SELECT * FROM t", (false, false), "page: changes"),
    // A's statement changes the table: IF NOT EXISTS does not skip all of its parts.
    case(&["SELECT * FROM t"], "ALTER TABLE t ADD COLUMN IF NOT EXISTS id int, ADD COLUMN more int", "SELECT * FROM t", (true, true), "page"),
    case(&["SELECT * FROM t"], "ALTER TABLE t ADD COLUMN IF NOT EXISTS more int", "SELECT * FROM t", (true, true), "page"),
    // A's change is not committed.
    case(&["SELECT * FROM t"], "BEGIN; ALTER TABLE t ADD COLUMN more int; ROLLBACK", "SELECT * FROM t", (false, false), "page: committed changes"),
    case(&["SELECT * FROM t"], "CREATE TABLE t (id int)", "SELECT * FROM t", (false, false), "page: committed changes"),
];

#[tokio::test]
async fn oc001_comes_in_the_documented_cases_and_once() {
    for mode in [Oc001::Cached, Oc001::Any] {
        let local = Local::builder().oc001(mode).start().await.unwrap();
        for (number, case) in CASES.iter().enumerate() {
            let name = format!(
                "{mode} {number} ({}): {:?}; {}; {}",
                case.source, case.before, case.change, case.then
            );
            for extended in [false, true] {
                local.run_sql("clean", "DROP TABLE IF EXISTS t, u, other, new").await.unwrap();
                local.run_sql("tables", TABLES).await.unwrap();
                let (mut a, mut b) = (Session::open(&local).await, Session::open(&local).await);
                for sql in case.before {
                    assert!(b.run(extended, sql).await.errors.is_empty(), "{name}");
                }
                a.simple(case.change).await;
                let expected = if mode == Oc001::Any { case.oc001.1 } else { case.oc001.0 };
                let answer = b.run(extended, case.then).await;
                let wanted = if expected { error("40001", SCHEMA_CHANGED) } else { Vec::new() };
                assert_eq!(answer.errors, wanted, "{name}");
                // OC001 is sent at most once. OC001 is not sent to the session that made the change, nor to a session
                // that began after the change.
                b.simple("ROLLBACK").await;
                let again = "SELECT count(*) FROM t, other";
                let first = b.run(extended, again).await.errors;
                assert!(first.is_empty() || !expected, "{name}: {first:?}");
                for session in [&mut b, &mut a, &mut Session::open(&local).await] {
                    assert_eq!(session.run(extended, again).await.errors, [], "{name}");
                }
            }
        }
        local.stop().await.unwrap();
    }
}

/// A statement that was prepared before the change also gets OC001, before PostgreSQL rejects its cached plan.
#[tokio::test]
async fn prepared_statement_gets_oc001_once_then_answer_of_postgresql() {
    for mode in [Oc001::Cached, Oc001::Any] {
        let local = Local::builder().oc001(mode).init_sql(TABLES).start().await.unwrap();
        let (mut a, mut b) = (Session::open(&local).await, Session::open(&local).await);
        for (name, sql) in [("all", "SELECT * FROM t"), ("id", "SELECT id FROM t")] {
            b.send(&[parse(name, sql), execute(name), sync()].concat(), 1).await;
        }
        let kept = error("0A000", "cached plan must not change result type");
        for (name, column, then) in [("all", "more", &kept), ("id", "most", &Vec::new())] {
            a.simple(&format!("ALTER TABLE t ADD COLUMN {column} int")).await;
            let again = [execute(name), sync()].concat();
            assert_eq!(b.send(&again, 1).await.errors, error("40001", SCHEMA_CHANGED), "{mode}, {name}");
            assert_eq!(&b.send(&again, 1).await.errors, then, "{mode}, {name}");
        }
        local.stop().await.unwrap();
    }
}
