//! Applies `CREATE TABLE`, with the columns of the statement, of parents, of `LIKE` and of a type.
//!
//! Input: the statement. Output: a relation of the schema, and the sequences of its serial and identity columns.

use super::column_constraints;
use super::fold::Fold;
use super::key::merge_equal_keys;
use super::key_name::free_name;
use super::objects::Computed;
use super::{Column, Exclusion, Key, Relation, RelationKind, TEMPORARY, UserTypeKind, is_null_default};
use crate::diagnostic::Code;
use crate::source::Span;
use std::collections::HashSet;

use crate::syntax::ast::{
    Constraint, ConstraintKind, CreateTable, ForeignKeyConstraint, KeyConstraint, Name, Persistence,
    QualifiedName, TableColumn, TableElement, TypeName,
};

impl Fold {
    pub(super) fn create_table(&mut self, table: CreateTable) {
        let mut relation = self.relation_named(&table.name, RelationKind::Table);
        if table.persistence == Persistence::Temporary && table.name.schema().is_none() {
            relation.schema = TEMPORARY.to_owned();
        }
        relation.partitioned = table.partitioned || table.partition_of.is_some();
        relation.volatile_rows = table.persistence != Persistence::Permanent;
        for parent in table.inherits.iter().chain(&table.partition_of) {
            match self.find_relation(parent) {
                Some(at) => self.inherit(&mut relation, at, table.inherits.contains(parent)),
                None => self.unknown_relation(parent),
            }
        }
        if let Some(of_type) = &table.of_type {
            relation.of_type = self.composite(of_type);
            self.typed_columns(&mut relation, of_type);
        }
        // All columns are added before the constraints, because a constraint may contain a column that the statement
        // defines after the constraint.
        let is_constraint = |element: &TableElement| matches!(element, TableElement::Constraint(_));
        // PostgreSQL does not merge keys that LIKE copies, so if the statement contains LIKE, no keys are merged.
        let is_like = |element: &TableElement| matches!(element, TableElement::Like { .. });
        let merges = !table.elements.iter().any(is_like);
        let (constraints, columns): (Vec<_>, Vec<_>) = table.elements.into_iter().partition(is_constraint);
        self.written_later = Some(Vec::new());
        let mut names: HashSet<String> = HashSet::new();
        for element in columns.into_iter().chain(constraints) {
            match element {
                TableElement::Column(column) => {
                    if column.type_name.is_some() && !names.insert(column.name.text.clone()) {
                        let message = format!("column \"{}\" specified more than once", column.name.text);
                        self.problem(Code::DuplicateColumn, column.name.span, message);
                    }
                    self.add_column(&mut relation, column);
                }
                TableElement::Constraint(constraint) => self.add_constraint(&mut relation, constraint),
                TableElement::Like { table, including } => {
                    self.copy_columns(&mut relation, &table, &including)
                }
            }
        }
        // Foreign keys are added last, because a foreign key may refer to its own table, and the statement may define
        // the referenced key later.
        for key in self.written_later.take().unwrap_or_default() {
            self.add_constraint(&mut relation, key);
        }
        if merges {
            merge_equal_keys(&mut relation.keys);
        }
        let at = self.schema.relations.len();
        self.add_relation(relation, table.if_not_exists, table.name.span());
        self.create_owned_sequences(at);
    }

