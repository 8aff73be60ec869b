//! The messages that PostgreSQL has not answered yet, in cycles: a cycle ends with one ReadyForQuery.
//!
//! Input: a client's messages as they are sent, and PostgreSQL's answers. Output: which message an answer belongs to,
//! and whether PostgreSQL owes an answer. Frames are counted nowhere else.
//!
//! Invariants: the cycles are in the order of their sending, and all but the last are whole: their Sync, or their
//! simple query, was sent. Within a cycle PostgreSQL answers in order, one ParseComplete a Parse, one BindComplete a
//! Bind and one CloseComplete a Close. After an error it skips to Sync, and messages until then are not counted. Each
//! question about the cycles takes the same time however many there are: a client may send thousands at once.

use std::collections::{HashMap, VecDeque};

use super::statement::PreparedStatement;
use crate::catalog_version::SchemaChange;
use crate::faults::Requested;

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
    /// The number of the statement in it that PostgreSQL rejects in place of the client's.
    pub(super) rejected: Option<u32>,
    /// A statement in it sets faults.
    pub(super) requested: Option<Requested>,
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

/// The last unanswered message about a prepared statement.
pub(super) struct LastAbout<'c> {
    /// The statement of a Parse; nothing for a Close.
    pub(super) parsed: Option<&'c PreparedStatement>,
    /// A Sync came behind it.
    pub(super) before_sync: bool,
    /// It is not the only one.
    pub(super) follows_another: bool,
}

/// An unanswered message about a prepared statement: the number of its cycle, and the statement of a Parse.
type About = (u64, Option<PreparedStatement>);

/// The cycles that PostgreSQL has not answered whole.
pub(super) struct Cycles {
    cycles: VecDeque<Cycle>,
    /// The number of the first of them.
    first: u64,
    /// The number of messages in them that are not answered.
    unanswered: usize,
    /// The messages among these about each prepared statement, the oldest first.
    about: HashMap<Vec<u8>, VecDeque<About>>,
}

impl Cycles {
    /// Of a session whose login PostgreSQL still has to answer, which ends with a ReadyForQuery too.
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
        let cycle = self.cycles.pop_back_if(|last| !last.whole).unwrap_or_default();
        self.cycles.push_back_mut(cycle)
    }

    /// A message is sent that PostgreSQL answers.
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

    /// The cycle that is being sent is whole: PostgreSQL answers it with ReadyForQuery.
    pub(super) fn ends(&mut self) {
        self.current().whole = true;
    }

    /// The cycle that is being answered.
    pub(super) fn answered(&mut self) -> Option<&mut Cycle> {
        self.cycles.front_mut()
    }

    /// ParseComplete, BindComplete or CloseComplete has come: the message that it answers.
    pub(super) fn completes(&mut self) -> Option<Sent> {
        let sent = self.answered()?.sent.pop_front()?;
        self.forget(&sent);
        Some(sent)
    }

    /// ReadyForQuery has come. A cycle that is not whole is answered if COPY failed before PostgreSQL read a Sync that
    /// seemed to be inside of it.
    pub(super) fn over(&mut self) -> Option<Cycle> {
        let cycle = self.cycles.pop_front()?;
        self.first += 1;
        cycle.sent.iter().for_each(|sent| self.forget(sent));
        Some(cycle)
    }

    /// The oldest message is answered or skipped.
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

    /// Whether all that was sent whole is answered.
    pub(super) fn nothing_owed(&self) -> bool {
        self.cycles.front().is_none_or(|first| !first.whole)
    }

    /// Whether PostgreSQL owes nothing, and nothing is half sent.
    pub(super) fn none(&self) -> bool {
        self.cycles.is_empty()
    }

    /// The number of messages that are not answered.
    pub(super) fn len(&self) -> usize {
        self.unanswered
    }

    /// The last message about a prepared statement that is not answered.
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
        // ReadyForQuery answers the Bind that an error has skipped.
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
