//! Tests the comparison of names with the schema before a statement.

use super::named_files::named;
use super::{Finding, LintedFile, Sent, lint, lint_folder};
use dsql_edge_compiler::Schema;

const TABLE: &str = "CREATE TABLE task (id int PRIMARY KEY, title text NOT NULL);";

fn messages(files: &[LintedFile]) -> Vec<String> {
    let findings = files.iter().flat_map(|file| &file.findings);
    let of = |it: &Finding| {
        let level = if it.diagnostic.is_error() { "error" } else { "warning" };
        format!("{level}: {}", it.diagnostic.message)
    };
    findings.map(of).collect()
}

fn from_the_first(texts: &[&str]) -> Vec<String> {
    messages(&lint(named(texts), Some(&Schema::default()), Sent::Migrate))
}

#[test]
fn unknown_name_after_the_whole_schema_is_an_error() {
    for (sql, expected) in [
        ("ALTER TABLE tasks ADD COLUMN due date;", "error: relation \"tasks\" does not exist"),
        ("CREATE INDEX ASYNC i ON tasks (title);", "error: relation \"tasks\" does not exist"),
        ("INSERT INTO tasks VALUES (1);", "error: relation \"tasks\" does not exist"),
        ("CREATE VIEW v AS SELECT titel FROM task;", "error: column \"titel\" does not exist"),
        ("UPDATE task SET titel = '';", "error: column \"titel\" of relation \"task\" does not exist"),
        (
            "ALTER TABLE task DROP COLUMN titel;",
            "error: column \"titel\" of relation \"task\" does not exist",
        ),
        ("DROP TABLE tasks;", "error: table \"tasks\" does not exist"),
        ("CREATE TABLE task (id int);", "error: relation \"task\" already exists"),
        ("DELETE FROM task WHERE id = 'x';", "error: invalid input syntax for type integer: \"x\""),
    ] {
        assert_eq!(from_the_first(&[TABLE, sql]), [expected], "{sql}");
    }
}

