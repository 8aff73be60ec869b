//! Decides whether a script does the same with a rewrite.
//!
//! Input: the rewrites of rules and of pg_dump. Output: the rewrites that `lint` may offer, each with the condition
//! under which the script does the same.
//!
//! A script does the same if it leaves the same catalog and the same rows, apart from differences that DSQL forces: an
//! identity column is a bigint, an index has no order and is built by a job. `tests/rewrites` compares both on
//! PostgreSQL. A rewrite that makes two statements of one does the same only if every statement succeeds; otherwise one
//! of the two remains. Examples: `ADD CONSTRAINT`, whose constraint remains NOT VALID if a row violates it, and a
//! transaction that becomes several. No row can violate the constraint only if the script created the table and added
//! no rows to it.

use dsql_edge_compiler::dsql::Meaning::{self, Same, SameIfAllSucceed};
use dsql_edge_compiler::dsql::transaction::{Part, part};
use dsql_edge_compiler::dsql::{Fix, Rule};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, AlterTable, CreateIndex, CreateTable, ObjectKind, QualifiedName, Statement, StatementKind,
    TableElement,
};
use dsql_edge_compiler::syntax::keyword::Keyword;

use super::column_type::depends_on_type;
use super::finding::Finding;
use super::rows;
use super::script::Script;
use super::sent::Sent;

/// Keeps the rewrites with which the script does the same, and adds the rewrite of transactions.
pub(super) fn judge(script: &Script<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut() {
        let (Some(rule), Some(at)) = (finding.rule, script.at(finding.statement)) else { continue };
        if rule.id == "multi_ddl_transaction" {
            finding.fix = split(script, at);
        }
        finding.fix = finding.fix.take().and_then(|fix| {
            let meaning = meaning(script, at, rule, finding.diagnostic.span)?;
            // The rewrite itself may depend on success already.
            Some(Fix { meaning: if fix.meaning == Same { meaning } else { fix.meaning }, ..fix })
        });
    }
}

fn meaning(script: &Script<'_>, at: usize, rule: &Rule, place: Span) -> Option<Meaning> {
    let statement = script.statements().get(at)?;
    match (rule.id, &statement.kind) {
        ("add_constraint_not_valid", StatementKind::AlterTable(alter)) => {
            let empty = rows::is_empty(script, at, &alter.name);
            script.is_alone(at).then_some(if empty { Same } else { SameIfAllSucceed })
        }
        ("index_async" | "index_concurrently", StatementKind::CreateIndex(index)) => {
            // PostgreSQL rejects CONCURRENTLY in a transaction, so that no statement of the transaction is applied.
            let in_transaction = index.concurrently && !script.is_alone(at);
            if in_transaction { None } else { index_by_job(script, at, index) }
        }
        ("unlogged_table", StatementKind::CreateTable(table)) => {
            // PostgreSQL rejects a foreign key of a permanent table to an unlogged one.
            let refers = |statement: &Statement| script.has(statement, Keyword::References);
            let end = script.statements().len();
            let any = script.naming(at..end, table.name.name()).any(refers);
            let later = script.is_in_later_files("references") && script.is_in_later_files(table.name.name());
            Some(if any || later { SameIfAllSucceed } else { Same })
        }
        (id @ ("identity_type" | "serial_type"), StatementKind::CreateTable(table)) => {
            let column = table.elements.iter().find_map(|element| match element {
                TableElement::Column(column)
                    if column.span.start <= place.start && place.end <= column.span.end =>
                {
                    Some(&column.name.text)
                }
                _ => None,
            })?;
            let depends = id == "serial_type" && !is_left_alone(script, at, table, column)
                || depends_on_type(script, at, table, column)
                || is_met_later(script, at, table.name.name());
            (!depends).then_some(Same)
        }
        _ => Some(Same),
    }
}

