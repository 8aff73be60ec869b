//! One connection, for who wants to hold one.

use core::fmt;
use core::future::Future;

use crate::client::executor::{Executor, SessionExecutor, sealed};
use crate::client::fetch::Fetch;
use crate::client::lender::Lender;
use crate::client::pipeline::Pipelined;
use crate::client::run::Target;
use crate::client::transaction::{Transact, Transaction};
use crate::connector::Connector;
use crate::error::Error;

/// One connection of its own, made with [`Dsql::session`](crate::Dsql::session). It connects with its first
/// query, which travels with the login. When it is dropped, the connection is closed.
///
/// After an error of the connection it is not opened again: it would be another session.
pub struct Session(Lender);

impl Session {
    pub(super) fn new(connector: Connector) -> Self {
        Session(Lender::new(connector, true))
    }

    /// Several queries in one round trip, all or nothing: see [`Dsql::pipeline`](crate::Dsql::pipeline).
    pub fn pipeline<'s, P: Pipelined + 's>(&'s mut self, queries: P) -> Fetch<'s, P::Output> {
        Fetch::of(queries, self)
    }

    /// A transaction on this connection: see [`Dsql::transaction`](crate::Dsql::transaction). When the connection is
    /// lost it does not run again.
    pub fn transaction<'s, F, Fut, T, E>(&'s mut self, body: F) -> Transact<'s, F>
    where
        F: FnOnce(Transaction<'s>) -> Fut + Clone + Send + 's,
        Fut: Future<Output = Result<T, E>> + Send + 's,
        E: From<Error>,
    {
        Transact::new(&self.0, body)
    }

    fn target(&self) -> Target<'_> {
        Target { lender: &self.0, transaction: None }
    }
}

impl Executor for Session {
    fn target(&mut self) -> Target<'_> {
        Session::target(self)
    }
}

impl SessionExecutor for Session {}

impl sealed::Sealed for Session {}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}
