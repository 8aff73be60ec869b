//! Applies `ALTER TYPE` and `ALTER DOMAIN` to the schema.
//!
//! Columns, other types, functions, operators and casts refer to a type by its name. If the name or schema of a type
//! changes, the name is updated in all these objects.

use super::fold::{Fold, MAX_DOMAINS, check};
use super::{Schema, UserTypeKind};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{
    AlterAction, AlterTable, CheckedRows, ConstraintKind, Name, QualifiedName, TypeName,
};

impl Fold {
    /// Returns the number of domains in the chain from a type (included) to the first base type that is not a domain;
    /// at most [`MAX_DOMAINS`].
    pub(super) fn domains_under(&self, name: &QualifiedName) -> usize {
        let base = |at: &usize| match self.schema.types.get(*at).map(|it| &it.kind) {
            Some(UserTypeKind::Domain { base, .. }) => self.find_type(&base.name),
            _ => None,
        };
        let is_domain = |at: &usize| {
            matches!(self.schema.types.get(*at).map(|it| &it.kind), Some(UserTypeKind::Domain { .. }))
        };
        let levels = std::iter::successors(self.find_type(name), base);
        levels.take_while(is_domain).take(MAX_DOMAINS).count()
    }

    pub(super) fn alter_type(&mut self, alter: AlterTable) {
        let Some(at) = self.find_type(&alter.name) else {
            let message = format!("type \"{}\" does not exist", alter.name.display());
            return self.problem(Code::UnknownType, alter.name.span(), message);
        };
        for action in alter.actions {
            match action {
                AlterAction::Rename(name) => {
                    let schema = self.schema.types[at].schema.clone();
                    if self.reports_names && self.schema.user_type(&schema, &name.text).is_some() {
                        self.type_exists(&name.text, name.span);
                        continue;
                    }
                    self.rename_type(at, schema, name.text);
                }
                AlterAction::SetSchema(schema) => {
                    let name = self.schema.types[at].name.clone();
                    self.rename_type(at, schema.text, name);
                }
                mut action => {
                    self.qualify_action(&mut action);
                    if matches!(self.schema.types[at].kind, UserTypeKind::Composite(_)) {
                        self.alter_tables_of_type(at, &action);
                    }
                    change_kind(&mut self.schema.types[at].kind, action);
                }
            }
        }
    }

    /// Adds the schema to the name of each type in an action of ALTER TABLE.
    pub(super) fn qualify_action(&self, action: &mut AlterAction) {
        match action {
            AlterAction::AddColumn { column, .. } => {
                column.type_name.iter_mut().for_each(|written| self.qualify(written));
            }
            AlterAction::SetType { type_name, .. } => self.qualify(type_name),
            _ => {}
        }
    }

    /// Changes the name or schema of a relation's row type everywhere.
    pub(super) fn rename_row_type(&mut self, from: [&str; 2], to: [&str; 2]) {
        each_type_name(&mut self.schema, &mut |written| {
            let parts = &mut written.name.parts;
            if parts.iter().map(|part| part.text.as_str()).eq(from) {
                parts.iter_mut().zip(to).for_each(|(part, text)| text.clone_into(&mut part.text));
            }
        });
    }

    /// Changes the name or schema of a type everywhere.
    pub(super) fn rename_type(&mut self, at: usize, schema: String, name: String) {
        let known = &self.schema.types[at];
        let (old_schema, old_name) = (known.schema.clone(), known.name.clone());
        let path = &self.schema.search_path;
        let found = path.iter().find_map(|schema| self.schema.user_type(schema, &old_name));
        let is_by_path = found == Some(at);
        let version = self.schema.version;
        self.schema.type_names.take(version, &old_schema, &old_name);
        self.schema.type_names.give(version, &schema, &name, at);
        (self.schema.types[at].schema, self.schema.types[at].name) = (schema.clone(), name.clone());
        let is_path = self.schema.search_path.contains(&schema);
        each_type_name(&mut self.schema, &mut |written| {
            let is_it = match written.name.schema() {
                Some(written) => written == old_schema,
                None => is_by_path,
            };
            if !is_it || written.name.name() != old_name {
                return;
            }
            let is_qualified = written.name.schema().is_some() || !is_path;
            let parts = if is_qualified { vec![&schema, &name] } else { vec![&name] };
            let named = |text: &String| Name { text: text.clone(), span: Span::default() };
            written.name.parts = parts.into_iter().map(named).collect();
        });
    }
}

