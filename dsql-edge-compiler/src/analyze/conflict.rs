//! `ON CONFLICT`: `transformOnConflictClause`, and the key that it needs.

use super::Analyzer;
use super::scope::{Place, Scope};
use super::target_table::Target;
use super::tree::{Node, Rte, RteSource, Written};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::Schema;
use crate::syntax::ast::{ConflictTarget, ExprKind, IndexElement, OnConflict};

impl<'a> Analyzer<'a> {
    /// `transformOnConflictClause`; what it assigns to the row that is there, if it does. Its conditions go to
    /// `others`.
    pub(super) fn on_conflict(
        &mut self,
        scope: &mut Scope<'_>,
        conflict: &OnConflict,
        target: &Target,
        others: &mut Vec<Node>,
    ) -> Option<Vec<Written>> {
        let schema: &'a Schema = self.catalog.schema;
        let relation = &schema.relations[target.base];
        match &conflict.target {
            ConflictTarget::Any => {
                if conflict.update.is_some() {
                    let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                    self.report(
                        Diagnostic::error(Code::SyntaxError, conflict.span, message)
                            .with_hint("For example, ON CONFLICT (column_name)."),
                    );
                }
            }
            ConflictTarget::Constraint(name) => {
                let known =
                    relation.keys.iter().any(|key| key.constraint && key.name.as_deref() == Some(&name.text));
                if !known {
                    let message = format!(
                        "constraint \"{}\" for table \"{}\" does not exist",
                        name.text, relation.name
                    );
                    let names = relation
                        .keys
                        .iter()
                        .filter(|key| key.constraint)
                        .filter_map(|key| key.name.as_deref());
                    let mut diagnostic = Diagnostic::error(Code::UnknownObject, name.span, message);
                    let names: Vec<&str> = names.collect();
                    if !names.is_empty() {
                        diagnostic = diagnostic.with_hint(format!("it has {}", names.join(", ")));
                    }
                    self.report(diagnostic);
                }
            }
            ConflictTarget::Index(elements, filter, open) => {
                let place = scope.place.replace(Place::OnConflict);
                let mut columns = Vec::new();
                let mut expressions = false;
                for element in elements {
                    let before = self.diagnostics.iter().len();
                    let node = self.expr(scope, &element.expr);
                    for mut diagnostic in self.diagnostics.split_off(before) {
                        // PostgreSQL's cursor stands at the parenthesis.
                        if diagnostic.span == element.expr.span && diagnostic.code == Code::UnknownColumn {
                            diagnostic.span = open.to(diagnostic.span);
                        }
                        self.report(diagnostic);
                    }
                    match &element.expr.kind {
                        ExprKind::Column(parts) if parts.len() == 1 => columns.push(parts[0].text.clone()),
                        _ => expressions = true,
                    }
                    if node.is_error() {
                        // Nothing can be said of keys.
                        expressions = true;
                    }
                    others.push(node);
                    self.operator_class(element);
                }
                if let Some(filter) = filter {
                    let node = self.expr(scope, filter);
                    others.push(self.coerce_to_boolean(node, "WHERE"));
                }
                scope.place.set(place);
                // Keys are the table's, names may be a view's.
                let of_table = |name: String| {
                    let at = target.columns.iter().position(|column| column.name == name);
                    at.and_then(|at| target.base_column(schema, at))
                        .map_or(name, |column| column.name.clone())
                };
                let mut columns: Vec<String> = columns.into_iter().map(of_table).collect();
                columns.sort();
                columns.dedup();
                let matching = |key: &crate::schema::Key| {
                    let mut names = key.columns.clone();
                    names.sort();
                    names == columns && (!key.partial || filter.is_some())
                };
                if !expressions && !relation.keys.iter().any(matching) {
                    let message =
                        "there is no unique or exclusion constraint matching the ON CONFLICT specification";
                    let keys: Vec<String> =
                        relation.keys.iter().map(|key| format!("({})", key.columns.join(", "))).collect();
                    let mut diagnostic =
                        Diagnostic::error(Code::InvalidColumnReference, conflict.span, message);
                    diagnostic = diagnostic.with_hint(if keys.is_empty() {
                        format!("\"{}\" has no unique key", relation.name)
                    } else {
                        format!("the unique keys of \"{}\" are {}", relation.name, keys.join(", "))
                    });
                    self.runtime_error(diagnostic);
                }
            }
        }
        let (assignments, filter) = conflict.update.as_ref()?;
        let excluded =
            Rte { name: "excluded".into(), columns: target.columns.clone(), source: RteSource::Nullable };
        // What was proposed for insertion passed the NOT NULL constraints.
        let excluded = Rte {
            source: RteSource::Table {
                relation: None,
                references: Vec::new(),
                sampled: false,
                not_null: match scope.rtes.get(target.rte).map(|rte| &rte.source) {
                    Some(RteSource::Table { not_null, .. }) => not_null.clone(),
                    _ => vec![false; target.columns.len()],
                },
                keys: Vec::new(),
            },
            ..excluded
        };
        let at = scope.add(excluded, None, true, true);
        if let Some(item) = scope.namespace.iter_mut().find(|item| item.rte == Some(at)) {
            item.row_type = Some(super::catalog::Catalog::row_type(target.relation));
        }
        let assigned = self.assignments(scope, assignments, target);
        if let Some(filter) = filter {
            others.push(self.condition(scope, filter, Place::Where, "WHERE"));
        }
        // RETURNING does not see EXCLUDED.
        scope.namespace.retain(|item| item.rte != Some(at));
        Some(assigned)
    }

    /// An operator class in the key. Those of PostgreSQL and of extensions end in `_ops`; anything else is most
    /// likely a column after a comma that is missing.
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
