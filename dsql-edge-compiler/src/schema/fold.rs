//! Applies DDL statements, one after the other, to a [`Schema`].
//!
//! Input: parsed statements. Output: the schema after these statements. Owners, grants and comments are skipped,
//! because queries do not depend on them. A statement that contradicts the statements before it is an error.

use super::committed::committed;
use super::error::SchemaError;
use super::key_name::index_column_names;
use super::names::Moment;
use super::nesting::Nesting;
use super::resolver::Resolver;
use super::taint::Taint;
use super::{
    Cast, Key, Operator, Relation, RelationKind, Schema, TEMPORARY, UserType, UserTypeKind, directive,
    is_null_default, misspelt, unfollowed,
};
use crate::diagnostic::suggestion::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Lines, Source, Span};
use crate::syntax::ast::{
    Constraint, ConstraintKind, CreateIndex, CreateView, Expr, ExprKind, NewType, Persistence, QualifiedName,
    Query, Statement, StatementKind, TransactionStatement, TypeName,
};
use crate::syntax::{Parsed, ParsedStatement, both_directions};
use std::collections::HashMap;

/// How deeply domains may be nested (a domain over a domain over a domain …).
pub(super) const MAX_DOMAINS: usize = 32;

impl Schema {
    /// Folds files into an empty schema.
    pub(crate) fn fold<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        dialect: Option<super::Dialect>,
        resolver: Resolver,
    ) -> Result<Schema, Vec<SchemaError>> {
        fold(files, dialect, resolver)
    }
}

fn fold<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    dialect: Option<super::Dialect>,
    resolver: Resolver,
) -> Result<Schema, Vec<SchemaError>> {
    let mut fold = Fold::new(Schema::default(), resolver);
    let mut errors = Vec::new();
    for (file, sql) in files {
        errors.extend(directive::read(&mut fold.schema, file, sql));
        fold.problems.extend(misspelt::of_schema(sql));
        fold.schema.dialect = dialect.unwrap_or(fold.schema.dialect);
        // `SET search_path` takes effect until the end of its file, as if each file ran in a new session.
        fold.path = fold.schema.search_path.clone();
        fold.default_path = fold.path.clone();
        fold.path_after = None;
        fold.prepared.clear();
        let source = Source::script(sql);
        match Parsed::script(&source) {
            Ok(parsed) => {
                fold.problems.extend(both_directions(&parsed));
                fold.script(parsed);
            }
            Err(diagnostic) => fold.problems.push(diagnostic),
        }
        let of_file = |diagnostic| SchemaError { file: file.to_owned(), diagnostic };
        errors.extend(fold.problems.drain(..).map(of_file));
        let lines = Lines::of(sql);
        let taints = fold.unfollowed.iter().map(|it| Taint::of(file, sql, &lines, it.span));
        fold.schema.taints.extend(taints);
        fold.schema.unfollowed.extend(fold.unfollowed.drain(..).map(of_file));
    }
    if errors.is_empty() {
        errors = directive::check(&fold.schema);
    }
    if errors.is_empty() { Ok(fold.schema) } else { Err(errors) }
}

/// A schema that grows: statements are applied one by one, in the order in which they run.
#[derive(Clone)]
pub struct Growth {
    fold: Fold,
}

impl Growth {
    pub(crate) fn with(schema: Schema, resolver: Resolver) -> Growth {
        let path = schema.search_path.clone();
        let fold = Fold { path: path.clone(), default_path: path, ..Fold::new(schema, resolver) };
        Growth { fold: Fold { reports_names: true, ..fold } }
    }

    /// Applies a statement, and returns an error for each part of the statement that contradicts the schema. In most
    /// cases, a part that has an error does not change the schema.
    pub fn apply(&mut self, statement: Statement) -> Vec<Diagnostic> {
        self.fold.schema.nesting = Nesting::UNKNOWN;
        self.fold.statement(statement);
        self.fold.unfollowed.clear();
        if self.fold.schema.search_path != self.fold.path {
            self.fold.schema.search_path.clone_from(&self.fold.path);
        }
        std::mem::take(&mut self.fold.problems)
    }