/// Applies an action that changes the type itself.
fn change_kind(kind: &mut UserTypeKind, action: AlterAction) {
    match (action, kind) {
        (AlterAction::SetNotNull(_), UserTypeKind::Domain { not_null, .. }) => *not_null = true,
        (AlterAction::DropNotNull(_), UserTypeKind::Domain { not_null, .. }) => *not_null = false,
        (AlterAction::AddConstraint(constraint), UserTypeKind::Domain { checks, all_checks_hold, .. }) => {
            if let ConstraintKind::Check { checked, .. } = constraint.kind {
                *all_checks_hold &= checked == CheckedRows::All;
            }
            checks.extend(check(constraint));
        }
        // `checks` does not contain the names of a domain's constraints, so any of its checks may be the dropped
        // constraint.
        (AlterAction::DropConstraint { .. }, UserTypeKind::Domain { all_checks_hold, .. }) => {
            *all_checks_hold = false;
        }
        (AlterAction::AddColumn { column, .. }, UserTypeKind::Composite(fields)) => {
            if let Some(type_name) = column.type_name {
                fields.push((column.name.text, type_name));
            }
        }
        (AlterAction::DropColumn { name, .. }, UserTypeKind::Composite(fields)) => {
            fields.retain(|(field, _)| *field != name.text);
        }
        (AlterAction::RenameColumn { from, to }, UserTypeKind::Composite(fields)) => {
            if let Some((field, _)) = fields.iter_mut().find(|(field, _)| *field == from.text) {
                *field = to.text;
            }
        }
        (AlterAction::SetType { column, type_name }, UserTypeKind::Composite(fields)) => {
            if let Some((_, written)) = fields.iter_mut().find(|(field, _)| *field == column.text) {
                *written = type_name;
            }
        }
        (AlterAction::AddValue { label, if_not_exists, beside }, UserTypeKind::Enum(labels)) => {
            if if_not_exists && labels.contains(&label) {
                return;
            }
            let place = beside.and_then(|(before, beside)| {
                let at = labels.iter().position(|known| *known == beside)?;
                Some(if before { at } else { at + 1 })
            });
            labels.insert(place.unwrap_or(labels.len()), label);
        }
        (AlterAction::RenameValue { from, to }, UserTypeKind::Enum(labels)) => {
            if let Some(label) = labels.iter_mut().find(|label| **label == from) {
                *label = to;
            }
        }
        _ => {}
    }
}

/// Calls `change` on every type name in the definitions of the schema's objects, except those inside queries and
/// expressions.
pub(super) fn each_type_name(schema: &mut Schema, change: &mut dyn FnMut(&mut TypeName)) {
    for column in schema.relations.iter_mut().flat_map(|relation| &mut relation.columns) {
        change(&mut column.type_name);
    }
    for user_type in &mut schema.types {
        match &mut user_type.kind {
            UserTypeKind::Domain { base, .. } => change(base),
            UserTypeKind::Composite(fields) => fields.iter_mut().for_each(|(_, written)| change(written)),
            UserTypeKind::Range { subtype, .. } => subtype.iter_mut().for_each(&mut *change),
            UserTypeKind::Enum(_) | UserTypeKind::Base { .. } => {}
        }
    }
    for function in &mut schema.functions {
        let definition = &mut function.definition;
        definition.parameters.iter_mut().for_each(|it| change(&mut it.type_name));
        definition.returns.iter_mut().for_each(&mut *change);
        definition.aggregate.iter_mut().for_each(|it| change(&mut it.state));
    }
    for operator in schema.operators.iter_mut().map(|it| &mut it.definition) {
        operator.left.iter_mut().chain(&mut operator.right).for_each(&mut *change);
    }
    for cast in schema.casts.iter_mut().map(|it| &mut it.definition) {
        change(&mut cast.source);
        change(&mut cast.target);
    }
}
