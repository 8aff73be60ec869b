//! Makes range table entries of tables and views, and finds the columns of composite types.
//!
//! Input: a name in `FROM` or after `INTO`. Output: the columns of the relation with their types; for a view, also the
//! view's query, analyzed by the same rules.

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR};
use super::namespace_item::NamespaceItem;
use super::tree::{Query, Reference, Rte, RteColumn, RteSource};
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::schema::{Dialect, Relation, RelationKind, TEMPORARY, UserTypeKind};
use crate::source::Span;
use crate::syntax::ast::{Name, QualifiedName};
use std::rc::Rc;

/// The maximum number of nested views.
const MAX_VIEWS: usize = 2_000;

impl<'a> Analyzer<'a> {
    /// Returns the number of a relation of the schema, found by the search path.
    pub(super) fn find_user_relation(&self, name: &QualifiedName) -> Option<usize> {
        let catalog = self.catalog;
        match name.schema() {
            Some(namespace) => catalog.relation(namespace, name.name()),
            None => {
                let path = [TEMPORARY].into_iter().chain(catalog.path.iter().map(String::as_str));
                path.into_iter().find_map(|namespace| catalog.relation(namespace, name.name()))
            }
        }
    }

    /// Opens a table or view for reading. Reports an error if the relation does not exist.
    pub(super) fn open_relation(&mut self, name: &QualifiedName) -> Option<(Rte, Option<usize>)> {
        // `pg_catalog` is searched first, as in PostgreSQL.
        if name.schema().is_none_or(|schema| schema == "pg_catalog" || schema == "information_schema") {
            let schema = name.schema().unwrap_or("pg_catalog");
            if let Some(found) = builtin::relation(schema, name.name()) {
                self.collations.meet_name();
                return Some((builtin_relation(found, name.name()), None));
            }
        }
        if name.schema() == Some("sys")
            && self.catalog.schema.dialect == Dialect::Dsql
            && let Some(columns) = builtin::dsql_relation(name.name())
        {
            let column = |(name, ty): &(&str, Oid)| RteColumn { name: (*name).into(), ty: *ty, typmod: -1 };
            let columns = columns.iter().map(column).collect();
            return Some((Rte { name: name.name().to_owned(), columns, source: RteSource::Nullable }, None));
        }
        match self.find_user_relation(name) {
            Some(at) => {
                self.note_table(at);
                let rte = self.relation_rte(at);
                // The range table entry keeps the name as the query contains it. In a view's query, the written name
                // may be an older name of the relation.
                Some((Rte { name: name.name().to_owned(), ..rte }, Some(at)))
            }
            None => {
                self.missing_table(name);
                None
            }
        }
    }

    fn note_table(&mut self, at: usize) {
        let relation = &self.catalog.schema.relations[at];
        let name = if relation.schema == "public" {
            relation.name.clone()
        } else {
            format!("{}.{}", relation.schema, relation.name)
        };
        if !self.table_names.contains(&name) {
            self.table_names.push(name);
        }
    }

