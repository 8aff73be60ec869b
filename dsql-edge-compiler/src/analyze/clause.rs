//! Analyzes `ORDER BY`, `GROUP BY` and `DISTINCT`: `parse_clause.c`.
//!
//! Input: keys as written and the target list. Output: the keys as expressions; a key that is the name or the position
//! of a result column becomes the expression of that column.

use super::analyzer::Analyzer;
use super::node_set::NodeSet;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, NodeKind, TargetEntry};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, quotation};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, GroupingElement, Literal, Select, SortBy};

impl Analyzer<'_> {
    /// `transformSortClause`: returns the sort keys, and also adds them to `other`.
    pub(super) fn sort_clause(
        &mut self,
        scope: &Scope<'_>,
        keys: &[SortBy],
        targets: &mut [TargetEntry],
        other: &mut Vec<Node>,
    ) -> Vec<Node> {
        let mut out = Vec::with_capacity(keys.len());
        for key in keys {
            let node =
                scope.at(Place::OrderBy, || self.sort_or_group_key(scope, &key.expr, targets, "ORDER BY"));
            self.check_sort_key(&node, key.expr.span);
            other.push(node.clone());
            out.push(node);
        }
        out
    }

    /// Reports a key of `ORDER BY` whose type has no order.
    pub(super) fn check_sort_key(&mut self, node: &Node, span: Span) {
        if !node.is_error() && !self.has_order(node.ty) {
            let shown = self.catalog.display(node.ty, -1);
            let message = format!("could not identify an ordering operator for type {shown}");
            self.report(
                Diagnostic::error(Code::UnknownOperator, span, message)
                    .with_hint("Use an explicit ordering operator or modify the query."),
            );
        }
    }

    /// `findTargetlistEntrySQL92`: a name or a position can refer to a column of the result; any other key is an
    /// expression.
    pub(super) fn sort_or_group_key(
        &mut self,
        scope: &Scope<'_>,
        expr: &Expr,
        targets: &mut [TargetEntry],
        clause: &str,
    ) -> Node {
        match &expr.kind {
            ExprKind::Column(parts) if parts.len() == 1 => {
                let name = &parts[0];
                // In GROUP BY, a column of FROM takes precedence over a label of the target list.
                let column_first = clause == "GROUP BY"
                    && scope.namespace.iter().any(|item| {
                        item.columns_visible
                            && !item.lateral_only
                            && item.columns.iter().any(|(column, _)| *column == name.text)
                    });
                if !column_first {
                    let matches: Vec<usize> =
                        (0..targets.len()).filter(|&at| targets[at].name == name.text).collect();
                    if let [first, rest @ ..] = matches.as_slice() {
                        if rest.iter().any(|at| !targets[*first].node.written_alike(&targets[*at].node)) {
                            let message = format!("{clause} \"{}\" is ambiguous", name.text);
                            self.report(Diagnostic::error(Code::AmbiguousColumn, expr.span, message));
                            return Node::error(expr.span);
                        }
                        return self.target_key(&mut targets[*first]);
                    }
                }
            }
            ExprKind::Literal(Literal::Integer(position)) => {
                let index = usize::try_from(*position).ok().and_then(|position| position.checked_sub(1));
                return match index.filter(|index| *index < targets.len()) {
                    Some(index) => self.target_key(&mut targets[index]),
                    None => {
                        let message = format!("{clause} position {position} is not in select list");
                        let hint = format!("the select list ends at {}", targets.len());
                        self.report(
                            Diagnostic::error(Code::InvalidColumnReference, expr.span, message)
                                .with_hint(hint),
                        );
                        Node::error(expr.span)
                    }
                };
            }
            ExprKind::Literal(literal) => {
                let message = format!("non-integer constant in {clause}");
                let mut diagnostic = Diagnostic::error(Code::SyntaxError, expr.span, message);
                if let Literal::String(name) = literal {
                    diagnostic = diagnostic.with_hint(format!("write a column without quotes: {name}"));
                }
                self.report(diagnostic);
                return Node::error(expr.span);
            }
            _ => {}
        }
        let node = self.expr(scope, expr);
        if clause == "ORDER BY" {
            self.warn_constant_key(&node, expr.span);
        }
        // `findTargetlistEntrySQL99`
        if node.ty == oid::UNKNOWN
            && let Some(target) = targets.iter_mut().find(|target| target.node.written_alike(&node))
        {
            return self.target_key(target);
        }
        self.unknown_to_text(node)
    }

    /// Warns about `ORDER BY $column`: a parameter is a value, not the name of a column.
    fn warn_constant_key(&mut self, node: &Node, span: Span) {
        match &node.kind {
            NodeKind::Parameter(_) => {
                let key = quotation::written(span);
                let message = "ORDER BY a parameter sorts nothing: its value is the same for every row";
                let hint = format!(
                    "a parameter is a value, not a column: write ORDER BY CASE {key} WHEN 'title' THEN title … END, or one query for each order"
                );
                self.report(Diagnostic::warning(Code::SortsByParameter, span, message).with_hint(hint));
            }
            NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) => self.warn_constant_key(arg, span),
            _ => {}
        }
    }

    /// Converts a target of the type `unknown` to text; returns the target's expression as a key.
    pub(super) fn target_key(&mut self, target: &mut TargetEntry) -> Node {
        let node = std::mem::replace(&mut target.node, Node::error(target.span));
        target.node = self.unknown_to_text(node);
        target.node.clone()
    }

    /// `transformGroupClause`.
    pub(super) fn group_clause(
        &mut self,
        scope: &Scope<'_>,
        select: &Select,
        targets: &mut [TargetEntry],
    ) -> Grouping {
        let mut keys = Vec::new();
        let mut sets = Sets { count: 1, ..Sets::default() };
        for (at, element) in select.group_by.iter().enumerate() {
            // The grouping sets of GROUP BY are the product of the sets of all elements. The product contains an empty
            // set if each element contains an empty set.
            let found =
                scope.at(Place::GroupBy, || self.grouping_element(scope, element, targets, &mut keys));
            sets.count = sets.count.saturating_mul(found.count);
            sets.empty = found.empty && (at == 0 || sets.empty);
            sets.common.extend(found.common);
        }
        for key in &keys {
            if key.any(&|node| matches!(&node.kind, NodeKind::Aggregate(call) if call.level == 0)) {
                let message = "aggregate functions are not allowed in GROUP BY";
                self.report(Diagnostic::error(Code::MisplacedAggregate, key.span, message));
            } else if key.any(&|node| matches!(node.kind, NodeKind::WindowCall(_))) {
                let message = "window functions are not allowed in GROUP BY";
                self.report(Diagnostic::error(Code::MisplacedWindow, key.span, message));
            }
        }
        Grouping { keys, count: sets.count, sets: sets.count > 1, empty: sets.empty, common: sets.common }
    }

    fn grouping_element(
        &mut self,
        scope: &Scope<'_>,
        element: &GroupingElement,
        targets: &mut [TargetEntry],
        keys: &mut Vec<Node>,
    ) -> Sets {
        let before = keys.len();
        let mut exprs = |analyzer: &mut Self, list: &[Expr]| {
            for expr in list {
                let fields = match &expr.kind {
                    ExprKind::Row(fields) => fields.as_slice(),
                    _ => std::slice::from_ref(expr),
                };
                for field in fields {
                    let key = analyzer.sort_or_group_key(scope, field, targets, "GROUP BY");
                    if !key.is_error() && !analyzer.has_equality(key.ty) {
                        let shown = analyzer.catalog.display(key.ty, -1);
                        let message = format!("could not identify an equality operator for type {shown}");
                        analyzer.report(Diagnostic::error(Code::UnknownOperator, field.span, message));
                    }
                    keys.push(key);
                }
            }
        };
        match element {
            GroupingElement::Expr(expr) => {
                exprs(self, std::slice::from_ref(expr));
                let common = keys.get(before..).unwrap_or_default().to_vec();
                Sets { count: 1, empty: false, common }
            }
            GroupingElement::Empty(_) => Sets { count: 1, empty: true, common: Vec::new() },
            GroupingElement::Rollup(list, _) => {
                exprs(self, list);
                Sets { count: list.len() + 1, empty: true, common: Vec::new() }
            }
            GroupingElement::Cube(list, span) => {
                exprs(self, list);
                self.check_cube(list.len(), *span);
                let count = u32::try_from(list.len()).map_or(usize::MAX, |it| 2_usize.saturating_pow(it));
                Sets { count, empty: true, common: Vec::new() }
            }
            GroupingElement::Sets(list, _) => {
                let mut all = Sets::default();
                for (at, element) in list.iter().enumerate() {
                    let found = self.grouping_element(scope, element, targets, keys);
                    all.count = all.count.saturating_add(found.count);
                    all.empty |= found.empty;
                    match at {
                        0 => all.common = found.common,
                        _ => {
                            let others: NodeSet<'_> = found.common.iter().collect();
                            all.common.retain(|key| others.has_alike(key));
                        }
                    }
                }
                all
            }
        }
    }

    /// `transformDistinctClause`.
    pub(super) fn check_distinct(&mut self, targets: &mut [TargetEntry], sort_keys: &[Node]) {
        let selected: NodeSet<'_> = targets.iter().map(|target| &target.node).collect();
        for key in sort_keys {
            if !key.is_error() && !selected.has_alike(key) {
                let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                let hint = format!("select {} too, or use GROUP BY", quotation::operand(key.span));
                self.report(
                    Diagnostic::error(Code::InvalidColumnReference, key.span, message).with_hint(hint),
                );
                return;
            }
        }
        for target in targets {
            // `addTargetToGroupList`
            self.target_key(target);
            if !target.node.is_error() && !self.has_equality(target.node.ty) {
                let shown = self.catalog.display(target.node.ty, -1);
                let message = format!("could not identify an equality operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, target.node.span, message));
            }
        }
    }

    /// `transformDistinctOnClause`.
    pub(super) fn distinct_on(
        &mut self,
        scope: &Scope<'_>,
        keys: &[Expr],
        targets: &mut [TargetEntry],
        sort_keys: &[Node],
        other: &mut Vec<Node>,
    ) {
        let mut key = |key: &Expr| self.sort_or_group_key(scope, key, targets, "DISTINCT ON");
        let nodes: Vec<Node> = scope.at(Place::DistinctOn, || keys.iter().map(&mut key).collect());
        let mut skipped = false;
        let mut used = 0;
        let distinct: NodeSet<'_> = nodes.iter().collect();
        for key in sort_keys {
            if key.is_error() {
                return;
            }
            if distinct.has_alike(key) {
                if skipped {
                    let at = nodes.iter().position(|node| node.written_alike(key)).unwrap_or_default();
                    let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                    let span = keys.get(at).map_or(key.span, written_location);
                    self.report(Diagnostic::error(Code::InvalidColumnReference, span, message));
                    return;
                }
                used += 1;
            } else {
                skipped = true;
            }
        }
        if skipped && used < nodes.len() {
            let sorted: NodeSet<'_> = sort_keys.iter().collect();
            let missing = nodes.iter().zip(keys).find(|(node, _)| !sorted.has_alike(node));
            if let Some((_, written)) = missing {
                let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                let at = tested_constant(written).unwrap_or(written_location(written));
                self.report(Diagnostic::error(Code::InvalidColumnReference, at, message));
            }
        }
        other.extend(nodes);
    }
}

