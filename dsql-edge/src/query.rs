//! The values that `sql!` evaluates to: statements that are ready to run.
//!
//! Input: the static [`Statement`], its arguments, and the function that decodes a row. Output: a value that does
//! nothing by itself; `client/fetch.rs` runs it.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::many_rows::{MAX_ROWS, Rows};
use crate::row::DataRow;
use crate::statement::{KeyConstraints, Statement, StatementRef};

/// A query that returns rows of the type `R`, made by `sql!`. The query does nothing until it is fetched or executed.
///
/// | method | returns |
/// |---|---|
/// | [`fetch_all`](Query::fetch_all) | all rows |
/// | [`fetch_one`](Query::fetch_one) | the one row, or an error |
/// | [`fetch_optional`](Query::fetch_optional) | the one row, or `None` |
/// | [`fetch_value`](Query::fetch_value) | the one column of the one row |
/// | [`fetch_optional_value`](Query::fetch_optional_value) | the one column of the one row, or `None` |
/// | [`fetch_values`](Query::fetch_values) | the one column of all rows |
/// | [`fetch`](Query::fetch) | a stream of the rows |
/// | [`execute`](Query::execute) | the number of rows, without the rows |
///
/// In a [pipeline](crate::Dsql::pipeline), [`one`](Query::one), [`optional`](Query::optional), [`value`](Query::value),
/// [`optional_value`](Query::optional_value) and [`values`](Query::values) take the place of the `fetch_*` methods.
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct Query<R> {
    pub(crate) request: Request,
    pub(crate) decode: fn(&DataRow<'_>) -> Result<R, Error>,
}

/// A statement that returns no rows, made by `sql!`. The statement does nothing until it is
/// [executed](Command::execute), or sent in a [pipeline](crate::Dsql::pipeline).
#[must_use = "a statement does nothing until it is executed"]
pub struct Command {
    pub(crate) request: Request,
}

/// An `INSERT` of one row that cannot succeed twice, made by `sql!`. The statement does nothing until it is executed.
///
/// A `KeyInsert` runs like a [`Command`], and can be the [idempotency key](crate::TransactionBuilder::idempotency_key)
/// of a transaction. `sql!` makes a `KeyInsert` from an `INSERT … VALUES (…)` of one row without `RETURNING` and
/// without `DO UPDATE`. The table must have a primary key or a unique constraint, and the statement must write each
/// column of that constraint with a parameter or a constant that is not NULL. If the row could also violate another
/// unique index of the table, the statement needs `ON CONFLICT (column) DO NOTHING` with the columns of the key. The
/// reason is that PostgreSQL reports only the first violation, and the violation of another index does not show whether
/// the key exists already. Such a violation is an error. A row cannot violate an index if one of the index's columns is
/// NULL, or has the default `gen_random_uuid()` or an identity. `.into()` turns a `KeyInsert` into a `Command`.
#[must_use = "a statement does nothing until it is executed"]
pub struct KeyInsert {
    pub(crate) request: Request,
    pub(crate) constraints: &'static KeyConstraints,
}

/// A statement that changes its session and returns no rows, made by `sql!`: `SET`, `RESET`, `LISTEN`, `PREPARE`,
/// `CREATE TEMP TABLE`. The statement does nothing until it is executed, and runs only on a `&mut`
/// [`Session`](crate::Session).
#[must_use = "a statement does nothing until it is executed"]
pub struct SessionCommand(pub(crate) Command);

/// A query that changes its session and returns rows of the type `R`, made by `sql!`: `SELECT set_config(…, false)`.
/// The query does nothing until it is fetched or executed, and runs only on a `&mut` [`Session`](crate::Session).
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct SessionQuery<R>(pub(crate) Query<R>);

/// A statement for many rows, `for … in …`, that returns no rows, made by `sql!`. The statement does nothing until it
/// is executed.
///
/// The rows are read from their iterator while they are sent, in chunks of at most 3,000 rows and 8 MiB. In a
/// [`Transaction`](crate::Transaction), all rows are part of that transaction. Outside a transaction, each chunk is a
/// separate transaction. Without a pool, a chunk takes one round trip, because its COMMIT is sent together with the
/// rows of the next chunk; the COMMIT of the last chunk takes one more. With a pool, each COMMIT takes one more. If a
/// chunk fails, the chunks before it stay committed, and [`Error::committed_rows`] is the number of their rows.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql, types::Uuid};
/// # async fn import(dsql: &Dsql, posts: Vec<(Uuid, String)>) -> Result<(), Error> {
/// let import = sql!(
///     "INSERT INTO posts (id, title) VALUES ($id, $title)",
///     for (id, title) in &posts, id = id, title = title
/// );
/// match import.execute(dsql).await {
///     Err(error) => println!("{} rows were imported: {error}", error.committed_rows().unwrap_or(0)),
///     Ok(rows) => println!("{rows} rows were imported"),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a statement does nothing until it is executed"]
pub struct BulkCommand<'a> {
    pub(crate) bulk: Bulk<'a>,
}

