//! Lints one file, statement by statement: finds the file's syntax errors, and the rules that its statements break.
//!
//! Input: the text of a file, and the schema after the files before it. Output: findings in the order of their
//! positions. A statement that cannot be read does not prevent the statements after it from being read.

use std::collections::HashMap;

use crate::allow_comment::is_rule;
use crate::steps;
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, quotation};
use dsql_edge_compiler::dsql::Transactions;
use dsql_edge_compiler::schema::{Dialect, misspelt_directives};
use dsql_edge_compiler::source::{Lines, Span};
use dsql_edge_compiler::syntax::newer_clause;

use super::finding::{Finding, LintedFile};
use super::names::NameCertainty;
use super::read::read;
use super::resolve::Resolved;
use super::run::Run;
use super::script::{Script, messages};
use super::sent::Sent;
use super::strings::changes_strings;
use super::{allowed, dump, meaning, unfollowed, whole_table};

/// Lints files in the order in which they run. `schema` is the complete schema before the files: with it, a name that
/// does not exist is an error.
pub fn lint(
    files: impl IntoIterator<Item = (String, String)>,
    schema: Option<&Schema>,
    sent: Sent,
) -> Vec<LintedFile> {
    lint_with(files, Resolved::with(schema).of_sequence(sent == Sent::Migrate), sent)
}

/// Lints the files of a folder, which probably create everything that they use: a name that does not exist is a
/// warning.
pub fn lint_folder(files: impl IntoIterator<Item = (String, String)>, sent: Sent) -> Vec<LintedFile> {
    lint_with(files, Resolved::assumed().of_sequence(sent == Sent::Migrate), sent)
}

fn lint_with(
    files: impl IntoIterator<Item = (String, String)>,
    mut resolved: Resolved,
    sent: Sent,
) -> Vec<LintedFile> {
    let texts: Vec<(String, String)> = files.into_iter().collect();
    let run = Run::of(texts.iter().map(|(_, text)| text.as_str()));
    let of = |(at, (name, text)): (usize, &(String, String))| {
        LintedFile::of(name.clone(), text.clone(), &mut resolved, sent, (&run, at))
    };
    let mut linted: Vec<LintedFile> = texts.iter().enumerate().map(of).collect();
    if sent == Sent::Migrate {
        for at in 0..linted.len() {
            let errors = batch_errors(&linted, at);
            if let Some(file) = linted.get_mut(at) {
                file.findings.extend(errors);
                file.findings.sort_by_key(|finding| finding.diagnostic.span);
            }
        }
    }
    linted
}

/// Returns the errors of the statements that `migrate` divides into batches. This function does not report errors about
/// names, because another module does: `resolve` reports each name that is certainly wrong.
fn batch_errors(linted: &[LintedFile], at: usize) -> Vec<Finding> {
    let (Some(before), Some(file)) = (linted.get(..at), linted.get(at)) else { return Vec::new() };
    if file.findings.iter().any(|finding| finding.diagnostic.is_error()) {
        return Vec::new();
    }
    let earlier: Vec<(&str, &str)> =
        before.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let divided = steps::steps(&file.text)
        .and_then(|mut steps| steps::divide::divide(&mut steps, &file.text, &earlier, Dialect::Dsql));
    let errors = divided.err().unwrap_or_default().into_iter();
    let of_batches = errors.filter(|error| error.code == Code::NotInBatches);
    of_batches
        .map(|diagnostic| {
            let statement = diagnostic.span;
            Finding { diagnostic, rule: None, fix: None, statement }
        })
        .collect()
}

