//! Tests of the advice for migrations.

use super::named_files::named;
use super::{LintedFile, Sent, lint, lint_folder};
use dsql_edge_compiler::Schema;

fn hints(files: &[LintedFile]) -> Vec<String> {
    let findings = files.iter().flat_map(|file| &file.findings);
    findings.filter_map(|it| it.diagnostic.hint.clone()).collect()
}

#[test]
fn advice_for_a_unique_constraint_can_be_pasted() {
    let sql = "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a);";
    let pasted = "CREATE UNIQUE INDEX ASYNC u ON t (a); ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX u";
    assert_eq!(hints(&lint(named(&[sql]), None, Sent::Migrate)), [pasted]);
    let table = "CREATE TABLE t (id int PRIMARY KEY, a int);";
    let after = lint(named(&[table, pasted]), Some(&Schema::default()), Sent::Migrate);
    assert!(after.iter().all(|file| file.findings.is_empty()));
    assert!(hints(&lint(named(&[sql]), None, Sent::OneByOne))[0].contains("CALL sys.wait_for_job('…')"));
    for sql in ["ALTER TABLE t ADD UNIQUE (a);", "ALTER TABLE t ADD COLUMN b int UNIQUE;"] {
        let hints = hints(&lint(named(&[sql]), None, Sent::Migrate));
        assert!(!hints[0].contains("job"), "{sql}: {hints:?}");
    }
}

#[test]
fn errors_of_one_transaction_give_the_same_advice() {
    let ddl = "BEGIN; CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); COMMIT;";
    let found = hints(&lint(named(&[ddl]), None, Sent::Migrate));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], found[1]);
    let mixed = "BEGIN; INSERT INTO t VALUES (1); CREATE TABLE b (id int PRIMARY KEY); COMMIT;";
    assert_eq!(hints(&lint(named(&[mixed]), None, Sent::Migrate)), [found[0].clone()]);
}

#[test]
fn advice_for_a_new_column_is_that_for_its_constraint() {
    for (constraint, expected) in [
        (
            "REFERENCES u (id) ON DELETE CASCADE",
            "ALTER TABLE t ADD CONSTRAINT t_c_fkey FOREIGN KEY (c) REFERENCES u (id) ON DELETE CASCADE NOT VALID; \
             ALTER TABLE ASYNC t VALIDATE CONSTRAINT t_c_fkey",
        ),
        (
            "CONSTRAINT p CHECK (c > 0)",
            "ALTER TABLE t ADD CONSTRAINT p CHECK (c > 0) NOT VALID; ALTER TABLE ASYNC t VALIDATE CONSTRAINT p",
        ),
        (
            "UNIQUE",
            "CREATE UNIQUE INDEX ASYNC t_c_key ON t (c); ALTER TABLE t ADD CONSTRAINT t_c_key UNIQUE USING INDEX t_c_key",
        ),
    ] {
        let sql = format!("ALTER TABLE t ADD COLUMN c int {constraint};");
        let hints = hints(&lint(named(&[&sql]), None, Sent::Migrate));
        assert!(hints[0].ends_with(expected), "{sql}: {hints:?}");
        let table = "CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, c int);";
        let after = lint(named(&[table, expected]), Some(&Schema::default()), Sent::Migrate);
        assert!(after.iter().all(|file| file.findings.is_empty()), "{expected}");
    }
    let not_null = hints(&lint(named(&["ALTER TABLE t ADD COLUMN c int NOT NULL;"]), None, Sent::Migrate));
    assert!(not_null[0].contains("UPDATE the rows"));
}

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int);";

fn has_warning(files: &[LintedFile]) -> bool {
    files.iter().flat_map(|file| &file.findings).any(|it| it.diagnostic.message.contains("3,000"))
}

#[test]
fn change_of_every_row_in_a_migration_is_a_warning() {
    for sql in ["UPDATE t SET a = 1;", "DELETE FROM t;", "BEGIN; DELETE FROM public.t AS x; COMMIT;"] {
        assert!(has_warning(&lint_folder(named(&[TABLE, sql]), Sent::Migrate)), "{sql}");
        assert!(has_warning(&lint(named(&[sql]), None, Sent::Migrate)), "{sql}");
        let schema = Schema::parse(TABLE).unwrap();
        assert!(has_warning(&lint(named(&[sql]), Some(&schema), Sent::Migrate)), "{sql}");
        assert!(!has_warning(&lint(named(&[sql]), None, Sent::OneByOne)), "{sql}: it is not a migration");
    }
}

#[test]
fn change_of_few_rows_in_a_migration_is_not_a_warning() {
    for sql in [
        "-- dsql-edge: in batches of 1000\nUPDATE t SET a = 1;",
        "-- dsql-edge: allow missing-where\nUPDATE t SET a = 1;",
        "UPDATE t SET a = 1 WHERE true;",
        "DELETE FROM t WHERE id = 1;",
        "CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (1); DELETE FROM n;",
    ] {
        assert!(!has_warning(&lint_folder(named(&[TABLE, sql]), Sent::Migrate)), "{sql}");
    }
    let both = named(&[TABLE, "DELETE FROM t;"]);
    assert!(!has_warning(&lint(both, Some(&Schema::default()), Sent::Migrate)), "the run creates the table");
}
