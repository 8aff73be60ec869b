//! What PostgreSQL still owes an answer: one entry for each ReadyForQuery to come.
//!
//! In: what was sent for it, and what has come. Out: which of the answers are the client's, and what became of its
//! statements. Within a cycle PostgreSQL answers in order, one ParseComplete a Parse and one BindComplete a Bind, until
//! an error.

use std::collections::VecDeque;

use crate::catalog_version::SchemaChange;

/// What was sent since the ReadyForQuery before, and what has come back.
#[derive(Default)]
pub(super) struct Cycle {
    /// Parse and Bind that have been sent.
    parses: usize,
    binds: usize,
    /// ParseComplete and BindComplete that have come.
    parsed: usize,
    bound: usize,
    /// Those that are ours, by number.
    own_parses: Vec<usize>,
    own_binds: Vec<usize>,
    /// It has an Execute.
    pub(super) executes: bool,
    /// It has an EXPLAIN.
    pub(super) explains: bool,
    /// It commits, and the fault injector was consulted for it.
    pub(super) commits: bool,
    /// The connection ends in place of its ReadyForQuery, and the client gets nothing of it.
    pub(super) cut: bool,
    /// The schema change in it.
    pub(super) ddl: Option<SchemaChange>,
    /// Notices of a schema change that something exists already, or does not exist.
    pub(super) skipped: usize,
    /// An error has come.
    pub(super) failed: bool,
    /// A ROLLBACK has been answered.
    pub(super) rolled_back: bool,
}

impl Cycle {
    pub(super) fn sends_parse(&mut self) {
        self.parses += 1;
    }

    pub(super) fn sends_bind(&mut self) {
        self.binds += 1;
    }

    /// A Parse and a Bind follow that the client knows nothing of.
    pub(super) fn sends_own(&mut self) {
        self.own_parses.push(self.parses);
        self.own_binds.push(self.binds);
        (self.parses, self.binds) = (self.parses + 1, self.binds + 1);
    }

    /// Whether this ParseComplete is the client's.
    pub(super) fn parse_completes(&mut self) -> bool {
        self.parsed += 1;
        !self.own_parses.contains(&(self.parsed - 1))
    }

    /// Whether this BindComplete is the client's.
    pub(super) fn bind_completes(&mut self) -> bool {
        self.bound += 1;
        !self.own_binds.contains(&(self.bound - 1))
    }
}

/// The cycles that are not over.
pub(super) struct Cycles {
    /// Sent whole, the oldest first.
    owed: VecDeque<Cycle>,
    /// The one that is being sent.
    current: Option<Cycle>,
}

impl Cycles {
    /// Of a session whose login PostgreSQL still has to answer, with a ReadyForQuery too.
    pub(super) fn of_a_login() -> Cycles {
        Cycles { owed: VecDeque::from([Cycle::default()]), current: None }
    }

    /// Whether a cycle has begun and waits for its Sync.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// The cycle that is being sent.
    pub(super) fn current(&mut self) -> &mut Cycle {
        self.current.get_or_insert_default()
    }

    /// What ReadyForQuery answers has been sent.
    pub(super) fn sent(&mut self) {
        let current = self.current.take().unwrap_or_default();
        self.owed.push_back(current);
    }

    /// The cycle that is being answered.
    pub(super) fn answered(&mut self) -> Option<&mut Cycle> {
        self.owed.front_mut().or(self.current.as_mut())
    }

    /// ReadyForQuery has come.
    pub(super) fn over(&mut self) -> Option<Cycle> {
        // Where none is owed, COPY failed before PostgreSQL read a Sync that seemed to be inside of it.
        self.owed.pop_front().or_else(|| self.current.take())
    }

    /// Whether all that was sent whole is answered.
    pub(super) fn nothing_owed(&self) -> bool {
        self.owed.is_empty()
    }

    /// Whether PostgreSQL owes nothing, and nothing is half sent.
    pub(super) fn none(&self) -> bool {
        self.owed.is_empty() && self.current.is_none()
    }
}
