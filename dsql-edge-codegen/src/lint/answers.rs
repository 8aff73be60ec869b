//! The answers about a script and its statements that several findings need: `rows` computes each at its first use, and
//! `script` keeps them.

use std::cell::OnceCell;
use std::collections::HashMap;

/// Answers about a statement; each is computed at its first use.
#[derive(Default)]
pub(super) struct StatementAnswers {
    /// It writes only to the table that it names.
    pub(super) stays: OnceCell<bool>,
    /// It calls a function that is not PostgreSQL's, itself or through a view.
    pub(super) calls: OnceCell<bool>,
}

/// The statements after which names, code or rows may be others, by their places in order.
pub(super) struct ScriptChanges {
    /// Unqualified names may mean something else after them, or schemas are gone with all that is in them.
    pub(super) other_names: Vec<usize>,
    /// The first that changes the search path until its transaction ends.
    pub(super) local_path: Option<usize>,
    /// The first that defines code which others run without a call.
    pub(super) implicit_calls: Option<usize>,
    /// The first foreign key.
    pub(super) references: Option<usize>,
    /// Views, by name.
    pub(super) views: HashMap<String, Vec<usize>>,
    /// `DROP`
    pub(super) drops: Vec<usize>,
    /// Statements that may change the rows of a table that they do not name.
    pub(super) reaching: OnceCell<Vec<usize>>,
}