/// Statements that come after `ALL`, each with PostgreSQL's SQLSTATE and message.
const WRONG: [(&str, &str, &str); 44] = [
    ("CREATE TABLE b (id int);", "42P07", "relation \"b\" already exists"),
    ("CREATE TABLE i (id int);", "42P07", "relation \"i\" already exists"),
    ("CREATE TABLE mood (id int);", "42710", "type \"mood\" already exists"),
    ("CREATE VIEW v AS SELECT 1 AS n;", "42P07", "relation \"v\" already exists"),
    ("CREATE OR REPLACE VIEW b AS SELECT 1 AS n;", "42809", "\"b\" is not a view"),
    ("CREATE SEQUENCE q CACHE 1;", "42P07", "relation \"q\" already exists"),
    ("CREATE INDEX ASYNC i ON b (id);", "42P07", "relation \"i\" already exists"),
    ("CREATE INDEX ASYNC b ON b (id);", "42P07", "relation \"b\" already exists"),
    ("CREATE SCHEMA app;", "42P06", "schema \"app\" already exists"),
    ("CREATE DOMAIN mood AS text;", "42710", "type \"mood\" already exists"),
    ("CREATE DOMAIN b AS text;", "42710", "type \"b\" already exists"),
    ("CREATE ROLE r;", "42710", "role \"r\" already exists"),
    (
        "CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT 2';",
        "42723",
        "function \"f\" already exists with same argument types",
    ),
    ("ALTER TABLE a ADD COLUMN n int;", "42701", "column \"n\" of relation \"a\" already exists"),
    (
        "ALTER TABLE a ADD CONSTRAINT c CHECK (n > 1) NOT VALID;",
        "42710",
        "constraint \"c\" for relation \"a\" already exists",
    ),
    ("ALTER TABLE a RENAME TO b;", "42P07", "relation \"b\" already exists"),
    ("ALTER TABLE a RENAME TO i;", "42P07", "relation \"i\" already exists"),
    ("ALTER TABLE a RENAME COLUMN n TO id;", "42701", "column \"id\" of relation \"a\" already exists"),
    ("ALTER INDEX i RENAME TO v;", "42P07", "relation \"v\" already exists"),
    ("ALTER SCHEMA app RENAME TO public;", "42P06", "schema \"public\" already exists"),
    ("ALTER TABLE a SET SCHEMA app;", "42P07", "relation \"a\" already exists in schema \"app\""),
    ("ALTER TABLE a RENAME COLUMN m TO o;", "42703", "column \"m\" does not exist"),
    ("ALTER TABLE a DROP CONSTRAINT d;", "42704", "constraint \"d\" of relation \"a\" does not exist"),
    ("DROP VIEW w;", "42P01", "view \"w\" does not exist"),
    ("DROP TABLE v;", "42809", "\"v\" is not a table"),
    ("DROP INDEX j;", "42704", "index \"j\" does not exist"),
    ("DROP SEQUENCE s;", "42P01", "sequence \"s\" does not exist"),
    ("DROP DOMAIN d;", "42704", "type \"d\" does not exist"),
    ("DROP FUNCTION g;", "42883", "could not find a function named \"g\""),
    ("CREATE TABLE ap.t (id int);", "3F000", "schema \"ap\" does not exist"),
    ("CREATE TABLE t (id int REFERENCES c (id));", "42P01", "relation \"c\" does not exist"),
    ("CREATE TABLE t (id int, FOREIGN KEY (id) REFERENCES c);", "42P01", "relation \"c\" does not exist"),
    (
        "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES c (id) NOT VALID;",
        "42P01",
        "relation \"c\" does not exist",
    ),
    (
        "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES a (di) NOT VALID;",
        "42703",
        "column \"di\" referenced in foreign key constraint does not exist",
    ),
    (
        "CREATE TABLE t (id int REFERENCES a (di));",
        "42703",
        "column \"di\" referenced in foreign key constraint does not exist",
    ),
    ("COMMENT ON TABLE c IS '';", "42P01", "relation \"c\" does not exist"),
    ("COMMENT ON VIEW a IS '';", "42809", "\"a\" is not a view"),
    ("COMMENT ON COLUMN c.id IS '';", "42P01", "relation \"c\" does not exist"),
    ("COMMENT ON COLUMN a.m IS '';", "42703", "column \"m\" of relation \"a\" does not exist"),
    ("COMMENT ON SCHEMA ap IS '';", "3F000", "schema \"ap\" does not exist"),
    ("GRANT SELECT ON a, app.b TO r;", "42P01", "relation \"app.b\" does not exist"),
    ("GRANT SELECT (id, m) ON TABLE a TO r;", "42703", "column \"m\" of relation \"a\" does not exist"),
    ("GRANT USAGE ON SCHEMA ap TO r;", "3F000", "schema \"ap\" does not exist"),
    ("REVOKE ALL ON c FROM r;", "42P01", "relation \"c\" does not exist"),
];

const ALL: &str = "CREATE TABLE a (id int PRIMARY KEY, n int, CONSTRAINT c CHECK (n > 0)); CREATE TABLE b (id int);
    CREATE VIEW v AS SELECT id FROM a; CREATE SEQUENCE q CACHE 1; CREATE INDEX ASYNC i ON a (n); CREATE SCHEMA app;
    CREATE TABLE app.a (id int); CREATE DOMAIN mood AS text; CREATE ROLE r;
    CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';";

#[test]
fn taken_or_missing_name_is_reported_as_postgresql_does() {
    for (sql, state, message) in WRONG {
        let texts = named(&[ALL, sql]);
        let found = lint(texts.clone(), Some(&Schema::default()), Sent::Migrate);
        let errors: Vec<_> = found.iter().flat_map(|file| &file.findings).map(|it| &it.diagnostic).collect();
        let shown: Vec<_> =
            errors.iter().map(|it| (it.sqlstate(), it.message.as_str(), it.is_error())).collect();
        assert_eq!(shown, [(state, message, true)], "{sql}");
        // Without a schema, only the tables and names that the files themselves create are known.
        let is_taken = message.contains(" already exists") || state == "42703";
        let expected: Vec<String> = is_taken.then(|| format!("error: {message}")).into_iter().collect();
        assert_eq!(messages(&lint(texts.clone(), None, Sent::Migrate)), expected, "{sql}");
        let in_folder = messages(&lint_folder(texts, Sent::Migrate));
        match is_taken {
            true => assert_eq!(in_folder, expected, "{sql}"),
            false => {
                assert!(in_folder.iter().all(|it| it.starts_with("warning: ")), "{sql}: {in_folder:?}")
            }
        }
    }
}

