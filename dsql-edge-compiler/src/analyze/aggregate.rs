//! Analyzes aggregates and `GROUPING`: `parse_agg.c`.
//!
//! Input: calls of aggregate functions. Output: the aggregates, each with the query level to which the aggregate
//! belongs; errors for misplaced aggregates.

use super::analyzer::Analyzer;
use super::function::{CallSite, Facts};
use super::place::Place;
use super::scope::Scope;
use super::tree::{Aggregate, Node, NodeKind, Query};
use crate::builtin::{AggregateKind, FunctionKind, Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Analyzer<'_> {
    /// Returns the error of an aggregate call whose clauses or arguments do not fit the kind of aggregate; `None` if
    /// they fit.
    pub(super) fn aggregate_misuse(
        &self,
        site: &CallSite<'_>,
        facts: &Facts,
        name: &str,
        args: &[Node],
    ) -> Option<Diagnostic> {
        let call = site.call;
        let error = |code, message: String| Some(Diagnostic::error(code, call.location, message));
        let ordered = facts.kind != FunctionKind::Aggregate(AggregateKind::Normal);
        if ordered && !call.within_group {
            let message = format!("WITHIN GROUP is required for ordered-set aggregate {name}");
            return error(Code::WrongObjectType, message);
        }
        if !ordered && call.within_group {
            let message = format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP");
            return error(Code::WrongObjectType, message);
        }
        if call.over.is_some() && ordered {
            let message = format!("OVER is not supported for ordered-set aggregate {name}");
            return error(Code::FeatureNotSupported, message);
        }
        let keys = args.len().saturating_sub(site.direct);
        if facts.kind == FunctionKind::Aggregate(AggregateKind::HypotheticalSet) && site.direct != keys {
            let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
            let signature = self.signature(&call.name, &types, &[]);
            let message = format!("function {signature} does not exist");
            let hint = format!(
                "To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments (here {}) \
                 must match the number of ordering columns (here {keys}).",
                site.direct
            );
            return Some(Diagnostic::error(Code::UnknownFunction, call.location, message).with_hint(hint));
        }
        if args.is_empty() && !call.star && !ordered {
            let message = format!("{name}(*) must be used to call a parameterless aggregate function");
            return error(Code::WrongObjectType, message);
        }
        None
    }

    /// `transformAggregateCall`.
    pub(super) fn aggregate(
        &mut self,
        scope: &Scope<'_>,
        site: CallSite<'_>,
        facts: Facts,
        args: Vec<Node>,
        returns: Oid,
    ) -> Node {
        let CallSite { call, span, filter, direct, sets_before } = site;
        let direct = if call.within_group { direct } else { 0 };
        let order_by: Vec<Node> = if call.within_group {
            Vec::new()
        } else {
            call.order_by
                .iter()
                .map(|key| {
                    let node = self.expr(scope, &key.expr);
                    self.unknown_to_text(node)
                })
                .collect()
        };
        let (direct_args, aggregated) = args.split_at(direct.min(args.len()));
        let keys = if call.within_group { aggregated } else { &order_by };
        if !self.can_be_sorted(keys) || call.distinct && !self.can_be_distinct(aggregated, keys) {
            return Node::error(span);
        }
        // An aggregate belongs to the innermost query whose columns it uses, or to the current query if the aggregate
        // uses no columns.
        let parts = || aggregated.iter().chain(&filter).chain(&order_by);
        let level = parts().filter_map(lowest_level).min().unwrap_or(0);
        let nested = parts().find_map(|arg| aggregate_of_level(arg, level));
        let nested = nested.or_else(|| {
            direct_args.iter().find_map(|arg| (0..=level).find_map(|level| aggregate_of_level(arg, level)))
        });
        if let Some(inner) = nested {
            let message = "aggregate function calls cannot be nested";
            let hint = "compute the inner aggregate in a subquery";
            self.report(Diagnostic::error(Code::MisplacedAggregate, inner, message).with_hint(hint));
            return Node::error(span);
        }
        let lower = |arg: &&Node| lowest_level(arg).is_some_and(|of_arg| of_arg < level);
        if let Some(arg) = direct_args.iter().find(lower) {
            let message =
                "outer-level aggregate cannot contain a lower-level variable in its direct arguments";
            self.report(Diagnostic::error(Code::NotGrouped, arg.span, message));
            return Node::error(span);
        }
        let message = "aggregate function calls cannot contain set-returning function calls";
        if !self.is_without_sets(scope, sets_before, message) {
            return Node::error(span);
        }
        let window = |node: &Node| matches!(node.kind, NodeKind::WindowCall(_));
        if let Some(inner) = args.iter().chain(&filter).chain(&order_by).find_map(|arg| find(arg, &window)) {
            let message = "aggregate function calls cannot contain window function calls";
            self.report(Diagnostic::error(Code::MisplacedAggregate, inner.span, message));
            return Node::error(span);
        }
        let owner = scope.up(level).unwrap_or(scope);
        if !self.aggregate_allowed(owner, "aggregate functions", call.location) {
            return Node::error(span);
        }
        owner.has_aggregates.set(true);
        // NULL has no special meaning as the argument of an aggregate: the aggregate skips NULL, or treats NULL like
        // other values. Therefore the arguments of an aggregate are not marked as accepting NULL.
        let kind = NodeKind::Aggregate(Box::new(Aggregate {
            name: facts.name,
            level,
            args,
            direct,
            filter,
            order_by,
            null: facts.null,
        }));
        Node::new(returns, kind, span)
    }

    /// `addTargetToSortList`: whether the type of each key has a sort order.
    fn can_be_sorted(&mut self, keys: &[Node]) -> bool {
        let Some(key) = keys.iter().find(|key| !key.is_error() && !self.has_order(key.ty)) else {
            return true;
        };
        let message =
            format!("could not identify an ordering operator for type {}", self.catalog.display(key.ty, -1));
        let hint = "Use an explicit ordering operator or modify the query.";
        self.report(Diagnostic::error(Code::UnknownOperator, key.span, message).with_hint(hint));
        false
    }

    /// `transformDistinctClause` for an aggregate: whether each key of ORDER BY is an argument, and the type of each
    /// argument has an equality operator and a sort order.
    fn can_be_distinct(&mut self, args: &[Node], keys: &[Node]) -> bool {
        if let Some(key) =
            keys.iter().find(|key| !args.iter().any(|arg| without_implicit_cast(arg).written_alike(key)))
        {
            let message = "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list";
            self.report(Diagnostic::error(Code::InvalidColumnReference, key.span, message));
            return false;
        }
        for arg in args.iter().filter(|arg| !arg.is_error()) {
            let (what, detail) = match (self.has_equality(arg.ty), self.has_order(arg.ty)) {
                (true, true) => continue,
                (true, false) => {
                    ("an ordering", "Aggregates with DISTINCT must be able to sort their inputs.")
                }
                (false, _) => ("an equality", "DISTINCT compares the values with each other."),
            };
            let shown = self.catalog.display(arg.ty, -1);
            let message = format!("could not identify {what} operator for type {shown}");
            let mut diagnostic =
                Diagnostic::error(Code::UnknownOperator, arg.span, message).with_detail(detail);
            if arg.ty == oid::JSON {
                diagnostic = diagnostic.with_hint("cast it to jsonb, which can be compared");
            }
            self.report(diagnostic);
            return false;
        }
        true
    }

    /// `transformGroupingFunc`.
    pub(super) fn grouping_call(&mut self, scope: &Scope<'_>, args: Vec<Node>, span: Span) -> Node {
        let level = level_of(&args);
        let nested = |node: &Node| match &node.kind {
            NodeKind::Aggregate(inner) => inner.level == level,
            NodeKind::Grouping(_) => true,
            _ => false,
        };
        if let Some(inner) = args.iter().find_map(|arg| find(arg, &nested)) {
            let message = "aggregate function calls cannot be nested";
            self.report(Diagnostic::error(Code::MisplacedAggregate, inner.span, message));
            return Node::error(span);
        }
        let owner = scope.up(level).unwrap_or(scope);
        if !self.aggregate_allowed(owner, "grouping operations", span) {
            return Node::error(span);
        }
        owner.has_aggregates.set(true);
        Node::new(oid::INT4, NodeKind::Grouping(args), span)
    }

    /// `check_agglevels_and_constraints`.
    fn aggregate_allowed(&mut self, scope: &Scope<'_>, what: &str, location: Span) -> bool {
        let place = scope.place.get();
        let message = match place {
            Place::Target | Place::Having | Place::OrderBy | Place::DistinctOn | Place::Window => {
                return true;
            }
            Place::JoinOn => format!("{what} are not allowed in JOIN conditions"),
            Place::FromSubquery => {
                format!("{what} are not allowed in FROM clause of their own query level")
            }
            _ => format!("{what} are not allowed in {}", place.name()),
        };
        let mut diagnostic = Diagnostic::error(Code::MisplacedAggregate, location, message);
        if place == Place::Where {
            diagnostic = diagnostic.with_hint("conditions on aggregates belong in HAVING");
        }
        self.report(diagnostic);
        false
    }
}