/// Returns the span of the constant in a null test such as `date 'x' IS NULL`. PostgreSQL's `transformExprRecurse`
/// changes a `NullTest` in place and so puts the analyzed constant into the raw test; therefore an error of the key
/// points at the constant and not at the type.
fn tested_constant(written: &Expr) -> Option<Span> {
    let (ExprKind::IsNull { arg, .. } | ExprKind::BooleanTest { arg, .. }) = &written.kind else {
        return None;
    };
    tested_constant(arg).or(match &arg.kind {
        ExprKind::Cast { arg: constant, .. } => match constant.kind {
            ExprKind::Literal(Literal::String(_) | Literal::Null) => Some(constant.span),
            _ => None,
        },
        _ => None,
    })
}

/// The analyzed `GROUP BY`.
pub(super) struct Grouping {
    pub(super) keys: Vec<Node>,
    /// The number of grouping sets.
    pub(super) count: usize,
    /// Whether there are several grouping sets. A key is NULL in the rows of a set that does not contain the key.
    pub(super) sets: bool,
    /// Whether a grouping set is empty.
    pub(super) empty: bool,
    /// The keys that every grouping set contains.
    pub(super) common: Vec<Node>,
}

/// The facts about grouping sets that `Grouping` needs.
#[derive(Default)]
struct Sets {
    count: usize,
    empty: bool,
    common: Vec<Node>,
}

/// Returns the location of an expression that is not analyzed yet: `exprLocation`. For a call, this is the call's own
/// location or the location of the first argument, whichever comes first. In PostgreSQL, `x AT TIME ZONE z` is a call
/// whose own location is the keyword and whose first argument is `z`, so its location is the keyword.
fn written_location(expr: &Expr) -> Span {
    match &expr.kind {
        ExprKind::Function(call) if call.location.start > expr.span.start => call.location,
        _ => expr.span,
    }
}
