//! Tests every rule of DSQL on every path by which a statement reaches PostgreSQL, and the bypasses that were found
//! earlier.
//!
//! The statements are those of `tests/cases/dsql`: for each rule, the first statement that violates the rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use client::message;
use dsql_edge_compiler::Source;
use dsql_edge_compiler::dsql;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_local::Local;
use session::{Answers, Session, error, execute, parse, run, sync};

/// A statement that violates a rule, with DSQL's answer.
struct Broken {
    sql: String,
    answer: Vec<(String, String)>,
}

/// Statements that violate the rules for which `tests/cases/dsql` does not have a statement.
const MORE: &[&str] = &[
    "COPY t FROM '/tmp/x'",
    "RELEASE SAVEPOINT s",
    "PREPARE TRANSACTION 'x'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "NOTIFY c",
    "UNLISTEN c",
    "LOAD 'x'",
    "CREATE DATABASE d",
    "DROP DATABASE d",
    "ALTER DATABASE d SET work_mem = '1MB'",
    "CREATE TABLESPACE s LOCATION '/tmp'",
    "CREATE FOREIGN TABLE f (id int) SERVER s",
    "CREATE SERVER s FOREIGN DATA WRAPPER w",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE USER MAPPING FOR admin SERVER s",
    "IMPORT FOREIGN SCHEMA s FROM SERVER v INTO public",
    "ALTER SYSTEM SET work_mem = '1MB'",
    "ALTER USER u WITH LOGIN",
    "ALTER ROLE r SUPERUSER",
    "CREATE PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    "CLUSTER t",
    "REINDEX TABLE t",
    "DROP TRIGGER g ON t",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    "CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
    "ALTER POLICY p ON t USING (true)",
    "DROP POLICY p ON t",
    "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'",
    "CREATE LANGUAGE l",
    "ALTER AGGREGATE a(int) RENAME TO b",
    "ALTER FUNCTION f() COST 10",
    "REFRESH MATERIALIZED VIEW m",
    "DROP MATERIALIZED VIEW m",
    "ALTER MATERIALIZED VIEW m RENAME TO n",
    "ALTER FOREIGN TABLE f RENAME TO g",
    "DROP TYPE y",
    "DROP EXTENSION e",
    "CREATE TABLE p PARTITION OF t FOR VALUES IN (1)",
    "CREATE TABLE o OF y",
    "CREATE TABLE x (id int) ON COMMIT DROP",
    "CREATE TABLE x (id int) TABLESPACE s",
    "CREATE TABLE x (id int) USING heap",
    "CREATE TABLE x (id text COMPRESSION pglz)",
    "CREATE TEMPORARY SEQUENCE q CACHE 1",
    "CREATE TYPE y (INPUT = a, OUTPUT = b)",
    "CREATE INDEX ASYNC i ON t (id DESC)",
    "CREATE INDEX ASYNC i ON t (id int4_ops)",
    "CREATE INDEX ASYNC i ON t (id) WITH (fillfactor = 50)",
    "CREATE INDEX ASYNC i ON t (id) INCLUDE ((id + 1))",
    "ALTER TABLE t ALTER COLUMN a SET COMPRESSION pglz",
    "ALTER TABLE t ALTER COLUMN a SET STATISTICS 200",
    "ALTER TYPE y ADD VALUE 'x'",
    "ALTER TYPE y RENAME TO z",
    "CALL p((SELECT 1))",
    "CALL sys.wait_for_job('x')",
    "CREATE TABLE x (a int[])",
    "SET dsql.nothing = 1",
    "SET ROLE r",
    "SHOW lc_collate",
    "CREATE DOMAIN d AS int[]",
    "CREATE TABLE x (a money[])",
    "SET enable_hashagg = off",
];

/// Rules that a single statement cannot violate, that need a schema, or that only warn: they have separate tests.
const OTHERS: &[&str] = &[
    "index_not_immutable",
    "index_subquery",
    "drop_primary_key_column",
    "drop_primary_key",
    "lateral_outer_column",
    "ctid",
    "unknown_type",
    "schemas",
    "multi_ddl_transaction",
    "mixed_ddl_dml_transaction",
    "aborted_transaction",
    "index_not_valid",
];

