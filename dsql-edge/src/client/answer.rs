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
    /// The server executed everything. If a row could not be used, the variant contains the client's own error.
    Completed(Option<Error>),
    /// The server rejected a statement, or the commit.
    StatementRejected { error: Box<DatabaseError>, step: Step },
    /// The INSERT of the idempotency key inserted no row; the statements after it must not be committed.
    KeyNotInserted,
    /// COMMIT was answered with ROLLBACK; or a statement began or ended a transaction, so the transaction state is
    /// not the expected state.
    UnexpectedState(Kind, Signal),
}

/// How the answer to a flight of several transactions is read (`several.rs`). Function pointers, so that a Worker without
/// such flights does not link this code.
pub(crate) struct Several {
    /// Handles a CommandComplete. Returns the next step, or `None` if the answer is that of a usual flight.
    pub(super) complete: fn(&mut Answer<'_, '_>, &Tag) -> Option<Step>,
    /// Handles a ReadyForQuery. Returns `false` if the ReadyForQuery ends the flight.
    pub(super) ready: fn(&mut Answer<'_, '_>, Status) -> bool,
    /// Returns the failure of one of the transactions. The second argument states whether the whole answer has arrived.
    pub(super) failure: fn(&mut Answer<'_, '_>, bool) -> Option<FlightEnd>,
}

/// What the server has answered so far.
#[derive(Default)]
pub(super) struct Transactions {
    /// The number of members that were committed, if the members are transactions.
    pub(super) committed: usize,
    /// The number of rows that the committed members have returned.
    pub(super) rows: u64,
    /// The number of COMMITs that were answered before the end of the flight. The time limit is for the statements up to
    /// the next COMMIT.
    pub(super) answered: usize,
    /// The first member with a row that cannot be used, once that member is answered.
    pub(super) unusable_member: Option<usize>,
    /// The number of members that were answered.
    pub(super) members: usize,
    /// Whether the COMMIT of a member was answered with ROLLBACK, and whether a later member was committed.
    pub(super) rolled_back: bool,
    pub(super) committed_later: bool,
    /// Set if the previous transaction was not committed, although its COMMIT caused no error.
    pub(super) previous: Option<(Kind, Signal)>,
}

/// The answer to a flight, as far as the answer has arrived.
pub(crate) struct Answer<'a, 's> {
    pub(crate) flight: Flight<'a>,
    sinks: &'a mut [&'s mut dyn Sink],
    pub(super) step: Step,
    /// The number of executions of the current member so far.
    executed: usize,
    affected: u64,
    fields: Vec<Field>,
    /// The first error of this client, such as a row that cannot be decoded; the rest of the answer is received and
    /// dropped.
    pub(super) local: Option<Error>,
    pub(super) rejected: Option<(Box<DatabaseError>, Step)>,
    pub(super) committed: bool,
    /// Set if the flight has several transactions.
    several: Option<&'static Several>,
    pub(super) transactions: Transactions,
    keyless: bool,
    /// The number of bytes of rows that stay in memory; `most` is the limit.
    pub(super) kept: usize,
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
            several: None,
            transactions: Transactions::default(),
            keyless: false,
            kept: 0,
            most,
            was_full: false,
            rows: 0,
        }
    }

    pub(super) fn of_several(
        flight: Flight<'a>,
        several: &'static Several,
        sinks: &'a mut [&'s mut dyn Sink],
        most: usize,
    ) -> Self {
        Answer { several: Some(several), ..Answer::new(flight, sinks, most) }
    }

    /// Takes the error of a row that cannot be used, if the row's transaction was committed.
    pub(crate) fn take_unusable(&mut self) -> Option<Error> {
        self.transactions.unusable_member.filter(|member| *member < self.transactions.committed)?;
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
                let is_last = error.fatal;
                if self.rejected.is_none() && (is_last || !seeded!(ForgetsError)) {
                    self.rejected = Some((error, self.step));
                }
                // After a FATAL error the server sends nothing more.
                if is_last && let Some(end) = self.failure() {
                    return ControlFlow::Break(end);
                }
            }
            SessionEvent::Ready(status) => {
                let several = self.several;
                if !several.is_some_and(|several| (several.ready)(self, status)) {
                    return ControlFlow::Break(self.land(status));
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Ends the flight with the failure that the server has reported so far: it stays true if the connection ends or the
    /// time limit is exceeded before the ReadyForQuery.
    pub(crate) fn failure(&mut self) -> Option<FlightEnd> {
        let of_several = self.several.and_then(|several| (several.failure)(self, false));
        of_several.or_else(|| self.rejection())
    }

    pub(super) fn rejection(&mut self) -> Option<FlightEnd> {
        self.rejected.take().map(|(error, step)| FlightEnd::StatementRejected { error, step })
    }

    fn land(&mut self, status: Status) -> FlightEnd {
        if let Some(failure) = self.several.and_then(|several| (several.failure)(self, true)) {
            return failure;
        }
        // The results of later statements are ignored: they may have failed because of rows that an earlier run
        // inserted.
        if self.keyless {
            return FlightEnd::KeyNotInserted;
        }
        if let Some(rejected) = self.rejection() {
            return rejected;
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
        let of_several = self.several.and_then(|several| (several.complete)(self, &tag));
        self.step = match self.step {
            _ if let Some(step) = of_several => step,
            Step::Begin => self.flight.after_begin(),
            Step::Key => {
                self.keyless = self.affected == 0 && !seeded!(IgnoresKeyCount);
                self.flight.member(0)
            }
            Step::Member(at) => {
                if !self.is_executed() {
                    return;
                }
                self.finish_member(at);
                self.flight.member(at + 1)
            }
            Step::Commit => {
                self.committed = is_commit(&tag);
                Step::Sync
            }
            Step::Sync | Step::Previous | Step::PreviousSync => Step::Sync,
        };
        self.executed = 0;
        self.affected = 0;
    }

    /// Whether the current member was executed as often as it has arguments.
    pub(super) fn is_executed(&self) -> bool {
        self.member().is_none_or(|member| self.executed >= member.arguments.len())
    }

    pub(super) fn finish_member(&mut self, at: usize) {
        if let Some(sink) = self.sinks.get_mut(self.flight.sink_of(at)) {
            sink.done(self.affected);
        }
    }

    fn member(&self) -> Option<&'a Prepared> {
        match self.step {
            Step::Member(at) => self.flight.members.get(at),
            Step::Key => self.flight.key,
            _ => None,
        }
    }
}

/// Whether the answer to a COMMIT confirms that the transaction was committed.
pub(super) fn is_commit(tag: &Tag) -> bool {
    tag.command == Done::Commit || seeded!(IgnoresRollbackTag)
}
