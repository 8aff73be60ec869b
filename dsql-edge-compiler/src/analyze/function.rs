//! Analyzes function calls: `parse_func.c`.
//!
//! Input: a call and its typed arguments. Output: the typed call, an aggregate, a window call or a cast in function
//! form; or PostgreSQL's error, with a hint that lists existing functions.

use super::analyzer::Analyzer;
use super::candidates::{Function, Lookup, Resolved};
use super::catalog::ERROR;
use super::coercion::Context;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Callee, Node, NodeKind, OutColumn};
use crate::builtin::{self, AggregateKind, FunctionKind, NullContract, Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::session_effect;
use crate::source::Span;
use crate::syntax::ast::{FunctionCall, QualifiedName};
use crate::transaction_control;
use std::rc::Rc;

/// A function call: the call as written, its location, and its analyzed FILTER, without the analyzed arguments.
pub(super) struct CallSite<'c> {
    pub(super) call: &'c FunctionCall,
    /// The whole expression.
    pub(super) span: Span,
    /// The number of arguments before `WITHIN GROUP`.
    pub(super) direct: usize,
    pub(super) filter: Option<Node>,
    /// The number of calls of set-returning functions that were analyzed before the arguments.
    pub(super) sets_before: usize,
}

impl Analyzer<'_> {
    /// `transformFuncCall` and `ParseFuncOrColumn`.
    pub(super) fn function_call(&mut self, scope: &Scope<'_>, call: &FunctionCall, span: Span) -> Node {
        // Analyzes the arguments, then the ORDER BY of WITHIN GROUP, then FILTER, as PostgreSQL does.
        self.expect_type(call);
        let sets_before = scope.sets.count();
        let was_in_aggregate = scope.in_aggregate.get();
        let mut args: Vec<Node> = call.args.iter().map(|arg| self.expr(scope, &arg.value)).collect();
        let mut order_by = Vec::new();
        if call.within_group {
            order_by = call.order_by.iter().map(|key| self.expr(scope, &key.expr)).collect();
        }
        let filter = call.filter.as_ref().map(|filter| self.aggregate_filter(scope, filter));
        scope.in_aggregate.set(was_in_aggregate);
        let direct = args.len();
        args.append(&mut order_by);

        if let Some(error) = misnamed(call, &args) {
            self.report(error);
            return Node::error(span);
        }
        if args.iter().any(Node::is_error) {
            // The error in the argument was already reported. The call still has a type if the result type is certain.
            return self.call_with_errors(call, args, span);
        }
        let names: Vec<Option<&str>> =
            call.args.iter().map(|arg| arg.name.as_ref().map(|name| name.text.as_str())).collect();
        let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
        // `type(argument)` can be a cast. If the type of the argument is `unknown`, the call is a cast only if the
        // argument is a constant.
        let constant = matches!(args.first(), Some(Node { kind: NodeKind::Constant(_), .. }));
        match self.lookup(&call.name, &types, &names, !call.variadic, constant) {
            Lookup::Function(resolved) => {
                let site = CallSite { call, span, direct, filter, sets_before };
                self.resolved_call(scope, site, resolved, args)
            }
            Lookup::Coercion(target) => {
                // If the call is a cast in the form of a function call, such as `int4(x)`, the clauses of an aggregate
                // are an error too.
                if let Some(message) = clause_of_aggregates(call, false, false) {
                    self.report(Diagnostic::error(Code::WrongObjectType, call.location, message));
                    return Node::error(span);
                }
                let node = args.remove(0);
                self.explicit_cast(node, target, -1, call.location)
            }
            Lookup::Ambiguous => {
                let signature = self.signature(&call.name, &types, &names);
                let message = format!("function {signature} is not unique");
                self.report(Diagnostic::error(Code::AmbiguousFunction, call.location, message).with_hint(
                    "Could not choose a best candidate function. You might need to add explicit type casts.",
                ));
                Node::error(span)
            }
            Lookup::None => {
                // `f(t)` can mean `t.f`, a column of a composite value.
                if let Some(node) = self.column_as_function(scope, call, &args, span) {
                    return node;
                }
                self.report_missing(call, &types, &names);
                Node::error(span)
            }
        }
    }

    /// Handles a call with an argument that has an error. If every overload with that number of arguments returns the
    /// same type, the call has this type, and errors in the surrounding expression are still found.
    fn call_with_errors(&mut self, call: &FunctionCall, args: Vec<Node>, span: Span) -> Node {
        let mut returns: Vec<Oid> = builtin::functions(call.name.name())
            .filter(|found| found.nargs() == args.len())
            .map(|found| found.returns)
            .collect();
        returns.dedup();
        let ty = match returns.as_slice() {
            [one] if !super::coercion::is_polymorphic(*one) && *one != oid::RECORD => *one,
            _ => ERROR,
        };
        Node { ty, typmod: -1, kind: NodeKind::Error, span }
    }

    /// Records a call of a built-in function that may write or change the session.
    fn calls_volatile(&mut self, name: &str, args: &[Node]) {
        self.writes = true;
        let constant = |arg: Option<&Node>| arg.and_then(|arg| constant_text(arg).map(str::to_owned));
        let local = constant(args.last()).is_some_and(|text| is_true(&text));
        self.session = self.session.max(session_effect::of_volatile(name, local));
        if let (true, Some(setting), Some(arg)) = (name == "set_config", constant(args.first()), args.first())
            && transaction_control::is_transaction_setting(&setting)
        {
            self.report(transaction_control::setting_error(&setting, arg.span));
        }
    }

    pub(super) fn resolved_call(
        &mut self,
        scope: &Scope<'_>,
        site: CallSite<'_>,
        resolved: Resolved,
        args: Vec<Node>,
    ) -> Node {
        let call = site.call;
        let mut facts = self.facts(&resolved.function);
        if call.variadic {
            facts.null = facts.null.of_variadic_array();
        }
        if let Some(error) = self.misuse(&site, &facts, &args) {
            self.report(error);
            return Node::error(site.span);
        }
        let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
        let declared = resolved.declared.get(..types.len()).unwrap_or(&resolved.declared);
        let actual = match super::polymorphic::resolve(self.catalog, &types, declared, facts.returns) {
            Ok(found) => found,
            Err(message) => {
                self.report_polymorphism(message, call.location);
                return Node::error(site.span);
            }
        };
        let of_array = types.iter().find(|ty| self.catalog.type_info(**ty).is_array).copied();
        for column in &mut facts.columns {
            column.ty = actual.of_column(self.catalog, column.ty);
            // PostgreSQL has no arrays of arrays.
            if let (ERROR, Some(array)) = (column.ty, of_array) {
                let shown = self.catalog.display(array, -1);
                let message = format!("could not find array type for data type {shown}");
                self.report(Diagnostic::error(Code::UnknownType, Span::default(), message));
                return Node::error(site.span);
            }
        }
        let returns = actual.returns;
        let mut args: Vec<Node> = args
            .into_iter()
            .zip(actual.args)
            .map(|(arg, target)| self.coerce(arg, target, -1, Context::Implicit))
            .collect();
        if facts.kind == FunctionKind::Aggregate(AggregateKind::HypotheticalSet) && call.within_group {
            self.unify_hypothetical(&mut args, site.direct);
        }
        let returns = if returns == oid::UNKNOWN { oid::TEXT } else { returns };
        if call.variadic
            && let Function::Builtin(found) = &resolved.function
            && found.variadic == oid::ANY
            && let Some(array) = args.last()
            && !self.catalog.type_info(self.catalog.base_type(array.ty).0).is_array
        {
            let message = "VARIADIC argument must be an array";
            self.report(Diagnostic::error(Code::TypeMismatch, array.span, message));
            return Node::error(site.span);
        }
        // The effects of a schema's function are not known here, whatever volatility the function declares.
        if matches!(resolved.function, Function::User(_)) {
            self.calls_unknown();
        } else if facts.volatile && !is_harmless(&facts.name) || facts.name.contains("_to_xml") {
            // `table_to_xml` is stable, but reads views that can call volatile functions.
            self.calls_volatile(&facts.name, &args);
        }
        if facts.set {
            self.check_srf(scope, call.location, site.sets_before);
        }
        let node = match (&call.over, facts.kind.is_aggregate()) {
            (None, false) => {
                let is_unnest = facts.name == "unnest" && matches!(resolved.function, Function::Builtin(_));
                self.plain_call(facts, is_unnest, args, returns, site.span)
            }
            (None, true) => self.aggregate(scope, site, facts, args, returns),
            (Some(window), _) => self.window_call(scope, site, window, facts, args, returns),
        };
        if node.returns_set() {
            scope.sets.push(node.span);
        }
        node
    }

    fn plain_call(
        &mut self,
        facts: Facts,
        is_unnest: bool,
        args: Vec<Node>,
        returns: Oid,
        span: Span,
    ) -> Node {
        if facts.null.holds_always() || !facts.strict {
            args.iter().for_each(|arg| self.accepts_null(arg));
        }
        if is_unnest {
            args.iter().for_each(|array| self.used_by_element(array));
        }
        let function = Rc::new(Callee {
            name: facts.name,
            strict: facts.strict,
            null: facts.null,
            set: facts.set,
            volatile: facts.volatile,
            immutable: facts.immutable,
            columns: facts.columns,
        });
        Node::new(returns, NodeKind::Call { function, args }, span)
    }

    /// Returns an error if the call's clauses do not fit the kind of function: the call has a clause that the
    /// function does not accept, or lacks a clause that the function requires.
    fn misuse(&self, site: &CallSite<'_>, facts: &Facts, args: &[Node]) -> Option<Diagnostic> {
        let call = site.call;
        let name = call.name.display();
        let aggregate = facts.kind.is_aggregate();
        let is_window = facts.kind == FunctionKind::Window;
        let message = if let Some(message) = clause_of_aggregates(call, aggregate, is_window) {
            message
        } else if facts.kind == FunctionKind::Procedure {
            let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
            format!("{} is a procedure", self.signature(&call.name, &types, &[]))
        } else if is_window && call.over.is_none() {
            format!("window function {name} requires an OVER clause")
        } else if aggregate {
            return self.aggregate_misuse(site, facts, &name, args);
        } else {
            return None;
        };
        let error = Diagnostic::error(Code::WrongObjectType, call.location, message);
        Some(if is_window {
            error.with_hint(format!("write {name}(…) OVER (ORDER BY …)"))
        } else {
            error
        })
    }

    pub(super) fn aggregate_filter(&mut self, scope: &Scope<'_>, filter: &crate::syntax::ast::Expr) -> Node {
        self.condition(scope, filter, Place::Filter, "FILTER")
    }

    /// `unify_hypothetical_args`: coerces each hypothetical value and its sort key to their common type.
    fn unify_hypothetical(&mut self, args: &mut [Node], direct: usize) {
        let (values, keys) = args.split_at_mut(direct);
        for (value, key) in values.iter_mut().zip(keys) {
            let common = self.common_type(&[&*key, &*value], "WITHIN GROUP");
            for node in [key, value] {
                let span = node.span;
                let arg = std::mem::replace(node, Node::error(span));
                *node = self.coerce_to_common(arg, common, "WITHIN GROUP");
            }
        }
    }

    /// `funcname_signature_string`.
    pub(super) fn signature(&self, name: &QualifiedName, types: &[Oid], names: &[Option<&str>]) -> String {
        let args: Vec<String> = types
            .iter()
            .enumerate()
            .map(|(at, ty)| {
                let shown = self.catalog.display(*ty, -1);
                match names.get(at) {
                    Some(Some(name)) => format!("{name} => {shown}"),
                    _ => shown,
                }
            })
            .collect();
        format!("{}({})", name.display(), args.join(", "))
    }

    fn report_missing(&mut self, call: &FunctionCall, types: &[Oid], names: &[Option<&str>]) {
        match call.name.parts.as_slice() {
            [schema, _] if !self.is_schema(&schema.text) => {
                let message = format!("schema \"{}\" does not exist", schema.text);
                self.report(Diagnostic::error(Code::UnknownSchema, call.location, message));
                return;
            }
            [_, _, _, ..] => {
                let message =
                    format!("cross-database references are not implemented: {}", call.name.display());
                self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
                return;
            }
            _ => {}
        }
        let signature = self.signature(&call.name, types, names);
        let message = if call.star {
            format!("function {}() does not exist", call.name.display())
        } else {
            format!("function {signature} does not exist")
        };
        let overloads: Vec<builtin::Function> = builtin::functions(call.name.name()).take(6).collect();
        let shown: Vec<String> = overloads
            .iter()
            .map(|found| self.signature(&call.name, &found.args().collect::<Vec<_>>(), &[]))
            .collect();
        let hint = self.function_advice(call.name.name(), &call.name.display(), types, &shown);
        self.report(Diagnostic::error(Code::UnknownFunction, call.location, message).with_hint(hint));
    }

    /// Returns the properties of a function, from the catalog or from the schema.
    pub(super) fn facts(&self, function: &Function) -> Facts {
        match function {
            Function::Builtin(found) => Facts {
                name: found.name.to_owned(),
                kind: found.kind,
                returns: found.returns,
                set: found.set,
                strict: found.strict,
                volatile: found.volatility.is_volatile(),
                immutable: found.volatility.is_immutable(),
                null: found.null,
                columns: found
                    .out_columns()
                    .map(|it| OutColumn {
                        name: it.name.to_owned(),
                        ty: it.type_oid,
                        never_null: it.never_null,
                    })
                    .collect(),
            },
            Function::User(at) => self.user_facts(&self.catalog.schema.functions[*at]),
            Function::Range(found) => Facts {
                name: found.name.clone(),
                kind: FunctionKind::Plain,
                returns: found.returns,
                set: false,
                strict: found.null == NullContract::OfValues,
                volatile: false,
                immutable: true,
                null: found.null,
                columns: Vec::new(),
            },
        }
    }
}

