//! Keeps the unique keys and foreign keys of tables.
//!
//! Input: constraints as written. Output: keys by column name. From these keys, `analyze` proves the maximum number of
//! rows of a query, and that a join finds a row. A key that does not always hold proves nothing.

use super::fold::Fold;
use super::key_name::key_name;
use super::{ForeignKey, Key, Relation};
use crate::diagnostic::Code;
use crate::syntax::ast::{Constraint, ConstraintKind, ForeignKeyConstraint, KeyConstraint, Name};

impl Fold {
    pub(super) fn add_constraint(&mut self, relation: &mut Relation, constraint: Constraint) {
        let (key, primary) = match constraint.kind {
            ConstraintKind::PrimaryKey(key) => (key, true),
            ConstraintKind::Unique(key) => (key, false),
            ConstraintKind::Exclude => {
                relation.has_other_keys = true;
                return;
            }
            ConstraintKind::Check { expr, not_valid, no_inherit } => {
                relation.add_check(constraint.name, &expr, not_valid, no_inherit);
                relation.evaluated.push(expr);
                return;
            }
            ConstraintKind::ForeignKey(mut key) => {
                let columns = std::mem::take(&mut key.columns).into_iter().map(|column| column.text);
                let name = constraint.name.map(|name| name.text);
                return self.add_foreign_key(relation, columns.collect(), key, name);
            }
            _ => return,
        };
        self.add_key(relation, key, primary, constraint.name);
    }

    pub(super) fn add_key(
        &mut self,
        relation: &mut Relation,
        key: KeyConstraint,
        primary: bool,
        name: Option<Name>,
    ) {
        if let Some(index) = &key.index {
            // `USING INDEX`: the index becomes the constraint and takes its name.
            if let Some(known) =
                relation.keys.iter_mut().find(|known| known.name.as_deref() == Some(&index.text))
            {
                known.constraint = true;
                known.primary = primary;
                let columns = known.columns.clone();
                if let Some(name) = name {
                    known.name = Some(name.text);
                }
                if primary {
                    set_not_null(relation, &columns);
                }
            }
            return;
        }
        for column in &key.columns {
            if relation.column(&column.text).is_none() {
                let message = format!("column \"{}\" named in key does not exist", column.text);
                self.problem(Code::UnknownColumn, column.span, message);
            }
        }
        let columns: Vec<String> = key.columns.into_iter().map(|column| column.text).collect();
        if primary {
            set_not_null(relation, &columns);
        }
        let suffix = if primary { "pkey" } else { "key" };
        let name = name.map(|name| name.text);
        let name = name.or_else(|| Some(key_name(&relation.name, &columns, suffix)));
        let nulls_not_distinct = key.nulls_not_distinct;
        relation.keys.push(Key {
            name,
            columns,
            primary,
            constraint: true,
            nulls_not_distinct,
            own_equality: false,
            partial: false,
            deferrable: key.deferrable,
        });
    }

    /// Adds a foreign key. `name` is the name of the constraint, if a name is written.
    pub(super) fn add_foreign_key(
        &mut self,
        relation: &mut Relation,
        columns: Vec<String>,
        key: ForeignKeyConstraint,
        name: Option<String>,
    ) {
        let own = key.table.name() == relation.name
            && key.table.schema().is_none_or(|schema| schema == relation.schema);
        let table = match self.find_relation(&key.table) {
            Some(at) => at,
            // The table refers to itself and will get the next index.
            None if own => self.schema.relations.len(),
            // A foreign key to a table that is not in the snapshot proves nothing.
            None => return,
        };
        let referenced = if key.referenced.is_empty() {
            let keys = if own { &relation.keys } else { &self.schema.relations[table].keys };
            keys.iter().find(|key| key.primary).map(|key| key.columns.clone()).unwrap_or_default()
        } else {
            key.referenced.into_iter().map(|column| column.text).collect()
        };
        let name = name.unwrap_or_else(|| format!("{}_{}_fkey", relation.name, columns.join("_")));
        let (validated, deferrable) = (!key.not_valid, key.deferrable);
        relation.foreign_keys.push(ForeignKey { name, columns, table, referenced, validated, deferrable });
    }
}

fn set_not_null(relation: &mut Relation, columns: &[String]) {
    for column in relation.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
        column.not_null = true;
    }
}
