//! What is known of a parameter: its type, and whether NULL means something for it.

use crate::builtin::Oid;
use crate::source::Span;

/// What is known of one parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameter {
    /// Its type; `unknown` until a use determines it; `None` if the number is skipped.
    pub(super) ty: Option<Oid>,
    /// Where it was used first.
    pub(super) first: Span,
    /// NULL means something in one of its uses.
    pub(super) nullable: bool,
    /// And not only as LIMIT takes it.
    pub(super) null_expected: bool,
    /// How often it was used, and how often of it only as an array for its elements.
    pub(super) uses: usize,
    pub(super) element_uses: usize,
    /// NULL means something for an element.
    pub(super) elements_accepted: bool,
}

impl Parameter {
    /// Of an array: whether its elements may be NULL.
    pub(super) fn elements_nullable(&self) -> bool {
        self.uses != self.element_uses || self.elements_accepted
    }
}
