//! The database, as one request sees it.

use core::fmt;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::link::{Link, Prepared};
use crate::client::{Session, Sink};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::query::Request;
use crate::transport::{self, BoxFuture, IoContext};

/// An Aurora DSQL cluster, as one request sees it.
///
/// Making one costs nothing: it connects with the first query, in 4 round trips, and keeps the connection, so
/// that the next query takes 1. Queries that run at the same time open more connections, as many as
/// [`Config::max_connections`] says; beyond that they wait their turn.
///
/// It belongs to the request it was made in. Workers lets no request use another's sockets: a `Dsql` kept in a
/// static fails with an error that says so ([`Error::is_other_request`]).
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn tags(env: worker::Env) -> Result<(), Error> {
/// let dsql = Dsql::from_env(&env)?;
/// let tags = sql!("SELECT tag_name, usage_count FROM tag_master").fetch_all(&dsql).await?;
/// # drop(tags);
/// # Ok(())
/// # }
/// ```
pub struct Dsql {
    config: Config,
    made_in: IoContext,
    lender: Mutex<Lender>,
}

#[derive(Default)]
struct Lender {
    idle: Vec<Link>,
    /// Idle ones and lent ones.
    open: usize,
    waiting: Vec<Waker>,
}

impl Dsql {
    /// From the bindings of a Worker: `DSQL_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and, where
    /// needed, `AWS_SESSION_TOKEN`, `DSQL_USER` (`admin` without it) and `DSQL_REGION` (for `localhost`). See
    /// [`Config::from_env`].
    ///
    /// # Errors
    /// When one is missing or malformed: the error names it and says how to set it.
    pub fn from_env(env: &worker::Env) -> Result<Self, Error> {
        Config::from_env(env).map(Dsql::new)
    }

    /// From a [`Config`].
    pub fn new(config: Config) -> Self {
        Dsql { config, made_in: IoContext::current(), lender: Mutex::default() }
    }

    /// A connection of its own, apart from those that `&Dsql` lends to queries. It connects with its first query.
    pub fn session(&self) -> Session {
        Session::new(self.config.clone())
    }

    pub(super) async fn run(&self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        let place = request.statement.place();
        self.run_request(request, sink).await.map_err(|error| error.at(place))
    }

    async fn run_request(&self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        let query = Prepared::new(request)?;
        if !self.made_in.is_current() {
            return Err(Error::new(Kind::OtherRequest));
        }
        if query.is_empty() {
            return Ok(0);
        }
        // The timer is set before anything is waited for: it belongs to the request that asks, whoever wakes it.
        let mut timer = transport::sleep(&self.config, self.config.connect_limit());
        let mut loan = self.borrow_link(&mut timer).await?;
        if loan.link.is_some() {
            timer = transport::sleep(&self.config, self.config.query_limit());
        } else {
            loan.link = Some(Link::open(&self.config, query.search_path(), &mut timer).await?);
        }
        match &mut loan.link {
            Some(link) => link.run(&self.config, &query, &mut timer, sink).await,
            None => Err(Error::new(Kind::Lost("the connection is gone".into()))),
        }
    }

    /// An idle connection, or the right to open one, or a turn in the queue.
    async fn borrow_link(&self, timer: &mut BoxFuture<()>) -> Result<Loan<'_>, Error> {
        poll_fn(|context| {
            let mut lender = self.lender();
            if let Some(link) = lender.idle.pop() {
                return Poll::Ready(Ok(Loan { dsql: self, link: Some(link) }));
            }
            if lender.open < self.config.connections() {
                lender.open += 1;
                return Poll::Ready(Ok(Loan { dsql: self, link: None }));
            }
            if !lender.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                lender.waiting.push(context.waker().clone());
            }
            drop(lender);
            timer.as_mut().poll(context).map(|()| {
                Err(Error::new(Kind::Timeout(
                    "waiting for one of the connections of this Dsql: other queries hold them all (see \
                     Config::max_connections)"
                        .into(),
                )))
            })
        })
        .await
    }

    #[cfg(test)]
    pub(super) async fn borrow_link_for_test(&self) -> Result<impl Drop, Error> {
        self.borrow_link(&mut transport::sleep(&self.config, self.config.connect_limit())).await
    }

    fn lender(&self) -> MutexGuard<'_, Lender> {
        // Nothing panics while it is held; and if it did, the list of connections is still one.
        self.lender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is lent, or the right to open one. When it ends, however it ends, the connection goes back
/// if it can be used again, and whoever waits is told.
struct Loan<'a> {
    dsql: &'a Dsql,
    link: Option<Link>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut lender = self.dsql.lender();
        let link = self.link.take();
        match link {
            Some(link) if link.is_idle() => lender.idle.push(link),
            _ => lender.open -= 1,
        }
        let waiting = core::mem::take(&mut lender.waiting);
        drop(lender);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Dsql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsql").field(&self.config).finish()
    }
}
