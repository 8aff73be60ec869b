//! Lints files for a PostgreSQL: the syntax of each statement, and its names and types.
//!
//! Input: files in the order in which they run, and the schema before them. Output: findings in the order of their
//! positions. No rule of DSQL applies, and no finding has a rewrite.
//!
//! Each statement is compared with the schema that the statements before it produce. Queries, the queries of views, and
//! the expressions of defaults, CHECK constraints and indexes are analyzed in the same way as in `sql!`. The bodies of
//! functions are not analyzed. After a statement whose effect on the schema is not known, an unknown name may exist, so
//! it is a warning.

use crate::allow_comment::is_allowed;
use crate::steps::postgres;
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::diagnostic::quotation;
use dsql_edge_compiler::schema::{Dialect, Growth};
use dsql_edge_compiler::source::{Lines, Span};

use super::facts::Facts;
use super::file::of_comments;
use super::finding::{Finding, LintedFile};
use super::names::NameCertainty;
use super::read::read;
use super::run::Run;
use super::script::Script;
use super::sent::Sent;
use super::{doubt, resolve, unfollowed};

/// Lints files in the order in which they run. Without a schema before the files, the files must create everything that
/// they use.
pub fn lint_postgres(
    files: impl IntoIterator<Item = (String, String)>,
    schema: Option<&Schema>,
    sent: Sent,
) -> Vec<LintedFile> {
    let mut schema = schema.cloned().unwrap_or_default();
    schema.dialect = Dialect::Postgres;
    let mut state = State { grown: Growth::new(schema), facts: Facts::default(), uncertain: false };
    let texts: Vec<(String, String)> = files.into_iter().collect();
    let run = Run::of(texts.iter().map(|(_, text)| text.as_str()));
    let mut linted = Vec::with_capacity(texts.len());
    for (at, (name, text)) in texts.iter().enumerate() {
        let mut findings = state.file(text, sent, (&run, at));
        findings.retain(|finding| {
            let places = [finding.diagnostic.span.start, finding.statement.start];
            !is_allowed(text, finding.diagnostic.code.name(), places)
        });
        findings.sort_by_key(|finding| finding.diagnostic.span);
        linted.push(LintedFile { name: name.clone(), text: text.clone(), lines: Lines::of(text), findings });
    }
    linted
}

struct State {
    grown: Growth,
    facts: Facts,
    /// Whether a statement so far may have changed the schema in a way that is not known.
    uncertain: bool,
}

impl State {
    fn file(&mut self, text: &str, sent: Sent, place: (&Run<'_>, usize)) -> Vec<Finding> {
        let (parsed, mut findings) = read(text);
        let unread: Vec<Span> = findings.iter().map(|error| error.statement).collect();
        let changes =
            unread.iter().find(|span| resolve::may_change_schema(span.text(text))).map(|span| span.start);
        self.grown.begin_session();
        let certainty = NameCertainty::of(&parsed);
        let mut before_block = None;
        let script = Script::new(&parsed, unread, sent, place);
        let places = unfollowed::warnings(&script);
        for (at, statement) in parsed.iter().enumerate() {
            self.uncertain |= changes.is_some_and(|start| start < statement.span.start);
            let mut found = resolve::errors(statement, self.grown.schema());
            let (contradictions, unknown) = self.grown.follow(statement);
            // The schema lists every table.
            let of_roles = self.facts.follow(statement, false);
            let defined = resolve::errors_of_definition(statement, self.grown.schema(), &contradictions);
            // `contradictions` contains some of the errors in `found` again, so it is used only if `found` is empty.
            if found.is_empty() {
                found = contradictions;
            }
            found.extend(defined);
            found.extend(of_roles);
            if self.uncertain {
                found.iter_mut().for_each(doubt::doubt);
                found.iter_mut().for_each(doubt::doubt_existing);
            }
            self.uncertain |= !unknown.is_empty() || places.iter().any(|it| it.statement == statement.span);
            found.extend(unknown.into_iter().map(doubt::warning));
            found.iter_mut().for_each(|it| quotation::quote(it, text, &parsed.tokens.captures));
            if certainty.begins_undone_block(at) {
                before_block = Some((self.grown.clone(), self.facts.clone()));
            } else if certainty.ends_undone_block(at)
                && let Some(before) = before_block.take()
            {
                (self.grown, self.facts) = before;
            }
            let of = |diagnostic| Finding { diagnostic, rule: None, fix: None, statement: statement.span };
            findings.extend(found.into_iter().map(of));
        }
        // The loop detects an unreadable statement when it reaches the next readable statement; after the last readable
        // statement, this check is necessary.
        self.uncertain |= changes.is_some() || !certainty.shows_objects();
        findings.extend(places);
        if sent == Sent::Migrate {
            findings.extend(postgres::misplaced(&parsed).into_iter().map(|diagnostic| {
                let statement = diagnostic.span;
                Finding { diagnostic, rule: None, fix: None, statement }
            }));
        } else {
            findings.extend(of_comments(text));
        }
        findings
    }
}
