//! Tests of the rewrites whose conditions depend on all files of a run.

use dsql_edge_compiler::dsql::Meaning;

use super::{Sent, fixed, fixed_all};

fn with(text: &str, safe: Meaning) -> String {
    fixed(text, None, Sent::OneByOne, safe).0
}

/// Whether the file with the index `at` stays unchanged when all rewrites are applied to a run of files.
fn stays(files: &[&str], at: usize) -> bool {
    fixed_all(files, None, Sent::OneByOne, Meaning::SameIfAllSucceed)[at].0 == files[at]
}

const ORDERS: &str = "CREATE TABLE orders (id serial PRIMARY KEY, a int);\n";
const TABLE: &str = "CREATE TABLE t (id serial PRIMARY KEY, a int);\n";

#[test]
fn serial_stays_where_user_values_may_be_overridden() {
    let insert = "INSERT INTO orders (id, a) OVERRIDING USER VALUE VALUES (50, 1)";
    let view = "CREATE VIEW v AS SELECT id, a FROM orders;\n";
    for rest in [
        format!("WITH x AS ({insert} RETURNING id) SELECT * FROM x;\n"),
        format!("PREPARE p AS {insert};\nEXECUTE p;\n"),
        format!("EXPLAIN ANALYZE {insert};\n"),
        format!("{view}{};\n", insert.replace("orders", "v")),
        "\\i rest.inc\n".to_owned(),
        format!("\\set c orders\n{};\n", insert.replace("orders", ":\"c\"")),
        format!("SELECT '{insert}' \\gexec\n"),
        format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '{insert} RETURNING 1';\nSELECT f();\n"),
        format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC {insert} RETURNING 1; END;\n"),
        format!("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {insert}; END $$;\n"),
        "CREATE FUNCTION f(x text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE x; END $$;\n".to_owned(),
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpython3u AS $$ pass $$;\n".to_owned(),
        "SELECT refresh();\n".to_owned(),
        "SELECT elsewhere();\n".to_owned(),
        "SELECT * FROM crosstab('SELECT 1, 2, 3') AS c (a int, b int);\n".to_owned(),
        format!("SELECT query_to_xml('{insert}', true, true, '');\n"),
    ] {
        let text = format!("{ORDERS}{rest}");
        assert!(stays(&[&text], 0), "{text}");
        assert!(stays(&[ORDERS, &rest], 0) && stays(&[&rest, ORDERS], 1), "{rest}");
    }
}

#[test]
fn serial_is_fixed_where_the_run_is_known() {
    for rest in [
        "INSERT INTO u (id, a) OVERRIDING SYSTEM VALUE VALUES (50, 1);\n",
        "SELECT count(*), max(a), pg_catalog.setval('public.u_id_seq', 1, false) FROM u AS x (b);\n",
        "SELECT pg_catalog.set_config('search_path', '', false);\n",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (NEW.a > 1) THEN PERFORM now(); ELSIF (NEW.a < 0) THEN NEW.a := g(1); END IF; RETURN NEW; END $$;\n\
         CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT $1';\n\
         CREATE TRIGGER r BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f();\nSELECT f();\n",
        "CREATE TABLE u (b numeric(10, 2) DEFAULT abs(1), CHECK (b > 0));\nINSERT INTO u (b) VALUES (1);\n",
        "DROP FUNCTION IF EXISTS gone(int);\nCOMMENT ON FUNCTION gone(int) IS 'OVERRIDING USER VALUE, CYCLE';\n",
        "CREATE SEQUENCE s CACHE 1 NO CYCLE;\nALTER SEQUENCE s OWNED BY u.b;\n",
        "\\copy u from 'u.csv'\nEXPLAIN SELECT 1;\n",
        "CALL sys.wait_for_job('x');\n",
        "CREATE TABLE v (id uuid DEFAULT public.uuid_generate_v4(), p text DEFAULT crypt('', gen_salt('bf')));\n",
    ] {
        let text = format!("{ORDERS}{rest}");
        assert!(with(&text, Meaning::Same).contains("IDENTITY"), "{text}");
        let files = fixed_all(&[ORDERS, rest], None, Sent::OneByOne, Meaning::Same);
        assert!(files[0].0.contains("IDENTITY"), "{rest}");
    }
}

#[test]
fn functions_before_the_table_are_read() {
    let functions = "SET check_function_bodies = false;\n\
                     CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT $1';\n\
                     CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT g(id) FROM t';\n";
    let of_view = functions.replace("FROM t", "FROM v");
    let view = "CREATE VIEW v AS SELECT id FROM t;\n";
    let call = "SELECT f();\n";
    let later = "CREATE TABLE t (id int NOT NULL, a int);\n\
                 ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);\n";
    for table in [TABLE, later] {
        for text in [
            format!("{functions}{table}{call}"),
            format!("{of_view}{table}{view}{call}"),
            format!("{table}\\set f g\nSELECT :f(id) FROM t;\n"),
        ] {
            assert!(stays(&[&text], 0), "{text}");
        }
        let rest = format!("{table}{call}");
        assert!(stays(&[functions, &rest], 1), "{rest}");
        let rest = format!("{table}{view}{call}");
        assert!(stays(&[&of_view, &rest], 1), "{rest}");
        assert!(stays(&[table, "SELECT chr(id) FROM t;\n"], 0), "{table}");
    }
    // A call of `f` needs a unique index, because the body of `f` contains ON CONFLICT.
    let text = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING RETURNING 1';\n\
                CREATE TABLE t (a int);\nCREATE UNIQUE INDEX i ON t (a);\nSELECT f();\n";
    assert!(stays(&[text], 0));
}

