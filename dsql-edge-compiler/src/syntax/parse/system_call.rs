//! Creates the function calls that the grammar generates (`SystemFuncName`), for example for `AT TIME ZONE`.

use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FunctionCall};

/// Makes a call of a function in `pg_catalog`.
pub(super) fn system_call(name: &str, args: Vec<Expr>, location: Span, span: Span) -> Expr {
    let call = FunctionCall::of_system(name, args, location);
    Expr { kind: ExprKind::Function(Box::new(call)), span }
}
