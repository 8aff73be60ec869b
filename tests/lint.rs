//! Tests the linter on SQL files: its report in each format, and its fixes. The expected output is next to the files;
//! `UPDATE=1` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use dsql_edge_codegen::migrate::read_folder;
use dsql_edge_compiler::dsql::Meaning;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::lint::{LintedFile, Sent, fixed, lint, lint_postgres};
use dsql_edge_tests::binary::dsql_edge;
use dsql_edge_tests::golden::updating;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lint")
}

fn files() -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.ends_with(".sql") && !name.contains(".fixed")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn compare(path: &Path, actual: &str) {
    if updating() {
        return std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{}:\n{actual}", path.display());
}

/// Runs the command in the folder. Returns the command's output, and whether the command succeeded.
fn run(arguments: &[&str]) -> (String, bool) {
    let output = Command::new(dsql_edge()).args(arguments).current_dir(folder()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn each_format_is_as_recorded() {
    for file in files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (format, extension) in
            [("human", "txt"), ("json", "json"), ("sarif", "sarif"), ("github", "github")]
        {
            let (report, well) = run(&["lint", "--format", format, &name]);
            assert!(!well, "{name} has errors");
            compare(&file.with_extension(extension), &report);
        }
    }
}

/// Files for a PostgreSQL: each statement is compared with the schema that the statements before it produce.
#[test]
fn each_format_for_postgresql_is_as_recorded() {
    let recorded = folder().join("postgres").join("report");
    let formats = [("human", "txt"), ("json", "json"), ("sarif", "sarif"), ("github", "github")];
    for (format, extension) in formats {
        let (report, well) = run(&["lint", "--dialect", "postgres", "--format", format, "postgres"]);
        assert!(!well, "the files have errors");
        compare(&recorded.with_extension(extension), &report);
    }
    let schema = "postgres/1_tables.sql";
    assert_eq!(run(&["lint", "--dialect", "postgres", schema]), (String::new(), true));
    let second = ["lint", "--dialect", "postgres", "--schema", schema, "postgres/2_errors.sql"];
    let report = std::fs::read_to_string(recorded.with_extension("txt")).unwrap();
    assert!(
        report.starts_with(&run(&second).0),
        "a file in --schema has the same effect as before the linted file"
    );
    for option in ["--fix", "--one-transaction"] {
        let (report, well) = run(&["lint", "--dialect", "postgres", option, schema]);
        assert_eq!((report.as_str(), well), ("", false), "{option}");
    }
    let (report, _) =
        run(&["lint", "--dialect", "postgres", "--for-migrate", "--format", "github", "postgres"]);
    assert!(report.contains("ROLLBACK cannot be in a migration"), "{report}");
}

#[test]
fn safe_rewrites_are_applied_in_their_place() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let (same, few) = fixed(&text, None, Sent::OneByOne, Meaning::Same);
        compare(&file.with_extension("fixed.sql"), &same);
        let (all, many) = fixed(&text, None, Sent::OneByOne, Meaning::SameIfAllSucceed);
        compare(&file.with_extension("fixed_if_all_succeed.sql"), &all);
        assert!(0 < few && few < many);
        for (after, safe) in [(&same, Meaning::Same), (&all, Meaning::SameIfAllSucceed)] {
            no_more_to_fix(&text, after, safe);
        }
    }
}

/// Checks that no rewrite is left to apply, that no rewrite violates another rule, and that comments are kept.
fn no_more_to_fix(text: &str, after: &str, safe: Meaning) {
    let linted = |text: &str| lint([(String::new(), text.to_owned())], None, Sent::OneByOne).remove(0);
    let rules = |file: &LintedFile| -> Vec<&str> {
        file.findings.iter().filter_map(|it| Some(it.rule?.id)).collect()
    };
    let left = linted(after);
    let is_left = |meaning| meaning == Meaning::Same || safe == Meaning::SameIfAllSucceed;
    assert!(left.findings.iter().all(|it| !it.fix.as_ref().is_some_and(|fix| is_left(fix.meaning))));
    let before = linted(text);
    assert!(rules(&left).iter().all(|rule| rules(&before).contains(rule)), "{:?}", rules(&left));
    assert_eq!(fixed(after, None, Sent::OneByOne, safe), (after.to_owned(), 0));
    for comment in text.lines().filter_map(|line| line.split_once("-- ")).map(|(_, comment)| comment) {
        assert!(after.contains(comment), "{comment}");
    }
}

