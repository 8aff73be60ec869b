//! Tests of the errors in the columns and expressions of definitions.

use super::named_files::named;
use super::{LintedFile, Sent, errors_of_migrations, lint, lint_folder, lint_postgres};
use dsql_edge_compiler::Schema;

const TABLE: &str = "CREATE TABLE seat (id int PRIMARY KEY, label text NOT NULL, m int);";

/// Statements that come after `TABLE`, each with PostgreSQL's SQLSTATE and message.
const WRONG: [(&str, &str, &str); 26] = [
    ("CREATE INDEX ASYNC i ON seat (labl);", "42703", "column \"labl\" does not exist"),
    ("CREATE INDEX ASYNC i ON seat (id) INCLUDE (labl);", "42703", "column \"labl\" does not exist"),
    ("CREATE INDEX ASYNC i ON seat (lower(labl));", "42703", "column \"labl\" does not exist"),
    ("CREATE INDEX ASYNC i ON seat (id) WHERE labl = 'a';", "42703", "column \"labl\" does not exist"),
    (
        "CREATE INDEX ASYNC i ON seat (id) WHERE label > 0;",
        "42883",
        "operator does not exist: text > integer",
    ),
    (
        "CREATE INDEX ASYNC i ON seat (id) WHERE m;",
        "42804",
        "argument of WHERE must be type boolean, not type integer",
    ),
    (
        "CREATE INDEX ASYNC i ON seat (id) WHERE max(m) > 1;",
        "42803",
        "aggregate functions are not allowed in index predicates",
    ),
    ("CREATE INDEX ASYNC i ON seat (((SELECT 1)));", "0A000", "cannot use subquery in index expression"),
    ("CREATE TABLE t (n int CHECK (k > 0));", "42703", "column \"k\" does not exist"),
    ("CREATE TABLE t (n text CHECK (n > 0));", "42883", "operator does not exist: text > integer"),
    (
        "CREATE TABLE t (n int, CHECK (n));",
        "42804",
        "argument of CHECK must be type boolean, not type integer",
    ),
    ("CREATE TABLE t (n int CHECK (EXISTS (SELECT 1)));", "0A000", "cannot use subquery in check constraint"),
    (
        "CREATE TABLE t (n int DEFAULT true);",
        "42804",
        "column \"n\" is of type integer but default expression is of type boolean",
    ),
    ("CREATE TABLE t (n int DEFAULT 'abc');", "22P02", "invalid input syntax for type integer: \"abc\""),
    (
        "CREATE TABLE t (n int, k int DEFAULT n);",
        "0A000",
        "cannot use column reference in DEFAULT expression",
    ),
    (
        "CREATE TABLE t (n int DEFAULT count(*));",
        "42803",
        "aggregate functions are not allowed in DEFAULT expressions",
    ),
    ("CREATE TABLE t (n int, PRIMARY KEY (k));", "42703", "column \"k\" named in key does not exist"),
    ("CREATE TABLE t (n int, UNIQUE (n) INCLUDE (k));", "42703", "column \"k\" named in key does not exist"),
    (
        "ALTER TABLE seat ADD CONSTRAINT c CHECK (labl <> '') NOT VALID;",
        "42703",
        "column \"labl\" does not exist",
    ),
    (
        "ALTER TABLE seat ALTER COLUMN m SET DEFAULT 'abc';",
        "22P02",
        "invalid input syntax for type integer: \"abc\"",
    ),
    (
        "ALTER TABLE seat ALTER COLUMN n SET DEFAULT 1;",
        "42703",
        "column \"n\" of relation \"seat\" does not exist",
    ),
    ("ALTER TABLE seat DROP COLUMN labl;", "42703", "column \"labl\" of relation \"seat\" does not exist"),
    ("ALTER TABLE seat RENAME COLUMN labl TO l;", "42703", "column \"labl\" does not exist"),
    ("CREATE DOMAIN d AS int DEFAULT 'x';", "22P02", "invalid input syntax for type integer: \"x\""),
    ("CREATE DOMAIN d AS text CHECK (VALUE > 0);", "42883", "operator does not exist: text > integer"),
    ("CREATE DOMAIN d AS text CHECK (length(VALU) > 0);", "42703", "column \"valu\" does not exist"),
];

fn shown(files: &[LintedFile]) -> Vec<String> {
    let findings = files.iter().flat_map(|file| &file.findings).map(|it| &it.diagnostic);
    let level = |is_error| if is_error { "error" } else { "warning" };
    findings.map(|it| format!("{} {} {}", level(it.is_error()), it.sqlstate(), it.message)).collect()
}

