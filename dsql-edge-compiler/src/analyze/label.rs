//! Defines the name of a column, and whether it is an alias in the query.
//!
//! Overrides (`"x!"`, `"x?"`, `"x: T"`) are written into aliases. A name from the database is never an override.
//! Otherwise, a person who may create a table could choose Rust types in other developers' builds, and declare columns
//! NOT NULL there.

use std::fmt;
use std::ops::Deref;

/// The name of a column. The label dereferences to `str`, and comparisons use only its text.
#[derive(Clone, Debug)]
pub(super) struct ColumnLabel {
    text: String,
    /// Whether the name is an alias in the query: `AS "x"`, `AS t ("x")`, `WITH c ("x")`.
    pub(super) is_alias: bool,
}

impl ColumnLabel {
    /// Makes the label of a name that is an alias in the query.
    pub(super) fn alias(text: &str) -> ColumnLabel {
        ColumnLabel { text: text.to_owned(), is_alias: true }
    }

    /// Returns a label with the same text that is not an alias. For example, an alias in the query of a view is an
    /// ordinary column name in a query that reads the view.
    pub(super) fn of_database(&self) -> ColumnLabel {
        ColumnLabel { text: self.text.clone(), is_alias: false }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Makes a label from a name that is not an alias: the name comes from the database or from PostgreSQL.
impl<T: Into<String>> From<T> for ColumnLabel {
    fn from(text: T) -> ColumnLabel {
        ColumnLabel { text: text.into(), is_alias: false }
    }
}

impl Deref for ColumnLabel {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ColumnLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ColumnLabel {
    fn eq(&self, other: &ColumnLabel) -> bool {
        self.text == other.text
    }
}

impl PartialEq<String> for ColumnLabel {
    fn eq(&self, other: &String) -> bool {
        self.text == *other
    }
}

impl PartialEq<str> for ColumnLabel {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}
