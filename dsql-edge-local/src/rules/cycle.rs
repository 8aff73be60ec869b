//! The messages that PostgreSQL has not answered yet, in cycles. A cycle ends with one ReadyForQuery.
//!
//! Input: a client's messages as they are sent, and PostgreSQL's answers. Output: which message an answer belongs to,
//! and whether an answer of PostgreSQL is outstanding. No other module counts the messages that are not answered.
//!
//! Invariants: the cycles are in the order in which they were sent. All cycles except the last are complete, which
//! means that their Sync or simple query was sent. Within a cycle, PostgreSQL answers in order, with one ParseComplete
//! per Parse, one BindComplete per Bind and one CloseComplete per Close. After an error, PostgreSQL skips to Sync, and
//! messages before that Sync are not counted. Each operation takes constant time, because a client may send thousands
//! of cycles at once.

use std::collections::{HashMap, VecDeque};

use super::statement::PreparedStatement;
use crate::catalog_version::SchemaChange;
use crate::faults::Requested;

/// A message that PostgreSQL answers with exactly one message.
pub(super) enum Sent {
    Parse(Vec<u8>, PreparedStatement),
    Bind,
    /// Close of a prepared statement.
    Close(Vec<u8>),
    ClosePortal,
    /// A Parse or a Bind of dsql-local.
    Own,
}

/// The messages up to a Sync, or a simple query.
#[derive(Default)]
pub(super) struct Cycle {
    /// The messages that are not answered, the oldest first.
    sent: VecDeque<Sent>,
    /// Whether the cycle is complete.
    whole: bool,
    /// Whether the cycle has an Execute.
    pub(super) executes: bool,
    /// Whether the cycle has an EXPLAIN.
    pub(super) explains: bool,
    /// Whether an error has arrived.
    pub(super) failed: bool,
    /// The number in the first statement that replaces a client's statement and that PostgreSQL certainly rejects;
    /// `None` if the cycle does not have such a replacement.
    pub(super) rejected: Option<u32>,
    /// The positions at which dsql-local has inserted text into the statements of the cycle.
    pub(super) inserted: Vec<usize>,
    /// The faults that a statement of the cycle sets.
    pub(super) requested: Option<Requested>,
    /// The effect of the cycle on its transaction. Only [`super::transaction`] writes this field.
    pub(super) commit: Commit,
}

/// The effect of a cycle on its transaction.
#[derive(Default)]
pub(super) struct Commit {
    /// Whether a write of the cycle commits by itself. The fault injector is consulted only for the first write that
    /// commits by itself.
    pub(super) autocommits: bool,
    /// Whether the connection ends before the cycle's ReadyForQuery is sent; the client then gets none of the cycle's
    /// answers.
    pub(super) cut: bool,
    /// The schema change in the cycle.
    pub(super) change: Option<SchemaChange>,
    /// How many parts of the schema change had no effect.
    pub(super) skipped: usize,
    /// The number of ROLLBACKs in the cycle that are not answered.
    pub(super) rollbacks: usize,
    /// Whether a ROLLBACK was answered.
    pub(super) rolled_back: bool,
    /// Whether the statement that is being sent is the COMMIT of a transaction that has locked rows.
    pub(super) of_locked_rows: bool,
}

/// The last unanswered message about a prepared statement.
pub(super) struct LastAbout<'c> {
    /// The statement that a Parse prepares; `None` for a Close.
    pub(super) parsed: Option<&'c PreparedStatement>,
    /// Whether a Sync was sent after the message.
    pub(super) before_sync: bool,
    /// Whether other unanswered messages about the prepared statement precede the message.
    pub(super) follows_another: bool,
}

/// An unanswered message about a prepared statement: the number of the message's cycle, and the statement that a
/// Parse prepares.
type About = (u64, Option<PreparedStatement>);

/// The cycles that PostgreSQL has not answered completely.
pub(super) struct Cycles {
    cycles: VecDeque<Cycle>,
    /// The number of the first cycle.
    first: u64,
    /// The number of messages in the cycles that are not answered.
    unanswered: usize,
    /// The unanswered messages about each prepared statement, the oldest first.
    about: HashMap<Vec<u8>, VecDeque<About>>,
}

impl Cycles {
    /// The cycles of a session whose login PostgreSQL has not answered; the answer also ends with a ReadyForQuery.
    pub(super) fn of_a_login() -> Cycles {
        let login = Cycle { whole: true, ..Cycle::default() };
        Cycles { cycles: VecDeque::from([login]), first: 0, unanswered: 0, about: HashMap::new() }
    }

    /// Whether a cycle has begun and waits for its Sync.
    pub(super) fn is_open(&self) -> bool {
        self.cycles.back().is_some_and(|last| !last.whole)
    }

