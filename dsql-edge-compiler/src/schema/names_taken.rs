//! Reports the names that a statement cannot create because they exist, and the names that it cannot drop or rename
//! because they do not exist.
//!
//! Input: a statement, and the schema before it. Output: PostgreSQL's errors. Only [`Growth`](super::Growth), the
//! schema of a script that has not run yet, reports these errors. A snapshot needs no such check: its names are those
//! of an existing database, and no query depends on them.
//!
//! The schema does not have every name, because PostgreSQL chooses the name of an index or a constraint if the
//! statement does not contain one. A name that PostgreSQL may have chosen is not reported as missing.

use super::check::columns as columns_of;
use super::fold::Fold;
use super::{NamedIndex, Relation, RelationKind};
use crate::diagnostic::suggestion::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    AlterAction, Constraint, ConstraintKind, CreateFunction, CreateIndex, CreateTable, KeyConstraint, Name,
    ObjectKind, QualifiedName, StatementKind, TableElement,
};

/// The suffixes of the names that PostgreSQL gives to constraints (`ChooseConstraintName`, `ChooseIndexName`).
const CHOSEN: [&str; 6] = ["_check", "_key", "_pkey", "_fkey", "_excl", "_not_null"];

/// Returns PostgreSQL's word for a kind of relation.
pub(super) fn words_of(object: ObjectKind) -> &'static str {
    match object {
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sequence => "sequence",
        ObjectKind::ForeignTable => "foreign table",
        ObjectKind::Index => "index",
        _ => "relation",
    }
}

impl Fold {
    pub(super) fn report_names(&mut self, statement: &StatementKind) {
        match statement {
            StatementKind::CreateSchema(created) => {
                if let Some(name) = created.name.as_ref().filter(|_| !created.if_not_exists) {
                    self.report_taken_schema(name);
                }
            }
            StatementKind::CreateTable(table) => {
                self.report_new_relation(&table.name, table.if_not_exists);
                self.report_constraints_of(table);
            }
            StatementKind::CreateTableAs(table) => self.report_new_relation(&table.name, table.if_not_exists),
            StatementKind::CreateView(view) => self.report_new_relation(&view.name, view.or_replace),
            StatementKind::CreateSequence(sequence) => {
                self.report_new_relation(&sequence.name, sequence.if_not_exists);
            }
            StatementKind::CreateIndex(index) => self.report_new_index(index),
            StatementKind::CreateDomain(domain) => self.report_new_type(&domain.name),
            StatementKind::CreateType(new) => self.report_new_type(&new.name),
            StatementKind::CreateFunction(function) => self.report_new_function(function),
            _ => {}
        }
    }

    /// Reports a schema that does not exist.
    pub(super) fn report_unknown_schema(&mut self, name: &str, place: Span) {
        let found = self.unknown_schema(name, place);
        self.problems.extend(found);
    }

    fn unknown_schema(&self, name: &str, place: Span) -> Option<Diagnostic> {
        let is_of_system =
            name.starts_with("pg_") || matches!(name, "information_schema" | "sys" | "dsql_edge");
        if is_of_system || self.has_schema(name) || self.schema.has_unknown_extension {
            return None;
        }
        let message = format!("schema \"{name}\" does not exist");
        let known = self.schema.schemas.iter().map(String::as_str);
        Some(with_nearest(error(Code::UnknownSchema, place, message), name, known))
    }

    fn report_taken_schema(&mut self, name: &Name) -> bool {
        let is_taken = self.schema.has_schema(&name.text);
        if is_taken {
            let message = format!("schema \"{}\" already exists", name.text);
            self.problem(Code::DuplicateSchema, name.span, message);
        }
        is_taken
    }

    /// Reports the errors of `ALTER SCHEMA … RENAME TO`. Returns whether the statement has an error.
    pub(super) fn report_rename_of_schema(&mut self, from: &Name, to: &Name) -> bool {
        let before = self.problems.len();
        self.report_unknown_schema(&from.text, from.span);
        self.report_taken_schema(to);
        self.problems.len() > before
    }