/// Lints the text of one file of a run.
pub(super) fn lint_among(
    text: &str,
    place: (&Run<'_>, usize),
    schema: Option<&Schema>,
    sent: Sent,
) -> LintedFile {
    LintedFile::of(String::new(), text.to_owned(), &mut Resolved::with(schema), sent, place)
}

impl LintedFile {
    fn of(
        name: String,
        text: String,
        resolved: &mut Resolved,
        sent: Sent,
        (run, place): (&Run<'_>, usize),
    ) -> LintedFile {
        let whole = sent == Sent::Whole;
        let (parsed, errors) = read(&text);
        let unread: Vec<Span> = errors.iter().map(|error| error.statement).collect();
        let mut findings: Vec<Finding> = errors;
        let script = Script::new(&parsed, unread, sent, (run, place));
        let unfollowed = unfollowed::warnings(&script);
        let is_followed = |it: &&Finding| !allowed::is_finding_allowed(&text, it);
        resolved.begin_file(&text, findings.iter().chain(unfollowed.iter().filter(is_followed)));
        let certainty = NameCertainty::of(&parsed);
        let mut before_block = None;
        let mut transactions = Transactions::new();
        transactions.message(if whole { parsed.statements.len() } else { 1 });
        // For each message that psql sends: the index of its first statement, and the number of statements in the
        // message.
        let mut begins = HashMap::new();
        let mut next = 0;
        for count in messages(&parsed) {
            begins.insert(next, count);
            next += count;
        }
        for (at, statement) in parsed.iter().enumerate() {
            let own = resolved.findings(statement);
            let own: Vec<_> = own.into_iter().filter(|it| certainty.is_certain(it, statement.tree)).collect();
            if let Some(count) = begins.get(&at).filter(|_| !whole) {
                transactions.message(*count);
            }
            let refused = own.iter().any(|finding| finding.whole);
            let of_transaction = if refused { None } else { transactions.next(statement) };
            let names = resolved.follow(statement, &own, certainty.is_name_certain(statement.tree));
            let found = own.into_iter().chain(of_transaction).map(|finding| Finding {
                diagnostic: finding.diagnostic,
                rule: Some(finding.rule),
                fix: finding.fix,
                statement: statement.span,
            });
            findings.extend(found);
            findings.extend(newer_clause(statement).map(|diagnostic| Finding {
                diagnostic,
                rule: None,
                fix: None,
                statement: statement.span,
            }));
            if certainty.begins_undone_block(at) {
                before_block = Some(resolved.state());
            } else if certainty.ends_undone_block(at)
                && let Some(before) = before_block.take()
            {
                resolved.restore(before);
            }
            findings.extend(names.into_iter().map(|mut diagnostic| {
                quotation::quote(&mut diagnostic, &text, &parsed.tokens.captures);
                Finding { diagnostic, rule: None, fix: None, statement: statement.span }
            }));
        }
        resolved.end_file(certainty.shows_objects());
        if changes_strings(&parsed) || run.changes_strings_before(place) {
            findings.iter_mut().for_each(|finding| finding.fix = None);
        } else {
            dump::add_fixes(&script, &mut findings);
            meaning::judge(&script, &mut findings);
            meaning::judge_failures(&script, &mut findings);
        }
        findings.extend(unfollowed);
        if sent == Sent::Migrate {
            findings.extend(whole_table::warnings(&parsed, |table| resolved.existed(table)));
        }
        findings.retain(|finding| !allowed::is_finding_allowed(&text, finding));
        if sent == Sent::Migrate {
            findings.retain(|finding| !finding.is_moot_for_migrate());
            findings.iter_mut().for_each(Finding::advise_for_migrate);
            let misplaced = steps::misplaced(&parsed).into_iter();
            // If the statement already has an error, the error of `steps` is not reported, because the message of the
            // existing error is clearer.
            let is_new = |error: &Diagnostic| {
                !findings.iter().any(|it| it.diagnostic.is_error() && overlap(it.statement, error.span))
            };
            let misplaced: Vec<Diagnostic> = misplaced.filter(is_new).collect();
            findings.extend(misplaced.into_iter().map(|diagnostic| {
                let statement = diagnostic.span;
                Finding { diagnostic, rule: None, fix: None, statement }
            }));
        } else {
            findings.extend(of_comments(&text));
        }
        findings.sort_by_key(|finding| finding.diagnostic.span);
        let lines = Lines::of(&text);
        LintedFile { name, text, lines, findings }
    }
}

/// Returns the errors of comments that look like misspelt directives. `migrate` does not need this function, because
/// `steps` reports these comments.
pub(super) fn of_comments(text: &str) -> impl Iterator<Item = Finding> {
    misspelt_directives(text, &is_rule).into_iter().map(|diagnostic| {
        let statement = diagnostic.span;
        Finding { diagnostic, rule: None, fix: None, statement }
    })
}

fn overlap(a: Span, b: Span) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use crate::lint::{Sent, lint};

    fn found(text: &str) -> Vec<String> {
        let linted = lint([("x.sql".to_owned(), text.to_owned())], None, Sent::OneByOne);
        let id = |finding: &super::Finding| {
            finding.rule.map_or(finding.diagnostic.code.name().to_owned(), |rule| rule.id.to_owned())
        };
        linted.iter().flat_map(|file| &file.findings).map(id).collect()
    }

    #[test]
    fn statements_around_a_syntax_error_are_read() {
        let text = "TRUNCATE a;\nSELEC 1;\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\nVACUUM;";
        assert_eq!(found(text), ["truncate", "syntax-error", "vacuum"]);
    }

    #[test]
    fn rules_use_the_tables_that_the_file_created() {
        assert_eq!(
            found("CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t DROP COLUMN id;"),
            ["drop_primary_key_column"]
        );
        assert_eq!(
            found("CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t DROP COLUMN a;"),
            [""; 0]
        );
    }

    #[test]
    fn names_are_followed_only_while_they_are_certain() {
        let index = "CREATE INDEX ASYNC i ON t (d);";
        let table = "CREATE TABLE t (d jsonb);";
        let other = "CREATE SCHEMA s; CREATE TABLE s.t (d int);";
        assert_eq!(found(&format!("{table} {index}")), ["key_type"]);
        assert_eq!(found(&format!("{table} {other} SET search_path = s; {index}")), [""; 0]);
        let qualified = "CREATE INDEX ASYNC i ON public.t (d);";
        assert_eq!(found(&format!("{table} {other} SET search_path = s; {qualified}")), ["key_type"]);
        let in_s =
            "CREATE SCHEMA s; CREATE TABLE t (d int); CREATE TABLE s.t (d jsonb); SET search_path = s;";
        assert_eq!(found(&format!("{in_s} {index}")), ["key_type"]);
        assert_eq!(found(&format!("{in_s} RESET search_path; {index}")), [""; 0]);
        let dump = "SELECT pg_catalog.set_config('search_path', '', false);";
        assert_eq!(found(&format!("{dump} {table} {qualified}")), ["key_type"]);
        assert_eq!(found(&format!("BEGIN; {table} ROLLBACK; CREATE TABLE t (d int); {index}")), [""; 0]);
        let undone = "BEGIN; CREATE TABLE t (d int); ROLLBACK;";
        assert_eq!(found(&format!("{undone} {table} {index}")), ["key_type"]);
        let to_savepoint = "BEGIN; SAVEPOINT a; CREATE TABLE t (d int); ROLLBACK TO a;";
        let of_block = ["savepoint", "rollback_to_savepoint", "multi_ddl_transaction"];
        assert_eq!(found(&format!("{to_savepoint} {table} COMMIT; {index}")), of_block);
        assert_eq!(found(&format!("{in_s} SET LOCAL search_path = public; {index}")), [""; 0]);
        let included = "unfollowed-statement";
        assert_eq!(found(&format!("{table}\n\\i x.sql\n{index}")), [included]);
        assert_eq!(found(&format!("{table} {index}\n\\i x.sql\n")), ["key_type", included]);
        let schemas = |from: u32| (from..11).map(|it| format!("CREATE SCHEMA s{it}; ")).collect::<String>();
        assert_eq!(found(&schemas(0)), ["schemas"]);
        assert_eq!(found(&schemas(1)), [""; 0]);
        assert_eq!(found(&format!("BEGIN; CREATE SCHEMA x; ROLLBACK; {}", schemas(1))), [""; 0]);
    }

    #[test]
    fn own_names_are_not_those_of_the_system() {
        let table = "CREATE TABLE t (a int, b text); ";
        let on_own = |sql: &str| found(&format!("{table}{sql};"));
        assert_eq!(on_own("SELECT ctid FROM t"), ["ctid"]);
        for sql in [
            "SELECT x.ctid FROM (SELECT 1 AS ctid) AS x",
            "WITH x (ctid) AS (SELECT 1) SELECT ctid FROM x",
            "SELECT f.ctid FROM generate_series(1, 2) AS f (ctid)",
            "CREATE VIEW v AS SELECT 1 AS ctid; SELECT ctid FROM v",
            "CREATE FUNCTION f(ctid int) RETURNS int LANGUAGE sql AS 'SELECT ctid'",
        ] {
            assert_eq!(on_own(sql), [""; 0], "{sql}");
        }
        let index = "CREATE INDEX ASYNC ON t (now(b))";
        let function = "CREATE FUNCTION now(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'";
        assert_eq!(on_own("CREATE INDEX ASYNC ON t ((now()))"), ["index_not_immutable"]);
        assert_eq!(on_own(&format!("{function}; {index}")), [""; 0]);
    }

    #[test]
    fn type_of_an_identity_is_read_from_its_table() {
        let identity = |ty: &str| {
            found(&format!(
                "CREATE TABLE t (id {ty}); ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);"
            ))
        };
        assert_eq!(identity("bigint"), [""; 0]);
        assert_eq!(identity("integer"), ["identity_type"]);
    }

    #[test]
    fn second_ddl_statement_of_a_transaction_is_a_finding() {
        let ddl = "CREATE TABLE a (i int); CREATE TABLE b (i int);";
        let others = "CREATE TABLE c (i int); CREATE TABLE d (i int);";
        assert_eq!(found(ddl), [""; 0]);
        assert_eq!(
            found(&format!("BEGIN; {ddl} COMMIT; BEGIN; {others} COMMIT;")),
            ["multi_ddl_transaction"; 2]
        );
        assert_eq!(
            found("BEGIN; INSERT INTO a VALUES (1); DROP TABLE a; COMMIT;"),
            ["mixed_ddl_dml_transaction"]
        );
        let unique = "CREATE UNIQUE INDEX ASYNC u ON a (i); ";
        let constraint = "ALTER TABLE a ADD CONSTRAINT u UNIQUE USING INDEX u;";
        assert_eq!(found(&format!("{unique}{constraint}")), ["index_not_valid"]);
        assert_eq!(found(&format!("{unique}CALL sys.wait_for_job('x');{constraint}")), ["job_id"]);
        assert_eq!(found(&format!("{unique}SELECT status FROM sys.jobs;{constraint}")), [""; 0]);
    }

    #[test]
    fn statements_of_one_message_are_one_transaction() {
        for (text, expected) in [
            ("CREATE TABLE a (i int)\\; CREATE TABLE b (i int);", vec!["multi_ddl_transaction"]),
            ("INSERT INTO a VALUES (1)\\; DROP TABLE a;", vec!["mixed_ddl_dml_transaction"]),
            ("CREATE TABLE a (i int)\\; SELECT 1; CREATE TABLE b (i int);", vec![]),
            (
                "BEGIN\\; CREATE TABLE a (i int); CREATE TABLE b (i int); COMMIT;",
                vec!["multi_ddl_transaction"],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn place_that_lint_cannot_follow_is_a_finding() {
        let unfollowed = vec!["unfollowed-statement"];
        let function =
            |body: &str| format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '{body}'; SELECT f();");
        for (text, expected) in [
            ("\\! psql -f more.sql\n", unfollowed.clone()),
            ("SELECT 1 \\g |psql\n", unfollowed.clone()),
            ("SELECT 1 \\g\n", vec![]),
            ("\\copy t from program 'x'\n", unfollowed.clone()),
            ("\\copy t from 'x.csv'\n", vec![]),
            ("BEGIN; CREATE TABLE t (a int);\n\\copy t from 'x.csv'\nCOMMIT;", unfollowed.clone()),
            ("\\i more.sql\n", unfollowed.clone()),
            ("SELECT 'DROP TABLE t' \\gexec\n", unfollowed.clone()),
            ("\\set AUTOCOMMIT off\n", unfollowed.clone()),
            ("\\set a `ls`\n", unfollowed.clone()),
            ("\\set a b\n\\echo a\n\\d t\n", vec![]),
            ("SELECT app.migrate();", unfollowed.clone()),
            ("-- dsql-edge: allow unfollowed-statement\nSELECT app.migrate();", vec![]),
            (&function("CREATE TABLE t (a int); SELECT 1"), unfollowed.clone()),
            (&function("INSERT INTO t VALUES (1) RETURNING a"), unfollowed.clone()),
            (&function("SELECT 1"), vec![]),
            (
                "SELECT lower('A'), count(*) FROM t AS x (a, b); WITH q (a) AS (SELECT 1) SELECT a FROM q;",
                vec![],
            ),
            ("INSERT INTO t (a) VALUES (1); SELECT * FROM unnest(ARRAY[1]) AS u (a) WHERE a IN (1);", vec![]),
            ("EXPLAIN ANALYZE INSERT INTO t VALUES (1);", vec![]),
            (
                "BEGIN; DROP TABLE u; EXPLAIN ANALYZE INSERT INTO t VALUES (1); COMMIT;",
                vec!["mixed_ddl_dml_transaction"],
            ),
            ("EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1;", vec!["create_table_as"]),
            ("EXPLAIN (ANALYZE) EXECUTE p;", vec!["execute"]),
            ("PREPARE p AS INSERT INTO t VALUES (1); EXECUTE p;", vec!["prepare", "execute"]),
            ("SELECT pg_catalog.set_config('search_path', '', false);", vec![]),
            (
                "SELECT query_to_xml('DROP TABLE t', true, true, '');",
                vec!["denied_function", "unfollowed-statement"],
            ),
            ("DO 'BEGIN END';", vec!["anonymous_block"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn drop_of_a_missing_schema_is_a_finding_without_if_exists() {
        let schema =
            dsql_edge_compiler::Schema::parse("CREATE SCHEMA app; CREATE TABLE old.t (a int);").unwrap();
        for (text, is_wrong) in [
            ("DROP SCHEMA app; DROP SCHEMA app;", true),
            ("DROP SCHEMA nowhere CASCADE;", true),
            ("DROP SCHEMA IF EXISTS nowhere;", false),
            ("DROP SCHEMA old CASCADE;", false),
            ("CREATE SCHEMA here; DROP SCHEMA here;", false),
        ] {
            let linted = lint([("x.sql".to_owned(), text.to_owned())], Some(&schema), Sent::OneByOne);
            let wrong = linted[0].findings.iter().any(|it| it.diagnostic.sqlstate() == "3F000");
            assert_eq!(wrong, is_wrong, "{text}");
            assert_eq!(found(text), [""; 0], "without a schema, nothing is known");
        }
    }

    #[test]
    fn comment_silences_a_rule_only_at_its_place() {
        assert_eq!(found("-- dsql-edge: allow truncate\nTRUNCATE a;\nTRUNCATE b;"), ["truncate"]);
        assert_eq!(found("TRUNCATE a; -- dsql-edge: allow vacuum, truncate\n\nTRUNCATE b;"), ["truncate"]);
    }
}