#[test]
fn name_that_may_be_free_is_not_reported() {
    let index = "CREATE TABLE t (a int, b int); CREATE INDEX ASYNC i ON t (a); ";
    let gone = |sql: &str| format!("{index}{sql} CREATE INDEX ASYNC i ON t (b);");
    for text in [
        // IF NOT EXISTS may have found an older table with other columns.
        "CREATE TABLE IF NOT EXISTS t (a int); ALTER TABLE t ADD COLUMN a int;".to_owned(),
        "CREATE TABLE IF NOT EXISTS t (a int); ALTER TABLE t RENAME TO u; ALTER TABLE u ADD COLUMN a int;".to_owned(),
        "CREATE TABLE t (a int); DROP TABLE t; CREATE TABLE t (a int);".to_owned(),
        "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE TABLE t (a int);".to_owned(),
        "CREATE TABLE t (a int); CREATE TABLE IF NOT EXISTS t (a int);".to_owned(),
        "CREATE SCHEMA app; CREATE SCHEMA IF NOT EXISTS app; CREATE TABLE app.t (a int); CREATE TABLE t (a int);".to_owned(),
        "CREATE VIEW v AS SELECT 1 AS n; CREATE OR REPLACE VIEW v AS SELECT 2 AS n;".to_owned(),
        "CREATE VIEW v AS SELECT a FROM elsewhere; DROP TABLE elsewhere CASCADE; CREATE VIEW v AS SELECT 1 AS n;".to_owned(),
        "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int;".to_owned(),
        "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ADD COLUMN IF NOT EXISTS a int;".to_owned(),
        "ALTER TABLE t ADD COLUMN a int; DROP TABLE t; CREATE TABLE t (b int); ALTER TABLE t ADD COLUMN a int;".to_owned(),
        "CREATE ROLE r; DROP ROLE IF EXISTS r, s; CREATE ROLE r; DROP ROLE s2;".to_owned(),
        "CREATE TABLE t (a int); BEGIN; DROP TABLE t; COMMIT; CREATE TABLE t (a int);".to_owned(),
        "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(a text) RETURNS int LANGUAGE sql AS 'SELECT 1';".to_owned(),
        "CREATE UNIQUE INDEX ASYNC u ON t (a); ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX u;".to_owned(),
        "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY (CACHE 1)); ALTER TABLE t ALTER a DROP IDENTITY; CREATE SEQUENCE t_a_seq CACHE 1;".to_owned(),
        gone("DROP INDEX i;"),
        gone("ALTER INDEX i RENAME TO j;"),
        gone("ALTER TABLE t DROP COLUMN a;"),
        gone("ALTER TABLE t RENAME COLUMN a TO c; ALTER TABLE t DROP COLUMN c;"),
        gone("DROP TABLE t; CREATE TABLE t (b int);"),
    ] {
        let found = messages(&lint(named(&[&text]), None, Sent::Migrate));
        assert!(!found.iter().any(|it| it.contains("exist")), "{text}: {found:?}");
    }
    let made = "SELECT app.make();";
    let again = from_the_first(&[TABLE, made, TABLE]);
    assert_eq!(again.last().unwrap(), "warning: relation \"task\" already exists", "{again:?}");
    let apart = messages(&lint(named(&[TABLE, TABLE]), None, Sent::OneByOne));
    assert_eq!(apart, ["warning: relation \"task\" already exists"], "the files may be for two databases");
    let allowed = format!("-- dsql-edge: allow duplicate-table\n{TABLE}");
    assert_eq!(from_the_first(&[TABLE, &allowed]), [""; 0]);
}

