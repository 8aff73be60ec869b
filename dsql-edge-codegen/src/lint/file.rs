//! One file, statement by statement: the syntax errors in it and the rules that it breaks.
//!
//! Input: a text, and the schema after the texts before it. Output: findings in the order of the text. If a statement
//! cannot be read, the next one is read nevertheless.

use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql::{self, Transactions};
use dsql_edge_compiler::schema::Growth;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};
use dsql_edge_compiler::syntax::{Lexed, Parsed, lex};
use dsql_edge_compiler::{Schema, Source};

use super::finding::{Finding, LintedFile};
use super::script::Script;
use super::sent::Sent;
use super::{dump, meaning};
use crate::steps;

/// Lints texts in order, as they would run one after the other.
pub fn lint(
    files: impl IntoIterator<Item = (String, String)>,
    schema: Option<&Schema>,
    sent: Sent,
) -> Vec<LintedFile> {
    let mut grown = Growth::new(schema.cloned().unwrap_or_default());
    let complete = schema.is_some();
    let files: Vec<(String, String)> = files.into_iter().collect();
    let mut later: Vec<String> = vec![String::new()];
    for (_, text) in files.iter().skip(1).rev() {
        let after = later.last().map_or("", String::as_str);
        later.push(format!("{}\n{after}", text.to_ascii_lowercase()));
    }
    let of = |((name, text), later): ((String, String), String)| {
        LintedFile::of(name, text, &mut grown, complete, sent, &later)
    };
    files.into_iter().zip(later.into_iter().rev()).map(of).collect()
}

/// Lints a text before others: `later` has the texts that run after it.
pub(super) fn lint_one(text: &str, later: &[&str], schema: Option<&Schema>, sent: Sent) -> LintedFile {
    let mut grown = Growth::new(schema.cloned().unwrap_or_default());
    let later = later.join("\n").to_ascii_lowercase();
    LintedFile::of(String::new(), text.to_owned(), &mut grown, schema.is_some(), sent, &later)
}

impl LintedFile {
    fn of(
        name: String,
        text: String,
        grown: &mut Growth,
        complete: bool,
        sent: Sent,
        later: &str,
    ) -> LintedFile {
        let whole = sent == Sent::Whole;
        let (parsed, errors) = read(&text);
        let unread: Vec<Span> = errors.iter().map(|error| error.statement).collect();
        let mut findings: Vec<Finding> = errors;
        let mut transactions = Transactions::new();
        transactions.message(if whole { parsed.statements.len() } else { 1 });
        for statement in parsed.iter() {
            let own = if complete {
                let mut own = dsql::findings_within(statement, grown.schema());
                own.extend(dsql::unknown_casts(statement.tree, grown.schema()));
                own
            } else {
                dsql::findings(statement, Some(grown.schema()))
            };
            if !whole {
                transactions.message(1);
            }
            let refused = own.iter().any(|finding| finding.whole);
            let of_transaction = if refused { None } else { transactions.next(statement) };
            let found = own.into_iter().chain(of_transaction).map(|finding| Finding {
                diagnostic: finding.diagnostic,
                rule: Some(finding.rule),
                fix: finding.fix,
                statement: statement.span,
            });
            findings.extend(found);
            grown.apply(statement.tree.clone());
        }
        let script = Script::new(&parsed, unread.into_iter(), sent, later);
        dump::add_fixes(&script, &mut findings);
        meaning::judge(&script, &mut findings);
        findings.retain(|finding| !is_allowed(&text, finding));
        if sent == Sent::Migrate {
            findings.retain(|finding| !finding.is_moot_for_migrate());
            let misplaced = steps::misplaced(&parsed).into_iter();
            // If DSQL rejects the statement, its rule is clearer.
            let is_new = |error: &Diagnostic| {
                !findings.iter().any(|it| it.diagnostic.is_error() && overlap(it.statement, error.span))
            };
            let misplaced: Vec<Diagnostic> = misplaced.filter(is_new).collect();
            findings.extend(misplaced.into_iter().map(|diagnostic| {
                let statement = diagnostic.span;
                Finding { diagnostic, rule: None, fix: None, statement }
            }));
        }
        findings.sort_by_key(|finding| finding.diagnostic.span);
        LintedFile { name, text, findings }
    }
}

fn overlap(a: Span, b: Span) -> bool {
    a.start < b.end && b.start < a.end
}

