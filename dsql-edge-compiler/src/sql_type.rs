//! Defines SQL types in the output of the analyzer.

/// An SQL type, with the facts about it that the emission of code and the messages need.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlType {
    /// The OID, if the type has the same OID on every server; 0 for other types, such as types of the schema, because
    /// their OIDs differ between servers.
    pub oid: u32,
    /// PostgreSQL's `typname`: `int4`, `_text`.
    pub name: String,
    /// The name in PostgreSQL's messages: `integer`, `text[]`.
    pub display: String,
    /// The kind of type.
    pub kind: SqlTypeKind,
}

/// The kinds of type.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlTypeKind {
    /// Any other type, such as `int4`; also an array that the runtime does not split into elements, such as `box[]`.
    Scalar,
    /// An array, and the type of its elements.
    Array(Box<SqlType>),
    /// A domain, and its base type.
    Domain(Box<SqlType>),
    /// An enum and its labels.
    Enum(Vec<String>),
    /// A row or record.
    Composite,
    /// A range or multirange.
    Range,
}

impl SqlType {
    /// Returns the type itself; for a domain, returns the first type under the domain that is not a domain.
    pub fn base(&self) -> &SqlType {
        match &self.kind {
            SqlTypeKind::Domain(base) => base.base(),
            _ => self,
        }
    }
}
