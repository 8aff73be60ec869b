//! Checks that each batch computes what the whole statement would compute.

use super::super::tree::{Callee, Node, NodeKind};
use super::walk::{any_below, any_in_entry};
use super::{Judge, rejected};
use crate::diagnostic::Diagnostic;
use std::rc::Rc;

/// Where a function is called.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The function is in a new value, which PostgreSQL computes for each row.
    Value,
    /// The function is in a query, which PostgreSQL may run once for all rows.
    Query,
    Condition,
}

impl Judge<'_> {
    /// Checks that the condition and each query have the same result in each batch, and that no function of the schema
    /// can read the table.
    pub(super) fn check_functions(&self) -> Result<(), Diagnostic> {
        let mut found = None;
        let is_value = |node: &Node| {
            let mut values =
                self.query.assigned.iter().flat_map(|it| &it.values).chain(&self.query.partly_assigned);
            values.any(|value| std::ptr::eq(value, node))
        };
        self.query.expressions(&mut |node| {
            let place = if is_value(node) { Place::Value } else { Place::Condition };
            any_below(node, &mut |node, is_nested| {
                let place = if is_nested { Place::Query } else { place };
                found = found.take().or_else(|| self.unsuitable_call(node, place));
                found.is_some()
            });
        });
        for (_, rte) in self.joined() {
            any_in_entry(rte, &mut |node, _| {
                found = found.take().or_else(|| self.unsuitable_call(node, Place::Query));
                found.is_some()
            });
        }
        found.map_or(Ok(()), Err)
    }

    fn unsuitable_call(&self, node: &Node, place: Place) -> Option<Diagnostic> {
        let callees: &[Rc<Callee>] = match &node.kind {
            NodeKind::Call { function, .. } | NodeKind::ArrayComparison { function, .. } => {
                std::slice::from_ref(function)
            }
            NodeKind::Cast { function: Some(function), .. } => std::slice::from_ref(function),
            NodeKind::Quantified { functions, .. } => functions,
            NodeKind::Aggregate(call) => return self.own_aggregate(node, &call.name),
            NodeKind::WindowCall(call) => return self.own_aggregate(node, &call.name),
            _ => return None,
        };
        for callee in callees {
            let name = &callee.name;
            if is_own(callee) && !callee.immutable {
                // A cast that the schema creates calls a function whose name is recorded as the empty string. An
                // operator that the schema creates calls a function whose name is recorded with a dot at its beginning.
                let what = match name.as_str() {
                    "" => "the function of this cast".to_owned(),
                    name if name.starts_with('.') => "the function of this operator".to_owned(),
                    name => format!("the function {name}"),
                };
                let message =
                    format!("{what} is not IMMUTABLE, so it may read rows that earlier batches have changed");
                return Some(rejected(node.span, message));
            }
            if callee.volatile && place != Place::Value {
                let place = if place == Place::Query { "a query" } else { "the condition" };
                let message =
                    format!("{place} calls {name}, whose result differs from one batch to the next");
                return Some(rejected(node.span, message));
            }
        }
        None
    }

    /// Rejects an aggregate of the schema, because the functions that the aggregate calls are not known here.
    fn own_aggregate(&self, node: &Node, name: &str) -> Option<Diagnostic> {
        let message =
            format!("the aggregate {name} of the schema may read rows that earlier batches have changed");
        name.contains('.').then(|| rejected(node.span, message))
    }
}

/// Whether the schema defines a function. The name of such a function contains its schema (`public.f`); the function of
/// a cast that the schema creates has an empty name.
pub(super) fn is_own(callee: &Callee) -> bool {
    callee.name.is_empty() || callee.name.contains('.')
}
