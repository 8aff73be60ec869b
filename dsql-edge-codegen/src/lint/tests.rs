//! Scripts that each condition of a rewrite decides: with the condition removed, one of them would change its meaning.

use dsql_edge_compiler::dsql::Meaning;

use super::{Sent, fixed, fixed_before};

fn with(text: &str, safe: Meaning) -> String {
    fixed(text, None, Sent::OneByOne, safe).0
}

/// A CHECK that becomes two statements: the same only if the table has no rows.
const CHECK: &str = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);\n";
const TABLE: &str = "CREATE TABLE t (a int);\n";
const KEY: &str = "ALTER TABLE t ADD UNIQUE (a);\n";
const VIEW: &str = "CREATE VIEW v AS SELECT a FROM t;\n";
const LOG: &str = "CREATE TABLE log (x int, y text);\n";

#[test]
fn check_of_a_table_that_may_have_rows_needs_success() {
    let in_with = "WITH n AS (INSERT INTO v VALUES (-1) RETURNING a)";
    for text in [
        // Code that a statement runs without a call.
        format!("CREATE CAST (int AS text) WITH FUNCTION g AS ASSIGNMENT;\n{TABLE}{LOG}INSERT INTO log (y) VALUES (1);\n"),
        format!("CREATE DOMAIN d AS int CHECK (g(VALUE) > 0);\n{TABLE}{LOG}INSERT INTO log (x) VALUES (1::d);\n"),
        format!("{TABLE}{LOG}INSERT INTO log (y) VALUES (query_to_xml('SELECT g()', true, true, '')::text);\n"),
        format!("{TABLE}DO $$ BEGIN INSERT INTO t VALUES (-1); END $$;\n"),
        // A part of a statement that writes to a view.
        format!("{TABLE}{VIEW}{LOG}{in_with} INSERT INTO log (x) SELECT a FROM n;\n"),
        format!("{TABLE}{VIEW}{LOG}{in_with} UPDATE log SET x = n.a FROM n;\n"),
        format!("{TABLE}{VIEW}{LOG}{in_with} DELETE FROM log USING n WHERE x = n.a;\n"),
        // Rows of another table.
        format!("{TABLE}CREATE TABLE c (a int);\nINSERT INTO c VALUES (-1);\nALTER TABLE c INHERIT t;\n"),
        "CREATE TABLE t (a int) PARTITION BY LIST (a);\nCREATE TABLE c (a int);\nINSERT INTO c VALUES (-1);\n\
         ALTER TABLE t ATTACH PARTITION c DEFAULT;\n"
            .to_owned(),
        // Another table.
        format!("{TABLE}DROP TABLE t;\nSELECT -1 AS a INTO t;\n"),
        format!("{TABLE}SET role = app;\n"),
        format!("{TABLE}SET session_authorization TO app;\n"),
        format!("BEGIN;\n{TABLE}ROLLBACK;\n"),
    ] {
        let text = text + CHECK;
        assert_eq!(with(&text, Meaning::Same), text);
        assert_ne!(with(&text, Meaning::SameIfAllSucceed), text);
    }
}

#[test]
fn key_that_cannot_move_stays() {
    let two = "CREATE TABLE t (a int, b int);\n";
    let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n";
    for text in [
        // A statement in between.
        format!("{TABLE}DO $$ BEGIN INSERT INTO t VALUES (1), (1); DELETE FROM t; END $$;\n{KEY}"),
        format!("CREATE TABLE p (b int);\n{TABLE}DROP TABLE p CASCADE;\n{KEY}"),
        format!("{function}{TABLE}ALTER TABLE t ALTER a SET DEFAULT f();\n{KEY}"),
        format!("{two}CREATE VIEW g AS SELECT a FROM t GROUP BY a;\nALTER TABLE t ADD PRIMARY KEY (a);\n"),
        format!("{two}ALTER TABLE t DROP COLUMN b;\n{KEY}"),
        // CREATE TABLE with the key fails, or makes something else.
        format!("CREATE VIEW k AS SELECT 1 AS b;\n{TABLE}ALTER TABLE t ADD CONSTRAINT k UNIQUE (a);\n"),
        "CREATE TABLE t (a int NULL);\nALTER TABLE t ADD PRIMARY KEY (a);\n".to_owned(),
        format!("{two}ALTER TABLE t ADD UNIQUE (a) INCLUDE (b);\n"),
        format!("CREATE TABLE t (a int) INHERITS (p);\n{KEY}"),
        format!("{TABLE}ALTER TABLE t ADD UNIQUE (a, a);\n"),
        "CREATE TABLE t (a int PRIMARY KEY, b int);\nALTER TABLE t ADD PRIMARY KEY (b);\n".to_owned(),
        "CREATE TABLE t (a int, b int, PRIMARY KEY (a));\nALTER TABLE t ADD PRIMARY KEY (b);\n".to_owned(),
        format!("CREATE TABLE t (a int UNIQUE);\n{KEY}"),
    ] {
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
    }
}

