//! Applies `DROP`, and drops the dependents with `CASCADE`.
//!
//! Input: the statement. Output: the schema without the dropped objects and, with `CASCADE`, without the objects that
//! depend on them. The dependencies between objects are those that PostgreSQL keeps in `pg_depend`, computed from the
//! schema. A view depends on the relations, functions and types in its query. A name in the query refers to the object
//! that had this name when the view was created. A column depends on the type of its values. A partition or a child
//! table depends on its parent.

use std::collections::BTreeSet;

use super::fold::Fold;
use super::names::Moment;
use super::names_taken::words_of;
use super::{Function, Relation, RelationKind, Schema, UserTypeKind};
use crate::diagnostic::Code;
use crate::syntax::ast::{Drop, Expr, ExprKind, FromItem, ObjectKind, QualifiedName, Query, TypeName};
use crate::syntax::visit::{self, Visit};

/// An object on which other objects can depend, identified by its index in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Relation(usize),
    Type(usize),
    Function(usize),
}

impl Fold {
    pub(super) fn drop_objects(&mut self, drop: Drop) {
        if drop.cascade {
            self.doubt_indexes();
        }
        match drop.object {
            ObjectKind::Operator => return self.drop_operators(&drop),
            ObjectKind::Cast => return self.drop_cast(&drop),
            _ => {}
        }
        // An object of the list may depend on an object before it, and is then dropped with that object.
        let exists = |fold: &Fold, name: &QualifiedName| {
            fold.find_relation(name).is_some() || fold.find_type(name).is_some()
        };
        let existed: Vec<bool> = drop.names.iter().map(|name| exists(self, name)).collect();
        for (at, name) in drop.names.iter().enumerate() {
            let is_gone = existed.get(at) == Some(&true) && !exists(self, name);
            match drop.object {
                _ if is_gone => {}
                ObjectKind::Function => {
                    let parameters = drop.parameters.get(at).and_then(Option::as_deref);
                    let meant = self.functions_meant(name, parameters);
                    if meant.is_empty() && !drop.if_exists {
                        self.report_unknown_function(name, parameters.is_some());
                    }
                    if drop.cascade {
                        let functions = meant.iter().map(|at| Object::Function(*at));
                        self.drop_dependents(functions.collect());
                    } else {
                        self.forget_functions(meant);
                    }
                }
                ObjectKind::Type | ObjectKind::Domain => {
                    let found = self.find_type(name);
                    if let Some(at) = found {
                        if drop.cascade {
                            self.drop_dependents(vec![Object::Type(at)]);
                        }
                        self.forget(Object::Type(at));
                    } else if !drop.if_exists {
                        self.report_unknown_type(name);
                    }
                }
                ObjectKind::Schema if self.has_schema(name.name()) => {
                    self.drop_schema(name.name(), drop.cascade);
                }
                ObjectKind::Schema if drop.if_exists => {}
                ObjectKind::Schema => {
                    let message = format!("schema \"{}\" does not exist", name.name());
                    self.problem(Code::UnknownSchema, name.span(), message);
                }
                ObjectKind::Extension => self.drop_extension(name.name(), drop.cascade),
                ObjectKind::Index => {
                    if !drop.if_exists {
                        self.report_unknown_index(name, Code::UnknownObject, "index");
                    }
                    self.forget_index(name.name());
                    for relation in &mut self.schema.relations {
                        relation.keys.retain(|key| key.name.as_deref() != Some(name.name()));
                    }
                }
                _ => match self.find_relation(name) {
                    Some(at) if self.is_other_kind(at, drop.object, name) => {}
                    Some(at) => {
                        let partitions = self.partitions(at).into_iter().map(Object::Relation);
                        let dropped: Vec<Object> = partitions.chain([Object::Relation(at)]).collect();
                        if drop.cascade {
                            self.drop_dependents(dropped.clone());
                        }
                        dropped.into_iter().for_each(|object| self.forget(object));
                    }
                    None if drop.if_exists => {}
                    None => self.unknown_relation_of_kind(name, words_of(drop.object)),
                },
            }
        }
    }

