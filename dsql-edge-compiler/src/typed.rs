//! A query of which everything is known: what `emit` and the CLI see.
//!
//! Inert: no lookup, no failure for the user's SQL comes after it.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::sql_type::SqlType;

/// A fully analysed statement.
#[derive(Clone, Debug, Default)]
pub struct TypedQuery {
    /// The text to send: `$name` has become `$1`, and `*` its columns.
    pub sql: String,
    /// Its parameters, `$1` first.
    pub parameters: Vec<TypedParameter>,
    /// Its columns; none for a statement that returns no rows.
    pub columns: Vec<TypedColumn>,
    /// Parameters, from 1, that are arrays of one `UNNEST`: they must be equally long.
    pub equal_lengths: Vec<Vec<usize>>,
    /// How many rows there can be.
    pub cardinality: Cardinality,
    /// Whether it can change anything.
    pub effect: Effect,
    /// Whether it can change the session that it runs in.
    pub session: SessionEffect,
    /// What makes it an idempotency key, if it is an INSERT that can serve as one.
    pub key: Option<IdempotencyKey>,
    /// The tables it names.
    pub tables: Vec<String>,
    /// Where its names were looked up, as PostgreSQL takes it; empty for the usual, `public`.
    pub search_path: String,
    /// What is suspicious about it.
    pub warnings: Vec<Diagnostic>,
    /// The statement that takes many rows at once, if there is one.
    pub unnest: Option<Unnest>,
    /// What is sent instead of `sql`, where the query has optional text: one for each combination.
    pub combinations: Vec<Combination>,
}

/// A statement that takes many rows at once.
#[derive(Clone, Debug)]
pub struct Unnest {
    /// The text to send.
    pub sql: String,
    /// Of each parameter: the OID of its type, and that of the array of it which is sent.
    pub types: Vec<(u32, u32)>,
}

/// One combination of optional text.
#[derive(Clone, Debug)]
pub struct Combination {
    /// The text to send, its parameters numbered without gaps.
    pub sql: String,
    /// Its parameters, by their place among those of the query, from 0.
    pub parameters: Vec<usize>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct TypedParameter {
    /// `$name`, if it was written so.
    pub name: Option<String>,
    /// Its type.
    pub sql_type: SqlType,
    /// It decides on optional text, which is there if its argument is `Some`.
    pub optional: bool,
    /// NULL means something there.
    pub nullable: bool,
    /// And not only as LIMIT takes NULL, where a value is what people mean.
    pub null_expected: bool,
    /// Of an array: NULL means something for its elements.
    pub elements_nullable: bool,
}

impl TypedParameter {
    /// Whether its type is known; of a statement that is wrong it may not be.
    pub fn is_resolved(&self) -> bool {
        !matches!(self.sql_type.name.as_str(), "???" | "unknown")
    }
}

/// A column of the result.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    /// As the server reports it, an override's suffix included.
    pub name: String,
    /// The query wrote the name as an alias, so an override may be in it. No name of the database's is one.
    pub is_alias: bool,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it can be NULL: proved otherwise, or nullable.
    pub nullable: bool,
    /// Of an array: whether an element can be NULL.
    pub elements_nullable: bool,
    /// It is the constant NULL.
    pub always_null: bool,
    /// The column of a table that it shows unchanged.
    pub origin: Option<Origin>,
    /// The nullable sides of outer joins that make it NULL when they miss, by number; empty where the
    /// column is proved NOT NULL, or where NULL proves nothing about a join.
    pub nulled_by: Vec<u32>,
    /// Whether it can be NULL even when all of those joins match.
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

/// How many rows a statement gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// It returns no columns.
    #[default]
    None,
    /// Always exactly one row.
    One,
    /// None or one.
    AtMostOne,
    /// Any number.
    Many,
}

impl Cardinality {
    /// As the CLI prints it.
    pub fn name(self) -> &'static str {
        match self {
            Cardinality::None => "none",
            Cardinality::One => "one",
            Cardinality::AtMostOne => "zero-or-one",
            Cardinality::Many => "many",
        }
    }
}

/// What running a statement can change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing: every function in it is known not to write.
    Read,
    /// Perhaps something: a SELECT that calls a function which may write, or locks rows.
    MayWrite,
    /// Something, or that is not known.
    #[default]
    Write,
}

/// What running a statement leaves behind in its session: settings, prepared statements, temporary tables, locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionEffect {
    /// Nothing that outlives its transaction.
    Keeps,
    /// Perhaps something: it calls a function whose body is not known.
    #[default]
    MayChange,
    /// It is meant to change the session: `SET`, `set_config(…, false)`.
    Changes,
}

/// An INSERT of one row that a second INSERT of the same values cannot repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The unique constraints and indexes whose columns it inserts, by name.
    pub constraints: Vec<String>,
    /// Whether these are all unique and exclusion constraints of the table.
    pub all: bool,
    /// `ON CONFLICT DO NOTHING`.
    pub does_nothing: bool,
}