    fn missing_table(&mut self, name: &QualifiedName) {
        let schema = self.catalog.schema;
        if let Some(namespace) = name.schema()
            && !schema.has_schema(namespace)
            && namespace != "pg_catalog"
            && namespace != "information_schema"
            && !schema.existing_relations().any(|relation| relation.schema == namespace)
        {
            let message = format!("relation \"{}\" does not exist", name.display());
            let hint = format!("{} has no schema \"{namespace}\"", schema.origin.name());
            self.report(Diagnostic::error(Code::UnknownTable, name.span(), message).with_hint(hint));
            return;
        }
        if self.is_composite(name) {
            let message = format!("cannot open relation \"{}\"", name.name());
            let diagnostic = Diagnostic::error(Code::WrongObjectType, name.span(), message)
                .with_detail("This operation is not supported for composite types.");
            return self.report(diagnostic);
        }
        let message = format!("relation \"{}\" does not exist", name.display());
        let mut diagnostic = Diagnostic::error(Code::UnknownTable, name.span(), message);
        let elsewhere = schema.existing_relations().find(|relation| relation.name == name.name());
        let names = schema.existing_relations().map(|relation| relation.name.as_str());
        // A sequence can be read like a table, but is rarely meant.
        let is_sequence = |relation: &Relation| matches!(relation.kind, RelationKind::Sequence);
        let tables = || schema.existing_relations().filter(|relation| !is_sequence(relation));
        if name.schema().is_none() && name.name() == "dual" {
            diagnostic = diagnostic.with_hint("leave FROM dual out: SELECT needs no FROM");
        } else if let Some(relation) = elsewhere.filter(|_| name.schema().is_none()) {
            diagnostic = diagnostic.with_hint(format!("there is {}.{}", relation.schema, relation.name));
        } else if let Some(nearest) = suggestion::nearest(name.name(), names) {
            diagnostic = diagnostic.with_hint(format!("did you mean {nearest}?"));
        } else if tables().next().is_none() {
            diagnostic = diagnostic.with_hint(schema.origin.without_tables());
        } else if tables().count() <= 12 {
            let written = |relation: &Relation| match schema.search_path.contains(&relation.schema) {
                true => relation.name.clone(),
                false => format!("{}.{}", relation.schema, relation.name),
            };
            let names: Vec<String> = tables().map(written).collect();
            diagnostic = diagnostic.with_hint(format!("the tables are {}", names.join(", ")));
        } else {
            diagnostic = diagnostic.with_hint(schema.origin.if_new());
        }
        self.report(diagnostic);
    }

    /// Whether the name refers to a composite type. A composite type is in `pg_class`, but has no rows.
    fn is_composite(&self, name: &QualifiedName) -> bool {
        let find = |schema: &str| self.catalog.user_type(schema, name.name());
        let found = match name.schema() {
            Some(schema) => find(schema),
            None => self.catalog.path.iter().find_map(|schema| find(schema)),
        };
        let kind = found.and_then(|at| self.catalog.schema.types.get(at)).map(|it| &it.kind);
        matches!(kind, Some(UserTypeKind::Composite(_)))
    }