    /// Whether a schema was created or contains objects: a snapshot may leave CREATE SCHEMA out.
    pub(super) fn has_schema(&self, name: &str) -> bool {
        let schema = &self.schema;
        schema.has_schema(name)
            || schema.relation_names.all().any(|(of, ..)| of == name)
            || schema.type_names.all().any(|(of, ..)| of == name)
            || schema.functions.iter().any(|function| function.schema == name)
    }

    /// Drops a schema; with CASCADE, also its objects. Without CASCADE, PostgreSQL drops only an empty schema.
    pub(super) fn drop_schema(&mut self, name: &str, cascade: bool) {
        self.schema.schemas.retain(|known| known != name);
        if !cascade {
            return;
        }
        let schema = &self.schema;
        let relations = schema.relation_names.all().filter(|(of, ..)| *of == name);
        let mut dropped: Vec<Object> = relations.map(|(.., at)| Object::Relation(at)).collect();
        let types = schema.type_names.all().filter(|(of, ..)| *of == name);
        dropped.extend(types.map(|(.., at)| Object::Type(at)));
        let functions = schema.functions.iter().enumerate().filter(|(_, it)| it.schema == name);
        dropped.extend(functions.map(|(at, _)| Object::Function(at)));
        self.drop_dependents(dropped.clone());
        dropped.into_iter().for_each(|object| self.forget(object));
        self.schema.operators.retain(|it| it.schema != name);
    }

    /// Drops the sequence that belongs to a serial or identity column; with `cascade`, also everything that depends on
    /// the sequence.
    pub(super) fn drop_sequence_of_column(&mut self, table: usize, column: &str, cascade: bool) {
        let relation = self.schema.relations.get(table);
        let Some(sequence) = relation.and_then(|it| it.column(column)?.sequence) else { return };
        if cascade {
            self.drop_dependents(vec![Object::Relation(sequence)]);
        }
        self.forget(Object::Relation(sequence));
    }

    /// Drops the views that may depend on a column that is dropped with CASCADE: views whose query reads the column's
    /// table, and contains the column's name or a `*`.
    pub(super) fn drop_views_of_column(&mut self, table: usize, column: &str) {
        let names_it = |schema: &Schema, view: &Relation| {
            let mut reads = Reads::of(schema, view);
            reads.column = Some(column);
            reads.run(view);
            reads.found.contains(&Object::Relation(table)) && reads.names_column
        };
        let views: Vec<Object> = self.existing(|schema, view| names_it(schema, view));
        if !views.is_empty() {
            self.drop_dependents(views.clone());
            views.into_iter().for_each(|view| self.forget(view));
        }
    }

    /// Drops everything that depends on the objects in `dropped`, directly or indirectly. If `dropped` contains a type
    /// or a function, this object is dropped too.
    pub(super) fn drop_dependents(&mut self, mut dropped: Vec<Object>) {
        let mut at = 0;
        while let Some(object) = dropped.get(at).copied() {
            at += 1;
            self.drop_defaults(object);
            if let Some(name) = self.type_name_of(object) {
                self.drop_columns_of_type(&name);
                let over = self.types_over(&name).into_iter().map(Object::Type);
                let over = over.chain(self.functions_with(&name).into_iter().map(Object::Function));
                dropped.extend(over.filter(|it| !dropped.contains(it)).collect::<Vec<_>>());
            }
            let found = self.existing(|schema, relation| depends_on(schema, relation, object));
            for dependent in found {
                if !dropped.contains(&dependent) {
                    dropped.push(dependent);
                    self.forget(dependent);
                }
            }
        }
        // Types are removed last, because columns and domains find a type by its name.
        let mut functions = Vec::new();
        for object in dropped {
            match object {
                Object::Relation(_) => {}
                Object::Type(_) => self.forget(object),
                Object::Function(at) => functions.push(at),
            }
        }
        self.forget_functions(functions);
    }

