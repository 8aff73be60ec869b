//! Aggregates, window functions and grouping: `parse_agg.c`.
//!
//! In: calls that turned out to be aggregates, and a finished query level. Out: aggregates at the level
//! they belong to; the errors of misplaced ones and of columns that are not grouped.

use super::Analyzer;
use super::function::Facts;
use super::scope::{Place, Scope};
use super::tree::{Aggregate, Node, NodeKind, Query, RteSource, WindowCall};
use crate::builtin::Oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{FrameBound, FunctionCall, Window};

impl Analyzer<'_> {
    /// What is wrong with the form of an aggregate call.
    pub(super) fn aggregate_misuse(
        &self,
        call: &FunctionCall,
        facts: &Facts,
        name: &str,
    ) -> Option<(Code, String)> {
        let ordered = facts.agg_kind != b'n';
        if ordered && !call.within_group {
            return Some((
                Code::WrongObjectType,
                format!("WITHIN GROUP is required for ordered-set aggregate {name}"),
            ));
        }
        if !ordered && call.within_group {
            return Some((
                Code::WrongObjectType,
                format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP"),
            ));
        }
        if call.over.is_some() && ordered {
            return Some((
                Code::FeatureNotSupported,
                format!("OVER is not supported for ordered-set aggregate {name}"),
            ));
        }
        if call.args.is_empty() && !call.star && !ordered && facts.name != "count" && facts.kind == b'a' {
            return Some((
                Code::WrongObjectType,
                format!("{name}(*) must be used to call a parameterless aggregate function"),
            ));
        }
        if call.args.is_empty() && !call.star && facts.name == "count" {
            return Some((
                Code::WrongObjectType,
                format!("{name}(*) must be used to call a parameterless aggregate function"),
            ));
        }
        None
    }

    /// `transformAggregateCall`.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn aggregate(
        &mut self,
        scope: &Scope<'_>,
        call: &FunctionCall,
        facts: Facts,
        args: Vec<Node>,
        filter: Option<Node>,
        returns: Oid,
        span: Span,
    ) -> Node {
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
        // It belongs to the innermost query whose columns it uses; to this one if it uses none.
        let level = args.iter().chain(&filter).chain(&order_by).filter_map(lowest_level).min().unwrap_or(0);
        let parts = || args.iter().chain(&filter).chain(&order_by);
        if let Some(inner) = parts().find_map(|arg| aggregate_of_level(arg, level)) {
            let message = "aggregate function calls cannot be nested";
            let hint = "aggregate in a subquery, and its result around it";
            self.report(Diagnostic::error(Code::MisplacedAggregate, inner, message).with_hint(hint));
            return Node::error(span);
        }
        let window = |node: &Node| matches!(node.kind, NodeKind::WindowCall(_));
        if let Some(inner) = parts().find_map(|arg| find(arg, &window)) {
            let message = "aggregate function calls cannot contain window function calls";
            self.report(Diagnostic::error(Code::MisplacedAggregate, inner.span, message));
            return Node::error(span);
        }
        let owner = scope.up(level).unwrap_or(scope);
        if !self.aggregate_allowed(owner, "aggregate functions", call.location) {
            return Node::error(span);
        }
        owner.has_aggregates.set(true);
        // An aggregate skips NULLs or takes them as they are; either way NULL means little to it.
        let kind = NodeKind::Aggregate(Box::new(Aggregate {
            name: facts.name,
            level,
            args,
            filter,
            order_by,
            never_null: facts.never_null,
            never_null_on_rows: facts.never_null_on_rows,
            never_null_on_any_row: facts.never_null_on_any_row,
        }));
        Node::new(returns, kind, span)
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
        Node::new(crate::builtin::oid::INT4, NodeKind::Grouping(args), span)
    }

    /// `finalize_grouping_exprs`, with the queries inside, where a column alone can be an argument.
    fn check_grouping_calls(&mut self, query: &Query, node: &Node, depth: usize) {
        if let NodeKind::Grouping(args) = &node.kind {
            let is_key = |arg: &Node| {
                query.group_by.iter().any(|key| match (&key.kind, &arg.kind) {
                    (NodeKind::Var(key), NodeKind::Var(arg)) => {
                        (key.rte, key.column) == (arg.rte, arg.column) && arg.level == depth
                    }
                    _ => depth == 0 && key.written_alike(arg),
                })
            };
            if level_of(args) == depth
                && let Some(arg) = args.iter().find(|arg| !is_key(arg))
            {
                let message =
                    "arguments to GROUPING must be grouping expressions of the associated query level";
                self.report(Diagnostic::error(Code::NotGrouped, arg.span, message));
            }
            return;
        }
        let mut children = Vec::new();
        node.children(&mut |child| children.push(child));
        for child in children {
            self.check_grouping_calls(query, child, depth);
        }
        if let Some(inner) = node.subquery() {
            self.check_grouping_calls_within(query, inner, depth + 1);
        }
    }

    fn check_grouping_calls_within(&mut self, query: &Query, inner: &Query, depth: usize) {
        let mut nodes = Vec::new();
        inner.expressions(&mut |node| nodes.push(node));
        for node in nodes {
            self.check_grouping_calls(query, node, depth);
        }
        for nested in inner.subqueries() {
            self.check_grouping_calls_within(query, &nested, depth + 1);
        }
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

    /// `transformWindowFuncCall`.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn window_call(
        &mut self,
        scope: &Scope<'_>,
        call: &FunctionCall,
        window: &Window,
        facts: Facts,
        args: Vec<Node>,
        filter: Option<Node>,
        returns: Oid,
        span: Span,
    ) -> Node {
        if call.distinct {
            let message = "DISTINCT is not implemented for window functions";
            self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
            return Node::error(span);
        }
        if facts.kind == b'a' && !call.order_by.is_empty() {
            let message = "aggregate ORDER BY is not implemented for window functions";
            self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
            return Node::error(span);
        }
        let nested = |node: &Node| matches!(node.kind, NodeKind::WindowCall(_));
        if let Some(inner) = args.iter().chain(&filter).find_map(|arg| find(arg, &nested)) {
            let message = "window function calls cannot be nested";
            self.report(Diagnostic::error(Code::MisplacedWindow, inner.span, message));
            return Node::error(span);
        }
        match scope.place.get() {
            Place::Target | Place::OrderBy | Place::DistinctOn => {}
            Place::Window => {
                let message = "window functions are not allowed in window definitions";
                self.report(Diagnostic::error(Code::MisplacedWindow, call.location, message));
                return Node::error(span);
            }
            place => {
                let message = format!("window functions are not allowed in {}", place.name());
                let hint = "put the window function into a subquery, and the condition around it";
                self.report(Diagnostic::error(Code::MisplacedWindow, call.location, message).with_hint(hint));
                return Node::error(span);
            }
        }
        scope.has_window_calls.set(true);
        // PostgreSQL looks at window definitions after all the other clauses.
        let before = self.diagnostics.iter().len();
        let (keys, frame_has_row) = self.window_definition(scope, window);
        scope.of_windows.borrow_mut().extend(self.diagnostics.split_off(before));
        let kind = NodeKind::WindowCall(Box::new(WindowCall {
            name: facts.name,
            args,
            filter,
            window: keys,
            never_null: facts.never_null,
            never_null_on_rows: facts.never_null_on_rows,
            never_null_on_any_row: facts.never_null_on_any_row,
            frame_has_row,
        }));
        Node::new(returns, kind, span)
    }

    /// The keys of a window, and whether its frame always holds the current row.
    fn window_definition(&mut self, scope: &Scope<'_>, window: &Window) -> (Vec<Node>, bool) {
        if let Some(name) = &window.name {
            let Some(found) =
                scope.windows.iter().find(|known| known.name.as_ref().is_some_and(|it| it.text == name.text))
            else {
                let message = format!("window \"{}\" does not exist", name.text);
                self.report(Diagnostic::error(Code::UnknownWindow, name.span, message));
                return (Vec::new(), false);
            };
            // The WINDOW clause's own expressions are analysed with the query.
            return (Vec::new(), frame_has_current_row(found) && !base_frame(scope, found));
        }
        if let Some(base) = &window.base
            && !scope.windows.iter().any(|known| known.name.as_ref().is_some_and(|it| it.text == base.text))
        {
            let message = format!("window \"{}\" does not exist", base.text);
            self.report(Diagnostic::error(Code::UnknownWindow, base.span, message));
        }
        (self.window_keys(scope, window), frame_has_current_row(window))
    }

    /// `PARTITION BY`, `ORDER BY` and the offsets of a frame.
    pub(super) fn window_keys(&mut self, scope: &Scope<'_>, window: &Window) -> Vec<Node> {
        let place = scope.place.replace(Place::Window);
        let mut keys: Vec<Node> = Vec::new();
        // Ordering first, as `transformWindowDefinitions` has it.
        let ordering = window.order_by.iter().map(|key| (&key.expr, "ordering"));
        for (expr, kind) in ordering.chain(window.partition_by.iter().map(|key| (key, "equality"))) {
            let node = self.expr(scope, expr);
            let node = self.unknown_to_text(node);
            let fine = if kind == "ordering" { self.has_order(node.ty) } else { self.has_equality(node.ty) };
            if !node.is_error() && !fine {
                let shown = self.catalog.display(node.ty, -1);
                let message = format!("could not identify an {kind} operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, expr.span, message));
            }
            keys.push(node);
        }
        if let Some(frame) = &window.frame
            && frame.mode == crate::syntax::ast::FrameMode::Groups
            && window.order_by.is_empty()
            && window.base.is_none()
        {
            let message = "GROUPS mode requires an ORDER BY clause";
            self.report(Diagnostic::error(Code::MisplacedWindow, window.span, message));
        }
        let ordered = keys.get(window.order_by.len().wrapping_sub(1)).cloned();
        if let Some(frame) = &window.frame {
            for bound in [Some(&frame.start), frame.end.as_ref()].into_iter().flatten() {
                if let FrameBound::Preceding(offset) | FrameBound::Following(offset) = bound {
                    let node = self.expr(scope, offset);
                    let node = if frame.mode == crate::syntax::ast::FrameMode::Range {
                        self.range_offset(node, ordered.as_ref())
                    } else {
                        let mode =
                            if frame.mode == crate::syntax::ast::FrameMode::Rows { "ROWS" } else { "GROUPS" };
                        self.coerce_to_specific(node, crate::builtin::oid::INT8, mode)
                    };
                    keys.push(node);
                }
            }
        }
        scope.place.set(place);
        keys
    }

    /// `RANGE x PRECEDING`: a number for numbers, an interval for dates and times.
    fn range_offset(&mut self, node: Node, key: Option<&Node>) -> Node {
        use crate::builtin::oid;
        let Some(key) = key else { return node };
        let target = match self.catalog.base_type(key.ty).0 {
            oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
                oid::INTERVAL
            }
            oid::INT2 | oid::INT4 | oid::INT8 => oid::INT8,
            oid::FLOAT4 | oid::FLOAT8 => oid::FLOAT8,
            oid::NUMERIC => oid::NUMERIC,
            _ => return node,
        };
        self.coerce_to_specific(node, target, "RANGE")
    }

    /// `parseCheckAggregates`: columns outside aggregates must be grouped.
    pub(super) fn check_grouping(&mut self, query: &Query) {
        if !(query.grouped || query.has_aggregates || query.having.is_some()) {
            return;
        }
        // Columns that depend on a grouped primary key are grouped too.
        let functional = self.grouped_by_key(query);
        for target in &query.targets {
            self.check_grouping_calls(query, &target.node, 0);
        }
        for node in query.other.iter().chain(&query.having) {
            self.check_grouping_calls(query, node, 0);
        }
        for target in &query.targets {
            self.check_grouped(query, &target.node, &functional, 0);
        }
        // Keys are among PostgreSQL's targets.
        for node in query.other.iter().chain(&query.having) {
            self.check_grouped(query, node, &functional, 0);
        }
    }

    /// Entries all of whose columns are determined by the grouping columns.
    fn grouped_by_key(&self, query: &Query) -> Vec<usize> {
        if query.grouping_sets {
            return Vec::new();
        }
        let grouped = |rte: usize, column: usize| {
            query.group_by.iter().any(|node| {
                matches!(node.kind, NodeKind::Var(var) if (var.level, var.rte, var.column) == (0, rte, column))
            })
        };
        (0..query.rtes.len())
            .filter(|&at| match &query.rtes[at].source {
                RteSource::Table { relation, .. } => {
                    let primary = relation.and_then(|relation| self.primary_key(relation));
                    primary.is_some_and(|key| key.iter().all(|column| grouped(at, *column)))
                }
                _ => false,
            })
            .collect()
    }

    fn check_grouped(&mut self, query: &Query, node: &Node, functional: &[usize], depth: usize) {
        if depth == 0 && query.group_by.iter().any(|key| key.written_alike(node)) {
            return;
        }
        match &node.kind {
            // Columns inside an aggregate of the checked level are free.
            NodeKind::Aggregate(call) if call.level == depth => return,
            NodeKind::Constant(_) | NodeKind::Parameter(_) => return,
            NodeKind::Grouping(args) if level_of(args) == depth => return,
            NodeKind::WholeRow { level, rte } if *level == depth => {
                if functional.contains(rte) {
                    return;
                }
                let name = query.rtes.get(*rte).map_or("?", |rte| rte.name.as_str());
                let message = match depth {
                    0 => format!(
                        "column \"{name}.*\" must appear in the GROUP BY clause or be used in an aggregate function"
                    ),
                    _ => format!("subquery uses ungrouped column \"{name}.*\" from outer query"),
                };
                self.report(Diagnostic::error(Code::NotGrouped, node.span, message));
                return;
            }
            NodeKind::Var(var) if var.level == depth => {
                let grouped = query.group_by.iter().any(|key| {
                    matches!(key.kind, NodeKind::Var(known) if (known.rte, known.column) == (var.rte, var.column))
                });
                if grouped || functional.contains(&var.rte) {
                    return;
                }
                let Some(rte) = query.rtes.get(var.rte) else { return };
                let column = rte.columns.get(var.column).map_or("?", |column| column.name.as_str());
                let name = format!("{}.{column}", rte.name);
                let (message, hint) = if depth == 0 {
                    (
                        format!(
                            "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
                        ),
                        format!("add {name} to GROUP BY, or aggregate it: max({name})"),
                    )
                } else {
                    (
                        format!("subquery uses ungrouped column \"{name}\" from outer query"),
                        format!("add {name} to the outer GROUP BY"),
                    )
                };
                self.report(Diagnostic::error(Code::NotGrouped, node.span, message).with_hint(hint));
                return;
            }
            _ => {}
        }
        let mut children = Vec::new();
        node.children(&mut |child| children.push(child));
        for child in children {
            self.check_grouped(query, child, functional, depth);
        }
        if let Some(inner) = node.subquery() {
            self.check_grouped_query(query, inner, functional, depth + 1);
        }
    }

    fn check_grouped_query(&mut self, query: &Query, inner: &Query, functional: &[usize], depth: usize) {
        let mut nodes = Vec::new();
        inner.expressions(&mut |node| nodes.push(node));
        for node in nodes {
            self.check_grouped(query, node, functional, depth);
        }
        for nested in inner.subqueries() {
            self.check_grouped_query(query, &nested, functional, depth + 1);
        }
    }
}

