//! Tests that sessions cannot call some functions, on any path by which a call reaches PostgreSQL: functions of
//! PostgreSQL that run an argument as SQL, functions that use something that DSQL does not have, and functions with
//! schema changes in their bodies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use dsql_edge_local::Local;
use session::{Session, error};

/// Calls of each function that runs an argument as SQL or reads tables whose names are an argument, and calls of some
/// other functions.
const CALLS: &[(&str, &str)] = &[
    ("query_to_xml", "query_to_xml('SELECT pg_advisory_lock(1)', true, false, '')"),
    ("query_to_xmlschema", "query_to_xmlschema('SELECT 1', true, false, '')"),
    ("query_to_xml_and_xmlschema", "query_to_xml_and_xmlschema('SELECT 1', true, false, '')"),
    ("cursor_to_xml", "cursor_to_xml('c', 1, true, false, '')"),
    ("cursor_to_xmlschema", "cursor_to_xmlschema('c', true, false, '')"),
    ("table_to_xml", "table_to_xml('t', true, false, '')"),
    ("table_to_xmlschema", "table_to_xmlschema('t', true, false, '')"),
    ("table_to_xml_and_xmlschema", "table_to_xml_and_xmlschema('t', true, false, '')"),
    ("schema_to_xml", "schema_to_xml('public', true, false, '')"),
    ("schema_to_xmlschema", "schema_to_xmlschema('public', true, false, '')"),
    ("schema_to_xml_and_xmlschema", "schema_to_xml_and_xmlschema('public', true, false, '')"),
    ("database_to_xml", "database_to_xml(true, false, '')"),
    ("database_to_xmlschema", "database_to_xmlschema(true, false, '')"),
    ("database_to_xml_and_xmlschema", "database_to_xml_and_xmlschema(true, false, '')"),
    ("ts_stat", "ts_stat('SELECT to_tsvector(''simple'', ''x'')')"),
    ("ts_rewrite", "ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')"),
    ("lo_creat", "lo_creat(-1)"),
    ("lo_from_bytea", "lo_from_bytea(0, 'x')"),
    ("loread", "loread(0, 1)"),
    ("pg_notify", "pg_notify('c', 'x')"),
    ("pg_export_snapshot", "pg_export_snapshot()"),
    ("pg_logical_emit_message", "pg_logical_emit_message(false, 'a', 'b')"),
];

/// The volatile functions that `admin` may call, as a regular expression: each of them reads, sleeps, returns a random
/// number or is checked elsewhere.
const HARMLESS: &str = "^(array_(sample|shuffle)|random|random_normal|setseed|gen_random_uuid|clock_timestamp|timeofday\
    |current_query|currtid2|(curr|last|next|set)val|set_config|txid_status|pg_(try_)?advisory_.*|pg_sleep(_for|_until)?\
    |pg_(cancel|terminate)_backend|pg_stat_(get|clear|force)_.*|pg_.*_size|pg_.*_pids|pg_(is|last|current)_.*\
    |pg_.*collation_actual_version|pg_control_.*|pg_get_wal_replay_pause_state|pg_get_multixact_members\
    |pg_partition_(ancestors|tree)|pg_xact_.*|pg_isolation_test_session_is_blocked|pg_jit_available|pg_lock_status\
    |pg_notification_queue_usage|pg_prepared_xact|pg_sequence_last_value|pg_get_wal_resource_managers\
    |binary_upgrade_.*|brin_(de)?summarize_.*|gin_clean_pending_list|pg_nextoid|pg_extension_config_dump\
    |pg_stop_making_pinned_objects|(pg_read_file|pg_rotate_logfile)_old|amvalidate|plpgsql_.*|dsql_local_.*)$";

fn not_supported(name: &str) -> Vec<(String, String)> {
    error("0A000", &format!("function {name} not supported"))
}