    /// Returns the existing relations for which `holds` is true.
    fn existing(&self, holds: impl Fn(&Schema, &Relation) -> bool) -> Vec<Object> {
        let names = self.schema.relation_names.all().map(|(.., at)| at);
        let places: BTreeSet<usize> = names.collect();
        let is_it = |at: &usize| self.schema.relations.get(*at).is_some_and(|it| holds(&self.schema, it));
        places.into_iter().filter(is_it).map(Object::Relation).collect()
    }

    /// Removes the name of an object. The entry of the object stays, so that the indexes of other objects do not
    /// change. `forget_functions` removes functions.
    pub(super) fn forget(&mut self, object: Object) {
        let version = self.schema.version;
        match object {
            Object::Relation(at) => {
                let relation = &self.schema.relations[at];
                self.schema.relation_names.take(version, &relation.schema, &relation.name);
            }
            Object::Type(at) => {
                let ty = &self.schema.types[at];
                self.schema.type_names.take(version, &ty.schema, &ty.name);
            }
            Object::Function(_) => {}
        }
    }

    /// Removes the functions with these indexes, beginning with the highest index, so that the other indexes stay
    /// valid.
    pub(super) fn forget_functions(&mut self, mut places: Vec<usize>) {
        places.sort_unstable();
        places.dedup();
        for at in places.into_iter().rev() {
            self.schema.functions.remove(at);
        }
    }

    /// Returns the partitions of a table and the sequences of its columns. DROP TABLE drops these partitions and
    /// sequences together with the table.
    pub(super) fn partitions(&self, parent: usize) -> Vec<usize> {
        let is_partition = |(_, it): &(usize, &Relation)| {
            (it.partitioned || matches!(it.kind, RelationKind::Sequence)) && it.parents.contains(&parent)
        };
        let own: Vec<usize> =
            self.schema.relations.iter().enumerate().filter(is_partition).map(|(at, _)| at).collect();
        let below: Vec<usize> = own.iter().flat_map(|at| self.partitions(*at)).collect();
        own.into_iter().chain(below).collect()
    }

    /// Returns the schema and the name of a type; for a relation, the schema and the name of its row type.
    fn type_name_of(&self, object: Object) -> Option<[String; 2]> {
        Some(match object {
            Object::Type(at) => {
                let it = self.schema.types.get(at)?;
                [it.schema.clone(), it.name.clone()]
            }
            Object::Relation(at) => {
                let it = self.schema.relations.get(at)?;
                [it.schema.clone(), it.name.clone()]
            }
            Object::Function(_) => return None,
        })
    }

    /// Returns the domains over a type.
    pub(super) fn types_over(&self, name: &[String; 2]) -> Vec<usize> {
        let is_over = |at: &usize| match self.schema.types.get(*at).map(|it| &it.kind) {
            Some(UserTypeKind::Domain { base, .. }) => is_type(base, name),
            _ => false,
        };
        let names = self.schema.type_names.all().map(|(.., at)| at);
        names.collect::<BTreeSet<_>>().into_iter().filter(is_over).collect()
    }

    /// Returns the functions that take or return a type.
    fn functions_with(&self, name: &[String; 2]) -> Vec<usize> {
        let has_it = |function: &Function| {
            let definition = &function.definition;
            let mut types = definition.parameters.iter().map(|it| &it.type_name).chain(&definition.returns);
            types.any(|written| is_type(written, name))
        };
        let functions = self.schema.functions.iter().enumerate();
        functions.filter(|(_, function)| has_it(function)).map(|(at, _)| at).collect()
    }

    fn drop_columns_of_type(&mut self, name: &[String; 2]) {
        for user_type in &mut self.schema.types {
            if let UserTypeKind::Composite(fields) = &mut user_type.kind {
                fields.retain(|(_, written)| !is_type(written, name));
            }
        }
        let names: BTreeSet<usize> = self.schema.relation_names.all().map(|(.., at)| at).collect();
        for table in names {
            let columns = self.schema.relations[table].columns.iter();
            let of_type = columns.filter(|column| is_type(&column.type_name, name));
            let of_type: Vec<String> = of_type.map(|column| column.name.clone()).collect();
            for column in of_type {
                self.drop_views_of_column(table, &column);
                self.schema.relations[table].drop_column(&column);
            }
        }
    }
}

