//! Proves which columns of a query cannot be NULL.
//!
//! Input: an analyzed query. Output: for each column of the query, whether the column can be NULL.
//!
//! Invariants: a column without a proof is nullable. A proof holds for every database that satisfies the schema,
//! independent of its rows, statistics and plans.
//!
//! # The model
//!
//! A column of a table is NULL for one of two reasons: its own table allows it, or an outer join found no matching row
//! and fills the whole row with NULLs (it "nulls" the row). So an [`Environment`] keeps both reasons separately for
//! each entry of the range table. `base` states which columns can be NULL in the entry's own rows. `nulled_by` has the
//! numbers of the nullable sides of outer joins that may still null the entry (PostgreSQL's `varnullingrels`). The
//! nullability of an expression follows from its parts and the contract of its function (`expr`).
//!
//! The conditions of a query can prove that neither reason applies. A row of the result has passed WHERE and the ON of
//! each inner join. A strict condition that was TRUE proves that its columns are not NULL (`find_nonnullable_vars`). A
//! column that is not NULL proves that its row exists, so the outer join did not null it, and the join's ON was TRUE
//! for this row as well (`reduce_outer_joins`). The function `narrow` applies these rules until they add no new fact.
//!
//! # Example
//!
//! ```sql
//! SELECT p.author, u.name FROM posts p LEFT JOIN users u ON u.id = p.author WHERE u.age > 18
//! ```
//!
//! 1. The nullable sides of outer joins are numbered; `users` is side 0: `nulled_by[u] = {0}`.
//! 2. `>` is strict, and the WHERE condition was TRUE: `u.age` is not NULL, so the row of `u` exists, and the join
//!    never nulls side 0.
//! 3. So ON was TRUE too: `u.id = p.author` proves that `p.author` is not NULL, although the column allows NULL.
//! 4. `u.name` can be NULL only if the column of the table allows NULL.
//!
//! # Other proofs
//!
//! A join along a validated foreign key with NOT NULL columns always finds its row (`foreign`). In the rows of a
//! grouping set, the keys that the set does not contain are NULL, except inside aggregates. An UPDATE assigns new
//! values: conditions on the old row prove nothing about the assigned columns (`narrowing`).
//!
//! # Rejected
//!
//! One flag for each column, merged at each join, is simpler, but does not record which join can make the column NULL.
//! In `a LEFT JOIN b ON … LEFT JOIN c ON c.x = b.x WHERE c.y = 1`, the row of `c` exists, so the ON of `c` was TRUE, so
//! `b.x` is not NULL, so the row of `b` exists. For the last conclusion, the prover must know which join can null
//! `b.x`. The second rejected design uses the server's plan (EXPLAIN): this plan changes with the server's statistics,
//! and the build would require a server.
//!
//! Source: `optimizer/prep/prepjointree.c` and `optimizer/util/clauses.c` of PostgreSQL 16.

mod assumption;
mod environment;
mod expr;
mod facts;
mod foreign;
mod narrowing;
mod referenced;
mod side;
mod side_set;
mod source;

pub(super) use source::{Source, column_origin};

use super::cardinality;
use super::node_set::NodeSet;
use super::parameter::Parameter;
use super::tree::{Body, Cte, JoinTree, Node, NodeKind, Query, RteSource};
use crate::syntax::ast::SetOperator;
use environment::{Environment, GroupingSets, Prover};
use foreign::foreign_joins;
use side::{Side, Sides};
use side_set::SideSet;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The facts proved about the columns of a query.
pub(super) struct Columns {
    /// Whether each column can be NULL.
    pub(super) nullable: Vec<bool>,
    /// For each column that is an array, whether an element can be NULL.
    pub(super) elements: Vec<bool>,
    /// For each column, its origin and the outer joins that can set the column to NULL.
    pub(super) sources: Vec<Source>,
}

