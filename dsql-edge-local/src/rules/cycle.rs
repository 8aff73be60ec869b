//! The messages that PostgreSQL has not answered yet, in cycles: a cycle ends with one ReadyForQuery.
//!
//! Input: a client's messages as they are sent, and PostgreSQL's answers. Output: which message an answer belongs to,
//! and whether PostgreSQL owes an answer. Frames are counted nowhere else.
//!
//! Invariants: the cycles are in the order of their sending, and all but the last are whole: their Sync, or their
//! simple query, was sent. Within a cycle PostgreSQL answers in order, one ParseComplete a Parse, one BindComplete a
//! Bind and one CloseComplete a Close. After an error it skips to Sync, and messages until then are not counted.

use std::collections::VecDeque;

use super::statement::PreparedStatement;
use crate::catalog_version::SchemaChange;

/// A message that PostgreSQL answers with one of its own.
pub(super) enum Sent {
    Parse(Vec<u8>, PreparedStatement),
    Bind,
    /// Close of a prepared statement.
    Close(Vec<u8>),
    ClosePortal,
    /// A Parse or a Bind of dsql-local's.
    Own,
}

/// The messages up to a Sync, or a simple query.
#[derive(Default)]
pub(super) struct Cycle {
    /// Those that are not answered, the oldest first.
    sent: VecDeque<Sent>,
    /// Nothing more belongs to it.
    whole: bool,
    /// It has an Execute.
    pub(super) executes: bool,
    /// It has an EXPLAIN.
    pub(super) explains: bool,
    /// An error has come.
    pub(super) failed: bool,
    /// The part of the transaction in it: only [`super::transaction`] writes it.
    pub(super) commit: Commit,
}

/// The effect of a cycle on its transaction.
#[derive(Default)]
pub(super) struct Commit {
    /// A write in it commits by itself, and the fault injector was consulted.
    pub(super) autocommits: bool,
    /// The connection ends in place of its ReadyForQuery, and the client gets none of its answers.
    pub(super) cut: bool,
    /// The schema change in it.
    pub(super) change: Option<SchemaChange>,
    /// The number of the change's parts that found nothing to do.
    pub(super) skipped: usize,
    /// The ROLLBACKs in it that are not answered.
    pub(super) rollbacks: usize,
    /// A ROLLBACK was answered.
    pub(super) rolled_back: bool,
}

impl Cycle {
    /// A message is sent that PostgreSQL answers.
    pub(super) fn sends(&mut self, sent: Sent) {
        if !self.failed {
            self.sent.push_back(sent);
        }
    }
}

/// The cycles that PostgreSQL has not answered whole.
pub(super) struct Cycles(VecDeque<Cycle>);

impl Cycles {
    /// Of a session whose login PostgreSQL still has to answer, which ends with a ReadyForQuery too.
    pub(super) fn of_a_login() -> Cycles {
        Cycles(VecDeque::from([Cycle { whole: true, ..Cycle::default() }]))
    }

    /// Whether a cycle has begun and waits for its Sync.
    pub(super) fn is_open(&self) -> bool {
        self.0.back().is_some_and(|last| !last.whole)
    }

    /// The cycle that is being sent.
    pub(super) fn current(&mut self) -> &mut Cycle {
        let cycle = self.0.pop_back_if(|last| !last.whole).unwrap_or_default();
        self.0.push_back_mut(cycle)
    }

    /// The cycle that is being sent is whole: PostgreSQL answers it with ReadyForQuery.
    pub(super) fn ends(&mut self) {
        self.current().whole = true;
    }

    /// The cycle that is being answered.
    pub(super) fn answered(&mut self) -> Option<&mut Cycle> {
        self.0.front_mut()
    }

    /// ParseComplete, BindComplete or CloseComplete has come: the message that it answers.
    pub(super) fn completes(&mut self) -> Option<Sent> {
        self.answered()?.sent.pop_front()
    }

    /// ReadyForQuery has come. A cycle that is not whole is answered if COPY failed before PostgreSQL read a Sync that
    /// seemed to be inside of it.
    pub(super) fn over(&mut self) -> Option<Cycle> {
        self.0.pop_front()
    }

    /// Whether all that was sent whole is answered.
    pub(super) fn nothing_owed(&self) -> bool {
        self.0.front().is_none_or(|first| !first.whole)
    }

    /// Whether PostgreSQL owes nothing, and nothing is half sent.
    pub(super) fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of messages that are not answered.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|cycle| cycle.sent.len()).sum()
    }

    /// The messages about a prepared statement, the last first, and whether a Sync came behind each.
    pub(super) fn about<'c>(&'c self, name: &'c [u8]) -> impl Iterator<Item = (&'c Sent, bool)> {
        let cycles = self.0.iter().rev();
        let sent = cycles.flat_map(|cycle| cycle.sent.iter().rev().map(|sent| (sent, cycle.whole)));
        sent.filter(move |(sent, _)| matches!(sent, Sent::Parse(it, _) | Sent::Close(it) if it == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_belong_to_messages_in_order_until_an_error() {
        let mut cycles = Cycles::of_a_login();
        assert!(!cycles.is_open() && !cycles.nothing_owed());
        assert!(cycles.over().is_some() && cycles.none());
        for sent in [Sent::Parse(b"a".to_vec(), None), Sent::Own, Sent::Bind] {
            cycles.current().sends(sent);
        }
        assert!(cycles.is_open() && cycles.nothing_owed() && !cycles.none());
        cycles.ends();
        cycles.current().sends(Sent::Close(b"a".to_vec()));
        let behind_sync: Vec<bool> = cycles.about(b"a").map(|(_, behind)| behind).collect();
        assert_eq!((behind_sync, cycles.len()), (vec![false, true], 4));
        assert!(matches!(cycles.completes(), Some(Sent::Parse(name, _)) if name == b"a"));
        assert!(matches!(cycles.completes(), Some(Sent::Own)));
        cycles.over();
        assert!(matches!(cycles.completes(), Some(Sent::Close(_))));
        cycles.current().failed = true;
        cycles.current().sends(Sent::Bind);
        assert!(cycles.completes().is_none());
    }
}
