//! Stores the facts about a script and its statements that several findings need. The module `rows` computes each fact
//! when it is first needed, and the script stores the fact.

use std::cell::OnceCell;
use std::collections::HashMap;

/// Facts about a statement; each fact is computed when it is first needed.
#[derive(Default)]
pub(super) struct StatementAnswers {
    /// Whether the statement writes to no other table than the one whose name it contains.
    pub(super) stays: OnceCell<bool>,
    /// Whether the statement calls a function that is not PostgreSQL's, directly or through a view.
    pub(super) calls: OnceCell<bool>,
}

/// For each kind of change that a script can make, the statements that may make the change, by index and in order.
pub(super) struct ScriptChanges {
    /// The statements that drop or rename a schema, or after which an unqualified name may mean another object.
    pub(super) other_names: Vec<usize>,
    /// The first statement that changes the search path until its transaction ends.
    pub(super) local_path: Option<usize>,
    /// The first statement that defines code, such as a trigger, which other statements run without a call.
    pub(super) implicit_calls: Option<usize>,
    /// The first statement with a foreign key.
    pub(super) references: Option<usize>,
    /// The statements that create views, by name.
    pub(super) views: HashMap<String, Vec<usize>>,
    /// The `DROP` statements.
    pub(super) drops: Vec<usize>,
    /// Statements that may change the rows of a table without naming the table.
    pub(super) reaching: OnceCell<Vec<usize>>,
}
