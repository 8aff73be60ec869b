//! Tests that no message to a client contains the name of one of dsql-local's own objects (the CONTEXT of errors,
//! notices, plans), and tests SHOW of dsql-local's setting.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use dsql_edge_local::{Fault, Limit, Local};
use session::{Session, execute, parse, sync};

#[tokio::test]
async fn errors_notices_and_plans_name_no_object_of_dsql_local() {
    let local = Local::builder()
        .init_sql("CREATE TABLE t (a int); CREATE INDEX i ON t (a)")
        .limit(Limit::Rows(5))
        .start()
        .await
        .unwrap();
    for extended in [false, true] {
        let mut session = Session::open(&local).await;
        for (sql, errors) in [
            ("CREATE INDEX ASYNC ON t (missing)", 1),
            ("CREATE INDEX ASYNC\n ON t\n ((a + 1))", 0),
            ("CREATE INDEX ASYNC i ON t (a)", 1),
            ("CREATE INDEX ASYNC IF NOT EXISTS i ON t (a)", 0),
            ("ALTER TABLE ASYNC t VALIDATE CONSTRAINT missing", 1),
            ("AWS IAM GRANT missing TO 'arn:aws:iam::000000000000:role/x'", 1),
            ("CALL sys.wait_for_job('0')", 1),
            ("SELECT set_config('lock_timeout', '0', false)", 1),
            ("CREATE TABLE IF NOT EXISTS t (a int)", 0),
            ("INSERT INTO t SELECT generate_series(1, 6)", 1),
            ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", 0),
            ("EXPLAIN (ANALYZE, COSTS off) UPDATE t SET a = 1", 0),
            ("EXPLAIN ANALYZE DELETE FROM t", 0),
            ("ANALYZE", 0),
        ] {
            let answer = session.run(extended, sql).await;
            assert_eq!(answer.errors.len(), errors, "{sql}: {:?}", answer.errors);
            assert!(
                !answer.texts.contains("dsql_local") && !answer.texts.contains("PL/pgSQL"),
                "{sql}: {}",
                answer.texts
            );
            // Messages about the client's own objects are not changed.
            let expected = match sql {
                _ if sql.starts_with("EXPLAIN") => "Execution Time",
                "CREATE INDEX ASYNC i ON t (a)" => "relation \"i\" already exists",
                _ if sql.contains("IF NOT EXISTS") => "already exists, skipping",
                _ => "",
            };
            assert!(answer.texts.contains(expected), "{sql}: {}", answer.texts);
        }
    }
    local.stop().await.unwrap();
}

/// SHOW lists the faults of all sessions at the time of each execution.
#[tokio::test]
async fn show_lists_the_faults_that_are_to_come() {
    let local = Local::builder().init_sql("CREATE TABLE t (a int)").start().await.unwrap();
    let (mut one, mut other) = (Session::open(&local).await, Session::open(&local).await);
    let prepared = parse("show", "SHOW dsql_local.fault");
    assert_eq!(one.send(&[prepared, execute("show"), sync()].concat(), 1).await.values, ["none"]);
    other.simple("SET dsql_local.fault = 'conflict=2, latency=1'").await;
    for faults in ["conflict=2, latency=1", "conflict=1, latency=1", "latency=1"] {
        for session in [&mut one, &mut other] {
            for extended in [false, true] {
                let answer = session.run(extended, "SHOW dsql_local.fault").await;
                assert_eq!(
                    (answer.values.as_slice(), answer.done.as_slice()),
                    (&[faults.to_owned()][..], &["SHOW".to_owned()][..])
                );
                assert_eq!(answer.columns, ["dsql_local.fault"]);
            }
        }
        let twice = [execute("show"), execute("show"), sync()].concat();
        let answer = one.send(&twice, 1).await;
        assert_eq!((answer.values, answer.tags.as_str()), (vec![faults.to_owned(); 2], "2TDC2TDCZ"));
        other.simple("INSERT INTO t VALUES (1)").await;
    }
    local.set_faults(&[Fault::DropFlight(1)]);
    assert_eq!(one.simple("SHOW DSQL_LOCAL.fault").await.values, ["drop-flight=1"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn views_of_the_catalog_list_no_object_of_dsql_local() {
    let local = Local::builder().init_sql("CREATE TABLE t (a int PRIMARY KEY)").start().await.unwrap();
    let mut session = Session::open(&local).await;
    session.simple("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'").await;
    for (view, own) in [
        ("pg_catalog.pg_tables", "t"),
        ("pg_catalog.pg_indexes", "t_pkey"),
        ("information_schema.tables", "t"),
        ("information_schema.columns", "t"),
        ("information_schema.routines", "f"),
        ("information_schema.parameters", "f"),
        ("information_schema.routine_privileges", "f"),
        ("information_schema.role_routine_grants", "f"),
        ("information_schema.table_privileges", "t"),
        ("information_schema.triggers", ""),
        ("information_schema.sequences", ""),
        ("information_schema.element_types", ""),
        ("information_schema.view_routine_usage", ""),
        ("information_schema.routine_table_usage", ""),
    ] {
        let rows = format!("SELECT count(*) FROM {view} v WHERE v::text ~ 'dsql_local_'");
        assert_eq!(session.simple(&rows).await.values, ["0"], "{view}");
        if !own.is_empty() {
            let rows = format!("SELECT count(*) > 0 FROM {view} v WHERE v::text ~ '\\m{own}(_[0-9]+)?\\M'");
            assert_eq!(session.simple(&rows).await.values, ["t"], "{view}");
        }
    }
    local.stop().await.unwrap();
}