#[test]
fn serial_stays_where_its_sequence_may_be_changed() {
    for rest in [
        "ALTER SEQUENCE t_id_seq OWNED BY NONE;\n",
        "ALTER SEQUENCE public.\"t_id_seq\" OWNED BY NONE;\n",
        "\\set s t_id_seq\nALTER SEQUENCE :s OWNED BY NONE;\n",
        "SELECT format('ALTER SEQUENCE %I OWNED BY NONE', relname) FROM pg_class WHERE relkind = 'S' \\gexec\n",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER SEQUENCE t_id_seq1 OWNED BY NONE';\nSELECT f();\n",
        "ALTER SEQUENCE t_id_seq1 OWNED BY NONE;\n",
    ] {
        let text = format!("{TABLE}{rest}");
        assert!(stays(&[&text], 0) && stays(&[TABLE, rest], 0), "{text}");
    }
    let taken = "CREATE SEQUENCE t_id_seq CACHE 1;\nCREATE TABLE t (id serial, a int);\nALTER SEQUENCE t_id_seq1 OWNED BY NONE;\n";
    assert!(stays(&[taken], 0));
    let long = "l".repeat(60);
    assert!(stays(&[&format!("CREATE TABLE {long} (id serial);\n")], 0));
}

#[test]
fn integer_stays_where_a_sequence_cycles_later() {
    let sequence = "CREATE SEQUENCE s AS smallint CACHE 1;\n";
    let identity = "CREATE TABLE t (id smallint GENERATED BY DEFAULT AS IDENTITY (CACHE 1), a int);\n";
    for (text, cycles) in [
        (sequence, "ALTER SEQUENCE s CYCLE;\n"),
        (sequence, "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER SEQUENCE s CYCLE';\n"),
        (sequence, "\\set s s\nALTER SEQUENCE :s CYCLE;\n"),
        (identity, "ALTER TABLE t ALTER COLUMN id SET CYCLE;\n"),
    ] {
        let all = format!("{text}{cycles}");
        assert!(stays(&[&all], 0) && stays(&[text, cycles], 0), "{all}");
        assert!(!stays(&[text], 0), "{text}");
    }
    assert!(!stays(&[sequence, "ALTER SEQUENCE s NO CYCLE;\n"], 0));
}

#[test]
fn type_stays_where_a_table_inherits_from_another() {
    let text = "CREATE TABLE t (id serial);\nCREATE TABLE c (id int NOT NULL);\nALTER TABLE c INHERIT t;\n";
    assert!(stays(&[text], 0));
}

#[test]
fn setting_stays_where_the_run_may_depend_on_it() {
    let bodies = "SET check_function_bodies = false;\n";
    let function =
        "CREATE FUNCTION early() RETURNS int LANGUAGE sql AS 'SELECT max(id)::int FROM later_table';\n";
    for rest in [
        "\\i fn.inc\n",
        function,
        "\\set f early\nCREATE FUNCTION :f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
    ] {
        let text = format!("{bodies}{rest}");
        assert!(stays(&[&text], 0) && stays(&[bodies, rest], 0), "{rest}");
    }
    assert!(stays(&["SET client_min_messages = warning;\n\\i fn.inc\n"], 0));
    let set = "SET lock_timeout = 0;\n";
    assert!(stays(&["SET lock_timeout = 5;\n", set], 1));
    assert!(!stays(&[set, set], 0) && !stays(&[set, set], 1));
    assert!(!stays(&[bodies, "CREATE TABLE u (b int);\n"], 0));
}

#[test]
fn literals_after_a_change_of_backslash_rules_stay() {
    let off = "SET standard_conforming_strings = off;\n";
    let literal = "INSERT INTO q VALUES ('x\\'; CREATE INDEX i ON q (a); --');\n";
    assert!(stays(&[off, literal], 1));
    let variable = "\\set v off\nSET standard_conforming_strings = :v;\n";
    assert!(stays(&[&format!("{variable}{literal}")], 0) && stays(&[variable, literal], 1));
    assert!(!stays(&[literal, off], 0), "in another order");
}

#[test]
fn table_of_an_earlier_file_is_another_table() {
    let key = "CREATE TABLE t (a int);\nALTER TABLE t ADD UNIQUE (a);\n";
    assert!(stays(&["CREATE TABLE t (a int);\n", key], 1));
    assert!(!stays(&["CREATE TABLE u (a int);\n", key], 1));
}

#[test]
fn constraint_of_a_table_that_may_be_missing_is_not_divided() {
    assert!(stays(&["ALTER TABLE IF EXISTS gone ADD CONSTRAINT c CHECK (a > 0);\n"], 0));
}

#[test]
fn key_moves_before_its_transaction_is_divided() {
    let text = "BEGIN;\nCREATE TABLE a (id int, b int);\nALTER TABLE a ADD CONSTRAINT pk PRIMARY KEY (id);\nCOMMIT;\n";
    for safe in [Meaning::Same, Meaning::SameIfAllSucceed] {
        let text = with(text, safe);
        assert!(text.contains("id int, b int, CONSTRAINT pk") && !text.contains("ALTER"), "{text}");
    }
}