#[test]
fn stdin_is_fixed_to_stdout() {
    use std::io::Write;
    let mut child = Command::new(dsql_edge())
        .args(["lint", "--fix", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"CREATE INDEX i ON t (a);\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "CREATE INDEX ASYNC i ON t (a);\n");
    assert!(output.status.success());
}

#[test]
fn second_ddl_in_a_transaction_is_a_finding() {
    let text = "CREATE TABLE a (i int);\nCREATE INDEX ASYNC ON a (i);\n".to_owned();
    let rules = |sent| {
        let linted = lint([("x".to_owned(), text.clone())], None, sent);
        linted[0].findings.iter().map(|it| it.rule.unwrap().id).collect::<Vec<_>>()
    };
    assert!(rules(Sent::OneByOne).is_empty());
    assert_eq!(rules(Sent::Whole), ["multi_ddl_transaction"]);
}

/// The parser reads these clauses of PostgreSQL 18, and DSQL has the grammar of PostgreSQL 16.
#[test]
fn clause_of_postgresql_18_is_a_syntax_error_on_dsql() {
    for (definition, near) in [
        ("b int GENERATED ALWAYS AS (a) VIRTUAL", "VIRTUAL"),
        ("CHECK (a > 0) NOT ENFORCED", "ENFORCED"),
        ("CHECK (a > 0) ENFORCED", "ENFORCED"),
        ("b int CHECK (b > 0) NOT ENFORCED", "ENFORCED"),
        ("NOT NULL a", "a"),
        ("CONSTRAINT c NOT NULL a NO INHERIT", "a"),
        ("r daterange, UNIQUE (a, r WITHOUT OVERLAPS)", "OVERLAPS"),
    ] {
        let text = format!("CREATE TABLE t (a int PRIMARY KEY, {definition});\n");
        let errors = |linted: Vec<LintedFile>| -> Vec<String> {
            let errors = linted[0].findings.iter().filter(|it| it.diagnostic.is_error());
            errors.map(|it| it.diagnostic.message.clone()).collect()
        };
        let on_dsql = errors(lint([("x".to_owned(), text.clone())], None, Sent::Migrate));
        assert!(on_dsql.contains(&format!("syntax error at or near \"{near}\"")), "{text}: {on_dsql:?}");
        assert_eq!(errors(lint_postgres([("x".to_owned(), text)], None, Sent::Migrate)), [""; 0]);
    }
    let others = "CREATE TABLE t (a int, virtual int, enforced int NOT NULL, period int);
                  ALTER TABLE t ALTER a SET NOT NULL, ALTER enforced DROP NOT NULL;";
    let found = lint([("x".to_owned(), others.to_owned())], None, Sent::OneByOne);
    assert!(found[0].findings.iter().all(|it| it.rule.is_some()));
}

#[test]
fn rules_are_printed_with_unique_names() {
    let (table, well) = run(&["lint", "--rules"]);
    assert!(well && table.contains("unsupported statement: Truncate (recorded)"), "{table}");
    let (json, _) = run(&["lint", "--rules", "--format", "json"]);
    assert!(!table.contains("{}") && !json.contains("{}"), "a template is printed");
    let rules: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> =
        rules["rules"].as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "two rules have the same name");
}

#[test]
fn async_index_is_used_only_by_migrate_which_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unique.sql");
    let sql = "CREATE UNIQUE INDEX ASYNC u ON t (a);\nALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX u;\n";
    std::fs::write(&file, sql).unwrap();
    let file = file.to_str().unwrap();
    let (report, well) = run(&["lint", file]);
    assert!(!well && report.contains("index_not_valid"), "{report}");
    assert_eq!(run(&["lint", "--for-migrate", file]), (String::new(), true));
}