    /// The cycle that is being sent.
    pub(super) fn current(&mut self) -> &mut Cycle {
        if !self.is_open() {
            self.cycles.push_back(Cycle::default());
        }
        let last = self.cycles.len() - 1;
        &mut self.cycles[last]
    }

    /// Records a message that PostgreSQL answers.
    pub(super) fn sends(&mut self, sent: Sent) {
        let about = match &sent {
            Sent::Parse(name, prepared) => Some((name.clone(), Some(prepared.clone()))),
            Sent::Close(name) => Some((name.clone(), None)),
            Sent::Bind | Sent::ClosePortal | Sent::Own => None,
        };
        let cycle = self.current();
        if cycle.failed {
            return;
        }
        cycle.sent.push_back(sent);
        self.unanswered += 1;
        let number = self.first + self.cycles.len() as u64 - 1;
        if let Some((name, parsed)) = about {
            self.about.entry(name).or_default().push_back((number, parsed));
        }
    }

    /// Completes the cycle that is being sent: PostgreSQL's answer to a complete cycle ends with ReadyForQuery.
    pub(super) fn ends(&mut self) {
        self.current().whole = true;
    }

    /// The cycle that is being answered.
    pub(super) fn answered(&mut self) -> Option<&mut Cycle> {
        self.cycles.front_mut()
    }

    /// Handles ParseComplete, BindComplete or CloseComplete. Returns the message that this answer belongs to.
    pub(super) fn completes(&mut self) -> Option<Sent> {
        let sent = self.answered()?.sent.pop_front()?;
        self.forget(&sent);
        Some(sent)
    }

    /// Handles ReadyForQuery. PostgreSQL also answers an incomplete cycle in one case: a Sync seemed to be inside a
    /// COPY, but the COPY had failed before PostgreSQL read this Sync.
    pub(super) fn over(&mut self) -> Option<Cycle> {
        let cycle = self.cycles.pop_front()?;
        self.first += 1;
        cycle.sent.iter().for_each(|sent| self.forget(sent));
        Some(cycle)
    }

    /// Removes the oldest message, which is answered or skipped.
    fn forget(&mut self, oldest: &Sent) {
        self.unanswered -= 1;
        if let Sent::Parse(name, _) | Sent::Close(name) = oldest
            && let Some(about) = self.about.get_mut(name)
        {
            about.pop_front();
            if about.is_empty() {
                self.about.remove(name);
            }
        }
    }

    /// Whether all complete cycles are answered.
    pub(super) fn nothing_owed(&self) -> bool {
        self.cycles.front().is_none_or(|first| !first.whole)
    }

    /// Whether no answer is outstanding and no cycle is incomplete.
    pub(super) fn none(&self) -> bool {
        self.cycles.is_empty()
    }

    /// The number of messages that are not answered.
    pub(super) fn len(&self) -> usize {
        self.unanswered
    }

    /// The last unanswered message about a prepared statement.
    pub(super) fn last_about(&self, name: &[u8]) -> Option<LastAbout<'_>> {
        let about = self.about.get(name)?;
        let (number, parsed) = about.back()?;
        let last = self.first + self.cycles.len() as u64 - 1;
        Some(LastAbout {
            parsed: parsed.as_ref(),
            before_sync: *number < last || !self.is_open(),
            follows_another: about.len() > 1,
        })
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
            cycles.sends(sent);
        }
        assert!(cycles.is_open() && cycles.nothing_owed() && !cycles.none());
        cycles.ends();
        cycles.sends(Sent::Close(b"a".to_vec()));
        let last = |cycles: &Cycles| {
            let last = cycles.last_about(b"a").unwrap();
            (last.parsed.is_some(), last.before_sync, last.follows_another)
        };
        assert_eq!((last(&cycles), cycles.len()), ((false, false, true), 4));
        assert!(matches!(cycles.completes(), Some(Sent::Parse(name, _)) if name == b"a"));
        assert!(matches!(cycles.completes(), Some(Sent::Own)));
        assert_eq!((last(&cycles), cycles.len()), ((false, false, false), 2));
        // ReadyForQuery also ends the Bind that was skipped after an error.
        cycles.over();
        assert_eq!((last(&cycles), cycles.len()), ((false, false, false), 1));
        assert!(matches!(cycles.completes(), Some(Sent::Close(_))));
        cycles.current().failed = true;
        cycles.sends(Sent::Bind);
        assert!(cycles.completes().is_none() && cycles.last_about(b"a").is_none() && cycles.len() == 0);
        cycles.over();
        cycles.sends(Sent::Parse(b"a".to_vec(), None));
        assert_eq!(last(&cycles), (true, false, false));
        cycles.ends();
        assert_eq!(last(&cycles), (true, true, false));
    }
}
