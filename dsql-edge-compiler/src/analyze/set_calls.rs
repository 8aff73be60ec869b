//! Counts the calls of set-returning functions at one query level.

use std::cell::Cell;

use crate::source::Span;

/// The calls of set-returning functions at one query level: `p_last_srf` and `p_hasTargetSRFs` of PostgreSQL's
/// `ParseState`.
#[derive(Default)]
pub(super) struct SetReturning {
    /// Whether there is a call in the target list, or in a clause whose expressions PostgreSQL adds to the target list,
    /// such as `ORDER BY`.
    in_target_list: Cell<bool>,
    count: Cell<usize>,
    last: Cell<Span>,
}

impl SetReturning {
    pub(super) fn mark_in_target_list(&self) {
        self.in_target_list.set(true);
    }

    pub(super) fn in_target_list(&self) -> bool {
        self.in_target_list.get()
    }

    /// Returns the number of calls so far.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// Returns the last call of a set-returning function; `None` if only the first `before` calls were analyzed.
    pub(super) fn after(&self, before: usize) -> Option<Span> {
        (self.count.get() > before).then(|| self.last.get())
    }

    pub(super) fn push(&self, span: Span) {
        self.count.set(self.count.get() + 1);
        self.last.set(span);
    }
}
