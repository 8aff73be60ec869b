//! Decides whether the elements of an array parameter may be NULL.
//!
//! Input: the uses of a parameter that is an array. Output: whether the elements of the parameter may be NULL. `= ANY
//! ($1)` and `unnest($1)` read single elements. An element of `unnest($1)` becomes a column; the element may be NULL
//! only if this column is used where NULL has a meaning. An array that is stored or passed on as a whole may always
//! contain NULLs.

use super::analyzer::Analyzer;
use super::tree::{Body, Node, NodeKind, Query, Rte, RteSource, Var};

/// Returns the number of a parameter, with or without casts and COLLATE around it.
pub(super) fn parameter_of(node: &Node) -> Option<usize> {
    match &node.kind {
        NodeKind::Parameter(number) => Some(*number),
        NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) => parameter_of(arg),
        _ => None,
    }
}

impl Analyzer<'_> {
    /// Records that one use of `array` reads only single elements, not the whole array.
    pub(super) fn used_by_element(&mut self, array: &Node) {
        if let Some(number) = parameter_of(array)
            && let Some(parameter) = self.parameters.get_mut(number - 1)
        {
            parameter.element_uses += 1;
        }
    }

    /// Records that NULL has a meaning where the query uses a value, for example because the value is assigned to a
    /// nullable column. If the value is an element of an array, the element may be NULL too.
    pub(super) fn element_flows_to_nullable(&mut self, rtes: &[Rte], node: &Node) {
        match &node.kind {
            NodeKind::Var(var) => self.element_accepts_null(rtes, *var),
            NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) | NodeKind::NullIf { left: arg, .. } => {
                self.element_flows_to_nullable(rtes, arg);
            }
            NodeKind::Call { function, args } if function.name == "unnest" => {
                if let [array] = args.as_slice() {
                    self.mark_elements(array);
                }
            }
            NodeKind::Call { function, args } if function.strict => {
                args.iter().for_each(|arg| self.element_flows_to_nullable(rtes, arg));
            }
            NodeKind::Case { arms, otherwise } => {
                let results = arms.iter().map(|(_, result)| result).chain(otherwise.as_deref());
                results.for_each(|result| self.element_flows_to_nullable(rtes, result));
            }
            _ => {}
        }
    }

    fn mark_elements(&mut self, array: &Node) {
        if let Some(number) = parameter_of(array)
            && let Some(parameter) = self.parameters.get_mut(number - 1)
        {
            parameter.elements_accepted = true;
        }
    }

    /// Records that the query uses this column where NULL has a meaning. If the column comes from `unnest($1)`,
    /// directly or through subqueries, the elements of `$1` may be NULL.
    fn element_accepts_null(&mut self, rtes: &[Rte], var: Var) {
        if var.level > 0 {
            return;
        }
        let Some(rte) = rtes.get(var.rte) else { return };
        match &rte.source {
            RteSource::Function { functions, .. } => {
                let mut first = 0;
                for (call, columns) in functions {
                    let NodeKind::Call { function, args } = &call.kind else { return };
                    if (first..first + columns.len()).contains(&var.column) && function.name == "unnest" {
                        args.iter().for_each(|array| self.mark_elements(array));
                    }
                    first += columns.len();
                }
            }
            RteSource::Subquery { query, view: None } => self.column_accepts_null(query, var.column),
            RteSource::Cte(cte) => {
                // In a recursive query, the search can reach the same column again, but each column is searched only
                // once.
                if cte.asked.borrow().contains(&var.column) {
                    return;
                }
                cte.asked.borrow_mut().push(var.column);
                let query = cte.query.borrow().clone();
                if let Some(query) = query {
                    self.column_accepts_null(&query, var.column);
                }
            }
            RteSource::Table { .. } | RteSource::Subquery { .. } | RteSource::Nullable => {}
        }
    }

    fn column_accepts_null(&mut self, query: &Query, column: usize) {
        match &query.body {
            Body::SetOperation { left, right, .. } => {
                self.column_accepts_null(left, column);
                self.column_accepts_null(right, column);
            }
            Body::Values(rows) => {
                for row in rows {
                    row.get(column).into_iter().for_each(|node| self.null_is_value(node));
                }
            }
            Body::Plain => {
                if let Some(target) = query.targets.get(column) {
                    self.null_is_value(&target.node);
                    self.element_flows_to_nullable(&query.rtes, &target.node);
                }
            }
        }
    }

    /// Searches an analyzed query for columns of `unnest` that are used where NULL has a meaning.
    pub(super) fn elements_asked_for_null(&mut self, query: &Query) {
        let mut asked: Vec<&Node> = Vec::new();
        query.expressions(&mut |node| collect_asked(node, &mut asked));
        for node in asked {
            self.element_flows_to_nullable(&query.rtes, node);
        }
        let mut inner: Vec<&Query> = Vec::new();
        query.expressions(&mut |node| collect_queries(node, &mut inner));
        for query in inner {
            self.elements_asked_for_null(query);
        }
        for query in query.subqueries() {
            self.elements_asked_for_null(&query);
        }
    }
}

/// Collects the arguments for which NULL has a meaning: if such an argument is NULL, the result of the expression can
/// still be a value other than NULL (`COALESCE(a, 0)`, `a IS NULL`).
fn collect_asked<'n>(node: &'n Node, out: &mut Vec<&'n Node>) {
    match &node.kind {
        NodeKind::IsNull { arg, .. } | NodeKind::BooleanTest { arg, .. } => out.push(arg),
        NodeKind::Distinct { left, right } => out.extend([&**left, &**right]),
        NodeKind::Coalesce(args)
        | NodeKind::MinMax(args)
        | NodeKind::Row(args)
        | NodeKind::JoinedRow { columns: args, .. }
        | NodeKind::NeverNullOf(args)
        | NodeKind::Array(args)
        | NodeKind::InList { comparisons: args, .. } => out.extend(args),
        NodeKind::Call { function, args } if !function.strict => out.extend(args),
        _ => {}
    }
    node.children(&mut |child| collect_asked(child, out));
}

fn collect_queries<'n>(node: &'n Node, out: &mut Vec<&'n Query>) {
    out.extend(node.subquery());
    node.children(&mut |child| collect_queries(child, out));
}
