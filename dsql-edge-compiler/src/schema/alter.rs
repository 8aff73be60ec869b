//! Applies `ALTER TABLE`, `ALTER VIEW`, `ALTER SEQUENCE` and related statements to the schema.

use super::fold::Fold;
use super::objects::Computed;
use super::{Column, NamedIndex, Relation, RelationKind, is_null_default};
use crate::diagnostic::suggestion::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    AlterAction, AlterTable, ConstraintKind, Name, ObjectKind, SET_LOGGED, SET_UNLOGGED, TableColumn,
};

impl Fold {
    pub(super) fn alter(&mut self, alter: AlterTable) {
        if matches!(alter.object, ObjectKind::Type | ObjectKind::Domain) {
            return self.alter_type(alter);
        }
        if alter.object == ObjectKind::Index {
            if !self.rename_index(&alter) && !alter.if_exists {
                self.report_unknown_index(&alter.name, Code::UnknownTable, "relation");
            }
            return;
        }
        let Some(at) = self.find_relation(&alter.name) else {
            if !alter.if_exists && !self.rename_index(&alter) {
                self.unknown_relation(&alter.name);
            }
            return;
        };
        for mut action in alter.actions {
            if self.reports_names && self.report_names_of_action(at, &action) {
                continue;
            }
            if let AlterAction::AddConstraint(constraint) = &mut action
                && let ConstraintKind::Check { expr, .. } = &constraint.kind
            {
                self.name_check(at, &mut constraint.name, expr);
            }
            self.qualify_action(&mut action);
            self.alter_with_children(at, action, alter.only);
            self.create_owned_sequences(at);
        }
    }

    /// Applies `ALTER INDEX … RENAME TO`, or `ALTER TABLE … RENAME TO` with the name of an index, which has the same
    /// effect. Any other action on an index has no effect. Returns whether the schema has the index.
    fn rename_index(&mut self, alter: &AlterTable) -> bool {
        let name = alter.name.name();
        let rename = match alter.actions.first() {
            Some(AlterAction::Rename(new)) => Some(new),
            _ => None,
        };
        if let Some(new) = rename {
            self.report_taken_index(name, new);
        }
        let mut keys = self.schema.relations.iter_mut().flat_map(|relation| &mut relation.keys);
        let key = keys.find(|key| key.name.as_deref() == Some(name));
        let mut is_known = key.is_some();
        if let (Some(key), Some(new)) = (key, rename) {
            key.name = Some(new.text.clone());
        }
        let exists = |it: &NamedIndex| it.name == name && it.exists != Some(false);
        let index = self.schema.indexes.iter().find(|it| exists(it)).cloned();
        is_known |= index.is_some();
        if let Some(new) = rename
            && (index.is_some() || !is_known)
        {
            // If no CREATE INDEX contains the index's name, PostgreSQL may have chosen this name. Then it is not known
            // whether the index exists, and the new name is recorded with `exists: None`.
            self.forget_index(name);
            let unknown = NamedIndex { name: String::new(), table: None, columns: Vec::new(), exists: None };
            self.schema.indexes.push(NamedIndex { name: new.text.clone(), ..index.unwrap_or(unknown) });
        }
        is_known
    }

    pub(super) fn alter_action(&mut self, at: usize, action: AlterAction) {
        if self.alter_relatives(at, &action) {
            return;
        }
        if let AlterAction::DropColumn { name, cascade, .. } = &action {
            if *cascade {
                self.drop_views_of_column(at, &name.text);
            }
            self.drop_sequence_of_column(at, &name.text, *cascade);
            self.forget_references(at, &name.text);
            self.drop_indexes_of_column(at, &name.text);
        }
        if let AlterAction::DropIdentity(column) = &action {
            self.drop_sequence_of_column(at, &column.text, false);
        }
        // The relation is moved out of the schema, because with a copy, the time of each action would be proportional
        // to the number of columns. While the relation is moved out, no other code reads it.
        let mut relation = std::mem::take(&mut self.schema.relations[at]);
        self.alter_relation(at, &mut relation, action);
        self.schema.relations[at] = relation;
    }