    /// Applies `LIKE table` or `LIKE type`.
    fn copy_columns(
        &mut self,
        relation: &mut Relation,
        name: &QualifiedName,
        including: &[(bool, &'static str)],
    ) {
        let Some(at) = self.find_relation(name) else {
            return match self.find_type(name).map(|at| &self.schema.types[at].kind) {
                Some(UserTypeKind::Composite(_)) => self.typed_columns(relation, name),
                _ => self.unknown_relation(name),
            };
        };
        let wants = |what: &str| {
            including.iter().rev().find(|(_, name)| *name == what || *name == "all").is_some_and(|it| it.0)
        };
        let columns = self.columns_of(at);
        let source = &self.schema.relations[at];
        for column in columns {
            let mut column = Column {
                earlier_names: Vec::new(),
                sequence: None,
                is_local: true,
                inherited: 0,
                added: self.schema.version,
                ..column
            };
            if !wants("identity") {
                column.identity = None;
            }
            column.has_sequence = column.identity.is_some();
            if !wants("generated") {
                column.generated = false;
            }
            column.has_default =
                column.identity.is_some() || column.generated || (column.has_default && wants("defaults"));
            if !column.has_default {
                column.computed = None;
            }
            relation.columns.push(column);
        }
        if wants("indexes") {
            relation.has_other_keys |= source.has_other_keys;
            for key in &source.keys {
                let columns = [key.columns.as_slice(), &key.include].concat();
                let name = Some(self.free_key_name(relation, &columns, key.suffix()));
                relation.keys.push(Key { name, ..key.clone() });
            }
            for exclusion in &source.exclusions {
                let known = exclusion.name.is_some();
                let name = known.then(|| self.free_key_name(relation, &exclusion.columns, "excl"));
                relation.exclusions.push(Exclusion { name, ..exclusion.clone() });
            }
        }
        relation.evaluated.extend(source.evaluated.iter().cloned());
        if wants("constraints") {
            relation.checks.extend(source.checks.iter().cloned());
        }
    }

    /// Creates the missing sequences of a table's serial and identity columns.
    pub(super) fn create_owned_sequences(&mut self, table: usize) {
        let Some(relation) = self.schema.relations.get(table) else { return };
        let columns = relation.columns.iter().enumerate().filter(|(_, column)| column.has_sequence);
        let columns: Vec<(usize, String)> = columns.map(|(at, column)| (at, column.name.clone())).collect();
        if columns.is_empty() {
            return;
        }
        let (schema, table_name) = (relation.schema.clone(), relation.name.clone());
        for (column, column_name) in columns {
            let name = self.free_sequence_name(&schema, &table_name, column_name);
            let at = self.schema.relations.len();
            self.schema.relations[table].columns[column].sequence = Some(at);
            let parts = [&schema, &name].map(|text| Name { text: text.clone(), span: Span::default() });
            let name = QualifiedName { parts: parts.into() };
            let mut sequence = self.relation_named(&name, RelationKind::Sequence);
            sequence.parents = vec![table];
            self.add_relation(sequence, true, Span::default());
        }
        for column in self.schema.relations[table].columns.iter_mut() {
            column.has_sequence = false;
        }
    }

    /// Generates the name of a sequence as `ChooseRelationName` does: the first name that no relation of the schema
    /// has.
    fn free_sequence_name(&self, schema: &str, table: &str, column: String) -> String {
        free_name(table, &[column], "seq", |name| self.schema.relation(schema, name).is_some())
    }

    pub(super) fn typed_columns(&mut self, relation: &mut Relation, of_type: &QualifiedName) {
        match self.find_type(of_type).map(|at| &self.schema.types[at].kind) {
            Some(UserTypeKind::Composite(fields)) => {
                let columns =
                    fields.iter().map(|(name, type_name)| plain_column(name.clone(), type_name.clone()));
                relation.columns.extend(columns.collect::<Vec<_>>());
            }
            _ => self.unknown_type(of_type),
        }
    }

    pub(super) fn add_column(&mut self, relation: &mut Relation, column: TableColumn) {
        let TableColumn { name, type_name, collation, constraints, .. } = column;
        let is_serial = type_name.as_ref().is_some_and(is_serial);
        let shown = format!("\"{}\" of table \"{}\"", name.text, relation.name);
        self.problems.extend(column_constraints::contradiction(&constraints, &shown, is_serial));
        let at = match (type_name, relation.columns.iter().position(|known| known.name == name.text)) {
            (Some(mut type_name), None) => {
                self.qualify(&mut type_name);
                let mut column = plain_column(name.text, type_name);
                column.added = self.schema.version;
                column.collation = collation.map(|it| it.name().to_owned());
                // DSQL does not have serial types; this is reported for statements that run, not for a snapshot.
                serial(&mut column);
                relation.columns.push(column);
                relation.columns.len() - 1
            }
            // The statement repeats a column of a parent, so the table itself also defines the column.
            (Some(_), Some(at)) => {
                relation.columns[at].is_local = true;
                at
            }
            (None, Some(at)) => at,
            (None, None) => {
                let message = format!("column \"{}\" does not exist", name.text);
                self.problem(Code::UnknownColumn, name.span, message);
                return;
            }
        };
        for constraint in column_constraints::with_attributes(constraints) {
            self.column_constraint(relation, at, constraint);
        }
    }

    pub(super) fn column_constraint(
        &mut self,
        relation: &mut Relation,
        at: usize,
        mut constraint: Constraint,
    ) {
        if let ConstraintKind::Default(expr)
        | ConstraintKind::Generated(expr)
        | ConstraintKind::Check { expr, .. } = &constraint.kind
        {
            relation.evaluated.push(expr.clone());
        }
        if let ConstraintKind::Check { expr, checked, no_inherit } = &constraint.kind {
            relation.add_check(constraint.name.clone(), expr, *checked, *no_inherit);
        }
        let moment = self.moment();
        let column = &mut relation.columns[at];
        match constraint.kind {
            ConstraintKind::NotNull => column.not_null = true,
            ConstraintKind::Default(expr) => {
                column.has_default = !is_null_default(&expr);
                column.computed = Computed::of(&expr, moment);
            }
            ConstraintKind::Identity { always, .. } => {
                column.identity = Some(always);
                column.has_default = true;
                column.has_sequence = true;
                column.not_null = true;
            }
            ConstraintKind::Generated(expr) => {
                column.computed = Computed::of(&expr, moment);
                column.generated = true;
                column.has_default = true;
            }
            // A key or a foreign key that is written at a column does not list columns, so the column is added to the
            // list of the constraint.
            ConstraintKind::PrimaryKey(KeyConstraint { ref mut columns, .. })
            | ConstraintKind::Unique(KeyConstraint { ref mut columns, .. })
            | ConstraintKind::ForeignKey(ForeignKeyConstraint { ref mut columns, .. }) => {
                columns.push(Name { text: column.name.clone(), span: constraint.span });
                self.add_constraint(relation, constraint);
            }
            _ => {}
        }
    }
}

pub(super) fn plain_column(name: String, type_name: TypeName) -> Column {
    Column {
        name,
        type_name,
        collation: None,
        not_null: false,
        has_default: false,
        identity: None,
        generated: false,
        computed: None,
        has_sequence: false,
        sequence: None,
        is_local: true,
        inherited: 0,
        added: 0,
        earlier_names: Vec::new(),
    }
}

fn is_serial(type_name: &TypeName) -> bool {
    matches!(
        serial_name(type_name),
        "serial" | "serial4" | "bigserial" | "serial8" | "smallserial" | "serial2"
    )
}

/// Replaces `serial` by an integer with a sequence.
fn serial(column: &mut Column) {
    let integer = match serial_name(&column.type_name) {
        "serial" | "serial4" => "int4",
        "bigserial" | "serial8" => "int8",
        "smallserial" | "serial2" => "int2",
        _ => return,
    };
    if let Some(last) = column.type_name.name.parts.last_mut() {
        last.text = integer.to_owned();
    }
    column.not_null = true;
    column.has_default = true;
    column.has_sequence = true;
}

fn serial_name(type_name: &TypeName) -> &str {
    if type_name.name.parts.len() == 1 { type_name.name.name() } else { "" }
}