/// Whether `written`, the type of a column or a domain, is the type `name` or an array of the type `name`. The fold
/// stores each type name with its schema.
pub(super) fn is_type(written: &TypeName, name: &[String; 2]) -> bool {
    written.name.parts.iter().map(|part| &part.text).eq(name)
}

pub(super) fn depends_on(schema: &Schema, relation: &Relation, object: Object) -> bool {
    if let Object::Relation(at) = object
        && relation.parents.contains(&at)
    {
        return true;
    }
    if let Object::Type(at) = object
        && relation.of_type == Some(at)
    {
        return true;
    }
    let mut reads = Reads::of(schema, relation);
    reads.run(relation);
    reads.found.contains(&object)
}

/// Collects the objects to which the query of a view refers.
pub(super) struct Reads<'s> {
    schema: &'s Schema,
    version: u32,
    path: &'s [String],
    /// The names of the `WITH` queries. These names are not relations.
    with: Vec<String>,
    pub(super) found: BTreeSet<Object>,
    /// The name of a column to search for. `names_column` becomes true if the query contains a column of this name, or
    /// a `*`.
    column: Option<&'s str>,
    names_column: bool,
}

impl<'s> Reads<'s> {
    fn of(schema: &'s Schema, view: &'s Relation) -> Reads<'s> {
        Reads::at(schema, &view.created)
    }

    /// Makes a collector for an expression. A name in the expression refers to the object that had this name at the
    /// moment `moment`.
    pub(super) fn at(schema: &'s Schema, moment: &'s Moment) -> Reads<'s> {
        Reads {
            schema,
            version: moment.version,
            path: &moment.path,
            with: Vec::new(),
            found: BTreeSet::new(),
            column: None,
            names_column: false,
        }
    }

    fn run(&mut self, view: &'s Relation) {
        if let RelationKind::View(query, _) = &view.kind {
            visit::query(query, self);
        }
    }

    fn find(&self, name: &QualifiedName, find: impl Fn(&str) -> Option<usize>) -> Option<usize> {
        match name.schema() {
            Some(schema) => find(schema),
            None => self.path.iter().find_map(|schema| find(schema)),
        }
    }
}

impl<'s> Visit<'s> for Reads<'s> {
    fn query(&mut self, query: &'s Query) -> bool {
        let names = query.with.iter().flat_map(|with| &with.ctes).map(|cte| cte.name.text.clone());
        self.with.extend(names);
        true
    }

    fn item(&mut self, item: &'s FromItem) -> bool {
        let FromItem::Table { name, .. } = item else { return true };
        if name.schema().is_some() || !self.with.iter().any(|with| with == name.name()) {
            let found = self.find(name, |schema| self.schema.relation_at(self.version, schema, name.name()));
            self.found.extend(found.map(Object::Relation));
        }
        true
    }

    fn expr(&mut self, expr: &'s Expr) {
        match &expr.kind {
            ExprKind::Function(call) => {
                let functions = self.schema.functions.iter().enumerate();
                let is_called = |schema: &str| match call.name.schema() {
                    Some(of) => of == schema,
                    None => self.path.iter().any(|it| it == schema),
                };
                let mut called = functions.filter(|(_, it)| {
                    it.name_at(self.version)
                        .is_some_and(|(schema, name)| name == call.name.name() && is_called(schema))
                });
                // If several functions have this name, the types of the arguments determine the function, and these
                // types are not known in this module.
                if let (Some((at, _)), None) = (called.next(), called.next()) {
                    self.found.insert(Object::Function(at));
                }
            }
            ExprKind::Star(_) => self.names_column = true,
            ExprKind::Column(parts) => {
                self.names_column |= parts.last().is_some_and(|last| Some(last.text.as_str()) == self.column);
            }
            _ => {}
        }
    }

    fn target_type(&mut self, ty: &'s TypeName, _: &'s Expr) {
        let name = &ty.name;
        let found = self.find(name, |schema| self.schema.user_type_at(self.version, schema, name.name()));
        self.found.extend(found.map(Object::Type));
    }
}
