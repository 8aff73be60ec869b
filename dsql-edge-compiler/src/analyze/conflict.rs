//! Analyzes `ON CONFLICT` (`transformOnConflictClause`), and checks that the table has the unique key that the clause
//! requires.

use super::analyzer::Analyzer;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, Rte, RteSource, Written};
use super::written_table::Target;
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{Exclusion, Schema};
use crate::source::Span;
use crate::syntax::ast::{ConflictTarget, ExprKind, IndexElement, Name, OnConflict};

impl<'a> Analyzer<'a> {
    /// `transformOnConflictClause`; returns the assignments of DO UPDATE. Adds the other expressions of the clause to
    /// `others`.
    pub(super) fn on_conflict(
        &mut self,
        scope: &mut Scope<'_>,
        conflict: &OnConflict,
        target: &Target,
        others: &mut Vec<Node>,
    ) -> Option<Vec<Written>> {
        match &conflict.target {
            ConflictTarget::Any if conflict.update.is_some() => {
                let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                self.report(
                    Diagnostic::error(Code::SyntaxError, conflict.span, message)
                        .with_hint("For example, ON CONFLICT (column_name)."),
                );
            }
            ConflictTarget::Any => {}
            ConflictTarget::Constraint(name) => self.conflict_constraint(conflict, name, target),
            ConflictTarget::Index(elements, filter, open) => {
                let columns = self.conflict_columns(scope, elements, *open, others);
                if let Some(filter) = filter {
                    others.push(self.condition(scope, filter, Place::OnConflict, "WHERE"));
                }
                if let Some(columns) = columns {
                    self.check_conflict_key(conflict, target, columns, filter.is_some());
                }
            }
        }
        let (assignments, filter) = conflict.update.as_ref()?;
        let at = self.excluded(scope, target);
        let (assigned, parts) = self.assignments(scope, assignments, target);
        others.extend(parts);
        if let Some(filter) = filter {
            others.push(self.condition(scope, filter, Place::Where, "WHERE"));
        }
        // RETURNING cannot refer to EXCLUDED.
        scope.namespace.retain(|item| item.rte != Some(at));
        Some(assigned)
    }

    /// `ON CONFLICT ON CONSTRAINT name`. PostgreSQL's parse analysis accepts every constraint of the named relation
    /// (`get_relation_constraint_attnos`). The planner rejects a constraint that cannot be an arbiter
    /// (`infer_arbiter_indexes`).
    fn conflict_constraint(&mut self, conflict: &OnConflict, name: &Name, target: &Target) {
        let schema: &'a Schema = self.catalog.schema;
        let relation = &schema.relations[target.relation];
        let keys = relation.keys.iter().filter(|key| key.constraint);
        let mut names: Vec<&str> = keys.filter_map(|key| key.name.as_deref()).collect();
        if names.contains(&name.text.as_str()) {
            return;
        }
        let is_known = relation.has_constraint(&name.text);
        // If the name of an exclusion constraint is not known, the constraint can have any name that no other
        // constraint has.
        let may_be = |it: &Exclusion| it.name.as_ref().map_or(!is_known, |known| *known == name.text);
        if relation.exclusions.iter().any(may_be) {
            if conflict.update.is_some() {
                let message = "ON CONFLICT DO UPDATE not supported with exclusion constraints";
                self.runtime_error(Diagnostic::error(Code::WrongObjectType, name.span, message));
            }
            return;
        }
        names.extend(relation.exclusions.iter().filter_map(|it| it.name.as_deref()));
        let hint = (!names.is_empty()).then(|| format!("it has {}", names.join(", ")));
        let with_hint = |diagnostic: Diagnostic| match hint {
            Some(hint) => diagnostic.with_hint(hint),
            None => diagnostic,
        };
        if is_known {
            let message = "constraint in ON CONFLICT clause has no associated index";
            let diagnostic = Diagnostic::error(Code::WrongObjectType, name.span, message);
            return self.runtime_error(with_hint(diagnostic));
        }
        let message = format!("constraint \"{}\" for table \"{}\" does not exist", name.text, relation.name);
        self.report(with_hint(Diagnostic::error(Code::UnknownObject, name.span, message)));
    }

