//! `SystemFuncName`: calls of functions that the grammar writes for the user, such as `AT TIME ZONE`.

use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FunctionArg, FunctionCall, Name, QualifiedName};

/// A call of a function of `pg_catalog`.
pub(super) fn system_call(name: &str, args: Vec<Expr>, location: Span, span: Span) -> Expr {
    let part = |text: &str| Name { text: text.to_owned(), span: location };
    let call = FunctionCall {
        name: QualifiedName { parts: vec![part("pg_catalog"), part(name)] },
        args: args.into_iter().map(|value| FunctionArg { name: None, value }).collect(),
        variadic: false,
        star: false,
        distinct: false,
        order_by: Vec::new(),
        within_group: false,
        filter: None,
        over: None,
        location,
    };
    Expr { kind: ExprKind::Function(Box::new(call)), span }
}
