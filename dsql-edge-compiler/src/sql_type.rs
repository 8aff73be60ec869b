//! SQL types as they leave the analyzer.

/// A type with what emission and messages need of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlType {
    /// The OID on every server; 0 for types of the schema, whose OID only the server has.
    pub oid: u32,
    /// PostgreSQL's `typname`: `int4`, `_text`.
    pub name: String,
    /// As PostgreSQL's messages have it: `integer`, `text[]`.
    pub display: String,
    /// What it is.
    pub kind: SqlTypeKind,
}

/// The kinds of type.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlTypeKind {
    /// A type of PostgreSQL's without parts.
    Scalar,
    /// An array, and its element.
    Array(Box<SqlType>),
    /// A domain, and the type below.
    Domain(Box<SqlType>),
    /// An enum and its labels.
    Enum(Vec<String>),
    /// A row or record.
    Composite,
    /// A range or multirange.
    Range,
}

impl SqlType {
    /// The type below a domain.
    pub fn base(&self) -> &SqlType {
        match &self.kind {
            SqlTypeKind::Domain(base) => base.base(),
            _ => self,
        }
    }
}
