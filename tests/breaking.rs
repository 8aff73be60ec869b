//! Tests `dsql-edge check`: it compiles the queries of a crate with a future schema, and compares a snapshot with a
//! cluster. The expected output for examples/blog is in `breaking/`, next to the migration; `UPDATE=1` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use dsql_edge_codegen::check::{Candidate, Queries, Severity, check};
use dsql_edge_local::Local;
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use dsql_edge_tests::golden;
use dsql_edge_tests::scratch_package::write_files;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs the command in a folder; returns its output, and whether it succeeded.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (String, bool) {
    let mut command = Command::new(dsql_edge());
    let output = without_shell_variables(&mut command)
        .args(["check", "--no-build"])
        .args(arguments)
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.code().is_some());
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn migration_that_breaks_the_blog_is_reported() {
    let migration = "tests/breaking/drop_and_loosen.sql";
    for (format, extension) in [("human", "txt"), ("json", "json"), ("github", "github")] {
        let (printed, succeeded) =
            run(root(), &["examples/blog", "--apply", migration, "--format", format], &[]);
        assert!(!succeeded);
        golden::compare(&root().join(migration).with_extension(extension), &printed).unwrap();
    }
    let (printed, succeeded) =
        run(root(), &["examples/blog", "--schema", "examples/blog/dsql-schema.sql"], &[]);
    assert_eq!((printed.as_str(), succeeded), ("", true));
}

#[test]
fn statement_that_dsql_rejects_is_an_error_before_it_is_sent() {
    let apply = |sql: &str, dialect: &str| {
        let home = package(&[
            ("src/lib.rs", "pub fn f() { sql!(\"SELECT a FROM t\"); }"),
            ("dsql-schema.sql", &format!("{dialect}CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n")),
            ("change.sql", sql),
        ]);
        run(home.path(), &["--apply", "change.sql"], &[])
    };
    let constraint = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\n";
    for (sql, message) in [
        (format!("{constraint}ALTER TABLE t VALIDATE CONSTRAINT c;"), "change.sql:2:"),
        (format!("BEGIN;\n{constraint}ALTER TABLE t ADD COLUMN b int;\nCOMMIT;"), "multiple ddl statements"),
        ("CREATE INDEX i ON t (a);".to_owned(), "ASYNC"),
    ] {
        let (printed, succeeded) = apply(&sql, "");
        assert!(
            !succeeded && printed.starts_with("error: ") && printed.contains(message),
            "{sql}: {printed}"
        );
        assert_eq!(apply(&sql, "-- dsql-edge: dialect postgres\n"), (String::new(), true));
    }
    let right =
        format!("{constraint}ALTER TABLE ASYNC t VALIDATE CONSTRAINT c;\nCREATE INDEX ASYNC i ON t (a);");
    assert_eq!(apply(&right, ""), (String::new(), true));
    let allowed = "-- dsql-edge: allow index_async\nCREATE INDEX i ON t (a);";
    assert_eq!(apply(allowed, ""), (String::new(), true));
}

#[test]
fn view_that_cascade_drops_is_not_called_new() {
    let tables: String = (0..13).map(|number| format!("CREATE TABLE t{number} (id int, a int);\n")).collect();
    let home = package(&[
        ("src/lib.rs", "pub fn f() { sql!(\"SELECT id FROM seen\"); }"),
        ("dsql-schema.sql", &(tables + "CREATE VIEW seen AS SELECT id, a FROM t0;\n")),
        ("change.sql", "ALTER TABLE t0 DROP COLUMN a CASCADE;\n"),
    ]);
    let (printed, succeeded) = run(home.path(), &["--apply", "change.sql"], &[]);
    assert!(
        !succeeded && printed.contains("the candidate drops or renames it, perhaps by CASCADE"),
        "{printed}"
    );
    assert!(!printed.contains("dsql-edge pull"), "{printed}");
}

const MANIFEST: &str = "[package]\nname = \"broken\"\nversion = \"0.0.0\"\n";

/// Creates a package with these files. The package is not compiled.
fn package(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("Cargo.toml", MANIFEST)]);
    write_files(home.path(), files);
    home
}

