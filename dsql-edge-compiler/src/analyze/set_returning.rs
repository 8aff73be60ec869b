//! Set-returning functions: where they may be called.
//!
//! Input: a call, or the number of calls before an expression that takes one row at a time. Output: PostgreSQL's error
//! if the place takes no sets.

use std::cell::Cell;

use super::Analyzer;
use super::place::Place;
use super::scope::Scope;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The calls of set-returning functions at one query level: `p_last_srf` and `p_hasTargetSRFs` of PostgreSQL's
/// `ParseState`.
#[derive(Default)]
pub(super) struct SetReturning {
    /// A call runs side by side with the target list.
    in_target_list: Cell<bool>,
    count: Cell<usize>,
    last: Cell<Span>,
}

impl SetReturning {
    pub(super) fn in_target_list(&self) -> bool {
        self.in_target_list.get()
    }

    /// The number of calls so far.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// The last call, if there is one after the first `before`.
    pub(super) fn after(&self, before: usize) -> Option<Span> {
        (self.count.get() > before).then(|| self.last.get())
    }

    pub(super) fn push(&self, span: Span) {
        self.count.set(self.count.get() + 1);
        self.last.set(span);
    }
}

impl Analyzer<'_> {
    /// `check_srf_call_placement`: `before` calls were analysed before the arguments of this one.
    pub(super) fn check_srf(&mut self, scope: &Scope<'_>, location: Span, before: usize) {
        let place = scope.place.get();
        match place {
            Place::Target
            | Place::SingleRow
            | Place::GroupBy
            | Place::OrderBy
            | Place::DistinctOn
            | Place::Window => scope.sets.in_target_list.set(true),
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

    /// Whether no set-returning function was called since; reports the last one otherwise.
    pub(super) fn is_without_sets(&mut self, scope: &Scope<'_>, before: usize, message: &str) -> bool {
        let Some(found) = scope.sets.after(before) else { return true };
        let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
        self.report(Diagnostic::error(Code::FeatureNotSupported, found, message).with_hint(hint));
        false
    }
}
