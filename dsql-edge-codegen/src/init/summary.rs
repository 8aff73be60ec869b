//! Collects the report of `init`.
//!
//! Input: the steps that were done, and the steps that the user does next. Output: both lists, in
//! order.

/// The steps that were done, and the steps that the user does next.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) done: Vec<(String, String)>,
    pub(super) next: Vec<String>,
}

impl Summary {
    pub(super) fn done(&mut self, file: &str, what: impl Into<String>) {
        self.done.push((file.to_owned(), what.into()));
    }

    pub(super) fn next(&mut self, what: impl Into<String>) {
        self.next.push(what.into());
    }
}