/// Proves which columns of a query are never NULL.
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
                            // INTERSECT returns only rows that both queries return (NULL equals NULL here), so a column
                            // of the result can be NULL only if it can be NULL in both queries.
                            SetOperator::Intersect => *left && right,
                            SetOperator::Except => *left,
                        }
                    })
                    .collect()
            }
        }
    }

    /// Returns the environment of a query's own level, after the conditions of the query have narrowed it.
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
            proven_nodes: NodeSet::default(),
            having: BTreeSet::new(),
            having_nodes: NodeSet::default(),
            grouping: GroupingSets::of(query),
            grouping_nulls: query.grouping_sets,
            padded: query.has_target_srf && target_srfs(query) > 1,
            outer,
            misses: RefCell::default(),
        };
        // The entries are handled in the order of FROM, because a LATERAL entry can refer to the entries before it.
        for at in 0..query.rtes.len() {
            let base = self.entry(query, at, &env);
            Rc::make_mut(&mut env.base).push(base);
        }
        self.narrow(&mut env, &query.from);
        if query.has_aggregates && !query.grouped || query.empty_grouping_set {
            // An aggregate query without GROUP BY, and an empty grouping set, make one group even if no row satisfies
            // the conditions, so the conditions prove nothing about columns of outer queries and about expressions. The
            // facts about the query's own columns stay: outside the arguments of aggregates, such a column is a key,
            // and an empty grouping set does not contain the key.
            env.proven.retain(|var| var.level == 0);
            env.proven_nodes.clear();
        }
        if let Some(having) = &query.having {
            let facts = narrowing::if_true(having);
            if !query.grouping_sets {
                for var in &facts.vars {
                    narrowing::row_is_there(&mut env.nulled_by, *var);
                }
            }
            env.having.extend(facts.vars);
            env.having_nodes.extend(facts.nodes);
        }
        env
    }

    /// Whether an outer join always finds a row: its nullable side always has a row, and its condition is the constant
    /// TRUE.
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

    /// Returns, for each column of one entry, whether the column can be NULL before joins.
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
                    // In ROWS FROM with several functions, the shorter results are padded with NULLs.
                    let padded = functions.len() > 1 && !even;
                    // If the function returns a composite type with one column, the column is a field of the value, not
                    // the value.
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
        // A strict set-returning function returns no rows for NULL; a strict scalar function returns one row with NULL.
        let nulled_by_args =
            args_nullable && !(function.strict && function.set) && !function.null.holds_always();
        never_null.iter().map(|never_null| !never_null || nulled_by_args).collect()
    }

    /// Returns the nullability of a `WITH` query's columns. For a recursive query, the result is the fixed point of an
    /// iteration that starts without a nullable column.
    fn cte(&self, cte: &Cte) -> Vec<bool> {
        let width = cte.columns.borrow().len();
        if let Some(assumed) = cte.assumed.borrow().as_ref() {
            return assumed.clone();
        }
        let Some(query) = cte.query.borrow().clone() else { return vec![true; width] };
        let pad = |mut found: Vec<bool>| {
            // The columns of SEARCH and CYCLE are computed and never NULL.
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
                    // The result is not cached here: it depends on an assumption about the enclosing recursive query,
                    // which may turn out to be wrong.
                    *cte.assumed.borrow_mut() = None;
                }
                return assumed;
            }
            assumed = next;
        }
    }
}

/// Returns the number of set-returning functions that run together in the target list.
fn target_srfs(query: &Query) -> usize {
    fn count(node: &Node) -> usize {
        let mut below = 0;
        node.children(&mut |child| below += count(child));
        below + usize::from(matches!(&node.kind, NodeKind::Call { function, .. } if function.set))
    }
    let targets: NodeSet<'_> = query.targets.iter().map(|target| &target.node).collect();
    // A sort key that equals a target is evaluated together with that target, so its calls are not counted again.
    let keys = query.other.iter().chain(&query.group_by).filter(|key| !targets.has_same(key));
    query.targets.iter().map(|target| &target.node).chain(keys).map(count).sum()
}
