//! `INSERT`, `UPDATE`, `DELETE`: `transformInsertStmt` and its kin, with `transformAssignedExpr`.
//!
//! In: a statement that writes. Out: its `RETURNING` as an analysed query, every value coerced to its
//! column. What PostgreSQL would only find when the statement runs (a NOT NULL column left out, no key
//! behind `ON CONFLICT`) is found here, and marked as such.

use super::Analyzer;
use super::scope::{NamespaceItem, Place, Scope, column_nodes};
use super::tree::{Body, Command, JoinTree, Node, NodeKind, Query, RteColumn, RteSource};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, Stage};
use crate::schema::{Dialect, Relation, RelationKind};
use crate::source::Span;
use crate::syntax::ast::{
    self, Delete, Expr, ExprKind, Insert, Merge, QueryBody, TargetColumn, TargetTable, Update,
};

/// The table that a statement writes to.
pub(super) struct Target {
    /// Its number in the schema.
    pub(super) relation: usize,
    /// Its entry in the range table.
    pub(super) rte: usize,
    pub(super) columns: Vec<RteColumn>,
    pub(super) not_null: Vec<bool>,
}

impl<'a> Analyzer<'a> {
    pub(super) fn insert(&mut self, insert: &Insert, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &insert.with {
            self.with_clause(&mut scope, with);
        }
        let mut query = Query { command: Command::Insert, ..Query::default() };
        // The values do not see the target table; RETURNING and ON CONFLICT do.
        let Some(target) = self.target_table(&mut scope, &insert.table, false) else {
            scope.broken_from.set(true);
            if let Some(source) = &insert.source {
                let source = self.query(source, Some(&scope));
                self.settle_unknown(source);
            }
            return query;
        };
        let columns = self.insert_columns(&target, &insert.columns);
        let listed: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
        match &insert.source {
            None => self.check_left_out(&target, &[], insert.table.name.span()),
            Some(source) => {
                let width = self.insert_source(&mut scope, source, &target, &columns);
                let given = listed.get(..width.min(listed.len())).unwrap_or(&[]);
                self.check_left_out(&target, given, insert.table.name.span());
            }
        }
        // From here on the target is in reach.
        self.reveal(&mut scope, &target, &insert.table);
        if let Some(conflict) = &insert.on_conflict {
            self.on_conflict(&mut scope, conflict, &target);
        }
        if !insert.returning.is_empty() {
            scope.place.set(Place::Returning);
            query.targets = self.target_list(&scope, &insert.returning);
        }
        query.single_row = match insert.source.as_ref().map(|source| &source.body) {
            None => true,
            Some(QueryBody::Values(rows)) => rows.len() == 1,
            Some(_) => false,
        };
        query.from = vec![JoinTree::Leaf(target.rte)];
        query.result_rte = Some(target.rte);
        query.has_target_srf = scope.has_srf.get();
        self.finish_write(scope, query, Vec::new())
    }

    pub(super) fn finish_write(
        &mut self,
        mut scope: Scope<'_>,
        mut query: Query,
        assigned: Vec<usize>,
    ) -> Query {
        query.rtes = std::mem::take(&mut scope.rtes);
        query.ctes = std::mem::take(&mut scope.ctes);
        query.assigned = assigned;
        self.writes = true;
        query
    }