#[test]
fn reference_to_an_object_that_may_exist_is_not_reported() {
    let maybe = "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY);";
    for sql in [
        "CREATE TABLE u (id int REFERENCES t (other));",
        "CREATE TABLE u (id int); ALTER TABLE u ADD FOREIGN KEY (id) REFERENCES t (other) NOT VALID;",
        "COMMENT ON COLUMN t.other IS '';",
        "GRANT SELECT (other) ON t TO r;",
        "CREATE TABLE u (id int REFERENCES other);",
        "COMMENT ON TABLE other IS ''; GRANT ALL ON other TO r;",
    ] {
        assert_eq!(messages(&lint(named(&[maybe, sql]), None, Sent::Migrate)), [""; 0], "{sql}");
        let in_folder = messages(&lint_folder(named(&[maybe, sql]), Sent::Migrate));
        assert!(in_folder.iter().all(|it| it.starts_with("warning: ")), "{sql}: {in_folder:?}");
    }
    let outside = "CREATE TABLE u (id int REFERENCES users); CREATE INDEX ASYNC i ON users (a);";
    assert_eq!(messages(&lint_folder(named(&[outside]), Sent::Migrate)), [""; 0], "users exists before");
}

#[test]
fn unknown_referenced_table_hides_no_other_error() {
    let sql = "CREATE TABLE u (id int REFERENCES users, n int DEFAULT 'x');";
    let errors = ["error: invalid input syntax for type integer: \"x\""];
    assert_eq!(messages(&lint(named(&[sql]), None, Sent::Migrate)), errors);
}

#[test]
fn column_added_twice_to_an_unlisted_table_is_an_error() {
    let adds = "ALTER TABLE users ADD COLUMN age int;";
    let expected = ["error: column \"age\" of relation \"users\" already exists"];
    assert_eq!(messages(&lint(named(&[adds, adds]), None, Sent::Migrate)), expected);
    assert_eq!(messages(&lint_folder(named(&[adds, adds]), Sent::Migrate)), expected);
    let renames = "ALTER TABLE users RENAME COLUMN name TO age;";
    assert_eq!(messages(&lint(named(&[adds, renames]), None, Sent::Migrate)), expected);
}

#[test]
fn right_migrations_have_no_findings() {
    let right = [
        "ALTER TABLE task ADD COLUMN due date;",
        "ALTER TABLE task ADD CONSTRAINT c CHECK (due IS NOT NULL) NOT VALID; ALTER TABLE ASYNC task VALIDATE CONSTRAINT c;",
        "CREATE UNIQUE INDEX ASYNC u ON task (title); ALTER TABLE task ADD CONSTRAINT u UNIQUE USING INDEX u;",
        "ALTER TABLE task RENAME COLUMN due TO due_on; UPDATE task SET due_on = now() WHERE title = 'a';",
        "CREATE VIEW open_task AS SELECT id, upper(title) AS title FROM task; DROP VIEW open_task;",
        "INSERT INTO task (id, title) SELECT id + 1, title FROM task;",
        "CREATE TABLE note (id int PRIMARY KEY, task int REFERENCES task (id), parent int REFERENCES note);",
        "COMMENT ON TABLE task IS 'a'; COMMENT ON COLUMN task.due_on IS 'b'; COMMENT ON COLUMN public.task.id IS 'c';",
        "COMMENT ON INDEX task_pkey IS 'a'; COMMENT ON CONSTRAINT c ON task IS 'b'; COMMENT ON SCHEMA public IS 'c';",
        "CREATE ROLE r; GRANT SELECT, INSERT (id), UPDATE ON task, note TO r; GRANT SELECT ON sys.jobs TO r;",
        "CREATE SCHEMA app; CREATE TABLE type (id int); GRANT SELECT ON type TO r;",
        "GRANT SELECT ON pg_class TO r; GRANT SELECT ON ALL TABLES IN SCHEMA public TO r; GRANT ALL ON SCHEMA app TO r;",
        "DROP TABLE note; DROP TABLE IF EXISTS tasks; DROP TABLE task;",
    ];
    let all: Vec<&str> = std::iter::once(TABLE).chain(right).collect();
    assert_eq!(from_the_first(&all), [""; 0]);
}

