//! Defines the objects of a schema: relations, types, functions, operators and casts, and their lookup by name.

use super::error::SchemaError;
use super::names::{Moment, Names};
use super::nesting::Nesting;
use super::origin::Origin;
use super::taint::Taint;
use crate::source::Span;
use crate::syntax::ast::{
    CheckedRows, CreateCast, CreateOperator, Expr, Name, Query, ReferentialAction, TypeName,
};
use std::ops::Range;

/// The database whose rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Amazon Aurora DSQL.
    #[default]
    Dsql,
    /// Plain PostgreSQL 16: DSQL's rules are not checked.
    Postgres,
}

/// All objects to which a query can refer, apart from those that are built into PostgreSQL.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Tables, views and sequences, in order of creation, including dropped ones.
    pub relations: Vec<Relation>,
    /// Domains, enums, composite, range and base types, including dropped ones.
    pub types: Vec<UserType>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Operators that the schema creates.
    pub operators: Vec<Operator>,
    /// The schema and the name of each collation that the schema creates and that may treat strings of different
    /// bytes as equal.
    pub nondeterministic_collations: Vec<(String, String)>,
    /// Casts that the schema creates.
    pub casts: Vec<Cast>,
    /// Extensions that the schema creates.
    pub(super) extensions: Vec<Extension>,
    /// The indexes that statements named, unique or not; also dropped indexes.
    pub(super) indexes: Vec<NamedIndex>,
    /// Whether the schema creates an extension whose objects are not known.
    pub(super) has_unknown_extension: bool,
    /// Schemas that were created, including `public`.
    pub schemas: Vec<String>,
    /// The schemas in which unqualified names are looked up.
    pub search_path: Vec<String>,
    /// The database whose rules apply.
    pub dialect: Dialect,
    /// Whether the schema comes from a snapshot, migrations or a database; hints mention this source.
    pub origin: Origin,
    /// The Rust types from directives such as `-- dsql-edge: type users.id = crate::UserId`.
    pub rust_types: Vec<RustType>,
    /// The statements that may change the schema but have an unknown effect, each with its file.
    pub unfollowed: Vec<SchemaError>,
    /// The names in the statements whose effect is not known (`unfollowed`).
    pub taints: Vec<Taint>,
    pub(super) relation_names: Names,
    pub(super) type_names: Names,
    /// The number of the last statement.
    pub(super) version: u32,
    pub(super) nesting: Nesting,
}

impl Default for Schema {
    fn default() -> Schema {
        Schema {
            relations: Vec::new(),
            types: Vec::new(),
            functions: Vec::new(),
            operators: Vec::new(),
            nondeterministic_collations: Vec::new(),
            casts: Vec::new(),
            extensions: Vec::new(),
            indexes: Vec::new(),
            has_unknown_extension: false,
            schemas: vec!["public".to_owned()],
            search_path: vec!["public".to_owned()],
            dialect: Dialect::default(),
            origin: Origin::default(),
            rust_types: Vec::new(),
            unfollowed: Vec::new(),
            taints: Vec::new(),
            relation_names: Names::default(),
            type_names: Names::default(),
            version: 0,
            nesting: Nesting::default(),
        }
    }
}

/// An operator that the schema creates.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Its schema.
    pub schema: String,
    /// The statement.
    pub definition: CreateOperator,
    /// The number of the statement that created the operator.
    pub(super) created: u32,
}

/// A cast that the schema creates.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The statement.
    pub definition: CreateCast,
    /// The number of the statement that created the cast.
    pub(super) created: u32,
}

/// An extension that the schema creates, and the numbers of the statements that created its objects.
#[derive(Clone, Debug)]
pub(super) struct Extension {
    pub(super) name: String,
    pub(super) schema: String,
    /// The indexes of the extension's relations; `types` has the indexes of its types.
    pub(super) relations: Range<usize>,
    pub(super) types: Range<usize>,
    /// The numbers of the statements that created the extension's objects.
    pub(super) statements: Range<u32>,
}

