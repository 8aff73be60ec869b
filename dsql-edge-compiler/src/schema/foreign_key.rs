//! Adds foreign keys, and checks that the referenced table has a key for them, as PostgreSQL's
//! `ATAddForeignKeyConstraint`, `transformFkeyGetPrimaryKey` and `transformFkeyCheckAttrs` do.
//!
//! Input: a foreign key as written. Output: a foreign key of the table, and the error that PostgreSQL reports. A
//! foreign key to a table that is not in the snapshot proves nothing. Only for a script that has not run yet, such a
//! table is an error: a snapshot may leave tables out.

use super::alter::unknown_column;
use super::fold::Fold;
use super::{ForeignKey, Relation, RelationKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{ForeignKeyConstraint, Name};

impl Fold {
    /// Adds a foreign key. `name` is the name of the constraint, if the statement contains a name.
    pub(super) fn add_foreign_key(
        &mut self,
        relation: &mut Relation,
        name: Option<Name>,
        key: ForeignKeyConstraint,
        place: Span,
    ) {
        let own = key.table.name() == relation.name
            && key.table.schema().is_none_or(|schema| schema == relation.schema);
        let table = match self.find_relation(&key.table) {
            Some(at) => at,
            // The table refers to itself, and will get the next index in the list of relations.
            None if own => self.schema.relations.len(),
            None => return self.report_missing_relation(&key.table),
        };
        let target = if own { &*relation } else { &self.schema.relations[table] };
        let columns: Vec<String> = key.columns.iter().map(|column| column.text.clone()).collect();
        let referenced: Vec<String> = match key.referenced.as_slice() {
            [] => target.keys.iter().find(|it| it.primary).map(|it| it.columns.clone()).unwrap_or_default(),
            written => written.iter().map(|column| column.text.clone()).collect(),
        };
        let name =
            name.map_or_else(|| format!("{}_{}_fkey", relation.name, columns.join("_")), |name| name.text);
        if self.is_followed() && is_plain(relation) && is_plain(target) {
            if let Some(problem) = problem(relation, target, &key, &referenced, place) {
                self.problems.push(problem);
            } else if let Some(detail) = self.incompatible(relation, target, &columns, &referenced) {
                let message = format!("foreign key constraint \"{name}\" cannot be implemented");
                self.problems.push(Diagnostic::error(Code::TypeMismatch, place, message).with_detail(detail));
            }
        }
        let (validated, deferrable) = (!key.not_valid, key.deferrable);
        let (on_delete, on_update) = (key.on_delete, key.on_update);
        relation.foreign_keys.push(ForeignKey {
            name,
            columns,
            table,
            referenced,
            validated,
            deferrable,
            on_delete,
            on_update,
        });
    }

    /// Whether the effects of all statements so far are known. A statement with an unknown effect may have added a key.
    pub(super) fn is_followed(&self) -> bool {
        self.unfollowed.is_empty() && self.schema.unfollowed.is_empty()
    }

    /// Returns the detail of the error that a column cannot be compared with the column to which it refers.
    fn incompatible(
        &self,
        relation: &Relation,
        target: &Relation,
        columns: &[String],
        referenced: &[String],
    ) -> Option<String> {
        columns.iter().zip(referenced).find_map(|(from, to)| {
            let types = [&relation.column(from)?.type_name, &target.column(to)?.type_name];
            let [from_type, to_type] = (self.resolver.incompatible_types)(&self.schema, types[0], types[1])?;
            Some(format!(
                "Key columns \"{from}\" and \"{to}\" are of incompatible types: {from_type} and {to_type}."
            ))
        })
    }
}

/// Whether the schema lists all keys of the table. A table with parents or partitions may have other keys.
fn is_plain(it: &Relation) -> bool {
    matches!(it.kind, RelationKind::Table) && it.parents.is_empty() && !it.partitioned && !it.has_children
}

/// Returns the error of a foreign key.
fn problem(
    relation: &Relation,
    target: &Relation,
    key: &ForeignKeyConstraint,
    referenced: &[String],
    place: Span,
) -> Option<Diagnostic> {
    let unknown = |of: &Relation, names: &[Name]| {
        let missing = names.iter().find(|name| of.column(&name.text).is_none())?;
        let message =
            format!("column \"{}\" referenced in foreign key constraint does not exist", missing.text);
        Some(unknown_column(of, &missing.text, missing.span, message))
    };
    let error = |code, message: String| Some(Diagnostic::error(code, place, message));
    if let Some(problem) = unknown(relation, &key.columns).or_else(|| unknown(target, &key.referenced)) {
        return Some(problem);
    }
    if referenced.is_empty() {
        let message = format!("there is no primary key for referenced table \"{}\"", target.name);
        return error(Code::UnknownObject, message);
    }
    if referenced.len() != key.columns.len() {
        let message = "number of referencing and referenced columns for foreign key disagree".to_owned();
        return error(Code::InvalidForeignKey, message);
    }
    let is_key = target.keys.iter().any(|known| {
        !known.partial
            && known.columns.len() == referenced.len()
            && known.columns.iter().all(|column| referenced.contains(column))
    });
    if is_key {
        return None;
    }
    let message =
        format!("there is no unique constraint matching given keys for referenced table \"{}\"", target.name);
    error(Code::InvalidForeignKey, message)
}
