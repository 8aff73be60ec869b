//! Determines how many rows a query can return.
//!
//! Input: an analyzed query. Output: exactly one row, at most one row, or any number of rows. The proofs are `LIMIT`,
//! an aggregate without `GROUP BY`, `VALUES` or an INSERT of one row, a utility statement that returns one row, and
//! equality on every column of a unique key (`at_most_one`).

mod at_most_one;

use super::tree::{Body, Command, JoinTree, LimitKind, Query, RteSource};
use crate::schema::Schema;
use crate::syntax::ast::JoinKind;
use crate::typed::Cardinality;

/// Returns the number of rows of a statement's result.
pub(super) fn of(query: &Query, schema: &Schema) -> Cardinality {
    if query.targets.is_empty() {
        return Cardinality::None;
    }
    let proof = at_most_one::Proof { all_deterministic: schema.nondeterministic_collations.is_empty() };
    match (proof.of_query(query), has_a_row(query)) {
        (true, true) => Cardinality::One,
        (true, false) => Cardinality::AtMostOne,
        (false, _) => Cardinality::Many,
    }
}

/// Whether each row of the table of an UPDATE is joined with at most one row.
pub(super) fn joins_one_row(query: &Query, target: usize, schema: &Schema) -> bool {
    let proof = at_most_one::Proof { all_deterministic: schema.nondeterministic_collations.is_empty() };
    proof.joins_one_row(query, target)
}

/// Whether the query always returns at least one row.
pub(super) fn has_a_row(query: &Query) -> bool {
    *query.proofs.has_a_row.get_or_init(|| proves_a_row(query))
}

fn proves_a_row(query: &Query) -> bool {
    if matches!(query.command, Command::Insert | Command::Utility) {
        return query.certain_row && !query.has_target_srf;
    }
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

/// Whether a PostgreSQL function is the equality of a type.
pub(super) fn is_equality(function: &str) -> bool {
    at_most_one::is_equality(function)
}

fn tree_has_a_row(query: &Query, tree: &JoinTree) -> bool {
    match tree {
        JoinTree::Leaf(rte) => match &query.rtes[*rte].source {
            // Only a sequence has a key without columns, and a sequence has exactly one row.
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
