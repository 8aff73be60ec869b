//! `ALTER` and `DROP`, applied to the schema so far.

use super::fold::Fold;
use super::{Column, Relation, is_null_default};
use crate::diagnostic::Code;
use crate::syntax::ast::{AlterAction, AlterTable, Drop, Name, ObjectKind, SET_LOGGED, SET_UNLOGGED};

impl Fold {
    pub(super) fn alter(&mut self, alter: AlterTable) {
        if matches!(alter.object, ObjectKind::Type | ObjectKind::Domain) {
            return self.alter_type(alter);
        }
        if alter.object == ObjectKind::Index {
            return;
        }
        let Some(at) = self.find_relation(&alter.name) else {
            if !alter.if_exists {
                self.unknown_relation(&alter.name);
            }
            return;
        };
        for action in alter.actions {
            self.alter_action(at, action);
        }
    }

    pub(super) fn alter_action(&mut self, at: usize, action: AlterAction) {
        let mut relation = self.schema.relations[at].clone();
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                if relation.column(&column.name.text).is_some() {
                    if !if_not_exists {
                        let message = format!(
                            "column \"{}\" of relation \"{}\" already exists",
                            column.name.text, relation.name
                        );
                        self.problem(Code::DuplicateColumn, column.name.span, message);
                    }
                    return;
                }
                self.add_column(&mut relation, column);
            }
            AlterAction::DropColumn { name, if_exists } => {
                if relation.column(&name.text).is_none() && !if_exists {
                    self.unknown_column(&relation, &name);
                }
                relation.columns.retain(|column| column.name != name.text);
                relation.keys.retain(|key| !key.columns.contains(&name.text));
                relation.foreign_keys.retain(|key| !key.columns.contains(&name.text));
                self.forget_references(at, &name.text);
            }
            AlterAction::SetType { column, type_name } => {
                self.change(&mut relation, &column, |it| it.type_name = type_name);
            }
            AlterAction::SetDefault { column, default } => {
                relation.evaluated.extend(default.clone());
                let set = default.is_some_and(|expr| !is_null_default(&expr));
                if !relation.is_view() {
                    self.change(&mut relation, &column, |it| it.has_default = set);
                }
            }
            AlterAction::SetNotNull(column) => self.change(&mut relation, &column, |it| it.not_null = true),
            AlterAction::DropNotNull(column) => self.change(&mut relation, &column, |it| it.not_null = false),
            AlterAction::AddIdentity { column, always, .. } => self.change(&mut relation, &column, |it| {
                it.identity = Some(always);
                it.has_default = true;
                it.not_null = true;
            }),
            AlterAction::DropIdentity(column) => self.change(&mut relation, &column, |it| {
                it.identity = None;
                it.has_default = false;
            }),
            AlterAction::DropExpression(column) => self.change(&mut relation, &column, |it| {
                it.generated = false;
                it.has_default = false;
            }),
            AlterAction::AddConstraint(constraint) => self.add_constraint(&mut relation, constraint),
            AlterAction::DropConstraint { name, .. } => {
                relation.keys.retain(|key| key.name.as_deref() != Some(&name.text));
                relation.foreign_keys.retain(|key| key.name != name.text);
            }
            AlterAction::Rename(name) => {
                let old = (relation.schema.clone(), relation.name.clone());
                self.schema.relation_index.remove(&old);
                relation.name = name.text;
                self.schema.relation_index.insert((relation.schema.clone(), relation.name.clone()), at);
            }
            AlterAction::RenameColumn { from, to } if relation.has_columns_of_query() => {
                relation.renamed_columns.push((from.text, to.text));
            }
            AlterAction::RenameColumn { from, to } => {
                self.change(&mut relation, &from, |it| it.name = to.text.clone());
                for key in &mut relation.keys {
                    key.columns
                        .iter_mut()
                        .filter(|column| **column == from.text)
                        .for_each(|it| *it = to.text.clone());
                }
                for key in &mut relation.foreign_keys {
                    rename(&mut key.columns, &from.text, &to.text);
                    if key.table == at {
                        rename(&mut key.referenced, &from.text, &to.text);
                    }
                }
                for other in self.schema.relations.iter_mut().flat_map(|it| &mut it.foreign_keys) {
                    if other.table == at {
                        rename(&mut other.referenced, &from.text, &to.text);
                    }
                }
            }
            AlterAction::RenameConstraint { from, to } => {
                for key in &mut relation.keys {
                    if key.name.as_deref() == Some(&from.text) {
                        key.name = Some(to.text.clone());
                    }
                }
                for key in relation.foreign_keys.iter_mut().filter(|key| key.name == from.text) {
                    key.name.clone_from(&to.text);
                }
            }
            AlterAction::ValidateConstraint(name) => {
                for key in relation.foreign_keys.iter_mut().filter(|key| key.name == name.text) {
                    key.validated = true;
                }
            }
            AlterAction::SetSchema(name) => {
                let old = (relation.schema.clone(), relation.name.clone());
                self.schema.relation_index.remove(&old);
                relation.schema = name.text;
                self.schema.relation_index.insert((relation.schema.clone(), relation.name.clone()), at);
            }
            AlterAction::RowSecurity => relation.row_security = true,
            AlterAction::Other(SET_UNLOGGED) => relation.volatile_rows = true,
            AlterAction::Other(SET_LOGGED) => relation.volatile_rows = false,
            AlterAction::Other(_) | AlterAction::AddValue { .. } | AlterAction::RenameValue { .. } => {}
        }
        self.schema.relations[at] = relation;
    }

    /// Foreign keys cannot refer to a column that was dropped.
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
            None => self.unknown_column(relation, name),
        }
    }

    pub(super) fn unknown_column(&mut self, relation: &Relation, name: &Name) {
        let message = format!("column \"{}\" of relation \"{}\" does not exist", name.text, relation.name);
        self.problem(Code::UnknownColumn, name.span, message);
    }

    pub(super) fn drop_objects(&mut self, drop: Drop) {
        for (at, name) in drop.names.iter().enumerate() {
            match drop.object {
                ObjectKind::Function => {
                    let parameters = drop.parameters.get(at).and_then(Option::as_deref);
                    self.drop_function(name, parameters);
                }
                ObjectKind::Type | ObjectKind::Domain => {
                    let key = (self.creation_schema(name), name.name().to_owned());
                    // The entry stays, so that the numbers of other types do; its name is gone.
                    self.schema.type_index.remove(&key);
                }
                ObjectKind::Schema => self.drop_schema(name.name(), drop.cascade),
                ObjectKind::Index => {
                    for relation in &mut self.schema.relations {
                        relation.keys.retain(|key| key.name.as_deref() != Some(name.name()));
                    }
                }
                _ => match self.find_relation(name) {
                    Some(at) => {
                        let relation = &self.schema.relations[at];
                        let key = (relation.schema.clone(), relation.name.clone());
                        self.schema.relation_index.remove(&key);
                    }
                    None if drop.if_exists => {}
                    None => self.unknown_relation(name),
                },
            }
        }
    }
}

fn rename(columns: &mut [String], from: &str, to: &str) {
    columns.iter_mut().filter(|column| *column == from).for_each(|column| to.clone_into(column));
}