#[test]
fn wrong_definition_is_an_error_whatever_exists_before() {
    for (sql, state, message) in WRONG {
        let texts = || named(&[TABLE, sql]);
        let expected = [format!("error {state} {message}")];
        assert_eq!(shown(&lint(texts(), Some(&Schema::default()), Sent::Migrate)), expected, "{sql}");
        assert_eq!(shown(&lint(texts(), None, Sent::Migrate)), expected, "{sql}");
        assert_eq!(shown(&lint_folder(texts(), Sent::Migrate)), expected, "{sql}");
        let of_postgres = sql.replace(" ASYNC", "");
        assert_eq!(
            shown(&lint_postgres(named(&[TABLE, &of_postgres]), None, Sent::Migrate)),
            expected,
            "{sql}"
        );
        assert!(errors_of_migrations(texts()).contains_key("1.sql"), "{sql}");
    }
}

#[test]
fn comment_silences_an_error_of_a_definition() {
    let text = "-- dsql-edge: allow type-mismatch\nCREATE TABLE t (n int DEFAULT true);";
    assert_eq!(shown(&lint(named(&[text]), None, Sent::Migrate)), [""; 0]);
}

#[test]
fn near_column_is_suggested() {
    for sql in [
        "CREATE INDEX ASYNC i ON seat (labl);",
        "CREATE INDEX ASYNC i ON seat (lower(labl));",
        "CREATE TABLE t (label text, CHECK (labl <> ''));",
        "CREATE TABLE t (label text, PRIMARY KEY (labl));",
    ] {
        let found = lint(named(&[TABLE, sql]), None, Sent::Migrate);
        let hint = found[1].findings[0].diagnostic.hint.as_deref();
        assert_eq!(hint, Some("did you mean label?"), "{sql}");
    }
}

#[test]
fn column_added_by_an_earlier_statement_is_known() {
    for sql in [
        "ALTER TABLE seat ADD COLUMN a int; CREATE INDEX ASYNC i ON seat (a);",
        "ALTER TABLE seat RENAME COLUMN label TO a; CREATE INDEX ASYNC i ON seat (lower(a)) INCLUDE (m);",
        "CREATE TABLE t (a int CHECK (b > a), b int DEFAULT 1 + 1, PRIMARY KEY (a, b), UNIQUE (b));",
        "CREATE TABLE t (a varchar(2) DEFAULT 'abc', b int DEFAULT NULL, c bigint DEFAULT 1, d numeric(9, 2) DEFAULT 0);",
        "CREATE TABLE t (a timestamptz DEFAULT now(), b uuid DEFAULT gen_random_uuid(), c date DEFAULT CURRENT_DATE);",
        "CREATE TABLE t (a text DEFAULT current_user, b jsonb CHECK (jsonb_typeof(b) = 'object'), c text DEFAULT 5);",
        "CREATE TABLE t (a bool DEFAULT 't', b text CHECK (b IN ('x', 'y')), c interval DEFAULT '1 day');",
        "CREATE SEQUENCE s CACHE 1; CREATE TABLE t (a bigint DEFAULT nextval('s'));",
        "CREATE DOMAIN d AS text DEFAULT 'a' CHECK (VALUE <> '' AND length(value) < 9); CREATE TABLE t (a d DEFAULT 'b');",
        "CREATE FUNCTION f(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE TABLE t (a int CHECK (f(a)));",
        "CREATE TABLE IF NOT EXISTS seat (x int CHECK (x > 0));",
        "ALTER TABLE seat ADD COLUMN IF NOT EXISTS label int;",
        "CREATE TABLE t (LIKE seat); CREATE INDEX ASYNC i ON t (label);",
        "CREATE INDEX ASYNC i ON seat ((seat.label)); CREATE TABLE t (a int CHECK (t.a > 0));",
    ] {
        assert_eq!(
            shown(&lint(named(&[TABLE, sql]), Some(&Schema::default()), Sent::Migrate)),
            [""; 0],
            "{sql}"
        );
        assert_eq!(shown(&lint(named(&[TABLE, sql]), None, Sent::Migrate)), [""; 0], "{sql}");
    }
}

#[test]
fn what_the_files_need_not_create_is_not_an_error() {
    let index = "CREATE INDEX ASYNC i ON t (x);";
    for sql in [
        // The table exists before the files.
        index.to_owned(),
        format!("ALTER TABLE t ADD COLUMN a int; {index}"),
        format!("CREATE TABLE IF NOT EXISTS t (a int); {index}"),
        format!("CREATE TABLE t (LIKE other); {index}"),
        format!("CREATE TABLE t (a int); SELECT app.migrate(); {index}"),
        "CREATE TABLE t (a uuid DEFAULT uuid_generate_v4(), b text CHECK (is_valid(b)));".to_owned(),
        "CREATE TABLE t (a mood DEFAULT 'sad', b mood CHECK (b > 'happy'), c text CHECK (c::mood > 'a'));"
            .to_owned(),
        "CREATE TABLE t (a bigint DEFAULT nextval('numbers'), b int CHECK (lower(b) = 'a'));".to_owned(),
    ] {
        for found in [lint(named(&[&sql]), None, Sent::Migrate), lint_folder(named(&[&sql]), Sent::Migrate)] {
            assert!(!shown(&found).iter().any(|it| it.starts_with("error")), "{sql}: {:?}", shown(&found));
        }
    }
    let unknown = "CREATE TABLE t (a uuid DEFAULT uuid_generate_v4());";
    let message = "42883 function uuid_generate_v4() does not exist";
    assert_eq!(
        shown(&lint(named(&[unknown]), Some(&Schema::default()), Sent::Migrate)),
        [format!("error {message}")]
    );
    assert_eq!(shown(&lint_folder(named(&[unknown]), Sent::Migrate)), [format!("warning {message}")]);
    let after = format!("{TABLE} SELECT app.migrate(); CREATE INDEX ASYNC i ON seat (labl);");
    let found = shown(&lint(named(&[&after]), Some(&Schema::default()), Sent::Migrate));
    assert_eq!(found.last().unwrap(), "warning 42703 column \"labl\" does not exist");
}

