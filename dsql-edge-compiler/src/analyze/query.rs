//! Analyzes queries: `transformSelectStmt`, `transformValuesClause`.
//!
//! Input: a query as written and the scope around it. Output: the analyzed query. The clauses are analyzed in
//! PostgreSQL's order (`analyze.c`), because the order determines which error is the first.

use super::analyzer::Analyzer;
use super::place::Place;
use super::scope::Scope;
use super::set_operation::WrittenOperation;
use super::tree::{Body, Command, Cte, LimitKind, Node, NodeKind, Query, TargetEntry};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Distinct, Expr, ExprKind, Limit, Literal, QueryBody, Select};
use std::rc::Rc;

impl Analyzer<'_> {
    /// Analyzes a query of any form.
    pub(super) fn query(&mut self, query: &ast::Query, parent: Option<&Scope<'_>>) -> Query {
        self.query_or_recursive(query, parent, None)
    }

    /// Analyzes a query. If the analyzed query is the definition of a `WITH RECURSIVE` query, `recursive` is the entry
    /// of that `WITH` query.
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
                let written = WrittenOperation { operator: *operator, all: *all, location: *location };
                self.set_operation(&mut scope, query, written, (left, right), recursive)
            }
        };
        analysed.rtes = std::mem::take(&mut scope.rtes);
        analysed.ctes = std::mem::take(&mut scope.ctes);
        if !query.locking.is_empty() {
            analysed.locked = true;
            self.locking(&scope, query, &analysed);
        }
        analysed
    }

    fn select(&mut self, scope: &mut Scope<'_>, query: &ast::Query, select: &Select) -> Query {
        if let Some(into) = &select.into {
            // At the top level, INTO is a CREATE TABLE AS and was already removed.
            let message = "SELECT ... INTO is not allowed here";
            self.report(Diagnostic::error(Code::SyntaxError, into.span(), message));
        }
        scope.windows.clone_from(&select.windows);
        let from = self.range_table(scope, &select.from);
        scope.place.set(Place::Target);
        let mut targets = self.target_list(scope, &select.targets);
        scope.output_names =
            targets.iter().map(|target| (target.name.to_string(), target.node.span)).collect();
        let filter =
            select.filter.as_ref().map(|filter| self.condition(scope, filter, Place::Where, "WHERE"));
        let having =
            select.having.as_ref().map(|having| self.condition(scope, having, Place::Having, "HAVING"));

        let mut other = Vec::new();
        let sort_keys = self.sort_clause(scope, &query.order_by, &mut targets, &mut other);
        let grouping = self.group_clause(scope, select, &mut targets);
        let distinct = select.distinct.is_some();
        match &select.distinct {
            Some(Distinct::All(_)) => self.check_distinct(&mut targets, &sort_keys),
            Some(Distinct::On(keys)) => self.distinct_on(scope, keys, &mut targets, &sort_keys, &mut other),
            None => {}
        }
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        self.window_definitions(scope, &mut other);
        let grouped = !select.group_by.is_empty();
        let analysed = Query {
            command: Command::Select,
            rtes: scope.rtes.clone(),
            from,
            filter,
            targets,
            group_by: grouping.keys,
            grouped,
            grouping_sets: grouping.sets,
            empty_grouping_set: grouping.empty,
            common_keys: grouping.common,
            having,
            has_aggregates: scope.has_aggregates.get(),
            has_target_srf: scope.sets.in_target_list(),
            distinct,
            limit,
            offset,
            body: Body::Plain,
            other,
            ctes: Vec::new(),
            ..Query::default()
        };
        let mut analysed = analysed;
        let all_are_keys = matches!(select.distinct, Some(Distinct::All(_)));
        analysed.collations = self.column_collations(scope, &analysed, all_are_keys);
        self.check_grouping_set_count(grouping.count);
        self.check_grouping(&analysed);
        self.check_target_count(&analysed.targets, sort_keys.iter().chain(&analysed.group_by));
        analysed
    }

    /// `transformWhereClause`.
    pub(super) fn condition(&mut self, scope: &Scope<'_>, expr: &Expr, place: Place, name: &str) -> Node {
        let node = scope.at(place, || self.expr(scope, expr));
        self.coerce_to_boolean(node, name)
    }

    pub(super) fn limit_clauses(
        &mut self,
        scope: &Scope<'_>,
        query: &ast::Query,
        other: &mut Vec<Node>,
    ) -> (LimitKind, bool) {
        let offset =
            query.offset.as_ref().map(|offset| self.limit_value(scope, offset, Place::Offset, "OFFSET"));
        let limit = match &query.limit {
            None | Some(Limit::All) => None,
            Some(Limit::Count(count)) => {
                let node = self.limit_value(scope, count, Place::Limit, "LIMIT");
                // NULL has a meaning for LIMIT: LIMIT NULL is LIMIT ALL.
                self.accepts_null_limit(&node);
                Some(node)
            }
            Some(Limit::WithTies(count)) => {
                let node = self.limit_value(scope, count, Place::Limit, "LIMIT");
                if matches!(count.kind, ExprKind::Literal(Literal::Null)) {
                    let message = "row count cannot be null in FETCH FIRST ... WITH TIES clause";
                    self.report(Diagnostic::error(Code::NullRowCount, Span::default(), message));
                }
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
        for (node, name) in
            limit.iter().map(|node| (node, "LIMIT")).chain(offset.iter().map(|node| (node, "OFFSET")))
        {
            self.warn_negative(node, name);
        }
        let has_offset = offset.is_some();
        other.extend(offset);
        other.extend(limit);
        (kind, has_offset)
    }

    /// Accepts NULL for `LIMIT $1`. LIMIT NULL means that the number of rows is not limited.
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
        let node = scope.at(place, || self.expr(scope, expr));
        let node = self.coerce_to_specific(node, oid::INT8, name);
        if node.any(&|part| matches!(part.kind, NodeKind::Var(var) if var.level == 0)) {
            let message = format!("argument of {name} must not contain variables");
            self.report(Diagnostic::error(Code::InvalidColumnReference, node.span, message));
        }
        node
    }

    /// `VALUES (…), (…)` as a separate query.
    fn values(&mut self, scope: &mut Scope<'_>, query: &ast::Query, rows: &[Vec<Expr>]) -> Query {
        let mut analysed: Vec<Vec<Node>> = Vec::with_capacity(rows.len());
        for row in rows {
            let nodes = scope.at(Place::Values, || self.expr_list_expanded(scope, row));
            if let Some(first) = analysed.first()
                && first.len() != nodes.len()
            {
                let span = nodes.first().map_or(query.span, |node| node.span);
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
            targets.push(TargetEntry { node, name: format!("column{}", column + 1).into(), span });
        }
        self.check_target_count(&targets, std::iter::empty());
        let mut other = Vec::new();
        self.result_sort_clause(query, &targets, "VALUES");
        let (limit, offset) = self.limit_clauses(scope, query, &mut other);
        let collations = self.values_collations(scope, &analysed);
        Query { targets, limit, offset, collations, body: Body::Values(analysed), other, ..Query::default() }
    }

    /// Checks the `ORDER BY` of a set operation or of VALUES. For a set operation, only the names and positions of the
    /// result's columns are allowed.
    pub(super) fn result_sort_clause(&mut self, query: &ast::Query, targets: &[TargetEntry], what: &str) {
        for key in &query.order_by {
            match &key.expr.kind {
                ExprKind::Column(parts) if parts.len() == 1 => {
                    let name = &parts[0].text;
                    let mut named = targets.iter().filter(|target| target.name == *name);
                    let found = named.next();
                    if named.next().is_some() {
                        let message = format!("ORDER BY \"{name}\" is ambiguous");
                        self.report(Diagnostic::error(Code::AmbiguousColumn, key.expr.span, message));
                    } else if let Some(target) = found {
                        self.check_sort_key(&target.node, key.expr.span);
                    } else {
                        let message = format!("column \"{name}\" does not exist");
                        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                        let hint = format!("the result's columns are {}", names.join(", "));
                        self.report(
                            Diagnostic::error(Code::UnknownColumn, key.expr.span, message).with_hint(hint),
                        );
                    }
                }
                ExprKind::Literal(Literal::Integer(position)) => {
                    let at = usize::try_from(*position).ok().and_then(|position| position.checked_sub(1));
                    match at.and_then(|at| targets.get(at)) {
                        Some(target) => self.check_sort_key(&target.node, key.expr.span),
                        None => {
                            let message = format!("ORDER BY position {position} is not in select list");
                            let code = Code::InvalidColumnReference;
                            self.report(Diagnostic::error(code, key.expr.span, message));
                        }
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
}

/// Returns the value of a constant integer, with or without casts around it.
fn constant_integer(node: &Node) -> Option<i64> {
    match &node.kind {
        NodeKind::Constant(Some(text)) => text.parse().ok(),
        NodeKind::Cast { arg, .. } => constant_integer(arg),
        _ => None,
    }
}
