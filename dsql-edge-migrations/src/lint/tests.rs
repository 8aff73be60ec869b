//! Tests of the rewrites of `lint --fix`. For each condition of a rewrite, a test has a script that does not meet the
//! condition. Without the condition, the script would be rewritten, and would then have another effect.

use dsql_edge_compiler::dsql::Meaning;

use super::{Sent, fixed, fixed_all};

fn with(text: &str, safe: Meaning) -> String {
    fixed(text, None, Sent::OneByOne, safe).0
}

/// Rewrites the file `text`; the files `later` run after it.
fn fixed_before(text: &str, later: &[&str], safe: Meaning) -> (String, usize) {
    let all: Vec<&str> = std::iter::once(text).chain(later.iter().copied()).collect();
    fixed_all(&all, None, Sent::OneByOne, safe).remove(0)
}

const SPLIT: &str = "BEGIN;\nCREATE TABLE y (a int);\nCREATE TABLE z (a int);\nCOMMIT;\n";

/// A CHECK constraint that a rewrite adds with two statements: one adds it as NOT VALID, the other validates it. With
/// the two statements, the script has the same effect only if the table has no rows.
const CHECK: &str = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);\n";
const CHECK_FIXED: &str =
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE ASYNC t VALIDATE CONSTRAINT c;\n";
const TABLE: &str = "CREATE TABLE t (a int);\n";
const KEY: &str = "ALTER TABLE t ADD UNIQUE (a);\n";
const VIEW: &str = "CREATE VIEW v AS SELECT a FROM t;\n";
const LOG: &str = "CREATE TABLE log (x int, y text);\n";
const FUNCTION: &str =
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (-1) RETURNING a';\n";

