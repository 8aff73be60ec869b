//! The prepared statements of a session, as PostgreSQL has them.
//!
//! Input: Parse, Close and Sync as the client sends them, ParseComplete, CloseComplete and ReadyForQuery as PostgreSQL
//! answers them. Output: the statement that a Bind names. What is sent counts as done for what follows it up to the
//! next Sync: if it fails, PostgreSQL skips those messages. Behind that Sync only what was answered counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::statement::Prepared;

/// Prepared statements of one session.
const MOST: usize = 100_000;

/// A prepared statement; nothing for one that our parser cannot read.
pub(super) type Known = Option<Arc<Prepared>>;

/// Something that was sent, and is not answered yet.
enum Sent {
    Parse(Vec<u8>, Known),
    Close(Vec<u8>),
    ClosePortal,
    /// Sync, or a simple query, which ends like one.
    Sync,
}

pub(super) struct Statements {
    known: HashMap<Vec<u8>, Known>,
    sent: VecDeque<Sent>,
}

impl Statements {
    /// Of a session whose login PostgreSQL still has to answer.
    pub(super) fn of_a_login() -> Statements {
        Statements { known: HashMap::new(), sent: VecDeque::from([Sent::Sync]) }
    }

    /// Whether a session may have no more.
    pub(super) fn is_full(&self) -> bool {
        self.known.len() + self.sent.len() >= MOST
    }

    pub(super) fn parse(&mut self, name: Vec<u8>, prepared: Known) {
        self.sent.push_back(Sent::Parse(name, prepared));
    }

    pub(super) fn close(&mut self, name: Vec<u8>) {
        self.sent.push_back(Sent::Close(name));
    }

    pub(super) fn close_portal(&mut self) {
        self.sent.push_back(Sent::ClosePortal);
    }

    pub(super) fn sync(&mut self) {
        self.sent.push_back(Sent::Sync);
    }

    /// ParseComplete or CloseComplete has come.
    pub(super) fn completes(&mut self) {
        match self.sent.pop_front() {
            Some(Sent::Parse(name, prepared)) => drop(self.known.insert(name, prepared)),
            Some(Sent::Close(name)) => drop(self.known.remove(&name)),
            Some(Sent::ClosePortal) => {}
            // Not ours to answer: it stays.
            Some(Sent::Sync) => self.sent.push_front(Sent::Sync),
            None => {}
        }
    }

    /// ReadyForQuery has come: what was not answered before it was skipped.
    pub(super) fn ready(&mut self) {
        while let Some(sent) = self.sent.pop_front() {
            if matches!(sent, Sent::Sync) {
                break;
            }
        }
    }

    /// The statement that a Bind of this name gets, if PostgreSQL takes the Bind.
    pub(super) fn find(&self, name: &[u8]) -> Known {
        match self.last(name) {
            Some((Sent::Parse(_, prepared), _)) => prepared.clone(),
            Some(_) => None,
            None => self.known.get(name).cloned().flatten(),
        }
    }

    /// Whether PostgreSQL's answers decide which statement a Bind of this name gets: the last message about the name is
    /// before a Sync and may be skipped, and another statement of that name exists, or was sent before.
    pub(super) fn is_uncertain(&self, name: &[u8]) -> bool {
        let names = |sent: &&Sent| matches!(sent, Sent::Parse(it, _) | Sent::Close(it) if it == name);
        let several = self.known.contains_key(name) || self.sent.iter().filter(names).count() > 1;
        several && self.last(name).is_some_and(|(_, before_sync)| before_sync)
    }

    /// What was sent last about this name, and whether a Sync came behind it.
    fn last(&self, name: &[u8]) -> Option<(&Sent, bool)> {
        let mut before_sync = false;
        for sent in self.sent.iter().rev() {
            match sent {
                Sent::Sync => before_sync = true,
                Sent::Parse(it, _) | Sent::Close(it) if it == name => return Some((sent, before_sync)),
                _ => {}
            }
        }
        None
    }
}
