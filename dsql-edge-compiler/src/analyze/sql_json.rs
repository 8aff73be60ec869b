//! Analyzes SQL/JSON constructors: `transformJsonObjectConstructor` and related functions of `parse_expr.c`.
//!
//! Input: a call as written. Output: the value that the call constructs, or an aggregate.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::function::{CallSite, Facts};
use super::scope::Scope;
use super::tree::{Node, NodeKind};
use crate::builtin::{AggregateKind, FunctionKind, NullContract, Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{ExprKind, FunctionCall, Name, QualifiedName, SqlFunction};

impl Analyzer<'_> {
    /// `JSON_OBJECT`, `JSON_ARRAY`, `JSON_OBJECTAGG`, `JSON_ARRAYAGG`.
    pub(super) fn sql_json(&mut self, scope: &Scope<'_>, call: &SqlFunction, span: Span) -> Node {
        let pairs = call.name.starts_with("json_object");
        let aggregate = call.name.ends_with("agg");
        if let ([argument], false) = (call.args.as_slice(), aggregate)
            && let ExprKind::Subquery(query) = &argument.kind
        {
            let query = self.query(query, Some(scope));
            let query = self.settle_unknown(query);
            if query.targets.len() != 1 {
                let message = "subquery must return only one column";
                self.report(Diagnostic::error(Code::WrongCount, span, message));
            }
            let types: Vec<Oid> = query.targets.iter().map(|target| target.node.ty).collect();
            let ty = self.json_type(call, &types);
            // `JSON_ARRAY (query)` is NULL if the query returns no rows.
            let rows = Node::new(ty, NodeKind::ScalarSubquery(Box::new(query)), span);
            return Node::new(ty, NodeKind::Opaque(vec![rows]), span);
        }
        let sets_before = scope.sets.count();
        let args = self.expr_list(scope, &call.args);
        let args: Vec<Node> = args.into_iter().map(|arg| self.unknown_to_text(arg)).collect();
        // A NULL key is an error; a NULL value is allowed.
        args.iter()
            .skip(usize::from(pairs))
            .step_by(1 + usize::from(pairs))
            .for_each(|it| self.accepts_null(it));
        let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
        let ty = self.json_type(call, &types);
        if !aggregate {
            return Node::new(ty, NodeKind::NeverNullOf(args), span);
        }
        let name = Name { text: call.name.to_owned(), span };
        let plain = FunctionCall {
            name: QualifiedName { parts: vec![name] },
            args: Vec::new(),
            variadic: false,
            star: false,
            distinct: false,
            order_by: call.order_by.clone(),
            within_group: false,
            filter: call.filter.clone(),
            over: call.over.clone(),
            location: span,
        };
        let filter = plain.filter.as_ref().map(|filter| self.aggregate_filter(scope, filter));
        let facts = json_aggregate(call.name, ty);
        let site = CallSite { call: &plain, span, direct: 0, filter, sets_before };
        match &plain.over {
            None => self.aggregate(scope, site, facts, args, ty),
            Some(window) => self.window_call(scope, site, window, facts, args, ty),
        }
    }

    /// `transformJsonConstructorOutput`
    fn json_type(&mut self, call: &SqlFunction, args: &[Oid]) -> Oid {
        match &call.returning {
            Some(returning) => self.type_name(returning).map_or(ERROR, |found| found.0),
            None if args.contains(&oid::JSONB) => oid::JSONB,
            None => oid::JSON,
        }
    }
}

/// Returns the properties of a SQL/JSON aggregate. A SQL/JSON aggregate returns NULL if there are no rows.
fn json_aggregate(name: &str, returns: Oid) -> Facts {
    Facts {
        name: name.to_owned(),
        kind: FunctionKind::Aggregate(AggregateKind::Normal),
        returns,
        set: false,
        strict: false,
        volatile: false,
        immutable: true,
        null: NullContract::Unknown,
        columns: Vec::new(),
    }
}
