//! Compares a real cluster's recorded answers with the errors that `sql!` and the linter report without a database.
//! `sql!` and the linter do not know the data, so they can reject a statement only because of its text, the schema, or
//! the statements before it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_compiler::dsql::{self, Transactions};
use dsql_edge_compiler::schema::Growth;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind, TransactionStatement};
use dsql_edge_compiler::syntax::{Parsed, ParsedStatement};
use dsql_edge_compiler::{Schema, Source, compile};
use serde::Deserialize;

use super::queries::read_lines;
use super::report::{Report, Share};

pub(super) const TABLES: &str = include_str!("../../../tests/recording/tables.sql");

/// A case of the recording.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) steps: Vec<String>,
    #[serde(default)]
    pub(super) observations: Vec<Observation>,
    /// Whether all statements of a step were sent in one message.
    #[serde(default)]
    pub(super) simple_protocol: bool,
}

#[derive(Deserialize)]
pub(super) struct Observation {
    pub(super) sqlstate: Option<String>,
    pub(super) message: Option<String>,
}

/// SQLSTATE and message.
type Refusal = (String, String);

#[derive(Default)]
struct Figures {
    accepted: Share,
    caught: Share,
    /// The share of rejections that are caught. A rejection that is not caught and depends on the rows does not count.
    knowable: Share,
    same_sqlstate: Share,
    same_message: Share,
}

pub(super) fn measure(file: &Path, only: Option<&str>, report: &mut Report) -> Result<()> {
    let cases: Vec<Case> = read_lines(file)?;
    let mut kinds: BTreeMap<String, Figures> = BTreeMap::new();
    let (mut two_sessions, mut not_followed) = (0, 0);
    let mut session = Session::new()?;
    for case in cases.iter().filter(|case| only.is_none_or(|only| case.file.starts_with(only))) {
        if case.steps.is_empty() {
            two_sessions += 1;
            continue;
        }
        session.begin_case();
        let figures = kinds.entry(case.file.trim_end_matches(".json").to_owned()).or_default();
        for (step, recorded) in case.steps.iter().zip(&case.observations) {
            let ours =
                session.step(step, case.simple_protocol, recorded.sqlstate.is_none(), &mut not_followed);
            let theirs = recorded.sqlstate.clone().zip(recorded.message.clone());
            compare(case, step, ours, theirs, figures, report);
        }
    }
    let mut all = Figures::default();
    for (kind, figures) in &kinds {
        report.share("dsql", &format!("{kind}: accepted by the cluster: accepted"), figures.accepted);
        if figures.caught.whole > 0 {
            report.share("dsql", &format!("{kind}: rejected by the cluster: caught"), figures.caught);
        }
        for (sum, part) in [
            (&mut all.accepted, figures.accepted),
            (&mut all.caught, figures.caught),
            (&mut all.knowable, figures.knowable),
            (&mut all.same_sqlstate, figures.same_sqlstate),
            (&mut all.same_message, figures.same_message),
        ] {
            sum.add(part);
        }
    }
    report.share("dsql", "accepted by the cluster: accepted", all.accepted);
    report.number("dsql", "wrongly rejected", all.accepted.whole - all.accepted.part, "statements");
    report.share("dsql", "rejected by the cluster: caught", all.caught);
    report.share("dsql", "  … of those that do not depend on the rows: caught", all.knowable);
    report.share("dsql", "caught: same SQLSTATE", all.same_sqlstate);
    report.share("dsql", "caught: same message", all.same_message);
    report.number(
        "dsql",
        "checked only by the rules, because sql! does not describe them",
        not_followed,
        "statements",
    );
    report.number("dsql", "left to dsql-edge-local's replay: two sessions at once", two_sessions, "cases");
    Ok(())
}