    fn report_new_relation(&mut self, name: &QualifiedName, if_not_exists: bool) {
        if let Some(schema) = name.schema() {
            self.report_unknown_schema(schema, name.span());
        }
        let schema = self.creation_schema(name);
        if if_not_exists || self.schema.relation(&schema, name.name()).is_some() {
            return;
        }
        if self.has_index(&schema, name.name()) {
            self.report_relation(name.name(), name.span());
        } else if self.schema.user_type(&schema, name.name()).is_some() {
            self.type_exists(name.name(), name.span());
        }
    }

    fn report_new_type(&mut self, name: &QualifiedName) {
        if let Some(schema) = name.schema() {
            self.report_unknown_schema(schema, name.span());
        }
        // The row type of a table has the name of the table.
        let schema = self.creation_schema(name);
        let relation =
            self.schema.relation(&schema, name.name()).and_then(|at| self.schema.relations.get(at));
        if relation.is_some_and(|relation| !relation.is_sequence()) {
            self.type_exists(name.name(), name.span());
        }
    }

    fn report_new_index(&mut self, index: &CreateIndex) {
        let (Some(name), Some(at)) = (&index.name, self.find_relation(&index.table)) else { return };
        let schema = self.schema.relations[at].schema.clone();
        if !index.if_not_exists && self.has_relation_or_index(&schema, &name.text) {
            self.report_relation(&name.text, name.span);
        }
    }

    fn report_new_function(&mut self, function: &CreateFunction) {
        if let Some(schema) = function.name.schema() {
            self.report_unknown_schema(schema, function.name.span());
        }
        let schema = self.creation_schema(&function.name);
        let is_it = |at: usize| self.schema.functions.get(at).is_some_and(|it| it.schema == schema);
        let known = self.functions_meant(&function.name, Some(function.parameters.as_slice()));
        if !function.or_replace && known.into_iter().any(is_it) {
            let message =
                format!("function \"{}\" already exists with same argument types", function.name.name());
            self.problem(Code::DuplicateFunction, function.name.span(), message);
        }
    }

    /// Reports the constraints of a new table whose names are taken. For a table with parents, nothing is reported,
    /// because one of its constraints may be the same as a constraint of a parent.
    fn report_constraints_of(&mut self, table: &CreateTable) {
        if !table.inherits.is_empty() || table.partition_of.is_some() || table.of_type.is_some() {
            return;
        }
        let schema = self.creation_schema(&table.name);
        let mut names: Vec<&str> = Vec::new();
        for element in &table.elements {
            let constraints = match element {
                TableElement::Column(column) => column.constraints.as_slice(),
                TableElement::Constraint(constraint) => std::slice::from_ref(constraint),
                TableElement::Like { .. } => continue,
            };
            for constraint in constraints {
                let Some(name) = name_of(constraint) else { continue };
                let is_repeated = names.contains(&name.text.as_str());
                names.push(&name.text);
                if is_key(constraint) {
                    if is_repeated || self.has_relation_or_index(&schema, &name.text) {
                        self.report_relation(&name.text, name.span);
                    }
                } else if is_repeated {
                    let message = match constraint.kind {
                        ConstraintKind::Check { .. } => {
                            format!("check constraint \"{}\" already exists", name.text)
                        }
                        _ => constraint_exists(&name.text, table.name.name()),
                    };
                    self.problem(Code::DuplicateObject, name.span, message);
                }
            }
        }
    }

    /// Reports names in an action of ALTER TABLE that are taken or do not exist. Returns `true` if a new name is taken;
    /// such an action has no effect.
    pub(super) fn report_names_of_action(&mut self, at: usize, action: &AlterAction) -> bool {
        let Some(relation) = self.schema.relations.get(at) else { return false };
        let found = self.names_of_action(relation, action);
        let is_of_taken =
            |code| matches!(code, Code::DuplicateTable | Code::DuplicateColumn | Code::DuplicateObject);
        let is_taken = found.iter().any(|error| is_of_taken(error.code));
        self.problems.extend(found);
        is_taken
    }

