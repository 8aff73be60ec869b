//! Bugs that tests switch on, to check that the harness finds them.

use std::cell::Cell;

thread_local! {
    static SEEDED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A bug that is easy to make in a client: in its protocol, its retries, or its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// CommandComplete is treated as the end of the flight.
    SuccessOnCommandComplete,
    /// An answer to COMMIT other than COMMIT is treated as success.
    IgnoresRollbackTag,
    /// A write that may have been committed runs again.
    RetriesAfterCommit,
    /// A write that may have been committed is reported as not executed.
    DeniesUnknownOutcome,
    /// A write that was sent with the login runs again after the connection broke during the login.
    RetriesWriteInLogin,
    /// The server's error is forgotten at ReadyForQuery.
    ForgetsError,
    /// The end of the stream is treated as the end of a successful answer.
    TakesEndOfFileForSuccess,
    /// A connection in a transaction block is lent to another query.
    ReusesOpenTransaction,
    /// A connection whose flight was dropped is lent to another query.
    ReusesHalfReadConnection,
    /// The answer to a ROLLBACK, for which no task waited, is treated as the answer to the next statement.
    MistakesRollbackAnswer,
    /// The closure's result is returned although a statement of the transaction had failed.
    TrustsClosureResult,
    /// An error that ends the session is treated as proof that nothing was executed.
    TrustsFatalError,
    /// An idempotency key that inserted no row is treated as inserted.
    IgnoresKeyCount,
    /// A flight that was sent with a login is treated as not sent.
    DeniesSentStatements,
    /// The result of a flight that only inserts the key is discarded.
    DiscardsKeyResult,
    /// A later attempt's failure hides that an earlier COMMIT may have succeeded.
    ForgetsUnknownOutcome,
    /// A flight that writes is sent with the login before the endpoint has accepted direct TLS.
    SendsWriteUnproven,
    /// Any connection with direct TLS that breaks before an answer is treated as rejected by the server.
    TrustsRejection,
    /// A chunk is treated as committed although its COMMIT, which was sent with the next chunk, has failed.
    TrustsPreviousCommit,
    /// A chunk whose COMMIT was sent with the next chunk, and not answered, is treated as not committed.
    DeniesPreviousCommit,
    /// A chunk is counted as committed before its COMMIT is answered.
    CountsUncommittedChunk,
    /// After the connection of a transaction has ended between two statements, the transaction continues on another
    /// connection.
    ForgetsLostTransaction,
    /// A flight is sent on a connection that was opened before the query, without a check whether the connection is
    /// alive.
    SendsOnDeadWarmUp,
    /// A connection that was opened before a query needed it, and that no query has used, is not closed.
    LeavesWarmUpOpen,
    /// A pool lends a connection that is in a transaction block.
    #[cfg(feature = "pool")]
    LendsOpenTransaction,
    /// A pool lends a connection whose last flight has not been answered.
    #[cfg(feature = "pool")]
    LendsUnanswered,
    /// A pool lends a connection that has received half of a flight.
    #[cfg(feature = "pool")]
    LendsMidway,
    /// A pool reports that nothing was sent although bytes of the flight were sent.
    #[cfg(feature = "pool")]
    DeniesHandedOver,
    /// A pool forwards the answer to its own ROLLBACK to the next client.
    #[cfg(feature = "pool")]
    PassesRollbackOn,
    /// A pool still counts a connection that was closed.
    #[cfg(feature = "pool")]
    CountsClosedConnection,
    /// A client that has left keeps its position in a pool's queue.
    #[cfg(feature = "pool")]
    KeepsTicketOfLeftClient,
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
        Bug::TrustsClosureResult,
        Bug::ForgetsKeyOnRetry,
        Bug::TrustsFatalError,
        Bug::IgnoresKeyCount,
        Bug::DeniesSentStatements,
        Bug::DiscardsKeyResult,
        Bug::ForgetsUnknownOutcome,
        #[cfg(feature = "direct-tls")]
        Bug::SendsWriteUnproven,
        #[cfg(feature = "direct-tls")]
        Bug::TrustsRejection,
        Bug::TrustsPreviousCommit,
        Bug::DeniesPreviousCommit,
        Bug::CountsUncommittedChunk,
        Bug::ForgetsLostTransaction,
        Bug::SendsOnDeadWarmUp,
        Bug::LeavesWarmUpOpen,
    ];

    #[cfg(feature = "pool")]
    pub(super) const OF_POOL: &[Bug] = &[
        Bug::LendsOpenTransaction,
        Bug::LendsUnanswered,
        Bug::LendsMidway,
        Bug::KeepsTicketOfLeftClient,
        Bug::DeniesHandedOver,
        Bug::PassesRollbackOn,
        Bug::CountsClosedConnection,
    ];
}

/// Whether this bug is switched on, in this thread.
pub(crate) fn is_seeded(bug: Bug) -> bool {
    SEEDED.get() == Some(bug)
}

/// Runs a function with a bug switched on.
pub(super) fn with<T>(bug: Bug, act: impl FnOnce() -> T) -> T {
    SEEDED.set(Some(bug));
    let done = act();
    SEEDED.set(None);
    done
}
