//! Checks that no batch violates a constraint that the whole statement satisfies, and finds the tables that the
//! statement changes.
//!
//! A unique key: with a deferrable key on `position`, `SET position = position + 1` succeeds as one statement. In
//! batches, a row may get a value that a row of a later batch still has, and the batch fails. Batches cause no such
//! conflict in two cases. First, the new value is the same for all rows, so the whole statement would conflict, too.
//! Second, a column of the key is NULL in all rows before the change, so no new value conflicts with an old value. The
//! conditions of partial indexes and the expressions of indexes are handled like columns of a key.
//!
//! A foreign key: if a row refers to a deleted row, the same statement may also delete the referring row, through
//! another foreign key. If the referring row is in a later batch, it still exists when the referred row is deleted, and
//! its foreign key rejects this batch.

use super::super::tree::{Node, NodeKind};
use super::Judge;
use super::repeats::conjuncts;
use super::walk::{any_below, columns_in};
use crate::diagnostic::Diagnostic;
use crate::schema::ForeignKey;
use crate::syntax::ast::ReferentialAction;

impl Judge<'_> {
    /// Returns the table of the statement, and the tables that the actions of foreign keys (CASCADE, SET NULL …) also
    /// change.
    pub(super) fn changed_tables(&self) -> Result<Vec<usize>, Diagnostic> {
        let own = self.target.relation;
        let mut changed = vec![own];
        let mut at = 0;
        while let Some(table) = changed.get(at).copied() {
            at += 1;
            for (other, relation) in self.relations().iter().enumerate() {
                // A foreign key to a partitioned table refers to the rows of its partitions.
                for key in relation.foreign_keys.iter().filter(|key| self.is_related(key.table, table)) {
                    self.check_own_foreign_key(key, other)?;
                    if !changed.contains(&other) && self.acts(key, table == own) {
                        changed.push(other);
                    }
                }
            }
        }
        self.check_triggers(&changed)?;
        self.check_restrictions(&changed)?;
        Ok(changed)
    }

    /// Whether the statement can make a foreign key change the referencing rows (CASCADE, SET NULL …).
    fn acts(&self, key: &ForeignKey, is_own: bool) -> bool {
        let acts = |action: ReferentialAction| action != ReferentialAction::Nothing;
        match is_own {
            true if self.is_delete() => acts(key.on_delete),
            true => acts(key.on_update) && self.assigns_any(&key.referenced),
            false => acts(key.on_delete) || acts(key.on_update),
        }
    }

    fn assigns_any(&self, columns: &[String]) -> bool {
        columns.iter().filter_map(|name| self.column(name)).any(|at| self.is_assigned(at))
    }

    /// Checks a foreign key from the table of the statement to a table that the statement changes, such as the same
    /// table.
    fn check_own_foreign_key(&self, key: &ForeignKey, referencing: usize) -> Result<(), Diagnostic> {
        if !self.is_related(referencing, self.target.relation) {
            return Ok(());
        }
        let action = if self.is_delete() { key.on_delete } else { key.on_update };
        let is_harmless = match self.is_delete() {
            true => key.table == self.target.relation && action == ReferentialAction::Cascade,
            false => key.table == self.target.relation && !self.assigns_any(&key.referenced),
        };
        if is_harmless {
            return Ok(());
        }
        let name = &key.name;
        let referenced =
            self.relations().get(key.table).filter(|_| !self.is_related(key.table, self.target.relation));
        let message = match (action, referenced) {
            (ReferentialAction::Nothing, None) => format!(
                "the foreign key \"{name}\" refers to rows of the same table, which may be in a later batch"
            ),
            (ReferentialAction::Nothing, Some(other)) => format!(
                "the foreign key \"{name}\" refers to rows of \"{}\", which the statement also changes",
                other.name
            ),
            (_, None) => format!("the foreign key \"{name}\" changes rows of the same table"),
            (_, Some(other)) => format!(
                "the foreign key \"{name}\" changes rows if the statement changes rows of \"{}\"",
                other.name
            ),
        };
        Err(self.rejected(message))
    }

    /// Checks that no trigger runs. The trigger of a partitioned table runs for the rows of its partitions.
    fn check_triggers(&self, changed: &[usize]) -> Result<(), Diagnostic> {
        let found = self.relations().iter().enumerate().find(|(at, relation)| {
            let is_changed = || changed.iter().any(|it| self.is_related(*it, *at));
            (relation.has_rules || relation.has_triggers) && is_changed()
        });
        let Some((_, relation)) = found else { return Ok(()) };
        let (own, name) = (&self.relation().name, &relation.name);
        let message = match own == name {
            true => format!("table \"{name}\" has triggers or rules, which may change rows of later batches"),
            false => format!(
                "the statement changes \"{name}\", which has triggers or rules: these may change rows of later batches"
            ),
        };
        Err(self.rejected(message))
    }

    /// Checks the foreign keys without an action (CASCADE, SET NULL …), which reject the change of a referenced row:
    /// the referencing rows must not be in another table that the statement changes.
    fn check_restrictions(&self, changed: &[usize]) -> Result<(), Diagnostic> {
        for other in changed.iter().filter(|it| **it != self.target.relation) {
            let rejects = |key: &&ForeignKey| {
                let action = if self.is_delete() { key.on_delete } else { key.on_update };
                let is_relevant = self.is_delete()
                    || !self.is_related(key.table, self.target.relation)
                    || self.assigns_any(&key.referenced);
                action == ReferentialAction::Nothing
                    && is_relevant
                    && changed.iter().any(|it| self.is_related(*it, key.table))
            };
            let relation = &self.relations()[*other];
            if let Some(key) = relation.foreign_keys.iter().find(rejects) {
                let message = format!(
                    "the foreign key \"{}\" of \"{}\" could reject a batch, because a later batch may change the rows of \"{}\" \
                     that refer to other rows",
                    key.name, relation.name, relation.name
                );
                return Err(self.rejected(message));
            }
        }
        Ok(())
    }

    /// Checks each unique key and each exclusion constraint that contains a column with a new value.
    pub(super) fn check_unique(&self) -> Result<(), Diagnostic> {
        if self.is_delete() {
            return Ok(());
        }
        let relation = self.relation();
        for key in &relation.keys {
            let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
            let is_free = !key.nulls_not_distinct && self.is_null_before(&columns);
            if !is_free && columns.iter().any(|it| self.varies(it)) {
                let name = key.name.clone().unwrap_or_else(|| columns.join(", "));
                return Err(self.conflicts(&name, &columns));
            }
        }
        for exclusion in &relation.exclusions {
            let columns: Vec<&str> = exclusion.columns.iter().map(String::as_str).collect();
            if !self.is_null_before(&columns) && columns.iter().any(|it| self.is_named_assigned(it)) {
                let name = exclusion.name.clone().unwrap_or_else(|| columns.join(", "));
                return Err(self.conflicts(&name, &columns));
            }
        }
        if relation.has_other_keys || relation.keys.iter().any(|key| key.partial) {
            // `evaluated` does not record which expressions belong to a unique index, so this function checks all of
            // them.
            let columns = columns_in(relation, &relation.evaluated);
            if columns.iter().any(|it| self.varies(it)) {
                return Err(self.conflicts("a unique index with an expression or a condition", &columns));
            }
        }
        Ok(())
    }

    fn conflicts(&self, constraint: &str, columns: &[&str]) -> Diagnostic {
        let column = columns.iter().find(|it| self.is_named_assigned(it)).copied().unwrap_or_default();
        let message = format!(
            "a new value of \"{column}\" may be that of a row in a later batch, which violates {constraint}"
        );
        let hint = format!("add the condition {column} IS NULL, so that the old values cannot conflict");
        super::rejected(self.assignment(column), message).with_hint(hint)
    }

    fn is_named_assigned(&self, column: &str) -> bool {
        self.column(column).is_some_and(|at| self.is_assigned(at))
    }

    /// Whether a column gets new values that can differ from row to row and can conflict. Values of
    /// `gen_random_uuid()` do not conflict.
    fn varies(&self, column: &str) -> bool {
        let Some(at) = self.column(column).filter(|at| self.is_assigned(*at)) else { return false };
        let written = self.query.assigned.iter().find(|it| it.column == at);
        let [value] = written.map(|it| it.values.as_slice()).unwrap_or_default() else { return true };
        if matches!(&value.kind, NodeKind::Call { function, .. } if function.name == "gen_random_uuid") {
            return false;
        }
        any_below(value, &mut |node: &Node, _| match &node.kind {
            NodeKind::Var(_) | NodeKind::WholeRow { .. } | NodeKind::Opaque(_) | NodeKind::Default => true,
            NodeKind::Call { function, .. } => function.volatile,
            _ => node.subquery().is_some(),
        })
    }

    /// Whether the condition requires that one of the columns is NULL.
    fn is_null_before(&self, columns: &[&str]) -> bool {
        let Some(filter) = &self.query.filter else { return false };
        conjuncts(filter).iter().any(|condition| match &condition.kind {
            NodeKind::IsNull { arg, negated: false } => arg.plain_column().is_some_and(|var| {
                let name = self.relation().columns.get(var.column).map(|it| it.name.as_str());
                var.rte == self.target.rte
                    && !self.analyzer.catalog.is_complex(arg.ty)
                    && name.is_some_and(|name| columns.contains(&name))
            }),
            _ => false,
        })
    }
}
