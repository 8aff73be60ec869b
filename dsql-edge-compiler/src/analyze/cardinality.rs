//! How many rows a query can give.
//!
//! Input: an analysed query. Output: exactly one, at most one, or any number. Aggregates without `GROUP BY` prove it,
//! `LIMIT`, and equality on every column of a unique key.

use super::tree::{Body, Callee, Command, JoinTree, LimitKind, Node, NodeKind, Query, RteSource};
use crate::builtin::oid;
use crate::schema::Schema;
use crate::syntax::ast::JoinKind;
use crate::typed::Cardinality;

/// The number of rows of a statement's result.
pub(super) fn of(query: &Query, schema: &Schema) -> Cardinality {
    if query.targets.is_empty() {
        return Cardinality::None;
    }
    let proof = AtMostOne { all_deterministic: schema.nondeterministic_collations.is_empty() };
    match (proof.of_query(query), has_a_row(query)) {
        (true, true) => Cardinality::One,
        (true, false) => Cardinality::AtMostOne,
        (false, _) => Cardinality::Many,
    }
}

/// Whether there is always at least one row.
pub(super) fn has_a_row(query: &Query) -> bool {
    if query.offset || !matches!(query.limit, LimitKind::None | LimitKind::Constant(1..)) {
        return false;
    }
    if query.command != Command::Select || query.has_target_srf {
        return false;
    }
    match &query.body {
        Body::Values(rows) => !rows.is_empty(),
        Body::SetOperation { operator, left, right } => {
            matches!(operator, crate::syntax::ast::SetOperator::Union)
                && (has_a_row(left) || has_a_row(right))
        }
        Body::Plain => {
            if query.having.is_some() {
                return false;
            }
            let one_group = query.has_aggregates && !query.grouped || query.empty_grouping_set;
            one_group
                || (query.filter.is_none()
                    && !query.grouped
                    && query.from.iter().all(|tree| tree_has_a_row(query, tree)))
        }
    }
}

fn tree_has_a_row(query: &Query, tree: &JoinTree) -> bool {
    match tree {
        JoinTree::Leaf(rte) => match &query.rtes[*rte].source {
            // A sequence.
            RteSource::Table { keys, sampled: false, .. } => keys.iter().any(Vec::is_empty),
            RteSource::Subquery { query, .. } => has_a_row(query),
            RteSource::Cte(cte) => {
                !cte.recursive && cte.query.borrow().as_ref().is_some_and(|query| has_a_row(query))
            }
            _ => false,
        },
        JoinTree::Join { kind, left, right, .. } => match kind {
            JoinKind::Cross => tree_has_a_row(query, left) && tree_has_a_row(query, right),
            JoinKind::Left => tree_has_a_row(query, left),
            JoinKind::Right => tree_has_a_row(query, right),
            JoinKind::Full => tree_has_a_row(query, left) || tree_has_a_row(query, right),
            JoinKind::Inner => false,
        },
    }
}

/// Proves that there is never more than one row.
struct AtMostOne {
    /// The schema has no collation under which texts of different bytes are equal.
    all_deterministic: bool,
}

impl AtMostOne {
    fn of_query(&self, query: &Query) -> bool {
        if matches!(query.limit, LimitKind::Constant(..=1)) {
            return true;
        }
        match &query.body {
            Body::Values(rows) => rows.len() <= 1 && query.command == Command::Select,
            Body::SetOperation { .. } => false,
            Body::Plain => {
                if query.has_target_srf {
                    return false;
                }
                match query.command {
                    // How many rows an INSERT gives depends on its source, which is not kept.
                    Command::Insert | Command::Merge | Command::Utility => return query.single_row,
                    _ => {}
                }
                if query.has_aggregates && !query.grouped {
                    return true;
                }
                // Grouping never makes rows, but for grouping sets.
                !query.grouping_sets && query.from.iter().all(|tree| self.of_tree(query, tree))
            }
        }
    }

    fn of_tree(&self, query: &Query, tree: &JoinTree) -> bool {
        match tree {
            JoinTree::Leaf(rte) => match &query.rtes[*rte].source {
                RteSource::Table { keys, .. } => keys.iter().any(|key| {
                    let is_fixed = |column: &usize| {
                        query.filter.as_ref().is_some_and(|filter| self.fixes(filter, *rte, *column))
                    };
                    key.iter().all(is_fixed)
                }),
                RteSource::Subquery { query, .. } => self.of_query(query),
                RteSource::Cte(cte) => {
                    !cte.recursive && cte.query.borrow().as_ref().is_some_and(|query| self.of_query(query))
                }
                RteSource::Function { functions, .. } => functions.iter().all(|(call, _)| match &call.kind {
                    NodeKind::Call { function, .. } => !function.set,
                    _ => false,
                }),
                RteSource::Nullable => false,
            },
            // Rows without a partner are in the result too.
            JoinTree::Join { kind: JoinKind::Full, .. } => false,
            JoinTree::Join { left, right, .. } => self.of_tree(query, left) && self.of_tree(query, right),
        }
    }

    /// Whether the condition holds the column to one value: `column = constant`, among ANDs.
    fn fixes(&self, condition: &Node, rte: usize, column: usize) -> bool {
        match &condition.kind {
            NodeKind::And(parts) => parts.iter().any(|part| self.fixes(part, rte, column)),
            NodeKind::Call { function, args } if is_equality(&function.name) => match args.as_slice() {
                [left, right] => {
                    let is_fixed = |value: &Node| is_fixed(value) && self.is_of_one_equality(value, function);
                    (is_column(left, rte, column) && is_fixed(right))
                        || (is_column(right, rte, column) && is_fixed(left))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a comparison with this value is under a collation that has the same equality as the column's key: the
    /// value brings none of its own, by COLLATE or from a column of an outer query.
    fn is_of_one_equality(&self, value: &Node, function: &Callee) -> bool {
        let never_collates = ["int", "uuid", "oid", "date", "time", "numeric", "float", "bool"];
        self.all_deterministic
            || never_collates.iter().any(|beginning| function.name.starts_with(beginning))
            || !value.any(&|part| matches!(part.kind, NodeKind::Collate(..) | NodeKind::Var(_)))
    }
}

pub(super) fn is_equality(function: &str) -> bool {
    // The schema's own functions are qualified, whatever they are called; those of `~` end in the same letters.
    function.ends_with("eq")
        && !function.contains('.')
        && !function.contains("regex")
        && !function.contains("like")
}

/// Whether the operand of an equality is the column, compared by the equality of its key. A varchar that is compared as
/// bpchar loses the blanks at its end.
fn is_column(node: &Node, rte: usize, column: usize) -> bool {
    let keeps_blanks = match &node.kind {
        NodeKind::Cast { arg, function: None } => node.ty != oid::BPCHAR || arg.ty == oid::BPCHAR,
        _ => true,
    };
    keeps_blanks && node.plain_column().is_some_and(|var| (var.rte, var.column) == (rte, column))
}

fn is_fixed(node: &Node) -> bool {
    let varies = node.any(&|part| {
        matches!(&part.kind, NodeKind::Var(var) if var.level == 0)
            || matches!(&part.kind, NodeKind::WholeRow { level: 0, .. })
            || matches!(&part.kind, NodeKind::Call { function, .. } if function.volatile || function.set)
            || part.subquery().is_some()
    });
    !varies
}
