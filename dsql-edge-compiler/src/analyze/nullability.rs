//! Proves which columns of a query cannot be NULL.
//!
//! Input: an analysed query. Output: for each of its columns, whether a row could hold NULL there.
//!
//! Invariants: what is not proved is nullable. A proof holds for every database that satisfies the schema, whatever its
//! rows, statistics and plans are.
//!
//! # The model
//!
//! A column of a table is NULL for one of two reasons: its own table allows it, or an outer join found no partner and
//! nulls the whole row. So an [`Environment`] has, for each entry of the range table, `base` (which columns can be NULL
//! in the entry's own rows) and `nulled_by` (the sides of outer joins that may still null it, by number; PostgreSQL's
//! `varnullingrels`). Whether an expression is NULL follows from its parts and the contract of its function (`expr`).
//!
//! Conditions take both reasons back. A row of the result has passed WHERE and the ON of each inner join. A strict
//! condition that was TRUE proves its columns (`find_nonnullable_vars`). A column that is not NULL proves that its row is
//! there, so the outer join that could null it did not, and its ON was TRUE for this row as well
//! (`reduce_outer_joins`). `narrow` repeats this until nothing new follows.
//!
//! # Example
//!
//! ```sql
//! SELECT p.author, u.name FROM posts p LEFT JOIN users u ON u.id = p.author WHERE u.age > 18
//! ```
//!
//! 1. `users` is the nulled side 0 of a join: `nulled_by[u] = {0}`.
//! 2. `>` is strict, and WHERE was TRUE: `u.age` is not NULL, so the row of `u` is there, and side 0 nulls nothing.
//! 3. Then ON was TRUE too: `u.id = p.author` proves `p.author`, although the column allows NULL.
//! 4. `u.name` can be NULL only if its own column can.
//!
//! # What else proves
//!
//! A join along a validated foreign key with NOT NULL columns always finds its partner (`foreign`). Grouping sets null
//! the keys that a set leaves out, except inside aggregates. An UPDATE gives new values: conditions over the old row prove
//! nothing about the columns that it assigns (`narrowing`).
//!
//! # Rejected
//!
//! One flag for each column, merged at each join, is simpler and loses the identity of the join. In `a LEFT JOIN b ON … LEFT
//! JOIN c ON c.x = b.x WHERE c.y = 1`, `c` is there, so its ON was TRUE, so `b.x` is not NULL, so `b` is there: the last
//! step must find the join of `b` again. Asking the server for a plan (EXPLAIN) gives an answer that changes with its
//! statistics, and needs a server at build time.
//!
//! Source: `optimizer/prep/prepjointree.c` and `optimizer/util/clauses.c` of PostgreSQL 16.

mod environment;
mod expr;
mod facts;
mod foreign;
mod narrowing;
mod referenced;
mod side;
mod side_set;
mod source;

pub(super) use source::Source;

use super::cardinality;
use super::parameter::Parameter;
use super::tree::{Body, Cte, JoinTree, Node, NodeKind, Query, RteSource};
use crate::syntax::ast::SetOperator;
use environment::{Environment, Prover};
use facts::Facts;
use foreign::foreign_joins;
use side::{Side, Sides};
use side_set::SideSet;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What is proved of the columns of a query.
pub(super) struct Columns {
    /// Whether each can be NULL.
    pub(super) nullable: Vec<bool>,
    /// Of each that is an array: whether an element can be NULL.
    pub(super) elements: Vec<bool>,
    /// Where each comes from, and which joins null it.
    pub(super) sources: Vec<Source>,
}

/// Proves it.
pub(super) fn columns(parameters: &[Parameter], query: &Query) -> Columns {
    let prover = Prover::new(parameters);
    Columns {
        nullable: prover.columns(query, None),
        elements: prover.element_nullability(query),
        sources: prover.sources(query),
    }
}

