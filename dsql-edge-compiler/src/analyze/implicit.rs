//! Finds the functions that PostgreSQL calls although the statement does not contain a call.
//!
//! Input: the type to which a value is coerced, or the table to which a statement writes. Output: the fields `writes`
//! and `session` of the [`Analyzer`]. If PostgreSQL implicitly calls a function that may write, the runtime does not
//! retry a query whose answer is lost. Such a function may also change the session.

use super::analyzer::Analyzer;
use super::function::is_harmless;
use crate::builtin::{self, Oid};
use crate::schema::{Schema, UserTypeKind};
use crate::session_effect;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::visit::{self, Visit};
use crate::typed::SessionEffect;

impl Analyzer<'_> {
    /// Records that the statement coerces a value to the type `type_oid`. If the type is a domain, the coercion
    /// evaluates the domain's CHECKs.
    pub(super) fn becomes(&mut self, mut type_oid: Oid) {
        // The base type of a domain can be another domain.
        for _ in 0..32 {
            let Some(UserTypeKind::Domain { checks, .. }) = self.catalog.user_kind(type_oid) else { return };
            if checks.iter().any(|check| self.may_write(check)) {
                self.calls_unknown();
            }
            type_oid = self.catalog.type_info(type_oid).base;
        }
    }

    /// Records that the statement writes a row to the table with this index. The write evaluates the table's
    /// expressions (defaults, CHECKs …) and runs its triggers.
    pub(super) fn evaluates(&mut self, relation: usize) {
        let schema = self.catalog.schema;
        let Some(relation) = schema.relations.get(relation) else { return };
        let unsafe_volatile = |name: &str| {
            !is_harmless(name) && session_effect::of_volatile(name, false) != SessionEffect::Keeps
        };
        // A trigger of any table counts, because a foreign key can cause another table's trigger to run.
        let calls = relation.evaluated.iter().any(|expr| self.calls(expr, &unsafe_volatile))
            || schema.relations.iter().any(|it| it.has_triggers);
        if calls {
            self.calls_unknown();
        }
    }

    fn may_write(&self, check: &Expr) -> bool {
        self.calls(check, &|name| !is_harmless(name))
    }

    /// Whether an expression uses a function, an operator or a type of the schema, or calls an unknown function or a
    /// volatile built-in function that `volatile` selects.
    fn calls(&self, expr: &Expr, volatile: &dyn Fn(&str) -> bool) -> bool {
        let mut calls = Calls { schema: self.catalog.schema, volatile, found: false };
        visit::expr(expr, &mut calls);
        calls.found
    }
}

/// A visitor that checks whether an expression calls a function that may write.
struct Calls<'c> {
    schema: &'c Schema,
    volatile: &'c dyn Fn(&str) -> bool,
    found: bool,
}

impl Visit<'_> for Calls<'_> {
    fn expr(&mut self, expr: &Expr) {
        let schema = self.schema;
        self.found |= match &expr.kind {
            ExprKind::Function(call) => {
                let name = call.name.name();
                let mut known = builtin::functions(name).peekable();
                known.peek().is_none()
                    || known.any(|it| it.volatility.is_volatile() && (self.volatile)(name))
                    || schema.functions.iter().any(|function| function.definition.name.name() == name)
            }
            ExprKind::Operator { operator, .. } => {
                schema.operators.iter().any(|own| own.definition.name == operator.name)
            }
            // The target type of the cast may be a domain that has its own checks.
            ExprKind::Cast { target, .. } => {
                let name = target.name.name();
                schema.types.iter().any(|own| own.name == name)
            }
            _ => false,
        };
    }
}
