//! Keeps the `CHECK` constraints of tables, and the columns that these constraints prove NOT NULL.
//!
//! Input: constraints as written. Output: checks by name. If a column was added to an existing table, DSQL can make the
//! column NOT NULL only with `CHECK (c IS NOT NULL)`. If such a check holds for all rows, the compiler uses it as proof
//! that the column is not NULL.
//!
//! If a statement does not contain the name of a check, PostgreSQL calls the check `table_column_check` (`table_check`
//! if the check does not contain exactly one column), and adds a number if the schema already has a constraint of that
//! name. The snapshot may not have every constraint of the schema, so such a name is a guess. Several checks may have
//! the same guessed name, and DROP CONSTRAINT of an unknown name drops all checks with guessed names.

use super::fold::Fold;
use super::key_name::key_name;
use super::labels::allowed;
use super::{Check, Relation};
use crate::syntax::ast::{AlterAction, CheckedRows, Expr, ExprKind, Name};
use crate::syntax::visit::{self, Visit};
use std::collections::BTreeSet;

impl Relation {
    /// Whether a check proves that a column is not NULL.
    pub fn checked_not_null(&self, column: &str) -> bool {
        let mut of_all_rows = self.checks.iter().filter(|check| check.checked == CheckedRows::All);
        of_all_rows.any(|check| check.not_null.iter().any(|it| it == column))
    }

    /// Returns the labels to which the checks restrict a text column; `None` if the checks also allow other strings.
    /// With `all_rows`, a check that is NOT VALID is ignored, because rows that are older than the check may violate
    /// it. A check that is NOT ENFORCED is always ignored, and so is a check with NO INHERIT if the table has children.
    pub fn checked_labels(&self, column: &str, all_rows: bool) -> Option<Vec<String>> {
        let least = if all_rows { CheckedRows::All } else { CheckedRows::Written };
        let holds = |check: &&Check| check.checked >= least && !(check.no_inherit && self.has_children);
        let checks = self.checks.iter().filter(holds);
        let lists = checks.flat_map(|check| &check.labels).filter(|(its, _)| its == column);
        lists.map(|(_, labels)| labels.clone()).reduce(|mut all, labels| {
            all.retain(|label| labels.contains(label));
            all
        })
    }

    pub(super) fn add_check(
        &mut self,
        name: Option<Name>,
        expr: &Expr,
        checked: CheckedRows,
        no_inherit: bool,
    ) {
        let columns = columns(expr);
        let mut not_null = Vec::new();
        proves_not_null(expr, &mut not_null);
        self.checks.push(Check {
            is_guess: name.is_none(),
            name: name.map_or_else(|| check_name(self, &columns), |name| name.text),
            columns,
            not_null,
            labels: allowed(expr),
            checked,
            no_inherit,
        });
    }