/// An index that a statement named.
#[derive(Clone, Debug)]
pub(super) struct NamedIndex {
    pub(super) name: String,
    /// The table, by its index among the relations; `None` if it is not known.
    pub(super) table: Option<usize>,
    /// The columns of the index. If one of these columns is dropped, the index is dropped too.
    pub(super) columns: Vec<String>,
    /// Whether the index exists; `None` if it is not known.
    pub(super) exists: Option<bool>,
}

/// A Rust type that the snapshot gives to a column, or to all columns of a type.
#[derive(Clone, Debug)]
pub struct RustType {
    /// `[schema,] table, column`, or the type alone.
    pub sql: Vec<String>,
    /// The Rust type as written.
    pub rust: String,
    /// The name of the file with the directive, and the span of the directive in this file.
    pub place: (String, Span),
    /// The line, from 1.
    pub line: usize,
}

/// The name of the schema of temporary tables; PostgreSQL searches this schema before the search path.
pub const TEMPORARY: &str = "pg_temp";

/// A table, a view or a sequence.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The columns of a table. The columns of a view, a sequence or a `RelationKind::TableAs` are not in this list: the
    /// analyzer computes them.
    pub columns: Vec<Column>,
    /// The renames of the columns of a view, or of a `RelationKind::TableAs`, in order: the number of the statement,
    /// the old name and the new name.
    pub renamed_columns: Vec<(u32, String, String)>,
    /// For each replacement of a view, the number of the statement, and the number of columns before the replacement.
    /// In the query of a view that was created before the replacement, the replaced view has only the columns that it
    /// had at that time.
    pub replaced: Vec<(u32, usize)>,
    /// Primary keys, unique constraints, and unique indexes whose elements are all columns, partial or not.
    pub keys: Vec<Key>,
    /// Its `CHECK` constraints.
    pub checks: Vec<Check>,
    /// Its exclusion constraints.
    pub exclusions: Vec<Exclusion>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Whether tables inherit from the relation. If tables inherit from a relation, a query of the relation also
    /// returns rows of these child tables, and the keys of the relation do not hold for such rows.
    pub has_children: bool,
    /// Whether the relation has triggers or rules, which may change the written rows.
    pub has_triggers: bool,
    /// Whether the relation has rules. A rule can run another statement instead of a write, and the RETURNING of that
    /// statement then determines the rows.
    pub has_rules: bool,
    /// The expressions that a write may evaluate: defaults, CHECKs, generated columns, the expressions of indexes.
    pub evaluated: Vec<Expr>,
    /// Whether the relation is partitioned or is a partition. For a partitioned table or a partition, the constraint in
    /// an error can belong to a table that the statement does not contain.
    pub partitioned: bool,
    /// Whether the relation is temporary or unlogged: its rows are lost at the end of the session (temporary) or in a
    /// crash (unlogged).
    pub volatile_rows: bool,
    /// Whether the relation has an exclusion constraint, or a unique index over expressions. `keys` does not contain
    /// such constraints and indexes, but a row can violate them.
    pub has_other_keys: bool,
    /// Whether the relation is a materialized view.
    pub materialized: bool,
    /// Whether a statement changed row level security of the relation, so that a query may not return all rows.
    pub row_security: bool,
    /// The moment when the relation was created, or its query was replaced; for a relation with a query, the moment
    /// just before that statement. A name in the query refers to the object that had this name at that moment.
    pub created: Moment,
    /// The parents of the relation, by index: the tables from which it inherits, or of which it is a partition. The
    /// parent of a sequence is the table whose column owns the sequence.
    pub parents: Vec<usize>,
    /// The type of `CREATE TABLE … OF`, by index.
    pub of_type: Option<usize>,
    /// The kind of relation.
    pub kind: RelationKind,
}