    /// Applies a statement of a file in the same way as for a snapshot, including DO blocks and PREPARE. Returns an
    /// error for each part of the statement that contradicts the schema, and an error for each effect that is not
    /// known.
    pub fn follow(&mut self, statement: ParsedStatement<'_>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.fold.schema.nesting = Nesting::UNKNOWN;
        self.fold.report_unknown_objects(statement);
        let rejected = self.fold.rejected_drops(&statement.kind, &|_| false);
        self.fold.problems.extend(rejected);
        self.fold.written(statement.tree.clone(), statement.text);
        if self.fold.schema.search_path != self.fold.path {
            self.fold.schema.search_path.clone_from(&self.fold.path);
        }
        (std::mem::take(&mut self.fold.problems), std::mem::take(&mut self.fold.unfollowed))
    }

    /// Returns an error for each object to which a COMMENT, GRANT or REVOKE refers, and which does not exist.
    pub fn unknown_objects(&mut self, statement: ParsedStatement<'_>) -> Vec<Diagnostic> {
        self.fold.report_unknown_objects(statement);
        std::mem::take(&mut self.fold.problems)
    }

    /// Returns an error for each object that the statement drops without CASCADE, and on which other objects depend.
    /// `is_uncertain` returns whether the columns and constraints of a table, given by its name, are not certain.
    pub fn rejected_drops(
        &self,
        statement: &Statement,
        is_uncertain: impl Fn(&str) -> bool,
    ) -> Vec<Diagnostic> {
        self.fold.rejected_drops(&statement.kind, &is_uncertain)
    }

    /// Begins a new session: its search path is the default path.
    pub fn begin_session(&mut self) {
        self.fold.path.clone_from(&self.fold.default_path);
        self.fold.schema.search_path.clone_from(&self.fold.default_path);
        self.fold.path_after = None;
    }

    /// Returns the current schema, with the current search path.
    pub fn schema(&self) -> &Schema {
        &self.fold.schema
    }

    /// Whether a name refers to a relation of the schema.
    pub fn has_relation(&self, name: &QualifiedName) -> bool {
        self.fold.find_relation(name).is_some()
    }
}

/// The query of a PREPARE, and the types that the PREPARE declares for the first parameters.
#[derive(Clone)]
pub(super) struct PreparedQuery {
    pub(super) query: Query,
    pub(super) parameters: Vec<TypeName>,
}

#[derive(Clone)]
pub(super) struct Fold {
    pub(super) schema: Schema,
    pub(super) resolver: Resolver,
    pub(super) path: Vec<String>,
    /// The search path of a new session.
    pub(super) default_path: Vec<String>,
    /// The search path that becomes valid again after the transaction, if `SET LOCAL` changed the path within the
    /// transaction.
    pub(super) path_after: Option<Vec<String>>,
    pub(super) prepared: HashMap<String, PreparedQuery>,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) unfollowed: Vec<Diagnostic>,
    /// Whether errors about names are reported, for example a new name that already exists, or a dropped or renamed
    /// name that does not exist. A snapshot does not need these errors, because no query depends on such names.
    pub(super) reports_names: bool,
    /// During CREATE TABLE, the foreign keys of the new table. PostgreSQL adds the foreign keys after all other
    /// constraints.
    pub(super) written_later: Option<Vec<Constraint>>,
}

impl Fold {
    fn new(schema: Schema, resolver: Resolver) -> Fold {
        Fold {
            schema,
            resolver,
            path: Vec::new(),
            default_path: Vec::new(),
            path_after: None,
            prepared: HashMap::new(),
            problems: Vec::new(),
            unfollowed: Vec::new(),
            reports_names: false,
            written_later: None,
        }
    }

    /// Applies the statements of a file, without the statements that the file rolls back.
    fn script(&mut self, parsed: Parsed<'_>) {
        self.unfollowed.extend(parsed.tokens.commands.iter().filter_map(unfollowed::command));
        let (statements, open) = committed(parsed.statements);
        if let Some(begin) = open {
            self.unfollowed.push(unfollowed::open_transaction(begin));
        }
        for statement in statements {
            self.schema.nesting.add(&statement, &parsed.tokens.tokens);
            self.written(statement, &parsed.text);
        }
    }

