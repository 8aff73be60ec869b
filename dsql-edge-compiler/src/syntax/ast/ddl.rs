//! Defines schema statements, with the parts that a snapshot or a DSQL rule needs.

use super::{Constraint, Expr, IndexElement, Name, QualifiedName, Query, Statement, TypeName};
use crate::source::Span;
use crate::volatility::Volatility;

/// `CREATE TABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// `TEMP`, `UNLOGGED`.
    pub persistence: Persistence,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The name.
    pub name: QualifiedName,
    /// Columns, constraints and `LIKE`s, in order.
    pub elements: Vec<TableElement>,
    /// `INHERITS (…)`.
    pub inherits: Vec<QualifiedName>,
    /// `PARTITION OF parent`.
    pub partition_of: Option<QualifiedName>,
    /// `OF type`.
    pub of_type: Option<QualifiedName>,
    /// `PARTITION BY …`.
    pub partitioned: bool,
    /// Those of the clauses `INHERITS`, `PARTITION BY`, `USING`, `WITH (…)`, `ON COMMIT` and `TABLESPACE` that the
    /// statement contains.
    pub options: Vec<(&'static str, Span)>,
}

/// The persistence of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Persistence {
    #[default]
    Permanent,
    Temporary,
    Unlogged,
}

/// An element of `CREATE TABLE (…)`.
#[derive(Clone, Debug, PartialEq)]
pub enum TableElement {
    /// A column.
    Column(TableColumn),
    /// A table constraint.
    Constraint(Constraint),
    /// `LIKE table [INCLUDING …]`.
    Like { table: QualifiedName, including: Vec<(bool, &'static str)> },
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    /// The name.
    pub name: Name,
    /// The type; `None` in `CREATE TABLE … OF`.
    pub type_name: Option<TypeName>,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// Whether `STORAGE` is present.
    pub storage: bool,
    /// `COMPRESSION method`.
    pub compression: Option<Span>,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// The span of the definition.
    pub span: Span,
}

/// An option of a sequence or identity.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceOption {
    /// `cache`, `increment`, `as`, …
    pub name: &'static str,
    /// The number of the option as written, including its sign.
    pub value: Option<String>,
    /// `AS type`.
    pub type_name: Option<TypeName>,
    /// The place of the option.
    pub span: Span,
}

/// `CREATE TABLE … AS`, `CREATE MATERIALIZED VIEW`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTableAs {
    /// The name.
    pub name: QualifiedName,
    /// The column names.
    pub columns: Vec<Name>,
    /// The source of the columns.
    pub source: TableSource,
    /// `MATERIALIZED VIEW`.
    pub materialized_view: bool,
    /// `TEMP`, `UNLOGGED`.
    pub persistence: Persistence,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
}

/// The source of the columns of `CREATE TABLE … AS`.
#[derive(Clone, Debug, PartialEq)]
pub enum TableSource {
    /// A query.
    Query(Box<Query>),
    /// `EXECUTE name`: a prepared statement.
    Execute(Name),
}

/// `PREPARE name (types) AS statement`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepare {
    /// The name.
    pub name: Name,
    /// The types of the first parameters.
    pub parameters: Vec<TypeName>,
    /// The statement.
    pub statement: Statement,
}

/// `CREATE VIEW`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `TEMP`.
    pub persistence: Persistence,
    /// `RECURSIVE`.
    pub recursive: bool,
    /// The name.
    pub name: QualifiedName,
    /// The column names.
    pub columns: Vec<Name>,
    /// The definition.
    pub query: Query,
}

