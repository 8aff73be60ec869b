//! Decides whether a statement is rejected, because of its own SQL or because of the statements before it.
//!
//! Input: a statement. Output: the rejection of the statement, or the statement that PostgreSQL runs instead. If the
//! statement sets faults, this module sets them.

use std::time::Duration;

use dsql_edge_compiler::dsql;
use dsql_edge_compiler::schema::Schema;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::StatementKind;

use super::Session;
use super::rejected::StatementRejected;
use super::show::FAULTS;
use super::statement;
use super::transaction::{Rejection, TransactionEvent};
use crate::{faults, role_statements};

/// After this time, an index that this session creates is treated as built.
const BUILDING: Duration = Duration::from_secs(2);

impl Session {
    /// Checks a statement of a simple query, and returns the rejection if the statement is rejected.
    pub(super) fn rejection(
        &mut self,
        statement: ParsedStatement<'_>,
        schema: Option<&Schema>,
    ) -> Option<Rejection> {
        self.jobs_done(statement);
        match self.own_rejection(statement, schema) {
            Some(rejected) => Some(Rejection::Statement(rejected)),
            None => self.rejection_here(statement),
        }
    }

    /// Returns the rejection of a statement that is rejected for its own SQL, whatever other statements the session has
    /// run.
    pub(super) fn own_rejection(
        &self,
        statement: ParsedStatement<'_>,
        schema: Option<&Schema>,
    ) -> Option<StatementRejected> {
        if faults_of(statement).is_some() {
            return None;
        }
        let findings = dsql::findings(statement, schema);
        let rejected = findings.into_iter().find(|finding| finding.rule.is_rejected());
        let changes_roles = || self.cluster.shares_roles && role_statements::changes_roles(statement);
        rejected
            .map(StatementRejected::of)
            .or_else(|| changes_roles().then(StatementRejected::of_shared_roles))
    }

    /// Returns the rejection of a statement, if earlier statements or other sessions are the reason to reject it.
    pub(super) fn rejection_here(&mut self, statement: ParsedStatement<'_>) -> Option<Rejection> {
        if matches!(statement.kind, StatementKind::Utility("EXPLAIN")) {
            self.cycles.current().explains = true;
        }
        let rejection = self.observe(TransactionEvent::Statement(statement));
        if rejection.is_some() {
            return rejection;
        }
        let list = faults_of(statement)?;
        match faults::listed(&list) {
            Ok(faults) => {
                let requested = self.cluster.faults.request(&faults);
                let cycle = self.cycles.current();
                cycle.requested = Some(requested.after(cycle.requested.take()));
                None
            }
            Err(why) => {
                let message = format!("invalid value for parameter \"{FAULTS}\": \"{list}\"");
                let rejected = StatementRejected::new("22023", message, format!("{why}; none clears them"));
                Some(Rejection::Statement(rejected))
            }
        }
    }

    /// Returns the statement that PostgreSQL runs in place of `statement`, if only DSQL has `statement`, or if its
    /// result or its meaning differs in DSQL.
    pub(super) fn local(&self, statement: ParsedStatement<'_>) -> Option<String> {
        self.shown(statement).or_else(|| statement::local(statement, &self.cluster.seal_key))
    }

    /// Treats the jobs as done, if the session reads the jobs or some time has passed.
    pub(super) fn jobs_done(&mut self, statement: ParsedStatement<'_>) {
        // Only the statement's own text is searched: searching the whole message for each statement would take
        // quadratic time.
        let text = statement.span.text(statement.text);
        #[cfg(test)]
        {
            self.searched += text.len();
        }
        if text.contains("sys.jobs") || self.last_job.is_none_or(|last| last.elapsed() > BUILDING) {
            self.observe(TransactionEvent::Built);
        }
    }
}

/// The list of faults that a statement sets; empty for RESET of the setting. RESET ALL keeps the faults, because a
/// connection pool sends RESET ALL between two clients.
fn faults_of(statement: ParsedStatement<'_>) -> Option<String> {
    match &statement.kind {
        StatementKind::Set(set) if set.name.eq_ignore_ascii_case(FAULTS) => Some(set.values.join(",")),
        StatementKind::Utility("RESET") => {
            let name = statement.span.text(statement.text).split_ascii_whitespace().nth(1)?;
            name.eq_ignore_ascii_case(FAULTS).then(String::new)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::proxy::frame::Frame;
    use crate::rules::{message, tests::session};

    #[test]
    fn text_of_a_message_is_searched_once_in_all() {
        for count in [1, 500] {
            let text = vec!["SELECT 1"; count].join("; ");
            let mut session = session();
            session.client_message(Frame { bytes: message::query_of(text.as_bytes()) }, None);
            assert_eq!(session.searched, count * "SELECT 1".len());
        }
    }
}
