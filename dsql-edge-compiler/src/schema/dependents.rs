//! Reports a DROP without CASCADE that PostgreSQL rejects, because other objects depend on the dropped object
//! (`reportDependentObjects`).
//!
//! Input: the statement, and the schema before it. Output: PostgreSQL's errors. Only dependencies that certainly exist
//! are reported: those of foreign keys, of child tables, of the queries of views, of generated columns, of the types of
//! columns and domains, of constraints on their indexes, and of a schema's relations.

use super::check::columns as columns_of;
use super::drop::{Object, depends_on, is_type};
use super::fold::Fold;
use super::{Key, Relation, RelationKind, TEMPORARY};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{AlterAction, AlterTable, Drop, Name, ObjectKind, QualifiedName, StatementKind};

/// An object that depends on another object.
struct Dependent {
    /// The object, as PostgreSQL describes it: `view v`.
    object: String,
    /// The object on which it depends: `table t`.
    on: String,
    /// The statement that removes the dependency.
    remedy: String,
}

/// A search for the objects that depend on the objects that a statement drops.
struct Search<'f> {
    fold: &'f Fold,
    /// Whether the columns and constraints of the table with this name are not certain.
    is_uncertain: &'f dyn Fn(&str) -> bool,
}

impl Fold {
    pub(super) fn rejected_drops(
        &self,
        statement: &StatementKind,
        is_uncertain: &dyn Fn(&str) -> bool,
    ) -> Vec<Diagnostic> {
        if !self.reports_names || !self.is_followed() {
            return Vec::new();
        }
        let search = Search { fold: self, is_uncertain };
        match statement {
            StatementKind::Drop(drop) if !drop.cascade => match drop.object {
                ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView => {
                    search.of_relations(drop)
                }
                ObjectKind::Type | ObjectKind::Domain => search.of_types(drop),
                ObjectKind::Index => drop.names.iter().filter_map(|name| search.of_index(name)).collect(),
                ObjectKind::Schema => drop.names.iter().filter_map(|name| search.of_schema(name)).collect(),
                _ => Vec::new(),
            },
            StatementKind::AlterTable(alter) if alter.object == ObjectKind::Table => search.of_columns(alter),
            _ => Vec::new(),
        }
    }
}