/// Returns the findings for a package with this source and snapshot after a change: severity, message, location.
fn findings(source: &str, schema: &str, change: &str) -> Vec<(Severity, String, String)> {
    let home = package(&[
        ("src/lib.rs", source),
        ("src/broken.rs", "sql!(\"SELECT old FROM t\""),
        ("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
        ("target/ignored.rs", "sql!(\"SELECT old FROM t\")"),
        ("inner/Cargo.toml", MANIFEST),
        ("inner/src/lib.rs", "sql!(\"SELECT old FROM t\")"),
        ("queries/old.sql", "-- in a file\nSELECT\n  old FROM t"),
        ("dsql-schema.sql", schema),
        ("change.sql", change),
    ]);
    let candidate = Candidate::Apply(vec![home.path().join("change.sql")]);
    let report = check(home.path(), None, &candidate, Queries::OfSources).unwrap();
    assert_eq!(report.unread.len(), 1, "{:?}", report.unread);
    let one = |finding: &dsql_edge_codegen::check::Finding| {
        let file = finding.place.file.clone().unwrap();
        let file = file.strip_prefix(&format!("{}/", home.path().display())).unwrap().to_owned();
        (
            finding.severity,
            finding.message.clone(),
            format!("{file}:{}:{}", finding.place.line, finding.place.column),
        )
    };
    report.findings.iter().map(one).collect()
}

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL, n int NOT NULL);";

