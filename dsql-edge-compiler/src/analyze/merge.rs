//! Analyzes `MERGE`: `parse_merge.c`.
//!
//! Input: the statement. Output: a query without rows, because `MERGE` has no `RETURNING` in PostgreSQL 16. Every value
//! is coerced to the type of its column, and each `WHEN` can refer only to the tables that PostgreSQL allows in this
//! kind of `WHEN`.

use super::analyzer::Analyzer;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Command, JoinTree, Query};
use super::written_table::Target;
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::RelationKind;
use crate::source::Span;
use crate::syntax::ast::{Expr, JoinKind, Merge, MergeAction, MergeClause, TargetColumn};

impl Analyzer<'_> {
    /// `transformMergeStmt`.
    pub(super) fn merge(&mut self, merge: &Merge, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        let query = Query { command: Command::Merge, ..Query::default() };
        if let Some(with) = &merge.with {
            if with.recursive {
                let message = "WITH RECURSIVE is not supported for MERGE statement";
                self.report(Diagnostic::error(Code::SyntaxError, merge.span, message));
            }
            self.with_clause(&mut scope, with);
        }
        self.check_reachable(&merge.clauses);
        let Some(mut target) = self.target_table(&mut scope, &merge.table, "merge into", false) else {
            return query;
        };
        let relation = &self.catalog.schema.relations[target.relation];
        if !matches!(relation.kind, RelationKind::Table | RelationKind::TableAs(..)) {
            let message = format!("cannot execute MERGE on relation \"{}\"", relation.name);
            let detail = "This operation is not supported for views.";
            let span = merge.table.name.span();
            self.report(Diagnostic::error(Code::FeatureNotSupported, span, message).with_detail(detail));
            return query;
        }
        // The source cannot refer to the target; ON can refer to both.
        let from = self.range_table(&mut scope, std::slice::from_ref(&merge.source));
        let name = scope.rtes[target.rte].name.clone();
        let alone = matches!(from.as_slice(), [JoinTree::Leaf(_)]);
        if alone && scope.namespace.iter().any(|item| item.relation_visible && item.name == name) {
            let message = format!("name \"{name}\" specified more than once");
            let detail = "The name is used both as MERGE target table and data source.";
            let span = merge.table.alias.as_ref().map_or(merge.table.name.span(), |alias| alias.name.span);
            self.report(Diagnostic::error(Code::DuplicateAlias, span, message).with_detail(detail));
        }
        let sources = scope.namespace.len();
        self.reveal(&mut scope, &target, &merge.table);
        let on = scope.at(Place::JoinOn, || self.expr(&scope, &merge.on));
        // `setNamespaceVisibilityForRTE` makes every item of a join visible, including the item of `USING (…) AS
        // alias`.
        for item in scope.namespace.iter_mut().take(sources).filter(|item| item.rte.is_none()) {
            item.columns_visible = true;
        }
        for clause in &merge.clauses {
            // A WHEN NOT MATCHED clause cannot refer to a row of the target.
            for item in scope.namespace.iter_mut().skip(sources) {
                item.relation_visible = clause.matched;
                item.columns_visible = clause.matched;
            }
            if let MergeAction::Insert { overriding, .. } = &clause.action {
                target.overriding = *overriding;
            }
            self.merge_clause(&mut scope, clause, &target, merge.table.name.span());
        }
        // PostgreSQL's analysis accepts a condition that is not a boolean, and the statement then fails at run time. So
        // this check runs after PostgreSQL's analysis, whose errors come first. A condition of the type `unknown` is
        // not coerced here.
        let on = if on.ty == oid::UNKNOWN { on } else { self.coerce_to_boolean(on, "JOIN/ON") };
        let left = Box::new(JoinTree::Leaf(target.rte));
        let from = from.into_iter().next().map(|source| JoinTree::Join {
            kind: JoinKind::Inner,
            left,
            right: Box::new(source),
            on: Some(on),
        });
        let query = Query { from: from.into_iter().collect(), result_rte: Some(target.rte), ..query };
        self.finish_write(scope, query, Vec::new(), &target)
    }

    /// Reports a `WHEN` that is never reached, because a `WHEN` of the same kind before it has no condition.
    fn check_reachable(&mut self, clauses: &[MergeClause]) {
        let mut closed = [false; 2];
        for clause in clauses {
            let closed = &mut closed[usize::from(clause.matched)];
            if *closed {
                let message = "unreachable WHEN clause specified after unconditional WHEN clause";
                let span = clause.condition.as_ref().map_or(Span::default(), |condition| condition.span);
                self.report(Diagnostic::error(Code::SyntaxError, span, message));
                return;
            }
            *closed = clause.condition.is_none();
        }
    }

    fn merge_clause(&mut self, scope: &mut Scope<'_>, clause: &MergeClause, target: &Target, table: Span) {
        if let Some(condition) = &clause.condition {
            self.condition(scope, condition, Place::MergeWhen, "WHEN");
        }
        match &clause.action {
            MergeAction::Update(assignments) => {
                self.assignments(scope, assignments, target);
            }
            MergeAction::Insert { columns, values, .. } => {
                self.merge_insert(scope, columns, values.as_deref(), target, table);
            }
            MergeAction::Delete | MergeAction::Nothing => {}
        }
    }

    fn merge_insert(
        &mut self,
        scope: &mut Scope<'_>,
        columns: &[TargetColumn],
        values: Option<&[Expr]>,
        target: &Target,
        table: Span,
    ) {
        let Some(values) = values else { return self.check_left_out(target, &[], table) };
        let columns = self.insert_columns(target, columns);
        let (nodes, spans) = scope.at(Place::SingleRow, || self.row_values(scope, values));
        if self.check_width(&columns, &spans, table) {
            self.assign_row(scope, target, &columns, nodes, &spans);
            let given: Vec<usize> = columns.iter().take(spans.len()).map(|(column, _)| *column).collect();
            self.check_left_out(target, &given, table);
        }
    }
}