/// The kind of a relation.
#[derive(Clone, Debug, Default)]
pub enum RelationKind {
    /// A table that can be written to.
    #[default]
    Table,
    /// A view or materialized view: its query and its column names, if given.
    View(Box<Query>, Vec<Name>),
    /// `CREATE TABLE … AS` with a query that cannot be analyzed. The error is reported in a query that uses the table.
    TableAs(Box<Query>, Vec<Name>),
    /// A sequence, which can be read from.
    Sequence,
}

/// A unique key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The name of the constraint or index.
    pub name: Option<String>,
    /// The columns.
    pub columns: Vec<String>,
    /// Whether the key is a primary key.
    pub primary: bool,
    /// Whether the key is a constraint, and not only an index.
    pub constraint: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// Whether a COLLATE or an operator class of the key decides which values are equal.
    pub own_equality: bool,
    /// Whether the key is a partial index. `ON CONFLICT` can use such a key, but the key proves nothing about
    /// cardinality.
    pub partial: bool,
    /// Whether rows may violate the key until the transaction ends. Such a key proves nothing about cardinality.
    pub deferrable: bool,
    /// Whether the statement that creates the key contains the name.
    pub(super) is_named: bool,
    /// The columns of `INCLUDE`.
    pub(super) include: Vec<String>,
}

/// An exclusion constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusion {
    /// The name of the constraint; `None` if the statement does not contain a name, and the generated name depends on
    /// an expression.
    pub name: Option<String>,
    /// The columns in the elements of the constraint.
    pub columns: Vec<String>,
}

/// A `CHECK` constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name.
    pub(super) name: String,
    /// Whether `name` is only the name that PostgreSQL probably generates, because the statement does not contain a
    /// name.
    pub(super) is_guess: bool,
    /// The columns in the check. If one of these columns is dropped, the check is dropped too.
    pub(super) columns: Vec<String>,
    /// The columns among `columns` that are not NULL if the check holds.
    pub(super) not_null: Vec<String>,
    /// Those of `columns` to which the check allows only some strings, each with the allowed strings.
    pub(super) labels: Vec<(String, Vec<String>)>,
    /// The rows for which the check holds. `VALIDATE CONSTRAINT` makes them all rows.
    pub(super) checked: CheckedRows,
    /// Whether the check has `NO INHERIT`. A check with `NO INHERIT` does not hold for the rows of tables that inherit
    /// from this table.
    pub(super) no_inherit: bool,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// The name of the constraint.
    pub name: String,
    /// The columns.
    pub columns: Vec<String>,
    /// The referenced table, by its index among the relations.
    pub table: usize,
    /// The referenced columns.
    pub referenced: Vec<String>,
    /// Whether the constraint was not declared `NOT VALID`, or was validated later.
    pub validated: bool,
    /// Whether rows may violate the constraint until the transaction ends.
    pub deferrable: bool,
    /// `ON DELETE`.
    pub on_delete: ReferentialAction,
    /// `ON UPDATE`.
    pub on_update: ReferentialAction,
}

impl ForeignKey {
    /// Whether the foreign key always holds for every row.
    pub fn proves(&self) -> bool {
        self.validated && !self.deferrable
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of the column as written.
    pub type_name: TypeName,
    /// The collation after `COLLATE`. For a column that comes from a query, the collation, if it differs from the
    /// type's collation.
    pub collation: Option<String>,
    /// Whether NOT NULL, a primary key, an identity or a serial type makes the column NOT NULL. A CHECK, and a NOT NULL
    /// domain as the column's type, do not count here.
    pub not_null: bool,
    /// Whether the column has a default other than NULL, an identity or a generation expression.
    pub has_default: bool,
    /// `GENERATED ALWAYS AS IDENTITY` is `true`, `GENERATED BY DEFAULT AS IDENTITY` is `false`.
    pub identity: Option<bool>,
    /// `GENERATED ALWAYS AS (…) STORED`.
    pub generated: bool,
    /// The expression of the column's default or generation; `None` without an expression, or if the expression is a
    /// constant.
    pub(super) computed: Option<Box<Computed>>,
    /// Whether the column needs a sequence, as a serial or identity column, and the sequence has not been created yet.
    pub(super) has_sequence: bool,
    /// The sequence that the column owns.
    pub(super) sequence: Option<usize>,
    /// Whether the table itself defines the column, so that the column is not only inherited.
    pub(super) is_local: bool,
    /// The number of parent tables that have the column.
    pub(super) inherited: usize,
    /// The number of the statement that added the column.
    pub added: u32,
    /// The column's earlier names, each with the number of the statement that changed the name.
    pub earlier_names: Vec<(u32, String)>,
}

impl Column {
    /// Returns the expression of the default or of the generated column.
    pub(crate) fn expression(&self) -> Option<&Expr> {
        self.computed.as_ref().map(|it| &it.expr)
    }

