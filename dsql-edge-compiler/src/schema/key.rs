//! Adds constraints to tables, and keeps the unique keys and exclusion constraints. `check` keeps the checks, and
//! `foreign_key` the foreign keys.
//!
//! Input: constraints as written. Output: keys by column name. From the unique keys and foreign keys, `analyze` derives
//! the maximum number of rows of a query, and which joins always find a row. A key that rows can violate, for example a
//! deferrable key before COMMIT, proves nothing.

use super::alter::unknown_column;
use super::check::columns as columns_of;
use super::fold::Fold;
use super::key_name::{free_name, index_column_names};
use super::{Exclusion, Key, Relation};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Constraint, ConstraintKind, IndexElement, KeyConstraint, Name};

impl Fold {
    pub(super) fn add_constraint(&mut self, relation: &mut Relation, constraint: Constraint) {
        let (key, primary) = match constraint.kind {
            ConstraintKind::PrimaryKey(key) => (key, true),
            ConstraintKind::Unique(key) => (key, false),
            ConstraintKind::Exclude(elements) => {
                return self.add_exclusion(relation, &elements, constraint.name);
            }
            ConstraintKind::Check { expr, checked, no_inherit } => {
                relation.add_check(constraint.name, &expr, checked, no_inherit);
                relation.evaluated.push(expr);
                return;
            }
            ConstraintKind::ForeignKey(key) => {
                return match &mut self.written_later {
                    Some(later) => {
                        later.push(Constraint { kind: ConstraintKind::ForeignKey(key), ..constraint })
                    }
                    None => self.add_foreign_key(relation, constraint.name, key, constraint.span),
                };
            }
            _ => return,
        };
        self.add_key(relation, key, primary, constraint.name, constraint.span);
    }

    pub(super) fn add_key(
        &mut self,
        relation: &mut Relation,
        key: KeyConstraint,
        primary: bool,
        name: Option<Name>,
        place: Span,
    ) {
        // A second primary key of a partition is not an error: the partition may already have the key that its parent
        // adds.
        if primary && !relation.partitioned && relation.keys.iter().any(|known| known.primary) {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", relation.name);
            self.problem(Code::InvalidTable, place, message);
        }
        if let Some(index) = &key.index {
            // `USING INDEX`: the index becomes the constraint; if the constraint has a name, the index gets this name.
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
            // From now on, the index belongs to the constraint.
            self.forget_index(&index.text);
            return;
        }
        for column in key.columns.iter().chain(&key.include) {
            if relation.column(&column.text).is_none() {
                let message = format!("column \"{}\" named in key does not exist", column.text);
                self.problems.push(unknown_column(relation, &column.text, column.span, message));
            }
        }
        let columns: Vec<String> = key.columns.into_iter().map(|column| column.text).collect();
        if let Some(at) = (1..columns.len()).find(|at| columns[..*at].contains(&columns[*at])) {
            let kind = if primary { "primary key" } else { "unique" };
            let message = format!("column \"{}\" appears twice in {kind} constraint", columns[at]);
            self.problem(Code::DuplicateColumn, place, message);
        }
        if primary {
            set_not_null(relation, &columns);
        }
        let suffix = if primary { "pkey" } else { "key" };
        let is_named = name.is_some();
        let include: Vec<String> = key.include.into_iter().map(|column| column.text).collect();
        let name = name.map(|name| name.text);
        let all = || [columns.as_slice(), &include].concat();
        let name = name.or_else(|| Some(self.free_key_name(relation, &all(), suffix)));
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
            is_named,
            include,
        });
    }

    fn add_exclusion(&self, relation: &mut Relation, elements: &[IndexElement], name: Option<Name>) {
        relation.has_other_keys = true;
        let chosen = || Some(self.free_key_name(relation, &index_column_names(elements)?, "excl"));
        let name = name.map(|name| name.text).or_else(chosen);
        relation.evaluated.extend(elements.iter().map(|element| element.expr.clone()));
        let columns = elements.iter().flat_map(|element| columns_of(&element.expr)).collect();
        relation.exclusions.push(Exclusion { name, columns });
    }

    /// Returns the name of an unnamed key: the first name that no relation of the schema and no key of the table has.
    /// The name of a constraint must also differ from the names of the table's other constraints.
    pub(super) fn free_key_name(&self, relation: &Relation, columns: &[String], suffix: &str) -> String {
        let is_taken = |name: &str| {
            self.schema.relation(&relation.schema, name).is_some()
                || relation.keys.iter().any(|key| key.name.as_deref() == Some(name))
                || (suffix != "idx" && relation.has_constraint(name))
        };
        free_name(&relation.name, columns, suffix, is_taken)
    }
}

/// Merges equal keys of one CREATE TABLE into one, as `transformIndexConstraints` does. PostgreSQL puts the primary key
/// first; the merged key has the first name that is written.
pub(super) fn merge_equal_keys(keys: &mut Vec<Key>) {
    keys.sort_by_key(|key| !key.primary);
    let mut merged: Vec<Key> = Vec::with_capacity(keys.len());
    for key in keys.drain(..) {
        let equal = merged.iter_mut().find(|known| {
            known.columns == key.columns
                && known.include == key.include
                && known.nulls_not_distinct == key.nulls_not_distinct
                && known.deferrable == key.deferrable
        });
        match equal {
            None => merged.push(key),
            Some(known) if key.is_named && !known.is_named => {
                (known.name, known.is_named) = (key.name, true);
            }
            Some(_) => {}
        }
    }
    *keys = merged;
}

fn set_not_null(relation: &mut Relation, columns: &[String]) {
    for column in relation.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
        column.not_null = true;
    }
}
