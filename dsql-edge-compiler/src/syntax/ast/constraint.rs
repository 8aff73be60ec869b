//! Defines the tree of constraints: of columns, tables and domains.

use super::{Expr, IndexElement, Name, QualifiedName, SequenceOption};
use crate::source::Span;

/// A constraint of a column, table or domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// `CONSTRAINT name`.
    pub name: Option<Name>,
    /// Its content.
    pub kind: ConstraintKind,
    /// The place of the constraint.
    pub span: Span,
}

/// The content of a constraint.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// `NOT NULL`
    NotNull,
    /// `NULL`
    Null,
    /// `DEFAULT …`
    Default(Expr),
    /// `GENERATED ALWAYS | BY DEFAULT AS IDENTITY (…)`
    Identity { always: bool, options: Vec<SequenceOption> },
    /// `GENERATED ALWAYS AS (…) STORED`
    Generated(Expr),
    /// `CHECK (…)`
    Check { expr: Expr, checked: CheckedRows, no_inherit: bool },
    /// `PRIMARY KEY`; a column constraint does not list columns.
    PrimaryKey(KeyConstraint),
    /// `UNIQUE`
    Unique(KeyConstraint),
    /// `EXCLUDE … (element WITH operator, …)`: the elements, and the columns of INCLUDE.
    Exclude(Vec<IndexElement>),
    /// `REFERENCES`, `FOREIGN KEY`
    ForeignKey(ForeignKeyConstraint),
    /// `DEFERRABLE` and related attributes, which are separate elements in the grammar.
    Attribute(ConstraintAttribute),
}

/// The rows that PostgreSQL checks against a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CheckedRows {
    /// No rows: `NOT ENFORCED`.
    None,
    /// Rows that a statement writes later, but not older rows: `NOT VALID`.
    Written,
    /// All rows.
    #[default]
    All,
}

/// An attribute such as `DEFERRABLE`, which belongs to the constraint before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintAttribute {
    /// `DEFERRABLE`
    Deferrable,
    /// `NOT DEFERRABLE`
    NotDeferrable,
    /// `INITIALLY DEFERRED`, which implies `DEFERRABLE`.
    InitiallyDeferred,
    /// `INITIALLY IMMEDIATE`
    InitiallyImmediate,
}

impl ConstraintAttribute {
    /// Returns the words of the attribute.
    pub fn words(self) -> &'static str {
        match self {
            ConstraintAttribute::Deferrable => "DEFERRABLE",
            ConstraintAttribute::NotDeferrable => "NOT DEFERRABLE",
            ConstraintAttribute::InitiallyDeferred => "INITIALLY DEFERRED",
            ConstraintAttribute::InitiallyImmediate => "INITIALLY IMMEDIATE",
        }
    }

    /// Whether the attribute makes the constraint deferrable.
    pub fn defers(self) -> bool {
        matches!(self, ConstraintAttribute::Deferrable | ConstraintAttribute::InitiallyDeferred)
    }
}

/// `REFERENCES` or `FOREIGN KEY`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKeyConstraint {
    /// The columns; empty for a column constraint.
    pub columns: Vec<Name>,
    /// The referenced table.
    pub table: QualifiedName,
    /// The referenced columns; empty for the table's primary key.
    pub referenced: Vec<Name>,
    /// `NOT VALID` or `NOT ENFORCED`.
    pub not_valid: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `ON DELETE`.
    pub on_delete: ReferentialAction,
    /// `ON UPDATE`.
    pub on_update: ReferentialAction,
}

/// The effect on the referencing rows if a referenced row is deleted, or if the key of a referenced row changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReferentialAction {
    /// `NO ACTION` or `RESTRICT`: an error.
    #[default]
    Nothing,
    /// `CASCADE`
    Cascade,
    /// `SET NULL` or `SET DEFAULT`
    Set,
}

/// The attributes after a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ConstraintAttributes {
    /// `NOT VALID`, `NOT ENFORCED`.
    pub checked: CheckedRows,
    /// `DEFERRABLE`, or `INITIALLY DEFERRED`, which implies `DEFERRABLE`.
    pub deferrable: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
}

/// `PRIMARY KEY` or `UNIQUE`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct KeyConstraint {
    /// The columns; empty for a column constraint and for `USING INDEX`.
    pub columns: Vec<Name>,
    /// `INCLUDE (…)`.
    pub include: Vec<Name>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `USING INDEX name`.
    pub index: Option<Name>,
    /// `DEFERRABLE`.
    pub deferrable: bool,
}