    /// Applies a statement. `text` is the text of the file: the tree does not contain all words of a statement, for
    /// example of a DO block.
    fn written(&mut self, statement: Statement, text: &str) {
        if matches!(statement.kind, StatementKind::Utility("DO"))
            && self.do_block(&statement, statement.span.text(text))
        {
            return;
        }
        let is_prepared = |name: &str| self.prepared.contains_key(name);
        self.unfollowed.extend(unfollowed::statement(&statement, text, is_prepared));
        let text = statement.span.text(text);
        match statement.kind {
            StatementKind::Utility("PREPARE") => self.prepare(text),
            StatementKind::Utility("SET" | "RESET" | "DISCARD") => self.change_session(text),
            _ => self.statement(statement),
        }
    }

    pub(super) fn statement(&mut self, statement: Statement) {
        self.schema.version += 1;
        if self.reports_names {
            self.report_names(&statement.kind);
        }
        match statement.kind {
            StatementKind::CreateTable(table) => self.create_table(*table),
            StatementKind::CreateTableAs(table) => self.create_table_as(*table),
            StatementKind::Query(query) => {
                self.call_set_config(&query);
                if let Some((name, plain)) = query.without_into() {
                    self.select_into(name, plain);
                }
            }
            StatementKind::CreateView(view) => self.create_view(*view),
            StatementKind::CreateIndex(index) => self.create_index(*index),
            StatementKind::CreateDomain(mut domain) => {
                self.qualify(&mut domain.type_name);
                let not_null = domain.constraints.iter().any(|it| matches!(it.kind, ConstraintKind::NotNull));
                let has_default = domain.constraints.iter().any(|it| has_default(&it.kind));
                let checks = domain.constraints.into_iter().filter_map(check).collect();
                if self.domains_under(&domain.type_name.name) >= MAX_DOMAINS {
                    let message = format!("domains are nested more than {MAX_DOMAINS} levels deep");
                    self.problem(Code::TooComplex, domain.name.span(), message);
                }
                let kind = UserTypeKind::Domain {
                    base: domain.type_name,
                    not_null,
                    has_default,
                    checks,
                    all_checks_hold: true,
                };
                self.add_type(&domain.name, kind);
            }
            StatementKind::CreateType(new) => {
                let kind = match new.kind {
                    NewType::Enum(labels) => UserTypeKind::Enum(labels),
                    NewType::Composite(columns) => UserTypeKind::Composite(
                        columns
                            .into_iter()
                            .filter_map(|column| {
                                let mut type_name = column.type_name?;
                                self.qualify(&mut type_name);
                                Some((column.name.text, type_name))
                            })
                            .collect(),
                    ),
                    NewType::Range { mut subtype, multirange } => {
                        subtype.iter_mut().for_each(|written| self.qualify(written));
                        UserTypeKind::Range { subtype, multirange }
                    }
                    NewType::Base { category, delimiter } => UserTypeKind::Base { category, delimiter },
                };
                self.add_type(&new.name, kind);
            }
            StatementKind::CreateSequence(sequence) => {
                let mut relation = self.relation_named(&sequence.name, RelationKind::Sequence);
                if sequence.persistence == Persistence::Temporary && sequence.name.schema().is_none() {
                    relation.schema = TEMPORARY.to_owned();
                }
                self.add_relation(relation, sequence.if_not_exists, sequence.name.span());
            }
            StatementKind::CreateSchema(created) => {
                let Some(name) = created.name else { return };
                if !self.schema.has_schema(&name.text) {
                    self.schema.schemas.push(name.text.clone());
                }
                let path = self.path.clone();
                self.path.insert(0, name.text);
                created.elements.into_iter().for_each(|element| self.statement(element));
                self.path = path;
            }
            StatementKind::CreateFunction(definition) => self.create_function(*definition),
            StatementKind::AlterFunction(alter) => self.alter_function(&alter),
            StatementKind::RenameSchema { from, to } => self.rename_schema(&from, &to),
            StatementKind::CreateOperator(mut definition) => {
                let types = definition.left.iter_mut().chain(&mut definition.right);
                types.for_each(|written| self.qualify(written));
                let schema = definition.schema.clone().unwrap_or_else(|| self.first_schema());
                let created = self.schema.version;
                self.schema.operators.push(Operator { schema, definition: *definition, created });
            }
            StatementKind::CreateCollation(collation) => {
                let is_copied = |(_, name): &(String, String)| {
                    collation.copied.as_ref().is_some_and(|copied| copied.name() == name)
                };
                let known = &self.schema.nondeterministic_collations;
                if collation.nondeterministic || known.iter().any(is_copied) {
                    let schema = self.creation_schema(&collation.name);
                    let name = collation.name.name().to_owned();
                    self.schema.nondeterministic_collations.push((schema, name));
                }
            }
            StatementKind::CreateCast(mut definition) => {
                self.qualify(&mut definition.source);
                self.qualify(&mut definition.target);
                let created = self.schema.version;
                self.schema.casts.push(Cast { definition: *definition, created });
            }
            StatementKind::CreateTrigger(table) => {
                if let Some(at) = self.find_relation(&table) {
                    self.schema.relations[at].has_triggers = true;
                }
            }
            StatementKind::CreateRule(table) => {
                if let Some(at) = self.find_relation(&table) {
                    self.schema.relations[at].has_triggers = true;
                    self.schema.relations[at].has_rules = true;
                }
            }
            StatementKind::CreateExtension(extension) => self.create_extension(extension),
            StatementKind::MoveExtension(moved) => self.move_extension(&moved),
            StatementKind::AlterTable(alter) => self.alter(*alter),
            StatementKind::Drop(drop) => self.drop_objects(*drop),
            StatementKind::Set(set) if set.name == "search_path" => self.set_search_path(*set),
            StatementKind::Transaction(
                TransactionStatement::Commit { .. } | TransactionStatement::Rollback { .. },
            ) => self.end_transaction(),
            // Data, grants and settings do not affect the columns or parameters of a query.
            _ => {}
        }
    }