impl Search<'_> {
    /// Returns the existing relations that are not in `dropped`, each with its index.
    fn relations(&self, dropped: &[usize]) -> impl Iterator<Item = (usize, &Relation)> {
        let relations = self.fold.schema.relations.iter().enumerate();
        relations.filter(move |(at, _)| !dropped.contains(at) && self.fold.schema.exists(*at))
    }

    /// Returns the existing tables that are not in `dropped`, and whose constraints and columns are certain.
    fn certain_tables(&self, dropped: &[usize]) -> impl Iterator<Item = (usize, &Relation)> {
        let is_table = |relation: &Relation| matches!(relation.kind, RelationKind::Table);
        self.relations(dropped).filter(move |(_, it)| is_table(it) && !(self.is_uncertain)(&it.name))
    }

    fn of_relations(&self, drop: &Drop) -> Vec<Diagnostic> {
        let object_kind = |relation: &Relation| match relation.kind {
            RelationKind::Table | RelationKind::TableAs(..) => Some(ObjectKind::Table),
            RelationKind::View(..) if relation.materialized => Some(ObjectKind::MaterializedView),
            RelationKind::View(..) => Some(ObjectKind::View),
            RelationKind::Sequence => None,
        };
        let is_of_kind = |at: &usize| object_kind(&self.fold.schema.relations[*at]) == Some(drop.object);
        let find = |name: &QualifiedName| self.fold.find_relation(name).filter(is_of_kind);
        let mut dropped: Vec<usize> = drop.names.iter().filter_map(find).collect();
        let partitions: Vec<usize> = dropped.iter().flat_map(|at| self.fold.partitions(*at)).collect();
        dropped.extend(partitions);
        let of_name = |name: &QualifiedName| {
            let at = find(name)?;
            let described = self.described(&self.fold.schema.relations[at]);
            let dependents = self.dependents_of_relation(at, &described, &dropped);
            rejected(&described, name.span(), &dependents)
        };
        drop.names.iter().filter_map(of_name).collect()
    }

    fn dependents_of_relation(&self, at: usize, on: &str, dropped: &[usize]) -> Vec<Dependent> {
        let mut found = Vec::new();
        for (_, relation) in self.certain_tables(dropped) {
            let keys = relation.foreign_keys.iter().filter(|key| key.table == at);
            found.extend(keys.map(|key| self.foreign_key(relation, &key.name, on)));
        }
        for (_, relation) in self.relations(dropped) {
            let is_child = relation.parents.contains(&at) && !relation.is_sequence();
            let reads = relation.is_view() && depends_on(&self.fold.schema, relation, Object::Relation(at));
            if is_child || reads {
                found.push(self.relation(relation, on));
            }
        }
        found
    }

    fn of_columns(&self, alter: &AlterTable) -> Vec<Diagnostic> {
        let Some(at) = self.fold.find_relation(&alter.name) else { return Vec::new() };
        let relation = &self.fold.schema.relations[at];
        let of_action = |action: &AlterAction| match action {
            AlterAction::DropColumn { name, cascade: false, .. } if relation.column(&name.text).is_some() => {
                self.of_column(at, relation, name)
            }
            _ => None,
        };
        alter.actions.iter().filter_map(of_action).collect()
    }

    fn of_column(&self, at: usize, relation: &Relation, name: &Name) -> Option<Diagnostic> {
        let on = format!("column {} of {}", name.text, self.described(relation));
        let mut found = Vec::new();
        for (_, other) in self.certain_tables(&[at]) {
            let refers = |key: &&super::ForeignKey| key.table == at && key.referenced.contains(&name.text);
            let keys = other.foreign_keys.iter().filter(refers);
            found.extend(keys.map(|key| self.foreign_key(other, &key.name, &on)));
        }
        for (view, other) in self.relations(&[]).filter(|(_, it)| it.is_view()) {
            let read = (self.fold.resolver.columns_read)(&self.fold.schema, view);
            if read.iter().any(|(table, column)| *table == at && *column == name.text) {
                found.push(self.relation(other, &on));
            }
        }
        let column = relation.column(&name.text)?;
        for generated in relation.columns.iter().filter(|it| it.generated && it.name != name.text) {
            let Some(computed) = &generated.computed else { continue };
            if columns_of(&computed.expr).iter().any(|it| it == column.name_at(computed.set.version)) {
                let object = format!("column {} of {}", generated.name, self.described(relation));
                let remedy = format!("ALTER TABLE {} DROP COLUMN {}", self.shown(relation), generated.name);
                found.push(Dependent { object, on: on.clone(), remedy });
            }
        }
        rejected(&on, name.span, &found)
    }

    fn of_types(&self, drop: &Drop) -> Vec<Diagnostic> {
        let dropped: Vec<usize> = drop.names.iter().filter_map(|name| self.fold.find_type(name)).collect();
        let of_name = |name: &QualifiedName| {
            let ty = self.fold.schema.types.get(self.fold.find_type(name)?)?;
            let full = [ty.schema.clone(), ty.name.clone()];
            let on = format!("type {}", name.display());
            let mut found = Vec::new();
            for (_, relation) in self.certain_tables(&[]) {
                for column in relation.columns.iter().filter(|column| is_type(&column.type_name, &full)) {
                    let object = format!("column {} of {}", column.name, self.described(relation));
                    let remedy = format!("ALTER TABLE {} DROP COLUMN {}", self.shown(relation), column.name);
                    found.push(Dependent { object, on: on.clone(), remedy });
                }
            }
            for over in self.fold.types_over(&full).into_iter().filter(|at| !dropped.contains(at)) {
                let object = format!("type {}", self.fold.schema.types[over].name);
                let remedy = format!("DROP DOMAIN {}", self.fold.schema.types[over].name);
                found.push(Dependent { object, on: on.clone(), remedy });
            }
            rejected(&on, name.span(), &found)
        };
        drop.names.iter().filter_map(of_name).collect()
    }

    /// Reports an index that belongs to a constraint. The table of the index is searched only in the schema that the
    /// statement names, or in the search path.
    fn of_index(&self, name: &QualifiedName) -> Option<Diagnostic> {
        let is_in_schema = |relation: &Relation| match name.schema() {
            Some(schema) => schema == relation.schema,
            None => relation.schema == TEMPORARY || self.fold.path.contains(&relation.schema),
        };
        let is_it = |key: &Key| key.constraint && key.name.as_deref() == Some(name.name());
        let mut tables = self.certain_tables(&[]).map(|(_, relation)| relation);
        let relation = tables.find(|it| is_in_schema(it) && it.keys.iter().any(is_it))?;
        let constraint = format!("constraint {} on {}", name.name(), self.described(relation));
        let message = format!("cannot drop index {} because {constraint} requires it", name.display());
        let hint = format!(
            "drop the constraint: ALTER TABLE {} DROP CONSTRAINT {}",
            self.shown(relation),
            name.name()
        );
        Some(Diagnostic::error(Code::DependentObjects, name.span(), message).with_hint(hint))
    }

    fn of_schema(&self, name: &QualifiedName) -> Option<Diagnostic> {
        let on = format!("schema {}", name.name());
        let relations = self.relations(&[]).filter(|(_, it)| it.schema == name.name());
        let found: Vec<Dependent> = relations.map(|(_, relation)| self.relation(relation, &on)).collect();
        rejected(&on, name.span(), &found)
    }

    fn foreign_key(&self, relation: &Relation, name: &str, on: &str) -> Dependent {
        Dependent {
            object: format!("constraint {name} on {}", self.described(relation)),
            on: on.to_owned(),
            remedy: format!("ALTER TABLE {} DROP CONSTRAINT {name}", self.shown(relation)),
        }
    }

    fn relation(&self, relation: &Relation, on: &str) -> Dependent {
        Dependent {
            object: self.described(relation),
            on: on.to_owned(),
            remedy: format!("DROP {} {}", kind(relation).to_uppercase(), self.shown(relation)),
        }
    }

    /// Describes a relation as `getObjectDescription` does: `table t`.
    fn described(&self, relation: &Relation) -> String {
        format!("{} {}", kind(relation), self.shown(relation))
    }

    /// Returns the name of a relation, with its schema if the search path does not find it.
    fn shown(&self, relation: &Relation) -> String {
        let part = |text: &str| Name { text: text.to_owned(), span: Span::default() };
        let found = self.fold.find_relation(&QualifiedName { parts: vec![part(&relation.name)] });
        let is_visible = found.and_then(|at| self.fold.schema.relations.get(at));
        match is_visible.is_some_and(|it| it.schema == relation.schema) {
            true => relation.name.clone(),
            false => format!("{}.{}", relation.schema, relation.name),
        }
    }
}

/// Returns PostgreSQL's word for the kind of a relation.
fn kind(relation: &Relation) -> &'static str {
    match relation.kind {
        RelationKind::Table | RelationKind::TableAs(..) => "table",
        RelationKind::View(..) if relation.materialized => "materialized view",
        RelationKind::View(..) => "view",
        RelationKind::Sequence => "sequence",
    }
}

fn rejected(object: &str, place: Span, dependents: &[Dependent]) -> Option<Diagnostic> {
    let first = dependents.first()?;
    let message = format!("cannot drop {object} because other objects depend on it");
    let detail: Vec<String> =
        dependents.iter().map(|it| format!("{} depends on {}", it.object, it.on)).collect();
    let hint = match dependents.len() {
        1 => format!("drop the dependent object first: {}", first.remedy),
        _ => format!(
            "drop the dependent objects first, each with its own statement: {}, for example",
            first.remedy
        ),
    };
    let error = Diagnostic::error(Code::DependentObjects, place, message);
    Some(error.with_detail(detail.join("; ")).with_hint(hint))
}