#[test]
fn rule_of_dsql_hides_the_names_of_its_statement() {
    assert_eq!(from_the_first(&["TRUNCATE tasks;"]), ["error: unsupported statement: Truncate"]);
}

#[test]
fn unknown_name_after_an_unknown_change_is_a_warning() {
    let found = from_the_first(&[TABLE, "SELECT app.make(); SELECT 1 FROM tasks;"]);
    assert_eq!(found.last().unwrap(), "warning: relation \"tasks\" does not exist", "{found:?}");
    let next_file = from_the_first(&[TABLE, "SELECT app.make();", "SELECT 1 FROM tasks;"]);
    assert_eq!(next_file.last().unwrap(), "warning: relation \"tasks\" does not exist");
    let allowed = "-- dsql-edge: allow unfollowed-statement\nSELECT sys.make();\nSELECT 1 FROM tasks;";
    assert!(
        from_the_first(&[TABLE, allowed]).contains(&"error: relation \"tasks\" does not exist".to_owned())
    );
    let comment = "-- dsql-edge: allow unknown-table\nSELECT 1 FROM tasks;";
    assert_eq!(from_the_first(&[TABLE, comment]), [""; 0]);
}

#[test]
fn unknown_name_without_the_whole_schema_may_exist() {
    let adds = "ALTER TABLE users ADD COLUMN age int; CREATE INDEX ASYNC i ON users (age);";
    assert_eq!(messages(&lint(named(&[adds]), None, Sent::OneByOne)), [""; 0], "a single file");
    assert_eq!(messages(&lint(named(&[TABLE, adds]), None, Sent::OneByOne)), [""; 0], "files");
    assert_eq!(messages(&lint_folder(named(&[adds, TABLE]), Sent::OneByOne)), [""; 0], "it exists before");
    let found = lint_folder(named(&[TABLE, "UPDATE tasks SET title = '';"]), Sent::OneByOne);
    assert_eq!(messages(&found), ["warning: relation \"tasks\" does not exist"]);
    let hint = found[1].findings[0].diagnostic.hint.clone().unwrap();
    assert_eq!(hint, "did you mean task?");
    let found = lint_folder(named(&[TABLE, "UPDATE users SET name = '';"]), Sent::OneByOne);
    assert!(found[1].findings[0].diagnostic.hint.as_ref().unwrap().contains("--schema"));
}

/// Tables, views and domains on which the statements of `DROPS` act.
const DEPENDENT: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b int, g int GENERATED ALWAYS AS (b + 1) STORED, c int,
        CONSTRAINT u UNIQUE (a), UNIQUE (c));
    CREATE TABLE s (id int PRIMARY KEY, t int REFERENCES t (id), b int, c int);
    CREATE VIEW v AS SELECT x.a FROM t x WHERE EXISTS (SELECT 1 FROM s WHERE s.b = x.id);
    CREATE VIEW w AS SELECT a FROM v;
    CREATE DOMAIN d AS text; CREATE DOMAIN e AS d; CREATE TABLE m (id int PRIMARY KEY, x e);
    CREATE SCHEMA app; CREATE TABLE app.n (id int PRIMARY KEY); CREATE TABLE free (id int PRIMARY KEY, a int);";

