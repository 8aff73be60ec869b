//! Interprets the answer to the INSERT of an idempotency key.
//!
//! Input: the error that the server reported for the INSERT, or the fact that no row was inserted. Output: whether an
//! earlier run committed the key. `Key` holds a function pointer, so that a Worker without idempotency keys does not
//! link this code.

use crate::query::KeyInsert;
use crate::sqlstate::SqlState;
use crate::statement::KeyConstraints;
use crate::wire::DatabaseError;

/// The constraints whose violation proves that the key was committed before.
pub(super) struct Key {
    constraints: &'static KeyConstraints,
    judge: fn(&KeyConstraints, Option<&DatabaseError>) -> Verdict,
}

/// The meaning of the answer to the key's INSERT.
pub(super) struct Verdict {
    /// Whether an earlier run committed the key.
    pub(super) taken: bool,
    /// The text of the client's own error, which is used if the server reported no error.
    pub(super) text: &'static str,
}

impl Key {
    pub(super) fn of(insert: &KeyInsert) -> Self {
        Key { constraints: insert.constraints, judge }
    }

    /// Interprets the answer. `violation` is the server's error, or `None` if the INSERT succeeded and inserted no row.
    pub(super) fn judge(&self, violation: Option<&DatabaseError>) -> Verdict {
        (self.judge)(self.constraints, violation)
    }
}

fn judge(constraints: &KeyConstraints, violation: Option<&DatabaseError>) -> Verdict {
    let taken = match violation {
        Some(error) => {
            error.is_one_of(&[SqlState::UNIQUE_VIOLATION]) && constraints.include(error.constraint.as_deref())
        }
        None => constraints.does_nothing,
    };
    Verdict { taken, text: if taken { TAKEN } else { DROPPED } }
}

const TAKEN: &str = "the transaction is over: its idempotency key exists already, so it was committed before";
const DROPPED: &str = "the transaction was rolled back: the INSERT of its idempotency key inserted no row (a trigger, a \
     rule or a policy can cause this), so nothing would prevent a second run";