    /// Whether the column is an identity or a serial: its default is the next value of a sequence.
    pub(crate) fn takes_from_sequence(&self) -> bool {
        self.identity.is_some() || self.has_sequence || self.sequence.is_some()
    }
}

/// The expression of a default or of a generated column.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) expr: Expr,
    /// The moment at which a statement set the expression. A name in the expression refers to the object that had this
    /// name at this moment.
    pub(super) set: Moment,
}

impl Column {
    /// Returns the name that the column had after a statement.
    pub fn name_at(&self, version: u32) -> &str {
        let then = self.earlier_names.iter().find(|(changed, _)| version < *changed);
        then.map_or(&self.name, |(_, name)| name)
    }
}

/// A type that the schema creates.
#[derive(Clone, Debug)]
pub struct UserType {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The kind of type.
    pub kind: UserTypeKind,
}

/// The kinds of user type.
#[derive(Clone, Debug)]
pub enum UserTypeKind {
    /// A domain over a type.
    Domain {
        /// The base type.
        base: TypeName,
        /// `NOT NULL`.
        not_null: bool,
        /// `DEFAULT …`.
        has_default: bool,
        /// `CHECK (…)`.
        checks: Vec<Expr>,
        /// Whether each of `checks` is known to exist and to hold for all values: no check is `NOT VALID`, and no
        /// constraint was dropped.
        all_checks_hold: bool,
    },
    /// An enum and its labels.
    Enum(Vec<String>),
    /// A composite type.
    Composite(Vec<(String, TypeName)>),
    /// A range over a type.
    Range {
        /// The type.
        subtype: Option<TypeName>,
        /// `multirange_type_name`, if it is written.
        multirange: Option<String>,
    },
    /// A base type, of which only the name and these options are known.
    Base {
        /// `CATEGORY`.
        category: u8,
        /// `DELIMITER`, the character between the elements of an array; `None` if it is not known.
        delimiter: Option<u8>,
    },
}

/// A function that the schema creates.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its schema.
    pub schema: String,
    /// The statement.
    pub definition: crate::syntax::ast::CreateFunction,
    /// The number of the statement that created the function.
    pub created: u32,
    /// The function's earlier schemas and names, each with the number of the statement that changed the schema or the
    /// name.
    pub earlier_names: Vec<(u32, String, String)>,
}

impl Function {
    /// Returns the function's schema and name after the statement with the number `version`; `None` if a later
    /// statement created the function.
    pub fn name_at(&self, version: u32) -> Option<(&str, &str)> {
        if version < self.created {
            return None;
        }
        let then = self.earlier_names.iter().find(|(changed, ..)| version < *changed);
        Some(match then {
            Some((_, schema, name)) => (schema, name),
            None => (&self.schema, self.definition.name.name()),
        })
    }
}

