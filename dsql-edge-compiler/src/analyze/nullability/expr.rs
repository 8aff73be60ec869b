//! Decides whether an expression can be NULL, given the facts about the row.

use super::super::cardinality;
use super::super::node_set::NodeSet;
use super::super::parameter::Parameter;
use super::super::system_column::system_column;
use super::super::tree::{Body, Callee, Node, NodeKind, RteSource, Var};
use super::environment::{Environment, Prover};
use super::narrowing::{counts_a_row, if_false, if_true};
use crate::builtin::{self, oid};
use std::cell::RefCell;
use std::collections::BTreeSet;

impl Prover<'_> {
    /// Whether the value can be NULL.
    pub(super) fn nullable(&self, node: &Node, env: &Environment<'_>) -> bool {
        if !self.step() {
            return true;
        }
        let sets = env.grouping.as_deref().filter(|_| env.grouping_nulls);
        let is_left_out = sets.is_some_and(|sets| sets.leave_out(node));
        let in_having = match &node.kind {
            NodeKind::Var(var) => env.having.contains(var),
            _ => env.having_nodes.has_same(node),
        };
        // PostgreSQL 16 evaluates a constant expression in HAVING before it uses the NULLs of grouping sets, so the
        // condition may hold although the grouped expression is NULL.
        let is_column = matches!(node.kind, NodeKind::Var(_));
        if in_having && !(is_left_out && (!is_column || sets.is_some_and(|sets| sets.is_doubled(node)))) {
            return false;
        }
        if is_left_out {
            return true;
        }
        if !env.grouping_nulls && env.proven_nodes.has_same(node) {
            return false;
        }
        let any = |nodes: &[Node]| nodes.iter().any(|node| self.nullable(node, env));
        match &node.kind {
            NodeKind::Error | NodeKind::Opaque(_) | NodeKind::Default | NodeKind::JoinedRow { .. } => true,
            NodeKind::Constant(value) => value.is_none(),
            NodeKind::Parameter(number) => self.may_be_null(*number),
            NodeKind::NeverNull
            | NodeKind::NeverNullOf(_)
            | NodeKind::Grouping(_)
            | NodeKind::IsNull { .. }
            | NodeKind::BooleanTest { .. }
            | NodeKind::Distinct { .. }
            | NodeKind::Row(_)
            | NodeKind::Array(_)
            | NodeKind::Exists(_)
            | NodeKind::ArraySubquery(_) => false,
            NodeKind::Var(var) => self.var_nullable(*var, env),
            NodeKind::WholeRow { level, rte, .. } => {
                // A row reference is NULL only if an outer join nulls the row.
                let Some(env) = up(env, *level) else { return true };
                let proven = env.proven.iter().any(|var| (var.level, var.rte) == (0, *rte));
                !proven && env.is_nulled(*rte)
            }
            NodeKind::Call { function, .. } if function.set && env.padded => true,
            NodeKind::Call { function, args } if function.set && function.name == "unnest" => {
                args.first().is_none_or(|array| self.elements_nullable(array, env))
            }
            NodeKind::Call { function, args } => {
                if function.null.holds_always() {
                    return false;
                }
                !(function.null.holds_of_values() || is_endless_field(function, args)) || any(args)
            }
            NodeKind::Aggregate(call) => {
                if call.null.holds_of_values() {
                    return false;
                }
                // A group of a `GROUP BY` has at least one row. An aggregate may get no rows in two cases: the whole
                // input is one group, or FILTER removes all rows.
                let owner = up(env, call.level);
                let has_rows = owner.is_some_and(|env| {
                    env.query.grouped && !env.query.empty_grouping_set
                        || env.query.having.as_ref().is_some_and(counts_a_row)
                });
                if !has_rows || call.filter.is_some() {
                    return true;
                }
                if call.null.holds_over_rows() {
                    return false;
                }
                if !call.null.holds_over_values() {
                    return true;
                }
                let inner = before_grouping(env);
                call.args.iter().any(|arg| self.nullable(arg, &inner))
            }
            NodeKind::WindowCall(call) => {
                if call.null.holds_of_values() {
                    return call.args.iter().any(|arg| self.nullable(arg, env)) && call.name != "count";
                }
                let args = || call.args.iter().any(|arg| self.nullable(arg, env));
                match call.name.as_str() {
                    "lag" | "lead" if call.args.len() == 3 => args(),
                    "first_value" | "last_value" => !call.frame_has_row || args(),
                    _ => {
                        let rows = call.frame_has_row && call.filter.is_none();
                        let certain =
                            call.null.holds_over_rows() || (call.null.holds_over_values() && !args());
                        !(rows && certain)
                    }
                }
            }
            NodeKind::And(parts) | NodeKind::Or(parts) => any(parts),
            NodeKind::InList { comparisons, .. } => any(comparisons),
            NodeKind::Not(arg) | NodeKind::Collate(arg, _) => self.nullable(arg, env),
            NodeKind::ArrayComparison { function, left, right, .. } => {
                !function.null.holds_of_values()
                    || self.nullable(left, env)
                    || self.nullable(right, env)
                    || self.elements_nullable(right, env)
            }
            NodeKind::Case { arms, otherwise } => self.case_nullable(arms, otherwise.as_deref(), env),
            NodeKind::Coalesce(args) | NodeKind::MinMax(args) => {
                args.iter().all(|arg| self.nullable(arg, env)) && !self.sides_of_full_join(args, env)
            }
            NodeKind::Field(row, column) => match row.kind {
                // A field of an entry's whole row is a column of the entry.
                NodeKind::WholeRow { level, rte, .. } => {
                    self.var_nullable(Var { level, rte, column: *column }, env)
                }
                _ => true,
            },
            NodeKind::NullIf { .. } | NodeKind::Subscript(_) => true,
            NodeKind::Cast { function: Some(function), .. } if function.null.holds_always() => false,
            NodeKind::Cast { arg, function } => {
                function.as_ref().is_some_and(|function| !function.null.holds_of_values())
                    || self.nullable(arg, env)
            }
            NodeKind::ScalarSubquery(query) => {
                !(cardinality::has_a_row(query) || self.finds_referenced_row(query, env))
                    || self.columns(query, Some(env)).first().copied().unwrap_or(true)
            }
            NodeKind::Quantified { left, functions, query, .. } => {
                any(left)
                    || functions.iter().any(|function| !function.null.holds_of_values())
                    || self.columns(query, Some(env)).iter().any(|nullable| *nullable)
            }
        }
    }

    /// Whether the expression is `COALESCE (l.x, r.x)` over the two sides of a FULL join: in each row of the join, at
    /// least one side has a row. If `USING` merges a column of a FULL join, the merged column is such a `COALESCE`.
    fn sides_of_full_join(&self, args: &[Node], env: &Environment<'_>) -> bool {
        let only_nuller = |node: &Node| -> Option<usize> {
            let var = node.plain_column()?;
            let not_null = env.base.get(var.rte)?.get(var.column) == Some(&false);
            let mut nullers = env.nulled_by.get(var.rte)?.iter().filter(|id| !env.found.contains(*id));
            let only = nullers.next().filter(|_| nullers.next().is_none());
            only.filter(|_| not_null && !env.grouping_nulls)
        };
        let nullers: Vec<usize> = args.iter().filter_map(only_nuller).collect();
        env.sides.iter().any(|side| {
            let sibling = side.sibling.is_some_and(|sibling| nullers.contains(&sibling));
            sibling && nullers.contains(&side.number)
        })
    }

    pub(super) fn var_nullable(&self, var: Var, env: &Environment<'_>) -> bool {
        // A condition of an inner query may prove that a column of an outer query is not NULL.
        let mut at = Some(env);
        for level in 0..=var.level {
            let Some(current) = at else { return true };
            let here = Var { level: var.level - level, ..var };
            if current.having.contains(&here) {
                return false;
            }
            let in_every_set = || {
                let mut keys = current.query.common_keys.iter();
                keys.any(|key| matches!(key.kind, NodeKind::Var(key) if key == here))
            };
            let grouped_away = here.level == 0 && current.grouping_nulls && !in_every_set();
            if current.proven.contains(&here) && !grouped_away {
                return false;
            }
            if here.level == 0 {
                let base = match var.column {
                    column if system_column(column).is_some() => Some(false),
                    column => current.base.get(var.rte).and_then(|columns| columns.get(column)).copied(),
                };
                let nulled = current.is_nulled(var.rte);
                return base.unwrap_or(true) || nulled || grouped_away;
            }
            at = current.outer;
        }
        true
    }

    /// An arm's result is evaluated if its condition is TRUE and the conditions before it are not TRUE.
    fn case_nullable(&self, arms: &[(Node, Node)], otherwise: Option<&Node>, env: &Environment<'_>) -> bool {
        let Some(otherwise) = otherwise else { return true };
        let mut inner = copy(env);
        for (condition, result) in arms {
            let assumption = inner.assume(if_true(condition));
            if self.nullable(result, &inner) {
                return true;
            }
            inner.forget(assumption);
            // A condition that is never NULL, and was not TRUE, was FALSE.
            if !self.nullable(condition, env) {
                inner.assume(if_false(condition));
            }
        }
        self.nullable(otherwise, &inner)
    }

    /// Whether an element of an array can be NULL.
    pub(super) fn elements_nullable(&self, node: &Node, env: &Environment<'_>) -> bool {
        if !self.step() {
            return true;
        }
        match &node.kind {
            NodeKind::Array(elements) => elements.iter().any(|element| match element.kind {
                _ if element.ty == node.ty => self.elements_nullable(element, env),
                _ => self.nullable(element, env),
            }),
            NodeKind::ArraySubquery(query) => {
                query.targets.first().is_none_or(|target| target.node.ty == node.ty)
                    || self.columns(query, Some(env)).first().copied().unwrap_or(true)
            }
            NodeKind::Cast { arg, function: None } | NodeKind::Collate(arg, _) => {
                self.elements_nullable(arg, env)
            }
            NodeKind::Aggregate(call) if call.name == "array_agg" => {
                let mut inner = before_grouping(env);
                inner.assume(call.filter.as_ref().map(if_true).unwrap_or_default());
                call.args.first().is_none_or(|arg| match arg.ty == node.ty {
                    // An array of arrays is one array with more dimensions.
                    true => self.elements_nullable(arg, &inner),
                    false => self.nullable(arg, &inner),
                })
            }
            NodeKind::Parameter(number) => {
                self.parameters.get(*number - 1).is_none_or(Parameter::elements_nullable)
            }
            NodeKind::Var(var) if var.level == 0 => self.elements_of_column(*var, env),
            NodeKind::Coalesce(args) => args.iter().any(|arg| self.elements_nullable(arg, env)),
            NodeKind::Call { function, args } => match function.name.as_str() {
                "string_to_array" => args.len() != 2,
                "enum_range" => false,
                "regexp_split_to_array" | "regexp_matches_all" => false,
                _ => true,
            },
            NodeKind::Constant(Some(text)) => {
                !text.trim().starts_with("{}") && text.to_ascii_lowercase().contains("null")
            }
            _ => true,
        }
    }

    /// Whether an element of an array can be NULL, if the array is a column of a subquery.
    fn elements_of_column(&self, var: Var, env: &Environment<'_>) -> bool {
        let Some(rte) = env.query.rtes.get(var.rte) else { return true };
        let query = match &rte.source {
            RteSource::Subquery { query, .. } => query.clone(),
            RteSource::Cte(cte) if !cte.recursive => match cte.query.borrow().clone() {
                Some(query) => query,
                None => return true,
            },
            _ => return true,
        };
        let known = query.proofs.elements.borrow().get(&var.column).copied();
        if let Some(known) = known.filter(|_| self.assuming.get() == 0) {
            return known;
        }
        let found = match (&query.body, query.targets.get(var.column)) {
            (Body::Plain, Some(target)) => {
                let inner = self.environment(&query, None);
                self.elements_nullable(&target.node, &inner)
            }
            _ => true,
        };
        if self.assuming.get() == 0 {
            query.proofs.elements.borrow_mut().insert(var.column, found);
        }
        found
    }
}