/// `CREATE INDEX`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// DSQL's `ASYNC`.
    pub asynchronous: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The name.
    pub name: Option<Name>,
    /// The table.
    pub table: QualifiedName,
    /// `USING method`.
    pub method: Option<Name>,
    /// The keys.
    pub elements: Vec<IndexElement>,
    /// `INCLUDE (…)`.
    pub include: Vec<IndexElement>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WHERE`.
    pub filter: Option<Expr>,
}

/// `CREATE DOMAIN`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDomain {
    /// The name.
    pub name: QualifiedName,
    /// The base type.
    pub type_name: TypeName,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
}

/// `CREATE TYPE`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateType {
    /// The name.
    pub name: QualifiedName,
    /// The kind of type.
    pub kind: NewType,
}

/// The kinds of `CREATE TYPE`.
#[derive(Clone, Debug, PartialEq)]
pub enum NewType {
    /// `AS ENUM (…)`
    Enum(Vec<String>),
    /// `AS (…)`
    Composite(Vec<TableColumn>),
    /// `AS RANGE (subtype = …, multirange_type_name = …)`
    Range { subtype: Option<TypeName>, multirange: Option<String> },
    /// A base or shell type, with its category, and the character between the elements of its arrays. For a shell type,
    /// this character is not known.
    Base { category: u8, delimiter: Option<u8> },
}

/// `CREATE SEQUENCE`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSequence {
    /// The name.
    pub name: QualifiedName,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `TEMP`, `UNLOGGED`.
    pub persistence: Persistence,
    /// The options.
    pub options: Vec<SequenceOption>,
}

/// `CREATE SCHEMA`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSchema {
    /// The name.
    pub name: Option<Name>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The statements that create objects in the schema.
    pub elements: Vec<Statement>,
}

/// `CREATE FUNCTION`, `CREATE PROCEDURE`, `CREATE AGGREGATE`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateFunction {
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `PROCEDURE`.
    pub procedure: bool,
    /// `AGGREGATE`.
    pub aggregate: Option<AggregateDefinition>,
    /// The name.
    pub name: QualifiedName,
    /// The parameters.
    pub parameters: Vec<FunctionParameter>,
    /// `RETURNS type`.
    pub returns: Option<TypeName>,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// Whether the body can end the transaction in which it runs, or run another body that can end it. A body in SQL
    /// cannot end a transaction. A body in PL/pgSQL can end a transaction if it contains one of the words COMMIT,
    /// ROLLBACK, CALL, DO and EXECUTE. For another language, the value is true.
    pub may_commit: bool,
    /// `STRICT`.
    pub strict: bool,
    /// `WINDOW`.
    pub window: bool,
    /// `IMMUTABLE`, `STABLE`, `VOLATILE`.
    pub volatility: Volatility,
}

/// The parts of an aggregate that determine its result.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateDefinition {
    /// `STYPE`: the type of the state, and of the result if the aggregate does not have a final function.
    pub state: TypeName,
    /// `FINALFUNC`.
    pub final_function: Option<QualifiedName>,
    /// Whether calls of the aggregate use `WITHIN GROUP`.
    pub ordered: bool,
}

/// `CREATE OPERATOR`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateOperator {
    /// The schema, if written.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// `LEFTARG`; `None` for a prefix operator.
    pub left: Option<TypeName>,
    /// `RIGHTARG`.
    pub right: Option<TypeName>,
    /// `FUNCTION`.
    pub function: Option<QualifiedName>,
}

/// `CREATE COLLATION`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCollation {
    /// The name.
    pub name: QualifiedName,
    /// `DETERMINISTIC = false`: strings of different bytes may be equal.
    pub nondeterministic: bool,
    /// `FROM`: the copied collation.
    pub copied: Option<QualifiedName>,
}

/// `CREATE CAST`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCast {
    /// The source type.
    pub source: TypeName,
    /// The target type.
    pub target: TypeName,
    /// The method of conversion.
    pub method: CastMethod,
    /// The contexts in which the cast is applied implicitly.
    pub context: CastContext,
}

/// The method of a cast.
#[derive(Clone, Debug, PartialEq)]
pub enum CastMethod {
    /// `WITH FUNCTION f`
    Function(QualifiedName),
    /// `WITHOUT FUNCTION`
    Binary,
    /// `WITH INOUT`
    InOut,
}

/// The contexts in which a cast is applied implicitly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastContext {
    /// `AS IMPLICIT`: in every expression.
    Implicit,
    /// `AS ASSIGNMENT`: the cast also applies when a value is assigned to a column.
    Assignment,
    /// The cast applies only if the query contains the cast explicitly.
    Explicit,
}

/// `CREATE EXTENSION`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateExtension {
    /// The name.
    pub name: Name,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `SCHEMA`.
    pub schema: Option<String>,
}

/// `ALTER EXTENSION name SET SCHEMA schema`.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveExtension {
    /// The name.
    pub name: Name,
    /// The schema.
    pub schema: Name,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionParameter {
    /// `IN`, `OUT`, `INOUT`, `VARIADIC`, or a column of `RETURNS TABLE`.
    pub mode: ParameterMode,
    /// The name.
    pub name: Option<Name>,
    /// The type.
    pub type_name: TypeName,
    /// Its default.
    pub default: Option<Expr>,
}

/// The modes of `pg_proc.proargmodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ParameterMode {
    In,
    Out,
    InOut,
    Variadic,
    Table,
}

/// `ALTER TABLE` and related statements.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// The kind of the object that the statement alters.
    pub object: ObjectKind,
    /// DSQL's `ALTER TABLE ASYNC`.
    pub asynchronous: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// `ONLY`: the statement does not change the tables that inherit from this table.
    pub only: bool,
    /// The name.
    pub name: QualifiedName,
    /// The actions.
    pub actions: Vec<AlterAction>,
    /// The place of each action.
    pub places: Vec<Span>,
}

