//! Outer joins and scalar subqueries along foreign keys, which always find their row.
//!
//! Input: the joins of a query, or a subquery. Output: those whose condition asks for nothing but what a foreign key
//! promises. `posts LEFT JOIN authors ON authors.id = posts.author` nulls no author if `author` is NOT NULL and references
//! `authors`, and `(SELECT name FROM authors WHERE id = posts.author)` finds one.
//!
//! A foreign key holds for the rows that one snapshot shows. It promises nothing if it is deferrable or not validated, if
//! policies hide rows of the other table, if one of the rows is locked or written (it may be newer than the snapshot), and on
//! DSQL, which has no foreign keys.

use super::super::cardinality::is_equality;
use super::super::tree::{
    Body, Command, JoinTree, LimitKind, Node, NodeKind, Query, Reference, RteSource, Var,
};
use super::environment::{Environment, Prover};
use super::expr::up;
use super::side::{ForeignJoin, Side, Sides};

/// The joins of a query that go along foreign keys.
pub(super) fn foreign_joins(query: &Query, sides: &Sides<'_>) -> Vec<ForeignJoin> {
    // A locked row may be newer than the row it is joined with (`EvalPlanQual`).
    if query.locked {
        return Vec::new();
    }
    sides.iter().filter_map(|side| foreign_join(query, sides, side)).collect()
}

fn foreign_join(query: &Query, sides: &Sides<'_>, side: &Side<'_>) -> Option<ForeignJoin> {
    let (JoinTree::Leaf(table), Some(on)) = (side.nulled, side.on) else { return None };
    let table = *table;
    let RteSource::Table { relation: Some(relation), sampled: false, .. } = query.rtes.get(table)?.source
    else {
        return None;
    };
    let conditions = conditions_of(on);
    let mut pairs = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let NodeKind::Call { function, args } = &condition.kind else { return None };
        let [left, right] = args.as_slice() else { return None };
        let (left, right) = (left.plain_column()?, right.plain_column()?);
        if !is_equality(&function.name) {
            return None;
        }
        pairs.push(if left.rte == table { (right, left.column) } else { (left, right.column) });
        // One side of each condition is the table's.
        if (left.rte == table) == (right.rte == table) {
            return None;
        }
    }
    let child = pairs.first()?.0.rte;
    if !sides.is_other(side, child) || pairs.iter().any(|(var, _)| var.rte != child) {
        return None;
    }
    let RteSource::Table { references, .. } = &query.rtes.get(child)?.source else { return None };
    let reference = references.iter().find(|it| it.relation == relation && it.promises(&pairs))?;
    Some(ForeignJoin {
        nuller: side.number,
        sibling: side.sibling,
        table,
        child,
        columns: reference.columns.clone(),
    })
}

impl Prover<'_> {
    /// Whether a subquery reads the row to which a foreign key of the query around it refers, and asks for nothing else.
    pub(super) fn finds_referenced_row(&self, query: &Query, env: &Environment<'_>) -> bool {
        self.referenced_row(query, env).unwrap_or(false)
    }

    fn referenced_row(&self, query: &Query, env: &Environment<'_>) -> Option<bool> {
        let reads_all = query.command == Command::Select
            && matches!(query.body, Body::Plain)
            && matches!(query.limit, LimitKind::None | LimitKind::Constant(1..))
            && !(query.offset
                || query.locked
                || query.grouped
                || query.has_aggregates
                || query.has_target_srf)
            && query.having.is_none();
        let [JoinTree::Leaf(table)] = query.from.as_slice() else { return None };
        let RteSource::Table { relation: Some(relation), sampled: false, .. } =
            query.rtes.get(*table)?.source
        else {
            return None;
        };
        let mut pairs = Vec::new();
        for condition in conditions_of(query.filter.as_ref()?) {
            let NodeKind::Call { function, args } = &condition.kind else { return None };
            let [left, right] = args.as_slice() else { return None };
            let (left, right) = (column_of(left)?, column_of(right)?);
            let (own, outer) = if left.level == 0 { (left, right) } else { (right, left) };
            if !is_equality(&function.name) || own.level > 0 || outer.level == 0 {
                return None;
            }
            pairs.push((outer, own.column));
        }
        let first = pairs.first()?.0;
        let (level, child) = (first.level - 1, first.rte);
        let owner = up(env, level)?;
        let is_locked = (0..=level).any(|level| up(env, level).is_none_or(|env| env.query.locked));
        let of_child = pairs.iter().all(|(var, _)| (var.level, var.rte) == (first.level, child));
        if !reads_all || is_locked || !of_child || owner.query.result_rte == Some(child) {
            return None;
        }
        let RteSource::Table { references, .. } = &owner.query.rtes.get(child)?.source else { return None };
        let reference = references.iter().find(|it| it.relation == relation && it.promises(&pairs))?;
        let not_null = |column: &usize| !self.var_nullable(Var { level, rte: child, column: *column }, env);
        Some(reference.columns.iter().all(not_null))
    }
}

impl Reference {
    /// Whether each of these columns refers to the column of the other table next to it.
    fn promises(&self, pairs: &[(Var, usize)]) -> bool {
        let promised = |pair: &(Var, usize)| {
            let mut promises = self.columns.iter().zip(&self.referenced);
            promises.any(|(column, referenced)| (*column, *referenced) == (pair.0.column, pair.1))
        };
        pairs.iter().all(promised)
    }
}

fn conditions_of(condition: &Node) -> &[Node] {
    match &condition.kind {
        NodeKind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(condition),
    }
}

/// The column that an operand is, of whichever query, perhaps relabelled.
fn column_of(node: &Node) -> Option<Var> {
    match &node.kind {
        NodeKind::Var(var) => Some(*var),
        NodeKind::Cast { arg, function: None } => column_of(arg),
        _ => None,
    }
}
