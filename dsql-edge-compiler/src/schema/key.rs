//! Unique keys and foreign keys of tables.
//!
//! In: constraints as written. Out: keys by column name, which prove how many rows there can be and that
//! a join finds its row. A key that does not hold at every moment proves nothing.

use super::fold::Fold;
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
            ConstraintKind::Check { expr, .. } => {
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

    /// `name` is the constraint's, if it has one.
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
            // A table that refers to itself is about to be added.
            None if own => self.schema.relations.len(),
            // What the snapshot leaves out proves nothing.
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

impl Key {
    /// How PostgreSQL ends the name that it makes for such a key.
    pub(super) fn suffix(&self) -> &'static str {
        match self {
            Key { primary: true, .. } => "pkey",
            Key { constraint: true, .. } => "key",
            _ => "idx",
        }
    }
}

/// The name that PostgreSQL gives to an unnamed key: `ChooseIndexName`, and `makeObjectName`, which shortens the longer of the
/// two parts until the name has 63 bytes.
pub(super) fn key_name(table: &str, columns: &[String], suffix: &str) -> String {
    const LONGEST: usize = 63;
    let columns =
        if suffix == "pkey" { String::new() } else { clipped(&columns.join("_"), LONGEST).to_owned() };
    let separators = if columns.is_empty() { 1 } else { 2 };
    let room = LONGEST - suffix.len() - separators;
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > room {
        *(if first > second { &mut first } else { &mut second }) -= 1;
    }
    let (table, columns) = (clipped(table, first), clipped(&columns, second));
    let parts = [table, columns, suffix];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_")
}

/// The first `most` bytes of a text, or fewer, so that no character is cut.
fn clipped(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_postgresql_makes() {
        let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(key_name("t", &columns(&["a"]), "pkey"), "t_pkey");
        assert_eq!(key_name("t", &columns(&["a", "b"]), "key"), "t_a_b_key");
        assert_eq!(key_name("t", &columns(&["a"]), "idx"), "t_a_idx");
        // As PostgreSQL 16 named them.
        let table = "a_table_with_a_name_that_is_really_quite_long_for_a_table";
        let column = "a_column_with_a_name_that_is_long_too";
        assert_eq!(
            key_name(table, &columns(&[column]), "key"),
            "a_table_with_a_name_that_is_r_a_column_with_a_name_that_is__key"
        );
        assert_eq!(key_name(&"é".repeat(40), &[], "pkey"), format!("{}_pkey", "é".repeat(29)));
    }
}
