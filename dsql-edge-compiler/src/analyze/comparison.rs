//! Analyzes comparisons: operators between rows, `IN`, `LIKE`, `BETWEEN`, `IS DISTINCT FROM`.
//!
//! This is the part of `parse_expr.c` that handles `A_Expr` before `operator` chooses the function.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ExprKind, LikeKind, Operator};

/// The parts of a predicate as it is written in the query.
pub(super) struct WrittenPredicate {
    /// Whether the predicate has NOT.
    pub(super) negated: bool,
    /// The span of the predicate's operator, such as `IN` or `BETWEEN`.
    pub(super) location: Span,
    pub(super) span: Span,
}

impl Analyzer<'_> {
    pub(super) fn operator_expr(
        &mut self,
        scope: &Scope<'_>,
        operator: &Operator,
        left: Option<&Expr>,
        right: &Expr,
        span: Span,
    ) -> Node {
        if let Some(left) = left {
            // `row op row` and `row op (SELECT …)`.
            if let (ExprKind::Row(a), ExprKind::Row(b)) = (&left.kind, &right.kind) {
                let a = self.expr_list_expanded(scope, a);
                let b = self.expr_list_expanded(scope, b);
                return self.row_comparison(operator, a, b, span);
            }
            if let (ExprKind::Row(_), ExprKind::Subquery(query)) = (&left.kind, &right.kind) {
                return self.row_subquery(scope, left, operator, query, span);
            }
        }
        let sets_before = scope.sets.count();
        let left = left.map(|left| self.expr(scope, left));
        let node = self.expr(scope, right);
        if let (None, "@", true, ExprKind::Column(parts)) =
            (&left, operator.name.as_str(), node.is_error(), &right.kind)
            && let [name] = parts.as_slice()
        {
            let advice = format!("a parameter is written ${0}, not @{0}", name.text);
            self.diagnostics.advise(Some(right.span), advice);
        }
        let node = self.operator(operator, left, node, span);
        if node.returns_set() {
            self.check_srf(scope, operator.location, sets_before);
            scope.sets.push(span);
        }
        node
    }

    /// `make_row_comparison_op`.
    pub(super) fn row_comparison(
        &mut self,
        operator: &Operator,
        left: Vec<Node>,
        right: Vec<Node>,
        span: Span,
    ) -> Node {
        if left.len() != right.len() {
            let message = "unequal number of entries in row expressions";
            self.report(Diagnostic::error(Code::WrongCount, operator.location, message));
            return Node::error(span);
        }
        if left.is_empty() {
            let message = "cannot compare rows of zero length";
            self.report(Diagnostic::error(Code::FeatureNotSupported, operator.location, message));
            return Node::error(span);
        }
        // The location of a row comparison (`exprLocation`) is the location of the first field of its left row.
        let span = Span { start: left.first().map_or(span.start, |field| field.span.start), ..span };
        let mut comparisons = Vec::with_capacity(left.len());
        for (left, right) in left.into_iter().zip(right) {
            let node = self.operator(operator, Some(left), right, span);
            if node.ty != oid::BOOL && !node.is_error() {
                let shown = self.catalog.display(node.ty, -1);
                let message = format!("row comparison operator must yield type boolean, not type {shown}");
                self.report(Diagnostic::error(Code::TypeMismatch, operator.location, message));
            }
            comparisons.push(node);
        }
        if let [_] = comparisons.as_slice() {
            return comparisons.remove(0);
        }
        let mut types = Vec::new();
        for node in &comparisons {
            if let NodeKind::Call { args, .. } = &node.kind {
                types.extend(args.iter().map(|arg| arg.ty));
            }
        }
        if !self.has_interpretation(operator, &types) {
            return Node::error(span);
        }
        let kind = match operator.name.as_str() {
            "=" => NodeKind::And(comparisons),
            "<>" => NodeKind::Or(comparisons),
            // For an operator that orders rows, such as `<`, the result depends on the first pair of fields that
            // differ. If any pair of fields contains a NULL, the result may be NULL, as for an IN list.
            _ => NodeKind::InList { comparisons, negated: false },
        };
        Node::new(oid::BOOL, kind, span)
    }

    /// Whether the operator of a row comparison belongs to a B-tree family for operands of these types. Rows can be
    /// ordered only with an operator of a B-tree family.
    pub(super) fn has_interpretation(&mut self, operator: &Operator, types: &[Oid]) -> bool {
        let named = matches!(operator.name.as_str(), "=" | "<>" | "<" | "<=" | ">" | ">=");
        if named && types.iter().all(|ty| *ty == ERROR || self.has_order(*ty)) {
            return true;
        }
        // The other B-tree families: `text_pattern_ops`, `bpchar_pattern_ops`, `record_image_ops`.
        let is_text = |ty: &Oid| matches!(*ty, ERROR | oid::TEXT | oid::BPCHAR);
        let is_image = |ty: &Oid| matches!(*ty, ERROR | oid::RECORD) || self.catalog.is_complex(*ty);
        let has_family = match operator.name.as_str() {
            "~<~" | "~<=~" | "~>=~" | "~>~" => types.iter().all(is_text),
            "*=" | "*<>" | "*<" | "*<=" | "*>=" | "*>" => types.iter().all(is_image),
            _ => false,
        };
        if has_family {
            return true;
        }
        let message =
            format!("could not determine interpretation of row comparison operator {}", operator.name);
        self.report(
            Diagnostic::error(Code::FeatureNotSupported, operator.location, message)
                .with_hint("Row comparison operators must be associated with btree operator families."),
        );
        false
    }

    pub(super) fn is_distinct(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        right: &Expr,
        written: WrittenPredicate,
    ) -> Node {
        let WrittenPredicate { negated, location, span } = written;
        let operator = Operator { schema: None, name: "=".into(), location };
        let (left_expr, right_expr) = (left, right);
        let mut left = self.expr(scope, left);
        let mut right = self.expr(scope, right);
        // Two rows are also compared field by field if they are cast to a composite type.
        if let (NodeKind::Row(a), NodeKind::Row(b)) = (&mut left.kind, &mut right.kind) {
            let (a, b) = (std::mem::take(a), std::mem::take(b));
            a.iter().chain(&b).for_each(|node| self.null_is_value(node));
            let fields = match self.row_comparison(&operator, a, b, span) {
                node if node.is_error() => return node,
                node => vec![node],
            };
            return Node::new(oid::BOOL, NodeKind::NeverNullOf(fields), span);
        }
        // `x IS DISTINCT FROM NULL` is a null test.
        if matches!(right_expr.kind, ExprKind::Literal(ast::Literal::Null)) {
            self.null_is_value(&left);
            return Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(left), negated: !negated }, span);
        }
        if matches!(left_expr.kind, ExprKind::Literal(ast::Literal::Null)) {
            self.null_is_value(&right);
            return Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(right), negated: !negated }, span);
        }
        let comparison = self.make_operator(&operator, Some(left), right, span);
        match comparison.kind {
            NodeKind::Call { mut args, .. } if args.len() == 2 => {
                let right = Box::new(args.remove(1));
                let left = Box::new(args.remove(0));
                self.null_is_value(&left);
                self.null_is_value(&right);
                Node::new(oid::BOOL, NodeKind::Distinct { left, right }, span)
            }
            _ => Node::error(span),
        }
    }

    /// `transformAExprIn`.
    pub(super) fn in_list(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        list: &[Expr],
        written: WrittenPredicate,
    ) -> Node {
        let WrittenPredicate { negated, location, span } = written;
        let name = if negated { "<>" } else { "=" };
        let operator = Operator { schema: None, name: name.into(), location };
        if let ExprKind::Row(fields) = &left.kind {
            // The left row is analyzed once, so a parameter in this row has the same type in all comparisons.
            let fields = self.expr_list_expanded(scope, fields);
            if !fields.iter().all(|field| self.may_copy(field, list.len())) {
                return Node::error(span);
            }
            // All items are analyzed before the first is compared.
            let items: Vec<Compared> = list
                .iter()
                .map(|item| match &item.kind {
                    ExprKind::Row(item) => Compared::Row(self.expr_list_expanded(scope, item)),
                    _ => Compared::Value(self.expr(scope, left), Box::new(self.expr(scope, item))),
                })
                .collect();
            let comparisons = items
                .into_iter()
                .map(|item| match item {
                    Compared::Row(item) => self.row_comparison(&operator, fields.clone(), item, span),
                    Compared::Value(left, item) => self.operator(&operator, Some(left), *item, span),
                })
                .collect();
            return Node::new(oid::BOOL, NodeKind::InList { comparisons, negated }, span);
        }
        let left = self.expr(scope, left);
        let span = Span { start: left.span.start.max(span.start), ..span };
        let items = self.expr_list(scope, list);
        // If the constants and parameters have a common type with the left side, these constants and parameters become
        // one array.
        let (plain, with_columns): (Vec<&Node>, Vec<&Node>) =
            items.iter().partition(|item| !contains_columns(item));
        let mut comparisons = Vec::new();
        let mut handled = false;
        if plain.len() > 1 {
            let types = std::iter::once(&left).chain(plain.iter().copied()).map(|node| (node.ty, node.span));
            let common = super::coercion::common_type_of(self.catalog, types).unwrap_or(oid::RECORD);
            let array = if common == oid::RECORD { None } else { self.catalog.array_type(common) };
            // `verify_common_type`
            let converts = std::iter::once(&left).chain(plain.iter().copied()).all(|node| {
                self.catalog.can_coerce(&[node.ty], &[common], super::coercion::Context::Implicit)
            });
            if common != ERROR
                && converts
                && let Some(array) = array
            {
                let elements: Vec<Node> =
                    plain.iter().map(|item| self.coerce_to_common((*item).clone(), common, "IN")).collect();
                let array = Node::new(array, NodeKind::Array(elements), span);
                comparisons.push(self.array_operator(&operator, left.clone(), array, negated, span));
                handled = true;
            }
        }
        let rest: Vec<Node> = if handled {
            with_columns.into_iter().cloned().collect()
        } else {
            items.iter().map(Node::clone).collect()
        };
        // If the constants and parameters became one array, the comparison with this array has determined the type of a
        // parameter on the left side, and all copies of the left side have this type. Without this array, each
        // comparison has its own copy of an untyped parameter, and two comparisons may require different types.
        let left = if handled { self.analysed_again(&left) } else { left };
        if !self.may_copy(&left, rest.len()) {
            return Node::error(span);
        }
        for item in rest {
            comparisons.push(match (&left.kind, item.kind) {
                // Both sides are rows, which are cast to a composite type.
                (NodeKind::Row(fields), NodeKind::Row(item)) => {
                    self.row_comparison(&operator, fields.clone(), item, span)
                }
                (_, kind) => self.operator(&operator, Some(left.clone()), Node { kind, ..item }, span),
            });
        }
        if let [_] = comparisons.as_slice() {
            return comparisons.remove(0);
        }
        Node::new(oid::BOOL, NodeKind::InList { comparisons, negated }, span)
    }

    pub(super) fn like(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        right: &Expr,
        escape: Option<&Expr>,
        kind: LikeKind,
        written: WrittenPredicate,
    ) -> Node {
        let WrittenPredicate { negated, location, span } = written;
        let name = match (kind, negated) {
            (LikeKind::Like, false) => "~~",
            (LikeKind::Like, true) => "!~~",
            (LikeKind::ILike, false) => "~~*",
            (LikeKind::ILike, true) => "!~~*",
            (LikeKind::Similar, false) => "~",
            (LikeKind::Similar, true) => "!~",
        };
        let operator = Operator { schema: None, name: name.into(), location };
        let left = self.expr(scope, left);
        let function = if kind == LikeKind::Similar { "similar_to_escape" } else { "like_escape" };
        let right = if escape.is_some() || kind == LikeKind::Similar {
            let args = std::iter::once(right).chain(escape).cloned().collect();
            let call = ast::FunctionCall::of_system(function, args, location);
            self.function_call(scope, &call, right.span)
        } else {
            self.expr(scope, right)
        };
        self.operator(&operator, Some(left), right, span)
    }

    pub(super) fn between(
        &mut self,
        scope: &Scope<'_>,
        arg: &Expr,
        low: &Expr,
        high: &Expr,
        symmetric: bool,
        written: WrittenPredicate,
    ) -> Node {
        let WrittenPredicate { negated, location, span } = written;
        let arg = self.expr(scope, arg);
        // As in `exprLocation`, the span of each comparison begins at its first operand.
        let span = Span { start: arg.span.start.max(span.start), ..span };
        let low = self.expr(scope, low);
        let operator = |name: &str| Operator { schema: None, name: name.into(), location };
        let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
        // PostgreSQL analyzes each operand again for each comparison, so in the later comparisons a parameter already
        // has the type from the first comparison.
        let compare = |analyzer: &mut Self, name: &str, bound: &Node| {
            let (arg, bound) = (analyzer.analysed_again(&arg), analyzer.analysed_again(bound));
            analyzer.operator(&operator(name), Some(arg), bound, span)
        };
        let pair = |analyzer: &mut Self, low: &Node, high: &Node| {
            let left = compare(analyzer, first, low);
            let right = compare(analyzer, second, high);
            let parts = vec![left, right];
            let kind = if negated { NodeKind::Or(parts) } else { NodeKind::And(parts) };
            Node::new(oid::BOOL, kind, span)
        };
        let copies = if symmetric { 4 } else { 1 };
        if !self.may_copy(&arg, copies) || !self.may_copy(&low, copies) {
            return Node::error(span);
        }
        let left = self.operator(&operator(first), Some(arg.clone()), low.clone(), span);
        let again = self.analysed_again(&arg);
        let high = self.expr(scope, high);
        if !self.may_copy(&high, copies) {
            return Node::error(span);
        }
        let right = self.operator(&operator(second), Some(again), high.clone(), span);
        let parts = vec![left, right];
        let kind = if negated { NodeKind::Or(parts) } else { NodeKind::And(parts) };
        let straight = Node::new(oid::BOOL, kind, span);
        if !symmetric {
            return straight;
        }
        let swapped = pair(self, &high, &low);
        let kind = if negated {
            NodeKind::And(vec![straight, swapped])
        } else {
            NodeKind::Or(vec![straight, swapped])
        };
        Node::new(oid::BOOL, kind, span)
    }
}

/// An item of `row IN (…)`.
enum Compared {
    Row(Vec<Node>),
    /// An item that is not a row constructor. The second field is the left row as one value; the item is compared with
    /// this value.
    Value(Node, Box<Node>),
}

fn contains_columns(node: &Node) -> bool {
    node.any(&|part| matches!(&part.kind, NodeKind::Var(var) if var.level == 0) || part.subquery().is_some())
}