/// Statements that come after `DEPENDENT`, each with PostgreSQL's message and detail.
const DROPS: [(&str, &str, &str); 12] = [
    (
        "DROP TABLE t;",
        "cannot drop table t because other objects depend on it",
        "constraint s_t_fkey on table s depends on table t; view v depends on table t",
    ),
    (
        "DROP TABLE IF EXISTS s;",
        "cannot drop table s because other objects depend on it",
        "view v depends on table s",
    ),
    ("DROP VIEW v;", "cannot drop view v because other objects depend on it", "view w depends on view v"),
    (
        "ALTER TABLE t DROP COLUMN a;",
        "cannot drop column a of table t because other objects depend on it",
        "view v depends on column a of table t",
    ),
    (
        "ALTER TABLE s DROP COLUMN b;",
        "cannot drop column b of table s because other objects depend on it",
        "view v depends on column b of table s",
    ),
    (
        "ALTER TABLE t DROP COLUMN b;",
        "cannot drop column b of table t because other objects depend on it",
        "column g of table t depends on column b of table t",
    ),
    (
        "DROP DOMAIN e;",
        "cannot drop type e because other objects depend on it",
        "column x of table m depends on type e",
    ),
    ("DROP DOMAIN d;", "cannot drop type d because other objects depend on it", "type e depends on type d"),
    ("DROP INDEX u;", "cannot drop index u because constraint u on table t requires it", ""),
    (
        "DROP INDEX t_c_key;",
        "cannot drop index t_c_key because constraint t_c_key on table t requires it",
        "",
    ),
    ("DROP INDEX t_pkey;", "cannot drop index t_pkey because constraint t_pkey on table t requires it", ""),
    (
        "DROP SCHEMA app;",
        "cannot drop schema app because other objects depend on it",
        "table app.n depends on schema app",
    ),
];

#[test]
fn drop_of_an_object_on_which_others_depend_is_an_error() {
    for (sql, message, detail) in DROPS {
        for found in [
            lint(named(&[DEPENDENT, sql]), Some(&Schema::default()), Sent::Migrate),
            lint(named(&[DEPENDENT, sql]), None, Sent::Migrate),
            lint_folder(named(&[DEPENDENT, sql]), Sent::Migrate),
        ] {
            let findings: Vec<_> = found[1].findings.iter().map(|it| &it.diagnostic).collect();
            assert_eq!(messages(&found), [format!("error: {message}")], "{sql}");
            assert_eq!(findings[0].sqlstate(), "2BP01");
            assert_eq!(findings[0].detail.as_deref().unwrap_or_default(), detail, "{sql}");
        }
    }
}

#[test]
fn drop_of_an_object_without_dependents_is_not_reported() {
    for sql in [
        "DROP VIEW v, w; DROP TABLE t, s;",
        "DROP VIEW w; DROP VIEW v; DROP TABLE s; DROP TABLE t;",
        "DROP TABLE t CASCADE; DROP TABLE s;",
        "ALTER TABLE s DROP COLUMN t; DROP VIEW w, v; DROP TABLE t;",
        "ALTER TABLE s DROP CONSTRAINT s_t_fkey; DROP VIEW w, v; DROP TABLE t;",
        "ALTER TABLE s DROP CONSTRAINT s_t_fkey1; DROP VIEW w, v; DROP TABLE t;",
        "ALTER TABLE s DROP COLUMN c; ALTER TABLE t DROP COLUMN g; ALTER TABLE t DROP COLUMN b;",
        "ALTER TABLE t RENAME COLUMN a TO z; ALTER TABLE t ADD COLUMN a int; ALTER TABLE t DROP COLUMN a;",
        "CREATE OR REPLACE VIEW v AS SELECT a FROM free; ALTER TABLE t DROP COLUMN a; DROP TABLE s;",
        "ALTER TABLE m DROP COLUMN x; DROP DOMAIN e; DROP DOMAIN d;",
        "DROP TABLE m; DROP DOMAIN d, e;",
        "DROP TABLE app.n; DROP SCHEMA app;",
        "CREATE INDEX ASYNC i ON t (b); DROP INDEX i;",
        "CREATE TABLE IF NOT EXISTS x (id int REFERENCES free (id), b d); DROP TABLE free;",
    ] {
        let found = messages(&lint(named(&[DEPENDENT, sql]), None, Sent::Migrate));
        assert!(!found.iter().any(|it| it.contains("cannot drop")), "{sql}: {found:?}");
    }
    let unknown = "SELECT app.make(); DROP TABLE t;";
    let found = from_the_first(&[DEPENDENT, unknown]);
    assert_eq!(
        found.last().unwrap(),
        "warning: cannot drop table t because other objects depend on it",
        "the function may have dropped them"
    );
}
