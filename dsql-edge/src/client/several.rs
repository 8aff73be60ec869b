//! Flights of more than one transaction: how they are written, and how their answers are read.
//!
//! There are two kinds. In the first kind, the COMMIT of the previous transaction is sent before the flight, with a Sync
//! of its own (`chunks.rs`). In the second kind, each member is a transaction, and all have one Sync (`fused.rs`).
//!
//! `flight.rs` and `answer.rs` call this module through function pointers, so that a Worker without statements for many
//! rows does not link this code.

use crate::client::answer::{Answer, FlightEnd, Several, Transactions, is_commit};
use crate::client::flight::{BEGIN, COMMIT, Flight, Prepared, Step, WriteFlight, write_control};
use crate::error::Kind;
use crate::retry::Signal;
use crate::session::Status;

/// A flight behind the COMMIT of the previous transaction.
pub(super) fn behind_commit(flight: Flight<'_>) -> Flight<'_> {
    let write: WriteFlight = |flight, connection| {
        write_control(COMMIT, connection)?;
        connection.sync()?;
        flight.write_statements(connection)
    };
    Flight { commits_previous: true, write: Some(write), ..flight }
}

/// A flight whose members are transactions.
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

/// Reads the answer to [`behind_commit`].
pub(super) static BEHIND_COMMIT: Several = Several {
    complete: |answer, tag| match answer.step {
        Step::Previous => {
            answer.committed = is_commit(tag);
            Some(Step::PreviousSync)
        }
        Step::PreviousSync => Some(Step::PreviousSync),
        _ => None,
    },
    ready: |answer, status| {
        let is_previous = matches!(answer.step, Step::Previous | Step::PreviousSync);
        if is_previous {
            end_previous(answer, status);
        }
        is_previous
    },
    failure: |answer, _| match &answer.rejected {
        Some((_, Step::Previous | Step::PreviousSync)) => answer.rejection(),
        _ => {
            let (kind, signal) = answer.transactions.previous.take()?;
            Some(FlightEnd::UnexpectedState(kind, signal))
        }
    },
};

/// Handles the ReadyForQuery after the COMMIT of the previous transaction. If the previous transaction was not
/// committed, the rest of the answer is received too, and then the failure of the previous transaction is returned.
fn end_previous(answer: &mut Answer<'_, '_>, status: Status) {
    let state = match status {
        Status::Idle if answer.committed || answer.rejected.is_some() => None,
        Status::Idle => Some((Kind::RolledBack, Signal::Answered)),
        _ => Some((Kind::UnexpectedTransactionState, Signal::TransactionState)),
    };
    let failed = answer.rejected.is_some() || state.is_some();
    if !failed || seeded!(TrustsPreviousCommit) {
        answer.flight.commits_previous = false;
    } else {
        answer.transactions.previous = state;
    }
    answer.committed = false;
    answer.transactions.answered += 1;
    answer.step = answer.flight.after_previous();
}

/// Reads the answer to [`of_transactions`].
pub(super) static MEMBERS: Several = Several {
    complete: |answer, tag| match answer.step {
        Step::Begin => Some(answer.flight.member(answer.transactions.members)),
        Step::Member(at) if answer.is_executed() => {
            answer.finish_member(at);
            answer.transactions.members = at + 1;
            if answer.local.is_some() {
                answer.transactions.unusable_member.get_or_insert(at);
            }
            if seeded!(CountsUncommittedChunk) {
                answer.transactions.committed = at + 1;
            }
            Some(Step::Commit)
        }
        Step::Commit => Some(end_member(answer, is_commit(tag))),
        _ => None,
    },
    ready: |_, _| false,
    failure: |answer, is_complete| {
        let is_complete = is_complete || answer.step == Step::Sync;
        let Transactions { rolled_back, committed_later, .. } = answer.transactions;
        rolled_back.then_some(match is_complete && !committed_later {
            true => FlightEnd::UnexpectedState(Kind::RolledBack, Signal::Answered),
            // The committed transactions are not the first transactions of the flight.
            false => FlightEnd::UnexpectedState(Kind::UnexpectedTransactionState, Signal::TransactionState),
        })
    },
};

/// Handles the answer to the COMMIT of a member.
fn end_member(answer: &mut Answer<'_, '_>, committed: bool) -> Step {
    // The limit of the rows in memory is for each transaction.
    answer.kept = 0;
    let all = &mut answer.transactions;
    all.answered += 1;
    if !committed {
        all.rolled_back = true;
    } else if all.rolled_back {
        all.committed_later = true;
    } else {
        (all.committed, all.rows) = (all.members, answer.rows);
    }
    let is_last = all.members == answer.flight.members.len();
    answer.committed = is_last && !all.rolled_back;
    if is_last { Step::Sync } else { Step::Begin }
}