#[tokio::test]
async fn functions_that_run_sql_are_denied_on_every_path() {
    let views = "CREATE TABLE t (a text); CREATE VIEW hidden AS SELECT query_to_xml('TABLE t', true, false, '') AS v; \
         CREATE VIEW locks AS SELECT 1 AS a WHERE pg_try_advisory_lock(1); CREATE OPERATOR ## (FUNCTION = pg_advisory_lock, RIGHTARG = bigint); \
         CREATE TABLE d (a int, b int DEFAULT pg_backend_pid())";
    let local = Local::builder().init_sql(views).start().await.unwrap();
    for (name, call) in CALLS {
        for extended in [false, true] {
            let mut session = Session::open(&local).await;
            let answer = session.run(extended, &format!("SELECT {call}")).await;
            assert_eq!(answer.errors, not_supported(name), "{call}, extended: {extended}");
        }
    }
    let mut session = Session::open(&local).await;
    session.simple("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT lo_creat(-1)::text'").await;
    for (sql, name) in [
        ("SELECT v FROM hidden", "query_to_xml"),
        ("SELECT f()", "lo_creat"),
        ("SELECT * FROM locks", "pg_try_advisory_lock"),
        ("SELECT ## 1::bigint", "pg_advisory_lock"),
        ("INSERT INTO d VALUES (1)", "pg_backend_pid"),
        ("SELECT pg_catalog.query_to_xml('SELECT 1', true, false, '')", "query_to_xml"),
        ("SELECT * FROM query_to_xml('SELECT 1', true, false, '')", "query_to_xml"),
        ("INSERT INTO t VALUES (lo_creat(-1)::text)", "lo_creat"),
    ] {
        for extended in [false, true] {
            assert_eq!(session.run(extended, sql).await.errors, not_supported(name), "{sql}");
        }
    }
    assert_eq!(
        session.simple("SELECT sys.current_session_id() = sys.current_session_id()").await.values,
        ["t"]
    );
    // The function with three arguments of the type tsquery reads no table, so DSQL's rules do not deny this call.
    let rewritten = session.simple("SELECT ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)").await;
    assert_eq!((rewritten.errors, rewritten.values), (Vec::new(), vec!["'b' & 'c'".to_owned()]));
    local.stop().await.unwrap();
}

