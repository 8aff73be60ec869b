//! Expressions: `parse_expr.c`.
//!
//! In: an expression as written and the scope it stands in. Out: the typed expression; what failed is
//! reported once and becomes an error node that fits everywhere.

use super::Analyzer;
use super::catalog::{ERROR, TypeError};
use super::coerce::Context;
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::ast::{
    self, Expr, ExprKind, InList, Indirection, LikeKind, Literal, Name, Operator, Quantified, TypeName,
    ValueFunction,
};

impl Analyzer<'_> {
    /// `transformExpr`.
    pub(super) fn expr(&mut self, scope: &Scope<'_>, expr: &Expr) -> Node {
        let mut node = self.expr_kind(scope, expr);
        node.span = expr.span;
        node
    }

    fn expr_kind(&mut self, scope: &Scope<'_>, expr: &Expr) -> Node {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Column(parts) => self.column_reference(scope, parts),
            ExprKind::Star(_) => {
                let message = "row expansion via \"*\" is not supported here";
                self.report(Diagnostic::error(Code::FeatureNotSupported, span, message));
                Node::error(span)
            }
            ExprKind::Literal(literal) => constant(literal, span),
            ExprKind::Parameter(number) => self.parameter(*number, span),
            ExprKind::Indirection { base, steps } => {
                let node = self.expr(scope, base);
                self.indirection(scope, node, steps, span)
            }
            ExprKind::Operator { operator, left, right } => {
                self.operator_expr(scope, operator, left.as_deref(), right, span)
            }
            ExprKind::Quantified { operator, left, all, right } => match right {
                Quantified::Array(array) => {
                    let left = self.expr(scope, left);
                    let right = self.expr(scope, array);
                    self.array_operator(operator, left, right, *all, span)
                }
                Quantified::Subquery(query) => {
                    self.quantified_subquery(scope, left, operator, query, *all, span)
                }
            },
            ExprKind::And(args) => self
                .boolean_list(scope, args, "AND")
                .map_or_else(|node| node, |args| Node::new(oid::BOOL, NodeKind::And(args), span)),
            ExprKind::Or(args) => self
                .boolean_list(scope, args, "OR")
                .map_or_else(|node| node, |args| Node::new(oid::BOOL, NodeKind::Or(args), span)),
            ExprKind::Not(arg) => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_boolean(arg, "NOT");
                Node::new(oid::BOOL, NodeKind::Not(Box::new(arg)), span)
            }
            ExprKind::IsNull { arg, negated } => {
                let arg = self.expr(scope, arg);
                self.accepts_null(&arg);
                Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(arg), negated: *negated }, span)
            }
            ExprKind::BooleanTest { arg, value, negated } => {
                let name = match (value, negated) {
                    (Some(true), false) => "IS TRUE",
                    (Some(true), true) => "IS NOT TRUE",
                    (Some(false), false) => "IS FALSE",
                    (Some(false), true) => "IS NOT FALSE",
                    (None, false) => "IS UNKNOWN",
                    (None, true) => "IS NOT UNKNOWN",
                };
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_boolean(arg, name);
                self.accepts_null(&arg);
                let kind = NodeKind::BooleanTest { arg: Box::new(arg), value: *value, negated: *negated };
                Node::new(oid::BOOL, kind, span)
            }
            ExprKind::IsDistinct { left, right, negated, location } => {
                self.is_distinct(scope, left, right, *negated, *location, span)
            }
            ExprKind::IsJson { arg, .. } => {
                let arg = self.expr(scope, arg);
                let arg = if arg.ty == oid::UNKNOWN {
                    self.coerce(arg, oid::TEXT, -1, Context::Implicit)
                } else {
                    arg
                };
                let base = self.catalog.base_type(arg.ty).0;
                if !matches!(
                    base,
                    oid::TEXT | oid::JSON | oid::JSONB | oid::BYTEA | oid::VARCHAR | oid::BPCHAR | ERROR
                ) {
                    let shown = self.catalog.display(arg.ty, -1);
                    let message = format!("cannot use type {shown} in IS JSON predicate");
                    self.report(Diagnostic::error(Code::TypeMismatch, arg.span, message));
                }
                Node::new(oid::BOOL, NodeKind::Opaque(vec![arg]), span)
            }
            ExprKind::IsDocument { arg, .. } => {
                let arg = self.expr(scope, arg);
                let arg = self.coerce_to_specific(arg, oid::XML, "IS DOCUMENT");
                Node::new(oid::BOOL, NodeKind::Opaque(vec![arg]), span)
            }
            ExprKind::In { left, right, negated, location } => match right {
                InList::List(list) => self.in_list(scope, left, list, *negated, *location, span),
                InList::Subquery(query) => {
                    let operator = Operator { schema: None, name: "=".into(), location: *location };
                    let node = self.quantified_subquery(scope, left, &operator, query, false, span);
                    if *negated { Node::new(node.ty, NodeKind::Not(Box::new(node)), span) } else { node }
                }
            },
            ExprKind::Like { left, right, escape, kind, negated, location } => {
                self.like(scope, left, right, escape.as_deref(), *kind, *negated, *location, span)
            }
            ExprKind::Between { arg, low, high, negated, symmetric, location } => {
                self.between(scope, arg, low, high, *negated, *symmetric, *location, span)
            }
            ExprKind::Case { operand, arms, otherwise } => {
                self.case(scope, operand.as_deref(), arms, otherwise.as_deref(), span)
            }
            ExprKind::Coalesce(args) => {
                let args = self.expr_list(scope, args);
                let target = self.common_type(&args.iter().collect::<Vec<_>>(), "COALESCE");
                let args: Vec<Node> =
                    args.into_iter().map(|arg| self.coerce_to_common(arg, target, "COALESCE")).collect();
                args.iter().for_each(|arg| self.accepts_null(arg));
                Node::new(target, NodeKind::Coalesce(args), span)
            }
            ExprKind::MinMax { greatest, args } => {
                let name = if *greatest { "GREATEST" } else { "LEAST" };
                let args = self.expr_list(scope, args);
                let target = self.common_type(&args.iter().collect::<Vec<_>>(), name);
                let args: Vec<Node> =
                    args.into_iter().map(|arg| self.coerce_to_common(arg, target, name)).collect();
                args.iter().for_each(|arg| self.accepts_null(arg));
                if target != ERROR && !self.has_order(target) {
                    let shown = self.catalog.display(target, -1);
                    let message = format!("could not identify a comparison function for type {shown}");
                    self.report(Diagnostic::error(Code::UnknownFunction, span, message));
                }
                Node::new(target, NodeKind::MinMax(args), span)
            }
            ExprKind::NullIf { left, right, location } => {
                let left = self.expr(scope, left);
                let right = self.expr(scope, right);
                let operator = Operator { schema: None, name: "=".into(), location: *location };
                let comparison = self.operator(&operator, Some(left), right, span);
                match comparison.kind {
                    NodeKind::Call { mut args, .. } if args.len() == 2 => {
                        let right = Box::new(args.remove(1));
                        let left = Box::new(args.remove(0));
                        Node::new(left.ty, NodeKind::NullIf { left, right }, span)
                    }
                    _ => Node::error(span),
                }
            }
            ExprKind::Row(fields) => {
                let fields = self.expr_list_expanded(scope, fields);
                let fields = fields.into_iter().map(|field| self.unknown_to_text(field)).collect();
                Node::new(oid::RECORD, NodeKind::Row(fields), span)
            }
            ExprKind::Array(elements) => self.array(scope, elements, None, span),
            ExprKind::ArraySubquery(query) => self.array_subquery(scope, query, span),
            ExprKind::Exists(query) => self.exists(scope, query, span),
            ExprKind::Subquery(query) => self.scalar_subquery(scope, query, span),
            ExprKind::Function(call) => self.function_call(scope, call, span),
            ExprKind::Cast { arg, target, location } => self.cast(scope, arg, target, *location, span),
            ExprKind::Collate { arg, collation, location } => {
                let arg = self.expr(scope, arg);
                let info = self.catalog.type_info(arg.ty);
                if !info.collatable && arg.ty != oid::UNKNOWN && arg.ty != ERROR {
                    let shown = self.catalog.display(arg.ty, -1);
                    let message = format!("collations are not supported by type {shown}");
                    self.report(Diagnostic::error(Code::TypeMismatch, *location, message));
                    return Node::error(span);
                }
                let _ = collation;
                Node { ty: arg.ty, typmod: arg.typmod, kind: NodeKind::Collate(Box::new(arg)), span }
            }
            ExprKind::ValueFunction { function, .. } => value_function(*function, span),
            ExprKind::Grouping(args) => {
                let _ = self.expr_list(scope, args);
                Node::new(oid::INT4, NodeKind::NeverNull, span)
            }
            ExprKind::Default => {
                self.report(Diagnostic::error(
                    Code::SyntaxError,
                    span,
                    "DEFAULT is not allowed in this context",
                ));
                Node::error(span)
            }
            ExprKind::CurrentOf(_) => Node::new(oid::BOOL, NodeKind::NeverNull, span),
            ExprKind::SqlFunction { name, args, returning } => {
                self.sql_function(scope, name, args, returning.as_deref(), span)
            }
        }
    }

    pub(super) fn expr_list(&mut self, scope: &Scope<'_>, exprs: &[Expr]) -> Vec<Node> {
        exprs.iter().map(|expr| self.expr(scope, expr)).collect()
    }

    /// A list in which `t.*` stands for its columns: `transformExpressionList`.
    pub(super) fn expr_list_expanded(&mut self, scope: &Scope<'_>, exprs: &[Expr]) -> Vec<Node> {
        let mut out = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match self.expand_star(scope, expr) {
                Some(columns) => out.extend(columns.into_iter().map(|(_, node)| node)),
                None => out.push(self.expr(scope, expr)),
            }
        }
        out
    }

    fn boolean_list(&mut self, scope: &Scope<'_>, args: &[Expr], name: &str) -> Result<Vec<Node>, Node> {
        Ok(args
            .iter()
            .map(|arg| {
                let node = self.expr(scope, arg);
                self.coerce_to_boolean(node, name)
            })
            .collect())
    }

    /// `transformColumnRef`.
    fn column_reference(&mut self, scope: &Scope<'_>, parts: &[Name]) -> Node {
        match parts {
            [name] => match self.column(scope, name) {
                Some(node) => node,
                None => self.whole_row_or_missing(scope, name),
            },
            [table, column] => {
                let known = self.relation_in_reach(scope, None, table);
                if !known
                    && let Some(base) = self.column(scope, table)
                    && self.catalog.is_complex(base.ty)
                {
                    let span = table.span.to(column.span);
                    return self.field(base, &column.text, span).unwrap_or_else(|| Node::error(span));
                }
                self.qualified_column(scope, None, table, column)
            }
            [schema, table, column] => self.qualified_column(scope, Some(schema), table, column),
            [_, schema, table, column] => self.qualified_column(scope, Some(schema), table, column),
            _ => {
                let span = parts.first().map_or_else(Span::default, |name| name.span);
                let names: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                let message = format!("improper qualified name (too many dotted names): {}", names.join("."));
                self.report(Diagnostic::error(Code::SyntaxError, span, message));
                Node::error(span)
            }
        }
    }

    pub(super) fn relation_in_reach(&self, scope: &Scope<'_>, schema: Option<&Name>, table: &Name) -> bool {
        let mut at = Some(scope);
        while let Some(current) = at {
            let found = current.namespace.iter().any(|item| {
                item.relation_visible
                    && item.name == table.text
                    && schema.is_none_or(|schema| item.schema.as_deref() == Some(&schema.text))
            });
            if found {
                return true;
            }
            at = current.parent;
        }
        false
    }

    /// A table's name alone is its whole row.
    fn whole_row_or_missing(&mut self, scope: &Scope<'_>, name: &Name) -> Node {
        if !self.relation_in_reach(scope, None, name) {
            return self.missing_column(scope, name);
        }
        match self.find_relation(scope, None, name, name.span) {
            Some((level, item)) => self.whole_row(&item, level, name.span),
            None => Node::error(name.span),
        }
    }

    /// `transformIndirection`.
    fn indirection(&mut self, scope: &Scope<'_>, mut node: Node, steps: &[Indirection], span: Span) -> Node {
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            if node.is_error() {
                return Node::error(span);
            }
            node = match step {
                Indirection::Field(name) => {
                    at += 1;
                    match self.field(node, &name.text, span) {
                        Some(node) => node,
                        None => return Node::error(span),
                    }
                }
                Indirection::Star(star) => {
                    let message = "row expansion via \"*\" is not supported here";
                    self.report(Diagnostic::error(Code::FeatureNotSupported, *star, message));
                    return Node::error(span);
                }
                Indirection::Index(_) | Indirection::Slice(..) => {
                    let end = steps[at..]
                        .iter()
                        .position(|step| !matches!(step, Indirection::Index(_) | Indirection::Slice(..)))
                        .map_or(steps.len(), |length| at + length);
                    let subscripts = &steps[at..end];
                    at = end;
                    self.subscript(scope, node, subscripts, span)
                }
            };
        }
        node
    }

    /// `transformContainerSubscripts`.
    fn subscript(&mut self, scope: &Scope<'_>, node: Node, subscripts: &[Indirection], span: Span) -> Node {
        let (container, _) = self.catalog.base_type(node.ty);
        let slice = subscripts.iter().any(|it| matches!(it, Indirection::Slice(..)));
        let info = self.catalog.type_info(container);
        let json = container == oid::JSONB;
        if !json && info.elem == 0 {
            let shown = self.catalog.display(node.ty, -1);
            let message = format!("cannot subscript type {shown} because it does not support subscripting");
            self.report(Diagnostic::error(Code::TypeMismatch, node.span, message));
            return Node::error(span);
        }
        let mut parts = vec![node];
        for subscript in subscripts {
            let bounds: Vec<&Expr> = match subscript {
                Indirection::Index(index) => vec![index],
                Indirection::Slice(low, high) => low.iter().chain(high).map(|it| &**it).collect(),
                _ => Vec::new(),
            };
            for bound in bounds {
                let index = self.expr(scope, bound);
                let (ty, at) = (index.ty, index.span);
                let target = if json && ty != oid::INT4 { oid::TEXT } else { oid::INT4 };
                match self.try_coerce(index, target, -1, Context::Assignment) {
                    Ok(index) => parts.push(index),
                    Err(_) => {
                        let message = if json {
                            "subscript type is not supported".to_owned()
                        } else {
                            "array subscript must have type integer".to_owned()
                        };
                        self.report(Diagnostic::error(Code::TypeMismatch, at, message));
                    }
                }
            }
        }
        let result = if json {
            oid::JSONB
        } else if slice {
            container
        } else {
            info.elem
        };
        Node::new(result, NodeKind::Subscript(parts), span)
    }

    /// A field of a composite value: `ParseComplexProjection`.
    pub(super) fn field(&mut self, node: Node, name: &str, span: Span) -> Option<Node> {
        let columns = match &node.kind {
            NodeKind::Row(fields) if node.ty == oid::RECORD => {
                // `(ROW(1, 2)).f1`
                let at = name.strip_prefix('f').and_then(|digits| digits.parse::<usize>().ok());
                let field = at.and_then(|at| fields.get(at.checked_sub(1)?)).cloned();
                if field.is_some() {
                    return field;
                }
                Vec::new()
            }
            _ => self.composite_columns(self.catalog.base_type(node.ty).0),
        };
        match columns.iter().position(|column| column.name == name) {
            Some(at) => {
                let column = &columns[at];
                Some(Node {
                    ty: column.ty,
                    typmod: column.typmod,
                    kind: NodeKind::Field(Box::new(node), at),
                    span,
                })
            }
            None => {
                let message = match node.ty {
                    oid::RECORD => format!("could not identify column \"{name}\" in record data type"),
                    _ if self.catalog.is_complex(node.ty) => {
                        let shown = self.catalog.display(node.ty, -1);
                        format!("column \"{name}\" not found in data type {shown}")
                    }
                    _ => {
                        let shown = self.catalog.display(node.ty, -1);
                        let message = format!(
                            "column notation .{name} applied to type {shown}, which is not a composite type"
                        );
                        self.report(Diagnostic::error(Code::WrongObjectType, node.span, message));
                        return Some(Node::error(span));
                    }
                };
                let mut diagnostic = Diagnostic::error(Code::UnknownColumn, node.span, message);
                if let Some(nearest) =
                    suggestion::nearest(name, columns.iter().map(|column| column.name.as_str()))
                {
                    diagnostic = diagnostic.with_hint(format!("did you mean {nearest}?"));
                }
                self.report(diagnostic);
                Some(Node::error(span))
            }
        }
    }

    fn operator_expr(
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
        let left = left.map(|left| self.expr(scope, left));
        let right = self.expr(scope, right);
        self.operator(operator, left, right, span)
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
            self.report(Diagnostic::error(Code::SyntaxError, operator.location, message));
            return Node::error(span);
        }
        if left.is_empty() {
            let message = "cannot compare rows of zero length";
            self.report(Diagnostic::error(Code::FeatureNotSupported, operator.location, message));
            return Node::error(span);
        }
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
        if !matches!(operator.name.as_str(), "=" | "<>" | "<" | "<=" | ">" | ">=") {
            let message =
                format!("could not determine interpretation of row comparison operator {}", operator.name);
            self.report(
                Diagnostic::error(Code::FeatureNotSupported, operator.location, message)
                    .with_hint("Row comparison operators must be associated with btree operator families."),
            );
            return Node::error(span);
        }
        let kind = match operator.name.as_str() {
            "=" => NodeKind::And(comparisons),
            "<>" => NodeKind::Or(comparisons),
            // The first pair that differs decides; NULL in any may make it NULL.
            _ => NodeKind::InList { comparisons, negated: false },
        };
        Node::new(oid::BOOL, kind, span)
    }

    fn is_distinct(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        right: &Expr,
        negated: bool,
        location: Span,
        span: Span,
    ) -> Node {
        let operator = Operator { schema: None, name: "=".into(), location };
        if let (ExprKind::Row(a), ExprKind::Row(b)) = (&left.kind, &right.kind) {
            let a = self.expr_list_expanded(scope, a);
            let b = self.expr_list_expanded(scope, b);
            a.iter().chain(&b).for_each(|node| self.accepts_null(node));
            self.row_comparison(&operator, a, b, span);
            return Node::new(oid::BOOL, NodeKind::NeverNull, span);
        }
        let left = self.expr(scope, left);
        let right = self.expr(scope, right);
        // With a constant NULL it is a null test.
        if matches!(right.kind, NodeKind::Constant(None)) {
            self.accepts_null(&left);
            return Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(left), negated: !negated }, span);
        }
        if matches!(left.kind, NodeKind::Constant(None)) {
            self.accepts_null(&right);
            return Node::new(oid::BOOL, NodeKind::IsNull { arg: Box::new(right), negated: !negated }, span);
        }
        let comparison = self.operator(&operator, Some(left), right, span);
        match comparison.kind {
            NodeKind::Call { mut args, .. } if args.len() == 2 => {
                let right = Box::new(args.remove(1));
                let left = Box::new(args.remove(0));
                self.accepts_null(&left);
                self.accepts_null(&right);
                Node::new(oid::BOOL, NodeKind::Distinct { left, right }, span)
            }
            _ => Node::error(span),
        }
    }

    /// `transformAExprIn`.
    fn in_list(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        list: &[Expr],
        negated: bool,
        location: Span,
        span: Span,
    ) -> Node {
        let name = if negated { "<>" } else { "=" };
        let operator = Operator { schema: None, name: name.into(), location };
        if let ExprKind::Row(_) = &left.kind {
            let mut comparisons = Vec::new();
            for item in list {
                let (ExprKind::Row(a), ExprKind::Row(b)) = (&left.kind, &item.kind) else {
                    let left = self.expr(scope, left);
                    let item = self.expr(scope, item);
                    comparisons.push(self.operator(&operator, Some(left), item, span));
                    continue;
                };
                let a = self.expr_list_expanded(scope, a);
                let b = self.expr_list_expanded(scope, b);
                comparisons.push(self.row_comparison(&operator, a, b, span));
            }
            return Node::new(oid::BOOL, NodeKind::InList { comparisons, negated }, span);
        }
        let left = self.expr(scope, left);
        let items = self.expr_list(scope, list);
        // Constants and parameters become an array if they have a common type with the left side.
        let (plain, with_columns): (Vec<&Node>, Vec<&Node>) =
            items.iter().partition(|item| !contains_columns(item));
        let mut comparisons = Vec::new();
        let mut handled = false;
        if plain.len() > 1 {
            let types = std::iter::once(&left).chain(plain.iter().copied()).map(|node| (node.ty, node.span));
            let common = super::coerce::common_type_of(self.catalog, types).unwrap_or(oid::RECORD);
            let array = if common == oid::RECORD { None } else { self.catalog.array_type(common) };
            if common != ERROR
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
        for item in rest {
            comparisons.push(self.operator(&operator, Some(left.clone()), item, span));
        }
        if let [_] = comparisons.as_slice() {
            return comparisons.remove(0);
        }
        Node::new(oid::BOOL, NodeKind::InList { comparisons, negated }, span)
    }

    #[allow(clippy::too_many_arguments)]
    fn like(
        &mut self,
        scope: &Scope<'_>,
        left: &Expr,
        right: &Expr,
        escape: Option<&Expr>,
        kind: LikeKind,
        negated: bool,
        location: Span,
        span: Span,
    ) -> Node {
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
            let mut args = vec![ast::FunctionArg { name: None, value: right.clone() }];
            args.extend(escape.map(|escape| ast::FunctionArg { name: None, value: escape.clone() }));
            let part = |text: &str| Name { text: text.into(), span: location };
            let call = ast::FunctionCall {
                name: ast::QualifiedName { parts: vec![part("pg_catalog"), part(function)] },
                args,
                variadic: false,
                star: false,
                distinct: false,
                order_by: Vec::new(),
                within_group: false,
                filter: None,
                over: None,
                location,
            };
            self.function_call(scope, &call, right.span)
        } else {
            self.expr(scope, right)
        };
        self.operator(&operator, Some(left), right, span)
    }

    #[allow(clippy::too_many_arguments)]
    fn between(
        &mut self,
        scope: &Scope<'_>,
        arg: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
        symmetric: bool,
        location: Span,
        span: Span,
    ) -> Node {
        let arg = self.expr(scope, arg);
        let low = self.expr(scope, low);
        let high = self.expr(scope, high);
        let operator = |name: &str| Operator { schema: None, name: name.into(), location };
        let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
        let pair = |analyzer: &mut Self, low: &Node, high: &Node| {
            let left = analyzer.operator(&operator(first), Some(arg.clone()), low.clone(), span);
            let right = analyzer.operator(&operator(second), Some(arg.clone()), high.clone(), span);
            let parts = vec![left, right];
            let kind = if negated { NodeKind::Or(parts) } else { NodeKind::And(parts) };
            Node::new(oid::BOOL, kind, span)
        };
        let straight = pair(self, &low, &high);
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

    /// `transformCaseExpr`.
    fn case(
        &mut self,
        scope: &Scope<'_>,
        operand: Option<&Expr>,
        arms: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Node {
        let operand = operand.map(|operand| {
            let node = self.expr(scope, operand);
            self.unknown_to_text(node)
        });
        let mut conditions = Vec::with_capacity(arms.len());
        let mut results = Vec::with_capacity(arms.len() + 1);
        for (condition, result) in arms {
            let node = self.expr(scope, condition);
            let node = match &operand {
                Some(operand) => {
                    let operator = Operator { schema: None, name: "=".into(), location: condition.span };
                    self.operator(&operator, Some(operand.clone()), node, condition.span)
                }
                None => node,
            };
            conditions.push(self.coerce_to_boolean(node, "CASE/WHEN"));
            results.push(self.expr(scope, result));
        }
        let otherwise_node = otherwise.map(|otherwise| self.expr(scope, otherwise));
        // PostgreSQL looks at ELSE first.
        let order: Vec<&Node> = otherwise_node.iter().chain(&results).collect();
        let target = self.common_type(&order, "CASE");
        let otherwise = otherwise_node.map(|node| Box::new(self.coerce_to_common(node, target, "CASE/ELSE")));
        let results: Vec<Node> =
            results.into_iter().map(|result| self.coerce_to_common(result, target, "CASE/WHEN")).collect();
        let arms = conditions.into_iter().zip(results).collect();
        Node::new(target, NodeKind::Case { arms, otherwise }, span)
    }

    /// `transformArrayExpr`; `target` is the array type of a cast around it.
    fn array(
        &mut self,
        scope: &Scope<'_>,
        elements: &[Expr],
        target: Option<(Oid, i32)>,
        span: Span,
    ) -> Node {
        let element_target =
            target.and_then(|(array, typmod)| Some((self.catalog.element_type(array)?, typmod)));
        let mut nodes = Vec::with_capacity(elements.len());
        let mut nested = false;
        for element in elements {
            match &element.kind {
                ExprKind::Array(inner) => {
                    nested = true;
                    nodes.push(self.array(scope, inner, target, element.span));
                }
                _ => {
                    let node = self.expr(scope, element);
                    nested |= node.ty != oid::INT2VECTOR
                        && node.ty != oid::OIDVECTOR
                        && self.catalog.type_info(node.ty).is_array
                        && target.is_none();
                    nodes.push(node);
                }
            }
        }
        if nodes.iter().any(Node::is_error) {
            return Node { ty: target.map_or(ERROR, |it| it.0), typmod: -1, kind: NodeKind::Error, span };
        }
        let (array_type, element_type) =
            match (target, element_target) {
                (Some((array, _)), Some((element, _))) => (array, if nested { array } else { element }),
                _ => {
                    if nodes.is_empty() {
                        let message = "cannot determine type of empty array";
                        self.report(Diagnostic::error(Code::IndeterminateType, span, message).with_hint(
                            "Explicitly cast to the desired type, for example ARRAY[]::integer[].",
                        ));
                        return Node::error(span);
                    }
                    let common = self.common_type(&nodes.iter().collect::<Vec<_>>(), "ARRAY");
                    if common == ERROR {
                        return Node::error(span);
                    }
                    if nested {
                        (common, common)
                    } else {
                        match self.catalog.array_type(common) {
                            Some(array) => (array, common),
                            None => {
                                let shown = self.catalog.display(common, -1);
                                let message = format!("could not find array type for data type {shown}");
                                self.report(Diagnostic::error(Code::UnknownObject, span, message));
                                return Node::error(span);
                            }
                        }
                    }
                }
            };
        let nodes: Vec<Node> = nodes
            .into_iter()
            .map(|node| {
                let at = node.span;
                match target {
                    Some(_) => self.explicit_cast(node, element_type, -1, at),
                    None => self.coerce_to_common(node, element_type, "ARRAY"),
                }
            })
            .collect();
        nodes.iter().for_each(|node| self.accepts_null(node));
        Node::new(array_type, NodeKind::Array(nodes), span)
    }

    /// `transformTypeCast`.
    fn cast(&mut self, scope: &Scope<'_>, arg: &Expr, target: &TypeName, location: Span, span: Span) -> Node {
        let Some((ty, typmod)) = self.type_name(target) else {
            let _ = self.expr(scope, arg);
            return Node::error(span);
        };
        // An array constructor takes its element type from the cast.
        if let ExprKind::Array(elements) = &arg.kind
            && self.catalog.element_type(ty).is_some()
        {
            let (base, base_typmod) = self.catalog.base_type(ty);
            let typmod = if typmod >= 0 { typmod } else { base_typmod };
            let array = self.array(scope, elements, Some((base, typmod)), span);
            return self.explicit_cast(array, ty, typmod, location);
        }
        let node = self.expr(scope, arg);
        self.explicit_cast(node, ty, typmod, location)
    }

    /// A type as written; reports what does not exist.
    pub(super) fn type_name(&mut self, written: &TypeName) -> Option<(Oid, i32)> {
        match self.catalog.resolve(written) {
            Ok(found) => Some(found),
            Err(TypeError::Unknown) => {
                let mut name = written.name.display();
                for _ in 0..written.array_dimensions.min(1) {
                    name.push_str("[]");
                }
                let mut diagnostic = Diagnostic::error(
                    Code::UnknownType,
                    written.span,
                    format!("type \"{name}\" does not exist"),
                );
                let user = self.catalog.schema.types.iter().map(|known| known.name.as_str());
                let usual = [
                    "int4",
                    "int8",
                    "int2",
                    "text",
                    "bool",
                    "uuid",
                    "timestamptz",
                    "timestamp",
                    "date",
                    "numeric",
                    "jsonb",
                    "json",
                    "bytea",
                    "varchar",
                    "float8",
                    "interval",
                ];
                let written_name = written.name.name();
                let advice = match written_name {
                    "string" => Some("text"),
                    "datetime" => Some("timestamptz"),
                    "long" => Some("bigint"),
                    "double" => Some("double precision"),
                    "blob" => Some("bytea"),
                    _ => suggestion::nearest(written_name, user.chain(usual)),
                };
                if let Some(advice) = advice {
                    diagnostic = diagnostic.with_hint(format!("did you mean {advice}?"));
                }
                self.report(diagnostic);
                None
            }
            Err(TypeError::Modifier(message)) => {
                self.report(Diagnostic::error(Code::OutOfRange, written.span, message));
                None
            }
            Err(TypeError::Unsupported(what)) => {
                self.report(Diagnostic::unsupported(written.span, what));
                None
            }
        }
    }

    /// SQL/JSON constructors.
    fn sql_function(
        &mut self,
        scope: &Scope<'_>,
        name: &str,
        args: &[Expr],
        returning: Option<&TypeName>,
        span: Span,
    ) -> Node {
        let args = self.expr_list(scope, args);
        let args: Vec<Node> = args.into_iter().map(|arg| self.unknown_to_text(arg)).collect();
        args.iter().for_each(|arg| self.accepts_null(arg));
        let ty = match returning {
            Some(returning) => self.type_name(returning).map_or(ERROR, |found| found.0),
            None => oid::JSON,
        };
        let aggregate = name.ends_with("agg");
        if aggregate {
            scope.has_aggregates.set(true);
        }
        let kind = if aggregate { NodeKind::Opaque(args) } else { NodeKind::Row(args) };
        Node::new(ty, kind, span)
    }

    /// An `unknown` constant or parameter that nothing else decides is text.
    pub(super) fn unknown_to_text(&mut self, node: Node) -> Node {
        if node.ty == oid::UNKNOWN { self.coerce(node, oid::TEXT, -1, Context::Implicit) } else { node }
    }
}

/// A constant has the type that the grammar gives it: `make_const`.
fn constant(literal: &Literal, span: Span) -> Node {
    let (ty, value) = match literal {
        Literal::String(text) => (oid::UNKNOWN, Some(text.clone())),
        Literal::Null => (oid::UNKNOWN, None),
        Literal::Boolean(value) => (oid::BOOL, Some(value.to_string())),
        Literal::Integer(value) => (oid::INT4, Some(value.to_string())),
        Literal::Numeric(text) => (numeric_type(text), Some(text.clone())),
        Literal::Bit(digits) => (oid::BIT, Some(digits.clone())),
        Literal::Hex(digits) => (oid::BIT, Some(digits.clone())),
    };
    Node::new(ty, NodeKind::Constant(value), span)
}

/// An integer that fits eight bytes is bigint, else numeric.
fn numeric_type(text: &str) -> Oid {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let radix = match unsigned.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o" | "0O") => Some(8),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    let digits: String =
        unsigned.chars().skip(if radix.is_some() { 2 } else { 0 }).filter(|it| *it != '_').collect();
    match i128::from_str_radix(&digits, radix.unwrap_or(10)) {
        Ok(value) if value <= i128::from(i64::MAX) => oid::INT8,
        _ => oid::NUMERIC,
    }
}

fn value_function(function: ValueFunction, span: Span) -> Node {
    let ty = match function {
        ValueFunction::CurrentDate => oid::DATE,
        ValueFunction::CurrentTime => oid::TIMETZ,
        ValueFunction::CurrentTimestamp => oid::TIMESTAMPTZ,
        ValueFunction::LocalTime => oid::TIME,
        ValueFunction::LocalTimestamp => oid::TIMESTAMP,
        // Without a schema in the search path it is NULL.
        ValueFunction::CurrentSchema => return Node::new(oid::NAME, NodeKind::Opaque(Vec::new()), span),
        ValueFunction::SystemUser => return Node::new(oid::TEXT, NodeKind::Opaque(Vec::new()), span),
        _ => oid::NAME,
    };
    Node::new(ty, NodeKind::NeverNull, span)
}

/// `contain_vars_of_level(…, 0)`.
fn contains_columns(node: &Node) -> bool {
    node.any(&|part| matches!(&part.kind, NodeKind::Var(var) if var.level == 0) || part.subquery().is_some())
}