#[test]
fn check_of_a_table_that_may_have_rows_needs_success() {
    let in_with = "WITH n AS (INSERT INTO v VALUES (-1) RETURNING a)";
    for text in [
        // These scripts run code that no call shows: a cast, the check of a domain, a string with SQL, a DO block.
        format!("CREATE CAST (int AS text) WITH FUNCTION g AS ASSIGNMENT;\n{TABLE}{LOG}INSERT INTO log (y) VALUES (1);\n"),
        format!("CREATE DOMAIN d AS int CHECK (g(VALUE) > 0);\n{TABLE}{LOG}INSERT INTO log (x) VALUES (1::d);\n"),
        format!("{TABLE}{LOG}INSERT INTO log (y) VALUES (query_to_xml('SELECT g()', true, true, '')::text);\n"),
        format!("{TABLE}DO $$ BEGIN INSERT INTO t VALUES (-1); END $$;\n"),
        // A query in WITH that writes to a view.
        format!("{TABLE}{VIEW}{LOG}{in_with} INSERT INTO log (x) SELECT a FROM n;\n"),
        format!("{TABLE}{VIEW}{LOG}{in_with} UPDATE log SET x = n.a FROM n;\n"),
        format!("{TABLE}{VIEW}{LOG}{in_with} DELETE FROM log USING n WHERE x = n.a;\n"),
        // The table gets the rows of another table, which becomes its child or partition.
        format!("{TABLE}CREATE TABLE c (a int);\nINSERT INTO c VALUES (-1);\nALTER TABLE c INHERIT t;\n"),
        "CREATE TABLE t (a int) PARTITION BY LIST (a);\nCREATE TABLE c (a int);\nINSERT INTO c VALUES (-1);\n\
         ALTER TABLE t ATTACH PARTITION c DEFAULT;\n"
            .to_owned(),
        // The name means, or may mean, another table.
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
        // There is another statement between CREATE TABLE and the statement that adds the key.
        format!("{TABLE}DO $$ BEGIN INSERT INTO t VALUES (1), (1); DELETE FROM t; END $$;\n{KEY}"),
        format!("CREATE TABLE p (b int);\n{TABLE}DROP TABLE p CASCADE;\n{KEY}"),
        format!("{function}{TABLE}ALTER TABLE t ALTER a SET DEFAULT f();\n{KEY}"),
        format!("{two}CREATE VIEW g AS SELECT a FROM t GROUP BY a;\nALTER TABLE t ADD PRIMARY KEY (a);\n"),
        format!("{two}ALTER TABLE t DROP COLUMN b;\n{KEY}"),
        // CREATE TABLE with the key fails, or creates another table than CREATE TABLE and ALTER TABLE.
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
fn unique_index_and_unlogged_table_need_success() {
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
        let is_fixed = |safe| fixed_before(&text, &[later], safe).1 > 0;
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
        let (with, _) = fixed_before(&text, &[later], Meaning::SameIfAllSucceed);
        assert_eq!(with.contains("bigint"), is_fixed, "{text}{later}{with}");
    }
}

#[test]
fn literals_that_may_end_elsewhere_are_not_edited() {
    let index = "CREATE INDEX i ON t (a);\n";
    let literal = "INSERT INTO t VALUES ('it\\'s\nCREATE INDEX i ON t (a);\n');\n";
    for (text, is_fixed) in [
        (format!("SET standard_conforming_strings = off;\n{literal}"), false),
        (format!("set SESSION Standard_Conforming_Strings to 'OFF';\n{literal}"), false),
        (format!("SET standard_conforming_strings TO DEFAULT;\n{index}"), false),
        (format!("SELECT set_config('standard_conforming_strings', 'off', false);\n{literal}"), false),
        (format!("\\setenv PGOPTIONS '-c standard_conforming_strings=off'\n\\c\n{literal}"), false),
        (format!("SET standard_conforming_strings = on;\n{index}"), true),
        (format!("SHOW standard_conforming_strings; -- standard_conforming_strings\n{index}"), true),
    ] {
        let (with, count) = fixed(&text, None, Sent::OneByOne, Meaning::SameIfAllSucceed);
        assert_eq!((with != text, count > 0), (is_fixed, is_fixed), "{text}{with}");
        let warns = super::lint([(String::new(), text.clone())], None, Sent::OneByOne).remove(0);
        let warned = warns.findings.iter().any(|it| it.diagnostic.message.contains("backslash"));
        assert_eq!(warned, !is_fixed, "{text}");
    }
}

#[test]
fn rows_and_messages_after_a_joined_statement_stay() {
    let rows = "it's\nCREATE INDEX i ON t (a);\n\\.\n";
    for text in [
        format!("COPY t FROM STDIN\\; SELECT 1;\n{rows}"),
        format!("SELECT 1\\; COPY t FROM STDIN\\; SELECT 1 \\g\n{rows}"),
        "CREATE INDEX i ON t (a)\\; SELECT 1;\n".to_owned(),
        "ALTER TABLE t ADD CHECK (a > 0)\\; SELECT 1;\n".to_owned(),
        format!("CREATE TABLE t (a int)\\; SELECT 1;\n{KEY}"),
        format!("{TABLE}SELECT 1\\; {KEY}"),
    ] {
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
    }
}

#[test]
fn key_moves_across_a_failing_statement_only_if_all_succeed() {
    for (between, is_same) in [
        ("VACUUM u;\n", false),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1;\n", false),
        ("CREATE TABLE s (b int, a xml);\n", false),
        ("CREATE TABLE u (b int);\nALTER TABLE u ADD UNIQUE (b);\n", true),
        ("CREATE INDEX i ON u (a);\n", true),
    ] {
        let text = format!("{TABLE}{between}{KEY}");
        let moves = |safe| with(&text, safe).starts_with("CREATE TABLE t (a int, UNIQUE (a));");
        assert_eq!((moves(Meaning::Same), moves(Meaning::SameIfAllSucceed)), (is_same, true), "{text}");
    }
}

#[test]
fn collation_of_another_schema_stays() {
    for (collation, stays) in [("\"C\"", false), ("pg_catalog.\"C\"", false), ("app.\"C\"", true)] {
        let text = format!("CREATE TABLE t (a text COLLATE {collation});\n");
        assert_eq!(with(&text, Meaning::SameIfAllSucceed) == text, stays, "{text}");
    }
}

#[test]
fn scripts_that_a_rewrite_would_change_stay_as_they_are() {
    for text in [
        // Transactions that must not be split: they are rolled back, left open or chained, change rows, or have a
        // savepoint.
        SPLIT.replace("COMMIT", "ROLLBACK"),
        SPLIT.replace("COMMIT;", ""),
        SPLIT.replace("COMMIT;", "COMMIT AND CHAIN;"),
        SPLIT.replace("BEGIN;\n", "BEGIN;\nUPDATE x SET a = 1;\n"),
        "BEGIN;\nUPDATE x SET a = 1;\nDROP TABLE y;\nUPDATE x SET a = 2;\nCOMMIT;\n".to_owned(),
        SPLIT.replace("BEGIN;\n", "BEGIN;\nSAVEPOINT s;\n"),
        SPLIT.replace("COMMIT", "\\i more.sql\nCOMMIT"),
        // Literals, names and comments are not statements.
        "INSERT INTO t VALUES ('\n\\d\nCREATE INDEX i ON t (a);\nit''s');\n".to_owned(),
        "COPY t FROM stdin WITH (FORMAT csv);\n\"'\nCREATE INDEX i ON t (a);\n\"\n\\.\nSELECT 1;\n"
            .to_owned(),
        "/* /* '\n*/\n\\d\nCREATE INDEX i ON t (a); */ SELECT $$\n\\\nCREATE INDEX i ON t (a);$$;\n"
            .to_owned(),
        // If no statement validates the constraint, the constraint differs: it stays NOT VALID.
        "ALTER TABLE t ADD CHECK (a > 0);\n".to_owned(),
        format!("BEGIN;\n{CHECK}COMMIT;\n"),
        // A key on which another statement may depend.
        format!("{TABLE}INSERT INTO t VALUES (1);\nDELETE FROM t;\n{KEY}"),
        format!(
            "CREATE TABLE p (a int UNIQUE);\nINSERT INTO p VALUES (1);\n\
             CREATE TABLE t (a int REFERENCES p (a) ON DELETE CASCADE);\nINSERT INTO t VALUES (1), (1);\n\
             DELETE FROM p;\n{KEY}"
        ),
        format!("{TABLE}BEGIN;\n{KEY}ROLLBACK;\n"),
        format!("CREATE TABLE IF NOT EXISTS t (a int);\n{KEY}"),
        format!("CREATE TABLE t (a json);\n{KEY}"),
        "BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;\n".to_owned(),
        "CREATE UNIQUE INDEX i ON t (a);\nINSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING;\n".to_owned(),
        "CREATE TABLE t (a serial);\nALTER TABLE t ALTER COLUMN a DROP DEFAULT;\n".to_owned(),
        "CREATE SEQUENCE s AS integer CYCLE CACHE 1;\n".to_owned(),
        "SET lock_timeout = 0;\nSHOW lock_timeout;\n".to_owned(),
        "SET lock_timeout = 0;\nDO 'BEGIN PERFORM current_setting(''LOCK_TIMEOUT''); END';\n".to_owned(),
        "SET lock_timeout = 0;\nSELECT current_setting('LOCK_TIMEOUT');\n".to_owned(),
        "SET check_function_bodies = false;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
            .to_owned(),
    ] {
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
    }
}

#[test]
fn key_stays_if_rows_may_be_written_indirectly() {
    let log = "CREATE TABLE log (x int);\n";
    for between in [
        // These scripts write rows without the table's name: through a view, a trigger, a rule, a child, a domain, or a
        // function that a statement, a default or an index calls.
        format!("{VIEW}INSERT INTO v VALUES (1), (1);\nDELETE FROM v WHERE a = 1;\n"),
        format!("{VIEW}COPY v FROM stdin;\n1\n\\.\n"),
        format!("{FUNCTION}{log}INSERT INTO log VALUES (f());\n"),
        format!("{FUNCTION}{log}UPDATE log SET x = f();\n"),
        format!("{FUNCTION}{log}CREATE VIEW w AS SELECT f();\nINSERT INTO log SELECT * FROM w;\n"),
        format!("{FUNCTION}CREATE TABLE log (x int DEFAULT f());\nINSERT INTO log DEFAULT VALUES;\n"),
        format!("{FUNCTION}{log}ALTER TABLE log ALTER x SET DEFAULT f();\nINSERT INTO log DEFAULT VALUES;\n"),
        format!("{FUNCTION}{log}ALTER TABLE log ADD COLUMN y int DEFAULT f();\n"),
        format!("{FUNCTION}CREATE VIEW w AS SELECT f();\nTABLE w;\n"),
        format!("{FUNCTION}CREATE OPERATOR ## (FUNCTION = f, RIGHTARG = int);\nSELECT ## 1;\n"),
        "CREATE TABLE c () INHERITS (t);\nINSERT INTO c VALUES (1);\n".to_owned(),
        "INSERT INTO made_elsewhere VALUES (1);\n".to_owned(),
        // The name means another table.
        "SET search_path = app;\n".to_owned(),
        "SET ROLE app;\n".to_owned(),
        "DROP TABLE t;\nALTER TABLE p RENAME TO t;\n".to_owned(),
        "ALTER TABLE t RENAME TO s;\nALTER TABLE p RENAME TO t;\n".to_owned(),
        "ALTER SCHEMA public RENAME TO old;\n".to_owned(),
    ] {
        let text = format!("{TABLE}{between}{KEY}");
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
        let text = format!("{TABLE}{between}{CHECK}");
        assert_eq!(with(&text, Meaning::Same), text);
    }
    for text in [
        format!("CREATE TABLE archive.t (a int);\nALTER TABLE public.t {}", &CHECK["ALTER TABLE t ".len()..]),
        format!(
            "CREATE TRIGGER r AFTER INSERT ON log EXECUTE FUNCTION g();\n{TABLE}INSERT INTO log VALUES (1);\n{CHECK}"
        ),
        format!("BEGIN;\nSET LOCAL search_path = app;\n{TABLE}COMMIT;\n{CHECK}"),
    ] {
        assert_eq!(with(&text, Meaning::Same), text);
    }
}

#[test]
fn rows_of_other_tables_let_a_key_move() {
    for between in [
        "CREATE TABLE log (x int DEFAULT abs(1), y numeric(9, 2));\nINSERT INTO log (x) VALUES (lower('1')::int);\n",
        "CREATE TABLE log (x int);\nCOPY log (x) FROM stdin;\n1\n\\.\n",
        VIEW,
        FUNCTION,
    ] {
        let text = format!("{TABLE}{between}{KEY}");
        assert_eq!(with(&text, Meaning::Same), format!("CREATE TABLE t (a int, UNIQUE (a));\n{between}"));
    }
}

#[test]
fn index_that_is_used_before_its_job_ends_stays() {
    let index = "CREATE UNIQUE INDEX i ON t (a);\n";
    for later in [
        "CREATE TABLE u (a int REFERENCES t (a));\n".to_owned(),
        format!("{VIEW}INSERT INTO v VALUES (1) ON CONFLICT (a) DO NOTHING;\n"),
        "DO $$ BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING; END $$;\n".to_owned(),
        "ALTER TABLE t RENAME TO s;\nCREATE TABLE u (a int REFERENCES s (a));\n".to_owned(),
        "ALTER TABLE t RENAME COLUMN a TO b;\nCREATE TABLE u (a int REFERENCES t (b));\n".to_owned(),
    ] {
        let text = format!("{TABLE}{index}{later}");
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
    }
    // These foreign keys use the primary key or another index.
    for other in ["REFERENCES t", "REFERENCES t (b)", "REFERENCES t (a, b)"] {
        let table = format!("CREATE TABLE u (a int, b int, FOREIGN KEY (a) {other});\n");
        let fixed = format!("{TABLE}CREATE UNIQUE INDEX ASYNC i ON t (a);\n{table}");
        assert_eq!(with(&format!("{TABLE}{index}{table}"), Meaning::Same), fixed);
    }
    let text = format!("{TABLE}{index}{VIEW}INSERT INTO v VALUES (1);\n");
    assert_eq!(with(&text, Meaning::Same), text);
}

#[test]
fn column_stays_an_integer_if_its_type_is_used() {
    let serial = "CREATE TABLE t (id serial, a int);\n";
    for (text, is_fixed) in [
        (
            format!(
                "{serial}CREATE FUNCTION h(int) RETURNS int LANGUAGE sql AS 'SELECT $1';\nCREATE VIEW w AS SELECT h(id) FROM t;\n"
            ),
            false,
        ),
        (
            format!(
                "{serial}CREATE VIEW y AS SELECT id FROM t;\nCREATE OR REPLACE VIEW y AS SELECT a AS id FROM z;\n"
            ),
            false,
        ),
        (
            format!(
                "{serial}CREATE VIEW y (n) AS SELECT id FROM t;\nCREATE VIEW w AS SELECT chr(n) FROM y;\n"
            ),
            false,
        ),
        (
            format!(
                "{serial}CREATE FUNCTION h() RETURNS SETOF int LANGUAGE sql AS 'SELECT id FROM t';\n"
            ),
            false,
        ),
        (
            "CREATE TABLE links (id serial);\nCREATE FUNCTION h() RETURNS SETOF int LANGUAGE sql AS 'SELECT id FROM LINKS';\n".to_owned(),
            false,
        ),
        ("CREATE TABLE t (id serial, CHECK (chr(id) <> 'a'));\n".to_owned(), false),
        (format!("{serial}CREATE VIEW v AS SELECT DATE '2026-01-01' + id AS d FROM t;\n"), false),
        (format!("{serial}CREATE VIEW v AS SELECT id::boolean AS b FROM t;\n"), false),
        (format!("{serial}CREATE VIEW v AS SELECT a FROM t WHERE ARRAY[id] = ARRAY[1];\n"), false),
        (format!("{serial}CREATE VIEW v AS SELECT id FROM t UNION ALL SELECT 1;\n"), false),
        (format!("{serial}CREATE TABLE u (LIKE t);\n"), false),
        (format!("{serial}CREATE TABLE u AS SELECT id FROM t;\n"), false),
        (format!("{serial}SELECT id INTO u FROM t;\n"), false),
        (format!("{serial}CREATE TABLE u () INHERITS (t);\n"), false),
        (format!("{serial}CREATE TABLE u (r t);\n"), false),
        (format!("{serial}CREATE TABLE l (n int);\nINSERT INTO l SELECT id * 1000000 FROM t;\n"), false),
        (format!("{serial}CREATE VIEW v AS SELECT *, t.* FROM t WHERE id > -1;\n"), true),
        (format!("{serial}CREATE TABLE u (t_id int REFERENCES t (id), tags int[]);\n"), true),
        (format!("{serial}CREATE VIEW v AS SELECT 'a'::text AS b, id FROM t;\n"), true),
        ("CREATE TABLE t (value serial, CHECK (chr(value) <> 'a'));\n".to_owned(), false),
        (
            format!("{serial}INSERT INTO t (a) VALUES (abs(1));\nCREATE VIEW y AS SELECT id FROM t;\n"),
            true,
        ),
    ] {
        assert_eq!(with(&text, Meaning::SameIfAllSucceed) != text, is_fixed, "{text}");
        let identity = text.replace("serial", "int GENERATED ALWAYS AS IDENTITY (CACHE 1)");
        assert_eq!(with(&identity, Meaning::SameIfAllSucceed) != identity, is_fixed, "{identity}");
    }
}

#[test]
fn rewrite_that_depends_on_success_needs_assume_success() {
    for (text, expected) in [
        (SPLIT.to_owned(), SPLIT.replace("CREATE TABLE z", "COMMIT;\nBEGIN;\nCREATE TABLE z")),
        (CHECK.to_owned(), CHECK_FIXED.to_owned()),
        (
            format!("{TABLE}INSERT INTO t VALUES (1);\n{CHECK}"),
            format!("{TABLE}INSERT INTO t VALUES (1);\n{CHECK_FIXED}"),
        ),
        (
            format!("{TABLE}COPY t FROM stdin;\n1\n\\.\n{KEY}"),
            "CREATE TABLE t (a int, UNIQUE (a));\nCOPY t FROM stdin;\n1\n\\.\n".to_owned(),
        ),
        (
            "CREATE UNIQUE INDEX i ON t (a);\nINSERT INTO t VALUES (1);\n".to_owned(),
            "CREATE UNIQUE INDEX ASYNC i ON t (a);\nINSERT INTO t VALUES (1);\n".to_owned(),
        ),
    ] {
        assert_eq!(with(&text, Meaning::Same), text);
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), expected);
    }
}

