//! The two formats of PostgreSQL's values.

/// The format of a type's values: one of PostgreSQL's two formats, or either of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text that `psql` would show, for types without a decoder in this crate.
    Text,
    /// The output of the type's `typsend`.
    Binary,
    /// The binary format. The server's description of a column is compared only by OID, not by format: either both
    /// formats have the same bytes (the text family, the labels of enums), or the type belongs to the schema, so its
    /// OID is not known.
    Same,
}

impl Format {
    /// The format code of Bind and RowDescription.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary | Format::Same => 1,
        }
    }
}
