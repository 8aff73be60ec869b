//! What a surviving row has proved: conditions that were TRUE, and the outer joins that they reduce.
//!
//! Input: the conditions of a query. Output: columns and expressions that are not NULL in its rows.

use super::super::tree::{Body, JoinTree, Node, Var};
use super::condition::if_true;
use super::environment::{Environment, Prover};
use super::facts::Facts;
use super::side_set::SideSet;
use std::collections::HashSet;
use std::rc::Rc;

impl Prover<'_> {
    /// Applies the conditions of a query until nothing new follows.
    pub(super) fn narrow<'e>(&self, env: &mut Environment<'e>, from: &'e [JoinTree]) {
        if !matches!(env.query.body, Body::Plain) {
            return;
        }
        // Conditions that were valid once stay valid.
        let mut seen: HashSet<*const Node> = HashSet::new();
        loop {
            let mut conditions: Vec<&'e Node> = env.query.filter.iter().collect();
            for tree in from {
                valid_conditions(tree, env, true, &mut conditions);
            }
            let new = conditions.into_iter().filter(|condition| seen.insert(std::ptr::from_ref(*condition)));
            let facts = Facts::all(new.map(if_true));
            let mut changed = false;
            for var in &facts.vars {
                if !self.is_assigned(env, var) {
                    changed |= row_is_there(&mut env.nulled_by, *var);
                }
            }
            env.proven.extend(facts.vars);
            env.proven_nodes.extend(facts.nodes);
            changed |= follow_foreign_keys(env);
            if !changed {
                let written = self.written(env);
                let assigned: Vec<Var> =
                    env.proven.iter().filter(|var| self.is_assigned(env, var)).copied().collect();
                env.proven.retain(|var| !assigned.contains(var));
                if env.query.result_rte.is_some() {
                    // Expressions over the old row prove nothing about the new one.
                    env.proven_nodes.clear();
                    self.write(env, written);
                }
                return;
            }
        }
    }

    /// The columns that get values, and whether those can be NULL, as the old rows are known.
    fn written(&self, env: &Environment<'_>) -> Vec<(usize, bool)> {
        let known = env.query.assigned.iter().filter(|written| !written.values.is_empty());
        let mut out: Vec<(usize, bool)> = known
            .map(|written| (written.column, written.values.iter().any(|value| self.nullable(value, env))))
            .collect();
        if let Some((source, columns)) = &env.query.source {
            out.extend(columns.iter().copied().zip(self.columns(source, Some(env))));
        }
        out
    }

    fn write(&self, env: &mut Environment<'_>, written: Vec<(usize, bool)>) {
        let Some(columns) = env.query.result_rte.and_then(|rte| Rc::make_mut(&mut env.base).get_mut(rte))
        else {
            return;
        };
        for (column, nullable) in written {
            if let Some(known) = columns.get_mut(column) {
                *known &= nullable;
            }
        }
    }

    /// A column that an UPDATE gives a new value.
    fn is_assigned(&self, env: &Environment<'_>, var: &Var) -> bool {
        var.level == 0
            && env.query.result_rte == Some(var.rte)
            && env.query.assigned.iter().any(|written| written.column == var.column)
    }
}

/// A column that is not NULL proves that no join nulled its row, nor those that were nulled with it. Returns whether
/// that is new.
pub(super) fn row_is_there(nulled_by: &mut Rc<Vec<SideSet>>, var: Var) -> bool {
    if var.level > 0 {
        return false;
    }
    let Some(removed) = nulled_by.get(var.rte).filter(|removed| !removed.is_empty()).cloned() else {
        return false;
    };
    Rc::make_mut(nulled_by).iter_mut().for_each(|nullers| nullers.remove_all(&removed));
    true
}

/// A join along a foreign key nulls its table only where the row that refers to it is nulled.
fn follow_foreign_keys(env: &mut Environment<'_>) -> bool {
    let mut changed = false;
    for join in env.foreign.clone().iter() {
        let (child, nuller) = (join.child, join.nuller);
        if env.matched.contains(nuller) || env.query.result_rte == Some(child) {
            continue;
        }
        let not_null = |column: &usize| {
            env.base[child].get(*column) == Some(&false)
                || env.proven.contains(&Var { level: 0, rte: child, column: *column })
        };
        if join.columns.iter().all(not_null) {
            let mut inherited = env.nulled_by[child].clone();
            join.sibling.into_iter().for_each(|sibling| _ = inherited.remove(sibling));
            let nulled_by = &mut Rc::make_mut(&mut env.nulled_by)[join.table];
            if nulled_by.remove(nuller) {
                nulled_by.add(&inherited);
                env.matched.insert(nuller);
                changed = true;
            }
        }
    }
    changed
}

/// The ON conditions that every row has passed: those of inner joins, and of outer joins that are
/// reduced, as long as nothing above can null them.
fn valid_conditions<'e>(tree: &'e JoinTree, env: &Environment<'e>, reached: bool, out: &mut Vec<&'e Node>) {
    let JoinTree::Join { left, right, on, .. } = tree else { return };
    let still_nulled = |tree: &JoinTree| {
        env.sides.of_tree(tree).is_some_and(|side| {
            // Of a join along a foreign key only the match is known, not that its condition was met.
            env.matched.contains(side.number)
                || env.sides.rows(side).iter().any(|rte| env.nulled_by[*rte].contains(side.number))
        })
    };
    let (left_nulled, right_nulled) = (still_nulled(left), still_nulled(right));
    valid_conditions(left, env, reached && !left_nulled, out);
    valid_conditions(right, env, reached && !right_nulled, out);
    // A side that always matches nulls nothing, and its condition is TRUE.
    if reached && !left_nulled && !right_nulled {
        out.extend(on);
    }
}