/// The facts about a function that are needed to analyze a call.
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) kind: FunctionKind,
    pub(super) returns: Oid,
    pub(super) set: bool,
    pub(super) strict: bool,
    pub(super) volatile: bool,
    pub(super) immutable: bool,
    pub(super) null: NullContract,
    /// OUT parameters and TABLE columns, with their declared types.
    pub(super) columns: Vec<OutColumn>,
}

/// Returns the error message if the call has OVER or a clause of aggregates that this kind of function does not accept.
fn clause_of_aggregates(call: &FunctionCall, aggregate: bool, is_window: bool) -> Option<String> {
    let name = call.name.display();
    let of_aggregates = [
        (call.star, format!("{name}(*)")),
        (call.distinct, "DISTINCT".to_owned()),
        (call.within_group, "WITHIN GROUP".to_owned()),
        (!call.order_by.is_empty(), "ORDER BY".to_owned()),
        (call.filter.is_some(), "FILTER".to_owned()),
    ];
    match of_aggregates.into_iter().find(|(written, _)| *written && !aggregate) {
        Some((_, clause)) => Some(format!("{clause} specified, but {name} is not an aggregate function")),
        None if call.over.is_some() && !aggregate && !is_window => {
            Some(format!("OVER specified, but {name} is not a window function nor an aggregate function"))
        }
        None => None,
    }
}