    fn names_of_action(&self, relation: &Relation, action: &AlterAction) -> Vec<Diagnostic> {
        let (table, schema) = (relation.name.as_str(), relation.schema.as_str());
        match action {
            AlterAction::AddColumn { column, .. } if relation.column(&column.name.text).is_none() => {
                column.constraints.iter().filter_map(|it| self.taken_constraint(relation, it)).collect()
            }
            AlterAction::AddConstraint(constraint) => {
                self.taken_constraint(relation, constraint).into_iter().collect()
            }
            AlterAction::DropConstraint { name, if_exists: false }
            | AlterAction::ValidateConstraint(name) => {
                unknown_constraint(relation, name, "of relation").into_iter().collect()
            }
            AlterAction::RenameConstraint { from, to } => {
                let taken = has_named_constraint(relation, &to.text)
                    .then(|| error(Code::DuplicateObject, to.span, constraint_exists(&to.text, table)));
                unknown_constraint(relation, from, "for table").into_iter().chain(taken).collect()
            }
            AlterAction::Rename(name) if self.has_relation_or_index(schema, &name.text) => {
                vec![relation_exists(&name.text, name.span)]
            }
            AlterAction::RenameColumn { from, to } if relation.column(&from.text).is_some() => {
                let taken = relation.column(&to.text).is_some().then(|| {
                    let message = format!("column \"{}\" of relation \"{table}\" already exists", to.text);
                    error(Code::DuplicateColumn, to.span, message)
                });
                taken.into_iter().collect()
            }
            AlterAction::SetSchema(to) => {
                let is_taken = to.text != schema && self.has_relation_or_index(&to.text, table);
                let taken = is_taken.then(|| {
                    let message = format!("relation \"{table}\" already exists in schema \"{}\"", to.text);
                    error(Code::DuplicateTable, to.span, message)
                });
                self.unknown_schema(&to.text, to.span).into_iter().chain(taken).collect()
            }
            _ => Vec::new(),
        }
    }

    fn taken_constraint(&self, relation: &Relation, constraint: &Constraint) -> Option<Diagnostic> {
        let name = name_of(constraint)?;
        if is_key(constraint) && self.has_relation_or_index(&relation.schema, &name.text) {
            return Some(relation_exists(&name.text, name.span));
        }
        // The constraint of a child table may have the name of a constraint of its parent.
        let may_repeat = !relation.parents.is_empty() || relation.has_children;
        (has_named_constraint(relation, &name.text) && !may_repeat)
            .then(|| error(Code::DuplicateObject, name.span, constraint_exists(&name.text, &relation.name)))
    }

    /// Reports an error if the new name of an index is already taken.
    pub(super) fn report_taken_index(&mut self, index: &str, new: &Name) {
        let of_index = |it: &&NamedIndex| it.name == index && it.exists == Some(true);
        let table = self.schema.indexes.iter().find(of_index).and_then(|it| it.table);
        let schema = table.and_then(|at| self.schema.relations.get(at)).map(|it| it.schema.clone());
        if self.reports_names && schema.is_some_and(|schema| self.has_relation_or_index(&schema, &new.text)) {
            self.report_relation(&new.text, new.span);
        }
    }

    /// Reports an index that does not exist. `code` is the error's code, and `kind` is the word for the kind of object
    /// in PostgreSQL's message.
    pub(super) fn report_unknown_index(&mut self, name: &QualifiedName, code: Code, kind: &str) {
        let may_exist = |it: &NamedIndex| it.name == name.name() && it.exists != Some(false);
        let is_key = |it: &Relation| it.keys.iter().any(|key| key.name.as_deref() == Some(name.name()));
        let is_chosen = ["_idx", "_key", "_pkey", "_excl"];
        let is_chosen = is_chosen.iter().any(|end| without_number(name.name()).ends_with(end));
        if !self.reports_names
            || is_chosen
            || self.schema.indexes.iter().any(may_exist)
            || self.schema.existing_relations().any(is_key)
            || self.find_relation(name).is_some()
            || self.schema.has_unknown_extension
        {
            return;
        }
        let message = format!("{kind} \"{}\" does not exist", name.display());
        let exist = self.schema.indexes.iter().filter(|it| it.exists == Some(true));
        let known = exist.map(|it| it.name.as_str());
        let error = with_nearest(error(code, name.span(), message), name.name(), known);
        self.problems.push(error);
    }