#[test]
fn rewrites_with_the_same_effect_are_applied() {
    for (text, expected) in [
        (format!("{TABLE}{CHECK}"), format!("{TABLE}{CHECK_FIXED}")),
        (format!("{TABLE}{KEY}"), "CREATE TABLE t (a int, UNIQUE (a));\n".to_owned()),
        ("CREATE INDEX i ON t (a)".to_owned(), "CREATE INDEX ASYNC i ON t (a)".to_owned()),
        ("\u{feff}SET lock_timeout = 0;\r\nSELECT 1;\r\n".to_owned(), "\u{feff}SELECT 1;\r\n".to_owned()),
        // The removed text follows a comment, and the line end after the comment must stay.
        (
            "CREATE TABLE t (b text -- it's\n COLLATE \"C\" NOT NULL);\n".to_owned(),
            "CREATE TABLE t (b text -- it's\n  NOT NULL);\n".to_owned(),
        ),
    ] {
        assert_eq!(with(&text, Meaning::Same), expected);
    }
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let text = format!("{TABLE}{CHECK}");
    assert_eq!(with(&crlf(&text), Meaning::Same), crlf(&format!("{TABLE}{CHECK_FIXED}")));
}

#[test]
fn later_files_are_a_part_of_the_script() {
    let serial = "CREATE TABLE t (id serial, a int);\n";
    let index = "CREATE UNIQUE INDEX i ON t (a);\n";
    let setting = "SET lock_timeout = 0;\n";
    let viewed = format!("{index}{VIEW}");
    let in_capitals = "CREATE UNIQUE INDEX i ON links (a);\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO LINKS VALUES (1)';\n";
    for (text, later, same, all) in [
        (serial, "SELECT 1", true, true),
        (serial, "ALTER TABLE T ALTER COLUMN id SET DEFAULT 7", false, false),
        (index, "CREATE TABLE u (b int)", true, true),
        (index, "INSERT INTO t VALUES (1), (1)", false, true),
        (&viewed, "INSERT INTO v VALUES (1), (1)", false, true),
        (in_capitals, "SELECT f()", false, true),
        (index, "CREATE TABLE u (a int REFERENCES t (a))", false, false),
        (setting, "SHOW lock_timeout", false, false),
    ] {
        let is_fixed = |safe| fixed_before(text, &["", later], safe).1 > 0;
        let found = (is_fixed(Meaning::Same), is_fixed(Meaning::SameIfAllSucceed));
        assert_eq!(found, (same, all), "{text}{later}");
    }
}

