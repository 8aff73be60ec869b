//! SQLSTATE, the code of five characters that identifies an error of PostgreSQL or DSQL.

use core::fmt;

/// A five-character error code: a code in PostgreSQL's appendix A, or one of DSQL's own codes, `OC000` and `OC001`.
///
/// ```
/// use dsql_edge::{Error, SqlState};
///
/// fn is_missing_privilege(error: &Error) -> bool {
///     error.sqlstate() == Some(SqlState::INSUFFICIENT_PRIVILEGE)
/// }
///
/// let state = SqlState::from_bytes(b"22P02").ok_or("five digits and upper-case letters")?;
/// assert_eq!((state.as_str(), state.class()), ("22P02", "22"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// A row with this key exists already.
    pub const UNIQUE_VIOLATION: SqlState = SqlState(*b"23505");
    /// A referenced row does not exist, or a row that is still referenced would be deleted or get another key.
    pub const FOREIGN_KEY_VIOLATION: SqlState = SqlState(*b"23503");
    /// A column that must have a value would be NULL.
    pub const NOT_NULL_VIOLATION: SqlState = SqlState(*b"23502");
    /// A CHECK constraint rejects the row.
    pub const CHECK_VIOLATION: SqlState = SqlState(*b"23514");
    /// DSQL's optimistic concurrency control rejected the transaction, as PostgreSQL does at the isolation levels
    /// REPEATABLE READ and SERIALIZABLE.
    pub const SERIALIZATION_FAILURE: SqlState = SqlState(*b"40001");
    /// DSQL's own code for a [`SERIALIZATION_FAILURE`](SqlState::SERIALIZATION_FAILURE) that a change of rows caused.
    pub const OCC_DATA: SqlState = SqlState(*b"OC000");
    /// DSQL's own code for a [`SERIALIZATION_FAILURE`](SqlState::SERIALIZATION_FAILURE) that a change of the schema
    /// caused.
    pub const OCC_SCHEMA: SqlState = SqlState(*b"OC001");
    /// PostgreSQL rolled back the transaction to end a deadlock. DSQL has no locks and does not send this code.
    pub const DEADLOCK_DETECTED: SqlState = SqlState(*b"40P01");
    /// It is not known whether the statement was executed.
    pub const STATEMENT_COMPLETION_UNKNOWN: SqlState = SqlState(*b"40003");
    /// It is not known whether the transaction was committed.
    pub const TRANSACTION_RESOLUTION_UNKNOWN: SqlState = SqlState(*b"08007");
    /// The server received a message that it did not expect.
    pub const PROTOCOL_VIOLATION: SqlState = SqlState(*b"08P01");
    /// An internal error. DSQL sends this code if a part of the service is not available.
    pub const INTERNAL_ERROR: SqlState = SqlState(*b"XX000");
    /// The table does not exist.
    pub const UNDEFINED_TABLE: SqlState = SqlState(*b"42P01");
    /// The column does not exist.
    pub const UNDEFINED_COLUMN: SqlState = SqlState(*b"42703");
    /// The function or operator does not exist.
    pub const UNDEFINED_FUNCTION: SqlState = SqlState(*b"42883");
    /// The type, or another object, does not exist.
    pub const UNDEFINED_OBJECT: SqlState = SqlState(*b"42704");
    /// The role does not have the privilege for the statement.
    pub const INSUFFICIENT_PRIVILEGE: SqlState = SqlState(*b"42501");
    /// The quota of open connections is used up.
    pub const TOO_MANY_CONNECTIONS: SqlState = SqlState(*b"53300");
    /// A limit of the configuration. DSQL sends this code if connections are opened too fast.
    pub const CONFIGURATION_LIMIT_EXCEEDED: SqlState = SqlState(*b"53400");
    /// The password, here the token, was rejected.
    pub const INVALID_PASSWORD: SqlState = SqlState(*b"28P01");
    /// The server is starting or shutting down.
    pub const CANNOT_CONNECT_NOW: SqlState = SqlState(*b"57P03");

    /// Converts five bytes to a code, if each byte is a digit or an upper-case letter; otherwise, returns `None`.
    pub fn from_bytes(code: &[u8]) -> Option<Self> {
        let code: [u8; 5] = code.try_into().ok()?;
        code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(SqlState(code))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 5] {
        &self.0
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Always ASCII: `from_bytes` checked it.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first two characters: the class.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or_default()
    }

    pub(crate) fn is_of_class(self, class: [u8; 2]) -> bool {
        self.0.starts_with(&class)
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