#[test]
fn statement_that_migrate_rejects_is_a_finding() {
    for (sql, message) in [
        ("CREATE INDEX ASYNC ON t (a);", "an index without a name cannot be in a migration"),
        ("SET search_path = app;", "SET cannot be in a migration"),
        ("CALL sys.wait_for_job('abcdefghijklmnopqrstuvwxyz');", "CALL cannot be in a migration"),
        ("\\restrict x\n", "the psql command \\restrict cannot be in a migration"),
        ("COPY t FROM stdin;\nit's\n\\.\n", "COPY cannot be in a migration"),
        ("COMMIT;", "a COMMIT or ROLLBACK without a BEGIN before it cannot be in a migration"),
    ] {
        let linted = |sent| lint([("x.sql".to_owned(), sql.to_owned())], None, sent).remove(0);
        let found = linted(Sent::Migrate);
        let messages: Vec<&str> = found.findings.iter().map(|it| it.diagnostic.message.as_str()).collect();
        assert_eq!(messages, [message], "{sql}");
        assert!(linted(Sent::OneByOne).findings.is_empty(), "{sql}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.sql"), sql).unwrap();
        let error = read_folder(folder.path(), Dialect::Dsql).err().unwrap().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn advice_for_a_migration_can_be_followed() {
    for (sql, hint) in [
        ("CREATE INDEX i ON t (a);", "write CREATE INDEX ASYNC: `dsql-edge migrate` waits for its job"),
        ("DO $$ BEGIN PERFORM 1; END $$;", "write the statements that it runs"),
        (
            "BEGIN; CREATE TABLE a (id int); CREATE TABLE b (id int); COMMIT;",
            "leave BEGIN and COMMIT out, or COMMIT after each statement of another kind",
        ),
    ] {
        let linted = lint([("x.sql".to_owned(), sql.to_owned())], None, Sent::Migrate).remove(0);
        let hints: Vec<String> = linted.findings.iter().filter_map(|it| it.diagnostic.hint.clone()).collect();
        assert!(hints.iter().any(|it| it.ends_with(hint)), "{sql}: {hints:?}");
        assert!(
            !hints.iter().any(|it| it.contains("CALL") || it.contains("it neither changes")),
            "{hints:?}"
        );
    }
}

#[test]
fn files_that_migrate_does_not_apply_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    for (file, sql) in [
        ("1.sql", "SELECT 1;"),
        ("2.SQL", "VACUUM;"),
        ("inner/3.sql", "VACUUM;"),
        ("1.down.sql", "VACUUM;"),
        ("U1__a.sql", "VACUUM;"),
    ] {
        std::fs::write(folder.path().join(file), sql).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    for arguments in [&["lint", "--for-migrate", path][..], &["migrate", "--dry-run", "--folder", path]] {
        let output = std::process::Command::new(dsql_edge()).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        for name in ["2.SQL", "inner", "U1__a.sql"] {
            assert!(text.contains(&format!("{name} is not a migration")), "{arguments:?}: {text}");
        }
        assert!(!text.contains("1.down.sql") && !text.contains("Vacuum"), "{text}");
    }
    assert!(run(&["lint", "--for-migrate", path]).1);
}

#[test]
fn errors_of_batches_are_those_of_migrate() {
    let table = "CREATE TABLE task (id int PRIMARY KEY, points int);";
    for (statement, message) in [
        (
            "-- dsql-edge: in batches of 1000\nUPDATE task SET points = points + 1;",
            "could change \"points\" again",
        ),
        (
            "-- dsql-edge: in batches of 5000\nUPDATE task SET points = 0;",
            "a batch of 5000 rows exceeds the limit",
        ),
        ("-- dsql-edge: in batches of 1000\nUPDATE task SET points = 0;", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.sql"), table).unwrap();
        std::fs::write(folder.path().join("2.sql"), statement).unwrap();
        let path = folder.path().to_str().unwrap();
        let (report, passed) = run(&["lint", "--for-migrate", path]);
        assert!(report.contains(message) && passed == message.is_empty(), "{report}");
        let migrated = read_folder(folder.path(), Dialect::Dsql).err().map(|error| error.to_string());
        assert_eq!(migrated.is_none(), passed);
        assert!(migrated.unwrap_or_default().contains(message));
        // If the table is not known, the linter reports only errors that do not depend on the table.
        let second = folder.path().join("2.sql");
        let (report, _) = run(&["lint", "--for-migrate", second.to_str().unwrap()]);
        assert!(!report.contains("does not exist"), "{report}");
    }
}

/// Writes a package whose build reads a folder of migrations.
fn package_with_migrations(migrations: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write("Cargo.toml", "[package]\nname = \"a\"\nedition = \"2024\"\n");
    write("build.rs", "fn main() { println!(\"cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\"); }");
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    migrations.iter().for_each(|(name, text)| write(&format!("migrations/{name}"), text));
    folder
}

#[test]
fn migration_of_a_package_is_compared_with_those_before_it() {
    let package = package_with_migrations(&[
        ("1.sql", "CREATE TABLE task (id int PRIMARY KEY);\n"),
        ("2.sql", "ALTER TABLE task ADD COLUMN due date;\n"),
        ("3.sql", "ALTER TABLE tasks ADD COLUMN done boolean;\n"),
        ("4.sql", "UPDATE task SET due = now();\n"),
    ]);
    let lint = |paths: &[&str]| {
        let paths = paths.iter().map(|it| package.path().join(it).to_str().unwrap().to_owned());
        let arguments: Vec<String> = ["lint".to_owned()].into_iter().chain(paths).collect();
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    for paths in [&["migrations"][..], &["migrations/3.sql"], &["migrations/2.sql", "migrations/3.sql"]] {
        let (report, well) = lint(paths);
        assert!(!well && report.contains("relation \"tasks\" does not exist"), "{paths:?}: {report}");
        assert!(report.contains("= help: did you mean task?"), "{report}");
        assert_eq!(report.matches("error:").count(), 1, "{report}");
    }
    assert_eq!(lint(&["migrations/4.sql"]), (String::new(), true), "the files before it are not reported");
    // The files are not in the order of the folder, so the schema before the files is not known.
    assert_eq!(lint(&["migrations/3.sql", "migrations/2.sql"]), (String::new(), true));
}

#[test]
fn search_path_of_a_migration_applies_to_names() {
    let package = package_with_migrations(&[
        (
            "1.sql",
            "-- dsql-edge: search_path app\nCREATE SCHEMA app;\nCREATE TABLE app.task (id int PRIMARY KEY);\n",
        ),
        ("2.sql", "ALTER TABLE task ADD COLUMN due date;\n"),
    ]);
    assert_eq!(run(&["lint", package.path().join("migrations").to_str().unwrap()]), (String::new(), true));
}

#[test]
fn directive_of_a_file_names_the_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.sql");
    std::fs::write(&path, "-- dsql-edge: dialect postgres\nCREATE TABLE t (id serial);\n").unwrap();
    let path = path.to_str().unwrap();
    assert!(run(&["lint", path]).1 && !run(&["lint", "--dialect", "dsql", path]).1);
}

#[test]
fn variable_of_psql_is_not_called_a_parameter() {
    let linted =
        lint([("x.sql".to_owned(), "DROP TABLE :tab;\n".to_owned())], None, Sent::OneByOne).remove(0);
    let hint = linted.findings[0].diagnostic.hint.clone().unwrap();
    assert_eq!(hint, "psql variables are not supported: write the value in place of :tab");
}

#[test]
fn byte_order_mark_and_line_endings_are_not_sql() {
    for text in ["\u{feff}SELECT 1;\n", "SELECT 1;\r\n-- dsql-edge: allow truncate\r\nTRUNCATE t;\r\n"] {
        let linted = lint([("x.sql".to_owned(), text.to_owned())], None, Sent::OneByOne).remove(0);
        assert!(linted.findings.is_empty(), "{text:?}: {:?}", linted.findings[0].diagnostic);
    }
    let text = "\u{feff}TRUNCATE t;\r\n";
    let (printed, _) = {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.sql");
        std::fs::write(&file, text).unwrap();
        run(&["lint", "--format", "github", file.to_str().unwrap()])
    };
    assert!(printed.contains("line=1,col=1,endLine=1,endColumn=9"), "{printed}");
}

#[test]
fn explain_without_analyze_writes_no_rows() {
    for (sql, rules) in [
        ("EXPLAIN INSERT INTO t SELECT generate_series(1, 3500);", vec![]),
        ("EXPLAIN (ANALYZE false) INSERT INTO t SELECT generate_series(1, 3500);", vec![]),
        ("EXPLAIN ANALYZE INSERT INTO t SELECT generate_series(1, 3500);", vec!["rows"]),
        ("EXPLAIN SELECT 1 FOR SHARE;", vec!["for_lock"]),
    ] {
        let linted = lint([("x.sql".to_owned(), sql.to_owned())], None, Sent::OneByOne).remove(0);
        let found: Vec<_> = linted.findings.iter().filter_map(|it| Some(it.rule?.id)).collect();
        assert_eq!(found.is_empty(), rules.is_empty(), "{sql}: {found:?}");
    }
}

#[test]
fn function_of_an_earlier_file_is_followed() {
    let files = |body: &str| {
        let function = format!("CREATE FUNCTION g() RETURNS int LANGUAGE sql AS '{body}';");
        let call = "SELECT g();\nEXPLAIN ANALYZE SELECT g();\n".to_owned();
        let linted = lint([("1.sql".to_owned(), function), ("2.sql".to_owned(), call)], None, Sent::OneByOne);
        linted[1].findings.iter().map(|it| it.diagnostic.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(files("SELECT 1"), [""; 0]);
    let expected = "lint does not follow g(), whose body changes rows in the transaction of its caller";
    assert_eq!(files("DELETE FROM t RETURNING 1"), [expected; 2]);
}

#[test]
fn file_with_another_ending_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.sql", "SELECT 1;\n"), ("B.SQL", "VACUUM;\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new(dsql_edge()).arg("lint").arg(folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("B.SQL is not read: its name does not end with .sql"), "{printed}");
}

#[test]
fn name_of_a_file_is_percent_encoded_in_sarif() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a b:%é.sql"), "VACUUM;\n").unwrap();
    let mut command = Command::new(dsql_edge());
    let output = command
        .args(["lint", "--format", "sarif", "a b:%é.sql"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\"uri\": \"a%20b%3A%25%C3%A9.sql\""), "{printed}");
}
