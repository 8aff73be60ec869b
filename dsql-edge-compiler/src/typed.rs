//! A query of which everything is known: what `emit` and the CLI see.
//!
//! Inert: no lookup, no failure for the user's SQL comes after it.

use crate::diagnostic::Diagnostic;
use crate::sql_type::SqlType;

/// A fully analysed statement.
#[derive(Clone, Debug, Default)]
pub struct TypedQuery {
    /// The text to send: `$name` has become `$1`.
    pub sql: String,
    /// Its parameters, `$1` first.
    pub parameters: Vec<TypedParameter>,
    /// Its columns; none for a statement that returns no rows.
    pub columns: Vec<TypedColumn>,
    /// How many rows there can be.
    pub cardinality: Cardinality,
    /// Whether it can change anything.
    pub effect: Effect,
    /// The tables it names.
    pub tables: Vec<String>,
    /// What is suspicious about it.
    pub warnings: Vec<Diagnostic>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct TypedParameter {
    /// `$name`, if it was written so.
    pub name: Option<String>,
    /// Its type.
    pub sql_type: SqlType,
    /// NULL means something there.
    pub nullable: bool,
}

/// A column of the result.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    /// As the server reports it, an override's suffix included.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it can be NULL: proved otherwise, or nullable.
    pub nullable: bool,
    /// Of an array: whether an element can be NULL.
    pub elements_nullable: bool,
    /// It is the constant NULL.
    pub always_null: bool,
    /// Where it stands in the SQL as written.
    pub span: crate::source::Span,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: every function in it is known not to write.
    Read,
    /// Something, or nobody knows.
    #[default]
    Write,
}