/// Definitions that come after a table `loan (id int, at timestamptz, day date, local timestamp, n int, note text)`;
/// PostgreSQL rejects each with 42P17.
const MUTABLE: [(&str, &str); 18] = [
    ("CREATE INDEX ASYNC i ON loan (date(at));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((at::date));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((CAST(at AS date)), n);", "functions in index expression"),
    ("CREATE UNIQUE INDEX ASYNC i ON loan ((local::timestamptz));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan (date_trunc('day', at));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan (extract(hour FROM at));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((day::text));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((note::date));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((note || day));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan ((at + '1 day'::interval));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan (concat(note, n));", "functions in index expression"),
    ("CREATE INDEX ASYNC i ON loan (n) WHERE at > local;", "functions in index predicate"),
    ("CREATE INDEX ASYNC i ON loan (n) WHERE day > CURRENT_DATE;", "functions in index predicate"),
    (
        "CREATE TABLE t (y text GENERATED ALWAYS AS (to_char(at, 'YYYY')) STORED, at timestamptz);",
        "generation",
    ),
    (
        "CREATE TABLE t (at timestamptz, y text GENERATED ALWAYS AS (to_char(at, 'YYYY')) STORED);",
        "generation",
    ),
    ("CREATE TABLE t (y timestamptz GENERATED ALWAYS AS (now()) STORED);", "generation"),
    ("CREATE TABLE t (y name GENERATED ALWAYS AS (current_user) STORED);", "generation"),
    ("CREATE TABLE t (a int[], y text GENERATED ALWAYS AS (a::text) STORED);", "generation"),
];

const LOAN: &str =
    "CREATE TABLE loan (id int PRIMARY KEY, at timestamptz, day date, local timestamp, n int, note text);";

#[test]
fn definition_that_is_not_immutable_is_an_error() {
    for (sql, message) in MUTABLE {
        for found in [
            lint(named(&[LOAN, sql]), Some(&Schema::default()), Sent::Migrate),
            lint(named(&[LOAN, sql]), None, Sent::Migrate),
            lint_folder(named(&[LOAN, sql]), Sent::Migrate),
        ] {
            let errors: Vec<String> = shown(&found).into_iter().filter(|it| it.contains(" 42P17 ")).collect();
            assert_eq!(errors.len(), 1, "{sql}: {:?}", shown(&found));
            assert!(
                errors[0].starts_with("error 42P17 ") && errors[0].contains(message),
                "{sql}: {errors:?}"
            );
        }
    }
}

#[test]
fn immutable_definition_is_not_an_error() {
    for sql in [
        "CREATE INDEX ASYNC i ON loan (date(local), (local::date), ((at AT TIME ZONE 'UTC')::date));",
        "CREATE INDEX ASYNC i ON loan ((n::text), (note || n), (n || note), lower(note), (note::int));",
        "CREATE INDEX ASYNC i ON loan ((quote_literal(n)), abs(n), (day + 1), (day > '2020-01-01'), (day - day));",
        "CREATE INDEX ASYNC i ON loan (date_trunc('day', local), extract(year FROM day), (coalesce(note, 'x')));",
        "CREATE INDEX ASYNC i ON loan (n) WHERE at > '2020-01-01 00:00:00Z' AND note IN ('a', 'b');",
        "CREATE TABLE t (a text, b int, c text GENERATED ALWAYS AS (a || b) STORED, d timestamptz DEFAULT now());",
        "CREATE TABLE t (a int CHECK (a::text::date < CURRENT_DATE));",
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; CREATE INDEX ASYNC i ON loan (f(n));",
        "CREATE DOMAIN d AS text; CREATE TABLE t (a d, b text GENERATED ALWAYS AS (a::text || 'x') STORED);",
    ] {
        let found = shown(&lint(named(&[LOAN, sql]), Some(&Schema::default()), Sent::Migrate));
        assert!(!found.iter().any(|it| it.contains("42P17")), "{sql}: {found:?}");
    }
}