/// Until a job has built a unique index, the table accepts duplicates, and `ON CONFLICT` and foreign keys cannot use
/// it.
fn index_by_job(script: &Script<'_>, at: usize, index: &CreateIndex) -> Option<Meaning> {
    if !index.unique || script.sent == Sent::Migrate {
        return Some(Same);
    }
    let later = at + 1..script.statements().len();
    if later.clone().any(|later| needs_index(script, later, &index.table)) {
        return None;
    }
    let met = is_met_later(script, at, index.table.name());
    let using = ["conflict", "references", "using index"];
    if met && using.iter().any(|words| script.is_in_later_files(words)) {
        return None;
    }
    let end = script.statements().get(at)?.span.end;
    let leaves_rows = |later| rows::leaves_rows(script, later, &index.table);
    let written = met || !later.into_iter().all(leaves_rows) || !script.is_known(end, u32::MAX);
    Some(if written { SameIfAllSucceed } else { Same })
}

/// Whether a statement may fail while an index of the table is not built yet.
fn needs_index(script: &Script<'_>, at: usize, table: &QualifiedName) -> bool {
    let Some(statement) = script.statements().get(at) else { return true };
    let has = |keyword| script.has(statement, keyword);
    let names = script.names(statement, table.name());
    match &statement.kind {
        // The target may be a view of the table, or the table by another name.
        StatementKind::Insert(_) if has(Keyword::Conflict) => names || !rows::stays_in_its_table(script, at),
        StatementKind::AlterTable(alter) if renames(alter) => names,
        StatementKind::CreateFunction(_)
        | StatementKind::AlterFunction(_)
        | StatementKind::RenameSchema { .. }
        | StatementKind::CreateTrigger(_)
        | StatementKind::CreateRule(_)
        | StatementKind::Utility(_) => script.mentions(statement, "conflict"),
        _ => {
            names
                && (has(Keyword::Conflict)
                    || has(Keyword::References)
                    || has(Keyword::Using) && has(Keyword::Index))
        }
    }
}

/// Whether a file that runs later names a table, or an object that this file derives from it: a view, another name.
fn is_met_later(script: &Script<'_>, at: usize, table: &str) -> bool {
    let mut names = vec![table];
    for statement in script.statements().get(at + 1..).unwrap_or_default() {
        if names.iter().any(|name| script.names(statement, name) || is_in_body(script, statement, name)) {
            match &statement.kind {
                StatementKind::CreateView(view) => names.push(view.name.name()),
                StatementKind::CreateTableAs(copy) => names.push(copy.name.name()),
                StatementKind::CreateFunction(function) => names.push(function.name.name()),
                StatementKind::CreateTable(child) => names.push(child.name.name()),
                StatementKind::CreateTrigger(on) | StatementKind::CreateRule(on) => names.push(on.name()),
                StatementKind::AlterTable(alter) => {
                    names.extend(alter.actions.iter().filter_map(|it| match it {
                        AlterAction::Rename(name) => Some(name.text.as_str()),
                        _ => None,
                    }))
                }
                _ => {}
            }
        }
    }
    names.iter().any(|name| script.is_in_later_files(name))
}

/// Whether the body of a function has a name in it.
fn is_in_body(script: &Script<'_>, statement: &Statement, name: &str) -> bool {
    matches!(statement.kind, StatementKind::CreateFunction(_)) && script.mentions(statement, name)
}

fn renames(alter: &AlterTable) -> bool {
    alter.actions.iter().any(|it| matches!(it, AlterAction::Rename(_) | AlterAction::SetSchema(_)))
}

