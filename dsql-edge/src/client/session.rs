//! [`Session`]: one connection that a user holds.

use core::fmt;
use core::future::Future;

use crate::client::executor::{Executor, SessionExecutor, sealed};
use crate::client::fetch::QueryFuture;
use crate::client::lender::Lender;
use crate::client::pipeline::Pipelined;
use crate::client::run::Target;
use crate::client::transaction::{RunsAgain, Transaction, TransactionBuilder};
use crate::connector::Connector;
use crate::error::Error;

/// One connection, made with [`Dsql::session`](crate::Dsql::session), that only its owner uses. A session connects at
/// its first query; to a DSQL cluster, this query is sent together with the login. Dropping the session closes the
/// connection.
///
/// Statements that change their session (`SET`, `set_config(…, false)`, advisory locks) run only on a session, because
/// other queries share the connections of a [`Dsql`](crate::Dsql). With a pool, a session does not keep a connection
/// between its queries, so these statements are errors.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn today(dsql: &Dsql) -> Result<(), Error> {
/// let mut session = dsql.session();
/// sql!("SET timezone = 'Europe/Berlin'").execute(&mut session).await?;
/// let today = sql!("SELECT current_date AS today").fetch_value(&mut session).await?;
/// # drop(today);
/// # Ok(())
/// # }
/// ```
///
/// If the connection is lost after the login, the `Session` does not open a new one, because the server would begin a
/// new session. So every later query returns an error ([`Error::is_connection_lost`]).
pub struct Session(Lender);

impl Session {
    pub(super) fn new(connector: Connector) -> Self {
        Session(Lender::new(connector, true))
    }

    /// Sends several queries in one round trip; all are committed, or none. See
    /// [`Dsql::pipeline`](crate::Dsql::pipeline).
    pub fn pipeline<'s, P: Pipelined + 's>(&'s mut self, queries: P) -> QueryFuture<'s, P::Output> {
        QueryFuture::of(queries, self)
    }

    /// Runs a transaction on this connection: see [`Dsql::transaction`](crate::Dsql::transaction). The transaction does
    /// not run again if the connection is lost.
    pub fn transaction<'s, F, Fut, T, E>(&'s mut self, body: F) -> TransactionBuilder<'s, F>
    where
        F: FnOnce(Transaction<'s>) -> Fut + RunsAgain + Send + 's,
        Fut: Future<Output = Result<T, E>> + Send + 's,
        E: From<Error>,
    {
        TransactionBuilder::new(&self.0, body)
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
