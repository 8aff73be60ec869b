//! Statements that reach PostgreSQL inside other statements: the rules also apply to the inner statements.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use dsql_edge_local::{Fault, Local};
use session::{Session, error};

/// Runs the statement of each case on both protocols, and expects an error with the SQLSTATE and the message of the
/// case.
async fn rejected(local: &Local, cases: &[(&str, &str, &str)]) {
    for (sql, sqlstate, message) in cases {
        for extended in [false, true] {
            let mut session = Session::open(local).await;
            let answer = session.run(extended, sql).await;
            assert_eq!(answer.errors, error(sqlstate, message), "{sql}, extended: {extended}");
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
    // A search_path makes pg_temp the schema of an unqualified name.
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

#[tokio::test]
async fn unsupported_column_types_are_rejected_however_named() {
    let setup = "CREATE VIEW va AS SELECT ARRAY[1] AS a; CREATE VIEW vr AS SELECT int4range(1, 2) AS r;
        CREATE VIEW vm AS SELECT '1'::money AS m; CREATE DOMAIN da AS int[]; CREATE DOMAIN dd AS da;
        CREATE DOMAIN fits AS varchar(5); CREATE TABLE plain (id int)";
    let local = Local::builder().init_sql(setup).start().await.unwrap();
    rejected(
        &local,
        &[
            ("CREATE TABLE x (LIKE va)", "0A000", "datatype integer[] not supported"),
            ("CREATE TABLE x (LIKE vr)", "0A000", "datatype int4range not supported"),
            ("CREATE TABLE x (id int, LIKE vm)", "0A000", "datatype money not supported"),
            ("CREATE TABLE x (a da)", "0A000", "datatype integer[] not supported"),
            ("CREATE TABLE x (a dd)", "0A000", "datatype integer[] not supported"),
            ("ALTER TABLE plain ADD COLUMN a da", "0A000", "datatype integer[] not supported"),
        ],
    )
    .await;
    let mut session = Session::open(&local).await;
    let every = "CREATE TABLE every (a fits, b char(3), c numeric(18, 6), d timestamptz(3), e time, f timetz, g interval,
        h bytea, i uuid, j json, k jsonb, l bool, m float4, n float8, o date, p smallint, q text, r timestamp)";
    for sql in [every, "CREATE TABLE copy (LIKE every)", "ALTER TABLE every ADD COLUMN s fits"] {
        assert_eq!(session.simple(sql).await.errors, [], "{sql}");
    }
    local.stop().await.unwrap();
}

/// A client's table never replaces a table that a function of dsql-local reads.
#[tokio::test]
async fn own_functions_search_pg_temp_last() {
    let local = Local::builder().start().await.unwrap();
    let first = "SELECT count(*) FROM pg_proc WHERE prosecdef AND (proconfig IS NULL \
                 OR NOT 'search_path=pg_catalog, pg_temp' = ANY (proconfig)) AND proname <> 'set_config'";
    let answer = Session::open(&local).await.simple(first).await;
    assert_eq!((answer.errors, answer.values), (Vec::new(), vec!["0".to_owned()]));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn rules_hold_inside_copy_explain_and_bodies() {
    const LOCK: &str = "function pg_advisory_lock not supported";
    const SHARE: &str = "locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported";
    const TRUNCATE: &str = "unsupported statement: Truncate";
    let setting = |name: &str| format!("setting configuration parameter \"{name}\" not supported");
    let (rows, lock, strings, encoding) = (
        setting("dsql_local.limit_rows"),
        setting("lock_timeout"),
        setting("standard_conforming_strings"),
        setting("client_encoding"),
    );
    let multiple = "multiple ddl statements not supported in a transaction";
    let local = Local::builder().init_sql("CREATE TABLE t (a int)").start().await.unwrap();
    let body = |body: &str| format!("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS '{body}'");
    let mut deep = String::new();
    for level in 0..20 {
        deep = format!("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $a{level}${deep}$a{level}$");
    }
    let cases = [
        ("COPY (SELECT pg_advisory_lock(1)) TO STDOUT".to_owned(), LOCK),
        ("COPY (SELECT a FROM t FOR SHARE) TO STDOUT".to_owned(), SHARE),
        (body("SET dsql_local.limit_rows = 0"), &rows),
        (body("SELECT 1; SET LOCAL lock_timeout = 0"), &lock),
        (body("SET standard_conforming_strings = off"), &strings),
        (body("SET client_encoding = SJIS"), &encoding),
        (body("SET NAMES ''SJIS''"), &encoding),
        (body("SET LOCAL NAMES ''SJIS''"), &encoding),
        (body("RESET client_encoding"), &encoding),
        (body("TRUNCATE t"), TRUNCATE),
        (body("CREATE TABLE x (a int); CREATE TABLE y (a int)"), multiple),
        ("CREATE FUNCTION f() RETURNS void AS $$ TRUNCATE t $$ LANGUAGE sql".to_owned(), TRUNCATE),
        ("CREATE FUNCTION f() RETURNS void BEGIN ATOMIC SELECT pg_advisory_lock(1); END".to_owned(), LOCK),
        (
            "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC SELECT 1; RETURN pg_advisory_lock(1); END"
                .to_owned(),
            LOCK,
        ),
        ("CREATE FUNCTION f() RETURNS void RETURN pg_advisory_lock(1)".to_owned(), LOCK),
    ];
    let cases: Vec<_> = cases.iter().map(|(sql, message)| (sql.as_str(), "0A000", *message)).collect();
    rejected(&local, &cases).await;
    rejected(&local, &[(&deep, "54001", "stack depth limit exceeded")]).await;
    local.stop().await.unwrap();
}

/// A statement that exceeds a limit of our parser could violate any rule, so the statement is rejected, with the limit
/// as the detail of the error. The statements after it in the same message do not run.
#[tokio::test]
async fn statement_beyond_the_parsers_limits_is_rejected() {
    let local = Local::builder().init_sql("CREATE TABLE t (a int)").start().await.unwrap();
    let nested = |count: usize, before: &str, inside: &str, after: &str| {
        format!("{before} {}{inside}{} {after}", "(".repeat(count), ")".repeat(count))
    };
    let joins = format!("SELECT pg_advisory_lock(1) FROM t{}", " NATURAL JOIN t".repeat(10_000));
    for sql in [
        nested(400, "CREATE TABLE dp (a serial, b int DEFAULT", "1", ")"),
        nested(400, "ALTER TABLE t ALTER a SET DEFAULT", "1", ""),
        nested(300, "SELECT", "pg_advisory_lock(1)", ""),
        nested(300, "SELECT a FROM t WHERE", "true", "FOR SHARE"),
        nested(300, "INSERT INTO t SELECT", "1", "FROM t TABLESAMPLE SYSTEM (1)"),
        nested(300, "UPDATE t SET a =", "1", ""),
        nested(300, "WITH x AS (SELECT 1) SELECT", "1", ""),
        nested(300, "EXPLAIN SELECT", "1", ""),
        nested(300, "COPY (SELECT", "pg_advisory_lock(1)", ") TO STDOUT"),
        nested(300, "CREATE FUNCTION f() RETURNS int RETURN", "pg_advisory_lock(1)", ""),
        nested(300, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT", "1", "; END"),
        nested(300, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT", "1", "'"),
        nested(300, "CREATE SCHEMA s CREATE VIEW v AS SELECT", "1", ""),
        joins,
    ] {
        let beginning = sql.get(..40).unwrap();
        for extended in [false, true] {
            let mut session = Session::open(&local).await;
            let answer = session.run(extended, &sql).await;
            let expected = error("54001", "stack depth limit exceeded");
            assert_eq!(answer.errors, expected, "{beginning}, extended: {extended}");
            let limit = ["nests deeper than 320 levels", "has more than "];
            assert!(limit.iter().any(|it| answer.texts.contains(it)), "{beginning}: {}", answer.texts);
        }
        let mut session = Session::open(&local).await;
        let behind = session.simple(&format!("{sql}; TRUNCATE t")).await;
        assert_eq!(behind.errors, error("54001", "stack depth limit exceeded"), "{beginning}");
    }
    let mut session = Session::open(&local).await;
    assert_eq!(session.simple(&nested(150, "SELECT", "1", "")).await.values, ["1"]);
    local.stop().await.unwrap();
}

/// If `atomic`, `case` and `end` are names, they do not hide a statement after a semicolon.
#[tokio::test]
async fn names_like_keywords_hide_no_statement() {
    let local = Local::builder().init_sql("CREATE TABLE t (a int, atomic int)").start().await.unwrap();
    let mut session = Session::open(&local).await;
    for before in [
        "COMMENT ON COLUMN t.atomic IS 'x'",
        "EXPLAIN SELECT 1 AS atomic",
        "EXPLAIN SELECT 1 AS case",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS case; END",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END AS end; END",
    ] {
        let answer = session.simple(&format!("{before}; TRUNCATE t")).await;
        assert_eq!(answer.errors, error("0A000", "unsupported statement: Truncate"), "{before}");
    }
    local.stop().await.unwrap();
}

/// Statements other than INSERT, UPDATE and DELETE that write rows are also DML.
#[tokio::test]
async fn copy_and_explain_analyze_that_write_are_dml() {
    let local = Local::builder().init_sql("CREATE TABLE t (a int)").start().await.unwrap();
    let mixed = error("0A000", "ddl and dml are not supported in the same transaction");
    for write in [
        "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
        "EXPLAIN (COSTS off, ANALYZE) INSERT INTO t VALUES (1)",
        "COPY (INSERT INTO t VALUES (1) RETURNING a) TO STDOUT",
        "COPY t FROM STDIN",
        "COPY t (a) FROM STDIN WITH (FORMAT csv)",
    ] {
        for extended in [false, true] {
            let mut session = Session::open(&local).await;
            session.simple("BEGIN").await;
            session.simple("CREATE TABLE n (a int)").await;
            assert_eq!(session.run(extended, write).await.errors, mixed, "{write}");
        }
    }
    for read in [
        "EXPLAIN INSERT INTO t VALUES (1)",
        "EXPLAIN (ANALYZE off) INSERT INTO t VALUES (1)",
        "COPY t TO STDOUT",
    ] {
        let mut session = Session::open(&local).await;
        session.simple("BEGIN").await;
        session.simple("CREATE TABLE n (a int)").await;
        assert_eq!(session.simple(read).await.errors, [], "{read}");
    }
    local.set_faults(&[Fault::Conflict(1)]);
    let mut session = Session::open(&local).await;
    assert_eq!(session.simple("COPY t FROM STDIN").await.errors[0].0, "40001");
    local.stop().await.unwrap();
}