/// Whether each statement after CREATE TABLE does the same for an identity column as for a column with a default.
fn is_left_alone(script: &Script<'_>, at: usize, table: &CreateTable, column: &str) -> bool {
    let (name, all) = (table.name.name(), script.statements().len());
    let sequence = format!("{name}_{column}_seq");
    let differs = |statement: &Statement| match &statement.kind {
        StatementKind::AlterTable(alter) if alter.object == ObjectKind::Table => {
            alter.actions.iter().any(|action| match action {
                AlterAction::SetType { column: it, .. }
                | AlterAction::SetDefault { column: it, .. }
                | AlterAction::AddIdentity { column: it, .. }
                | AlterAction::SetNotNull(it)
                | AlterAction::DropNotNull(it)
                | AlterAction::DropIdentity(it) => it.text == column,
                AlterAction::Rename(_) | AlterAction::RenameColumn { .. } | AlterAction::SetSchema(_) => true,
                _ => false,
            })
        }
        StatementKind::CreateTable(like) => {
            like.elements.iter().any(|it| matches!(it, TableElement::Like { .. }))
        }
        StatementKind::Insert(_) => script.has(statement, Keyword::Overriding),
        _ => false,
    };
    let changes_sequence = |statement: &Statement| match &statement.kind {
        StatementKind::AlterTable(_) | StatementKind::Drop(_) | StatementKind::RenameSchema { .. } => true,
        StatementKind::Utility(words) => words.starts_with("ALTER"),
        _ => false,
    };
    !script.naming(at + 1..all, name).any(differs)
        && !script.naming(at + 1..all, &sequence).any(changes_sequence)
}

/// Begins another transaction for a second DDL statement. A transaction that is rolled back or changes rows is not
/// split: its statements belong together.
fn split(script: &Script<'_>, at: usize) -> Option<Fix> {
    if script.sent == Sent::Whole {
        return None;
    }
    let block = script.block(at)?;
    let inside = script.statements().get(block.inside.clone())?;
    let is_schema = |statement: &Statement| part(script.parsed.statement(statement)) == Part::Ddl;
    let (begin, end) = (block.begin?, script.statements().get(block.inside.end)?);
    if !block.commits || !inside.iter().all(is_schema) || !script.is_known(begin.start, end.span.start) {
        return None;
    }
    let statement = script.statements().get(at)?.span;
    let place = Span { start: statement.start, end: statement.start };
    let edit = format!("COMMIT;\n{};\n", begin.text(&script.parsed.text));
    Some(Fix { title: "begin another transaction", edits: vec![(place, edit)], meaning: SameIfAllSucceed })
}

#[cfg(test)]
mod tests {
    use dsql_edge_compiler::dsql::Meaning;

    use crate::lint::{Sent, fixed, fixed_before};