/// A query for many rows, `for … in …`, that returns rows of the type `R`. It runs like a [`BulkCommand`].
#[must_use = "a query does nothing until it is fetched or executed"]
pub struct BulkQuery<'a, R> {
    pub(crate) bulk: Bulk<'a>,
    pub(crate) decode: fn(&DataRow<'_>) -> Result<R, Error>,
}

/// The common part of [`BulkCommand`] and [`BulkQuery`].
pub(crate) struct Bulk<'a> {
    pub(crate) statement: StatementRef,
    pub(crate) rows: Rows<'a>,
    /// Whether COMMIT is sent with the rows.
    pub(crate) fused: bool,
    /// The maximum number of rows of a chunk. Tests set fewer.
    pub(crate) max_rows: usize,
}

/// A row that has one column. [`Query::fetch_value`] and [`Query::fetch_values`] return the value of this column.
#[diagnostic::on_unimplemented(
    message = "the methods for a value, such as `fetch_value`, need a query that returns one column",
    label = "this query returns more than one column, or rows of a struct that you define",
    note = "use `fetch_one`, `fetch_optional` or `fetch_all`, and take the field you want"
)]
pub trait SingleColumn {
    /// The type of the column.
    type Value;

    /// The column's value.
    fn into_value(self) -> Self::Value;
}

/// A statement and its arguments, as an [`Executor`](crate::Executor) runs them.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) statement: StatementRef,
    /// The arguments of each execution. All executions are in one flight.
    pub(crate) arguments: Vec<Arguments>,
    /// Whether the statement is from `sql_unchecked!` or `dynamic`. The types of its columns are then not known until
    /// the server describes the columns.
    pub(crate) unchecked: bool,
}

impl<R: Send + 'static> Query<R> {
    /// A query whose columns were checked when it was compiled.
    #[doc(hidden)]
    pub fn new(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query {
            request: Request { statement: statement.into(), arguments: vec![arguments], unchecked: false },
            decode,
        }
    }

    /// Makes a query for which only the names of the columns are known; `decode` must use
    /// [`unchecked_column`](DataRow::unchecked_column).
    #[doc(hidden)]
    pub fn unchecked(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        Query {
            request: Request { statement: statement.into(), arguments: vec![arguments], unchecked: true },
            decode,
        }
    }
}

impl Command {
    /// A statement that returns no rows.
    #[doc(hidden)]
    pub fn new(statement: &'static Statement, arguments: Arguments) -> Self {
        Command {
            request: Request { statement: statement.into(), arguments: vec![arguments], unchecked: false },
        }
    }

    /// A statement that returns no rows, from `sql_unchecked!`.
    #[doc(hidden)]
    pub fn unchecked(statement: &'static Statement, arguments: Arguments) -> Self {
        Command {
            request: Request { statement: statement.into(), arguments: vec![arguments], unchecked: true },
        }
    }
}

