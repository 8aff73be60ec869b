//! Handles inheritance and typed tables: applies an action on a table to the tables that inherit from it, and an action
//! on a composite type to the tables of this type.
//!
//! As in `pg_attribute`, a column of a child records whether the child itself defines the column (`is_local`), and how
//! many parents have the column. A column that is not local is dropped when the last parent drops the column.
//!
//! ```sql
//! CREATE TABLE p (a int, b int);
//! CREATE TABLE c (a int) INHERITS (p);  -- a is local and inherited, b is inherited
//! ALTER TABLE p DROP a, DROP b;         -- c keeps a
//! ```
//!
//! The source is PostgreSQL's `tablecmds.c` (`ATExecDropColumn`, `RemoveInheritance`, `MergeAttributesIntoExisting`).

use super::fold::Fold;
use super::{Column, Relation, RelationKind, UserTypeKind};
use crate::diagnostic::Code;
use crate::syntax::ast::{AlterAction, ConstraintKind, Name, QualifiedName, TableColumn};

impl Fold {
    /// Applies an action to a table, and to the tables that inherit from this table.
    pub(super) fn alter_with_children(&mut self, at: usize, action: AlterAction, only: bool) {
        match &action {
            AlterAction::AddColumn { column, .. } if !only => self.add_to_children(at, column),
            AlterAction::DropColumn { name, cascade, .. } => {
                self.drop_from_children(at, name, *cascade, only);
            }
            _ if only => {}
            _ => {
                for child in self.schema.descendants(at) {
                    self.schema.relations[child].follow_check(&action);
                    let is_partition = self.schema.relations[child].partitioned;
                    if let Some(action) = inherited(&action, is_partition) {
                        self.alter_action(child, action);
                    }
                }
            }
        }
        self.alter_action(at, action);
    }

    fn add_to_children(&mut self, parent: usize, column: &TableColumn) {
        if self.schema.relations[parent].column(&column.name.text).is_some() {
            return;
        }
        for child in self.schema.children(parent) {
            if let Some(known) = self.schema.relations[child].column_mut(&column.name.text) {
                known.inherited += 1;
                continue;
            }
            let action = AlterAction::AddColumn { column: column.clone(), if_not_exists: true };
            self.alter_with_children(child, action, false);
            if let Some(added) = self.schema.relations[child].column_mut(&column.name.text) {
                (added.is_local, added.inherited) = (false, 1);
            }
        }
    }

    fn drop_from_children(&mut self, parent: usize, name: &Name, cascade: bool, only: bool) {
        for child in self.schema.children(parent) {
            let Some(column) = self.schema.relations[child].column_mut(&name.text) else { continue };
            column.inherited = column.inherited.saturating_sub(1);
            column.is_local |= only;
            if column.inherited == 0 && !column.is_local {
                let action = AlterAction::DropColumn { name: name.clone(), if_exists: true, cascade };
                self.alter_with_children(child, action, false);
            }
        }
    }