    /// `setTargetTable`.
    pub(super) fn target_table(
        &mut self,
        scope: &mut Scope<'_>,
        table: &TargetTable,
        visible: bool,
    ) -> Option<Target> {
        let builtin = table.name.schema().is_none_or(|schema| schema == "pg_catalog")
            && crate::builtin::relation("pg_catalog", table.name.name()).is_some();
        if builtin {
            self.report(Diagnostic::unsupported(table.name.span(), "writing to a system catalog"));
            return None;
        }
        let (rte, relation) = self.open_relation(&table.name)?;
        let relation = relation?;
        let schema: &'a crate::schema::Schema = self.catalog.schema;
        let found: &Relation = &schema.relations[relation];
        match found.kind {
            RelationKind::Table | RelationKind::TableAs(..) => {}
            RelationKind::View(..) => {
                self.report(Diagnostic::unsupported(table.name.span(), "writing to a view"));
                return None;
            }
            RelationKind::Sequence => {
                let message = format!("cannot change sequence \"{}\"", found.name);
                self.report(Diagnostic::error(Code::WrongObjectType, table.name.span(), message));
                return None;
            }
        }
        let columns = rte.columns.clone();
        let not_null = match &rte.source {
            RteSource::Table { not_null, .. } => not_null.clone(),
            _ => vec![false; columns.len()],
        };
        let mut rte = rte;
        if let Some(alias) = &table.alias {
            self.aliases.push((alias.name.text.clone(), rte.name.clone()));
            rte.name.clone_from(&alias.name.text);
        }
        let at = scope.rtes.len();
        self.row_types.insert((rte.name.clone(), at), super::catalog::Catalog::row_type(relation));
        scope.rtes.push(rte);
        let target = Target { relation, rte: at, columns, not_null };
        if visible {
            self.reveal(scope, &target, table);
        }
        Some(target)
    }

    /// Puts the target table into the namespace.
    pub(super) fn reveal(&mut self, scope: &mut Scope<'_>, target: &Target, table: &TargetTable) {
        let rte = &scope.rtes[target.rte];
        let relation = &self.catalog.schema.relations[target.relation];
        let item = NamespaceItem {
            name: rte.name.clone(),
            schema: table.alias.is_none().then(|| relation.schema.clone()),
            columns: column_nodes(rte, target.rte),
            rte: Some(target.rte),
            relation_visible: true,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            derived: false,
            scalar: false,
            joined: false,
        };
        scope.namespace.push(item);
    }

    /// `checkInsertTargets`: column numbers and where each is written.
    pub(super) fn insert_columns(
        &mut self,
        target: &Target,
        written: &[TargetColumn],
    ) -> Vec<(usize, Option<TargetColumn>)> {
        if written.is_empty() {
            return (0..target.columns.len()).map(|at| (at, None)).collect();
        }
        let mut out: Vec<(usize, Option<TargetColumn>)> = Vec::with_capacity(written.len());
        for column in written {
            let Some(at) = self.target_column(target, &column.name) else {
                // Keep the place, so that values and columns still pair up.
                out.push((usize::MAX, Some(column.clone())));
                continue;
            };
            let again = out.iter().any(|(known, other)| {
                *known == at
                    && column.indirection.is_empty()
                        | other.as_ref().is_some_and(|it| it.indirection.is_empty())
            });
            if again {
                let message = format!("column \"{}\" specified more than once", column.name.text);
                self.report(Diagnostic::error(Code::DuplicateColumn, column.name.span, message));
            }
            out.push((at, Some(column.clone())));
        }
        out
    }

    /// The rows to insert; returns how many columns they have.
    pub(super) fn insert_source(
        &mut self,
        scope: &mut Scope<'_>,
        source: &ast::Query,
        target: &Target,
        columns: &[(usize, Option<TargetColumn>)],
    ) -> usize {
        let plain_values = source.with.is_none()
            && source.order_by.is_empty()
            && source.limit.is_none()
            && source.offset.is_none()
            && source.locking.is_empty();
        match &source.body {
            QueryBody::Values(rows) if plain_values => self.insert_values(scope, rows, target, columns),
            _ => {
                let mut query = self.query(source, Some(scope));
                let spans: Vec<Span> = query.targets.iter().map(|entry| entry.span).collect();
                self.check_width(columns, &spans, source.span);
                for (entry, (column, written)) in query.targets.iter_mut().zip(columns) {
                    let node = std::mem::replace(&mut entry.node, Node::error(entry.span));
                    entry.node = self.assign(target, *column, written.as_ref(), node, entry.span);
                }
                self.elements_asked_for_null(&query);
                for (entry, (column, _)) in query.targets.iter().zip(columns) {
                    if !target.not_null.get(*column).copied().unwrap_or(false) {
                        self.element_flows_to_nullable(&query.rtes, &entry.node);
                    }
                }
                query.targets.len()
            }
        }
    }