    /// Returns the checks that a child table inherits from this table.
    pub(super) fn inherited_checks(&self) -> impl Iterator<Item = Check> + '_ {
        self.checks.iter().filter(|check| !check.no_inherit).cloned()
    }

    pub(super) fn rename_column_of_checks(&mut self, from: &str, to: &str) {
        let names = self.checks.iter_mut().flat_map(|it| {
            let labelled = it.labels.iter_mut().map(|(column, _)| column);
            it.columns.iter_mut().chain(&mut it.not_null).chain(labelled)
        });
        names.filter(|name| *name == from).for_each(|name| to.clone_into(name));
    }

    pub(super) fn drop_check(&mut self, name: &str) {
        let is_known = self.has_constraint(name);
        self.checks.retain(|check| check.name != name && (is_known || !check.is_guess));
    }

    pub(super) fn rename_check(&mut self, from: &str, to: &str) {
        let mut named = self.checks.iter_mut().filter(|check| check.name == from);
        match (named.next(), named.next()) {
            (Some(check), None) => (check.name, check.is_guess) = (to.to_owned(), false),
            _ => self.drop_check(from),
        }
    }

    /// Applies `VALIDATE CONSTRAINT`. If several checks are called `name`, it is not known which of them the statement
    /// means, so no check is validated.
    pub(super) fn validate_check(&mut self, name: &str) {
        let mut named = self.checks.iter_mut().filter(|check| check.name == name);
        if let (Some(check), None) = (named.next(), named.next()) {
            check.checked = CheckedRows::All;
        }
    }

    /// Applies an action on a parent table to the check that this table inherits from the parent.
    pub(super) fn follow_check(&mut self, action: &AlterAction) {
        match action {
            AlterAction::RenameConstraint { from, to } => self.rename_check(&from.text, &to.text),
            AlterAction::ValidateConstraint(name) => self.validate_check(&name.text),
            _ => {}
        }
    }

    /// Returns the names of the constraints, as far as they are known.
    pub(super) fn constraint_names(&self) -> impl Iterator<Item = &str> {
        let checks = self.checks.iter().filter(|check| !check.is_guess).map(|check| check.name.as_str());
        let keys = self.keys.iter().filter(|key| key.constraint).filter_map(|key| key.name.as_deref());
        let exclusions = self.exclusions.iter().filter_map(|it| it.name.as_deref());
        checks.chain(keys).chain(exclusions).chain(self.foreign_keys.iter().map(|key| key.name.as_str()))
    }

    /// Whether the table has a constraint of this name.
    pub fn has_constraint(&self, name: &str) -> bool {
        self.checks.iter().any(|check| check.name == name)
            || self.exclusions.iter().any(|it| it.name.as_deref() == Some(name))
            || self.keys.iter().any(|key| key.constraint && key.name.as_deref() == Some(name))
            || self.foreign_keys.iter().any(|key| key.name == name)
    }
}

impl Fold {
    /// Gives an unnamed check its name before child tables inherit the check: in PostgreSQL, an inherited check has the
    /// same name.
    pub(super) fn name_check(&self, table: usize, name: &mut Option<Name>, expr: &Expr) {
        let Some(relation) = self.schema.relations.get(table) else { return };
        let text = check_name(relation, &columns(expr));
        name.get_or_insert(Name { text, span: expr.span });
    }
}

/// Returns the name that PostgreSQL gives to an unnamed check if no constraint has that name yet.
fn check_name(relation: &Relation, columns: &[String]) -> String {
    key_name(&relation.name, if columns.len() == 1 { columns } else { &[] }, "check")
}

/// Returns the names of the columns in a check, in an element of an index, or in the expression of a generated column.
/// Such an expression cannot contain columns of another table.
pub(super) fn columns(expr: &Expr) -> Vec<String> {
    struct Columns(BTreeSet<String>);
    impl Visit<'_> for Columns {
        fn expr(&mut self, expr: &Expr) {
            if let ExprKind::Column(parts) = &expr.kind {
                self.0.extend(parts.last().map(|part| part.text.clone()));
            }
        }
    }
    let mut found = Columns(BTreeSet::new());
    visit::expr(expr, &mut found);
    found.0.into_iter().collect()
}

/// Collects the columns that are not NULL in each row that satisfies a check. A row also satisfies a check if the
/// result is NULL, so the only proof is a condition `c IS NOT NULL`, whose result is never NULL.
fn proves_not_null(expr: &Expr, out: &mut Vec<String>) {
    match &expr.kind {
        ExprKind::And(parts) => parts.iter().for_each(|part| proves_not_null(part, out)),
        ExprKind::IsNull { arg, negated: true } => {
            if let ExprKind::Column(parts) = &arg.kind {
                out.extend(parts.last().map(|part| part.text.clone()));
            }
        }
        ExprKind::Not(below) => {
            if let ExprKind::IsNull { arg, negated: false } = &below.kind
                && let ExprKind::Column(parts) = &arg.kind
                && parts.len() == 1
            {
                out.extend(parts.last().map(|part| part.text.clone()));
            }
        }
        _ => {}
    }
}