/// The definitions that can contain a function that DSQL does not have.
#[tokio::test]
async fn rejected_functions_are_found_in_every_definition() {
    let init = "CREATE TABLE t (a int); CREATE DOMAIN d AS int; CREATE PROCEDURE p(a text) LANGUAGE sql AS 'SELECT 1'";
    let local = Local::builder().init_sql(init).start().await.unwrap();
    for (sql, name) in [
        ("ALTER TABLE t ALTER COLUMN a SET DEFAULT pg_backend_pid()", "pg_backend_pid"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (pg_backend_pid() > a) NOT VALID", "pg_backend_pid"),
        ("CREATE DOMAIN e AS int DEFAULT pg_backend_pid()", "pg_backend_pid"),
        ("CREATE DOMAIN e AS int CHECK (VALUE > pg_backend_pid())", "pg_backend_pid"),
        ("ALTER DOMAIN d SET DEFAULT pg_backend_pid()", "pg_backend_pid"),
        (
            "CREATE FUNCTION f(a int DEFAULT pg_backend_pid()) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "pg_backend_pid",
        ),
        ("CREATE OPERATOR ### (FUNCTION = pg_advisory_lock, RIGHTARG = bigint)", "pg_advisory_lock"),
        ("CREATE OPERATOR ### (FUNCTION = 'pg_advisory_lock', RIGHTARG = bigint)", "pg_advisory_lock"),
        ("CREATE CAST (bigint AS d) WITH FUNCTION pg_advisory_lock(bigint)", "pg_advisory_lock"),
        ("CREATE RULE r AS ON INSERT TO t DO ALSO SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
        ("CALL p(pg_backend_pid()::text)", "pg_backend_pid"),
        ("COPY t FROM STDIN WHERE a > pg_backend_pid()", "pg_backend_pid"),
    ] {
        for extended in [false, true] {
            let answer = Session::open(&local).await.run(extended, sql).await;
            assert_eq!(answer.errors, not_supported(name), "{sql}, extended: {extended}");
        }
    }
    local.stop().await.unwrap();
}

/// Checks that the list of denied functions is complete: each volatile function that clients may call is in `HARMLESS`.
#[tokio::test]
async fn volatile_functions_that_clients_may_call_are_known() {
    let local = Local::builder().start().await.unwrap();
    let callable = format!(
        "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace \
         AND (provolatile = 'v' OR proname ~ '_xml|^ts_stat' AND provolatile = 's') AND prokind <> 'a' \
         AND NOT 'internal'::regtype = ANY (proargtypes) AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) \
         AND has_function_privilege('admin', oid, 'EXECUTE') AND proname !~ '{HARMLESS}'"
    );
    let answer = Session::open(&local).await.simple(&callable).await;
    assert_eq!((answer.errors, answer.values), (Vec::new(), Vec::<String>::new()));
    local.stop().await.unwrap();
}

/// Without the rules, the functions are available as in PostgreSQL, also in a folder that was used with the rules
/// before.
#[tokio::test]
async fn functions_are_given_back_without_the_rules() {
    let folder = std::env::temp_dir().join(format!("dsql-local-denied-{}", std::process::id()));
    let mut data = folder.clone();
    for rules in [true, false] {
        let local = Local::builder().folder(&folder).keep_data(true).rules(rules).start().await.unwrap();
        let answer = Session::open(&local).await.simple("SELECT pg_notify('c', 'x')").await;
        assert_eq!(answer.errors.len(), usize::from(rules));
        data = local.kept_data().unwrap().to_owned();
        local.stop().await.unwrap();
    }
    // If this test runs as root, the data is in another folder.
    std::fs::remove_dir_all(data.parent().unwrap()).unwrap();
    let _ = std::fs::remove_dir_all(folder);
}

/// A schema change in a function's body would not be counted as DDL of the transaction, and no other session would get
/// OC001.
#[tokio::test]
async fn schema_change_in_a_body_is_rejected() {
    let procedure = "CREATE TABLE t (a int); CREATE FUNCTION of_plpgsql() RETURNS void LANGUAGE plpgsql AS \
                     $$ BEGIN EXECUTE 'ALTER TABLE t ADD COLUMN c int'; END $$";
    let local = Local::builder().init_sql(procedure).start().await.unwrap();
    let mut session = Session::open(&local).await;
    let bodies = [
        ("CREATE TABLE", "CREATE TABLE made (a int)"),
        ("ALTER TABLE", "ALTER TABLE t ADD COLUMN b int"),
        ("DROP TABLE", "DROP TABLE t"),
        ("GRANT", "GRANT SELECT ON t TO PUBLIC"),
        ("COMMENT", "COMMENT ON TABLE t IS ''x''"),
    ];
    for (tag, body) in bodies {
        let create =
            format!("CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE sql AS '{body}'; SELECT f()");
        let message = format!("{tag} in the body of a function not supported");
        assert_eq!(session.simple(&create).await.errors, error("0A000", &message), "{body}");
        let create = create.trim_end_matches("; SELECT f()");
        assert!(session.simple(create).await.errors.is_empty(), "{body}");
        for extended in [false, true] {
            assert_eq!(session.run(extended, "SELECT f()").await.errors, error("0A000", &message), "{body}");
        }
    }
    let message = error("0A000", "ALTER TABLE in the body of a function not supported");
    assert_eq!(session.simple("SELECT of_plpgsql()").await.errors, message);
    // Schema changes outside a function, and schema changes of dsql-local, are allowed.
    for sql in
        ["ALTER TABLE t ADD COLUMN d int", "CREATE INDEX ASYNC ON t (a)", "CREATE TABLE n (a int UNIQUE)"]
    {
        assert_eq!(session.simple(sql).await.errors, [], "{sql}");
    }
    local.stop().await.unwrap();
}