/// Searches the parts of an expression; returns the first part for which `test` returns true. The parts of subqueries
/// are not passed to `test`.
pub(super) fn find<'n>(node: &'n Node, test: &dyn Fn(&Node) -> bool) -> Option<&'n Node> {
    if test(node) {
        return Some(node);
    }
    let mut found = None;
    node.children(&mut |child| {
        if found.is_none() {
            found = find(child, test);
        }
    });
    found
}

/// Returns the query level to which a GROUPING with the arguments `args` belongs.
pub(super) fn level_of(args: &[Node]) -> usize {
    args.iter().filter_map(lowest_level).min().unwrap_or(0)
}

/// Searches an expression and its subqueries for an aggregate or a GROUPING of the query level `level`; returns the
/// span of the first match.
fn aggregate_of_level(node: &Node, level: usize) -> Option<Span> {
    fn in_query(query: &Query, level: usize) -> Option<Span> {
        let mut found = None;
        query.expressions(&mut |node| found = found.or_else(|| aggregate_of_level(node, level)));
        found.or_else(|| query.subqueries().iter().find_map(|query| in_query(query, level + 1)))
    }
    let own = match &node.kind {
        NodeKind::Aggregate(inner) => inner.level == level,
        NodeKind::Grouping(args) => level_of(args) == level,
        _ => false,
    };
    if own {
        return Some(node.span);
    }
    let mut found = None;
    node.children(&mut |child| found = found.or_else(|| aggregate_of_level(child, level)));
    found.or_else(|| node.subquery().and_then(|query| in_query(query, level + 1)))
}

