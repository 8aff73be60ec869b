//! The one error type of the runtime: predicates for programs, one line for people.
//!
//! Invariant: the line never shows a token, a credential, a parameter or a row. PostgreSQL's DETAIL quotes rows, so
//! `Display` and `Debug` do not show DETAIL; an accessor returns it. `shown` decides which primary messages `Display`
//! and `Debug` show.

#[cfg(feature = "postgres")]
mod advice;
mod kind;
mod shown;

use core::fmt;
use std::borrow::Cow;

pub(crate) use kind::Kind;

use crate::login_rejection::LoginRejection;
use crate::sqlstate::SqlState;
use crate::statement::{Effect, StatementRef};
use crate::types::ConversionError;
use crate::wire::DatabaseError;
use crate::wire::frontend::EXCEEDS_LIMIT;

/// An error of a query, a transaction or a configuration at run time.
///
/// The error is displayed as one line. The line begins with the SQLSTATE and the primary message of the server, or with
/// the failure and how to fix it. If they matter, the number of attempts, the number of committed rows and the outcome
/// follow. The line ends with the location of the query in the source. Programs use the `is_*` methods, which form five
/// groups, one for each question below.
///
/// # Was anything written?
///
/// After most errors, the statement has changed nothing. Two kinds of errors mean that the statement may have changed
/// something; do not run the statement again after such an error. [`is_outcome_unknown`](Error::is_outcome_unknown): a
/// write was sent, and its answer was lost or does not show the outcome. [`is_executed`](Error::is_executed): the write
/// was committed, but the rows that it returned could not be used. [`committed_rows`](Error::committed_rows) counts the
/// rows of a statement for many rows that were committed before the error; [`is_rolled_back`](Error::is_rolled_back)
/// and [`is_transaction_over`](Error::is_transaction_over) are about transactions.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn count(dsql: &Dsql, name: &str) -> Result<(), Error> {
/// let counted = sql!(
///     "UPDATE tag_master SET usage_count = usage_count + 1
///      WHERE tag_name = $name"
/// );
/// match counted.execute(dsql).await {
///     // Only reading the row shows whether the use was counted.
///     // An idempotency key would resolve the outcome.
///     Err(error) if error.is_outcome_unknown() => println!("perhaps counted: {error}"),
///     Err(error) if error.is_executed() => println!("counted, but: {error}"),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Did the database reject the statement?
///
/// [`is_database`](Error::is_database) answers this. [`sqlstate`](Error::sqlstate) returns the code, and common codes
/// have methods: [`is_unique_violation`](Error::is_unique_violation),
/// [`is_foreign_key_violation`](Error::is_foreign_key_violation),
/// [`is_not_null_violation`](Error::is_not_null_violation), [`is_check_violation`](Error::is_check_violation),
/// [`is_conflict`](Error::is_conflict). [`constraint`](Error::constraint), [`table`](Error::table),
/// [`column`](Error::column), [`message`](Error::message), [`detail`](Error::detail) and [`hint`](Error::hint) are the
/// fields of PostgreSQL's error.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn add(dsql: &Dsql, name: &str) -> Result<bool, Error> {
/// let added = sql!(
///     "INSERT INTO tag_master (tag_name, tag_category)
///      VALUES ($name, 'Methodology')"
/// );
/// match added.execute(dsql).await {
///     Ok(_) => Ok(true),
///     Err(error) if error.constraint() == Some("tag_master_pkey") => Ok(false),
///     Err(error) => Err(error),
/// }
/// # }
/// ```
///
/// # Is the database reachable?
///
/// [`is_connect`](Error::is_connect) covers everything up to the login, except a time limit
/// ([`is_timeout`](Error::is_timeout)). After [`is_credentials`](Error::is_credentials) and
/// [`is_access_denied`](Error::is_access_denied), an operator must change the configuration;
/// [`is_throttled`](Error::is_throttled), [`is_waking_up`](Error::is_waking_up) and, with a pool, `is_overloaded` pass
/// after some time. After the login, [`is_connection_lost`](Error::is_connection_lost) and
/// [`is_timeout`](Error::is_timeout) apply. A transient error is returned only after [`attempts`](Error::attempts)
/// attempts.
///
/// ```
/// # use dsql_edge::Error;
/// fn status(error: &Error) -> u16 {
///     let passes = error.is_throttled() || error.is_waking_up() || error.is_timeout();
///     if passes { 503 } else { 500 }
/// }
/// ```
///
/// # Do the rows fit the code?
///
/// [`is_stale_snapshot`](Error::is_stale_snapshot): the schema differs from the one that the query was compiled
/// against. [`is_conversion`](Error::is_conversion): a value does not fit its type. [`is_no_rows`](Error::is_no_rows)
/// and [`is_too_many_rows`](Error::is_too_many_rows): the number of rows is not one.
/// [`is_too_long`](Error::is_too_long): more bytes than [`Config`](crate::Config) allows.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn usage(dsql: &Dsql, name: &str) -> Result<i32, Error> {
/// let query = sql!("SELECT usage_count FROM tag_master WHERE tag_name = $name");
/// let usage = query.fetch_value(dsql).await;
/// match usage {
///     Err(error) if error.is_no_rows() => Ok(0),
///     other => other,
/// }
/// # }
/// ```
///
/// # Is the program wrong?
///
/// [`is_config`](Error::is_config): a binding or setting is missing or malformed; the error's text shows how to set it.
/// [`is_other_request`](Error::is_other_request): a [`Dsql`](crate::Dsql) was used in a request other than the one in
/// which it was made.
///
/// # What the line shows
///
/// An error is shown as one line, by `Display`, by `Debug` and as a `worker::Error`. Frameworks put this line into logs
/// and answers, so it does not quote parameters or rows. The line contains the server's message only if the messages
/// with this SQLSTATE contain names of objects, limits and states, and no values: constraints (23), names and types
/// (42), features that DSQL does not support (0A), conflicts (40), resources and limits (53, 54), connections and
/// logins (08, 28) and the like. For other SQLSTATEs, such as data exceptions (22: `invalid input syntax for type
/// integer: "…"`), the line has the SQLSTATE and a text without values, and [`message`](Error::message) returns the
/// server's message.
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    statement: Option<StatementRef>,
    outcome: Outcome,
    attempts: u32,
    /// For a statement in chunks or batches, the number of rows that it had committed, and the function that formats
    /// this number. The function is called through a pointer, so that a Worker without such statements does not link
    /// the function.
    committed: Option<(usize, WriteRows)>,
    /// How to fix a rejected login, if the server is not a DSQL cluster.
    #[cfg(feature = "postgres")]
    advice: Option<Option<&'static str>>,
}

