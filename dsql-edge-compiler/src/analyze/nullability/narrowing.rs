//! Derives the facts about the rows of a result from conditions that were TRUE, and from the outer joins that these
//! conditions reduce.
//!
//! Input: the conditions of a query. Output: columns and expressions that are not NULL in the rows of the query.

use super::super::tree::{Body, JoinTree, Node, NodeKind, Var};
use super::environment::{Environment, Prover};
use super::facts::{Facts, ROW};
use super::side_set::SideSet;
use std::collections::HashSet;
use std::rc::Rc;

impl Prover<'_> {
    /// Applies the conditions of a query again and again, until they add no new fact.
    pub(super) fn narrow<'e>(&self, env: &mut Environment<'e>, from: &'e [JoinTree]) {
        if !matches!(env.query.body, Body::Plain) {
            return;
        }
        // The conditions of earlier rounds stay valid, and each condition adds its facts only once.
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
                    // A fact about an expression of the old row may be false for the new row.
                    env.proven_nodes.clear();
                    self.write(env, written);
                }
                return;
            }
        }
    }

    /// Returns the assigned columns, and whether their new values can be NULL, given the facts about the old rows.
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

    /// Whether the statement assigns a new value to the column.
    fn is_assigned(&self, env: &Environment<'_>, var: &Var) -> bool {
        var.level == 0
            && env.query.result_rte == Some(var.rte)
            && env.query.assigned.iter().any(|written| written.column == var.column)
    }
}

/// Records that a column is not NULL. This proves that no join nulled the row of the column. A join nulls the rows of a
/// nullable side only together, so the other rows on the same sides were not nulled either. Returns `true` if this fact
/// is new.
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

/// Applies foreign keys: a join along a foreign key nulls the referenced table only if the referencing row is nulled.
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

/// Collects the ON conditions that are TRUE in every row of the result. These conditions are those of inner joins, and
/// of outer joins that other conditions turn into inner joins. A join does not count if an outer join above this join
/// can null its rows.
fn valid_conditions<'e>(tree: &'e JoinTree, env: &Environment<'e>, reached: bool, out: &mut Vec<&'e Node>) {
    let JoinTree::Join { left, right, on, .. } = tree else { return };
    let still_nulled = |tree: &JoinTree| {
        env.sides.of_tree(tree).is_some_and(|side| {
            // A join along a foreign key finds a match for each referencing row, but an outer join can null the
            // referencing row itself, and then the condition of the join is not TRUE.
            env.matched.contains(side.number)
                || env.sides.rows(side).iter().any(|rte| env.nulled_by[*rte].contains(side.number))
        })
    };
    let (left_nulled, right_nulled) = (still_nulled(left), still_nulled(right));
    valid_conditions(left, env, reached && !left_nulled, out);
    valid_conditions(right, env, reached && !right_nulled, out);
    // If neither side of the join can be nulled, the condition of the join is TRUE in every row.
    if reached && !left_nulled && !right_nulled {
        out.extend(on);
    }
}

/// Returns the facts that hold if the condition is TRUE.
pub(super) fn if_true(node: &Node) -> Facts<'_> {
    match &node.kind {
        NodeKind::And(parts) => Facts::all(parts.iter().map(if_true)),
        NodeKind::Or(parts) => Facts::common(parts.iter().map(if_true)),
        NodeKind::InList { comparisons, negated: false } => Facts::common(comparisons.iter().map(if_true)),
        NodeKind::InList { comparisons, negated: true } => Facts::all(comparisons.iter().map(if_true)),
        NodeKind::Not(arg) => if_false(arg),
        NodeKind::IsNull { arg, negated: true } => not_null(arg),
        NodeKind::BooleanTest { arg, value: Some(true), negated: false } => if_true(arg),
        NodeKind::BooleanTest { arg, value: Some(false), negated: false } => if_false(arg),
        NodeKind::BooleanTest { arg, value: None, negated: true } => strict(arg),
        NodeKind::ArrayComparison { function, left, right, all } => {
            let array = strict(right);
            // With ALL, the left side may be NULL, because ALL over an empty array is TRUE.
            if function.strict && !all { strict(left).union(array) } else { array }
        }
        NodeKind::Quantified { left, functions, all: false, .. } if functions.iter().all(|it| it.strict) => {
            Facts::all(left.iter().map(strict))
        }
        // `COALESCE (condition, false)`
        NodeKind::Coalesce(args) => match args.as_slice() {
            [condition, otherwise] if is_false(otherwise) => if_true(condition),
            _ => Facts::default(),
        },
        NodeKind::Cast { arg, .. } => strict(arg),
        _ => strict(node),
    }
}

