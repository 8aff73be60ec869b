//! Analyzes `INSERT`, `UPDATE` and `DELETE`: `transformInsertStmt` and related functions.
//!
//! Input: a statement that writes. Output: the `RETURNING` of the statement as an analyzed query; every written value
//! is coerced to the type of its column. In the DSQL dialect, errors that the server reports only when the statement
//! runs (the INSERT lacks a NOT NULL column, or the table has no key for `ON CONFLICT`) are also found here.

use super::advice::count;
use super::analyzer::Analyzer;
use super::assignment::AssignedColumn;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Command, JoinTree, Node, NodeKind, Query, Written};
use super::written_table::Target;
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::RelationKind;
use crate::source::Span;
use crate::syntax::ast::{self, Delete, Expr, ExprKind, Insert, QueryBody, TargetColumn, Update};
use std::rc::Rc;

impl<'a> Analyzer<'a> {
    pub(super) fn insert(&mut self, insert: &Insert, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &insert.with {
            self.with_clause(&mut scope, with);
        }
        let mut query = Query { command: Command::Insert, ..Query::default() };
        // The values cannot refer to the target table; RETURNING and ON CONFLICT can.
        let Some(mut target) = self.target_table(&mut scope, &insert.table, "insert into", false) else {
            scope.broken_from.set(true);
            if let Some(source) = &insert.source {
                let source = self.query(source, Some(&scope));
                self.settle_unknown(source);
            }
            return query;
        };
        target.overriding = insert.overriding;
        let columns = self.insert_columns(&target, &insert.columns);
        let listed: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
        match &insert.source {
            None => self.check_left_out(&target, &[], insert.table.name.span()),
            Some(source) => {
                let width = self.insert_source(&mut scope, source, &target, &columns, &mut query);
                let given = listed.get(..width.min(listed.len())).unwrap_or(&[]);
                // Without a column list, only the first columns of the relation get values.
                let written = if insert.columns.is_empty() { given.len() } else { columns.len() };
                for (column, written) in columns.iter().take(written) {
                    let span = written.as_ref().map_or(insert.table.name.span(), |written| written.name.span);
                    self.check_updatable(&target, *column, "insert into", span);
                }
                // Several parts of a column can be assigned.
                let is_whole =
                    |it: &Option<TargetColumn>| it.as_ref().is_none_or(|it| it.indirection.is_empty());
                let whole = columns.iter().take(given.len()).filter(|(_, written)| is_whole(written));
                let whole: Vec<usize> = whole.map(|(column, _)| *column).collect();
                self.check_once(&target, &whole, insert.table.name.span());
                // If a row has fewer values than the column list has columns, this error is already reported, so the
                // columns that the INSERT lacks are not checked.
                if insert.columns.is_empty() || width == columns.len() {
                    self.check_left_out(&target, given, insert.table.name.span());
                }
            }
        }
        // From this point on, expressions can refer to the target table.
        self.reveal(&mut scope, &target, &insert.table);
        if let Some(conflict) = &insert.on_conflict {
            let updated = self.on_conflict(&mut scope, conflict, &target, &mut query.other);
            if let Some(updated) = updated {
                inserted_or_updated(&mut query, updated);
            }
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
        query.single_row &= !self.catalog.schema.relations[target.relation].has_rules;
        query.certain_row = query.single_row && self.keeps_each_row(insert, &target);
        query.from = vec![JoinTree::Leaf(target.rte)];
        query.result_rte = Some(target.rte);
        query.has_target_srf = scope.sets.in_target_list();
        let assigned = std::mem::take(&mut query.assigned);
        if parent.is_none() {
            self.idempotency = super::idempotency::of_insert(self.catalog, insert, &target, &columns);
        }
        self.finish_write(scope, query, assigned, &target)
    }

    /// Whether each row of the source is inserted or updated, unless there is an error. ON CONFLICT (except DO UPDATE
    /// without WHERE), LIMIT, OFFSET, a rule, and a trigger of the table or of a partition can leave a row out.
    fn keeps_each_row(&self, insert: &Insert, target: &Target) -> bool {
        let relations = [target.relation, target.base].map(|at| &self.catalog.schema.relations[at]);
        let conflict = insert.on_conflict.as_ref();
        conflict.is_none_or(|it| matches!(it.update, Some((_, None))))
            && insert.source.as_ref().is_none_or(|it| it.limit.is_none() && it.offset.is_none())
            && !relations.iter().any(|it| it.has_triggers || it.has_rules || it.partitioned)
    }

    pub(super) fn finish_write(
        &mut self,
        mut scope: Scope<'_>,
        mut query: Query,
        assigned: Vec<Written>,
        target: &Target,
    ) -> Query {
        query.rtes = std::mem::take(&mut scope.rtes);
        query.ctes = std::mem::take(&mut scope.ctes);
        query.assigned = assigned;
        self.write_on(&mut query, target);
        self.writes = true;
        self.evaluates(target.base);
        query
    }

    /// `checkInsertTargets`: returns the column numbers, each with the column as written.
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
            let Some(at) = self.target_column(target, column) else {
                // An unknown column keeps its position in the list, so that the other columns still correspond to their
                // values.
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

    /// Checks that an INSERT into a view assigns each column of the base table only once: two columns of the view may
    /// be the same column of the table.
    fn check_once(&mut self, target: &Target, given: &[usize], span: Span) {
        let schema: &'a crate::schema::Schema = self.catalog.schema;
        if !matches!(schema.relations[target.relation].kind, RelationKind::View(..)) {
            return;
        }
        let mut assigned: Vec<&str> = Vec::new();
        for column in given.iter().filter_map(|column| target.base_column(schema, *column)) {
            if assigned.contains(&column.name.as_str()) {
                let message = format!("multiple assignments to same column \"{}\"", column.name);
                self.found_later(Diagnostic::error(Code::SyntaxError, span, message));
                return;
            }
            assigned.push(&column.name);
        }
    }

    /// Analyzes the rows of an INSERT; returns the number of columns of a row.
    pub(super) fn insert_source(
        &mut self,
        scope: &mut Scope<'_>,
        source: &ast::Query,
        target: &Target,
        columns: &[(usize, Option<TargetColumn>)],
        write: &mut Query,
    ) -> usize {
        let plain_values = source.with.is_none()
            && source.order_by.is_empty()
            && source.limit.is_none()
            && source.offset.is_none()
            && source.locking.is_empty();
        match &source.body {
            QueryBody::Values(rows) if plain_values => {
                self.insert_values(scope, rows, target, columns, write)
            }
            _ => {
                let mut query = self.query(source, Some(scope));
                let spans: Vec<Span> = query.targets.iter().map(|entry| entry.node.span).collect();
                self.check_width(columns, &spans, source.span);
                for (entry, (column, written)) in query.targets.iter_mut().zip(columns) {
                    let span = entry.node.span;
                    self.check_inserted(target, *column, span);
                    let node = std::mem::replace(&mut entry.node, Node::error(span));
                    let at = AssignedColumn {
                        column: *column,
                        written: written.as_ref(),
                        place: Place::InsertTarget,
                    };
                    entry.node = self.assign(scope, target, at, source_column(node), span);
                }
                self.elements_asked_for_null(&query);
                for (entry, (column, _)) in query.targets.iter().zip(columns) {
                    if !target.not_null.get(*column).copied().unwrap_or(false) {
                        self.element_flows_to_nullable(&query.rtes, &entry.node);
                    }
                }
                let width = query.targets.len();
                let filled = columns.iter().map(|(column, written)| match written {
                    Some(written) if !written.indirection.is_empty() => usize::MAX,
                    _ => *column,
                });
                write.source = Some((Rc::new(query), filled.collect()));
                width
            }
        }
    }

    pub(super) fn insert_values(
        &mut self,
        scope: &mut Scope<'_>,
        rows: &[Vec<Expr>],
        target: &Target,
        columns: &[(usize, Option<TargetColumn>)],
        write: &mut Query,
    ) -> usize {
        let place = if rows.len() == 1 { Place::SingleRow } else { Place::Values };
        let whole =
            |written: &Option<TargetColumn>| written.as_ref().is_none_or(|it| it.indirection.is_empty());
        let mut values: Vec<Vec<Node>> = vec![Vec::new(); columns.len()];
        let mut unknown = vec![false; columns.len()];
        let mut width = None;
        for row in rows {
            let (nodes, spans) = scope.at(place, || self.row_values(scope, row));
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
            let row = self.assign_row(scope, target, columns, nodes, &spans);
            for (at, (value, (_, written))) in row.into_iter().zip(columns).enumerate() {
                unknown[at] |= value.is_none() || !whole(written);
                values[at].extend(value);
            }
        }
        for (((column, _), values), unknown) in columns.iter().zip(values).zip(unknown) {
            match unknown {
                // Some row assigns DEFAULT to the column, or the statement writes only a part of the column, so
                // `values` does not have all new values of the column. The parameters in `values` are still checked.
                true => write.partly_assigned.extend(values),
                false => write.assigned.push(Written { column: *column, values }),
            }
        }
        width.unwrap_or(0)
    }

    /// Analyzes the values of one row; returns the values with their spans.
    pub(super) fn row_values(&mut self, scope: &Scope<'_>, row: &[Expr]) -> (Vec<Node>, Vec<Span>) {
        let (mut nodes, mut spans) = (Vec::with_capacity(row.len()), Vec::with_capacity(row.len()));
        for expr in row {
            if matches!(expr.kind, ExprKind::Default) {
                nodes.push(Node::new(oid::UNKNOWN, NodeKind::Default, expr.span));
                spans.push(expr.span);
                continue;
            }
            for node in self.expr_list_expanded(scope, std::slice::from_ref(expr)) {
                spans.push(if node.span == Span::default() { expr.span } else { node.span });
                nodes.push(node);
            }
        }
        (nodes, spans)
    }

    /// Assigns the values of a row to the columns; each value is coerced to its column's type, and `None` is `DEFAULT`.
    pub(super) fn assign_row(
        &mut self,
        scope: &Scope<'_>,
        target: &Target,
        columns: &[(usize, Option<TargetColumn>)],
        nodes: Vec<Node>,
        spans: &[Span],
    ) -> Vec<Option<Node>> {
        let given = nodes.into_iter().zip(spans).zip(columns);
        given
            .map(|((node, span), (column, written))| match node.kind {
                NodeKind::Default => {
                    if written.as_ref().is_none_or(|written| self.may_be_default(written)) {
                        self.check_default(target, *column, *span);
                    }
                    None
                }
                _ => {
                    self.check_inserted(target, *column, *span);
                    let at = AssignedColumn {
                        column: *column,
                        written: written.as_ref(),
                        place: Place::InsertTarget,
                    };
                    Some(self.assign(scope, target, at, node, *span))
                }
            })
            .collect()
    }

    /// Checks the number of values, as `transformInsertRow` does.
    pub(super) fn check_width(
        &mut self,
        columns: &[(usize, Option<TargetColumn>)],
        values: &[Span],
        whole: Span,
    ) -> bool {
        if values.len() > columns.len() {
            let span = values.get(columns.len()).copied().unwrap_or(whole);
            let message = "INSERT has more expressions than target columns";
            let (values, columns) = (count(values.len(), "value"), count(columns.len(), "column"));
            let hint = format!("{values} for {columns}");
            self.report(Diagnostic::error(Code::WrongCount, span, message).with_hint(hint));
            return false;
        }
        if values.len() < columns.len()
            && let Some((_, Some(column))) = columns.get(values.len())
        {
            let message = "INSERT has more target columns than expressions";
            let hint = format!("{} has no value", column.name.text);
            self.report(Diagnostic::error(Code::WrongCount, column.name.span, message).with_hint(hint));
            return false;
        }
        true
    }

    pub(super) fn update(&mut self, update: &Update, parent: Option<&Scope<'_>>) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &update.with {
            self.with_clause(&mut scope, with);
        }
        let mut query = Query { command: Command::Update, ..Query::default() };
        let Some(target) = self.target_table(&mut scope, &update.table, "update", true) else { return query };
        query.from = vec![JoinTree::Leaf(target.rte)];
        let from = self.write_from(&mut scope, &update.from);
        query.from.extend(from);
        match &update.filter {
            Some(filter) => query.filter = Some(self.condition(&scope, filter, Place::Where, "WHERE")),
            None => self.warn_no_where(update.table.name.span(), "UPDATE"),
        }
        scope.place.set(Place::Returning);
        query.targets = self.target_list(&scope, &update.returning);
        query.has_target_srf = scope.sets.in_target_list();
        // `transformUpdateStmt` finishes RETURNING before it analyzes the assignments.
        query = self.settle_unknown(query);
        let (assigned, parts) = self.assignments(&mut scope, &update.assignments, &target);
        query.partly_assigned = parts;
        query.result_rte = Some(target.rte);
        let query = self.finish_write(scope, query, assigned, &target);
        self.target = parent.is_none().then_some(target);
        query
    }

    pub(super) fn warn_no_where(&mut self, span: Span, statement: &str) {
        let message = format!("{statement} without WHERE changes every row of the table");
        self.report(
            Diagnostic::warning(Code::MissingWhere, span, message)
                .with_hint("write WHERE true if this is intended"),
        );
    }

    /// `FROM` of an UPDATE, `USING` of a DELETE: items of this clause cannot refer to the target, even with LATERAL.
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
        let Some(target) = self.target_table(&mut scope, &delete.table, "delete from", true) else {
            return query;
        };
        query.from = vec![JoinTree::Leaf(target.rte)];
        let from = self.write_from(&mut scope, &delete.using);
        query.from.extend(from);
        match &delete.filter {
            Some(filter) => query.filter = Some(self.condition(&scope, filter, Place::Where, "WHERE")),
            None => self.warn_no_where(delete.table.name.span(), "DELETE"),
        }
        scope.place.set(Place::Returning);
        query.targets = self.target_list(&scope, &delete.returning);
        query.has_target_srf = scope.sets.in_target_list();
        query.result_rte = Some(target.rte);
        let query = self.finish_write(scope, query, Vec::new(), &target);
        self.target = parent.is_none().then_some(target);
        query
    }
}

/// Merges the assignments of INSERT and DO UPDATE: a returned row was inserted or updated, so a column's value is known
/// only if both INSERT and DO UPDATE assign the column.
fn inserted_or_updated(query: &mut Query, updated: Vec<Written>) {
    if let Some((_, columns)) = &mut query.source {
        columns.clear();
    }
    let inserted = std::mem::take(&mut query.assigned);
    for mut written in inserted {
        match updated.iter().find(|update| update.column == written.column) {
            Some(update) if !update.values.is_empty() && !written.values.is_empty() => {
                written.values.extend(update.values.iter().cloned());
                query.assigned.push(written);
            }
            // The new value of the whole column is not known, but the assigned expressions are kept so that the
            // statement's expressions are complete.
            _ => query.other.extend(written.values),
        }
    }
}

/// Returns a column of the query from which INSERT takes its rows. Fields of a record cannot be read through such a
/// column.
fn source_column(node: Node) -> Node {
    let span = node.span;
    match node.ty {
        oid::RECORD if !node.is_error() => Node::new(oid::RECORD, NodeKind::Opaque(vec![node]), span),
        _ => node.into_column(),
    }
}
