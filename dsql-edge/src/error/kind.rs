//! Defines the kinds of errors.

use std::borrow::Cow;

use crate::types::ConversionError;
use crate::wire::DatabaseError;

/// The kind of an error, with the data of that kind.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A binding, an endpoint or a limit is missing or malformed. The text contains the name of the setting, and shows
    /// how to set it.
    Config(Cow<'static, str>),
    /// No credentials to sign with. The query was not executed.
    Credentials(Cow<'static, str>),
    /// No connection. The query may have been executed only if the error has `Outcome::Unknown`, because the first
    /// query is sent with the login.
    Connect(Cow<'static, str>),
    /// The server rejected the login. The query was not executed.
    LoginRejected(Box<DatabaseError>),
    /// The server rejected the query.
    Database(Box<DatabaseError>),
    /// The connection broke after the login.
    Lost(Cow<'static, str>),
    /// The server violates PostgreSQL's protocol.
    Protocol(&'static str),
    /// The query is too long, contains a NUL, or would ignore a value that is given (optional text). The query was not
    /// sent.
    Unsendable(&'static str),
    Timeout(Cow<'static, str>),
    /// Too many requests already wait for the pool. The query was not executed.
    #[cfg(feature = "pool")]
    Overloaded(Cow<'static, str>),
    /// The server's description of the columns, or a NULL in a row, does not match the compiled query.
    Stale {
        column: String,
        difference: String,
    },
    Decode {
        column: &'static str,
        value: String,
        reason: ConversionError,
    },
    Encode {
        /// `parameter $limit of type int8`
        value: &'static str,
        reason: ConversionError,
    },
    NoRows,
    TooManyRows,
    /// A message, a row or a result exceeds a limit. The text contains the name of the limit.
    TooLong(&'static str),
    /// COMMIT was answered with ROLLBACK.
    RolledBack,
    /// A statement contained its own BEGIN, COMMIT or ROLLBACK.
    UnexpectedTransactionState,
    /// The transaction has ended: it failed, or its closure has returned.
    TransactionOver(Cow<'static, str>),
    OtherRequest,
}