/// Returns the innermost query level whose columns an expression uses.
fn lowest_level(node: &Node) -> Option<usize> {
    fn walk(node: &Node, depth: usize, lowest: &mut Option<usize>) {
        let found = match &node.kind {
            NodeKind::Var(var) => Some(var.level),
            NodeKind::WholeRow { level, .. } => Some(*level),
            NodeKind::Aggregate(call) => Some(call.level),
            _ => None,
        };
        if let Some(level) = found.and_then(|level| level.checked_sub(depth)) {
            *lowest = Some(lowest.map_or(level, |known| known.min(level)));
        }
        node.children(&mut |child| walk(child, depth, lowest));
        if let Some(query) = node.subquery() {
            walk_query(query, depth + 1, lowest);
        }
    }
    fn walk_query(query: &Query, depth: usize, lowest: &mut Option<usize>) {
        query.expressions(&mut |node| walk(node, depth, lowest));
        for nested in query.subqueries() {
            walk_query(&nested, depth + 1, lowest);
        }
    }
    let mut lowest = None;
    walk(node, 0, &mut lowest);
    lowest
}

/// Returns the argument as written: `findTargetlistEntrySQL99` ignores an implicit cast around the argument. An
/// implicit cast is recognized by its span, which is the span of its argument.
fn without_implicit_cast(arg: &Node) -> &Node {
    match &arg.kind {
        NodeKind::Cast { arg: inner, .. } if inner.span == arg.span => inner,
        _ => arg,
    }
}
