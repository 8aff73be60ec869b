//! Checks that an UPDATE has the same result if it runs again for rows that it has changed.
//!
//! There are two proofs. The first proof: the new values do not depend on any value that the statement changes. If the
//! condition that finds a row of a joined table uses a changed column, the values from the joined table depend on the
//! changed column:
//!
//! ```sql
//! UPDATE posts SET step = s.next FROM steps s WHERE s.id = posts.step -- rejected: a second run goes a step further
//! ```
//!
//! The second proof: a part of the WHERE condition is certainly not true for a row that the statement has already
//! changed. The proof depends on how PostgreSQL stores and compares values: `varchar(3)` removes trailing blanks, a
//! collation may treat `a` and `A` as equal, the row `(,)` is NULL, and `now()` has another value in the next run. So
//! the second proof accepts only some types and comparisons.

use super::super::cardinality;
use super::super::system_column::system_column;
use super::super::tree::{JoinTree, Node, NodeKind, RteSource, Var};
use super::functions::is_own;
use super::walk::any_below;
use super::{Judge, rejected};
use crate::builtin::{Oid, oid};
use crate::diagnostic::Diagnostic;

impl Judge<'_> {
    pub(super) fn check_repeats(&self) -> Result<(), Diagnostic> {
        if self.is_delete() || self.excludes_changed_rows() {
            return Ok(());
        }
        let hint = "add a condition that the changed rows do not satisfy, for example `SET …, done = true WHERE NOT done`";
        let changing = self.query.assigned.iter().find_map(|written| {
            let column = self.relation().columns.get(written.column)?;
            let reason = match written.values.as_slice() {
                [value] => self.differs_again(value)?,
                // PostgreSQL computes the value of a generated column from the other columns.
                _ if column.generated => return None,
                _ => "its value is not known here".to_owned(),
            };
            Some((column.name.as_str(), reason))
        });
        let partly = self.query.partly_assigned.iter().chain(&self.query.other);
        let partly = partly.filter_map(|value| Some((value.span, self.differs_again(value)?))).next();
        let (span, message) = match (changing, partly) {
            (Some((name, reason)), _) => (
                self.assignment(name),
                format!("a run that is repeated could change \"{name}\" again: {reason}"),
            ),
            (None, Some((span, reason))) => {
                (span, format!("a run that is repeated could change this value again: {reason}"))
            }
            (None, None) => return self.check_joins().map_err(|error| error.with_hint(hint)),
        };
        Err(rejected(span, message).with_hint(hint))
    }

    /// Returns the reason why a repeated run of the statement may assign a different value.
    fn differs_again(&self, value: &Node) -> Option<String> {
        let mut reason = None;
        any_below(value, &mut |node, is_nested| {
            reason = self.changed_part(node, is_nested).or_else(|| match &node.kind {
                NodeKind::Call { function, .. } if function.volatile => {
                    Some(format!("{} returns another value", function.name))
                }
                NodeKind::Default => Some("the default may be another value".to_owned()),
                _ => None,
            });
            reason.is_some()
        });
        reason
    }

    /// Returns the reason for an error if the node is a part of the row that the statement changes: a changed column, a
    /// system column or the whole row.
    fn changed_part(&self, node: &Node, is_nested: bool) -> Option<String> {
        let of_target = |level: usize, rte: usize| (level > 0) == is_nested && rte == self.target.rte;
        match &node.kind {
            NodeKind::Var(Var { level, rte, column }) if of_target(*level, *rte) => {
                match (self.relation().columns.get(*column), system_column(*column)) {
                    (Some(known), _) => self
                        .is_assigned(*column)
                        .then(|| format!("the new value depends on \"{}\"", known.name)),
                    (None, Some((name, _))) => {
                        Some(format!("the new value depends on the system column {name}"))
                    }
                    (None, None) => Some("the new value depends on the whole row".to_owned()),
                }
            }
            NodeKind::WholeRow { level, rte, .. } if of_target(*level, *rte) => {
                Some("the new value depends on the whole row".to_owned())
            }
            _ => None,
        }
    }

    fn reads_changed(&self, node: &Node) -> bool {
        any_below(node, &mut |node, is_nested| self.changed_part(node, is_nested).is_some())
    }

    /// Whether an expression reads a row of a joined table.
    fn reads_joined(&self, node: &Node) -> bool {
        any_below(node, &mut |node, is_nested| match &node.kind {
            NodeKind::Var(Var { level, rte, .. }) | NodeKind::WholeRow { level, rte, .. } => {
                (*level > 0) == is_nested && *rte != self.target.rte
            }
            NodeKind::JoinedRow { .. } => true,
            _ => false,
        })
    }

    /// If a new value comes from a joined table, checks that a repeated run joins the same row of this table.
    fn check_joins(&self) -> Result<(), Diagnostic> {
        let values = self.query.assigned.iter().flat_map(|it| &it.values).chain(&self.query.partly_assigned);
        if !values.into_iter().any(|value| self.reads_joined(value)) || self.joins_one_row() {
            return Ok(());
        }
        let conditions = self.query.filter.as_ref().map(conjuncts).unwrap_or_default();
        // `SET title = a.name … WHERE posts.title <> a.name` is harmless: if several rows of `a` match, PostgreSQL may
        // take any of them in the first run, and also in a repeated run.
        let finds_another = conditions.into_iter().find(|it| {
            self.reads_changed(it) && self.reads_joined(it) && !self.is_unlike_new_value(it, false)
        });
        finds_another.map_or(Ok(()), |condition| {
            let message =
                "a run that is repeated could find another joined row: the condition reads a column that the statement changes";
            Err(rejected(condition.span, message))
        })
    }

    /// Whether two conditions hold: each row is joined with at most one row, and the changes of the statement cannot
    /// make another row match.
    fn joins_one_row(&self) -> bool {
        let conditions = self.query.filter.as_ref().map(conjuncts).unwrap_or_default();
        let fixed: Vec<Node> = conditions.into_iter().filter(|it| !self.reads_changed(it)).cloned().collect();
        let mut joined = self.query.clone();
        joined.filter =
            fixed.first().map(|first| Node::new(first.ty, NodeKind::And(fixed.clone()), first.span));
        cardinality::joins_one_row(&joined, self.target.rte, self.analyzer.catalog.schema)
    }

    /// Whether the condition is certainly not true for a row that the statement has changed.
    fn excludes_changed_rows(&self) -> bool {
        self.query.filter.as_ref().is_some_and(|filter| self.excludes(filter))
    }

    fn excludes(&self, condition: &Node) -> bool {
        match &condition.kind {
            NodeKind::And(parts) => parts.iter().any(|part| self.excludes(part)),
            NodeKind::Or(parts) => parts.iter().all(|part| self.excludes(part)),
            NodeKind::InList { comparisons, negated: false } => {
                comparisons.iter().all(|part| self.excludes(part))
            }
            NodeKind::ArrayComparison { function, left, right, all: false }
                if is_one_of(&function.name, "eq") =>
            {
                match &right.kind {
                    NodeKind::Array(elements) => {
                        elements.iter().all(|it| self.are_different(left, it, &function.name))
                    }
                    _ => false,
                }
            }
            NodeKind::IsNull { arg, negated: false } => self.value_of(arg).is_some_and(|(column, value)| {
                !self.analyzer.catalog.is_complex(self.type_of(column)) && self.is_not_null(value)
            }),
            NodeKind::IsNull { arg, negated: true } => {
                self.value_of(arg).is_some_and(|(_, value)| matches!(value.kind, NodeKind::Constant(None)))
            }
            NodeKind::Not(arg) => self.is_boolean(arg, true),
            NodeKind::BooleanTest { arg, value: Some(wanted), negated } => {
                self.is_boolean(arg, *wanted == *negated)
            }
            NodeKind::Call { function, args } if is_one_of(&function.name, "eq") => match args.as_slice() {
                [left, right] => {
                    self.are_different(left, right, &function.name)
                        || self.are_different(right, left, &function.name)
                }
                _ => false,
            },
            _ => self.is_unlike_new_value(condition, true) || self.is_boolean(condition, false),
        }
    }

    /// Whether the condition compares an assigned column with its new value by `<>` or IS DISTINCT FROM. If
    /// `in_each_run` is true, the new value must also be the same in each run.
    fn is_unlike_new_value(&self, condition: &Node, in_each_run: bool) -> bool {
        let is_new = |column: &Node, other: &Node| {
            let Some((_, value)) = self.value_of(column) else { return false };
            let is_fixed = || {
                let is_known = !any_below(value, &mut |node, is_nested| {
                    is_nested || self.changed_part(node, is_nested).is_some() || !self.is_fixed(node)
                });
                is_known && (!self.reads_joined(value) || self.joins_one_row())
            };
            value.same(other) && (!in_each_run || is_fixed())
        };
        match &condition.kind {
            NodeKind::Distinct { left, right } => is_new(left, right) || is_new(right, left),
            NodeKind::Call { function, args } if is_one_of(&function.name, "ne") => match args.as_slice() {
                [left, right] => is_new(left, right) || is_new(right, left),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether an expression has the same value in each run, if each of its parts has the same value in each run.
    fn is_fixed(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Call { function, .. } => function.immutable && !function.set,
            NodeKind::Cast { function: Some(function), .. } => function.immutable,
            // `'now'::timestamptz` is the current time.
            NodeKind::Constant(_) => {
                let base = self.analyzer.catalog.base_type(node.ty).0;
                matches!(self.analyzer.catalog.type_info(base).category, b'N' | b'S' | b'E' | b'B')
                    || matches!(base, oid::UUID | oid::BYTEA)
            }
            NodeKind::Var(_) | NodeKind::Parameter(_) | NodeKind::Cast { .. } | NodeKind::Coalesce(_) => true,
            _ => false,
        }
    }

    /// Returns the number and the new value of a column, if the node is a column to which the statement assigns one
    /// value.
    fn value_of(&self, node: &Node) -> Option<(usize, &Node)> {
        let var = node.plain_column().filter(|var| var.rte == self.target.rte)?;
        let written = self.query.assigned.iter().find(|it| it.column == var.column)?;
        match written.values.as_slice() {
            [value] => Some((var.column, value)),
            _ => None,
        }
    }

    /// Returns the base type of a column.
    fn type_of(&self, column: usize) -> Oid {
        let ty = self.target.columns.get(column).map(|it| it.ty);
        ty.map_or(super::super::catalog::ERROR, |ty| self.analyzer.catalog.base_type(ty).0)
    }

    /// Whether a statement assigns the value `expected` to a boolean column.
    fn is_boolean(&self, column: &Node, expected: bool) -> bool {
        self.value_of(column).is_some_and(|(at, value)| {
            let text = constant(value);
            self.type_of(at) == oid::BOOL
                && match expected {
                    true => matches!(text, Some("t" | "true")),
                    false => matches!(text, Some("f" | "false")),
                }
        })
    }

    /// Whether the new value of a column is certainly not equal to a constant.
    fn are_different(&self, column: &Node, other: &Node, function: &str) -> bool {
        let Some((at, value)) = self.value_of(column) else { return false };
        let (Some(one), Some(two)) = (constant(value), constant(other)) else { return false };
        match (self.type_of(at), function) {
            (oid::INT2 | oid::INT4 | oid::INT8, function) if function.starts_with("int") => {
                matches!((one.trim().parse::<i64>(), two.trim().parse::<i64>()), (Ok(one), Ok(two)) if one != two)
            }
            // `varchar(3)` stores `'abc '` without the blank, and some collations treat `a` and `A` as equal.
            (oid::TEXT | oid::VARCHAR, "texteq") => {
                let is_deterministic = self.analyzer.catalog.schema.nondeterministic_collations.is_empty();
                is_deterministic
                    && [column, value, other].into_iter().all(is_whole)
                    && is_text(column, &|ty| self.analyzer.catalog.base_type(ty).0)
                    && one.trim_end_matches(' ') != two.trim_end_matches(' ')
            }
            (oid::BOOL, "booleq") => {
                let is_true = |text: &str| matches!(text, "t" | "true");
                let is_false = |text: &str| matches!(text, "f" | "false");
                is_true(one) && is_false(two) || is_false(one) && is_true(two)
            }
            (ty, "enum_eq") => self.analyzer.catalog.type_info(ty).category == b'E' && one != two,
            _ => false,
        }
    }

    /// Whether a new value is certainly not NULL.
    fn is_not_null(&self, value: &Node) -> bool {
        match &value.kind {
            NodeKind::Constant(text) => text.is_some(),
            NodeKind::NeverNull | NodeKind::NeverNullOf(_) => true,
            NodeKind::Var(Var { level: 0, rte, column }) => {
                let is_joined =
                    || self.query.from.iter().any(|tree| matches!(tree, JoinTree::Leaf(leaf) if leaf == rte));
                match self.query.rtes.get(*rte).map(|it| &it.source) {
                    Some(RteSource::Table { not_null, .. }) if is_joined() => {
                        not_null.get(*column).copied().unwrap_or(false)
                    }
                    _ => false,
                }
            }
            NodeKind::Call { function, args } if !is_own(function) && !function.set => {
                function.null.holds_always()
                    || function.null.holds_of_values() && args.iter().all(|arg| self.is_not_null(arg))
            }
            NodeKind::Coalesce(args) => args.iter().any(|arg| self.is_not_null(arg)),
            NodeKind::Cast { arg, function } => {
                function.as_ref().is_none_or(|it| it.null.holds_of_values()) && self.is_not_null(arg)
            }
            _ => false,
        }
    }
}

/// Whether a function is the equality (`eq`) or inequality (`ne`) of a built-in type, and not that of `~` or `LIKE`.
fn is_one_of(function: &str, ending: &str) -> bool {
    function.ends_with(ending)
        && !["regex", "like", "."].iter().any(|part| function.contains(part))
        && !function.ends_with("combine")
}

/// Whether the value keeps its whole length: no cast to `varchar(n)` cuts off a column or a constant.
fn is_whole(node: &Node) -> bool {
    const HEADER: i32 = 4;
    match &node.kind {
        NodeKind::Constant(Some(text)) if node.typmod >= 0 => {
            i32::try_from(text.chars().count()).is_ok_and(|count| count <= node.typmod - HEADER)
        }
        NodeKind::Cast { arg, .. } => node.typmod < 0 && is_whole(arg),
        _ => true,
    }
}

/// Whether the node is a column of type `text` or `varchar`, possibly below casts between these types that have no
/// length: a cast such as `s::integer` or `s::varchar(1)` changes the value.
fn is_text(column: &Node, base: &dyn Fn(Oid) -> Oid) -> bool {
    matches!(base(column.ty), oid::TEXT | oid::VARCHAR)
        && match &column.kind {
            NodeKind::Cast { arg, .. } => column.typmod < 0 && is_text(arg, base),
            NodeKind::Var(_) => true,
            _ => false,
        }
}

/// Returns the parts of a condition that are combined by AND.
pub(super) fn conjuncts(condition: &Node) -> Vec<&Node> {
    match &condition.kind {
        NodeKind::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}

/// Returns the text of a constant, possibly below casts that keep the text.
fn constant(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Constant(text) => text.as_deref(),
        NodeKind::Cast { arg, function: None } => {
            let keeps =
                matches!(node.ty, oid::TEXT | oid::VARCHAR) && matches!(arg.ty, oid::TEXT | oid::VARCHAR);
            constant(arg).filter(|_| node.typmod < 0 && (keeps || node.ty == arg.ty))
        }
        _ => None,
    }
}
