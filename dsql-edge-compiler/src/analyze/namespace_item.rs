//! Defines [`NamespaceItem`] (`ParseNamespaceItem`): one table, subquery, function or join, with its columns, to which
//! the names at one point of a query can refer.

use super::label::ColumnLabel;
use super::tree::Node;
use crate::builtin::Oid;

/// One entry of the namespace: a name, and the columns that can be referenced through it.
#[derive(Clone, Debug)]
pub(super) struct NamespaceItem {
    /// The alias; empty for an unnamed join.
    pub(super) name: String,
    /// The table's schema, if the table has no alias: `schema.table.column` is valid.
    pub(super) schema: Option<String>,
    /// The name and the expression of each column.
    pub(super) columns: Vec<(ColumnLabel, Node)>,
    /// The columns that `*` does not include. If a recursive query refers to itself, these are the columns that its
    /// SEARCH and CYCLE add.
    pub(super) unlisted: Vec<(ColumnLabel, Node)>,
    /// The range table entry; `None` for a join.
    pub(super) rte: Option<usize>,
    /// Whether `name.column` can refer to a column of the entry.
    pub(super) relation_visible: bool,
    /// Whether an unqualified `column` can refer to a column of the entry.
    pub(super) columns_visible: bool,
    /// Whether only a LATERAL item can refer to the entry.
    pub(super) lateral_only: bool,
    /// Whether a LATERAL item may refer to the entry; `false` on the left of a RIGHT or FULL join, and for the target
    /// of an UPDATE or DELETE while FROM or USING is analyzed.
    pub(super) lateral_ok: bool,
    /// Whether the entry is a function, a query, a view or `excluded`; these have no system columns.
    pub(super) derived: bool,
    /// The type of the entry's whole row, if this type has a name.
    pub(super) row_type: Option<Oid>,
    /// Whether the entry is a function with one scalar result.
    pub(super) scalar: bool,
    /// Whether the entry is below a join. Below a join, an unqualified name can refer only to the columns of the join,
    /// which do not include system columns.
    pub(super) joined: bool,
}

impl NamespaceItem {
    /// Returns the columns of this name.
    pub(super) fn columns_named<'i>(&'i self, name: &'i str) -> impl Iterator<Item = &'i Node> {
        let all = self.columns.iter().chain(&self.unlisted);
        all.filter(move |(column, _)| column == name).map(|(_, node)| node)
    }

    /// Makes an item without a range table entry. A query can refer to the columns of this item as `column` and as
    /// `name.column`.
    pub(super) fn of_columns(name: String, columns: Vec<(ColumnLabel, Node)>) -> Self {
        NamespaceItem {
            name,
            schema: None,
            columns,
            unlisted: Vec::new(),
            rte: None,
            relation_visible: true,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            derived: false,
            row_type: None,
            scalar: false,
            joined: false,
        }
    }
}