/// The first part of an expression that passes the test, queries excluded.
fn find<'n>(node: &'n Node, test: &dyn Fn(&Node) -> bool) -> Option<&'n Node> {
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

/// The level that GROUPING belongs to.
fn level_of(args: &[Node]) -> usize {
    args.iter().filter_map(lowest_level).min().unwrap_or(0)
}

/// Where an aggregate of this level stands in an expression, its queries included.
fn aggregate_of_level(node: &Node, level: usize) -> Option<Span> {
    fn in_query(query: &Query, level: usize) -> Option<Span> {
        let mut found = None;
        query.expressions(&mut |node| found = found.or_else(|| aggregate_of_level(node, level)));
        found.or_else(|| query.subqueries().iter().find_map(|query| in_query(query, level + 1)))
    }
    if let NodeKind::Aggregate(inner) = &node.kind
        && inner.level == level
    {
        return Some(node.span);
    }
    let mut found = None;
    node.children(&mut |child| found = found.or_else(|| aggregate_of_level(child, level)));
    found.or_else(|| node.subquery().and_then(|query| in_query(query, level + 1)))
}

/// The innermost level whose columns an expression uses.
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

/// Whether a frame always holds the current row.
fn frame_has_current_row(window: &Window) -> bool {
    let Some(frame) = &window.frame else { return true };
    let starts = matches!(frame.start, FrameBound::UnboundedPreceding | FrameBound::CurrentRow);
    let ends = match &frame.end {
        None => true,
        Some(end) => matches!(end, FrameBound::UnboundedFollowing | FrameBound::CurrentRow),
    };
    starts && ends && !frame.excludes
}

/// Whether the window that a named one builds on brings a frame.
fn base_frame(scope: &Scope<'_>, window: &Window) -> bool {
    window.base.as_ref().is_some_and(|base| {
        scope.windows.iter().any(|known| {
            known.name.as_ref().is_some_and(|it| it.text == base.text) && !frame_has_current_row(known)
        })
    })
}
