//! Defines the facts about a parameter: its type, and whether it may be NULL.

use crate::builtin::Oid;
use crate::source::Span;

/// The facts about one parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameter {
    /// Its type; `unknown` until a use determines it; `None` if the number is skipped.
    pub(super) ty: Option<Oid>,
    /// The place of its first use.
    pub(super) first: Span,
    /// NULL has a meaning in one of its uses.
    pub(super) nullable: bool,
    /// NULL has a meaning in a use other than LIMIT.
    pub(super) null_expected: bool,
    /// The number of its uses, and the number of uses as an array of which only the elements are used.
    pub(super) uses: usize,
    pub(super) element_uses: usize,
    /// NULL has a meaning for an element.
    pub(super) elements_accepted: bool,
}

impl Parameter {
    /// For an array, whether its elements may be NULL.
    pub(super) fn elements_nullable(&self) -> bool {
        self.uses != self.element_uses || self.elements_accepted
    }
}