    fn alter_relation(&mut self, at: usize, relation: &mut Relation, action: AlterAction) {
        let version = self.schema.version;
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                self.add_new_column(relation, column, if_not_exists)
            }
            AlterAction::DropColumn { name, if_exists, .. } => {
                if relation.column(&name.text).is_none() && !if_exists {
                    self.unknown_column(relation, &name);
                }
                relation.drop_column(&name.text);
            }
            AlterAction::SetType { column, type_name } => {
                self.change(relation, &column, |it| it.type_name = type_name);
            }
            AlterAction::SetDefault { column, default } => {
                relation.evaluated.extend(default.clone());
                let set = default.as_ref().is_some_and(|expr| !is_null_default(expr));
                let computed = default.and_then(|expr| Computed::of(&expr, self.moment()));
                if !relation.is_view() {
                    self.change(relation, &column, |it| {
                        (it.has_default, it.computed, it.sequence) = (set, computed, None);
                    });
                }
            }
            AlterAction::SetNotNull(column) => self.change(relation, &column, |it| it.not_null = true),
            AlterAction::DropNotNull(column) => self.change(relation, &column, |it| it.not_null = false),
            AlterAction::AddIdentity { column, always, .. } => self.change(relation, &column, |it| {
                it.identity = Some(always);
                it.has_default = true;
                it.has_sequence = true;
                it.not_null = true;
            }),
            AlterAction::DropIdentity(column) => self.change(relation, &column, |it| {
                (it.identity, it.sequence) = (None, None);
                it.has_default = false;
            }),
            AlterAction::DropExpression(column) => self.change(relation, &column, |it| {
                it.generated = false;
                it.has_default = false;
                it.computed = None;
            }),
            AlterAction::AddConstraint(constraint) => self.add_constraint(relation, constraint),
            AlterAction::DropConstraint { name, .. } => {
                // PostgreSQL may have chosen another name for a foreign key than this module, so the statement may drop
                // any foreign key whose name PostgreSQL may have chosen.
                if name.text.contains("_fkey") && !relation.has_constraint(&name.text) {
                    relation.foreign_keys.retain(|key| !key.name.contains("_fkey"));
                }
                relation.drop_check(&name.text);
                relation.keys.retain(|key| key.name.as_deref() != Some(&name.text));
                relation.exclusions.retain(|it| it.name.as_deref() != Some(&name.text));
                relation.foreign_keys.retain(|key| key.name != name.text);
            }
            AlterAction::Rename(name) => {
                self.schema.relation_names.take(version, &relation.schema, &relation.name);
                let of = relation.schema.as_str();
                self.rename_row_type([of, &relation.name], [of, &name.text]);
                relation.name = name.text;
                self.schema.relation_names.give(version, &relation.schema, &relation.name, at);
            }
            AlterAction::RenameColumn { from, to } if relation.has_columns_of_query() => {
                relation.renamed_columns.push((version, from.text, to.text));
            }
            AlterAction::RenameColumn { from, to } => self.rename_column(at, relation, &from, &to),
            AlterAction::RenameConstraint { from, to } => rename_constraint(relation, &from.text, &to.text),
            AlterAction::ValidateConstraint(name) => {
                relation.validate_check(&name.text);
                for key in relation.foreign_keys.iter_mut().filter(|key| key.name == name.text) {
                    key.validated = true;
                }
            }
            AlterAction::SetSchema(name) => {
                self.schema.relation_names.take(version, &relation.schema, &relation.name);
                self.rename_row_type([&relation.schema, &relation.name], [&name.text, &relation.name]);
                self.move_sequences(at, &name);
                relation.schema = name.text;
                self.schema.relation_names.give(version, &relation.schema, &relation.name, at);
            }
            AlterAction::RowSecurity => relation.row_security = true,
            AlterAction::Other(SET_UNLOGGED) => relation.volatile_rows = true,
            AlterAction::Other(SET_LOGGED) => relation.volatile_rows = false,
            AlterAction::Other(_)
            | AlterAction::AddValue { .. }
            | AlterAction::RenameValue { .. }
            | AlterAction::Inherit(_)
            | AlterAction::NoInherit(_)
            | AlterAction::AttachPartition(_)
            | AlterAction::DetachPartition(_)
            | AlterAction::OfType(_)
            | AlterAction::NotOfType => {}
        }
    }

    fn add_new_column(&mut self, relation: &mut Relation, column: TableColumn, if_not_exists: bool) {
        let Name { text: name, span, .. } = &column.name;
        if relation.column(name).is_none() {
            self.add_column(relation, column);
        } else if !if_not_exists {
            let message = format!("column \"{name}\" of relation \"{}\" already exists", relation.name);
            self.problem(Code::DuplicateColumn, *span, message);
        }
    }

    /// Renames a column of a relation, and replaces the column's name in the keys, foreign keys, exclusion constraints,
    /// checks and indexes of this relation, and in the foreign keys of all relations that refer to the column.
    fn rename_column(&mut self, at: usize, relation: &mut Relation, from: &Name, to: &Name) {
        if relation.column(&from.text).is_none() && matches!(relation.kind, RelationKind::Table) {
            let message = format!("column \"{}\" does not exist", from.text);
            return self.problems.push(unknown_column(relation, &from.text, from.span, message));
        }
        let version = self.schema.version;
        self.rename_column_of_indexes(at, &from.text, &to.text);
        self.change(relation, from, |it| {
            it.earlier_names.push((version, std::mem::replace(&mut it.name, to.text.clone())));
        });
        for key in &mut relation.keys {
            rename(&mut key.columns, &from.text, &to.text);
            rename(&mut key.include, &from.text, &to.text);
        }
        for key in &mut relation.foreign_keys {
            rename(&mut key.columns, &from.text, &to.text);
        }
        for it in &mut relation.exclusions {
            rename(&mut it.columns, &from.text, &to.text);
        }
        relation.rename_column_of_checks(&from.text, &to.text);
        // The relation is not in the schema at this point, so its own foreign keys are added to the iterator.
        let others = self.schema.relations.iter_mut().flat_map(|it| &mut it.foreign_keys);
        for key in others.chain(&mut relation.foreign_keys).filter(|key| key.table == at) {
            rename(&mut key.referenced, &from.text, &to.text);
        }
    }

    /// Moves the sequences of a table's columns together with the table.
    fn move_sequences(&mut self, table: usize, schema: &Name) {
        let is_its = |at: &usize| {
            let sequence = &self.schema.relations[*at];
            sequence.is_sequence() && sequence.parents.contains(&table) && self.schema.exists(*at)
        };
        let own: Vec<usize> = (0..self.schema.relations.len()).filter(is_its).collect();
        own.into_iter().for_each(|at| self.alter_action(at, AlterAction::SetSchema(schema.clone())));
    }

    /// Removes foreign keys that refer to a dropped column.
    fn forget_references(&mut self, table: usize, column: &str) {
        for relation in &mut self.schema.relations {
            relation
                .foreign_keys
                .retain(|key| key.table != table || !key.referenced.iter().any(|it| it == column));
        }
    }

    pub(super) fn change(&mut self, relation: &mut Relation, name: &Name, change: impl FnOnce(&mut Column)) {
        match relation.columns.iter_mut().find(|column| column.name == name.text) {
            Some(column) => change(column),
            // The column may exist: the query of a CREATE TABLE AS defines its columns, and this module cannot analyze
            // the query.
            None if matches!(relation.kind, RelationKind::TableAs(..)) => {}
            None => self.unknown_column(relation, name),
        }
    }

    pub(super) fn unknown_column(&mut self, relation: &Relation, name: &Name) {
        let message = format!("column \"{}\" of relation \"{}\" does not exist", name.text, relation.name);
        self.problems.push(unknown_column(relation, &name.text, name.span, message));
    }
}

/// Returns an error about a column that the relation does not have.
pub(super) fn unknown_column(relation: &Relation, written: &str, place: Span, message: String) -> Diagnostic {
    let known: Vec<&str> = relation.columns.iter().map(|column| column.name.as_str()).collect();
    let hint = match nearest(written, known.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("the columns of {} are {}", relation.name, known.join(", ")),
    };
    Diagnostic::error(Code::UnknownColumn, place, message).with_hint(hint)
}

fn rename_constraint(relation: &mut Relation, from: &str, to: &str) {
    relation.rename_check(from, to);
    for name in relation.keys.iter_mut().filter_map(|key| key.name.as_mut()) {
        rename(std::slice::from_mut(name), from, to);
    }
    for name in relation.exclusions.iter_mut().filter_map(|it| it.name.as_mut()) {
        rename(std::slice::from_mut(name), from, to);
    }
    for key in &mut relation.foreign_keys {
        rename(std::slice::from_mut(&mut key.name), from, to);
    }
}

/// Replaces a name in a list of names of columns or constraints.
fn rename(names: &mut [String], from: &str, to: &str) {
    names.iter_mut().filter(|name| *name == from).for_each(|name| to.clone_into(name));
}