/// Whether the call is `extract` or `date_part` of a date or timestamp, with a field that is not NULL even for infinite
/// values.
fn is_endless_field(function: &Callee, args: &[Node]) -> bool {
    let [Node { kind: NodeKind::Constant(Some(field)), .. }, time] = args else { return false };
    matches!(function.name.as_str(), "extract" | "date_part")
        && matches!(time.ty, oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ)
        && builtin::extract_is_never_null(field)
}

pub(super) fn up<'e, 'x>(env: &'x Environment<'e>, level: usize) -> Option<&'x Environment<'e>>
where
    'e: 'x,
{
    let mut at = env;
    for _ in 0..level {
        at = at.outer?;
    }
    Some(at)
}

/// Returns the environment of an aggregate's input rows, before grouping.
fn before_grouping<'e>(env: &Environment<'e>) -> Environment<'e> {
    Environment {
        grouping_nulls: false,
        having: BTreeSet::new(),
        having_nodes: NodeSet::default(),
        ..copy(env)
    }
}

pub(super) fn copy<'e>(env: &Environment<'e>) -> Environment<'e> {
    Environment {
        query: env.query,
        base: env.base.clone(),
        nulled_by: env.nulled_by.clone(),
        found: env.found.clone(),
        sides: env.sides.clone(),
        foreign: env.foreign.clone(),
        matched: env.matched.clone(),
        proven: env.proven.clone(),
        proven_nodes: env.proven_nodes.clone(),
        having: env.having.clone(),
        having_nodes: env.having_nodes.clone(),
        grouping: env.grouping.clone(),
        grouping_nulls: env.grouping_nulls,
        padded: env.padded,
        outer: env.outer,
        misses: RefCell::default(),
    }
}
