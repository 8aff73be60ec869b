//! Writes flights of more than one transaction, and reads their answers.
//!
//! There are two kinds. In the first kind, the flight begins with the COMMIT of the previous transaction, and a Sync
//! for this COMMIT (`chunks.rs`). In the second kind, each member of the flight is a transaction, and one Sync ends all
//! transactions (`fused.rs`).
//!
//! `flight.rs` calls this module through a function pointer, and `answer.rs` through a trait object, so that a Worker
//! without statements for many rows does not link this code.

use core::ops::ControlFlow;

use crate::client::answer::{Answer, FlightEnd, ReadSeveral, is_commit};
use crate::client::flight::{BEGIN, COMMIT, Flight, Prepared, Step, WriteFlight, write_control};
use crate::session::{SessionEvent, Status};
use crate::wire::Tag;

/// Adds the COMMIT of the previous transaction, and a Sync for this COMMIT, to the beginning of a flight.
pub(super) fn behind_commit(flight: Flight<'_>) -> Flight<'_> {
    let write: WriteFlight = |flight, connection| {
        write_control(COMMIT, connection)?;
        connection.sync()?;
        flight.write_statements(connection)
    };
    Flight { commits_previous: true, write: Some(write), ..flight }
}

/// Makes a flight in which each member is a separate transaction, between its own BEGIN and COMMIT.
pub(super) fn of_transactions(members: &[Prepared]) -> Flight<'_> {
    let write: WriteFlight = |flight, connection| {
        for member in flight.members {
            write_control(BEGIN, connection)?;
            member.write(connection)?;
            write_control(COMMIT, connection)?;
        }
        connection.sync()
    };
    let (begin, commit, has_one_sink) = (Some(BEGIN), true, true);
    Flight { begin, members, commit, has_one_sink, write: Some(write), ..Flight::default() }
}

/// Reads the answer to [`behind_commit`]. If the previous transaction was not committed, the rest of the answer is
/// received too, and then the failure of the previous transaction is returned.
pub(super) struct BehindCommit;

impl ReadSeveral for BehindCommit {
    fn handle(&mut self, answer: &mut Answer<'_, '_>, event: SessionEvent) -> ControlFlow<FlightEnd> {
        match (answer.step, &event) {
            (Step::Previous, SessionEvent::Completed(tag)) => {
                answer.committed = is_commit(tag);
                answer.go_to(Step::PreviousSync);
            }
            (Step::PreviousSync, SessionEvent::Completed(_)) => {}
            (Step::Previous | Step::PreviousSync, SessionEvent::Ready(status)) => {
                end_previous(answer, *status)
            }
            _ => return answer.handle_one(event),
        }
        ControlFlow::Continue(())
    }
}

/// Handles the ReadyForQuery after the COMMIT of the previous transaction.
fn end_previous(answer: &mut Answer<'_, '_>, status: Status) {
    let failure = match status {
        Status::Idle if answer.committed => None,
        Status::Idle => Some(FlightEnd::RolledBack),
        _ => Some(FlightEnd::UnexpectedState),
    };
    if seeded!(TrustsPreviousCommit) || (answer.reported.is_none() && failure.is_none()) {
        answer.flight.commits_previous = false;
    } else if answer.reported.is_none() {
        answer.reported = failure;
    }
    (answer.committed, answer.renews_limit) = (false, true);
    answer.go_to(answer.flight.after_previous());
}

/// Reads the answer to [`of_transactions`].
#[derive(Default)]
pub(super) struct Members {
    /// The number of members that were committed.
    pub(super) committed: usize,
    /// The number of rows that the committed members have returned.
    pub(super) rows: u64,
    /// The number of members that were answered, apart from their COMMIT.
    answered: usize,
    /// The first member that has a row which cannot be used; set when that member has been answered.
    unusable: Option<usize>,
    /// Whether the COMMIT of a member was answered with ROLLBACK, and whether a later member was committed.
    rolled_back: bool,
    committed_later: bool,
}

impl ReadSeveral for Members {
    fn handle(&mut self, answer: &mut Answer<'_, '_>, event: SessionEvent) -> ControlFlow<FlightEnd> {
        match event {
            SessionEvent::Completed(tag) => {
                self.complete(answer, &tag);
                return ControlFlow::Continue(());
            }
            SessionEvent::Ready(_) => self.report(answer, true),
            _ => {}
        }
        answer.handle_one(event)
    }
}

impl Members {
    /// Whether a row of a committed member cannot be used.
    pub(super) fn is_unusable(&self) -> bool {
        self.unusable.is_some_and(|member| member < self.committed)
    }

    /// Handles a CommandComplete.
    fn complete(&mut self, answer: &mut Answer<'_, '_>, tag: &Tag) {
        answer.count(tag);
        let step = match answer.step {
            Step::Begin => answer.flight.member(self.answered),
            Step::Member(_) if !answer.is_executed() => return,
            Step::Member(at) => {
                answer.finish_member(at);
                self.answered = at + 1;
                if answer.local.is_some() {
                    self.unusable.get_or_insert(at);
                }
                if seeded!(CountsUncommittedChunk) {
                    self.committed = at + 1;
                }
                Step::Commit
            }
            Step::Commit => self.end_member(answer, is_commit(tag)),
            step => step,
        };
        answer.go_to(step);
    }

    /// Handles the answer to the COMMIT of one of the flight's transactions.
    fn end_member(&mut self, answer: &mut Answer<'_, '_>, committed: bool) -> Step {
        // The limit of rows in memory applies to each transaction separately.
        (answer.kept, answer.renews_limit) = (0, true);
        if !committed {
            self.rolled_back = true;
        } else if self.rolled_back {
            self.committed_later = true;
        } else {
            (self.committed, self.rows) = (self.answered, answer.rows);
        }
        let is_last = self.answered == answer.flight.members.len();
        self.report(answer, is_last);
        answer.committed = is_last && !self.rolled_back;
        if is_last { Step::Sync } else { Step::Begin }
    }

    /// Reports the COMMIT that was answered with ROLLBACK. `is_complete`: whether all members are answered.
    fn report(&self, answer: &mut Answer<'_, '_>, is_complete: bool) {
        if self.rolled_back {
            answer.reported = Some(match is_complete && !self.committed_later {
                true => FlightEnd::RolledBack,
                // A transaction was committed, or may still be committed, although an earlier one was not. So the
                // committed rows may not be the first rows.
                false => FlightEnd::UnexpectedState,
            });
        }
    }
}