#[test]
fn index_is_rewritten_for_migrate_which_waits_for_its_job() {
    let text = "CREATE UNIQUE INDEX i ON t (a);\nINSERT INTO t VALUES (1);\n";
    let expected = text.replace("INDEX", "INDEX ASYNC");
    assert_eq!(fixed(text, None, Sent::Migrate, Meaning::Same).0, expected);
}

#[test]
fn default_of_an_empty_table_is_set_after_the_column() {
    let fixed = "ALTER TABLE t ADD COLUMN b int;\nALTER TABLE t ALTER COLUMN b SET DEFAULT 0;\n";
    let add = "ALTER TABLE t ADD COLUMN b int DEFAULT 0;\n";
    let text = format!("{TABLE}{add}");
    assert_eq!(with(&text, Meaning::SameIfAllSucceed), format!("{TABLE}{fixed}"));
    assert_eq!(with(&text, Meaning::Same), text);
    let time = |default: &str| format!("{TABLE}ALTER TABLE t ADD COLUMN b timestamptz DEFAULT {default};\n");
    for text in [
        // The table may contain rows, and these rows would not get the value of the default.
        add.to_owned(),
        format!("{TABLE}INSERT INTO t VALUES (1);\n{add}"),
        // The value depends on the time, or is computed.
        time("'now'"),
        time("timestamptz ' Today'"),
        time("now()"),
        // The column may exist, must not be NULL, or is added in a transaction.
        format!("{TABLE}ALTER TABLE t ADD COLUMN IF NOT EXISTS b int DEFAULT 0;\n"),
        format!("{TABLE}ALTER TABLE t ADD COLUMN b int DEFAULT 0 NOT NULL;\n"),
        format!("{TABLE}BEGIN;\n{add}COMMIT;\n"),
    ] {
        assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
    }
}

#[test]
fn statements_are_added_between_breakpoints() {
    let text =
        "CREATE TABLE t (a int);--> statement-breakpoint\nALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);";
    let expected = "CREATE TABLE t (a int);--> statement-breakpoint\nALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT \
                    VALID;--> statement-breakpoint\nALTER TABLE ASYNC t VALIDATE CONSTRAINT c;";
    assert_eq!(with(text, Meaning::SameIfAllSucceed), expected);
}

#[test]
fn descending_key_keeps_the_order_of_its_nulls() {
    for (keys, expected) in [
        ("a DESC", "a"),
        ("a DESC NULLS FIRST", "a"),
        ("a DESC NULLS LAST", "a NULLS FIRST"),
        ("a ASC NULLS FIRST", "a NULLS FIRST"),
        ("a DESC NULLS LAST, b DESC, lower(c) DESC NULLS FIRST", "a NULLS FIRST, b, lower(c)"),
        ("a DESC /* new */ NULLS LAST, b", "a /* new */ NULLS FIRST, b"),
    ] {
        let text = format!("CREATE INDEX ASYNC i ON t ({keys});\n");
        assert_eq!(with(&text, Meaning::Same), format!("CREATE INDEX ASYNC i ON t ({expected});\n"));
    }
}