/// Returns the facts that hold if the condition is FALSE.
pub(super) fn if_false(node: &Node) -> Facts<'_> {
    match &node.kind {
        NodeKind::And(parts) => Facts::common(parts.iter().map(if_false)),
        NodeKind::Or(parts) => Facts::all(parts.iter().map(if_false)),
        NodeKind::Not(arg) => if_true(arg),
        NodeKind::IsNull { arg, negated: false } => match arg.kind {
            // If `row IS NULL` is FALSE, at least one field is not NULL, so the row exists. The condition does not
            // determine which field is not NULL.
            NodeKind::WholeRow { level, rte, .. } => {
                Facts { vars: vec![Var { level, rte, column: ROW }], nodes: Vec::new() }
            }
            NodeKind::Row(_) => Facts::default(),
            _ => not_null(arg),
        },
        NodeKind::BooleanTest { arg, value: None, negated: false } => strict(arg),
        NodeKind::Call { .. } | NodeKind::Var(_) => strict(node),
        _ => Facts::default(),
    }
}

/// Returns the facts that hold if the value is not NULL, or, for a row, if none of its fields is NULL.
fn not_null(node: &Node) -> Facts<'_> {
    match &node.kind {
        NodeKind::WholeRow { level, rte, .. } => {
            Facts { vars: vec![Var { level: *level, rte: *rte, column: ROW }], nodes: Vec::new() }
        }
        NodeKind::Row(fields) => Facts::all(fields.iter().map(strict)),
        _ => strict(node),
    }
}

/// `find_nonnullable_vars`: the columns and expressions that are not NULL if the value is not NULL.
pub(super) fn strict(node: &Node) -> Facts<'_> {
    let below = match &node.kind {
        NodeKind::Var(var) => return Facts { vars: vec![*var], nodes: Vec::new() },
        NodeKind::Call { function, args } if function.strict && !function.set => {
            Facts::all(args.iter().map(strict))
        }
        NodeKind::Cast { arg, function } if function.as_ref().is_none_or(|it| it.strict) => strict(arg),
        NodeKind::Collate(arg, _) | NodeKind::Not(arg) | NodeKind::Field(arg, _) => strict(arg),
        NodeKind::NullIf { left, .. } => strict(left),
        NodeKind::Subscript(parts) => Facts::all(parts.iter().map(strict)),
        NodeKind::Coalesce(args) | NodeKind::MinMax(args) => Facts::common(args.iter().map(strict)),
        NodeKind::ArrayComparison { right, .. } => strict(right),
        NodeKind::Case { arms, otherwise: Some(otherwise) } => {
            Facts::common(arms.iter().map(|(_, result)| strict(result)).chain([strict(otherwise)]))
        }
        _ => Facts::default(),
    };
    // The expression itself is also recorded as not NULL, if each evaluation of the expression gives the same value.
    let stable = !node.any(&|part| {
        part.subquery().is_some()
            || matches!(&part.kind, NodeKind::Call { function, .. } if function.volatile || function.set)
            || matches!(part.kind, NodeKind::WindowCall(_) | NodeKind::Parameter(_))
    });
    let worth = matches!(
        node.kind,
        NodeKind::Call { .. }
            | NodeKind::Aggregate(_)
            | NodeKind::Cast { .. }
            | NodeKind::Subscript(_)
            | NodeKind::Field(..)
            | NodeKind::Coalesce(_)
    );
    if stable && worth { Facts { nodes: vec![node], ..Facts::default() }.union(below) } else { below }
}

/// Whether a group that satisfies the condition certainly has a row. Examples of such conditions are `count(*) > 0` and
/// `1 <= count(x)`, and conditions that combine one of them with others by AND.
pub(super) fn counts_a_row(condition: &Node) -> bool {
    let (function, args) = match &condition.kind {
        NodeKind::And(parts) => return parts.iter().any(counts_a_row),
        NodeKind::Call { function, args } => (function, args),
        _ => return false,
    };
    let [left, right] = args.as_slice() else { return false };
    let is_count = |node: &Node| matches!(&node.kind, NodeKind::Aggregate(call) if call.level == 0 && call.name == "count");
    let (swapped, bound) = match (is_count(left), is_count(right)) {
        (true, false) => (false, number(right)),
        (false, true) => (true, number(left)),
        _ => return false,
    };
    let operator = function.name.strip_prefix("int8").or_else(|| function.name.strip_prefix("int4"));
    let operator = operator.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    match (operator, bound) {
        (Some("gt"), Some(bound)) => !swapped && bound >= 0,
        (Some("lt"), Some(bound)) => swapped && bound >= 0,
        (Some("ge"), Some(bound)) => !swapped && bound >= 1,
        (Some("le"), Some(bound)) => swapped && bound >= 1,
        (Some("eq"), Some(bound)) => bound >= 1,
        (Some("ne"), Some(bound)) => bound == 0,
        _ => false,
    }
}

/// Returns the value of a constant integer.
fn number(node: &Node) -> Option<i64> {
    match &node.kind {
        NodeKind::Constant(Some(text)) => text.parse().ok(),
        NodeKind::Cast { arg, .. } => number(arg),
        _ => None,
    }
}

fn is_false(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Constant(Some(text)) if text == "false")
}