/// Returns the error in the names of the arguments: `ParseFuncOrColumn`.
pub(super) fn misnamed(call: &FunctionCall, args: &[Node]) -> Option<Diagnostic> {
    let mut names: Vec<&str> = Vec::new();
    for (arg, node) in call.args.iter().zip(args) {
        let (span, message) = match &arg.name {
            Some(name) if names.contains(&name.text.as_str()) => {
                (name.span, format!("argument name \"{}\" used more than once", name.text))
            }
            Some(name) => {
                names.push(&name.text);
                continue;
            }
            None if names.is_empty() => continue,
            None => (node.span, "positional argument cannot follow named argument".to_owned()),
        };
        return Some(Diagnostic::error(Code::SyntaxError, span, message));
    }
    None
}

/// Returns the text of a constant, with or without casts around it.
fn constant_text(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Constant(text) => text.as_deref(),
        NodeKind::Cast { arg, .. } => constant_text(arg),
        _ => None,
    }
}

/// Whether a constant of type boolean is true, as `boolin` reads it.
fn is_true(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let word = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    text == "1" || text == "on" || word("true", 1) || word("yes", 1)
}

/// Whether a retry may call a volatile function again: the function writes nothing that a second call would duplicate.
pub(super) fn is_harmless(name: &str) -> bool {
    matches!(
        name,
        "random"
            | "random_normal"
            | "clock_timestamp"
            | "timeofday"
            | "gen_random_uuid"
            | "pg_sleep"
            | "pg_sleep_for"
            | "pg_sleep_until"
            | "currval"
            | "lastval"
            | "version"
            | "pg_typeof"
    )
}