/// For each rule, a statement that violates the rule by itself.
fn broken() -> BTreeMap<&'static str, Broken> {
    let mut found = BTreeMap::new();
    let mut texts: Vec<String> = MORE.iter().map(|sql| (*sql).to_owned()).collect();
    let columns: Vec<String> = (0..300).map(|number| format!("c{number} int")).collect();
    texts.push(format!("CREATE TABLE wide ({})", columns.join(", ")));
    let uniques: Vec<String> = (0..30).map(|number| format!("u{number} int UNIQUE")).collect();
    texts.push(format!("CREATE TABLE indexed ({})", uniques.join(", ")));
    let nested = (0..20).fold(String::new(), |body, level| {
        format!("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $a{level}${body}$a{level}$")
    });
    texts.push(nested);
    texts.push(format!("EXPLAIN SELECT {}1{}", "(".repeat(300), ")".repeat(300)));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/dsql");
    let mut files: Vec<_> = fs::read_dir(cases).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        texts.extend(text.split("```sql").skip(1).filter_map(|block| {
            let (_, rest) = block.split_once('\n')?;
            Some(rest.split("\n```").next()?.trim().to_owned())
        }));
    }
    for text in &texts {
        let source = Source::numbered(text);
        let Ok(parsed) = Parsed::script(&source) else { continue };
        for statement in parsed.iter() {
            let sql = statement.span.text(text).to_owned();
            let alone = Source::numbered(&sql);
            let Ok(alone) = Parsed::script(&alone) else { continue };
            let findings = dsql::findings(alone.only().unwrap(), None);
            let Some(first) = findings.into_iter().find(|it| it.rule.is_rejected()) else { continue };
            let answer = error(first.diagnostic.sqlstate(), &first.diagnostic.message);
            found.entry(first.rule.id).or_insert(Broken { sql, answer });
        }
    }
    found
}

/// Returns a message of a client with the encoding LATIN1, with a character outside ASCII.
fn latin1(tag: u8, before: &str, sql: &str, after: &[u8]) -> Vec<u8> {
    message(tag, &[before.as_bytes(), sql.as_bytes(), b" /* \xe9 */\0", after].concat())
}

#[tokio::test]
async fn every_rule_holds_on_every_path() {
    let broken = broken();
    let rules = dsql::tables().into_iter().flat_map(|(_, rules)| rules.iter());
    let rejecting = rules.filter(|rule| rule.is_rejected()).map(|rule| rule.id);
    let missing: Vec<&str> = rejecting.filter(|rule| !broken.contains_key(rule)).collect();
    assert_eq!(missing, OTHERS);
    let local = Local::builder().start().await.unwrap();
    let mut plain = Session::open(&local).await;
    let mut latin = Session::open(&local).await;
    assert!(latin.simple("SET client_encoding = 'LATIN1'").await.errors.is_empty());
    for (rule, Broken { sql, answer }) in &broken {
        let check = |path: &str, answers: Answers| {
            assert_eq!(&answers.errors, answer, "{rule}, {path}: {sql}");
            assert_eq!(answers.status, ['I'], "{rule}, {path}: {sql}");
        };
        check("simple", plain.simple(sql).await);
        check("extended", plain.extended(sql).await);
        check("LATIN1, simple", latin.send(&latin1(b'Q', "", sql, b""), 1).await);
        check("LATIN1, extended", latin.send(&[latin1(b'P', "\0", sql, b"\0\0"), sync()].concat(), 1).await);
        // The statement's name is already used: PostgreSQL keeps the old statement.
        let named = [parse("taken", "SELECT 7"), sync()].concat();
        plain.send(&named, 1).await;
        check("taken name", plain.send(&[parse("taken", sql), execute("taken"), sync()].concat(), 1).await);
        assert_eq!(plain.send(&[execute("taken"), sync()].concat(), 1).await.values, ["7"], "{rule}");
        check(
            "unnamed",
            plain.send(&[run("SELECT 1"), parse("", sql), execute(""), sync()].concat(), 1).await,
        );
    }
    local.stop().await.unwrap();
}

