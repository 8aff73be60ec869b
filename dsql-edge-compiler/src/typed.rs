//! Defines the completely analyzed query, which `emit` and the CLI use.
//!
//! After this stage there are no lookups, and the user's SQL cannot cause an error.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::sql_type::SqlType;

/// A completely analyzed statement.
#[derive(Clone, Debug, Default)]
pub struct TypedQuery {
    /// The text to send, with `$1` for `$name` and with the columns for `*`.
    pub sql: String,
    /// Its parameters, `$1` first.
    pub parameters: Vec<TypedParameter>,
    /// Its columns; empty for a statement that returns no rows.
    pub columns: Vec<TypedColumn>,
    /// The numbers, from 1, of parameters that are arrays of one `UNNEST` and must have the same length.
    pub equal_lengths: Vec<Vec<usize>>,
    /// The possible number of rows.
    pub cardinality: Cardinality,
    /// Its effect on the database.
    pub effect: Effect,
    /// Its effect on the session that it runs in.
    pub session: SessionEffect,
    /// The idempotency key, if it is an INSERT that can serve as one.
    pub key: Option<IdempotencyKey>,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// The search path with which its names were resolved, in PostgreSQL's syntax; empty for the default, `public`.
    pub search_path: String,
    /// The warnings about it.
    pub warnings: Vec<Diagnostic>,
    /// The statement that inserts many rows at once, if there is one.
    pub unnest: Option<Unnest>,
    /// For a query with optional text, the combinations, one of which is sent instead of `sql`.
    pub combinations: Vec<Combination>,
}

/// A statement that inserts many rows at once.
#[derive(Clone, Debug)]
pub struct Unnest {
    /// The text to send.
    pub sql: String,
    /// For each parameter, the OID of its type and that of the array type that is sent.
    pub types: Vec<(u32, u32)>,
}

/// One combination of optional text.
#[derive(Clone, Debug)]
pub struct Combination {
    /// The text to send, with parameters numbered without gaps.
    pub sql: String,
    /// Its parameters, by their index among those of the query, from 0.
    pub parameters: Vec<usize>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct TypedParameter {
    /// The name, if it is written as `$name`.
    pub name: Option<String>,
    /// Its type.
    pub sql_type: SqlType,
    /// The parameter decides on optional text, which is sent if the argument is `Some`.
    pub optional: bool,
    /// NULL has a meaning for it.
    pub nullable: bool,
    /// NULL has a meaning in a use other than LIMIT. (In LIMIT, usually a value is intended.)
    pub null_expected: bool,
    /// For an array, its elements may be NULL.
    pub elements_nullable: bool,
}

impl TypedParameter {
    /// Whether its type is known; in a statement with errors it may be unknown.
    pub fn is_resolved(&self) -> bool {
        !matches!(self.sql_type.name.as_str(), "???" | "unknown")
    }
}

/// A column of the result.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    /// The name that the server reports, including the suffix of an override.
    pub name: String,
    /// The name is an alias in the query, so it may contain an override. A name from the database never contains an
    /// override.
    pub is_alias: bool,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it can be NULL; true unless the opposite is proved.
    pub nullable: bool,
    /// For an array, whether an element can be NULL.
    pub elements_nullable: bool,
    /// It is the constant NULL.
    pub always_null: bool,
    /// The column of a table that it returns unchanged.
    pub origin: Option<Origin>,
    /// The numbers of the nullable sides of outer joins that make it NULL if they have no matching row; empty if the
    /// column is proved NOT NULL, or if NULL proves nothing about a join.
    pub nulled_by: Vec<u32>,
    /// Whether the column can be NULL even if all joins in `nulled_by` match.
    pub nullable_within: bool,
    /// Its place in the SQL as written.
    pub span: Span,
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
    /// It returns no columns.
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
    /// The name that the CLI prints.
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
    /// The statement has no effect on the session after its transaction.
    Keeps,
    /// The statement may change the session: it calls a function whose body is not known.
    #[default]
    MayChange,
    /// The purpose of the statement is to change the session: `SET`, `set_config(…, false)`.
    Changes,
}

/// An INSERT of one row that a second INSERT of the same values cannot repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The unique constraints and indexes whose columns it inserts, by name.
    pub constraints: Vec<String>,
    /// Whether `constraints` has all unique and exclusion constraints of the table.
    pub all: bool,
    /// `ON CONFLICT DO NOTHING`.
    pub does_nothing: bool,
}