    const SPLIT: &str = "BEGIN;\nCREATE TABLE y (a int);\nCREATE TABLE z (a int);\nCOMMIT;\n";
    const CHECK: &str = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);\n";
    const CHECK_FIXED: &str = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE ASYNC t VALIDATE CONSTRAINT c;\n";
    const TABLE: &str = "CREATE TABLE t (a int);\n";
    const KEY: &str = "ALTER TABLE t ADD UNIQUE (a);\n";

    fn with(text: &str, safe: Meaning) -> String {
        fixed(text, None, Sent::OneByOne, safe).0
    }

    #[test]
    fn scripts_that_a_rewrite_would_change_stay_as_they_are() {
        for text in [
            // Rolled back, left open, chained, rows on both sides, a savepoint.
            SPLIT.replace("COMMIT", "ROLLBACK"),
            SPLIT.replace("COMMIT;", ""),
            SPLIT.replace("COMMIT;", "COMMIT AND CHAIN;"),
            SPLIT.replace("BEGIN;\n", "BEGIN;\nUPDATE x SET a = 1;\n"),
            "BEGIN;\nUPDATE x SET a = 1;\nDROP TABLE y;\nUPDATE x SET a = 2;\nCOMMIT;\n".to_owned(),
            SPLIT.replace("BEGIN;\n", "BEGIN;\nSAVEPOINT s;\n"),
            SPLIT.replace("COMMIT", "\\i more.sql\nCOMMIT"),
            // Literals, names and comments are not statements.
            "INSERT INTO t VALUES ('\n\\d\nCREATE INDEX i ON t (a);\nit''s');\n".to_owned(),
            "COPY t FROM stdin WITH (FORMAT csv);\n\"'\nCREATE INDEX i ON t (a);\n\"\n\\.\nSELECT 1;\n".to_owned(),
            "/* /* '\n*/\n\\d\nCREATE INDEX i ON t (a); */ SELECT $$\n\\\nCREATE INDEX i ON t (a);$$;\n".to_owned(),
            // A NOT VALID constraint that is never validated is a different one.
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
            "SET check_function_bodies = false;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n".to_owned(),
        ] {
            assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
        }
    }

    const VIEW: &str = "CREATE VIEW v AS SELECT a FROM t;\n";
    const FUNCTION: &str =
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (-1) RETURNING a';\n";

    #[test]
    fn rows_that_come_another_way_keep_a_key_where_it_is() {
        let log = "CREATE TABLE log (x int);\n";
        for between in [
            // Through a view, a function that a statement, a default or an index calls, a trigger, a rule, a child or a
            // domain.
            format!("{VIEW}INSERT INTO v VALUES (1), (1);\nDELETE FROM v WHERE a = 1;\n"),
            format!("{VIEW}COPY v FROM stdin;\n1\n\\.\n"),
            format!("{FUNCTION}{log}INSERT INTO log VALUES (f());\n"),
            format!("{FUNCTION}{log}UPDATE log SET x = f();\n"),
            format!("{FUNCTION}{log}CREATE VIEW w AS SELECT f();\nINSERT INTO log SELECT * FROM w;\n"),
            format!("{FUNCTION}CREATE TABLE log (x int DEFAULT f());\nINSERT INTO log DEFAULT VALUES;\n"),
            format!(
                "{FUNCTION}{log}ALTER TABLE log ALTER x SET DEFAULT f();\nINSERT INTO log DEFAULT VALUES;\n"
            ),
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
            format!(
                "CREATE TABLE archive.t (a int);\nALTER TABLE public.t {}",
                &CHECK["ALTER TABLE t ".len()..]
            ),
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
        ] {
            let text = format!("{TABLE}{index}{later}");
            assert_eq!(with(&text, Meaning::SameIfAllSucceed), text);
        }
        let text = format!("{TABLE}{index}{VIEW}INSERT INTO v VALUES (1);\n");
        assert_eq!(with(&text, Meaning::Same), text);
    }

    #[test]
    fn column_whose_type_matters_stays_an_integer() {
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
    fn rewrites_that_change_nothing_are_applied() {
        for (text, expected) in [
            (format!("{TABLE}{CHECK}"), format!("{TABLE}{CHECK_FIXED}")),
            (format!("{TABLE}{KEY}"), "CREATE TABLE t (a int, UNIQUE (a));\n".to_owned()),
            ("CREATE INDEX i ON t (a)".to_owned(), "CREATE INDEX ASYNC i ON t (a)".to_owned()),
            ("\u{feff}SET lock_timeout = 0;\r\nSELECT 1;\r\n".to_owned(), "\u{feff}SELECT 1;\r\n".to_owned()),
            // A comment before the text that is cut out keeps the end of its line.
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
            let is_fixed = |safe| fixed_before(text, &["", later], None, Sent::OneByOne, safe).1 > 0;
            let found = (is_fixed(Meaning::Same), is_fixed(Meaning::SameIfAllSucceed));
            assert_eq!(found, (same, all), "{text}{later}");
        }
    }

    #[test]
    fn index_is_built_in_time_where_migrate_waits() {
        let text = "CREATE UNIQUE INDEX i ON t (a);\nINSERT INTO t VALUES (1);\n";
        let expected = text.replace("INDEX", "INDEX ASYNC");
        assert_eq!(fixed(text, None, Sent::Migrate, Meaning::Same).0, expected);
    }
}