    /// Returns the columns of `ON CONFLICT (…)`; `None` if an element is an expression or an unknown column.
    fn conflict_columns(
        &mut self,
        scope: &Scope<'_>,
        elements: &[IndexElement],
        open: Span,
        others: &mut Vec<Node>,
    ) -> Option<Vec<String>> {
        let mut columns = Some(Vec::new());
        for element in elements {
            if let Some(clause) = forbidden_order(element) {
                let message = format!("{clause} is not allowed in ON CONFLICT clause");
                self.report(Diagnostic::error(Code::InvalidColumnReference, open, message));
            }
            let before = self.diagnostics.iter().len();
            let node = scope.at(Place::OnConflict, || self.expr(scope, &element.expr));
            for mut diagnostic in self.diagnostics.split_off(before) {
                // PostgreSQL reports an unknown column of the conflict target at the opening parenthesis.
                if diagnostic.span == element.expr.span && diagnostic.code == Code::UnknownColumn {
                    diagnostic.span = open.to(diagnostic.span);
                }
                self.report(diagnostic);
            }
            match &element.expr.kind {
                ExprKind::Column(parts) if parts.len() == 1 && !node.is_error() => {
                    columns.iter_mut().for_each(|columns| columns.push(parts[0].text.clone()));
                }
                _ => columns = None,
            }
            others.push(node);
            self.operator_class(element);
        }
        columns
    }

    /// `infer_arbiter_indexes`: checks that a unique key has exactly these columns.
    fn check_conflict_key(
        &mut self,
        conflict: &OnConflict,
        target: &Target,
        columns: Vec<String>,
        filtered: bool,
    ) {
        let schema: &'a Schema = self.catalog.schema;
        let relation = &schema.relations[target.base];
        // The statement may write to a view and use the view's column names; the keys use the column names of the
        // table.
        let of_table = |name: String| {
            let at = target.columns.iter().position(|column| column.name == name);
            at.and_then(|at| target.base_column(schema, at)).map_or(name, |column| column.name.clone())
        };
        let mut columns: Vec<String> = columns.into_iter().map(of_table).collect();
        columns.sort();
        columns.dedup();
        let matching = |key: &crate::schema::Key| {
            let mut names = key.columns.clone();
            names.sort();
            names == columns && (!key.partial || filtered)
        };
        if relation.keys.iter().any(matching) {
            return;
        }
        let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
        let keys: Vec<String> =
            relation.keys.iter().map(|key| format!("({})", key.columns.join(", "))).collect();
        let hint = match keys.is_empty() {
            true => format!("\"{}\" has no unique key", relation.name),
            false => format!("the unique keys of \"{}\" are {}", relation.name, keys.join(", ")),
        };
        let diagnostic = Diagnostic::error(Code::InvalidColumnReference, conflict.span, message);
        self.runtime_error(diagnostic.with_hint(hint));
    }

    /// Adds `excluded` to the namespace: the row proposed for insertion, which has passed the NOT NULL constraints.
    fn excluded(&self, scope: &mut Scope<'_>, target: &Target) -> usize {
        let not_null = match scope.rtes.get(target.rte).map(|rte| &rte.source) {
            Some(RteSource::Table { not_null, .. }) => not_null.clone(),
            _ => vec![false; target.columns.len()],
        };
        let source = RteSource::Table {
            relation: None,
            columns_of: Some(target.relation),
            references: Vec::new(),
            sampled: false,
            not_null,
            keys: Vec::new(),
        };
        let excluded = Rte { name: "excluded".into(), columns: target.columns.clone(), source };
        let at = scope.add(excluded, None, true, true);
        if let Some(item) = scope.namespace.iter_mut().find(|item| item.rte == Some(at)) {
            item.row_type = Some(super::catalog::Catalog::row_type(target.relation));
            // `excluded` has no system columns.
            item.derived = true;
        }
        at
    }

    /// Checks an operator class in the key. An operator class of PostgreSQL or of an extension has a name that ends in
    /// `_ops`; any other name is most likely a column after a missing comma.
    fn operator_class(&mut self, element: &IndexElement) {
        let Some(name) = element.operator_class.as_ref().and_then(|it| it.parts.last()) else { return };
        if name.text.ends_with("_ops") {
            return;
        }
        let message = format!("operator class \"{}\" does not exist for access method \"btree\"", name.text);
        let hint = "columns are separated by commas";
        self.report(Diagnostic::error(Code::UnknownObject, name.span, message).with_hint(hint));
    }
}

/// Returns the words of a key's sort order, which PostgreSQL rejects in ON CONFLICT: `resolve_unique_index_expr`.
fn forbidden_order(element: &IndexElement) -> Option<&'static str> {
    match (element.descending, element.nulls_first) {
        (Some(_), _) => Some("ASC/DESC"),
        (None, Some(_)) => Some("NULLS FIRST/LAST"),
        (None, None) => None,
    }
}
