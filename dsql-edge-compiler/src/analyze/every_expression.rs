//! Visits every expression of a query and of the queries nested in it.

use super::tree::{Node, Query};

/// Calls `visit` with each expression, and with the queries around this expression, the innermost last. `levels` has
/// the queries around the query to visit, and this query last. This visitor does not enter the queries of views.
pub(super) fn visit<'q>(levels: &[&'q Query], visit: &mut dyn FnMut(&[&Query], &Node)) {
    let Some(query) = levels.last().copied() else { return };
    let mut nodes = Vec::new();
    query.expressions(&mut |node| nodes.push(node));
    while let Some(node) = nodes.pop() {
        node.children(&mut |child| nodes.push(child));
        visit(levels, node);
        if let Some(subquery) = node.subquery() {
            self::visit(&[levels, &[subquery]].concat(), visit);
        }
    }
    let subqueries = query.subqueries();
    for subquery in &subqueries {
        self::visit(&[levels, &[&**subquery]].concat(), visit);
    }
}
