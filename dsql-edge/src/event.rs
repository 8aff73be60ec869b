//! The event that a listener receives for each query that has ended.

use core::fmt;
use core::time::Duration;

use crate::direct_tls::DirectTls;
use crate::error::Error;
use crate::millis::Millis;
use crate::statement::StatementRef;

/// The end of a query, a pipeline, a chunk of many rows or a transaction, as
/// [`Config::on_event`](crate::Config::on_event) receives it.
///
/// An event contains no parameter, row or credential, and neither does the text of its [`Error`]. Each statement of a
/// transaction causes an event. After these events, the transaction as a whole causes one more event, which has no
/// query.
///
/// ```
/// use dsql_edge::{Config, Event};
///
/// fn line(event: &Event<'_>) -> String {
///     let (file, line) = event.place().unwrap_or(("transaction", 0));
///     let name = event.name().unwrap_or_default();
///     let error = event.error().map(|error| format!(": {error}")).unwrap_or_default();
///     format!(
///         "{file}:{line} {name} {} rows, {} round trips, {:?}, {} retries{error}",
///         event.rows(),
///         event.round_trips(),
///         event.elapsed(),
///         event.retries(),
///     )
/// }
///
/// # fn with(config: Config) -> Config {
/// config.on_event(|event| println!("{}", line(event)))
/// # }
/// ```
pub struct Event<'e> {
    pub(crate) statement: Option<&'e StatementRef>,
    pub(crate) rows: u64,
    pub(crate) round_trips: u32,
    pub(crate) elapsed: Millis,
    pub(crate) retries: u32,
    pub(crate) direct_tls_rejected: Option<DirectTls>,
    pub(crate) error: Option<&'e Error>,
}

impl<'e> Event<'e> {
    /// The name of the query function; `None` for an expression, and for a transaction.
    pub fn name(&self) -> Option<&'e str> {
        self.statement.map(|statement| statement.name).filter(|name| !name.is_empty())
    }

    /// The file and the line of the query, or of the first query of a pipeline; `None` for a transaction.
    pub fn place(&self) -> Option<(&'e str, u32)> {
        self.statement.map(|statement| (statement.file(), statement.line))
    }

    /// The SQL as it was compiled, with `$1` for parameters; `None` for a transaction.
    pub fn sql(&self) -> Option<&'e str> {
        self.statement.map(StatementRef::sql)
    }

    /// The number of rows that the server sent.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of round trips: 1 on an open connection, or on a connection that
    /// [`Dsql::warm_up`](crate::Dsql::warm_up) had opened; 4 on a new one to a cluster (TCP, SSLRequest, TLS, and the
    /// login with the query). For a transaction as a whole, the number does not include its statements.
    pub fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// The time from the call to the end, pauses included. The clock of Workers does not advance between two I/O
    /// operations.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed)
    }

    /// The number of attempts after the first.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether the endpoint did not accept direct TLS (`Config::direct_tls`), so that this query began again with
    /// SSLRequest. Later queries begin with SSLRequest, and their events do not report the rejection again.
    pub fn direct_tls_rejected(&self) -> bool {
        self.direct_tls_rejected.is_some()
    }

    /// The error, if the query ended with one.
    pub fn error(&self) -> Option<&Error> {
        self.error
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("place", &self.place())
            .field("rows", &self.rows)
            .field("round_trips", &self.round_trips)
            .field("elapsed", &self.elapsed)
            .field("retries", &self.retries)
            .field("direct_tls_rejected", &self.direct_tls_rejected())
            .field("error", &self.error)
            .finish()
    }
}