fn compare(
    case: &Case,
    step: &str,
    ours: Option<Refusal>,
    theirs: Option<Refusal>,
    figures: &mut Figures,
    report: &mut Report,
) {
    let place = format!("{} {}: {step}", case.file, case.name);
    match (theirs, ours) {
        (None, None) => figures.accepted.count(true),
        (None, Some(ours)) => {
            figures.accepted.count(false);
            report.failure("wrongly rejected", || format!("{place}\nours: {} {}", ours.0, ours.1));
        }
        (Some(theirs), None) => {
            figures.caught.count(false);
            // Only the cluster can check the content of rows.
            let of_data = theirs.0.starts_with("23");
            if !of_data {
                figures.knowable.count(false);
            }
            let reason = if of_data { "depends on the rows" } else { "not caught" };
            report.failure(&format!("{reason}: {} {}", theirs.0, theirs.1), || place);
        }
        (Some(theirs), Some(ours)) => {
            figures.caught.count(true);
            figures.knowable.count(true);
            let (sqlstate, message) = (theirs.0 == ours.0, theirs.1 == ours.1);
            figures.same_sqlstate.count(sqlstate);
            figures.same_message.count(message);
            if !sqlstate || !message {
                let reason = if sqlstate { "in other words" } else { "another SQLSTATE" };
                report.failure(reason, || {
                    format!("{place}\nDSQL: {} {}\nours: {} {}", theirs.0, theirs.1, ours.0, ours.1)
                });
            }
        }
    }
}

/// The state of the recording's only session: the current schema, and the transaction.
struct Session {
    committed: Schema,
    now: Growth,
    transactions: Transactions,
}

impl Session {
    fn new() -> Result<Session> {
        let schema = Schema::parse(TABLES).map_err(|errors| {
            let messages: Vec<&str> = errors.iter().map(|error| error.diagnostic.message.as_str()).collect();
            anyhow!("the schema: {}", messages.join("; "))
        })?;
        let now = Growth::new(schema.clone());
        Ok(Session { committed: schema, now, transactions: Transactions::new() })
    }

    /// Forgets the changes of the previous case, because the recorder rolled back after each case.
    fn begin_case(&mut self) {
        self.now = Growth::new(self.committed.clone());
        self.transactions = Transactions::new();
    }

    /// Returns the first rejection of a step, if there is one.
    fn step(
        &mut self,
        step: &str,
        one_message: bool,
        passed: bool,
        not_followed: &mut usize,
    ) -> Option<Refusal> {
        let source = Source::numbered(step);
        let parsed = match Parsed::script(&source) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.transactions.failed();
                return Some((error.sqlstate().to_owned(), error.message));
            }
        };
        self.transactions.message(if one_message { parsed.statements.len() } else { 1 });
        for statement in parsed.iter() {
            let refusal = self.refusal(statement, not_followed);
            if refusal.is_some() {
                self.transactions.failed();
                return refusal;
            }
            if passed {
                self.keep(statement.tree);
            }
        }
        None
    }

    fn refusal(&mut self, statement: ParsedStatement<'_>, not_followed: &mut usize) -> Option<Refusal> {
        // The rules of transactions are applied first, because the compiler cannot see the objects that this
        // transaction has created.
        if let Some(finding) = self.transactions.next(statement) {
            return Some((finding.rule.sqlstate.to_owned(), finding.diagnostic.message));
        }
        let mut own = match compile(&Source::numbered(statement.span.text(statement.text)), self.now.schema())
        {
            Ok(_) => None,
            Err(errors) => errors.errors().next().cloned(),
        };
        // `sql!` rejects transaction control; DSQL does not.
        let control = own.as_ref().is_some_and(|error| error.code == Code::TransactionControl);
        if control || own.as_ref().is_some_and(|error| error.code == Code::NotSupportedYet) {
            *not_followed += usize::from(!control);
            let found = dsql::findings_within(statement, self.now.schema());
            own = found.into_iter().map(|finding| finding.diagnostic).find(|it| it.is_error());
        }
        let refused = own?;
        Some((refused.sqlstate().to_owned(), refused.message))
    }

    /// Applies an accepted statement to the current schema. Outside a transaction and after COMMIT, the current schema
    /// becomes the committed schema.
    fn keep(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Transaction(TransactionStatement::Rollback { .. }) => {
                self.now = Growth::new(self.committed.clone());
            }
            _ => drop(self.now.apply(statement.clone())),
        }
        if !self.transactions.is_open() {
            self.committed = self.now.schema().clone();
        }
    }
}
