//! Bugs that can be switched on, to see that the harness bites.

use std::cell::Cell;

thread_local! {
    static SEEDED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A mistake that a client of this protocol may well make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// CommandComplete is taken for the end.
    SuccessOnCommandComplete,
    /// An answer to COMMIT other than COMMIT is taken for success.
    IgnoresRollbackTag,
    /// A write that may have been committed runs again.
    RetriesAfterCommit,
    /// A write that may have been committed is reported as not executed.
    DeniesUnknownOutcome,
    /// A write whose login broke runs again.
    RetriesWriteInLogin,
    /// The server's error is forgotten at ReadyForQuery.
    ForgetsError,
    /// The end of file ends an answer well.
    TakesEndOfFileForSuccess,
    /// A connection in a transaction block is lent to anyone.
    ReusesOpenTransaction,
    /// A connection whose flight was dropped is lent again.
    ReusesHalfReadConnection,
    /// The answer to a ROLLBACK that no task waited for is taken for that of the next statement.
    MistakesRollbackAnswer,
    /// The closure's result is returned, though a statement of the transaction had failed.
    BelievesTheClosure,
    /// An error that ends the session is taken for proof that nothing was executed.
    TrustsFatalError,
    /// An idempotency key that inserted no row counts as inserted.
    IgnoresKeyCount,
    /// A flight that was sent with a login counts as not sent.
    DeniesSentStatements,
    /// The result of the flight that inserts the key alone is discarded.
    DiscardsKeyResult,
    /// A later attempt's failure hides that an earlier COMMIT may have succeeded.
    ForgetsUnknownOutcome,
    /// A pool lends a connection that is in a transaction block.
    #[cfg(feature = "pool")]
    LendsOpenTransaction,
    /// A pool lends a connection whose last flight has not been answered.
    #[cfg(feature = "pool")]
    LendsUnanswered,
    /// A pool lends a connection that has received half of a flight.
    #[cfg(feature = "pool")]
    LendsMidway,
    /// A pool reports that nothing was handed over, though something was.
    #[cfg(feature = "pool")]
    DeniesHandedOver,
    /// A pool passes the answer to its own ROLLBACK on to the next client.
    #[cfg(feature = "pool")]
    PassesRollbackOn,
    /// A pool goes on counting a connection that has been closed.
    #[cfg(feature = "pool")]
    CountsOnWhatLeft,
    /// The place in a pool's queue of a client that has left is never free.
    #[cfg(feature = "pool")]
    KeepsTicketOfTheDeparted,
    /// The key is left out when the transaction runs again.
    ForgetsKeyOnRetry,
}

impl Bug {
    pub(super) const OF_CLIENT: &[Bug] = &[
        Bug::SuccessOnCommandComplete,
        Bug::IgnoresRollbackTag,
        Bug::RetriesAfterCommit,
        Bug::DeniesUnknownOutcome,
        Bug::RetriesWriteInLogin,
        Bug::ForgetsError,
        Bug::TakesEndOfFileForSuccess,
        Bug::ReusesOpenTransaction,
        Bug::ReusesHalfReadConnection,
        Bug::MistakesRollbackAnswer,
        Bug::BelievesTheClosure,
        Bug::ForgetsKeyOnRetry,
        Bug::TrustsFatalError,
        Bug::IgnoresKeyCount,
        Bug::DeniesSentStatements,
        Bug::DiscardsKeyResult,
        Bug::ForgetsUnknownOutcome,
    ];

    #[cfg(feature = "pool")]
    pub(super) const OF_POOL: &[Bug] = &[
        Bug::LendsOpenTransaction,
        Bug::LendsUnanswered,
        Bug::LendsMidway,
        Bug::KeepsTicketOfTheDeparted,
        Bug::DeniesHandedOver,
        Bug::PassesRollbackOn,
        Bug::CountsOnWhatLeft,
    ];
}

/// Whether this bug is switched on, in this thread.
pub(crate) fn is_seeded(bug: Bug) -> bool {
    SEEDED.get() == Some(bug)
}

/// Does something with a bug.
pub(super) fn with<T>(bug: Bug, act: impl FnOnce() -> T) -> T {
    SEEDED.set(Some(bug));
    let done = act();
    SEEDED.set(None);
    done
}