/// A message that is not valid in the client's encoding reaches neither the rules nor PostgreSQL.
#[tokio::test]
async fn text_of_another_encoding_is_rejected() {
    let local = Local::builder().init_sql("CREATE TABLE t (id int)").start().await.unwrap();
    let mut session = Session::open(&local).await;
    for message in
        [latin1(b'Q', "", "TRUNCATE t", b""), [latin1(b'P', "\0", "TRUNCATE t", b"\0\0"), sync()].concat()]
    {
        let answer = session.send(&message, 1).await;
        assert_eq!(answer.errors, error("22021", "invalid byte sequence for encoding \"UTF8\": 0xe9"));
    }
    // The query is sent in one write with the SET that changes the encoding, so dsql-local must wait until the setting
    // has changed.
    let set = message(b'Q', b"SET client_encoding = 'LATIN1'\0");
    let query = message(b'Q', b"SELECT '\xe9'\0");
    assert_eq!(
        session.send(&[set, query, latin1(b'Q', "", "TRUNCATE t", b"")].concat(), 3).await.errors,
        error("0A000", "unsupported statement: Truncate")
    );
    // Literals with valid characters are returned unchanged, and DSQL's own forms work.
    let answer = session
        .send(&message(b'Q', b"CREATE INDEX ASYNC i ON t (id) WHERE 'a\xe9' <> 'b\xe8\xe8'\0"), 1)
        .await;
    assert_eq!((answer.errors, answer.columns), (Vec::new(), vec!["job_id".to_owned()]));
    let answer = session
        .send(
            &message(b'Q', b"SELECT length('\xe9\xe9'), \x22\xe9\x22 FROM (SELECT 1 AS \x22\xe9\x22) x\0"),
            1,
        )
        .await;
    assert!(answer.errors.is_empty() && answer.values[0].starts_with('2'), "{answer:?}");
    // In Shift JIS, a backslash can be the second byte of a character.
    let mut japanese = Session::open(&local).await;
    japanese.simple("SET client_encoding = 'SJIS'").await;
    let answer = japanese.send(&message(b'Q', b"SELECT E'\x83\x5c'; TRUNCATE t; SELECT E''\0"), 1).await;
    assert_eq!(answer.errors, error("0A000", "unsupported statement: Truncate"));
    local.stop().await.unwrap();
}

