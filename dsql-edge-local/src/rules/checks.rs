//! Whether a statement is rejected, by its own words or because of what came before it.
//!
//! Input: a statement. Output: what stops it. Setting a fault takes effect here.

use std::time::Duration;

use dsql_edge_compiler::dsql;
use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::Lexed;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};

use super::rejected::StatementRejected;
use super::show::FAULTS;
use super::transaction::Stopped;
use super::{Session, statement};
use crate::faults;

/// An index of this session counts as built after this time.
const BUILDING: Duration = Duration::from_secs(2);

impl Session {
    /// What stops a statement of a simple query.
    pub(super) fn refused(
        &mut self,
        statement: &Statement,
        text: &str,
        lexed: &Lexed,
        schema: Option<&Schema>,
    ) -> Option<Stopped> {
        self.jobs_done(text);
        let own = self.findings(statement, text, lexed, schema);
        let own = own.into_iter().find(|finding| finding.diagnostic.is_error());
        own.map(|finding| Stopped::Statement(StatementRejected::of(finding)))
            .or_else(|| self.out_of_turn(statement, text, lexed))
    }

    /// The rules that a statement breaks by itself.
    pub(super) fn findings(
        &self,
        statement: &Statement,
        text: &str,
        lexed: &Lexed,
        schema: Option<&Schema>,
    ) -> Vec<dsql::Finding> {
        match faults_of(statement, text) {
            Some(_) => Vec::new(),
            None => dsql::findings(statement, text, lexed, schema),
        }
    }

    /// What stops a statement because of those before it, and of other sessions.
    pub(super) fn out_of_turn(
        &mut self,
        statement: &Statement,
        text: &str,
        lexed: &Lexed,
    ) -> Option<Stopped> {
        if let Some(list) = faults_of(statement, text) {
            match faults::listed(&list) {
                Ok(faults) => self.cluster.faults.set(&faults),
                Err(why) => {
                    let words = format!("invalid value for parameter \"{FAULTS}\": \"{list}\"");
                    return Some(Stopped::Statement(StatementRejected::new("22023", words, why.to_string())));
                }
            }
        }
        match self.transactions.next(statement, text, lexed) {
            Some(finding) => Some(Stopped::Statement(StatementRejected::of(finding))),
            None => self.timely(statement, text, lexed),
        }
    }

    /// What PostgreSQL runs instead of a statement that is not its own.
    pub(super) fn local(&self, statement: &Statement, text: &str, lexed: &Lexed) -> Option<String> {
        let shown = self.shown(statement, text, lexed);
        shown.or_else(|| statement::local(statement, text, lexed, &self.cluster.seal_key))
    }

    /// The jobs are done for a session that reads them, or lets some time pass.
    pub(super) fn jobs_done(&mut self, text: &str) {
        if text.contains("sys.jobs") || self.last_job.is_none_or(|last| last.elapsed() > BUILDING) {
            self.transactions.built();
        }
    }
}

/// The list of faults that a statement sets; of RESET, none. RESET ALL keeps them, since a pool sends it between two
/// clients.
fn faults_of(statement: &Statement, text: &str) -> Option<String> {
    match &statement.kind {
        StatementKind::Set(set) if set.name.eq_ignore_ascii_case(FAULTS) => Some(set.values.join(",")),
        StatementKind::Utility("RESET") => {
            let name = statement.span.text(text).split_ascii_whitespace().nth(1)?;
            name.eq_ignore_ascii_case(FAULTS).then(String::new)
        }
        _ => None,
    }
}