/// One action of `ALTER TABLE`.
#[derive(Clone, Debug, PartialEq)]
pub enum AlterAction {
    /// `ADD COLUMN`
    AddColumn { column: TableColumn, if_not_exists: bool },
    /// `DROP COLUMN`
    DropColumn { name: Name, if_exists: bool, cascade: bool },
    /// `ALTER COLUMN … TYPE`
    SetType { column: Name, type_name: TypeName },
    /// `ALTER COLUMN … SET | DROP DEFAULT`
    SetDefault { column: Name, default: Option<Expr> },
    /// `ALTER COLUMN … SET NOT NULL`
    SetNotNull(Name),
    /// `ALTER COLUMN … DROP NOT NULL`
    DropNotNull(Name),
    /// `ALTER COLUMN … ADD GENERATED … AS IDENTITY`
    AddIdentity { column: Name, always: bool, options: Vec<SequenceOption> },
    /// `ALTER COLUMN … DROP IDENTITY`
    DropIdentity(Name),
    /// `ALTER COLUMN … DROP EXPRESSION`
    DropExpression(Name),
    /// `ADD CONSTRAINT`
    AddConstraint(Constraint),
    /// `DROP CONSTRAINT`
    DropConstraint { name: Name, if_exists: bool },
    /// `RENAME TO`
    Rename(Name),
    /// `RENAME COLUMN`
    RenameColumn { from: Name, to: Name },
    /// `RENAME CONSTRAINT`
    RenameConstraint { from: Name, to: Name },
    /// `SET SCHEMA`
    SetSchema(Name),
    /// `INHERIT parent`
    Inherit(QualifiedName),
    /// `NO INHERIT parent`
    NoInherit(QualifiedName),
    /// `ATTACH PARTITION`
    AttachPartition(QualifiedName),
    /// `DETACH PARTITION`
    DetachPartition(QualifiedName),
    /// `OF type`
    OfType(QualifiedName),
    /// `NOT OF`
    NotOfType,
    /// `VALIDATE CONSTRAINT`
    ValidateConstraint(Name),
    /// `ENABLE ROW LEVEL SECURITY` and related actions
    RowSecurity,
    /// `ADD VALUE` of an enum; the fields of `beside` are `true` and a label for `BEFORE`, or `false` and a label for
    /// `AFTER`.
    AddValue { label: String, if_not_exists: bool, beside: Option<(bool, String)> },
    /// `RENAME VALUE` of an enum
    RenameValue { from: String, to: String },
    /// An action that does not affect queries (`OWNER TO`, `SET STATISTICS`, `ENABLE TRIGGER` …); the field contains
    /// words that identify the action, for example `TRIGGER` for `ENABLE TRIGGER` and `DISABLE TRIGGER`.
    Other(&'static str),
}

/// The words of `SET LOGGED`.
pub const SET_LOGGED: &str = "SET LOGGED";
/// The words of `SET UNLOGGED`.
pub const SET_UNLOGGED: &str = "SET UNLOGGED";

/// The kinds of objects to which DDL statements can refer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ObjectKind {
    Table,
    View,
    MaterializedView,
    Index,
    Sequence,
    ForeignTable,
    Domain,
    Type,
    Schema,
    Function,
    Operator,
    Cast,
    Extension,
    /// `DROP OWNED`: everything that a role owns.
    Owned,
    Other,
}

/// `DROP`.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    /// The kind of the objects that the statement drops.
    pub object: ObjectKind,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// The names; empty for a cast, and for [`ObjectKind::Owned`] and [`ObjectKind::Other`].
    pub names: Vec<QualifiedName>,
    /// For functions: the parameters after each name; `None` if the statement does not contain parameters. For
    /// operators: the operand types after each name. For a cast: its two types. For all other objects, the list is
    /// empty.
    pub parameters: Vec<Option<Vec<FunctionParameter>>>,
    /// `CASCADE`.
    pub cascade: bool,
}

/// `ALTER FUNCTION` and related statements.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterFunction {
    /// The command's words: `ALTER FUNCTION`, `ALTER AGGREGATE` …
    pub command: &'static str,
    /// The name.
    pub name: QualifiedName,
    /// The parameters, if they are written.
    pub parameters: Option<Vec<FunctionParameter>>,
    /// The change.
    pub change: FunctionChange,
}

/// A change to a function that can affect queries.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionChange {
    /// `RENAME TO`
    Rename(Name),
    /// `SET SCHEMA`
    SetSchema(Name),
    /// New values for two properties, if the statement contains them: whether the function is strict, and its
    /// volatility.
    Properties { strict: Option<bool>, volatility: Option<Volatility> },
}

/// `SET name TO values`.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The setting.
    pub name: String,
    /// The values; empty for `DEFAULT`.
    pub values: Vec<String>,
    /// The words before the name of the setting: `SET`, `SET LOCAL`, `SET SESSION`.
    pub command: &'static str,
}
