//! One connection, for who wants to hold one.

use core::fmt;

use crate::client::Sink;
use crate::client::link::{Link, Prepared};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::query::Request;
use crate::transport::{self, IoContext};

/// One connection of its own, made with [`Dsql::session`](crate::Dsql::session). It connects with its first
/// query, which travels with the login. When it is dropped, the connection is closed.
///
/// After an error of the connection it is not opened again: it would be another session.
pub struct Session {
    config: Config,
    made_in: IoContext,
    state: State,
}

enum State {
    NotOpened,
    Open(Box<Link>),
    Gone,
}

impl Session {
    pub(super) fn new(config: Config) -> Self {
        Session { config, made_in: IoContext::current(), state: State::NotOpened }
    }

    pub(super) async fn run(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        let place = request.statement.place();
        self.run_request(request, sink).await.map_err(|error| error.at(place))
    }

    async fn run_request(&mut self, request: Request, sink: &mut Sink<'_>) -> Result<u64, Error> {
        let query = Prepared::new(request)?;
        if !self.made_in.is_current() {
            return Err(Error::new(Kind::OtherRequest));
        }
        if query.is_empty() {
            return Ok(0);
        }
        // Whatever happens to this future, a link that is not put back is gone.
        let (mut link, mut timer) = match core::mem::replace(&mut self.state, State::Gone) {
            State::Open(link) => (link, transport::sleep(&self.config, self.config.query_limit())),
            State::NotOpened => {
                let mut timer = transport::sleep(&self.config, self.config.connect_limit());
                (Box::new(Link::open(&self.config, query.search_path(), &mut timer).await?), timer)
            }
            State::Gone => return Err(Error::new(Kind::Lost("this session's connection is gone".into()))),
        };
        let result = link.run(&self.config, &query, &mut timer, sink).await;
        if link.is_idle() {
            self.state = State::Open(link);
        }
        result
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}
