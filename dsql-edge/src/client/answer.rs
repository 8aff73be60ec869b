//! Reads the answer to a flight.
//!
//! Input: the events of the session, in order. Output: rows for the [`Sink`]s, and the result of the flight. Nothing here
//! awaits.

use core::ops::ControlFlow;

use crate::client::flight::{Flight, Prepared, Sink, Step};
use crate::error::{Error, Kind};
use crate::retry::Signal;
use crate::row::{DataRow, check_description};
use crate::session::{SessionEvent, Status};
use crate::wire::backend::Done;
use crate::wire::{DatabaseError, Field, Row, Tag};

/// How the server answered a flight.
pub(crate) enum FlightEnd {
    /// The server executed everything. An error here is the client's own: a row could not be used.
    Completed(Option<Error>),
    /// The server rejected a statement, or the commit.
    StatementRejected { error: Box<DatabaseError>, step: Step },
    /// The INSERT of the idempotency key inserted no row; the statements after it must not be committed.
    KeyNotInserted,
    /// COMMIT was answered with ROLLBACK; or the transaction state is not the expected one, because a statement began
    /// or ended a transaction.
    UnexpectedState(Kind, Signal),
}

/// The part of the answer to a flight that has arrived.
pub(crate) struct Answer<'a, 's> {
    pub(crate) flight: Flight<'a>,
    sinks: &'a mut [&'s mut dyn Sink],
    step: Step,
    /// The number of executions of the current member so far.
    executed: usize,
    affected: u64,
    fields: Vec<Field>,
    /// The first error of this client, such as a row that cannot be decoded; the rest of the answer is received and
    /// dropped.
    local: Option<Error>,
    rejected: Option<(Box<DatabaseError>, Step)>,
    committed: bool,
    /// The number of transactions of this flight that were committed, if its members are transactions.
    transactions: usize,
    /// The member whose transaction begins next, if the members are transactions.
    next_member: usize,
    answered_commits: usize,
    /// Whether the COMMIT of a member was answered with ROLLBACK, and whether a later member was committed.
    rolled_back: bool,
    committed_later: bool,
    /// The number of rows that the committed members have returned.
    committed_rows: u64,
    /// The member to which `local` belongs, once that member is answered.
    local_member: Option<usize>,
    /// Set if the previous transaction was not committed, although its COMMIT caused no error.
    previous_state: Option<(Kind, Signal)>,
    keyless: bool,
    /// The number of bytes of rows that stay in memory; `most` is the limit.
    kept: usize,
    most: usize,
    was_full: bool,
    pub(crate) rows: u64,
}

