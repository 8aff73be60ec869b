//! Declares methods that users may expect but cannot call (`begin`, `commit`, `fetch_all` of a statement without rows),
//! so that rustc's error names the method to use instead.
//!
//! Each method requires a trait that no type implements, and the trait's message is the error. Invariant: none of these
//! methods can be called, so none of them is in a program. A bound without a type parameter has `for<'n>`, because
//! rustc would otherwise check the bound here, and not where the method is called.

use core::future::Future;

use crate::client::dsql::Dsql;
use crate::client::fetch::QueryFuture;
use crate::client::transaction::{Transaction, TransactionBuilder};
use crate::error::Error;
use crate::query::{BulkCommand, Command, KeyInsert, SessionCommand};

/// Required by `begin`, which in other libraries returns an open transaction. Here, a transaction is a closure.
#[diagnostic::on_unimplemented(
    message = "a transaction is a closure: `dsql.transaction(async move |tx| …)`",
    label = "write `.transaction(async move |tx| {{ …; Ok(value) }}).await`",
    note = "the runtime sends BEGIN and COMMIT, and runs the closure again if the transaction conflicts; an error that \
            the closure returns rolls the transaction back"
)]
pub trait BeginsByCall {}

/// Required by methods that would open a transaction inside a transaction.
#[diagnostic::on_unimplemented(
    message = "a transaction cannot contain another transaction",
    label = "this transaction is open until its closure returns: run the statement on it",
    note = "DSQL has no savepoints: a part that may fail alone is a separate transaction, before or after this one, \
            with `dsql.transaction(…)`"
)]
pub trait Nests {}

/// Required by methods that would end a transaction by a call.
#[diagnostic::on_unimplemented(
    message = "a transaction ends when its closure returns",
    label = "return `Ok(value)` from the closure to commit, or an error to roll back",
    note = "the runtime sends COMMIT or ROLLBACK after the closure"
)]
pub trait EndsByCall {}

/// Required by methods that need the feature `pool`.
#[cfg(not(feature = "pool"))]
#[diagnostic::on_unimplemented(
    message = "a pool needs the feature `pool`",
    label = "add `pool` to the features of dsql-edge in Cargo.toml",
    note = "without a pool, `Dsql::from_env(&env)` makes a `Dsql`"
)]
pub trait HasPool {}

/// Required by the `fetch_*` methods if the statement returns no rows.
#[diagnostic::on_unimplemented(
    message = "the statement returns no rows to fetch",
    label = "write `.execute(…)`, which returns the number of rows that the statement changed",
    note = "to fetch the changed rows, add `RETURNING column` to the statement"
)]
pub trait FetchesNoRows {}

/// The row of a statement without rows.
#[derive(Debug)]
pub enum NoRow {}

#[allow(clippy::unreachable, reason = "no type implements the trait that each method requires")]
fn never<T>() -> T {
    unreachable!("no type implements the trait that the method requires")
}

#[cfg(not(feature = "pool"))]
impl Dsql {
    #[doc(hidden)]
    pub fn from_pool<E>(_env: &E) -> Result<Self, Error>
    where
        for<'n> &'n Dsql: HasPool,
    {
        never()
    }
}

impl Dsql {
    #[doc(hidden)]
    pub fn begin(&self) -> QueryFuture<'_, Transaction<'_>>
    where
        for<'n> &'n Dsql: BeginsByCall,
    {
        never()
    }
}

impl<'d> Transaction<'d> {
    #[doc(hidden)]
    pub fn begin(&self) -> QueryFuture<'_, Transaction<'d>>
    where
        for<'n> Transaction<'n>: Nests,
    {
        never()
    }

    #[doc(hidden)]
    pub fn savepoint(&self) -> QueryFuture<'_, Transaction<'d>>
    where
        for<'n> Transaction<'n>: Nests,
    {
        never()
    }

    #[doc(hidden)]
    pub fn transaction<'s, F, Fut, T, E>(&'s self, _body: F) -> TransactionBuilder<'s, F>
    where
        F: FnOnce(Transaction<'s>) -> Fut + Clone + Send + 's,
        Fut: Future<Output = Result<T, E>> + Send + 's,
        E: From<Error>,
        for<'n> Transaction<'n>: Nests,
    {
        never()
    }

    #[doc(hidden)]
    pub fn commit(self) -> QueryFuture<'d, ()>
    where
        for<'n> Transaction<'n>: EndsByCall,
    {
        never()
    }

    #[doc(hidden)]
    pub fn rollback(self) -> QueryFuture<'d, ()>
    where
        for<'n> Transaction<'n>: EndsByCall,
    {
        never()
    }
}

macro_rules! without_rows {
    ($($name:ident $($lifetime:lifetime)?;)*) => {$(
        impl$(<$lifetime>)? $name$(<$lifetime>)? {
            #[doc(hidden)]
            pub fn fetch_all<'e, E: FetchesNoRows + 'e>(self, _executor: E) -> QueryFuture<'e, Vec<NoRow>> {
                never()
            }

            #[doc(hidden)]
            pub fn fetch_one<'e, E: FetchesNoRows + 'e>(self, _executor: E) -> QueryFuture<'e, NoRow> {
                never()
            }

            #[doc(hidden)]
            pub fn fetch_optional<'e, E: FetchesNoRows + 'e>(
                self,
                _executor: E,
            ) -> QueryFuture<'e, Option<NoRow>> {
                never()
            }

            #[doc(hidden)]
            pub fn fetch_value<'e, E: FetchesNoRows + 'e>(self, _executor: E) -> QueryFuture<'e, NoRow> {
                never()
            }

            #[doc(hidden)]
            pub fn fetch_optional_value<'e, E: FetchesNoRows + 'e>(
                self,
                _executor: E,
            ) -> QueryFuture<'e, Option<NoRow>> {
                never()
            }

            #[doc(hidden)]
            pub fn fetch_values<'e, E: FetchesNoRows + 'e>(self, _executor: E) -> QueryFuture<'e, Vec<NoRow>> {
                never()
            }
        }
    )*};
}

without_rows! {
    Command;
    KeyInsert;
    SessionCommand;
    BulkCommand 'b;
}