    pub(super) fn insert_values(
        &mut self,
        scope: &mut Scope<'_>,
        rows: &[Vec<Expr>],
        target: &Target,
        columns: &[(usize, Option<TargetColumn>)],
    ) -> usize {
        let place = scope.place.replace(Place::Values);
        let mut width = None;
        for row in rows {
            let mut nodes = Vec::with_capacity(row.len());
            let mut spans = Vec::with_capacity(row.len());
            for expr in row {
                if matches!(expr.kind, ExprKind::Default) {
                    nodes.push(Node::new(oid::UNKNOWN, NodeKind::Default, expr.span));
                    spans.push(expr.span);
                    continue;
                }
                for node in self.expr_list_expanded(scope, std::slice::from_ref(expr)) {
                    spans.push(expr.span);
                    nodes.push(node);
                }
            }
            match width {
                Some(width) if width != nodes.len() => {
                    let span = spans.first().copied().unwrap_or_default();
                    self.report(Diagnostic::error(
                        Code::SyntaxError,
                        span,
                        "VALUES lists must all be the same length",
                    ));
                    continue;
                }
                _ => width = Some(nodes.len()),
            }
            if !self.check_width(columns, &spans, Span::default()) {
                continue;
            }
            for ((node, span), (column, written)) in nodes.into_iter().zip(spans).zip(columns) {
                if matches!(node.kind, NodeKind::Default) {
                    self.check_default(target, *column, span);
                    continue;
                }
                self.assign(target, *column, written.as_ref(), node, span);
            }
        }
        scope.place.set(place);
        width.unwrap_or(0)
    }

    /// `transformInsertRow`'s counts.
    pub(super) fn check_width(
        &mut self,
        columns: &[(usize, Option<TargetColumn>)],
        values: &[Span],
        whole: Span,
    ) -> bool {
        if values.len() > columns.len() {
            let span = values.get(columns.len()).copied().unwrap_or(whole);
            let message = "INSERT has more expressions than target columns";
            self.report(Diagnostic::error(Code::SyntaxError, span, message));
            return false;
        }
        if values.len() < columns.len()
            && let Some((_, Some(column))) = columns.get(values.len())
        {
            let message = "INSERT has more target columns than expressions";
            let hint = format!("{} has no value", column.name.text);
            self.report(Diagnostic::error(Code::SyntaxError, column.name.span, message).with_hint(hint));
            return false;
        }
        true
    }

    /// What PostgreSQL finds only when the statement runs.
    pub(super) fn runtime_error(&mut self, diagnostic: Diagnostic) {
        if self.catalog.schema.dialect == Dialect::Dsql {
            self.report(Diagnostic { stage: Stage::Dialect, ..diagnostic });
        }
    }

    pub(super) fn report_null(&mut self, relation: &str, column: &str, span: Span) {
        let message = format!(
            "null value in column \"{column}\" of relation \"{relation}\" violates not-null constraint"
        );
        self.runtime_error(Diagnostic::error(Code::NullForNotNull, span, message));
    }

    /// `DEFAULT` for a column that has none and is NOT NULL.
    pub(super) fn check_default(&mut self, target: &Target, column: usize, span: Span) {
        let relation = &self.catalog.schema.relations[target.relation];
        let Some(known) = relation.columns.get(column) else { return };
        let not_null = target.not_null.get(column).copied().unwrap_or(false);
        if not_null && !known.has_default && !self.domain_default(column, target) {
            let (relation, name) = (relation.name.clone(), known.name.clone());
            self.report_null(&relation, &name, span);
        }
    }