    /// Returns a relation of the schema as a range table entry.
    pub(super) fn relation_rte(&mut self, at: usize) -> Rte {
        let relation = &self.catalog.schema.relations[at];
        let name = relation.name.clone();
        match &relation.kind {
            RelationKind::Table => {
                // The expressions of the relation's policies (row level security) are not known here, so the policies
                // may call any function.
                if relation.row_security {
                    self.calls_unknown();
                }
                self.table_rte(at, relation)
            }
            RelationKind::Sequence => Rte {
                name,
                columns: [("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)]
                    .map(|(name, ty)| RteColumn { name: name.into(), ty, typmod: -1 })
                    .to_vec(),
                source: RteSource::Table {
                    relation: None,
                    columns_of: None,
                    not_null: vec![true; 3],
                    // A key without columns means that the relation, a sequence, has exactly one row.
                    keys: vec![Vec::new()],
                    references: Vec::new(),
                    sampled: false,
                },
            },
            RelationKind::View(..) | RelationKind::TableAs(..) => {
                let not_view = matches!(relation.kind, RelationKind::TableAs(..));
                let Some(query) = self.view_query(at) else {
                    return Rte { name, columns: Vec::new(), source: RteSource::Nullable };
                };
                let mut columns: Vec<RteColumn> = query
                    .targets
                    .iter()
                    .map(|target| RteColumn {
                        name: target.name.of_database(),
                        ty: target.node.ty,
                        typmod: target.node.typmod,
                    })
                    .collect();
                let renamed = relation.renamed_columns.iter();
                for (_, from, to) in renamed.filter(|(changed, ..)| *changed <= self.catalog.version) {
                    if let Some(column) = columns.iter_mut().find(|it| it.name.as_str() == from) {
                        column.name = to.clone().into();
                    }
                }
                let replaced = relation.replaced.iter().find(|(changed, _)| *changed > self.catalog.version);
                if let Some((_, count)) = replaced {
                    columns.truncate(*count);
                }
                let source = if not_view {
                    RteSource::Nullable
                } else {
                    RteSource::Subquery { query, view: Some(at) }
                };
                Rte { name, columns, source }
            }
        }
    }

    fn table_rte(&mut self, at: usize, relation: &Relation) -> Rte {
        for collation in relation.columns.iter().filter_map(|column| column.collation.as_deref()) {
            self.collations.named(collation);
        }
        let mut columns = Vec::with_capacity(relation.columns.len());
        let mut not_null = Vec::with_capacity(relation.columns.len());
        let version = self.catalog.version;
        let present = relation.columns.iter().take_while(|column| column.added <= version);
        for column in present {
            let (ty, typmod) = match self.catalog.resolve_stored(&column.type_name) {
                Ok(found) => found,
                Err(_) => (ERROR, -1),
            };
            if ty == ERROR {
                self.broken_columns.push((
                    relation.name.clone(),
                    column.name.clone(),
                    column.type_name.name.display(),
                ));
            }
            // The type of a column does not prove that the column is not NULL, even if the type is a NOT NULL domain: a
            // subquery without rows can store NULL in such a column (PostgreSQL's CREATE DOMAIN, Notes).
            not_null.push(column.not_null || relation.checked_not_null(&column.name));
            columns.push(RteColumn { name: column.name_at(version).to_owned().into(), ty, typmod });
        }
        let keys = relation
            .keys
            .iter()
            .filter(|key| !key.partial && !key.deferrable && !relation.has_children)
            .filter_map(|key| {
                key.columns
                    .iter()
                    .map(|name| relation.columns.iter().position(|column| column.name == *name))
                    .collect()
            })
            .collect();
        // A column is NOT NULL only if it is NOT NULL in each child table too, because a query of this table also
        // returns the rows of its child tables.
        for child in self.catalog.schema.descendants(at) {
            let child = &self.catalog.schema.relations[child];
            for (column, not_null) in relation.columns.iter().zip(&mut not_null) {
                *not_null &= child
                    .column(&column.name)
                    .is_some_and(|it| it.not_null || child.checked_not_null(&it.name));
            }
        }
        let references = self.references(relation);
        Rte {
            name: relation.name.clone(),
            columns,
            source: RteSource::Table {
                relation: Some(at),
                columns_of: Some(at),
                not_null,
                keys,
                references,
                sampled: relation.row_security,
            },
        }
    }

    /// Returns the foreign keys of a table that hold for all rows that a query of the table returns.
    fn references(&self, relation: &Relation) -> Vec<Reference> {
        let number = |table: &Relation, names: &[String]| -> Option<Vec<usize>> {
            names.iter().map(|name| table.columns.iter().position(|column| column.name == *name)).collect()
        };
        // A foreign key does not apply to the rows of child tables.
        let keys = relation.foreign_keys.iter().filter(|key| key.proves() && !relation.has_children);
        keys.filter_map(|key| {
            let other = self.catalog.schema.relations.get(key.table)?;
            // A dropped table keeps its index, but cannot be found by its name.
            let known = self.catalog.schema.relation(&other.schema, &other.name) == Some(key.table);
            let (columns, referenced) = (number(relation, &key.columns)?, number(other, &key.referenced)?);
            let whole = known && !columns.is_empty() && columns.len() == referenced.len();
            whole.then_some(Reference { columns, relation: key.table, referenced })
        })
        .collect()
    }

    /// Returns the column numbers of a table's primary key; `None` if the key is deferrable or does not exist.
    pub(super) fn primary_key(&self, relation: usize) -> Option<Vec<usize>> {
        let relation = &self.catalog.schema.relations[relation];
        // Before COMMIT, rows may violate a deferrable key: `get_primary_key_attnos`.
        let key = relation.keys.iter().find(|key| key.primary && !key.deferrable)?;
        key.columns
            .iter()
            .map(|name| relation.columns.iter().position(|column| column.name == *name))
            .collect()
    }

    /// Returns the analyzed query of a view or of a `CREATE TABLE AS`. The query is analyzed only once. An error in the
    /// query is reported at the name of the view in the query that uses the view.
    pub(super) fn view_query(&mut self, at: usize) -> Option<Rc<Query>> {
        if let Some(known) = self.views.get(&at) {
            return known.clone();
        }
        // PostgreSQL does not allow a view that reads itself, but a broken snapshot must not cause a loop.
        self.views.insert(at, None);
        let relation = &self.catalog.schema.relations[at];
        let (RelationKind::View(definition, names) | RelationKind::TableAs(definition, names)) =
            &relation.kind
        else {
            return None;
        };
        if self.views_above >= MAX_VIEWS {
            let message = format!("views are nested more than {MAX_VIEWS} levels deep: simplify them");
            self.report(Diagnostic::error(Code::TooComplex, Span::default(), message));
            return None;
        }
        let mut inner = Analyzer::new(self.catalog.at(&relation.created));
        inner.views_above = self.views_above + 1;
        inner.views = std::mem::take(&mut self.views);
        inner.collations = std::mem::take(&mut self.collations);
        let query = inner.query(definition, None);
        let mut query = inner.settle_unknown(query);
        self.writes |= inner.writes;
        self.session = self.session.max(inner.session);
        self.views = std::mem::take(&mut inner.views);
        self.collations = std::mem::take(&mut inner.collations);
        for (target, name) in query.targets.iter_mut().zip(names) {
            target.name = name.text.clone().into();
        }
        if let Some(error) = inner.diagnostics.errors().next() {
            self.broken_views.push((relation.name.clone(), error.message.clone()));
            return None;
        }
        let query = Rc::new(query);
        self.views.insert(at, Some(query.clone()));
        Some(query)
    }

    /// Reports that a view could not be analyzed; the span is the view's name in the query that uses the view.
    pub(super) fn report_broken(&mut self, relation: &str, name: &Name) {
        if let Some((_, message)) = self.broken_views.iter().find(|(view, _)| view == relation) {
            let message = format!("the view \"{relation}\" cannot be analyzed: {message}");
            let diagnostic = Diagnostic::error(Code::NotSupportedYet, name.span, message).with_hint(
                "use sql_unchecked!, which sends the statement unchanged; you write the types of its columns",
            );
            self.report(diagnostic);
        }
    }

    /// Returns the type of a whole row of a namespace item: the named type, if there is one. Otherwise, returns
    /// `record`, or [`ERROR`] for an item with one column: the row of a scalar function is the value itself.
    pub(super) fn row_type_of(&self, item: &NamespaceItem) -> Oid {
        match item.row_type {
            Some(found) => found,
            None if item.columns.len() == 1 => ERROR,
            None => oid::RECORD,
        }
    }

    /// Returns the columns of a composite type: a type of the schema, the row type of a relation, or a built-in type.
    pub(super) fn composite_columns(&mut self, type_oid: Oid) -> Vec<RteColumn> {
        if let Some(at) = Catalog::relation_of(type_oid) {
            return self.relation_rte(at).columns;
        }
        if let Some(UserTypeKind::Composite(fields)) = self.catalog.user_kind(type_oid) {
            return fields
                .iter()
                .map(|(name, written)| {
                    let (ty, typmod) = self.catalog.resolve_stored(written).unwrap_or((ERROR, -1));
                    RteColumn { name: name.clone().into(), ty, typmod }
                })
                .collect();
        }
        let relation = builtin::type_by_oid(type_oid).and_then(|found| {
            let (schema, name) = found.relid_name.split_once('.')?;
            builtin::relation(schema, name)
        });
        relation.map_or_else(Vec::new, |found| builtin_relation(found, "").columns)
    }
}

fn builtin_relation(found: builtin::Relation, name: &str) -> Rte {
    let columns: Vec<RteColumn> = found
        .columns()
        .map(|column| RteColumn { name: column.name.into(), ty: column.type_oid, typmod: -1 })
        .collect();
    let not_null = found.columns().map(|column| column.not_null).collect();
    Rte {
        name: name.to_owned(),
        columns,
        source: RteSource::Table {
            relation: None,
            columns_of: None,
            not_null,
            keys: Vec::new(),
            references: Vec::new(),
            sampled: false,
        },
    }
}