/// If a Parse has the name of a prepared statement, PostgreSQL keeps the existing statement. It also skips the messages
/// after an error. The rules do the same.
#[tokio::test]
async fn kept_statements_stay_under_the_rules() {
    let multiple = error("0A000", "multiple ddl statements not supported in a transaction");
    let missing = message(b'B', b"\0missing\0\0\0\0\0\0\0");
    let close = message(b'C', b"Sddl\0");
    let taken = [parse("ddl", "SELECT 1"), sync()].concat();
    let skipped = [missing, close, parse("ddl", "SELECT 1"), sync()].concat();
    let begin = [run("BEGIN"), run("CREATE TABLE b (i int)"), sync()].concat();
    let again = [execute("ddl"), sync()].concat();
    let local = Local::builder().start().await.unwrap();
    for rejected in [taken, skipped] {
        for pipelined in [false, true] {
            local.run_sql("clean", "DROP TABLE IF EXISTS a, b").await.unwrap();
            let mut session = Session::open(&local).await;
            let prepare = [parse("ddl", "CREATE TABLE a (i int)"), sync()].concat();
            assert!(session.send(&prepare, 1).await.errors.is_empty());
            let answer = match pipelined {
                true => session.send(&[rejected.clone(), begin.clone(), again.clone()].concat(), 3).await,
                false => {
                    session.send(&rejected, 1).await;
                    session.send(&begin, 1).await;
                    session.send(&again, 1).await
                }
            };
            assert_eq!(answer.errors.last(), multiple.last(), "{answer:?}");
        }
    }
    // After a Close, the same statement name can be used for other SQL.
    let mut session = Session::open(&local).await;
    session.send(&[parse("ddl", "CREATE TABLE c (i int)"), sync()].concat(), 1).await;
    let renewed = [message(b'C', b"Sddl\0"), parse("ddl", "SELECT 5"), sync()].concat();
    session.send(&renewed, 1).await;
    session.simple("BEGIN; CREATE TABLE d (i int)").await;
    assert_eq!(session.send(&again, 1).await.values, ["5"]);
    // A rejected Execute does not change the unnamed statement.
    session.simple("ROLLBACK").await;
    session
        .send(&[parse("begin", "BEGIN"), parse("ddl2", "CREATE TABLE d (i int)"), sync()].concat(), 1)
        .await;
    session.send(&[parse("end", "ROLLBACK"), parse("", "CREATE TABLE e (i int)"), sync()].concat(), 1).await;
    session.send(&[execute("begin"), execute("ddl2"), sync()].concat(), 1).await;
    assert_eq!(session.send(&[execute(""), sync()].concat(), 1).await.errors, multiple);
    assert!(session.send(&[execute("end"), sync()].concat(), 1).await.errors.is_empty());
    assert_eq!(session.send(&[execute(""), sync()].concat(), 1).await.done, ["CREATE TABLE"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn settings_and_helpers_cannot_be_reached() {
    let init = "CREATE TABLE t (id int)";
    let local = Local::builder().init_sql(init).limit("rows=10".parse().unwrap()).start().await.unwrap();
    let mut session = Session::open(&local).await;
    let rejected =
        |name: &str| error("0A000", &format!("setting configuration parameter \"{name}\" not supported"));
    for name in
        ["lock_timeout", "statement_timeout", "dsql_local.limit_rows", "dsql_local.rows", "a.b", "role"]
    {
        let zero = if name == "role" { "none" } else { "'0'" };
        for sql in [
            format!("SELECT set_config('{name}', '0', false)"),
            format!("SELECT pg_catalog.set_config(lower('{name}'), '0', true)"),
            format!("SELECT set_config(name, '0', false) FROM (VALUES ('{name}')) names (name)"),
            format!("UPDATE t SET id = set_config('{name}', '0', false)::int"),
            format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET {name} = {zero} AS 'SELECT 1'"),
        ] {
            session.simple("INSERT INTO t VALUES (1)").await;
            for extended in [false, true] {
                let errors = session.run(extended, &sql).await.errors;
                // In PostgreSQL itself, a function cannot set a parameter that no module has defined.
                let unknown = sql.starts_with("CREATE") && errors[0].0 == "42501";
                assert!(errors == rejected(name) || unknown, "{sql}: {errors:?}");
            }
        }
        let bound = [
            parse("", "SELECT set_config($1, '0', false)"),
            message(
                b'B',
                format!("\0\0\0\0\0\x01\0\0\0{}{name}\0\0", char::from(u8::try_from(name.len()).unwrap()))
                    .as_bytes(),
            ),
            message(b'E', b"\0\0\0\0\0"),
            sync(),
        ];
        assert_eq!(session.send(&bound.concat(), 1).await.errors, rejected(name), "{name} as a parameter");
    }
    for sql in
        ["SELECT set_config('search_path', 'public', false)", "SELECT set_config('TimeZone', 'UTC', true)"]
    {
        assert!(session.simple(sql).await.errors.is_empty(), "{sql}");
    }
    let many = session.simple("INSERT INTO t SELECT generate_series(1, 11)").await;
    assert_eq!(many.errors, error("54000", "transaction row limit exceeded"));
    // Functions that dsql-local calls instead of a client's statement reject other callers.
    for (sql, sqlstate) in [
        ("SELECT sys.dsql_local_run_job('a', 'b', 'TRUNCATE t')", "42883"),
        ("SELECT dsql_local_build_index('t', 'i', 'TRUNCATE t', '', '', 'x')", "42501"),
        ("SELECT dsql_local_build_index('t', 'i', 'TRUNCATE t', '', '', NULL)", "42501"),
        ("SELECT dsql_local_validate('t', 'c', 'TRUNCATE t', 'x')", "42501"),
        ("SELECT dsql_local_log_job('a', 'pg_class', 1, 'x', 'completed', NULL, '', 'x')", "42501"),
        ("SELECT dsql_local_fail_index(1, '', 'x')", "42501"),
        ("CALL dsql_local_iam('GRANT', 'admin', 'arn:aws:iam::000000000000:role/x', 'x')", "42501"),
        ("SELECT dsql_local_set_config('lock_timeout', '0', false)", "42501"),
        ("SELECT dsql_local_user('x', 'y')", "42501"),
        ("SELECT dsql_local_attach(1)", "42501"),
        ("SELECT key FROM dsql_local_seal_key", "42501"),
        ("DELETE FROM dsql_local_jobs", "42501"),
    ] {
        for extended in [false, true] {
            assert_eq!(session.run(extended, sql).await.errors[0].0, sqlstate, "{sql}");
        }
    }
    // A call by the protocol (FunctionCall), with a function's OID.
    let call = message(b'F', b"\0\0\x08\x1e\0\0\0\0\0\0");
    assert_eq!(session.send(&call, 1).await.errors[0].0, "0A000");
    // Lists of users' objects do not show dsql-local's objects.
    for list in [
        "pg_tables WHERE tablename ~ 'dsql_local'",
        "pg_indexes WHERE tablename ~ 'dsql_local'",
        "information_schema.tables WHERE table_name ~ 'dsql_local'",
        "pg_class WHERE relname ~ 'dsql_local' AND relnamespace <> 'pg_catalog'::regnamespace",
        "pg_proc WHERE proname ~ 'dsql_local' AND pronamespace <> 'pg_catalog'::regnamespace",
    ] {
        let answer = session.simple(&format!("SELECT count(*) FROM {list}")).await;
        assert_eq!((answer.errors, answer.values), (Vec::new(), vec!["0".to_owned()]), "{list}");
    }
    local.stop().await.unwrap();
}