    /// Columns that the statement leaves out, that have no default and are NOT NULL.
    pub(super) fn check_left_out(&mut self, target: &Target, given: &[usize], span: Span) {
        let relation = &self.catalog.schema.relations[target.relation];
        // A column that could not be resolved may be the one that seems to be missing.
        if given.contains(&usize::MAX) {
            return;
        }
        let missing: Vec<&str> = relation
            .columns
            .iter()
            .enumerate()
            .filter(|(at, column)| {
                let not_null = target.not_null.get(*at).copied().unwrap_or(false);
                not_null && !given.contains(at) && !column.has_default && !self.domain_default(*at, target)
            })
            .map(|(_, column)| column.name.as_str())
            .collect();
        let Some(first) = missing.first() else { return };
        let message = format!(
            "null value in column \"{first}\" of relation \"{}\" violates not-null constraint",
            relation.name
        );
        let (noun, verb) = if missing.len() == 1 { ("column", "is") } else { ("columns", "are") };
        let hint =
            format!("the {noun} {} {verb} NOT NULL without a default: give a value", missing.join(", "));
        self.runtime_error(Diagnostic::error(Code::MissingValue, span, message).with_hint(hint));
    }

    pub(super) fn domain_default(&self, column: usize, target: &Target) -> bool {
        use crate::schema::UserTypeKind;
        target
            .columns
            .get(column)
            .and_then(|column| self.catalog.user_kind(column.ty))
            .is_some_and(|kind| matches!(kind, UserTypeKind::Domain { has_default: true, .. }))
    }

    pub(super) fn update(&mut self, update: &Update, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &update.with {
            self.with_clause(&mut scope, with);
        }
        let mut query = Query { command: Command::Update, ..Query::default() };
        let Some(target) = self.target_table(&mut scope, &update.table, true) else { return query };
        query.from = vec![JoinTree::Leaf(target.rte)];
        let from = self.write_from(&mut scope, &update.from);
        query.from.extend(from);
        match &update.filter {
            Some(filter) => query.filter = Some(self.condition(&scope, filter, Place::Where, "WHERE")),
            None => self.warn_no_where(update.table.name.span(), "UPDATE"),
        }
        scope.place.set(Place::Returning);
        query.targets = self.target_list(&scope, &update.returning);
        query.has_target_srf = scope.has_srf.get();
        let assigned = self.assignments(&mut scope, &update.assignments, &target);
        query.result_rte = Some(target.rte);
        self.finish_write(scope, query, assigned)
    }

    pub(super) fn warn_no_where(&mut self, span: Span, statement: &str) {
        let message = format!("{statement} without WHERE changes every row of the table");
        self.report(
            Diagnostic::warning(Code::MissingWhere, span, message)
                .with_hint("write WHERE true if that is meant"),
        );
    }

    /// `FROM` of an UPDATE, `USING` of a DELETE: subqueries there do not see the target.
    pub(super) fn write_from(&mut self, scope: &mut Scope<'_>, items: &[ast::FromItem]) -> Vec<JoinTree> {
        for item in &mut scope.namespace {
            item.lateral_ok = false;
        }
        let trees = self.range_table(scope, items);
        for item in &mut scope.namespace {
            item.lateral_ok = true;
        }
        trees
    }

    pub(super) fn delete(&mut self, delete: &Delete, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &delete.with {
            self.with_clause(&mut scope, with);
        }
        let mut query = Query { command: Command::Delete, ..Query::default() };
        let Some(target) = self.target_table(&mut scope, &delete.table, true) else { return query };
        query.from = vec![JoinTree::Leaf(target.rte)];
        let from = self.write_from(&mut scope, &delete.using);
        query.from.extend(from);
        match &delete.filter {
            Some(filter) => query.filter = Some(self.condition(&scope, filter, Place::Where, "WHERE")),
            None => self.warn_no_where(delete.table.name.span(), "DELETE"),
        }
        scope.place.set(Place::Returning);
        query.targets = self.target_list(&scope, &delete.returning);
        query.has_target_srf = scope.has_srf.get();
        query.result_rte = Some(target.rte);
        self.finish_write(scope, query, Vec::new())
    }

    pub(super) fn merge(&mut self, merge: &Merge, _parent: Option<&Scope<'_>>) -> Query {
        self.report(Diagnostic::unsupported(merge.span, "MERGE"));
        Query { command: Command::Merge, body: Body::Plain, ..Query::default() }
    }
}