impl KeyInsert {
    /// Makes a key from an INSERT. If the INSERT is repeated, it violates one of `constraints`.
    #[doc(hidden)]
    pub fn new(
        statement: &'static Statement,
        arguments: Arguments,
        constraints: &'static KeyConstraints,
    ) -> Self {
        KeyInsert { request: Command::new(statement, arguments).request, constraints }
    }

    /// Makes a key like [`new`](KeyInsert::new), but from a statement whose types are not checked.
    #[doc(hidden)]
    pub fn unchecked(
        statement: &'static Statement,
        arguments: Arguments,
        constraints: &'static KeyConstraints,
    ) -> Self {
        KeyInsert { request: Command::unchecked(statement, arguments).request, constraints }
    }
}

impl From<KeyInsert> for Command {
    fn from(insert: KeyInsert) -> Self {
        Command { request: insert.request }
    }
}

impl SessionCommand {
    /// A statement that returns no rows.
    #[doc(hidden)]
    pub fn new(statement: &'static Statement, arguments: Arguments) -> Self {
        SessionCommand(Command::new(statement, arguments))
    }
}

impl<R: Send + 'static> SessionQuery<R> {
    /// A query whose columns were checked when it was compiled.
    #[doc(hidden)]
    pub fn new(
        statement: &'static Statement,
        arguments: Arguments,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        SessionQuery(Query::new(statement, arguments, decode))
    }
}

impl<'a> BulkCommand<'a> {
    /// A statement that returns no rows.
    #[doc(hidden)]
    pub fn new(statement: &'static Statement, rows: Rows<'a>) -> Self {
        BulkCommand { bulk: Bulk { statement: statement.into(), rows, fused: false, max_rows: MAX_ROWS } }
    }

    /// Sends up to eight chunks and the COMMIT of each chunk in one round trip. If a chunk fails, no later chunk is
    /// committed. If the connection breaks, the outcome of all chunks whose COMMIT was not answered is unknown
    /// ([`Error::is_outcome_unknown`]), even if the server had not received all rows.
    ///
    /// ```
    /// # use dsql_edge::{Dsql, Error, sql, types::Uuid};
    /// # async fn import(dsql: &Dsql, posts: Vec<(Uuid, String)>) -> Result<u64, Error> {
    /// sql!(
    ///     "INSERT INTO posts (id, title) VALUES ($id, $title)",
    ///     for (id, title) in &posts, id = id, title = title
    /// )
    ///     .fused()
    ///     .execute(dsql)
    ///     .await
    /// # }
    /// ```
    pub fn fused(mut self) -> Self {
        self.bulk.fused = true;
        self
    }
}

impl<'a, R: Send + 'static> BulkQuery<'a, R> {
    /// A query whose columns were checked when it was compiled.
    #[doc(hidden)]
    pub fn new(
        statement: &'static Statement,
        rows: Rows<'a>,
        decode: fn(&DataRow<'_>) -> Result<R, Error>,
    ) -> Self {
        BulkQuery {
            bulk: Bulk { statement: statement.into(), rows, fused: false, max_rows: MAX_ROWS },
            decode,
        }
    }

    /// Does the same as [`BulkCommand::fused`].
    pub fn fused(mut self) -> Self {
        self.bulk.fused = true;
        self
    }
}

impl core::fmt::Debug for BulkCommand<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("BulkCommand").field(&self.bulk.statement.sql()).finish()
    }
}

impl<R> core::fmt::Debug for BulkQuery<'_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("BulkQuery").field(&self.bulk.statement.sql()).finish()
    }
}

impl<R> core::fmt::Debug for Query<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Query").field(&self.request.statement.sql()).finish()
    }
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Command").field(&self.request.statement.sql()).finish()
    }
}

impl core::fmt::Debug for KeyInsert {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("KeyInsert").field(&self.request.statement.sql()).finish()
    }
}

impl core::fmt::Debug for SessionCommand {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("SessionCommand").field(&self.0.request.statement.sql()).finish()
    }
}

impl<R> core::fmt::Debug for SessionQuery<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("SessionQuery").field(&self.0.request.statement.sql()).finish()
    }
}
