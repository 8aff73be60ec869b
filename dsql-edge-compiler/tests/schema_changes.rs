//! Tests the schema after ALTER, DROP and ROLLBACK: which queries compile, and which statements are not followed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge_compiler::schema::UserTypeKind;
use dsql_edge_compiler::volatility::Volatility;
use dsql_edge_compiler::{Schema, Source, compile};

/// Returns the first error of a query, or "" if it compiles.
fn error(ddl: &str, query: &str) -> String {
    let schema = Schema::parse(ddl).unwrap_or_else(|errors| panic!("{ddl}: {errors:?}"));
    match compile(&Source::numbered(query), &schema) {
        Ok(_) => String::new(),
        Err(errors) => errors.errors().next().map(|error| error.message.clone()).unwrap_or_default(),
    }
}

fn unfollowed(ddl: &str) -> Vec<String> {
    let schema = Schema::parse(ddl).unwrap_or_else(|errors| panic!("{ddl}: {errors:?}"));
    schema.unfollowed.iter().map(|it| it.diagnostic.span.text(ddl).to_owned()).collect()
}

#[test]
fn dropped_and_renamed_functions_are_followed() {
    let functions = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION o(a int, OUT b int) LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION r(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION r(int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);";
    for (change, query, expected) in [
        ("DROP FUNCTION f();", "SELECT f() AS a", "function f() does not exist"),
        ("DROP FUNCTION f();", "SELECT f(1) AS a", ""),
        (
            "DROP ROUTINE IF EXISTS g, public.f(IN b integer) CASCADE;",
            "SELECT f(1) AS a",
            "function f(integer) does not exist",
        ),
        ("DROP FUNCTION f(int), f();", "SELECT f() AS a", "function f() does not exist"),
        ("DROP AGGREGATE total(int);", "SELECT total(1) AS a", "function total(integer) does not exist"),
        ("DROP FUNCTION other.f();", "SELECT f() AS a", ""),
        ("DROP FUNCTION o(int);", "SELECT o(1) AS a", "function o(integer) does not exist"),
        ("DROP FUNCTION r(int[]);", "SELECT r(1) AS a", ""),
        ("DROP FUNCTION r(int[]);", "SELECT r(ARRAY[1]) AS a", "function r(integer[]) does not exist"),
        ("ALTER FUNCTION f() RENAME TO g;", "SELECT f() AS a", "function f() does not exist"),
        ("ALTER FUNCTION f() RENAME TO g;", "SELECT g() AS a", ""),
        ("ALTER FUNCTION f(int) RENAME TO g;", "SELECT f() AS a", ""),
        ("CREATE SCHEMA app; ALTER FUNCTION f() SET SCHEMA app;", "SELECT app.f() AS a", ""),
        (
            "CREATE SCHEMA app; ALTER FUNCTION f() SET SCHEMA app;",
            "SELECT f() AS a",
            "function f() does not exist",
        ),
        ("ALTER AGGREGATE total(int) RENAME TO sums;", "SELECT sums(1) AS a", ""),
        (
            "CREATE OR REPLACE FUNCTION f(b integer) RETURNS text LANGUAGE sql AS 'SELECT 1';",
            "SELECT lower(f(1)) AS a",
            "",
        ),
    ] {
        assert_eq!(error(&format!("{functions}{change}"), query), expected, "{change}");
        assert!(unfollowed(&format!("{functions}{change}")).is_empty(), "{change}");
    }
}

#[test]
fn altered_properties_of_functions_are_followed() {
    let properties = |change: &str| {
        let text = format!("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; {change}");
        let schema = Schema::parse(&text).unwrap();
        let definition = &schema.functions[0].definition;
        (definition.strict, definition.volatility)
    };
    assert_eq!(properties("ALTER FUNCTION f(int) COST 10;"), (false, Volatility::Volatile));
    assert_eq!(properties("ALTER FUNCTION f STRICT STABLE PARALLEL SAFE;"), (true, Volatility::Stable));
    assert_eq!(properties("ALTER ROUTINE f(int) RETURNS NULL ON NULL INPUT;"), (true, Volatility::Volatile));
    assert_eq!(
        properties("ALTER FUNCTION f STRICT; ALTER FUNCTION f CALLED ON NULL INPUT IMMUTABLE;"),
        (false, Volatility::Immutable)
    );
    assert_eq!(properties("ALTER FUNCTION f SET search_path TO strict;"), (false, Volatility::Volatile));
    assert_eq!(properties("ALTER FUNCTION f OWNER TO stable;"), (false, Volatility::Volatile));
}

const APP: &str = "CREATE SCHEMA app; CREATE TABLE app.t (a int NOT NULL); CREATE TABLE u (a int);
    CREATE DOMAIN app.id AS int; CREATE TABLE w (i app.id);
    CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE OPERATOR app.## (FUNCTION = g, RIGHTARG = int);";

#[test]
fn dropped_and_renamed_schemas_are_followed() {
    let missing = "relation \"app.t\" does not exist";
    for (change, query, expected) in [
        ("DROP SCHEMA app CASCADE;", "SELECT a FROM app.t", missing),
        ("DROP SCHEMA app CASCADE;", "SELECT a FROM u", ""),
        (
            "DROP SCHEMA app CASCADE; CREATE SCHEMA app;",
            "SELECT 1::app.id AS i",
            "type \"app.id\" does not exist",
        ),
        (
            "DROP SCHEMA app CASCADE; CREATE SCHEMA app;",
            "SELECT app.f() AS a",
            "function app.f() does not exist",
        ),
        (
            "DROP SCHEMA app CASCADE;",
            "SELECT OPERATOR(app.##) 1 AS a",
            "operator does not exist: app.## integer",
        ),
        (
            "DROP SCHEMA app CASCADE; CREATE SCHEMA app;",
            "SELECT OPERATOR(app.##) 1 AS a",
            "operator does not exist: app.## integer",
        ),
        // PostgreSQL rejects the statement, because the schema is not empty.
        ("DROP SCHEMA app;", "SELECT a FROM app.t", ""),
        ("DROP SCHEMA public CASCADE;", "SELECT a FROM u", "relation \"u\" does not exist"),
        (
            "DROP SCHEMA app CASCADE; CREATE SCHEMA app; CREATE TABLE app.t (b int);",
            "SELECT b FROM app.t",
            "",
        ),
        ("ALTER SCHEMA app RENAME TO old;", "SELECT a FROM app.t", missing),
        ("ALTER SCHEMA app RENAME TO old;", "SELECT a, old.f() AS b FROM old.t", ""),
        ("ALTER SCHEMA app RENAME TO old;", "SELECT i + 1 AS i FROM w", ""),
        ("ALTER SCHEMA app RENAME TO old;", "SELECT 1::old.id AS i", ""),
        ("ALTER SCHEMA app RENAME TO old;", "SELECT OPERATOR(old.##) 1 AS a", ""),
        ("ALTER SCHEMA app OWNER TO me;", "SELECT a FROM app.t", ""),
    ] {
        assert_eq!(error(&format!("{APP}{change}"), query), expected, "{change}");
        assert!(unfollowed(&format!("{APP}{change}")).is_empty(), "{change}");
    }
    let hint = |change: &str, query: &str| {
        let errors = compile(&Source::numbered(query), &Schema::parse(&format!("{APP}{change}")).unwrap())
            .unwrap_err();
        errors.errors().find_map(|error| error.hint.clone()).unwrap_or_default()
    };
    assert_eq!(hint("DROP SCHEMA app CASCADE;", "SELECT a FROM app.t"), "the snapshot has no schema \"app\"");
    let renamed = "CREATE SCHEMA e; ALTER SCHEMA e RENAME TO f;";
    assert_eq!(hint(renamed, "SELECT a FROM e.none"), "the snapshot has no schema \"e\"");
    assert_eq!(hint(renamed, "SELECT a FROM f.none"), "the tables are app.t, u, w");
    let renamed = Schema::parse(&format!("{APP}ALTER SCHEMA app RENAME TO old;")).unwrap();
    let query = compile(&Source::numbered("SELECT a FROM old.t"), &renamed).unwrap();
    assert_eq!(query.tables, ["old.t"]);
    let view = format!("{APP}CREATE VIEW v AS SELECT a FROM app.t;");
    let renamed =
        format!("{view}ALTER SCHEMA app RENAME TO old; CREATE SCHEMA app; CREATE TABLE app.t (b int);");
    assert_eq!(error(&renamed, "SELECT a FROM v"), "");
}

#[test]
fn renamed_types_and_columns_of_views_are_followed() {
    for (ddl, query, expected) in [
        (
            "CREATE DOMAIN id AS int; CREATE TABLE t (a id); ALTER DOMAIN id RENAME TO key;",
            "SELECT a + 1 AS a FROM t",
            "",
        ),
        (
            "CREATE DOMAIN id AS int; CREATE TABLE t (a public.id); ALTER DOMAIN id RENAME TO key;",
            "SELECT a + 1 AS a FROM t",
            "",
        ),
        (
            "CREATE DOMAIN id AS int; ALTER DOMAIN id RENAME TO key;",
            "SELECT 1::id AS a",
            "type \"id\" does not exist",
        ),
        (
            "CREATE SCHEMA app; CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (a mood, b mood[]); ALTER TYPE mood SET SCHEMA app;",
            "SELECT a FROM t WHERE a = 'ok' AND b[1] = 'ok'",
            "",
        ),
        (
            "CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood ADD VALUE 'sad' BEFORE 'ok';",
            "SELECT 'sad'::mood AS a",
            "",
        ),
        (
            "CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';",
            "SELECT 'ok'::mood AS a",
            "invalid input value for enum mood: \"ok\"",
        ),
        (
            "CREATE TYPE p AS (x int); ALTER TYPE p RENAME ATTRIBUTE x TO y; CREATE TABLE t (a p);",
            "SELECT (a).y FROM t",
            "",
        ),
        (
            "CREATE TABLE t (a int); CREATE VIEW v AS SELECT * FROM t; ALTER VIEW v RENAME COLUMN a TO b;",
            "SELECT b FROM v",
            "",
        ),
        (
            "CREATE TABLE t (a int); CREATE VIEW v (x) AS SELECT a FROM t; ALTER VIEW v RENAME x TO b;",
            "SELECT x FROM v",
            "column \"x\" does not exist",
        ),
        ("CREATE TABLE t (a int); SELECT a AS b INTO u FROM t;", "SELECT b FROM u", ""),
    ] {
        assert_eq!(error(ddl, query), expected, "{ddl}");
    }
}

#[test]
fn types_of_the_same_name_are_distinguished() {
    let moods = "CREATE SCHEMA app; CREATE TYPE mood AS ENUM ('ok'); CREATE TYPE app.mood AS ENUM ('x'); CREATE TABLE t (a mood, b app.mood);";
    for change in ["ALTER TYPE app.mood RENAME TO other;", "ALTER TYPE mood RENAME TO other;"] {
        assert_eq!(
            error(&format!("{moods}{change}"), "SELECT a FROM t WHERE a = 'ok' AND b = 'x'"),
            "",
            "{change}"
        );
    }
    let own = "CREATE DOMAIN int4 AS text; CREATE TABLE t (a int); ALTER DOMAIN int4 RENAME TO x;";
    assert_eq!(error(own, "SELECT a + 1 AS a FROM t"), "");
}

#[test]
fn labels_of_an_enum_are_added_in_their_places() {
    for (change, expected) in [
        ("ADD VALUE 'c'", "a b c"),
        ("ADD VALUE 'c' BEFORE 'a'", "c a b"),
        ("ADD VALUE 'c' AFTER 'a'", "a c b"),
        ("ADD VALUE IF NOT EXISTS 'a'", "a b"),
        ("RENAME VALUE 'a' TO 'c'", "c b"),
    ] {
        let schema =
            Schema::parse(&format!("CREATE TYPE e AS ENUM ('a', 'b'); ALTER TYPE e {change};")).unwrap();
        let UserTypeKind::Enum(labels) = &schema.types[0].kind else { panic!("not an enum") };
        assert_eq!(labels.join(" "), expected, "{change}");
    }
}

#[test]
fn renamed_type_is_renamed_everywhere() {
    let ddl = "CREATE DOMAIN id AS int; CREATE TABLE t (a id, b public.id[]); CREATE DOMAIN of AS id;
        CREATE TYPE pair AS (x id); CREATE TYPE span AS RANGE (subtype = id);
        CREATE FUNCTION f(id) RETURNS id LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE g(int) (SFUNC = h, STYPE = id);
        CREATE OPERATOR ## (FUNCTION = f, LEFTARG = id, RIGHTARG = id);
        CREATE CAST (id AS text) WITH INOUT; CREATE CAST (text AS id) WITH INOUT;";
    let shown = |ddl: &str| format!("{:?}", Schema::parse(ddl).unwrap());
    let named = |schema: &str| schema.matches("text: \"id\"").count();
    assert_eq!(named(&shown(ddl)), 12);
    let renamed = shown(&format!("{ddl} ALTER DOMAIN id RENAME TO key;"));
    assert_eq!(named(&renamed), 0, "{renamed}");
}

#[test]
fn statements_that_are_rolled_back_change_nothing() {
    for (script, expected) in [
        ("BEGIN; ALTER TABLE t DROP COLUMN a; ROLLBACK;", ""),
        ("BEGIN; ALTER TABLE t DROP COLUMN a; COMMIT;", "column \"a\" does not exist"),
        ("BEGIN; SAVEPOINT s; ALTER TABLE t DROP COLUMN a; ROLLBACK TO SAVEPOINT s; COMMIT;", ""),
        ("BEGIN; SAVEPOINT s; RELEASE s; ALTER TABLE t DROP COLUMN a; END;", "column \"a\" does not exist"),
        ("BEGIN; ROLLBACK AND CHAIN; ALTER TABLE t DROP COLUMN a; ABORT;", ""),
        ("ALTER TABLE t DROP COLUMN a; ROLLBACK;", "column \"a\" does not exist"),
        ("BEGIN; COMMIT AND NO CHAIN; ALTER TABLE t DROP COLUMN a; ROLLBACK;", "column \"a\" does not exist"),
        (
            "BEGIN; ALTER TABLE t DROP COLUMN a; SAVEPOINT s; DROP TABLE t; ROLLBACK TO s; COMMIT;",
            "column \"a\" does not exist",
        ),
        (
            "SAVEPOINT s; ALTER TABLE t DROP COLUMN a; BEGIN; ROLLBACK TO s; COMMIT;",
            "column \"a\" does not exist",
        ),
        ("BEGIN; SAVEPOINT s; ALTER TABLE t DROP COLUMN a; SAVEPOINT r; ROLLBACK TO s; COMMIT;", ""),
        // If several savepoints have the same name, ROLLBACK TO uses the newest of those that remain.
        (
            "BEGIN; SAVEPOINT s; ALTER TABLE t DROP COLUMN b; SAVEPOINT s; RELEASE s; ROLLBACK TO s; COMMIT;",
            "",
        ),
        (
            "BEGIN; SAVEPOINT r; ALTER TABLE t DROP COLUMN b; SAVEPOINT s; SAVEPOINT r; ROLLBACK TO s; ROLLBACK TO r; COMMIT;",
            "",
        ),
        ("BEGIN; ALTER TABLE t DROP COLUMN a; PREPARE TRANSACTION 'x'; ROLLBACK PREPARED 'x';", ""),
        (
            "START TRANSACTION; SET search_path = app; ROLLBACK; ALTER TABLE t DROP COLUMN a;",
            "column \"a\" does not exist",
        ),
    ] {
        let ddl = format!("CREATE TABLE t (a int, b int); {script}");
        assert_eq!(error(&ddl, "SELECT a, b FROM t"), expected, "{script}");
        assert!(unfollowed(&ddl).is_empty(), "{script}");
    }
    assert_eq!(unfollowed("COMMIT; BEGIN; DROP TABLE IF EXISTS t;"), ["BEGIN"]);
}

#[test]
fn statement_with_an_unknown_effect_is_reported() {
    for statement in [
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$",
        "DO $$ BEGIN IF EXISTS (SELECT 'x') THEN CREATE TABLE t (a int); END IF; END $$",
        "DO $$ BEGIN IF NOT EXISTS (SELECT 'x') THEN CREATE TABLE t (a int); END IF; END $$",
        "DO $$ DECLARE t text; BEGIN CREATE TABLE t (a int); END $$",
        "DO $$ BEGIN CREATE TABLE t (a int); EXCEPTION WHEN division_by_zero THEN NULL; END $$",
        "DO $$ BEGIN ALTER TABLE t ADD CHECK (a > 0); EXCEPTION WHEN others THEN NULL; END $$",
        "DO $$ BEGIN ALTER TABLE t ALTER a SET NOT NULL; EXCEPTION WHEN others THEN NULL; END $$",
        "DO $$ BEGIN CREATE TYPE m AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN DROP TYPE m; END $$",
        "DO $$ BEGIN CREATE TYPE m AS ENUM ('a'); RAISE 'no'; EXCEPTION WHEN others THEN NULL; END $$",
        "DO $$ BEGIN CREATE TYPE m AS ENUM ('a'); RAISE EXCEPTION 'no'; EXCEPTION WHEN others THEN NULL; END $$",
        "CALL p()",
        "DROP EXTENSION postgis CASCADE",
        "ALTER EXTENSION postgis SET SCHEMA app",
        "DROP OWNED BY me",
        "CREATE SCHEMA AUTHORIZATION me",
        "CREATE TABLE t AS EXECUTE q",
        "ALTER OPERATOR + (int, int) SET SCHEMA app",
        "ALTER EXTENSION citext UPDATE TO '1.0'",
        "ALTER COLLATION c RENAME TO d",
        "\\i other.sql",
        "\\ir other.sql",
        "\\if :x",
        "\\q",
    ] {
        let ending = if statement.starts_with('\\') { "\n" } else { ";" };
        assert_eq!(unfollowed(&format!("CREATE TABLE x (a int); {statement}{ending}")), [statement]);
    }
    assert_eq!(unfollowed("SELECT 'DROP TABLE t' \\gexec\n"), ["\\gexec"]);
    for followed in [
        "CALL sys.wait_for_job('x');",
        "DROP TRIGGER r ON t;",
        "DROP OPERATOR + (int, int);",
        "DROP CAST (int AS text);",
        "CREATE EXTENSION citext; DROP EXTENSION IF EXISTS citext, hstore CASCADE;",
        "CREATE EXTENSION citext; ALTER EXTENSION citext UPDATE;",
        "DO $$ BEGIN EXECUTE 'CREATE TABLE x (a int)'; RAISE NOTICE 'x'; END $$;",
        "DROP OPERATOR CLASS c USING btree;",
        "ALTER OPERATOR + (int, int) OWNER TO me;",
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "GRANT SELECT ON t TO me;",
        "\\restrict x\nCOPY t FROM stdin;\n1\n\\.\n\\unrestrict x\n",
        "BEGIN; DO 'x'; ROLLBACK;",
    ] {
        assert!(unfollowed(followed).is_empty(), "{followed}");
    }
}
