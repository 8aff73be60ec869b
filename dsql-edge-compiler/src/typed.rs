//! Defines the completely analyzed query, which `emit` and the CLI use.
//!
//! Later stages look up nothing, and the user's SQL cannot cause an error in them.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::sql_type::SqlType;

/// A completely analyzed statement.
#[derive(Clone, Debug, Default)]
pub struct TypedQuery {
    /// The text to send, with `$1` for `$name` and with the columns for `*`.
    pub sql: String,
    /// The parameters of the statement, `$1` first.
    pub parameters: Vec<TypedParameter>,
    /// The columns of the result; empty for a statement that returns no rows.
    pub columns: Vec<TypedColumn>,
    /// For each `UNNEST` of several arrays: the numbers of the parameters that are these arrays, whose lengths must be
    /// equal. The first parameter has the number 1.
    pub equal_lengths: Vec<Vec<usize>>,
    /// The possible number of rows.
    pub cardinality: Cardinality,
    /// The effect of the statement on the database.
    pub effect: Effect,
    /// The effect of the statement on its session.
    pub session: SessionEffect,
    /// Whether the statement can be the idempotency key of a transaction.
    pub idempotency: Idempotency,
    /// The tables whose names are in the statement.
    pub tables: Vec<String>,
    /// The search path with which the names in the statement were resolved, in PostgreSQL's syntax; empty for the
    /// default, `public`.
    pub search_path: String,
    /// The warnings about the statement.
    pub warnings: Vec<Diagnostic>,
    /// The statement that inserts many rows at once, if there is one.
    pub unnest: Option<Unnest>,
    /// For a query with optional text, the combinations, one of which is sent instead of `sql`.
    pub combinations: Vec<Combination>,
    /// For each piece of optional text, the indexes of the parameters that must all be given so that the piece is sent;
    /// the first parameter has the index 0.
    pub optional_texts: Vec<Vec<usize>>,
}

/// A statement that runs in batches.
#[derive(Clone, Debug)]
pub struct Batches {
    /// The statement as written.
    pub statement: TypedQuery,
    /// The statement for the first batch. Its result has two columns: the last key (`text[]`) and the number of rows
    /// (`bigint`).
    pub first: TypedQuery,
    /// The statement for each later batch; its last parameter is the last key (`text[]`) of the previous batch.
    pub next: TypedQuery,
}

/// A statement that inserts many rows at once.
#[derive(Clone, Debug)]
pub struct Unnest {
    /// The text to send.
    pub sql: String,
    /// For each parameter, the OID of its type, and the OID of the array type that is sent.
    pub types: Vec<(u32, u32)>,
}

