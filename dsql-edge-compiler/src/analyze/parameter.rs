//! Defines the facts about a parameter: its type, and whether it may be NULL.

use crate::builtin::Oid;
use crate::source::Span;
use crate::typed::Labels;

/// The facts about one parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameter {
    /// The type of the parameter: `unknown` until a use determines the type; `None` if the statement does not use this
    /// number.
    pub(super) ty: Option<Oid>,
    /// The span of the first use of the parameter.
    pub(super) first: Span,
    /// The span of the operator that determined the type of the parameter, if an operator did.
    pub(super) typed_by: Option<Span>,
    /// Whether NULL has a meaning in one of the parameter's uses: for example, the parameter is assigned to a nullable
    /// column.
    pub(super) nullable: bool,
    /// Whether NULL has a meaning in a use other than LIMIT.
    pub(super) null_expected: bool,
    /// Whether NULL is an ordinary value in a use of the parameter: the query tests the parameter for NULL, or writes
    /// it to a nullable column.
    pub(super) null_is_value: bool,
    /// The number of the parameter's uses; `element_uses` counts only the uses that read single elements of an array.
    pub(super) uses: usize,
    pub(super) element_uses: usize,
    /// Whether NULL has a meaning in a use of a single element.
    pub(super) elements_accepted: bool,
    /// The labels of a column, for each use that accepts only these labels.
    pub(super) labels: Vec<Labels>,
}

impl Parameter {
    /// Returns the labels that all uses of the parameter accept, if they accept the same labels and nothing else.
    pub(super) fn same_labels(&self) -> Option<&Labels> {
        let first = self.labels.first().filter(|_| self.labels.len() == self.uses)?;
        self.labels.iter().all(|labels| labels.values == first.values).then_some(first)
    }

    /// Whether the elements of an array may be NULL.
    pub(super) fn elements_nullable(&self) -> bool {
        self.uses != self.element_uses || self.elements_accepted
    }
}