type WriteRows = fn(&mut fmt::Formatter<'_>, usize, Outcome) -> fmt::Result;

/// Whether a statement that ended with an error changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The statement changed nothing, or only reads.
    Nothing,
    /// The statement was executed and committed; its rows could not be used.
    Executed,
    /// The statement may have been executed.
    Unknown,
}

pub(crate) const FAILED: &str = "the transaction is over: a statement of it failed or was dropped";
pub(crate) const FAILED_WITH: &str = "the transaction is over: a statement of it failed with SQLSTATE ";
pub(crate) const OUTLIVED: &str = "the transaction is over: its closure has returned";

const REBUILD: &str = "run `dsql-edge migrate` or `pull`, and build again";
const WHERE_ONE: &str = " where one is expected";

impl Error {
    /// Whether a binding, the endpoint or another setting is missing or malformed.
    pub fn is_config(&self) -> bool {
        matches!(self.0.kind, Kind::Config(_))
    }

    /// Whether no connection was opened: the server does not listen, TLS failed, the login was rejected, or there were
    /// no credentials. The query may have been executed only if [`is_outcome_unknown`](Error::is_outcome_unknown) is
    /// true: the outcome can be unknown because the first query is sent with the login. If the statement runs in chunks
    /// or batches, the earlier chunks or batches may be committed ([`committed_rows`](Error::committed_rows)).
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect(_) | Kind::LoginRejected(_) | Kind::Credentials(_))
    }

    /// Whether there were no credentials to sign with: a provider failed, or STS rejected the role.
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, Kind::Credentials(_))
    }

    /// Whether the server rejected the login because of the token, its keys or the role.
    pub fn is_access_denied(&self) -> bool {
        self.rejection().is_some_and(LoginRejection::is_access_denied)
    }

    /// Whether the server rejected the connection because too many are open, or too many were opened per second.
    pub fn is_throttled(&self) -> bool {
        self.rejection().is_some_and(LoginRejection::is_throttled)
    }

    /// Whether the server rejected the connection because the cluster was idle and is starting.
    pub fn is_waking_up(&self) -> bool {
        self.rejection().is_some_and(LoginRejection::is_waking_up)
    }

    /// Whether the connection ended after the login: it broke, or the server ended it with a FATAL error.
    pub fn is_connection_lost(&self) -> bool {
        match &self.0.kind {
            Kind::Lost(_) => true,
            Kind::Database(error) => error.fatal,
            _ => false,
        }
    }

    /// Whether a message, a row or a result is longer than [`Config`](crate::Config) allows. A message that is too long
    /// to send was not sent.
    pub fn is_too_long(&self) -> bool {
        matches!(self.0.kind, Kind::TooLong(_) | Kind::Unsendable(EXCEEDS_LIMIT))
    }

    /// Whether the server answered COMMIT with ROLLBACK: the transaction changed nothing.
    pub fn is_rolled_back(&self) -> bool {
        matches!(self.0.kind, Kind::RolledBack)
    }

    /// Whether the transaction had already ended: an earlier statement of it had failed, or its closure had returned.
    /// If the server rejected the earlier statement, the text of this error contains the SQLSTATE of that rejection.
    pub fn is_transaction_over(&self) -> bool {
        matches!(self.0.kind, Kind::TransactionOver(_))
    }

    /// The number of rows that a statement for many rows (outside a transaction) or a statement in batches had
    /// committed before the error. If [`is_outcome_unknown`](Error::is_outcome_unknown) is false, the later rows were
    /// not committed. If the outcome is unknown, the next chunk or batch may have been committed; with `fused`, several
    /// of the next chunks.
    pub fn committed_rows(&self) -> Option<u64> {
        self.0.committed.map(|(rows, _)| rows as u64)
    }

    /// The number of attempts.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether something took longer than [`Config`](crate::Config) allows.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::Timeout(_))
    }

    /// Whether too many queries and transactions already wait for the pool. Nothing was executed. Without the feature
    /// `pool`, no error is of this kind.
    pub fn is_overloaded(&self) -> bool {
        #[cfg(feature = "pool")]
        let is_overloaded = matches!(self.0.kind, Kind::Overloaded(_));
        #[cfg(not(feature = "pool"))]
        let is_overloaded = false;
        is_overloaded
    }

    /// Whether the server answered the query with an error; [`sqlstate`](Error::sqlstate) returns its code.
    pub fn is_database(&self) -> bool {
        matches!(self.0.kind, Kind::Database(_))
    }

    /// Whether a row with this key exists already (23505).
    pub fn is_unique_violation(&self) -> bool {
        self.is_state(SqlState::UNIQUE_VIOLATION)
    }

    /// Whether a referenced row does not exist, or a row that is still referenced would be deleted or get another key
    /// (23503).
    pub fn is_foreign_key_violation(&self) -> bool {
        self.is_state(SqlState::FOREIGN_KEY_VIOLATION)
    }

    /// Whether a column that must have a value would be NULL (23502).
    pub fn is_not_null_violation(&self) -> bool {
        self.is_state(SqlState::NOT_NULL_VIOLATION)
    }

    /// Whether a CHECK constraint rejects the row (23514).
    pub fn is_check_violation(&self) -> bool {
        self.is_state(SqlState::CHECK_VIOLATION)
    }

    /// Whether the transaction conflicts with another one that committed first (40001; DSQL's OC000 and OC001), or was
    /// rolled back to end a deadlock (40P01, with the feature `postgres`). Nothing was changed, and the whole
    /// transaction may be run again.
    pub fn is_conflict(&self) -> bool {
        self.database_error().is_some_and(DatabaseError::is_conflict)
    }

    /// Whether the schema differs from the one that the query was compiled against.
    pub fn is_stale_snapshot(&self) -> bool {
        match &self.0.kind {
            Kind::Stale { .. } => true,
            Kind::Database(error) => error.is_one_of(ABOUT_THE_SCHEMA),
            _ => false,
        }
    }

    /// Whether a value does not fit its Rust type, or its SQL type.
    pub fn is_conversion(&self) -> bool {
        matches!(self.0.kind, Kind::Decode { .. } | Kind::Encode { .. } | Kind::Unsendable(_))
            && !self.is_too_long()
    }

    /// Whether `fetch_one` or `fetch_value` found no row.
    pub fn is_no_rows(&self) -> bool {
        matches!(self.0.kind, Kind::NoRows)
    }

    /// Whether a method for one row, such as `fetch_one` or `fetch_optional_value`, found more than one row.
    pub fn is_too_many_rows(&self) -> bool {
        matches!(self.0.kind, Kind::TooManyRows)
    }

    /// Whether a write was sent, and its answer was lost or does not show the outcome: the write may have been
    /// executed.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.outcome == Outcome::Unknown
    }

    /// Whether a statement or pipeline that writes was executed and committed, but its rows could not be used: the
    /// snapshot is stale, a value does not fit, or there were more or fewer rows than expected. Do not run the
    /// statement again. Call [`is_no_rows`](Error::is_no_rows) first: an UPDATE … RETURNING that found no row was
    /// executed as well, and changed nothing.
    pub fn is_executed(&self) -> bool {
        self.0.outcome == Outcome::Executed
    }

    /// Whether a [`Dsql`](crate::Dsql) was used in a request that it does not belong to.
    pub fn is_other_request(&self) -> bool {
        matches!(self.0.kind, Kind::OtherRequest)
    }

    /// The SQLSTATE of the server's error.
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.database_error()?.sqlstate
    }

    /// The name of the constraint that rejected the row, as the server sends it.
    pub fn constraint(&self) -> Option<&str> {
        self.database_error()?.constraint.as_deref()
    }

    /// The table that the server's error is about.
    pub fn table(&self) -> Option<&str> {
        self.database_error()?.table.as_deref()
    }

    /// The column that the error is about: an error of the server, a conversion error, or a stale snapshot.
    pub fn column(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Stale { column, .. } => Some(column),
            Kind::Decode { column, .. } => Some(column),
            _ => self.database_error()?.column.as_deref(),
        }
    }

    /// The primary message of the server's error, even if `Display` hides this message because it can quote a value.
    /// Use the message in code, not in logs or in answers to users.
    pub fn message(&self) -> Option<&str> {
        Some(&self.database_error()?.message)
    }

    /// The DETAIL of the server's error. The DETAIL may quote rows: do not use it in logs or in answers to users.
    pub fn detail(&self) -> Option<&str> {
        self.database_error()?.detail.as_deref()
    }

    /// The HINT of the server's error.
    pub fn hint(&self) -> Option<&str> {
        self.database_error()?.hint.as_deref()
    }

    /// The error of a [`CredentialsProvider`](crate::auth::CredentialsProvider) that has no credentials. The text is
    /// shown to users and in logs unchanged, so it must not contain a secret.
    ///
    /// ```
    /// let error = dsql_edge::Error::credentials("the vault is sealed");
    /// assert!(error.is_credentials() && error.to_string() == "the vault is sealed");
    /// ```
    pub fn credentials(text: impl Into<Cow<'static, str>>) -> Self {
        Error::new(Kind::Credentials(text.into()))
    }

    #[cfg(feature = "pool")]
    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    pub(crate) fn new(kind: Kind) -> Self {
        Error(Box::new(Inner {
            kind,
            statement: None,
            outcome: Outcome::Nothing,
            attempts: 1,
            committed: None,
            #[cfg(feature = "postgres")]
            advice: None,
        }))
    }

    pub(crate) fn config(text: impl Into<Cow<'static, str>>) -> Self {
        Error::new(Kind::Config(text.into()))
    }

    /// Returns the error for a value that cannot be sent. `value`: `parameter $limit of type int8`.
    pub(crate) fn encode(value: &'static str, reason: ConversionError) -> Self {
        Error::new(Kind::Encode { value, reason })
    }

    pub(crate) fn connect(text: impl Into<Cow<'static, str>>) -> Self {
        Error::new(Kind::Connect(text.into()))
    }

    /// Adds the query that the error is about, if the error has no query yet.
    pub(crate) fn at(mut self, statement: &StatementRef) -> Self {
        self.0.statement.get_or_insert_with(|| statement.clone());
        self
    }

    /// Adds the query that the error is about, if there is one.
    pub(crate) fn of(self, statement: Option<&StatementRef>) -> Self {
        match statement {
            Some(statement) => self.at(statement),
            None => self,
        }
    }

    /// Sets the outcome of the statement.
    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// Sets the number of attempts.
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Sets the number of rows that had been committed.
    pub(crate) fn after_rows(mut self, rows: usize) -> Self {
        self.0.committed = Some((rows, |f, rows, outcome| {
            let least = if outcome == Outcome::Unknown { "at least " } else { "" };
            write!(f, "; {least}{rows} rows had been committed")
        }));
        self
    }

    /// A copy of the error, for another recipient.
    pub(crate) fn again(&self) -> Self {
        Error(self.0.clone())
    }

    fn rejection(&self) -> Option<LoginRejection> {
        match &self.0.kind {
            Kind::LoginRejected(error) => Some(LoginRejection::of(error)),
            _ => None,
        }
    }

    fn database_error(&self) -> Option<&DatabaseError> {
        match &self.0.kind {
            Kind::LoginRejected(error) | Kind::Database(error) => Some(error),
            _ => None,
        }
    }

    fn is_state(&self, state: SqlState) -> bool {
        self.database_error().is_some_and(|error| error.is_one_of(&[state]))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, joint, more): (&str, &str, &str) = match &self.0.kind {
            Kind::Config(text)
            | Kind::Credentials(text)
            | Kind::Connect(text)
            | Kind::Lost(text)
            | Kind::TransactionOver(text) => (text, "", ""),
            Kind::LoginRejected(error) => {
                f.write_str("the server rejected the login: ")?;
                // The error of a rejected login names the user and the signer's ARN. The text contains no values of
                // rows, because no statement was executed.
                shown::write_database_error(f, error, !shown::repeats_token(error))?;
                let advice = LoginRejection::of(error).advice();
                #[cfg(feature = "postgres")]
                let advice = self.0.advice.unwrap_or(advice);
                advice.map_or(("", "", ""), |advice| ("", "; ", advice))
            }
            Kind::Database(error) => {
                shown::write_database_error(f, error, shown::is_shown(error))?;
                if self.is_stale_snapshot() {
                    ("", "; if this worked when it was compiled, ", REBUILD)
                } else {
                    ("", "", "")
                }
            }
            #[cfg(feature = "pool")]
            Kind::Overloaded(text) => (text, "", ""),
            Kind::Protocol(text) => ("the server violates the protocol: ", text, ""),
            Kind::Unsendable(text) => ("the query was not sent: ", text, ""),
            Kind::Timeout(text) => ("timeout ", text, ""),
            Kind::Stale { difference, .. } => (difference, "; ", REBUILD),
            Kind::Decode { value, reason, .. } => (value, ": ", reason.text()),
            Kind::Encode { value, reason } => (value, ": ", reason.text()),
            Kind::TooLong(text) => (text, "", ""),
            Kind::RolledBack => ("COMMIT was answered with ROLLBACK: nothing was committed", "", ""),
            Kind::UnexpectedTransactionState => {
                ("a statement began or ended a transaction: leave that to `dsql.transaction(…)`", "", "")
            }
            Kind::NoRows => ("no row", WHERE_ONE, ""),
            Kind::TooManyRows => ("more than one row", WHERE_ONE, ""),
            Kind::OtherRequest => {
                ("this Dsql belongs to another request: make one in each request, not in a static", "", "")
            }
        };
        f.write_str(what)?;
        f.write_str(joint)?;
        f.write_str(more)?;
        if self.0.attempts > 1 {
            write!(f, "; after {} attempts", self.0.attempts)?;
        }
        if let Some((rows, write)) = self.0.committed {
            write(f, rows, self.0.outcome)?;
        }
        if self.0.outcome != Outcome::Nothing {
            let may = self.0.statement.as_ref().is_some_and(|it| it.effect == Effect::MayWrite);
            f.write_str(if may { "; the statement may write" } else { "; the statement writes" })?;
        }
        f.write_str(match self.0.outcome {
            Outcome::Nothing => "",
            Outcome::Executed => ", and it was executed",
            Outcome::Unknown => ", and whether it was executed is not known",
        })?;
        // The command line's own statements have no file, because they are not in the user's sources.
        if let Some(statement) = self.0.statement.as_ref().filter(|it| !it.file().is_empty()) {
            let separator = if statement.name.is_empty() { "" } else { ", " };
            write!(f, " ({}{separator}{}:{})", statement.name, statement.file(), statement.line)?;
        }
        Ok(())
    }
}

const ABOUT_THE_SCHEMA: &[SqlState] = &[
    SqlState::UNDEFINED_TABLE,
    SqlState::UNDEFINED_COLUMN,
    SqlState::UNDEFINED_FUNCTION,
    SqlState::UNDEFINED_OBJECT,
];

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// Writes the line of `Display`, so that `unwrap` and `{:?}` in a log show the same text.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Error(")?;
        self.write(f)?;
        f.write_str(")")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            Kind::Decode { reason, .. } | Kind::Encode { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Lets a Worker's handler use `?`. The text of the `worker::Error` is the line of `Display`.
impl From<Error> for worker::Error {
    fn from(error: Error) -> Self {
        worker::Error::RustError(error.to_string())
    }
}

#[cfg(test)]
mod tests;
