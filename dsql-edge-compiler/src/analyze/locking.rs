//! Checks `FOR UPDATE` and the other locks: `transformLockingClause`.
//!
//! Input: the clauses of a query, and the analyzed query. Output: PostgreSQL's errors. Only rows of tables can be
//! locked, so a query that combines rows (DISTINCT, GROUP BY, UNION …) has no rows to lock.

use super::analyzer::Analyzer;
use super::scope::Scope;
use super::tree::{Body, NodeKind, Query, Rte, RteSource};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, QualifiedName};

impl Analyzer<'_> {
    pub(super) fn locking(&mut self, scope: &Scope<'_>, query: &ast::Query, analysed: &Query) {
        for clause in &query.locking {
            let name = clause.strength.name();
            self.check_lockable(name, clause.span, analysed);
            if clause.tables.is_empty() {
                analysed.rtes.iter().for_each(|rte| self.lock_subquery(name, clause.span, rte));
            }
            for table in &clause.tables {
                self.lock_table(name, table, scope, analysed);
            }
            self.writes = true;
        }
    }

    /// `CheckSelectLocking`.
    fn check_lockable(&mut self, name: &str, span: Span, query: &Query) {
        let has_window_calls =
            query.targets.iter().any(|it| it.node.any(&|node| matches!(node.kind, NodeKind::WindowCall(_))));
        let with = match &query.body {
            Body::Values(_) => {
                let message = format!("{name} cannot be applied to VALUES");
                self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
                return;
            }
            Body::SetOperation { .. } => "UNION/INTERSECT/EXCEPT",
            Body::Plain if query.distinct => "DISTINCT clause",
            Body::Plain if query.grouped => "GROUP BY clause",
            Body::Plain if query.having.is_some() => "HAVING clause",
            Body::Plain if query.has_aggregates => "aggregate functions",
            Body::Plain if has_window_calls => "window functions",
            Body::Plain if query.has_target_srf => "set-returning functions in the target list",
            Body::Plain => return,
        };
        let message = format!("{name} is not allowed with {with}");
        self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
    }

    /// Checks a lock on a subquery. Such a lock locks the rows of the tables in the subquery.
    fn lock_subquery(&mut self, name: &str, span: Span, rte: &Rte) {
        let RteSource::Subquery { query, view: None } = &rte.source else { return };
        // `(VALUES …) AS v` is a subquery whose rows cannot be locked, so the lock does not apply to the subquery.
        if matches!(query.body, Body::Values(_)) {
            return;
        }
        self.check_lockable(name, span, query);
        query.rtes.iter().for_each(|rte| self.lock_subquery(name, span, rte));
    }

    fn lock_table(&mut self, name: &str, table: &QualifiedName, scope: &Scope<'_>, analysed: &Query) {
        let wanted = table.name();
        let error = |code, message| Diagnostic::error(code, table.span(), message);
        if table.schema().is_some() {
            let message = format!("{name} must specify unqualified relation names");
            self.report(error(Code::SyntaxError, message));
            return;
        }
        let what = match analysed.rtes.iter().find(|rte| rte.name == wanted) {
            Some(rte) => match &rte.source {
                RteSource::Subquery { view: None, .. } => {
                    return self.lock_subquery(name, table.span(), rte);
                }
                RteSource::Table { .. } | RteSource::Subquery { .. } | RteSource::Nullable => return,
                RteSource::Cte(_) => "a WITH query",
                RteSource::Function { functions, .. } => {
                    let is_xml = functions.first().is_some_and(
                        |(call, _)| matches!(&call.kind, NodeKind::Call { function, .. } if function.name == "xmltable"),
                    );
                    if is_xml { "a table function" } else { "a function" }
                }
            },
            None if scope.namespace.iter().any(|item| item.rte.is_none() && item.name == wanted) => "a join",
            None => {
                let message = format!("relation \"{wanted}\" in {name} clause not found in FROM clause");
                self.report(error(Code::UnknownTable, message));
                return;
            }
        };
        self.report(error(Code::FeatureNotSupported, format!("{name} cannot be applied to {what}")));
    }
}