impl Schema {
    /// Sets the source of the schema's files, for hints.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Schema {
        self.origin = origin;
        self
    }

    /// Returns the index of the relation that now has this schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<usize> {
        self.relation_names.now(schema, name)
    }

    /// Returns an upper bound of the number of nesting levels in any definition, including the definitions that it
    /// uses.
    pub(crate) fn nesting(&self) -> usize {
        self.nesting.levels()
    }

    /// Whether `version` is the number of the last statement.
    pub(crate) fn is_new(&self, version: u32) -> bool {
        version == self.version
    }

    /// Returns the existing relations; `relations` also contains dropped ones.
    pub fn existing_relations(&self) -> impl Iterator<Item = &Relation> {
        let relations = self.relations.iter().enumerate();
        let exists = |(at, it): &(usize, &Relation)| self.relation(&it.schema, &it.name) == Some(*at);
        relations.filter(exists).map(|(_, relation)| relation)
    }

    /// Returns the index of the type that has exactly this schema and name.
    pub fn user_type(&self, schema: &str, name: &str) -> Option<usize> {
        self.type_names.now(schema, name)
    }

    /// Returns the index of the relation that had this schema and name at the earlier moment `version`.
    pub fn relation_at(&self, version: u32, schema: &str, name: &str) -> Option<usize> {
        self.relation_names.at(version, schema, name)
    }

    /// Returns the index of the type that had this schema and name at the earlier moment `version`.
    pub fn user_type_at(&self, version: u32, schema: &str, name: &str) -> Option<usize> {
        self.type_names.at(version, schema, name)
    }

    /// Returns the Rust type that the snapshot gives to a column of a table.
    pub fn rust_type_of_column(&self, schema: &str, table: &str, column: &str) -> Option<&RustType> {
        self.rust_types.iter().find(|it| match it.sql.as_slice() {
            [its_table, its_column] => {
                let mut path = self.search_path.iter();
                // The name refers to the first schema of the path that has a table with this name.
                its_table == table
                    && its_column == column
                    && path
                        .find(|path| self.relation(path, table).is_some())
                        .is_some_and(|path| path == schema)
            }
            [its_schema, its_table, its_column] => {
                its_schema == schema && its_table == table && its_column == column
            }
            _ => false,
        })
    }

    /// Returns the Rust type that the snapshot gives to an SQL type.
    pub fn rust_type_of_type(&self, names: [&str; 2]) -> Option<&RustType> {
        self.rust_types.iter().find(|it| match it.sql.as_slice() {
            [name] => names.contains(&name.as_str()),
            _ => false,
        })
    }

    /// Whether a schema of this name exists.
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.iter().any(|schema| schema == name)
    }
}

impl Relation {
    /// Returns the column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name == name)
    }

    /// Removes a column, and the constraints that contain it, as PostgreSQL does.
    pub(super) fn drop_column(&mut self, name: &str) {
        self.columns.retain(|column| column.name != name);
        self.keys.retain(|key| !key.columns.iter().chain(&key.include).any(|it| it == name));
        self.exclusions.retain(|it| !it.columns.iter().any(|it| it == name));
        self.foreign_keys.retain(|key| !key.columns.iter().any(|it| it == name));
        self.checks.retain(|check| !check.columns.iter().any(|it| it == name));
    }

    /// Whether the relation's columns are defined by its query.
    pub fn has_columns_of_query(&self) -> bool {
        matches!(self.kind, RelationKind::View(..) | RelationKind::TableAs(..))
    }

    /// Whether the relation is a sequence.
    pub fn is_sequence(&self) -> bool {
        matches!(self.kind, RelationKind::Sequence)
    }

    /// Whether the relation is a view, materialized or not.
    pub fn is_view(&self) -> bool {
        matches!(self.kind, RelationKind::View(..))
    }
}

/// Whether a default is the constant NULL, which is the same as no default.
pub(super) fn is_null_default(expr: &Expr) -> bool {
    use crate::syntax::ast::{ExprKind, Literal};
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => true,
        ExprKind::Cast { arg, .. } => is_null_default(arg),
        _ => false,
    }
}