impl<'a, 's> Answer<'a, 's> {
    // Not inlined, so that the code is not repeated in each caller.
    #[inline(never)]
    pub(crate) fn new(flight: Flight<'a>, sinks: &'a mut [&'s mut dyn Sink], most: usize) -> Self {
        Answer {
            flight,
            sinks,
            step: flight.first_step(),
            executed: 0,
            affected: 0,
            fields: Vec::new(),
            local: None,
            rejected: None,
            committed: false,
            transactions: 0,
            next_member: 0,
            answered_commits: 0,
            rolled_back: false,
            committed_later: false,
            committed_rows: 0,
            local_member: None,
            previous_state: None,
            keyless: false,
            kept: 0,
            most,
            was_full: false,
            rows: 0,
        }
    }

    /// The number of transactions that were committed, if the members are transactions.
    pub(crate) fn transactions(&self) -> usize {
        self.transactions
    }

    /// The number of rows of these transactions.
    pub(crate) fn committed_rows(&self) -> u64 {
        self.committed_rows
    }

    /// The number of COMMITs that were answered before the end of the flight. The time limit is for the statements up to
    /// the next COMMIT.
    pub(crate) fn answered_commits(&self) -> usize {
        self.answered_commits
    }

    /// The error of a row of a committed transaction, which cannot be used.
    pub(crate) fn take_unusable(&mut self) -> Option<Error> {
        self.local_member.filter(|member| *member < self.transactions)?;
        self.local.take()
    }

    /// Discards the rows, because the flight begins again. Returns `false` if a sink has already passed rows on.
    pub(crate) fn restart(&mut self) -> bool {
        let sinks = core::mem::take(&mut self.sinks);
        let restarted = sinks.iter_mut().all(|sink| sink.restart());
        *self = Answer::new(self.flight, sinks, self.most);
        restarted
    }

    /// Whether the current sink cannot take another row now.
    pub(crate) fn is_full(&mut self) -> bool {
        let full = match self.step {
            Step::Member(at) => self.sinks.get(at).is_some_and(|sink| sink.is_full()),
            _ => false,
        };
        self.was_full |= full;
        full
    }

    /// Whether a sink that was full can take rows again.
    pub(crate) fn resumes(&mut self) -> bool {
        !self.is_full() && core::mem::take(&mut self.was_full)
    }

    pub(crate) fn handle(&mut self, event: SessionEvent) -> ControlFlow<FlightEnd> {
        match event {
            SessionEvent::Started | SessionEvent::FlightDropped => {}
            SessionEvent::Described(fields) => self.describe(fields),
            SessionEvent::Row(row) => self.take(&row),
            SessionEvent::Completed(tag) => {
                self.complete(tag);
                if seeded!(SuccessOnCommandComplete) && self.step == Step::Sync {
                    return ControlFlow::Break(FlightEnd::Completed(None));
                }
            }
            SessionEvent::Failed(error) => {
                // After a FATAL error the server sends nothing more.
                if error.fatal {
                    let step = self.step;
                    let end = self.failure().unwrap_or(FlightEnd::StatementRejected { error, step });
                    return ControlFlow::Break(end);
                }
                if !seeded!(ForgetsError) {
                    self.rejected.get_or_insert((error, self.step));
                }
            }
            SessionEvent::Ready(status) if matches!(self.step, Step::Previous | Step::PreviousSync) => {
                self.end_previous(status);
            }
            SessionEvent::Ready(status) => return ControlFlow::Break(self.land(status)),
        }
        ControlFlow::Continue(())
    }

    /// Ends the flight with the failure that the server has reported so far: it stays true if the connection ends or the
    /// time limit is exceeded before the ReadyForQuery.
    #[inline(never)]
    pub(crate) fn failure(&mut self) -> Option<FlightEnd> {
        self.previous_failure()
            .or_else(|| self.rolled_back(self.step == Step::Sync))
            .or_else(|| self.rejection())
    }

    fn rejection(&mut self) -> Option<FlightEnd> {
        self.rejected.take().map(|(error, step)| FlightEnd::StatementRejected { error, step })
    }

    /// The failure of a flight of several transactions if a COMMIT was answered with ROLLBACK. `is_complete`: all COMMITs
    /// are answered, or were not executed.
    fn rolled_back(&self, is_complete: bool) -> Option<FlightEnd> {
        if !self.rolled_back {
            return None;
        }
        Some(match is_complete && !self.committed_later {
            true => FlightEnd::UnexpectedState(Kind::RolledBack, Signal::Answered),
            // The committed transactions are not the first ones.
            false => FlightEnd::UnexpectedState(Kind::UnexpectedTransactionState, Signal::TransactionState),
        })
    }

    /// Handles the ReadyForQuery after the COMMIT of the previous transaction. If that was not committed, the rest of
    /// the answer is received too, and then its failure is returned.
    fn end_previous(&mut self, status: Status) {
        let state = match status {
            Status::Idle if self.committed || self.rejected.is_some() => None,
            Status::Idle => Some((Kind::RolledBack, Signal::Answered)),
            _ => Some((Kind::UnexpectedTransactionState, Signal::TransactionState)),
        };
        let failed = self.rejected.is_some() || state.is_some();
        if !failed || seeded!(TrustsPreviousCommit) {
            self.flight.commits_previous = false;
        } else {
            self.previous_state = state;
        }
        self.committed = false;
        self.answered_commits += 1;
        self.step = self.flight.after_previous();
    }

    /// Ends the flight with the failure of the previous transaction's COMMIT, if the server has reported one.
    fn previous_failure(&mut self) -> Option<FlightEnd> {
        match &self.rejected {
            Some((_, Step::Previous | Step::PreviousSync)) => self.rejection(),
            _ => {
                let (kind, signal) = self.previous_state.take()?;
                Some(FlightEnd::UnexpectedState(kind, signal))
            }
        }
    }

    fn land(&mut self, status: Status) -> FlightEnd {
        if let Some(failure) = self.previous_failure() {
            return failure;
        }
        // The results of later statements are ignored: they may have failed because of rows that an earlier run
        // inserted.
        if self.keyless {
            return FlightEnd::KeyNotInserted;
        }
        if let Some(failure) = self.rolled_back(true).or_else(|| self.rejection()) {
            return failure;
        }
        let open = self.flight.begin.is_some() || self.flight.in_transaction;
        let expected = if open && !self.flight.commit { Status::InTransaction } else { Status::Idle };
        if self.flight.commit && !self.committed {
            // COMMIT was answered with ROLLBACK: the transaction changed nothing.
            FlightEnd::UnexpectedState(Kind::RolledBack, Signal::Answered)
        } else if status != expected {
            FlightEnd::UnexpectedState(Kind::UnexpectedTransactionState, Signal::TransactionState)
        } else {
            FlightEnd::Completed(self.local.take())
        }
    }

    fn describe(&mut self, fields: Vec<Field>) {
        if let Some(member) = self.member() {
            // For `sql_unchecked!` without columns, any description is accepted.
            if !(member.unchecked && member.statement.columns.is_empty()) {
                let stale = check_description(&member.statement, &fields).err();
                self.local = self.local.take().or(stale);
            }
        }
        self.fields = fields;
    }

    fn take(&mut self, row: &Row) {
        self.rows += 1;
        let (Step::Member(at), None) = (self.step, &self.local) else { return };
        let sink = self.sinks.get_mut(self.flight.sink_of(at));
        let (Some(member), Some(sink)) = (self.flight.members.get(at), sink) else { return };
        let statement = &member.statement;
        if sink.keeps() {
            self.kept = self.kept.saturating_add(row.len());
            if self.kept > self.most {
                let text = "the rows are longer than Config::max_result; `fetch` streams them";
                self.local = Some(Error::new(Kind::TooLong(text)).at(statement));
                return;
            }
        }
        let taken = sink.row(&DataRow::new(statement, &self.fields, row));
        self.local = taken.err().map(|error| error.at(statement));
    }

    fn complete(&mut self, tag: Tag) {
        self.affected = self.affected.saturating_add(tag.rows);
        self.executed += 1;
        self.step = match self.step {
            Step::Previous => {
                self.committed = tag.command == Done::Commit || seeded!(IgnoresRollbackTag);
                Step::PreviousSync
            }
            Step::PreviousSync => Step::PreviousSync,
            Step::Begin if self.flight.members_are_transactions => self.flight.member(self.next_member),
            Step::Begin => self.flight.after_begin(),
            Step::Key => {
                self.keyless = self.affected == 0 && !seeded!(IgnoresKeyCount);
                self.flight.member(0)
            }
            Step::Member(at) => {
                if self.member().is_some_and(|member| self.executed < member.arguments.len()) {
                    return;
                }
                if let Some(sink) = self.sinks.get_mut(self.flight.sink_of(at)) {
                    sink.done(self.affected);
                }
                if self.local.is_some() {
                    self.local_member.get_or_insert(at);
                }
                self.next_member = at + 1;
                if seeded!(CountsUncommittedChunk) {
                    self.transactions = self.next_member;
                }
                match self.flight.members_are_transactions {
                    true => Step::Commit,
                    false => self.flight.member(at + 1),
                }
            }
            Step::Commit => self.after_commit(tag.command == Done::Commit || seeded!(IgnoresRollbackTag)),
            Step::Sync => Step::Sync,
        };
        self.executed = 0;
        self.affected = 0;
    }

    fn after_commit(&mut self, committed: bool) -> Step {
        if !self.flight.members_are_transactions {
            self.committed = committed;
            return Step::Sync;
        }
        // The limit of the rows in memory is for each transaction.
        self.kept = 0;
        self.answered_commits += 1;
        if !committed {
            self.rolled_back = true;
        } else if self.rolled_back {
            self.committed_later = true;
        } else {
            self.transactions = self.next_member;
            self.committed_rows = self.rows;
        }
        let is_last = self.next_member == self.flight.members.len();
        self.committed = is_last && !self.rolled_back;
        if is_last { Step::Sync } else { Step::Begin }
    }

    fn member(&self) -> Option<&'a Prepared> {
        match self.step {
            Step::Member(at) => self.flight.members.get(at),
            Step::Key => self.flight.key,
            _ => None,
        }
    }
}