#[test]
fn every_form_of_query_is_found_at_its_place() {
    let source = r####"
fn queries() {
    let a = sql!("SELECT old FROM t");
    let b = dsql_edge::sql!(#[allow(missing_where)] Row, "SELECT \
        id, old FROM t", );
    tokio::select! { row = sql!(r#"SELECT "old" FROM t WHERE id = $id"#, id = 1 + 1).fetch_one(&dsql) => {} }
    let c = other::sql!("SELECT old FROM t");
    let d = sql_file!("queries/old.sql");
    let e = sql_unchecked!(Row { old: String }, "SELECT '記事', old FROM t");
    let f = sql!("INSERT INTO t (id, old, n) VALUES ($id, $old, 1)", for (id, old) in rows);
}
sql! {
    /// Doc.
    pub fn one(id: i32) -> pub Old = "SELECT old FROM t WHERE id = $id";
    fn nothing() = "DELETE FROM t WHERE old = ''";
}
macro_rules! query { ($sql:literal) => { sql!($sql) } }
// sql!("SELECT old FROM t")
const TEXT: &str = "sql!(\"SELECT old FROM t\")";
"####;
    let found = findings(source, SCHEMA, "ALTER TABLE t DROP COLUMN old;");
    assert!(
        found.iter().all(|(severity, message, _)| {
            *severity == Severity::Broken && message.starts_with("column \"old\"")
        }),
        "{found:?}"
    );
    let places: Vec<&str> = found.iter().map(|(.., place)| place.as_str()).collect();
    let expected = [
        "src/lib.rs:3:26",
        "src/lib.rs:5:13",
        "src/lib.rs:6:43",
        "queries/old.sql:3:3",
        "src/lib.rs:9:63",
        "src/lib.rs:10:38",
        "src/lib.rs:14:46",
        "src/lib.rs:15:41",
    ];
    assert_eq!(places, expected);
}

#[test]
fn change_of_a_rust_type_is_reported() {
    let found = |query: &str, change: &str| -> Vec<(Severity, String)> {
        let found = findings(&format!("fn f() {{ {query} }}"), SCHEMA, change);
        found.into_iter().map(|(severity, message, _)| (severity, message)).collect()
    };
    let changed = |message: &str| vec![(Severity::Changed, message.to_owned())];
    let nullable = "ALTER TABLE t ALTER COLUMN old DROP NOT NULL;";
    assert_eq!(
        found("sql!(\"SELECT id, old FROM t\")", nullable),
        changed("`old` becomes Option<String>; it is String")
    );
    // Nothing is reported if an override in the query already states the type.
    assert_eq!(found("sql!(r#\"SELECT old AS \"old!\" FROM t\"#)", nullable), []);
    assert_eq!(found("sql!(\"SELECT count(old) AS n FROM t\")", nullable), []);
    let wider = "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL, n bigint NOT NULL);";
    assert_eq!(
        found("sql!(\"SELECT n FROM t WHERE old = $old\")", wider),
        changed("`n` becomes i64; it is i32")
    );
    assert_eq!(
        found("sql!(\"UPDATE t SET n = $n WHERE id = 1\")", wider),
        changed("$n becomes int8; it is int4")
    );
    let stricter = "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, old text, n int NOT NULL);";
    assert_eq!(found("sql!(\"UPDATE t SET old = $1 WHERE id = 1\", x)", stricter), []);
    let column = "ALTER TABLE t ADD COLUMN new date;";
    let more = "the row gets a field `new`: Option<NaiveDate>";
    assert_eq!(found("sql!(\"SELECT * FROM t\")", column), [(Severity::Note, more.to_owned())]);
    assert_eq!(found("sql!(Mine, \"SELECT * FROM t\")", column), changed(more));
    let gone = "ALTER TABLE t DROP COLUMN n;";
    assert_eq!(found("sql!(\"SELECT * FROM t\")", gone), changed("the row no longer has a field `n`"));
    let keyless = "DROP TABLE t; CREATE TABLE t (id int NOT NULL, old text NOT NULL, n int NOT NULL);";
    let many = "it may return many rows; with the current schema, it returns at most one";
    assert_eq!(
        found("sql!(\"SELECT n FROM t WHERE id = $id\")", keyless),
        [(Severity::Note, many.to_owned())]
    );
    let key = "it can no longer be an idempotency key";
    let insert = "sql!(\"INSERT INTO t (id, old, n) VALUES ($id, 'x', 1)\")";
    assert_eq!(found(insert, keyless), [(Severity::Note, key.to_owned())]);
    assert_eq!(found(insert, column), []);
}

#[test]
fn default_that_the_candidate_removes_is_a_finding() {
    let schema = "CREATE SEQUENCE numbers; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                  CREATE TABLE t (id bigint NOT NULL DEFAULT nextval('numbers'), a int DEFAULT f(), b int DEFAULT 1);";
    let of = |query: &str, change: &str| -> Vec<(Severity, String)> {
        let found = findings(&format!("fn f() {{ sql!(\"{query}\") }}"), schema, change);
        found.into_iter().map(|(severity, message, _)| (severity, message)).collect()
    };
    let null = "null value in column \"id\" of relation \"t\" violates not-null constraint";
    let broken = vec![(Severity::Broken, null.to_owned())];
    let lost = |column: &str| {
        let message = format!("t.{column} no longer has a default, and this INSERT leaves it out");
        vec![(Severity::Changed, message)]
    };
    for (query, change, expected) in [
        ("INSERT INTO t (a, b) VALUES (1, 1)", "DROP SEQUENCE numbers CASCADE;", broken.clone()),
        ("INSERT INTO t (a, b) VALUES (1, 1)", "ALTER TABLE t ALTER id DROP DEFAULT;", broken),
        ("INSERT INTO t (id, b) VALUES (1, 1)", "DROP FUNCTION f CASCADE;", lost("a")),
        (
            "WITH n AS (INSERT INTO t (id, a) VALUES (1, 1) RETURNING id) SELECT id FROM n",
            "ALTER TABLE t ALTER b SET DEFAULT NULL;",
            lost("b"),
        ),
        ("INSERT INTO t VALUES (1)", "DROP FUNCTION f CASCADE;", lost("a")),
        ("INSERT INTO t VALUES (1, 1)", "DROP FUNCTION f CASCADE;", Vec::new()),
        ("INSERT INTO t (id, a) VALUES (1, 1)", "DROP FUNCTION f CASCADE;", Vec::new()),
        ("INSERT INTO t (id, a) VALUES (1, 1)", "ALTER TABLE t ALTER b SET DEFAULT 2;", Vec::new()),
    ] {
        let found = of(query, change);
        let found: Vec<_> = found
            .into_iter()
            .map(|(severity, it)| (severity, it.split(" [").next().unwrap().to_owned()))
            .collect();
        assert_eq!(found, expected, "{query}, {change}");
    }
}

#[test]
fn statement_that_check_cannot_follow_fails_the_check() {
    let home = package(&[
        ("src/lib.rs", "sql!(\"SELECT old FROM t\");"),
        ("dsql-schema.sql", SCHEMA),
        (
            "change.sql",
            "SELECT 1;\nDO $$ DECLARE n int; BEGIN EXECUTE 'ALTER TABLE t DROP COLUMN old'; END $$;\n\\i more.sql\n",
        ),
    ]);
    let arguments = |format: &'static str| ["--apply", "change.sql", "--format", format];
    for (format, expected) in [
        ("human", "error: the effect of this statement is not known: DO runs code"),
        ("human", "change.sql:2:1"),
        ("human", "\\i: it runs the statements of another file"),
        ("github", "::error file=change.sql,line=2,col=1,title=unfollowed-statement::"),
        ("json", "\"ok\": false"),
    ] {
        let (printed, succeeded) = run(home.path(), &arguments(format), &[]);
        assert!(!succeeded && printed.contains(expected), "{expected}:\n{printed}");
    }
    write_files(home.path(), &[("change.sql", "BEGIN; ALTER TABLE t DROP COLUMN old; ROLLBACK;")]);
    assert_eq!(run(home.path(), &arguments("human"), &[]), (String::new(), true));
    // If the build reads a folder of migrations, `check` also fails on a statement in this folder that it cannot
    // follow.
    write_files(
        home.path(),
        &[
            ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\") }"),
            ("migrations/1.sql", SCHEMA),
            ("migrations/2.sql", "DO $$ DECLARE n int; BEGIN END $$;"),
        ],
    );
    let (printed, succeeded) = run(home.path(), &["--apply", "change.sql"], &[]);
    assert!(!succeeded && printed.contains("migrations/2.sql:1:1"), "{printed}");
}

#[test]
fn statement_that_lint_does_not_follow_fails_the_check() {
    let functions = "CREATE FUNCTION mig() RETURNS void LANGUAGE sql AS 'ALTER TABLE t DROP COLUMN old' SET search_path = 'public';\n\
                     CREATE FUNCTION outer_mig() RETURNS void LANGUAGE sql AS 'SELECT mig()';\n\
                     CREATE FUNCTION rows() RETURNS void LANGUAGE sql AS 'DELETE FROM t';\n\
                     CREATE FUNCTION harmless(int) RETURNS int LANGUAGE sql AS 'SELECT $1';\n";
    let home = package(&[
        ("src/lib.rs", "sql!(\"SELECT id FROM t\");"),
        ("dsql-schema.sql", &format!("{SCHEMA}\n{functions}")),
    ]);
    for (change, succeeds) in [
        ("SELECT mig();", false),
        ("SELECT outer_mig();", false),
        ("EXPLAIN ANALYZE SELECT mig();", false),
        ("INSERT INTO t SELECT elsewhere();", false),
        ("\\! psql -c 'ALTER TABLE t DROP COLUMN old'\n", false),
        ("SELECT 'ALTER TABLE t DROP COLUMN old' \\g (format=unaligned) |psql\n", false),
        ("\\copy (SELECT 1) to program 'psql'\n", false),
        ("SELECT query_to_xml($$ALTER TABLE t DROP COLUMN old$$, true, true, '');", false),
        ("\\set AUTOCOMMIT off\n", false),
        ("\\echo `psql -f more.sql`\n", false),
        ("SET standard_conforming_strings = off;", false),
        ("EXPLAIN SELECT mig();", true),
        ("SELECT rows(), harmless(1), pg_catalog.set_config('search_path', '', false);", true),
        ("BEGIN;\n\\copy t from 't.csv'\nCOMMIT;", true),
        ("-- dsql-edge: allow unfollowed-statement\nSELECT elsewhere();", true),
    ] {
        write_files(home.path(), &[("change.sql", change)]);
        let (printed, succeeded) = run(home.path(), &["--apply", "change.sql"], &[]);
        assert_eq!(succeeded, succeeds, "{change}: {printed}");
        assert_eq!(printed.contains("error: check cannot follow"), !succeeds, "{change}: {printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_that_differs_from_the_cluster_is_an_error() {
    let local = Local::builder().init_sql(SCHEMA).start().await.unwrap();
    let home = package(&[("ca.pem", local.ca_pem()), ("src/lib.rs", "sql!(\"SELECT old FROM t\");")]);
    let endpoint = local.endpoint();
    let keys = local.credentials();
    let environment = [
        ("DSQL_ENDPOINT", endpoint.as_str()),
        ("DSQL_REGION", local.region()),
        ("DSQL_EDGE_CA", "ca.pem"),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key()),
    ];
    assert!(!run(home.path(), &[], &environment).1, "the snapshot does not exist yet");
    let pull = |arguments: &[&str]| {
        let mut command = Command::new(dsql_edge());
        let command = without_shell_variables(&mut command).args(arguments);
        command.current_dir(home.path()).envs(environment).output().unwrap()
    };
    let missing = pull(&["pull", "--check"]);
    let printed = String::from_utf8(missing.stderr).unwrap();
    let expected = "dsql-schema.sql does not exist: run `dsql-edge pull`";
    assert!(!missing.status.success() && printed.contains(expected), "{printed}");
    assert!(pull(&["pull"]).status.success());
    assert_eq!(run(home.path(), &[], &environment), (String::new(), true));
    local.run_sql("change", "ALTER TABLE t DROP COLUMN old").await.unwrap();
    let (printed, succeeded) = run(home.path(), &[], &environment);
    assert!(!succeeded);
    for expected in [
        "error: dsql-schema.sql differs from the database: run `dsql-edge pull`",
        "+++ the database",
        "-    old text NOT NULL,",
        "error: column \"old\" does not exist [42703 unknown-column]",
        "= help: the schema of the build has this name, but the database does not",
        "--> src/lib.rs:1:14",
    ] {
        assert!(printed.contains(expected), "{expected}:\n{printed}");
    }
    // With a folder of migrations, the advice is `migrate status` instead of `pull`.
    fs::remove_file(home.path().join("dsql-schema.sql")).unwrap();
    let line = "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\") }";
    write_files(home.path(), &[("migrations/1.sql", SCHEMA), ("build.rs", line)]);
    let (printed, succeeded) = run(home.path(), &[], &environment);
    let expected = "= help: the folder of migrations has it, and the database does not: `dsql-edge migrate status` shows";
    assert!(!succeeded && printed.contains(expected) && !printed.contains("snapshot"), "{printed}");
    let refused = pull(&["pull", "--check"]);
    let printed = String::from_utf8(refused.stderr).unwrap();
    let expected = "the build reads the folder migrations, and not dsql-schema.sql";
    assert!(!refused.status.success() && printed.contains(expected), "{printed}");
    local.stop().await.unwrap();
}

#[test]
fn invocation_in_an_example_is_named() {
    let source = "//! ```\n//! # use dsql_edge::sql;\n//! sql!(\"SELECT old FROM t\");\n//! ```\n\
                  /// ```text\n/// sql!(\"SELECT 1\")\n/// ```\n\
                  /// ```rust,no_run\n/// let a = (sql!(\"SELECT n FROM t\"), sql_file!(\"a.sql\"));\n/// ```\n\
                  fn f() {}\n/** ```\nother::sql!(\"x\");\ndsql_edge::sql!(\"SELECT n FROM t\");\n``` */\nfn g() {}\n";
    let home = package(&[("src/lib.rs", source), ("dsql-schema.sql", SCHEMA), ("change.sql", "SELECT 1;")]);
    let (printed, succeeded) = run(home.path(), &["--apply", "change.sql"], &[]);
    let lines: Vec<&str> = printed.lines().map(|line| line.split(":1: ").next().unwrap()).collect();
    let expected = [3, 9, 9, 14].map(|line| format!("note: not looked at: src/lib.rs:{line}"));
    assert_eq!((lines, succeeded), (expected.iter().map(String::as_str).collect(), true), "{printed}");
}

/// Returns the line of the output that contains the schema.
fn schema_line(folder: &Path, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(dsql_edge());
    let command = without_shell_variables(&mut command).args(["describe", "SELECT id FROM t"]);
    let output = command.current_dir(folder).envs(environment.iter().copied()).output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    printed.lines().find(|line| line.starts_with("schema: ")).unwrap_or(&printed).to_owned()
}

#[test]
fn schema_is_the_one_of_the_build_and_is_named() {
    let home = package(&[
        ("dsql-schema.sql", SCHEMA),
        ("other.sql", SCHEMA),
        ("src/lib.rs", ""),
        (".cargo/config.toml", "[env]\nDSQL_EDGE_SCHEMA = { value = \"other.sql\", relative = true }\n"),
    ]);
    let config = home.path().canonicalize().unwrap().join(".cargo/config.toml");
    let of_config = format!("schema: other.sql (DSQL_EDGE_SCHEMA, which {} sets)", config.display());
    assert_eq!(schema_line(home.path(), &[]), of_config);
    // Without `CARGO_HOME`, cargo's home folder is `.cargo` in the user's home folder, wherever the package is.
    let user = package(&[(".cargo/config.toml", "[env]\nDSQL_EDGE_SCHEMA = \"other.sql\"\n")]);
    let other = package(&[("dsql-schema.sql", SCHEMA), ("other.sql", SCHEMA), ("src/lib.rs", "")]);
    let mut command = Command::new(dsql_edge());
    let command = without_shell_variables(&mut command).args(["describe", "SELECT id FROM t"]);
    let command = command.current_dir(other.path()).env("HOME", user.path()).env_remove("CARGO_HOME");
    let printed = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let config = user.path().join(".cargo/config.toml");
    let expected = format!("schema: other.sql (DSQL_EDGE_SCHEMA, which {} sets)", config.display());
    assert!(printed.contains(&expected), "{printed}");
    let of_environment = [("DSQL_EDGE_SCHEMA", "dsql-schema.sql")];
    let expected = "schema: dsql-schema.sql (DSQL_EDGE_SCHEMA, which the environment sets)";
    assert_eq!(schema_line(home.path(), &of_environment), expected);
    let forced = "[env]\nDSQL_EDGE_SCHEMA = { value = \"other.sql\", force = true }\n";
    write_files(home.path(), &[(".cargo/config.toml", forced)]);
    assert_eq!(schema_line(home.path(), &of_environment), of_config);
    write_files(
        home.path(),
        &[
            (".cargo/config.toml", ""),
            ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_SCHEMA={}\", 1) }"),
        ],
    );
    let expected = "schema: dsql-schema.sql (dsql-schema.sql in the package or in a folder above). The build script \
                    computes DSQL_EDGE_SCHEMA, so the build may read another schema: name the schema on the command line";
    assert_eq!(schema_line(home.path(), &[]), expected);
    assert!(schema_line(&home.path().join("src"), &[]).contains("computes DSQL_EDGE_SCHEMA"));
}

#[test]
fn migration_in_the_folder_applies_in_its_place_there() {
    let home = package(&[
        ("src/lib.rs", "fn f() { sql!(\"SELECT a FROM t\"); }"),
        ("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\") }"),
        ("migrations/1.sql", "CREATE TABLE t (a int NOT NULL);"),
        ("migrations/2.sql", "CREATE TABLE u (a int);"),
        ("migrations/3.sql", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL; CREATE TABLE v (a int);"),
    ]);
    let messages = |file: &str| {
        let candidate = Candidate::Apply(vec![home.path().join("src/../migrations").join(file)]);
        let report = check(home.path(), None, &candidate, Queries::OfSources).unwrap();
        report.findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(messages("3.sql"), ["`a` becomes Option<i32>; it is i32"]);
    assert_eq!(messages("2.sql"), [""; 0]);
    // Without `1.sql`, migration 3 has errors, so the current schema consists of the files before `1.sql`. No file is
    // before `1.sql`, so nothing is compared.
    assert_eq!(messages("1.sql"), [""; 0]);
}
