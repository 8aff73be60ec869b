//! What the CHECKs of a domain do besides checking.
//!
//! In: a type that a value becomes. Out: whether a function is called for it that may write: then the query is no mere
//! read, and is not sent again when its answer is lost.

use super::Analyzer;
use super::function::is_harmless;
use crate::builtin::{self, Oid};
use crate::schema::UserTypeKind;
use crate::syntax::ast::{Expr, ExprKind, walk_expressions};

impl Analyzer<'_> {
    /// A value becomes one of this type.
    pub(super) fn becomes(&mut self, mut type_oid: Oid) {
        // A domain may be over a domain.
        for _ in 0..32 {
            let Some(UserTypeKind::Domain { checks, .. }) = self.catalog.user_kind(type_oid) else { return };
            if checks.iter().any(|check| self.may_write(check)) {
                self.calls_unknown();
            }
            type_oid = self.catalog.type_info(type_oid).base;
        }
    }

    fn may_write(&self, check: &Expr) -> bool {
        let schema = self.catalog.schema;
        let mut found = false;
        walk_expressions(check, &mut |expr| {
            found |= match &expr.kind {
                ExprKind::Function(call) => {
                    let name = call.name.name();
                    let mut known = builtin::functions(name).peekable();
                    known.peek().is_none()
                        || known.any(|it| it.volatility == b'v' && !is_harmless(name))
                        || schema.functions.iter().any(|function| function.definition.name.name() == name)
                }
                ExprKind::Operator { operator, .. } => {
                    schema.operators.iter().any(|(_, own)| own.name == operator.name)
                }
                // It may be of another type with checks of its own.
                ExprKind::Cast { target, .. } => {
                    let name = target.name.name();
                    schema.types.iter().any(|own| own.name == name)
                }
                _ => false,
            };
        });
        found
    }
}
