//! The rows of the catalog, and access to their columns.
//!
//! Input: rows of text. Output: the values of columns, and rows in groups.

use std::collections::BTreeMap;

/// The rows of a query, every column as text or NULL.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Groups rows by the key in one of their columns, in the order of the rows.
pub(super) fn by_relation(rows: Rows, column: usize) -> BTreeMap<String, Rows> {
    let mut grouped: BTreeMap<String, Rows> = BTreeMap::new();
    for row in rows {
        grouped.entry(text(&row, column)).or_default().push(row);
    }
    grouped
}

/// Returns the value of a column, or "" for NULL.
pub(super) fn text(row: &[Option<String>], column: usize) -> String {
    row.get(column).cloned().flatten().unwrap_or_default()
}