    pub(super) fn problem(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::error(code, span, message));
    }

    pub(super) fn relation_named(&self, name: &QualifiedName, kind: RelationKind) -> Relation {
        Relation {
            schema: self.creation_schema(name),
            name: name.name().to_owned(),
            columns: Vec::new(),
            renamed_columns: Vec::new(),
            replaced: Vec::new(),
            keys: Vec::new(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            foreign_keys: Vec::new(),
            has_children: false,
            row_security: false,
            has_triggers: false,
            has_rules: false,
            evaluated: Vec::new(),
            partitioned: false,
            volatile_rows: false,
            has_other_keys: false,
            materialized: false,
            created: self.moment(),
            parents: Vec::new(),
            of_type: None,
            kind,
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { version: self.schema.version, path: self.path.clone().into() }
    }

    pub(super) fn find_relation(&self, name: &QualifiedName) -> Option<usize> {
        match name.schema() {
            Some(schema) => self.schema.relation(schema, name.name()),
            None => {
                let path = [TEMPORARY].into_iter().chain(self.path.iter().map(String::as_str));
                path.into_iter().find_map(|schema| self.schema.relation(schema, name.name()))
            }
        }
    }

    pub(super) fn find_type(&self, name: &QualifiedName) -> Option<usize> {
        match name.schema() {
            Some(schema) => self.schema.user_type(schema, name.name()),
            None => self.path.iter().find_map(|schema| self.schema.user_type(schema, name.name())),
        }
    }

    pub(super) fn add_relation(&mut self, relation: Relation, if_not_exists: bool, span: Span) {
        match self.schema.relation(&relation.schema, &relation.name) {
            Some(_) if if_not_exists => {}
            Some(_) => {
                let message = format!("relation \"{}\" already exists", relation.name);
                self.problem(Code::DuplicateTable, span, message);
            }
            None => {
                let (version, at) = (self.schema.version, self.schema.relations.len());
                self.schema.relation_names.give(version, &relation.schema, &relation.name, at);
                self.schema.relations.push(relation);
            }
        }
    }

    pub(super) fn add_type(&mut self, name: &QualifiedName, kind: UserTypeKind) {
        let schema = self.creation_schema(name);
        match self.schema.user_type(&schema, name.name()) {
            Some(at) if matches!(self.schema.types[at].kind, UserTypeKind::Base { .. }) => {
                self.schema.types[at].kind = kind
            }
            Some(_) => {
                let message = format!("type \"{}\" already exists", name.name());
                self.problem(Code::DuplicateObject, name.span(), message);
            }
            None => {
                let (version, at) = (self.schema.version, self.schema.types.len());
                self.schema.type_names.give(version, &schema, name.name(), at);
                self.schema.types.push(UserType { schema, name: name.name().to_owned(), kind });
            }
        }
    }

    pub(super) fn create_view(&mut self, view: CreateView) {
        let query = Box::new(view.query);
        let mut relation = self.relation_named(&view.name, RelationKind::View(query, view.columns));
        relation.created = self.moment_before();
        if view.persistence == Persistence::Temporary && view.name.schema().is_none() {
            relation.schema = TEMPORARY.to_owned();
        }
        let known = self.schema.relation(&relation.schema, &relation.name);
        let version = self.schema.version;
        match known {
            Some(at) if view.or_replace && self.schema.relations[at].is_view() => {
                let before =
                    (self.resolver.columns_of_relation)(&self.schema, at).map(|columns| columns.len());
                // A replaced view keeps its triggers and rules.
                let replaced = &mut self.schema.relations[at];
                relation.has_triggers = replaced.has_triggers;
                relation.has_rules = replaced.has_rules;
                relation.replaced.append(&mut replaced.replaced);
                relation.replaced.extend(before.map(|count| (version, count)));
                *replaced = relation;
            }
            Some(at) if view.or_replace && !self.schema.relations[at].is_view() => {
                let message = format!("\"{}\" is not a view", relation.name);
                self.problem(Code::WrongObjectType, view.name.span(), message);
            }
            _ => self.add_relation(relation, false, view.name.span()),
        }
    }

    pub(super) fn create_index(&mut self, index: CreateIndex) {
        let Some(at) = self.find_relation(&index.table) else { return self.unknown_relation(&index.table) };
        let relation = &mut self.schema.relations[at];
        let exprs = index.elements.iter().map(|it| &it.expr).chain(&index.filter);
        relation.evaluated.extend(exprs.cloned());
        self.add_named_index(at, &index);
        if !index.unique {
            return;
        }
        let relation = &mut self.schema.relations[at];
        let mut columns = Vec::new();
        for element in &index.elements {
            match &element.expr.kind {
                ExprKind::Column(parts) if parts.len() == 1 => columns.push(parts[0].text.clone()),
                // A unique index over expressions is not a key over columns.
                _ => {
                    relation.has_other_keys = true;
                    return;
                }
            }
        }
        let name = index.name.map(|name| name.text);
        let relation = &self.schema.relations[at];
        let is_named = name.is_some();
        let include: Vec<String> = index_column_names(&index.include).unwrap_or_default();
        let all = || [columns.as_slice(), &include].concat();
        let name = name.unwrap_or_else(|| self.free_key_name(relation, &all(), "idx"));
        let key = Key {
            name: Some(name),
            columns,
            primary: false,
            constraint: false,
            nulls_not_distinct: index.nulls_not_distinct,
            own_equality: index
                .elements
                .iter()
                .any(|it| it.collation.is_some() || it.operator_class.is_some()),
            partial: index.filter.is_some(),
            deferrable: false,
            is_named,
            include,
        };
        self.schema.relations[at].keys.push(key);
    }

    pub(super) fn unknown_relation(&mut self, name: &QualifiedName) {
        self.unknown_relation_of_kind(name, "relation");
    }

    /// Reports a relation that does not exist. `kind` is PostgreSQL's word for the kind of relation.
    pub(super) fn unknown_relation_of_kind(&mut self, name: &QualifiedName, kind: &str) {
        let message = format!("{kind} \"{}\" does not exist", name.display());
        let known = self.schema.existing_relations().map(|relation| relation.name.as_str());
        let hint = nearest(name.name(), known).map(|nearest| format!("did you mean {nearest}?"));
        self.problems
            .push(Diagnostic { hint, ..Diagnostic::error(Code::UnknownTable, name.span(), message) });
    }
}

/// Returns the expression of a CHECK constraint.
pub(super) fn check(constraint: Constraint) -> Option<Expr> {
    match constraint.kind {
        ConstraintKind::Check { expr, .. } => Some(expr),
        _ => None,
    }
}

fn has_default(kind: &ConstraintKind) -> bool {
    matches!(kind, ConstraintKind::Default(expr) if !is_null_default(expr))
}
