//! What holds where a condition is TRUE, FALSE or not NULL, by its form alone.
//!
//! Input: a condition. Output: facts about its columns and expressions.

use super::super::tree::{Node, NodeKind, Var};
use super::facts::{Facts, ROW};

/// What holds if the condition is TRUE.
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
            // ALL over an empty array is TRUE whatever the left side is.
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

/// What holds if the condition is FALSE.
pub(super) fn if_false(node: &Node) -> Facts<'_> {
    match &node.kind {
        NodeKind::And(parts) => Facts::common(parts.iter().map(if_false)),
        NodeKind::Or(parts) => Facts::all(parts.iter().map(if_false)),
        NodeKind::Not(arg) => if_true(arg),
        NodeKind::IsNull { arg, negated: false } => match arg.kind {
            // A row that is not all NULL is a real one, and no more is known.
            NodeKind::WholeRow { level, rte } => {
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

/// What holds if the value is not NULL; of a row, if none of its fields is.
fn not_null(node: &Node) -> Facts<'_> {
    match &node.kind {
        NodeKind::WholeRow { level, rte } => {
            Facts { vars: vec![Var { level: *level, rte: *rte, column: ROW }], nodes: Vec::new() }
        }
        NodeKind::Row(fields) => Facts::all(fields.iter().map(strict)),
        _ => strict(node),
    }
}

/// `find_nonnullable_vars`: what must be there for the value not to be NULL.
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
    // The expression itself, if it means the same each time.
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

/// Whether a group that meets the condition has a row: `count(*) > 0`, `1 <= count(x)`, also among ANDs.
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

/// The value of a constant integer.
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