    /// Applies `CREATE TABLE … INHERITS` or `PARTITION OF`: adds the columns and checks of a parent, before the table's
    /// own columns are added. `is_child` is true for `INHERITS`.
    pub(super) fn inherit(&mut self, relation: &mut Relation, parent: usize, is_child: bool) {
        let columns = self.columns_of(parent);
        let from = &mut self.schema.relations[parent];
        // The keys of a partitioned table also hold among the rows of its partitions, but the keys of an inheritance
        // parent do not hold among the rows of its children.
        from.has_children |= is_child;
        relation.evaluated.extend(from.evaluated.iter().cloned());
        relation.parents.push(parent);
        relation.checks.extend(from.inherited_checks());
        for column in columns {
            match relation.columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => {
                    known.not_null |= column.not_null;
                    known.inherited += 1;
                }
                None => relation.columns.push(inherited_column(column)),
            }
        }
    }

    /// Makes `parent` a parent of `child`: `ALTER TABLE child INHERIT parent`, or `ALTER TABLE parent ATTACH PARTITION
    /// child`.
    pub(super) fn add_parent(&mut self, child: usize, parent: usize, is_partition: bool) {
        if self.schema.relations[child].parents.contains(&parent) {
            return;
        }
        let names: Vec<String> =
            self.schema.relations[parent].columns.iter().map(|it| it.name.clone()).collect();
        self.schema.relations[parent].has_children |= !is_partition;
        let relation = &mut self.schema.relations[child];
        relation.parents.push(parent);
        relation.partitioned |= is_partition;
        for column in relation.columns.iter_mut().filter(|column| names.contains(&column.name)) {
            column.inherited += 1;
            column.is_local &= !is_partition;
        }
    }

    /// Removes `parent` from the parents of `child`: `NO INHERIT` or `DETACH PARTITION`.
    pub(super) fn remove_parent(&mut self, child: usize, parent: usize) {
        if !self.schema.relations[child].parents.contains(&parent) {
            return;
        }
        let names: Vec<String> =
            self.schema.relations[parent].columns.iter().map(|it| it.name.clone()).collect();
        let relation = &mut self.schema.relations[child];
        relation.parents.retain(|it| *it != parent);
        for column in relation.columns.iter_mut().filter(|column| names.contains(&column.name)) {
            column.inherited = column.inherited.saturating_sub(1);
            column.is_local |= column.inherited == 0;
        }
        if self.schema.children(parent).is_empty() {
            self.schema.relations[parent].has_children = false;
        }
    }

    /// Applies an action that changes the parents, the partitions or the type of a table; returns `false` for any
    /// other action.
    pub(super) fn alter_relatives(&mut self, at: usize, action: &AlterAction) -> bool {
        match action {
            AlterAction::Inherit(parent) => {
                self.with_relation(parent, |fold, parent| fold.add_parent(at, parent, false))
            }
            AlterAction::NoInherit(parent) => {
                self.with_relation(parent, |fold, parent| fold.remove_parent(at, parent))
            }
            AlterAction::AttachPartition(child) => {
                self.with_relation(child, |fold, child| fold.add_parent(child, at, true))
            }
            AlterAction::DetachPartition(child) => {
                self.with_relation(child, |fold, child| fold.remove_parent(child, at))
            }
            AlterAction::OfType(of_type) => match self.composite(of_type) {
                Some(of_type) => self.schema.relations[at].of_type = Some(of_type),
                None => self.unknown_type(of_type),
            },
            AlterAction::NotOfType => self.schema.relations[at].of_type = None,
            _ => return false,
        }
        true
    }

    fn with_relation(&mut self, name: &QualifiedName, run: impl FnOnce(&mut Fold, usize)) {
        match self.find_relation(name) {
            Some(at) => run(self, at),
            None => self.unknown_relation(name),
        }
    }

    /// Returns the index of a composite type.
    pub(super) fn composite(&self, name: &QualifiedName) -> Option<usize> {
        let is_composite = |at: &usize| matches!(self.schema.types[*at].kind, UserTypeKind::Composite(_));
        self.find_type(name).filter(is_composite)
    }

    pub(super) fn unknown_type(&mut self, name: &QualifiedName) {
        let message = format!("type \"{}\" does not exist", name.display());
        self.problem(Code::UnknownType, name.span(), message);
    }

    /// Applies an action on an attribute of a composite type to the tables of this type, and to the tables that inherit
    /// from such a table.
    pub(super) fn alter_tables_of_type(&mut self, of_type: usize, action: &AlterAction) {
        let is_of = |(_, it): &(usize, &Relation)| it.of_type == Some(of_type);
        let places = self.schema.relations.iter().enumerate().filter(is_of).map(|(at, _)| at);
        let tables: Vec<usize> = places.filter(|at| self.schema.exists(*at)).collect();
        for at in tables {
            self.alter_with_children(at, action.clone(), false);
        }
    }
}

/// Returns a column as a child table inherits it: without the identity and the sequence.
fn inherited_column(column: Column) -> Column {
    Column {
        earlier_names: Vec::new(),
        sequence: None,
        has_default: column.has_default && column.identity.is_none(),
        identity: None,
        is_local: false,
        inherited: 1,
        ..column
    }
}

/// If PostgreSQL applies the action to the children of a table too, returns the action for a child; otherwise `None`.
fn inherited(action: &AlterAction, is_partition: bool) -> Option<AlterAction> {
    Some(match action {
        AlterAction::SetType { .. }
        | AlterAction::SetDefault { .. }
        | AlterAction::SetNotNull(_)
        | AlterAction::DropNotNull(_)
        | AlterAction::DropExpression(_)
        | AlterAction::RenameColumn { .. } => action.clone(),
        AlterAction::AddConstraint(constraint)
            if is_partition || matches!(constraint.kind, ConstraintKind::Check { no_inherit: false, .. }) =>
        {
            action.clone()
        }
        AlterAction::DropConstraint { name, .. } => {
            AlterAction::DropConstraint { name: name.clone(), if_exists: true }
        }
        _ => return None,
    })
}

impl super::Schema {
    /// Returns the tables that inherit from a table or are its partitions.
    pub(super) fn children(&self, table: usize) -> Vec<usize> {
        let is_child = |(_, it): &(usize, &Relation)| {
            it.parents.contains(&table) && !matches!(it.kind, RelationKind::Sequence)
        };
        let own = self.relations.iter().enumerate().filter(is_child).map(|(at, _)| at);
        own.filter(|at| self.exists(*at)).collect()
    }

    /// Returns the tables that inherit from a table or are its partitions, directly or indirectly.
    pub fn descendants(&self, table: usize) -> Vec<usize> {
        let mut found = self.children(table);
        let mut at = 0;
        while let Some(child) = found.get(at).copied() {
            at += 1;
            let below = self.children(child).into_iter().filter(|it| !found.contains(it));
            found.extend(below.collect::<Vec<_>>());
        }
        found
    }

    /// Whether the relation with this index was not dropped.
    pub(super) fn exists(&self, at: usize) -> bool {
        self.relations.get(at).is_some_and(|it| self.relation(&it.schema, &it.name) == Some(at))
    }
}
