//! Reads the answer to a flight.
//!
//! Input: the events of the session, in order. Output: rows for the [`Sink`]s, and the result of the flight. Nothing
//! here awaits.

use core::ops::ControlFlow;

use crate::client::flight::{Flight, Prepared, Sink, Step};
use crate::error::{Error, Kind};
use crate::row::{DataRow, check_description};
use crate::session::{SessionEvent, Status};
use crate::wire::backend::Done;
use crate::wire::{DatabaseError, Field, Row, Tag};

/// How the server answered a flight.
pub(crate) enum FlightEnd {
    /// The server executed everything. If a row could not be used, the `Option` contains the client's own error.
    Completed(Option<Error>),
    /// The server rejected a statement, or the commit.
    StatementRejected { error: Box<DatabaseError>, step: Step },
    /// The INSERT of the idempotency key inserted no row; the statements after it must not be committed.
    KeyNotInserted,
    /// COMMIT was answered with ROLLBACK: the transaction changed nothing.
    RolledBack,
    /// A statement began or ended a transaction, so the transaction state is not the expected state.
    UnexpectedState,
}

/// Reads the answer to a flight of several transactions (`several.rs`). `Answer` holds a trait object, so that a Worker
/// without such flights does not link this code.
pub(super) trait ReadSeveral: Send {
    /// Handles an event. An event that has the same meaning as in the answer to a flight of one transaction is passed
    /// to [`Answer::handle_one`].
    fn handle(&mut self, answer: &mut Answer<'_, '_>, event: SessionEvent) -> ControlFlow<FlightEnd>;
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
    /// The failure that the server has reported so far. The flight ends with this failure even if the connection ends,
    /// or the time limit is exceeded, before the ReadyForQuery.
    pub(super) reported: Option<FlightEnd>,
    pub(super) committed: bool,
    /// Set if the flight has several transactions.
    several: Option<&'a mut dyn ReadSeveral>,
    /// Set when a COMMIT is answered before the end of the flight: the time limit then starts again, because each
    /// transaction of a flight has its own time limit.
    pub(super) renews_limit: bool,
    keyless: bool,
    /// The number of bytes of rows that stay in memory; `most` is the limit.
    pub(super) kept: usize,
    most: usize,
    was_full: bool,
    pub(crate) rows: u64,
}

impl<'a, 's> Answer<'a, 's> {
    pub(crate) fn new(flight: Flight<'a>, sinks: &'a mut [&'s mut dyn Sink], most: usize) -> Self {
        Answer {
            flight,
            sinks,
            step: flight.first_step(),
            executed: 0,
            affected: 0,
            fields: Vec::new(),
            local: None,
            reported: None,
            committed: false,
            several: None,
            renews_limit: false,
            keyless: false,
            kept: 0,
            most,
            was_full: false,
            rows: 0,
        }
    }

    pub(super) fn of_several(
        flight: Flight<'a>,
        several: &'a mut dyn ReadSeveral,
        sinks: &'a mut [&'s mut dyn Sink],
        most: usize,
    ) -> Self {
        Answer { several: Some(several), ..Answer::new(flight, sinks, most) }
    }

    /// Discards the rows, because the flight may be sent again. Returns `false` if a sink has already passed rows on.
    pub(crate) fn discard_rows(&mut self) -> bool {
        self.sinks.iter_mut().all(|sink| sink.restart())
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
        let Some(several) = self.several.take() else { return self.handle_one(event) };
        let handled = several.handle(self, event);
        self.several = Some(several);
        handled
    }

    /// Handles an event of the answer to a flight of one transaction.
    pub(super) fn handle_one(&mut self, event: SessionEvent) -> ControlFlow<FlightEnd> {
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
                if self.reported.is_none() && (is_last || !seeded!(ForgetsError)) {
                    self.reported = Some(FlightEnd::StatementRejected { error, step: self.step });
                }
                // After a FATAL error the server sends nothing more.
                if is_last && let Some(end) = self.reported.take() {
                    return ControlFlow::Break(end);
                }
            }
            SessionEvent::Ready(status) => return ControlFlow::Break(self.land(status)),
        }
        ControlFlow::Continue(())
    }

    // Not inlined, because this makes the code of a Worker smaller.
    #[inline(never)]
    fn land(&mut self, status: Status) -> FlightEnd {
        // The results of later statements are ignored: they may have failed because of rows that an earlier run
        // inserted.
        if self.keyless {
            return FlightEnd::KeyNotInserted;
        }
        if let Some(reported) = self.reported.take() {
            return reported;
        }
        let expected = if self.flight.leaves_open() { Status::InTransaction } else { Status::Idle };
        if self.flight.commit && !self.committed {
            FlightEnd::RolledBack
        } else if status != expected {
            FlightEnd::UnexpectedState
        } else {
            FlightEnd::Completed(self.local.take())
        }
    }

    fn describe(&mut self, fields: Vec<Field>) {
        if let (Some(member), None) = (self.member(), &self.local) {
            // For `dynamic`, and for `sql_unchecked!` without columns, any description is accepted.
            if !(member.unchecked && member.statement.columns.is_empty()) {
                self.local = check_description(&member.statement, &fields).err();
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
        self.count(&tag);
        let step = match self.step {
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
        self.go_to(step);
    }

    /// Counts an execution of the current member.
    pub(super) fn count(&mut self, tag: &Tag) {
        self.affected = self.affected.saturating_add(tag.rows);
        self.executed += 1;
    }

    pub(super) fn go_to(&mut self, step: Step) {
        (self.step, self.executed, self.affected) = (step, 0, 0);
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
