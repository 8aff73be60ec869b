//! Set-returning functions: where they may stand.
//!
//! In: a call, or the arguments of something that takes one row at a time. Out: PostgreSQL's error where sets have no
//! place.

use super::Analyzer;
use super::aggregate::find;
use super::scope::{Place, Scope};
use super::tree::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::FunctionCall;

impl Analyzer<'_> {
    /// Set-returning functions are refused where PostgreSQL refuses them (`check_srf_call_placement`).
    pub(super) fn check_srf(&mut self, scope: &Scope<'_>, call: &FunctionCall) {
        let place = scope.place.get();
        match place {
            Place::Target
            | Place::Values
            | Place::GroupBy
            | Place::OrderBy
            | Place::DistinctOn
            | Place::Window => {
                scope.has_srf.set(true);
            }
            _ => {
                let message = format!("set-returning functions are not allowed in {}", place.name());
                self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
            }
        }
    }

    /// Whether no part of these gives several rows; says so otherwise.
    pub(super) fn is_without_sets(&mut self, args: &[Node], message: &str) -> bool {
        let gives_rows = |node: &Node| matches!(&node.kind, NodeKind::Call { function, .. } if function.set);
        let Some(found) = args.iter().find_map(|arg| find(arg, &gives_rows)) else {
            return true;
        };
        let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
        self.report(Diagnostic::error(Code::FeatureNotSupported, found.span, message).with_hint(hint));
        false
    }
}
