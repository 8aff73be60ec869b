//! The system columns of a table (`ctid`, `tableoid` …), and their column numbers in the tree.

use crate::builtin::{Oid, oid};

/// The system columns, which every row has; their column numbers count down from [`FIRST_SYSTEM_COLUMN`].
pub(super) const SYSTEM_COLUMNS: [(&str, Oid); 6] = [
    ("ctid", oid::TID),
    ("xmin", oid::XID),
    ("xmax", oid::XID),
    ("cmin", oid::CID),
    ("cmax", oid::CID),
    ("tableoid", oid::OID),
];

/// The column number of the first system column. The number after that of the first system column means the whole row.
pub(super) const FIRST_SYSTEM_COLUMN: usize = usize::MAX - 1;

/// Returns the system column of this number.
pub(super) fn system_column(column: usize) -> Option<(&'static str, Oid)> {
    SYSTEM_COLUMNS.get(FIRST_SYSTEM_COLUMN.checked_sub(column)?).copied()
}