#[test]
fn unique_index_and_unlogged_table_wait_for_success() {
    let index = "CREATE UNIQUE INDEX i ON t (a);\n";
    let unlogged = "CREATE UNLOGGED TABLE t (a int UNIQUE);\n";
    let refers = "CREATE TABLE u (a int REFERENCES t (a));\n";
    for (text, later, same, all) in [
        (format!("{TABLE}{index}ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i;\n"), "", false, false),
        (format!("{TABLE}{index}DO $$ BEGIN INSERT INTO t VALUES (1), (1); END $$;\n"), "", false, true),
        (unlogged.to_owned(), "", true, true),
        (format!("{unlogged}{refers}"), "", false, true),
        (unlogged.to_owned(), refers, false, true),
    ] {
        let is_fixed = |safe| fixed_before(&text, &[later], None, Sent::OneByOne, safe).1 > 0;
        let found = (is_fixed(Meaning::Same), is_fixed(Meaning::SameIfAllSucceed));
        assert_eq!(found, (same, all), "{text}{later}");
    }
}

#[test]
fn type_of_a_column_is_followed_through_statements_and_files() {
    let serial = "CREATE TABLE t (id serial, a int);\n";
    let identity = "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (CACHE 1), a int);\n";
    let of_copy = "SELECT chr(id) FROM copy;\n";
    for (text, later, is_fixed) in [
        (format!("{serial}CREATE VIEW w AS SELECT 'a' || id AS b FROM t;\n"), "", false),
        (format!("{serial}CREATE VIEW w AS SELECT left('abc', id) AS b FROM t;\n"), "", false),
        (format!("{serial}INSERT INTO t (id, a) VALUES (1, abs(1));\n"), "", true),
        (format!("{serial}INSERT INTO t (a) SELECT ascii(chr(id)) FROM t;\n"), "", false),
        (format!("{serial}CREATE TABLE copy AS SELECT id FROM t;\n"), "", false),
        (format!("{serial}CREATE VIEW copy AS SELECT id FROM t;\n"), "", true),
        (format!("{serial}CREATE VIEW copy AS SELECT id FROM t;\n"), of_copy, false),
        (format!("{serial}CREATE TABLE copy () INHERITS (t);\n"), of_copy, false),
        (
            format!("{serial}CREATE RULE r AS ON INSERT TO log DO ALSO INSERT INTO t (a) VALUES (1);\n"),
            "INSERT INTO log VALUES (1);\n",
            false,
        ),
        (format!("{identity}ALTER TABLE t RENAME TO copy;\n"), "", true),
        (format!("{identity}ALTER TABLE t RENAME TO copy;\n"), of_copy, false),
    ] {
        let (with, _) = fixed_before(&text, &[later], None, Sent::OneByOne, Meaning::SameIfAllSucceed);
        assert_eq!(with.contains("bigint"), is_fixed, "{text}{later}{with}");
    }
}

#[test]
fn collation_of_another_schema_stays() {
    for (collation, stays) in [("\"C\"", false), ("pg_catalog.\"C\"", false), ("app.\"C\"", true)] {
        let text = format!("CREATE TABLE t (a text COLLATE {collation});\n");
        assert_eq!(with(&text, Meaning::SameIfAllSucceed) == text, stays, "{text}");
    }
}
