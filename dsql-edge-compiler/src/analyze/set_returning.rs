//! Checks where set-returning functions may be called.
//!
//! Input: a call of a set-returning function; or, for an expression that does not accept sets, the number of calls that
//! were analyzed before the expression. Output: PostgreSQL's error, if set-returning functions are not allowed in this
//! position.

use super::analyzer::Analyzer;
use super::place::Place;
use super::scope::Scope;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Analyzer<'_> {
    /// Checks whether the position accepts a set-returning function (`check_srf_call_placement`); `before` is the
    /// number of such calls that were analyzed before the arguments of this call.
    pub(super) fn check_srf(&mut self, scope: &Scope<'_>, location: Span, before: usize) {
        let place = scope.place.get();
        match place {
            Place::Target
            | Place::SingleRow
            | Place::GroupBy
            | Place::OrderBy
            | Place::DistinctOn
            | Place::Window => scope.sets.mark_in_target_list(),
            Place::FromFunction => {
                if let Some(inner) = scope.sets.after(before) {
                    self.report_below_from(inner);
                }
            }
            _ => {
                let message = format!("set-returning functions are not allowed in {}", place.name());
                self.report(Diagnostic::error(Code::FeatureNotSupported, location, message));
            }
        }
    }

    pub(super) fn report_below_from(&mut self, inner: Span) {
        let message = "set-returning functions must appear at top level of FROM";
        self.report(Diagnostic::error(Code::FeatureNotSupported, inner, message));
    }

    /// Returns `true` if the number of analyzed calls of set-returning functions is still `before`; otherwise reports
    /// the last of these calls.
    pub(super) fn is_without_sets(&mut self, scope: &Scope<'_>, before: usize, message: &str) -> bool {
        let Some(found) = scope.sets.after(before) else { return true };
        let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
        self.report(Diagnostic::error(Code::FeatureNotSupported, found, message).with_hint(hint));
        false
    }
}