/// The statements that can be read, and the errors of those that cannot.
fn read(text: &str) -> (Parsed<'_>, Vec<Finding>) {
    let lexed = lex(&Source::script(text));
    let (mut statements, mut errors) = (Vec::new(), Vec::new());
    let is_end = |token: &Token| token.kind == TokenKind::Symbol(b';');
    let mut rest = lexed.tokens.as_slice();
    loop {
        let error = match Parsed::of_tokens(text, part(rest, &lexed)) {
            Ok(more) => {
                statements.extend(more.statements);
                break;
            }
            Err(error) => error,
        };
        let place = error.span.start;
        // The statements before the one that fails: up to the last semicolon before which all can be read.
        let ends = rest.iter().enumerate().filter(|(_, token)| is_end(token) && token.span.start < place);
        let mut ends: Vec<usize> = ends.map(|(at, _)| at + 1).collect();
        let mut begin = 0;
        while let Some(end) = ends.pop() {
            let before = rest.get(..end).unwrap_or_default();
            if let Ok(more) = Parsed::of_tokens(text, part(before, &lexed)) {
                statements.extend(more.statements);
                begin = end;
                break;
            }
        }
        let next = rest.iter().position(|token| is_end(token) && token.span.start >= place);
        let start = rest.get(begin).map_or(place, |token| token.span.start);
        let end = next.and_then(|at| rest.get(at)).map_or(text.len() as u32, |token| token.span.start);
        let statement = Span { start, end };
        errors.push(Finding { diagnostic: error, rule: None, fix: None, statement });
        match next {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => break,
        }
    }
    (Parsed { text: text.into(), tokens: lexed, statements }, errors)
}

/// Some of the tokens, as a text of its own.
fn part(tokens: &[Token], of: &Lexed) -> Lexed {
    let mut tokens = tokens.to_vec();
    let ends = tokens.last().is_some_and(|token| token.kind == TokenKind::End);
    let error = if ends { of.error.clone() } else { None };
    if !ends {
        let end = tokens.last().map_or(0, |token| token.span.end);
        tokens.push(Token { kind: TokenKind::End, span: Span { start: end, end } });
    }
    Lexed { tokens, error, script: of.script, ..Lexed::default() }
}

/// `-- dsql-edge: allow rule, rule` in the line of the finding or of its statement, or in the line above either.
fn is_allowed(text: &str, finding: &Finding) -> bool {
    let Some(rule) = finding.rule else { return false };
    let allows = |line: &str| {
        line.split_once("-- dsql-edge: allow ")
            .is_some_and(|(_, names)| names.trim_end().split([',', ' ']).any(|name| name == rule.id))
    };
    [finding.diagnostic.span.start, finding.statement.start].into_iter().any(|place| {
        let place = place as usize;
        let start = text.get(..place).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let own = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let above =
            text.get(..start.saturating_sub(1)).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
        allows(own) || allows(above)
    })
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
    fn statements_around_one_that_cannot_be_read_are_read() {
        let text = "TRUNCATE a;\nSELEC 1;\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\nVACUUM;";
        assert_eq!(found(text), ["truncate", "syntax-error", "vacuum"]);
    }

    #[test]
    fn what_the_file_created_is_known() {
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
    fn the_type_of_an_identity_is_known_from_its_table() {
        let identity = |ty: &str| {
            found(&format!(
                "CREATE TABLE t (id {ty}); ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);"
            ))
        };
        assert_eq!(identity("bigint"), [""; 0]);
        assert_eq!(identity("integer"), ["identity_type"]);
    }

    #[test]
    fn one_ddl_a_transaction() {
        let ddl = "CREATE TABLE a (i int); CREATE TABLE b (i int);";
        assert_eq!(found(ddl), [""; 0]);
        assert_eq!(
            found(&format!("BEGIN; {ddl} COMMIT; BEGIN; {ddl} COMMIT;")),
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
    }

    #[test]
    fn a_comment_silences_a_rule_where_it_stands() {
        assert_eq!(found("-- dsql-edge: allow truncate\nTRUNCATE a;\nTRUNCATE b;"), ["truncate"]);
        assert_eq!(found("TRUNCATE a; -- dsql-edge: allow vacuum, truncate\n\nTRUNCATE b;"), ["truncate"]);
    }
}
