//! Defines the relation that a statement writes to. `target_table` finds it.

use super::tree::RteColumn;
use crate::schema::{self, Schema};

/// The relation that a statement writes to.
pub(super) struct Target {
    /// The number of the relation in the schema.
    pub(super) relation: usize,
    /// The index of the relation's entry in the range table.
    pub(super) rte: usize,
    pub(super) columns: Vec<RteColumn>,
    pub(super) not_null: Vec<bool>,
    /// The table that is written to: the relation itself, or the base table of a view.
    pub(super) base: usize,
    /// For each column of the relation, the corresponding column of the base table; `None` if a view computes the
    /// column.
    pub(super) base_columns: Vec<Option<usize>>,
    /// `OVERRIDING SYSTEM VALUE` is `true`, `OVERRIDING USER VALUE` is `false`.
    pub(super) overriding: Option<bool>,
}

impl Target {
    /// Returns the base table's column that corresponds to a column of the relation.
    pub(super) fn base_column<'s>(&self, schema: &'s Schema, column: usize) -> Option<&'s schema::Column> {
        let base = (*self.base_columns.get(column)?)?;
        schema.relations.get(self.base)?.columns.get(base)
    }
}