/// One combination of optional text.
#[derive(Clone, Debug)]
pub struct Combination {
    /// The SQL to send; the numbers of its parameters have no gaps.
    pub sql: String,
    /// The parameters of the combination, as indexes (from 0) into the parameters of the query.
    pub parameters: Vec<usize>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct TypedParameter {
    /// The name of the parameter, if it is written as `$name`.
    pub name: Option<String>,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether the parameter decides on optional text: the optional text is sent if the argument is `Some`.
    pub optional: bool,
    /// Whether NULL has a meaning in one of the parameter's uses, for example because the parameter is assigned to a
    /// nullable column.
    pub nullable: bool,
    /// Whether NULL has a meaning in at least one of the parameter's uses, apart from LIMIT. (`LIMIT $1` accepts
    /// NULL, but usually a number is intended.)
    pub null_expected: bool,
    /// Whether NULL is an ordinary value in at least one use of the parameter: the query tests the parameter for NULL,
    /// or writes it to a nullable column.
    pub null_is_value: bool,
    /// For an array, whether the elements may be NULL.
    pub elements_nullable: bool,
    /// The labels that the argument (or the elements of an array) can have. The labels are those of an enum, or those
    /// to which a `CHECK` restricts a column. `None` if not all uses of the parameter accept the same labels.
    pub labels: Option<Labels>,
}

impl TypedParameter {
    /// Whether the type of the parameter is known; it may be unknown if the statement has errors.
    pub fn is_resolved(&self) -> bool {
        !matches!(self.sql_type.name.as_str(), "???" | "unknown")
    }
}

/// A column of the result.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    /// The name that the server reports, including the suffix of an override.
    pub name: String,
    /// Whether the name is an alias in the query, so that the name may contain an override. A name from the database
    /// never contains an override.
    pub is_alias: bool,
    /// Its type.
    pub sql_type: SqlType,
    /// The name of the domain, if the column's type is a domain; `sql_type` is the domain's base type, because the
    /// server sends values of a domain as values of its base type.
    pub domain: Option<String>,
    /// The labels that the column's values can have, if the schema lists them.
    pub labels: Option<Labels>,
    /// Whether the column can be NULL; true unless the opposite is proved.
    pub nullable: bool,
    /// For an array, whether an element can be NULL.
    pub elements_nullable: bool,
    /// Whether the column's expression is the constant NULL.
    pub always_null: bool,
    /// The table column from which this column returns the values unchanged.
    pub origin: Option<Origin>,
    /// The outer joins that make the column NULL if they find no matching row. Each join is identified by the number of
    /// its nullable side. The list is empty if the column is proved NOT NULL, or if a NULL in the column does not prove
    /// that a join found no match.
    pub nulled_by: Vec<u32>,
    /// Whether the column can be NULL even if all joins in `nulled_by` match.
    pub nullable_within: bool,
    /// The span of the column in the SQL that the user wrote.
    pub span: Span,
    /// Whether the column comes from a `*`, which cannot have an alias.
    pub from_star: bool,
}

/// The labels that a column, or the elements of an array, can have: those of an enum, or those that a `CHECK` allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The column, the enum or the domain that has these labels, for messages: `orders.status`.
    pub of: String,
    /// The labels, in the order of the schema.
    pub values: Vec<String>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// The number of rows that a statement returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// The statement returns no columns.
    #[default]
    None,
    /// Always exactly one row.
    One,
    /// At most one row.
    AtMostOne,
    /// Any number of rows.
    Many,
}

impl Cardinality {
    /// Returns the name that the CLI prints.
    pub fn name(self) -> &'static str {
        match self {
            Cardinality::None => "none",
            Cardinality::One => "one",
            Cardinality::AtMostOne => "zero-or-one",
            Cardinality::Many => "many",
        }
    }
}

/// The effect of a statement on the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The statement does not write, and every function in it is known not to write.
    Read,
    /// The statement may write: a SELECT that calls a function which may write, or that locks rows.
    MayWrite,
    /// The statement writes, or its effect is not known.
    #[default]
    Write,
}

/// The effect of a statement on its session: settings, prepared statements, temporary tables, locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionEffect {
    /// The statement has no effect on the session, or its effect ends with the transaction.
    Keeps,
    /// The statement may change the session: it may run code that the compiler does not analyze, such as the body of a
    /// function.
    #[default]
    MayChange,
    /// The purpose of the statement is to change the session: `SET`, `set_config(…, false)`.
    Changes,
}

/// Whether a statement can be the idempotency key of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    /// The statement is not an INSERT.
    #[default]
    NotAnInsert,
    /// The statement is an INSERT that can be the idempotency key.
    Key(IdempotencyKey),
    /// The statement is an INSERT that cannot be the idempotency key; the field is the reason.
    NotAKey(String),
}

impl Idempotency {
    /// Returns the idempotency key, if the statement can be one.
    pub fn key(&self) -> Option<&IdempotencyKey> {
        match self {
            Idempotency::Key(key) => Some(key),
            Idempotency::NotAnInsert | Idempotency::NotAKey(_) => None,
        }
    }
}

/// An INSERT of one row that cannot insert the same values a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The names of the unique constraints and indexes whose columns the INSERT writes.
    pub constraints: Vec<String>,
    /// Whether `constraints` has all unique and exclusion constraints of the table.
    pub all: bool,
    /// Whether the INSERT has `ON CONFLICT DO NOTHING`.
    pub does_nothing: bool,
}
