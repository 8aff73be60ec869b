//! Statements that reach PostgreSQL inside of something else: the rules hold for them too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each of those that have it needs a part of it")]
mod client;
#[allow(dead_code, reason = "each of those that have it needs a part of it")]
#[path = "client/session.rs"]
mod session;

use dsql_edge_local::Local;
use session::{Session, error};

/// Runs each statement on both protocols, and expects this SQLSTATE and message.
async fn rejected(local: &Local, cases: &[(&str, &str, &str)]) {
    for (sql, sqlstate, message) in cases {
        for extended in [false, true] {
            let mut session = Session::open(local).await;
            let said = session.run(extended, sql).await;
            assert_eq!(said.errors, error(sqlstate, message), "{sql}, extended: {extended}");
        }
    }
}

#[tokio::test]
async fn temporary_objects_are_rejected_however_created() {
    const TABLE: &str = "TEMPORARY or TEMP table not supported for CREATE TABLE";
    const VIEW: &str = "TEMPORARY or TEMP view not supported for CREATE VIEW";
    const SEQUENCE: &str = "TEMPORARY or TEMP sequence not supported for CREATE SEQUENCE";
    let local = Local::builder().start().await.unwrap();
    rejected(
        &local,
        &[
            ("CREATE TABLE pg_temp.x (a int)", "0A000", TABLE),
            ("CREATE TABLE \"pg_temp\".x (a int)", "0A000", TABLE),
            ("CREATE TABLE pg_temp_3.x (a int)", "0A000", TABLE),
            ("CREATE VIEW pg_temp.x AS SELECT 1 AS a", "0A000", VIEW),
            ("CREATE SEQUENCE pg_temp.x CACHE 1", "0A000", SEQUENCE),
            (
                "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "0A000",
                "TEMPORARY or TEMP object not supported for CREATE FUNCTION",
            ),
            (
                "CREATE DOMAIN pg_temp.x AS int",
                "0A000",
                "TEMPORARY or TEMP object not supported for CREATE DOMAIN",
            ),
        ],
    )
    .await;
    // A search_path makes pg_temp the schema of a name without one.
    for extended in [false, true] {
        let mut session = Session::open(&local).await;
        assert_eq!(session.simple("SET search_path = pg_temp").await.errors, []);
        for (sql, message) in [
            ("CREATE TABLE x (a int)", TABLE),
            ("CREATE VIEW x AS SELECT 1 AS a", VIEW),
            ("CREATE SEQUENCE x CACHE 1", SEQUENCE),
        ] {
            assert_eq!(session.run(extended, sql).await.errors, error("0A000", message), "{sql}");
        }
    }
    local.stop().await.unwrap();
}

/// A table of a client's never takes the place of one that a function of dsql-local reads.
#[tokio::test]
async fn own_functions_search_pg_temp_last() {
    let local = Local::builder().start().await.unwrap();
    let first = "SELECT count(*) FROM pg_proc WHERE prosecdef AND (proconfig IS NULL \
                 OR NOT 'search_path=pg_catalog, pg_temp' = ANY (proconfig)) AND proname <> 'set_config'";
    let said = Session::open(&local).await.simple(first).await;
    assert_eq!((said.errors, said.values), (Vec::new(), vec!["0".to_owned()]));
    local.stop().await.unwrap();
}