    pub(super) fn report_unknown_type(&mut self, name: &QualifiedName) {
        let is_builtin = name.schema().is_some_and(|it| it == "pg_catalog")
            || (self.resolver.is_builtin_type)(name.name());
        if !self.reports_names || is_builtin || self.schema.has_unknown_extension {
            return;
        }
        let message = format!("type \"{}\" does not exist", name.display());
        let known = self.schema.type_names.all().map(|(_, name, _)| name);
        let error = with_nearest(error(Code::UnknownType, name.span(), message), name.name(), known);
        self.problems.push(error);
    }

    /// Reports the name in a DROP that does not list the function's parameters, if no function has this name.
    pub(super) fn report_unknown_function(&mut self, name: &QualifiedName, has_parameters: bool) {
        let is_known = self.schema.functions.iter().any(|it| it.definition.name.name() == name.name());
        if !self.reports_names || has_parameters || is_known || self.schema.has_unknown_extension {
            return;
        }
        let message = format!("could not find a function named \"{}\"", name.display());
        let known = self.schema.functions.iter().map(|it| it.definition.name.name());
        let error = with_nearest(error(Code::UnknownFunction, name.span(), message), name.name(), known);
        self.problems.push(error);
    }

    /// If DROP is for another kind of relation (`DROP TABLE v`, where `v` is a view), reports the error and returns
    /// `true`.
    pub(super) fn is_other_kind(&mut self, at: usize, object: ObjectKind, name: &QualifiedName) -> bool {
        let Some(relation) = self.schema.relations.get(at).filter(|_| self.reports_names) else {
            return false;
        };
        let kind = match &relation.kind {
            RelationKind::Table | RelationKind::TableAs(..) if object == ObjectKind::ForeignTable => object,
            RelationKind::Table | RelationKind::TableAs(..) => ObjectKind::Table,
            RelationKind::View(..) if relation.materialized => ObjectKind::MaterializedView,
            RelationKind::View(..) => ObjectKind::View,
            RelationKind::Sequence => ObjectKind::Sequence,
        };
        if kind == object {
            return false;
        }
        let article = if object == ObjectKind::Index { "an" } else { "a" };
        let message = format!("\"{}\" is not {article} {}", name.name(), words_of(object));
        let hint = format!("write DROP {} to remove it", words_of(kind).to_uppercase());
        self.problems.push(Diagnostic::error(Code::WrongObjectType, name.span(), message).with_hint(hint));
        true
    }

    fn report_relation(&mut self, name: &str, place: Span) {
        self.problems.push(relation_exists(name, place));
    }

    pub(super) fn type_exists(&mut self, name: &str, place: Span) {
        self.problem(Code::DuplicateObject, place, format!("type \"{name}\" already exists"));
    }

    fn has_relation_or_index(&self, schema: &str, name: &str) -> bool {
        self.schema.relation(schema, name).is_some() || self.has_index(schema, name)
    }

    /// Whether an index of this name certainly exists: an index whose name is in a CREATE INDEX, or the index of a
    /// constraint with a written name.
    fn has_index(&self, schema: &str, name: &str) -> bool {
        let is_in_schema = |at: usize| {
            self.schema.relations.get(at).is_some_and(|it| it.schema == schema) && self.schema.exists(at)
        };
        let is_index = |it: &NamedIndex| {
            it.name == name && it.exists == Some(true) && it.table.is_some_and(is_in_schema)
        };
        let is_key = |it: &Relation| {
            it.schema == schema
                && it
                    .keys
                    .iter()
                    .any(|key| key.constraint && key.is_named && key.name.as_deref() == Some(name))
        };
        self.schema.indexes.iter().any(is_index) || self.schema.existing_relations().any(is_key)
    }

