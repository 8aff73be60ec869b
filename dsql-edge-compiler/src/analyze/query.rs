//! Queries: `transformSelectStmt`, `transformValuesClause`, `transformSetOperationStmt`.
//!
//! In: a query as written and the scope around it. Out: the analysed query. The clauses are taken in
//! PostgreSQL's order (`analyze.c`), which decides the first error.

use super::Analyzer;
use super::catalog::ERROR;
use super::scope::{Place, Scope};
use super::tree::{Body, Command, Cte, LimitKind, Node, NodeKind, Query, RteColumn, TargetEntry};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, quotation};
use crate::source::Span;
use crate::syntax::ast::{
    self, Distinct, Expr, ExprKind, GroupingElement, Limit, Literal, QueryBody, Select, SetOperator, SortBy,
};
use std::rc::Rc;

impl Analyzer<'_> {
    /// A query of any form.
    pub(super) fn query(&mut self, query: &ast::Query, parent: Option<&Scope<'_>>) -> Query {
        self.query_or_recursive(query, parent, None)
    }

    /// `recursive` is the query of `WITH RECURSIVE` whose definition this is.
    pub(super) fn query_or_recursive(
        &mut self,
        query: &ast::Query,
        parent: Option<&Scope<'_>>,
        recursive: Option<&Rc<Cte>>,
    ) -> Query {
        let mut scope = Scope::new(parent);
        if let Some(with) = &query.with {
            self.with_clause(&mut scope, with);
        }
        let mut analysed = match &query.body {
            QueryBody::Select(select) => self.select(&mut scope, query, select),
            QueryBody::Values(rows) => self.values(&mut scope, query, rows),
            QueryBody::SetOperation { operator, all, left, right, location } => {
                self.set_operation(&mut scope, query, (*operator, *all, *location), left, right, recursive)
            }
        };
        analysed.rtes = std::mem::take(&mut scope.rtes);
        analysed.ctes = std::mem::take(&mut scope.ctes);
        if !query.locking.is_empty() {
            analysed.locked = true;
            self.locking(query, &analysed);
        }
        analysed
    }

    fn select(&mut self, scope: &mut Scope<'_>, query: &ast::Query, select: &Select) -> Query {
        if let Some(into) = &select.into {
            self.report(Diagnostic::unsupported(into.span(), "SELECT INTO"));
        }
        scope.windows.clone_from(&select.windows);
        let from = self.range_table(scope, &select.from);
        scope.place.set(Place::Target);
        let mut targets = self.target_list(scope, &select.targets);
        scope.output_names = targets.iter().map(|target| (target.name.clone(), target.node.span)).collect();
        let filter =
            select.filter.as_ref().map(|filter| self.condition(scope, filter, Place::Where, "WHERE"));
        let having =
            select.having.as_ref().map(|having| self.condition(scope, having, Place::Having, "HAVING"));

        let mut other = Vec::new();
        let sort_keys = self.sort_clause(scope, &query.order_by, &mut targets, &mut other);
        let (group_by, grouping_sets, empty_grouping_set) = self.group_clause(scope, select, &mut targets);
        let distinct = select.distinct.is_some();
        match &select.distinct {
            Some(Distinct::All(span)) => self.check_distinct(&mut targets, &sort_keys, *span),
            Some(Distinct::On(keys)) => self.distinct_on(scope, keys, &mut targets, &sort_keys, &mut other),
            None => {}
        }
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        for window in &select.windows {
            other.extend(self.window_keys(scope, window));
        }
        let grouped = !select.group_by.is_empty();
        let analysed = Query {
            command: Command::Select,
            rtes: scope.rtes.clone(),
            from,
            filter,
            targets,
            group_by,
            grouped,
            grouping_sets,
            empty_grouping_set,
            having,
            has_aggregates: scope.has_aggregates.get(),
            has_target_srf: scope.has_srf.get(),
            distinct,
            limit,
            offset,
            body: Body::Plain,
            other,
            ctes: Vec::new(),
            ..Query::default()
        };
        self.check_grouping(&analysed);
        analysed
    }

    /// `transformWhereClause`.
    pub(super) fn condition(&mut self, scope: &Scope<'_>, expr: &Expr, place: Place, name: &str) -> Node {
        let before = scope.place.replace(place);
        let node = self.expr(scope, expr);
        let node = self.coerce_to_boolean(node, name);
        scope.place.set(before);
        node
    }

    /// `transformSortClause`: the keys, those that are not in the target list added to `other`.
    fn sort_clause(
        &mut self,
        scope: &Scope<'_>,
        keys: &[SortBy],
        targets: &mut [TargetEntry],
        other: &mut Vec<Node>,
    ) -> Vec<Node> {
        let place = scope.place.replace(Place::OrderBy);
        let mut out = Vec::with_capacity(keys.len());
        for key in keys {
            let node = self.sort_or_group_key(scope, &key.expr, targets, "ORDER BY");
            if !node.is_error() && !self.has_order(node.ty) {
                let shown = self.catalog.display(node.ty, -1);
                let message = format!("could not identify an ordering operator for type {shown}");
                self.report(
                    Diagnostic::error(Code::UnknownOperator, node.span, message)
                        .with_hint("Use an explicit ordering operator or modify the query."),
                );
            }
            other.push(node.clone());
            out.push(node);
        }
        scope.place.set(place);
        out
    }

    /// `findTargetlistEntrySQL92`, then the plain expression.
    fn sort_or_group_key(
        &mut self,
        scope: &Scope<'_>,
        expr: &Expr,
        targets: &mut [TargetEntry],
        clause: &str,
    ) -> Node {
        match &expr.kind {
            ExprKind::Column(parts) if parts.len() == 1 => {
                let name = &parts[0];
                // In GROUP BY a column of FROM goes before a label of the target list.
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
                        if rest.iter().any(|at| !targets[*first].node.same(&targets[*at].node)) {
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
            ExprKind::Literal(_) => {
                let message = format!("non-integer constant in {clause}");
                self.report(Diagnostic::error(Code::SyntaxError, expr.span, message));
                return Node::error(expr.span);
            }
            _ => {}
        }
        let node = self.expr(scope, expr);
        self.unknown_to_text(node)
    }

    /// A target that is a key can no longer be unknown.
    fn target_key(&mut self, target: &mut TargetEntry) -> Node {
        let node = std::mem::replace(&mut target.node, Node::error(target.span));
        target.node = self.unknown_to_text(node);
        target.node.clone()
    }

    /// `transformGroupClause`: the keys, whether there are grouping sets, whether one is empty.
    fn group_clause(
        &mut self,
        scope: &Scope<'_>,
        select: &Select,
        targets: &mut [TargetEntry],
    ) -> (Vec<Node>, bool, bool) {
        let place = scope.place.replace(Place::GroupBy);
        let mut keys = Vec::new();
        let (mut sets, mut empty) = (false, false);
        for element in &select.group_by {
            self.grouping_element(scope, element, targets, &mut keys, &mut sets, &mut empty);
        }
        scope.place.set(place);
        for key in &keys {
            if key.any(&|node| matches!(node.kind, NodeKind::Aggregate(_))) {
                let message = "aggregate functions are not allowed in GROUP BY";
                self.report(Diagnostic::error(Code::MisplacedAggregate, key.span, message));
            } else if key.any(&|node| matches!(node.kind, NodeKind::WindowCall(_))) {
                let message = "window functions are not allowed in GROUP BY";
                self.report(Diagnostic::error(Code::MisplacedWindow, key.span, message));
            } else if !key.is_error() && !self.has_equality(key.ty) {
                let shown = self.catalog.display(key.ty, -1);
                let message = format!("could not identify an equality operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, key.span, message));
            }
        }
        (keys, sets, empty)
    }

    fn grouping_element(
        &mut self,
        scope: &Scope<'_>,
        element: &GroupingElement,
        targets: &mut [TargetEntry],
        keys: &mut Vec<Node>,
        sets: &mut bool,
        empty: &mut bool,
    ) {
        let mut exprs = |analyzer: &mut Self, list: &[Expr]| {
            for expr in list {
                match &expr.kind {
                    ExprKind::Row(fields) => {
                        for field in fields {
                            keys.push(analyzer.sort_or_group_key(scope, field, targets, "GROUP BY"));
                        }
                    }
                    _ => keys.push(analyzer.sort_or_group_key(scope, expr, targets, "GROUP BY")),
                }
            }
        };
        match element {
            GroupingElement::Expr(expr) => exprs(self, std::slice::from_ref(expr)),
            GroupingElement::Empty(_) => {
                *sets = true;
                *empty = true;
            }
            GroupingElement::Rollup(list, _) | GroupingElement::Cube(list, _) => {
                *sets = true;
                *empty = true;
                exprs(self, list);
            }
            GroupingElement::Sets(list, _) => {
                *sets = true;
                for element in list {
                    self.grouping_element(scope, element, targets, keys, sets, empty);
                }
            }
        }
    }

    /// `transformDistinctClause`.
    fn check_distinct(&mut self, targets: &mut [TargetEntry], sort_keys: &[Node], _span: Span) {
        for key in sort_keys {
            if !key.is_error() && !targets.iter().any(|target| target.node.same(key)) {
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
    fn distinct_on(
        &mut self,
        scope: &Scope<'_>,
        keys: &[Expr],
        targets: &mut [TargetEntry],
        sort_keys: &[Node],
        other: &mut Vec<Node>,
    ) {
        let place = scope.place.replace(Place::DistinctOn);
        let mut nodes = Vec::with_capacity(keys.len());
        for key in keys {
            nodes.push(self.sort_or_group_key(scope, key, targets, "DISTINCT ON"));
        }
        scope.place.set(place);
        let mut skipped = false;
        let mut used = 0;
        for key in sort_keys {
            if key.is_error() {
                return;
            }
            if nodes.iter().any(|node| node.same(key)) {
                if skipped {
                    let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                    self.report(Diagnostic::error(Code::InvalidColumnReference, key.span, message));
                    return;
                }
                used += 1;
            } else {
                skipped = true;
            }
        }
        if skipped && used < nodes.len() {
            let missing = nodes.iter().find(|node| !sort_keys.iter().any(|key| key.same(node)));
            if let Some(node) = missing {
                let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                let span = node.span;
                self.report(Diagnostic::error(Code::InvalidColumnReference, span, message));
            }
        }
        other.extend(nodes);
    }

    fn limit_clauses(
        &mut self,
        scope: &Scope<'_>,
        query: &ast::Query,
        other: &mut Vec<Node>,
    ) -> (LimitKind, bool) {
        let offset =
            query.offset.as_ref().map(|offset| self.limit_value(scope, offset, Place::Offset, "OFFSET"));
        let limit = match &query.limit {
            None | Some(Limit::All) => None,
            Some(Limit::Count(count) | Limit::WithTies(count)) => {
                let node = self.limit_value(scope, count, Place::Limit, "LIMIT");
                // LIMIT NULL is LIMIT ALL.
                self.accepts_null_limit(&node);
                Some(node)
            }
        };
        let kind = match (&limit, &query.limit) {
            (_, Some(Limit::WithTies(_))) => LimitKind::Unknown,
            (Some(node), _) => match constant_integer(node) {
                Some(value) => LimitKind::Constant(value),
                None => LimitKind::Unknown,
            },
            (None, _) => LimitKind::None,
        };
        let has_offset = offset.is_some();
        other.extend(offset);
        other.extend(limit);
        (kind, has_offset)
    }

    /// `LIMIT $1` with NULL means no limit, which nobody means by accident: it is accepted.
    fn accepts_null_limit(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Parameter(number) => {
                if let Some(parameter) = self.parameters.get_mut(*number - 1) {
                    parameter.nullable = true;
                }
            }
            NodeKind::Cast { arg, .. } => self.accepts_null_limit(arg),
            _ => {}
        }
    }

    /// `transformLimitClause`.
    fn limit_value(&mut self, scope: &Scope<'_>, expr: &Expr, place: Place, name: &str) -> Node {
        let before = scope.place.replace(place);
        let node = self.expr(scope, expr);
        let node = self.coerce_to_specific(node, oid::INT8, name);
        scope.place.set(before);
        if node.any(&|part| matches!(part.kind, NodeKind::Var(var) if var.level == 0)) {
            let message = format!("argument of {name} must not contain variables");
            self.report(Diagnostic::error(Code::InvalidColumnReference, node.span, message));
        }
        node
    }

    /// `VALUES (…), (…)` as a query of its own.
    fn values(&mut self, scope: &mut Scope<'_>, query: &ast::Query, rows: &[Vec<Expr>]) -> Query {
        scope.place.set(Place::Values);
        let mut analysed: Vec<Vec<Node>> = Vec::with_capacity(rows.len());
        for row in rows {
            let nodes = self.expr_list_expanded(scope, row);
            if let Some(first) = analysed.first()
                && first.len() != nodes.len()
            {
                let span = row.first().map_or(query.span, |expr| expr.span);
                self.report(Diagnostic::error(
                    Code::WrongCount,
                    span,
                    "VALUES lists must all be the same length",
                ));
                continue;
            }
            analysed.push(nodes);
        }
        let width = analysed.first().map_or(0, Vec::len);
        let mut targets = Vec::with_capacity(width);
        for column in 0..width {
            let nodes: Vec<&Node> = analysed.iter().map(|row| &row[column]).collect();
            let common = self.common_type(&nodes, "VALUES");
            for row in &mut analysed {
                let node = std::mem::replace(&mut row[column], Node::error(query.span));
                row[column] = self.coerce_to_common(node, common, "VALUES");
            }
            let span = analysed.first().map_or(query.span, |row| row[column].span);
            let node = Node::new(common, NodeKind::Opaque(Vec::new()), span);
            targets.push(TargetEntry { node, name: format!("column{}", column + 1), span });
        }
        let mut other = Vec::new();
        self.result_sort_clause(query, &mut targets, "VALUES");
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        Query { targets, limit, offset, body: Body::Values(analysed), other, ..Query::default() }
    }

    /// `ORDER BY` over a result: names and positions of its columns only.
    fn result_sort_clause(&mut self, query: &ast::Query, targets: &mut [TargetEntry], what: &str) {
        for key in &query.order_by {
            match &key.expr.kind {
                ExprKind::Column(parts) if parts.len() == 1 => {
                    if !targets.iter().any(|target| target.name == parts[0].text) {
                        let message = format!("column \"{}\" does not exist", parts[0].text);
                        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                        let hint = format!("the result's columns are {}", names.join(", "));
                        self.report(
                            Diagnostic::error(Code::UnknownColumn, key.expr.span, message).with_hint(hint),
                        );
                    }
                }
                ExprKind::Literal(Literal::Integer(position)) => {
                    let fine = usize::try_from(*position).is_ok_and(|it| it >= 1 && it <= targets.len());
                    if !fine {
                        let message = format!("ORDER BY position {position} is not in select list");
                        self.report(Diagnostic::error(Code::InvalidColumnReference, key.expr.span, message));
                    }
                }
                _ if what == "VALUES" => {}
                _ => {
                    let message = "invalid UNION/INTERSECT/EXCEPT ORDER BY clause";
                    self.report(
                        Diagnostic::error(Code::FeatureNotSupported, key.expr.span, message)
                            .with_detail("Only result column names can be used, not expressions or functions.")
                            .with_hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause."),
                    );
                }
            }
        }
    }

    /// `transformSetOperationTree`.
    fn set_operation(
        &mut self,
        scope: &mut Scope<'_>,
        query: &ast::Query,
        (operator, all, location): (SetOperator, bool, Span),
        left: &ast::Query,
        right: &ast::Query,
        recursive: Option<&Rc<Cte>>,
    ) -> Query {
        let mut left = self.query(left, Some(scope));
        if let Some(cte) = recursive {
            // The non-recursive term alone decides the columns of the whole.
            left = self.settle_unknown(left);
            let columns = left.targets.iter().map(|target| RteColumn {
                name: target.name.clone(),
                ty: target.node.ty,
                typmod: target.node.typmod,
            });
            self.set_cte_columns(cte, columns.collect());
        }
        let mut right = self.query(right, Some(scope));
        let name = operator.name();
        if left.targets.len() != right.targets.len() {
            let span = right.targets.first().map_or(location, |target| target.span);
            let message = format!("each {name} query must have the same number of columns");
            let hint = format!("the first has {}, this one {}", left.targets.len(), right.targets.len());
            let broken = left.targets.iter().chain(&right.targets).any(|target| target.node.is_error());
            if !broken {
                self.report(Diagnostic::error(Code::WrongCount, span, message).with_hint(hint));
            }
        }
        let mut targets = Vec::with_capacity(left.targets.len());
        for at in 0..left.targets.len() {
            let Some(other) = right.targets.get_mut(at) else {
                targets.push(left.targets[at].clone());
                continue;
            };
            let first = &mut left.targets[at];
            let common = self.common_type(&[&first.node, &other.node], name);
            let span = first.span;
            for target in [&mut *first, other] {
                let node = std::mem::replace(&mut target.node, Node::error(target.span));
                target.node = self.coerce_to_common(node, common, name);
            }
            if let Some(cte) = recursive
                && let Some(column) = cte.columns.borrow().get(at)
                && column.ty != common
                && common != ERROR
                && column.ty != ERROR
            {
                let (was, is) = (self.catalog.display(column.ty, -1), self.catalog.display(common, -1));
                let message = format!(
                    "recursive query \"{}\" column {} has type {was} in non-recursive term but type {is} overall",
                    cte.name,
                    at + 1
                );
                let hint =
                    format!("Cast the output of the non-recursive term to the correct type: `(…)::{is}`");
                self.report(Diagnostic::error(Code::TypeMismatch, span, message).with_hint(hint));
            }
            let typmod =
                if first.node.typmod == right.targets[at].node.typmod { first.node.typmod } else { -1 };
            let node = Node { ty: common, typmod, kind: NodeKind::Opaque(Vec::new()), span };
            targets.push(TargetEntry { node, name: first.name.clone(), span });
            if common != ERROR && !all && !self.has_equality(common) {
                let shown = self.catalog.display(common, -1);
                let message = format!("could not identify an equality operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, span, message));
            }
        }
        self.result_sort_clause(query, &mut targets, name);
        let mut other = Vec::new();
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        let body = Body::SetOperation { operator, left: Box::new(left), right: Box::new(right) };
        Query { targets, limit, offset, distinct: !all, body, other, ..Query::default() }
    }

    /// `transformLockingClause`, as far as it can fail for plain queries.
    fn locking(&mut self, query: &ast::Query, analysed: &Query) {
        for clause in &query.locking {
            let name = clause.strength.name();
            let refused = match &analysed.body {
                Body::SetOperation { .. } => Some("UNION/INTERSECT/EXCEPT"),
                Body::Values(_) => Some("VALUES"),
                Body::Plain if analysed.distinct => Some("DISTINCT clause"),
                Body::Plain if analysed.grouped => Some("GROUP BY clause"),
                Body::Plain if analysed.having.is_some() => Some("HAVING clause"),
                Body::Plain if analysed.has_aggregates => Some("aggregate functions"),
                Body::Plain if analysed.has_target_srf => Some("set-returning functions in the target list"),
                Body::Plain => None,
            };
            if let Some(with) = refused {
                let message = match &analysed.body {
                    Body::Values(_) => format!("{name} cannot be applied to VALUES"),
                    _ => format!("{name} is not allowed with {with}"),
                };
                self.report(Diagnostic::error(Code::FeatureNotSupported, clause.span, message));
            }
            for table in &clause.tables {
                if !analysed.rtes.iter().any(|rte| rte.name == table.name()) {
                    let message =
                        format!("relation \"{}\" in {name} clause not found in FROM clause", table.name());
                    self.report(Diagnostic::error(Code::UnknownTable, table.span(), message));
                }
            }
            self.writes = true;
        }
    }
}

/// The value of a constant integer, under casts.
fn constant_integer(node: &Node) -> Option<i64> {
    match &node.kind {
        NodeKind::Constant(Some(text)) => text.parse().ok(),
        NodeKind::Cast { arg, .. } => constant_integer(arg),
        _ => None,
    }
}