impl Prover<'_> {
    fn element_nullability(&self, query: &Query) -> Vec<bool> {
        match &query.body {
            Body::Plain => {
                let env = self.environment(query, None);
                query.targets.iter().map(|target| self.elements_nullable(&target.node, &env)).collect()
            }
            _ => vec![true; query.targets.len()],
        }
    }

    fn columns(&self, query: &Query, outer: Option<&Environment<'_>>) -> Vec<bool> {
        match &query.body {
            Body::Plain => {
                let env = self.environment(query, outer);
                query.targets.iter().map(|target| self.nullable(&target.node, &env)).collect()
            }
            Body::Values(rows) => {
                let env = self.environment(query, outer);
                let width = query.targets.len();
                (0..width)
                    .map(|at| rows.iter().any(|row| row.get(at).is_none_or(|node| self.nullable(node, &env))))
                    .collect()
            }
            Body::SetOperation { operator, left, right } => {
                let env = self.environment(query, outer);
                let left = self.columns(left, Some(&env));
                let right = self.columns(right, Some(&env));
                left.iter()
                    .enumerate()
                    .map(|(at, left)| {
                        let right = right.get(at).copied().unwrap_or(true);
                        match operator {
                            SetOperator::Union => *left || right,
                            // A row must be in both; NULLs count as equal.
                            SetOperator::Intersect => *left && right,
                            SetOperator::Except => *left,
                        }
                    })
                    .collect()
            }
        }
    }

    /// The knowledge at a query's own level, its conditions applied.
    fn environment<'e>(&self, query: &'e Query, outer: Option<&'e Environment<'e>>) -> Environment<'e> {
        let sides = Sides::of(&query.from);
        let mut nulled_by = vec![SideSet::default(); query.rtes.len()];
        for side in sides.iter().filter(|side| !self.always_matches(query, side)) {
            for rte in sides.rows(side) {
                nulled_by[*rte].insert(side.number);
            }
        }
        let mut env = Environment {
            query,
            base: Rc::new(Vec::with_capacity(query.rtes.len())),
            nulled_by: Rc::new(nulled_by),
            found: Rc::default(),
            foreign: foreign_joins(query, &sides).into(),
            sides: sides.into(),
            matched: SideSet::default(),
            proven: BTreeSet::new(),
            proven_nodes: Vec::new(),
            having: Facts::default(),
            grouping_nulls: query.grouping_sets,
            padded: query.has_target_srf && target_srfs(query) > 1,
            outer,
            misses: RefCell::default(),
        };
        // In order: a LATERAL entry sees those before it.
        for at in 0..query.rtes.len() {
            let base = self.entry(query, at, &env);
            Rc::make_mut(&mut env.base).push(base);
        }
        self.narrow(&mut env, &query.from);
        if query.has_aggregates && !query.grouped || query.empty_grouping_set {
            // The one group is there even where no row has passed the conditions: they prove nothing about it.
            env.proven.retain(|var| var.level == 0);
            env.proven_nodes.clear();
        }
        if let Some(having) = &query.having {
            env.having = narrowing::if_true(having);
            if !query.grouping_sets {
                for var in env.having.vars.clone() {
                    narrowing::row_is_there(&mut env.nulled_by, var);
                }
            }
        }
        env
    }

    /// An outer join whose nullable side always has a row, and whose condition is plain TRUE, nulls nothing.
    fn always_matches(&self, query: &Query, side: &Side<'_>) -> bool {
        let certain =
            side.on.is_none_or(|on| matches!(&on.kind, NodeKind::Constant(Some(text)) if text == "true"));
        match side.nulled {
            JoinTree::Leaf(rte) if certain => match &query.rtes[*rte].source {
                RteSource::Subquery { query, .. } => cardinality::has_a_row(query),
                _ => false,
            },
            _ => false,
        }
    }

    pub(super) fn may_be_null(&self, parameter: usize) -> bool {
        self.parameters.get(parameter - 1).is_none_or(|parameter| parameter.nullable)
    }

    /// The columns of one entry, before joins.
    fn entry(&self, query: &Query, at: usize, env: &Environment<'_>) -> Vec<bool> {
        let rte = &query.rtes[at];
        match &rte.source {
            RteSource::Table { not_null, .. } => not_null.iter().map(|not_null| !not_null).collect(),
            RteSource::Subquery { query, view: Some(_) } => {
                query.proofs.nullable.get_or_init(|| self.columns(query, None)).clone()
            }
            RteSource::Subquery { query, view: None } => self.columns(query, Some(env)),
            RteSource::Cte(cte) => self.cte(cte),
            RteSource::Function { functions, ordinality, equally_long } => {
                let even = !equally_long.is_empty() && !equally_long.iter().any(|it| self.may_be_null(*it));
                let mut out = Vec::with_capacity(rte.columns.len());
                for (call, never_null) in functions {
                    // Several functions side by side are padded with NULL.
                    let padded = functions.len() > 1 && !even;
                    // The one column of a composite type is a field of it, not the value.
                    let is_value = rte.columns.get(out.len()).is_some_and(|column| column.ty == call.ty);
                    out.extend(
                        self.function_columns(call, never_null, is_value, env)
                            .into_iter()
                            .map(|nullable| nullable || padded),
                    );
                }
                if *ordinality {
                    out.push(false);
                }
                out
            }
            RteSource::Nullable => vec![true; rte.columns.len()],
        }
    }

    fn function_columns(
        &self,
        call: &Node,
        never_null: &[bool],
        is_value: bool,
        env: &Environment<'_>,
    ) -> Vec<bool> {
        let NodeKind::Call { function, args } = &call.kind else {
            return vec![self.nullable(call, env); never_null.len().max(1)];
        };
        let args_nullable = args.iter().any(|arg| self.nullable(arg, env));
        if function.name == "unnest"
            && let [array] = args.as_slice()
            && never_null.len() == 1
            && is_value
        {
            return vec![self.elements_nullable(array, env)];
        }
        // A strict set-returning function gives no rows for NULL; a plain one gives one row of NULL.
        let nulled_by_args =
            args_nullable && !(function.strict && function.set) && !function.null.holds_always();
        never_null.iter().map(|never_null| !never_null || nulled_by_args).collect()
    }

    /// A query of `WITH`, a recursive one to its fixed point: nothing is NULL until a term makes it so.
    fn cte(&self, cte: &Cte) -> Vec<bool> {
        let width = cte.columns.borrow().len();
        if let Some(assumed) = cte.assumed.borrow().as_ref() {
            return assumed.clone();
        }
        let Some(query) = cte.query.borrow().clone() else { return vec![true; width] };
        let pad = |mut found: Vec<bool>| {
            // The columns of SEARCH and CYCLE are computed, never NULL.
            found.truncate(width);
            found.resize(width, false);
            found
        };
        if !cte.recursive {
            let found = pad(self.columns(&query, None));
            if self.assuming.get() == 0 {
                *cte.assumed.borrow_mut() = Some(found.clone());
            }
            return found;
        }
        let mut assumed = vec![false; width];
        self.assuming.set(self.assuming.get() + 1);
        loop {
            *cte.assumed.borrow_mut() = Some(assumed.clone());
            let found = pad(self.columns(&query, None));
            let next: Vec<bool> = assumed.iter().zip(&found).map(|(a, b)| *a || *b).collect();
            if next == assumed {
                self.assuming.set(self.assuming.get() - 1);
                if self.assuming.get() > 0 {
                    // Proved over an assumption of the recursive query around it, which may turn out wrong.
                    *cte.assumed.borrow_mut() = None;
                }
                return assumed;
            }
            assumed = next;
        }
    }
}

/// How many set-returning functions run side by side with the target list.
fn target_srfs(query: &Query) -> usize {
    fn count(node: &Node) -> usize {
        let mut below = 0;
        node.children(&mut |child| below += count(child));
        below + usize::from(matches!(&node.kind, NodeKind::Call { function, .. } if function.set))
    }
    let keys = query.other.iter().chain(&query.group_by).filter(|key| {
        // A key that is a column of the target list is not a call of its own.
        !query.targets.iter().any(|target| target.node.same(key))
    });
    query.targets.iter().map(|target| &target.node).chain(keys).map(count).sum()
}