    pub(super) fn add_named_index(&mut self, table: usize, index: &CreateIndex) {
        let Some(name) = &index.name else { return };
        let elements = index.elements.iter().chain(&index.include).map(|it| &it.expr);
        let columns = elements.chain(&index.filter).flat_map(columns_of).collect();
        let name = name.text.clone();
        self.schema.indexes.push(NamedIndex { name, table: Some(table), columns, exists: Some(true) });
    }

    pub(super) fn forget_index(&mut self, name: &str) {
        self.schema.indexes.iter_mut().filter(|it| it.name == name).for_each(|it| it.exists = Some(false));
    }

    pub(super) fn drop_indexes_of_column(&mut self, table: usize, column: &str) {
        let is_of_column =
            |it: &&mut NamedIndex| it.table == Some(table) && it.columns.iter().any(|name| name == column);
        self.schema.indexes.iter_mut().filter(is_of_column).for_each(|it| it.exists = Some(false));
    }

    pub(super) fn rename_column_of_indexes(&mut self, table: usize, from: &str, to: &str) {
        let of_table = self.schema.indexes.iter_mut().filter(|it| it.table == Some(table));
        let columns = of_table.flat_map(|it| &mut it.columns).filter(|column| *column == from);
        columns.for_each(|column| to.clone_into(column));
    }

    /// After a DROP with CASCADE, it is not known which indexes exist, because an index may depend on a dropped type or
    /// function.
    pub(super) fn doubt_indexes(&mut self) {
        let existing = self.schema.indexes.iter_mut().filter(|it| it.exists == Some(true));
        existing.for_each(|it| it.exists = None);
    }
}

/// Returns the name of the constraint that the statement creates, if the statement contains a name. A constraint that
/// takes over an index of the same name does not count.
fn name_of(constraint: &Constraint) -> Option<&Name> {
    let has_name = match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => !uses_index(key, constraint),
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) | ConstraintKind::Exclude(_) => true,
        _ => false,
    };
    constraint.name.as_ref().filter(|_| has_name)
}

/// Whether a constraint takes over an index that has the same name.
fn uses_index(key: &KeyConstraint, constraint: &Constraint) -> bool {
    let name = constraint.name.as_ref().map(|name| &name.text);
    key.index.as_ref().is_some_and(|index| name == Some(&index.text))
}

fn is_key(constraint: &Constraint) -> bool {
    matches!(
        constraint.kind,
        ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) | ConstraintKind::Exclude(_)
    )
}

/// Whether a table has a constraint with this name. If the name of a check with this name is only a guess, the result
/// is `false`.
fn has_named_constraint(relation: &Relation, name: &str) -> bool {
    relation.has_constraint(name) && !relation.checks.iter().any(|check| check.is_guess && check.name == name)
}

fn constraint_exists(name: &str, table: &str) -> String {
    format!("constraint \"{name}\" for relation \"{table}\" already exists")
}

fn without_number(name: &str) -> &str {
    name.trim_end_matches(|last: char| last.is_ascii_digit())
}

fn error(code: Code, place: Span, message: String) -> Diagnostic {
    Diagnostic::error(code, place, message)
}

fn relation_exists(name: &str, place: Span) -> Diagnostic {
    error(Code::DuplicateTable, place, format!("relation \"{name}\" already exists"))
}

/// Returns the error about a constraint that the table does not have. `before` contains the words of PostgreSQL's
/// message before the name of the table.
fn unknown_constraint(relation: &Relation, name: &Name, before: &str) -> Option<Diagnostic> {
    let may_be_chosen = CHOSEN.iter().any(|end| without_number(&name.text).ends_with(end));
    if may_be_chosen || relation.has_constraint(&name.text) || !matches!(relation.kind, RelationKind::Table) {
        return None;
    }
    let message = format!("constraint \"{}\" {before} \"{}\" does not exist", name.text, relation.name);
    let error = error(Code::UnknownObject, name.span, message);
    Some(with_nearest(error, &name.text, relation.constraint_names()))
}

fn with_nearest<'n>(
    mut error: Diagnostic,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    error.hint = nearest(name, known).map(|near| format!("did you mean {near}?"));
    error
}
