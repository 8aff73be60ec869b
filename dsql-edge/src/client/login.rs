//! A connection up to its login: credentials, TLS, and what the server is told first.
//!
//! Goes in: a [`Config`] and the time there is. Comes out: a transport with TLS on it, and a session whose first bytes
//! wait to be sent together with a flight; or the error, and its signal for `retry.rs`. Sends nothing after TLS.

use core::task::{Context, Poll, ready};

use crate::auth::{Asking, Secret};
use crate::client::failure;
use crate::config::Config;
use crate::error::Error;
use crate::retry::Signal;
use crate::session::Connection;
use crate::transport::{self, BoxFuture, Dialed, Transport};
use crate::wire::{Limits, Malformed, Startup};

/// A connection that is about to log in.
pub(crate) struct Login {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) connection: Connection,
    /// The password is sent before it is asked for.
    pub(crate) pipelined: bool,
}

/// A login on its way, up to TLS. `search_path` is the role's own where there is none.
pub(crate) struct Opening<'c> {
    config: &'c Config,
    search_path: Option<&'c str>,
    pipelined: bool,
    /// The token, until it is there.
    asking: Option<Asking<'c, Secret>>,
    /// Once there is a token.
    connection: Option<Connection>,
    dialing: Option<BoxFuture<Dialed>>,
}

/// As far as TLS, for who has nothing else to do.
#[cfg(feature = "pool")]
pub(crate) async fn open(
    config: &Config,
    search_path: Option<&str>,
    serially: bool,
    timer: &mut BoxFuture<()>,
) -> Result<Login, (Error, Signal)> {
    let mut opening = Opening::new(config, search_path, serially);
    core::future::poll_fn(|context| opening.poll(context, timer)).await
}

impl<'c> Opening<'c> {
    /// `serially` waits to be asked for the password.
    pub(crate) fn new(config: &'c Config, search_path: Option<&'c str>, serially: bool) -> Self {
        let pipelined = config.knows_cleartext() && !serially;
        let asking = Some(config.source().token(config));
        Opening { config, search_path, pipelined, asking, connection: None, dialing: None }
    }

    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Login, (Error, Signal)>> {
        let advanced = self.advance(context);
        if advanced.is_ready() {
            return advanced;
        }
        let timeout = || match self.asking {
            Some(_) => failure::credentials_timeout(),
            None => failure::connect_timeout(self.config),
        };
        timer.as_mut().poll(context).map(|()| Err((timeout(), Signal::Timeout)))
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<Result<Login, (Error, Signal)>> {
        if let Some(asking) = &mut self.asking {
            let asked = ready!(asking.as_mut().poll(context));
            self.asking = None;
            let token = asked.map_err(|unavailable| {
                let signal = if unavailable.passing { Signal::Lost } else { Signal::Local };
                (unavailable.error, signal)
            })?;
            let connection = self.start(&token).map_err(|error| (error, Signal::Local))?;
            self.connection = Some(connection);
            self.dialing = Some(transport::dial(self.config));
        }
        let Some(dialing) = &mut self.dialing else { return Poll::Pending };
        let dialed = ready!(dialing.as_mut().poll(context));
        self.dialing = None;
        let transport = dialed.map_err(|error| failure::of_dialing(self.config, error))?;
        let Some(connection) = self.connection.take() else { return Poll::Pending };
        Poll::Ready(Ok(Login { transport, connection, pipelined: self.pipelined }))
    }

    /// What the server is told first.
    fn start(&self, token: &Secret) -> Result<Connection, Error> {
        let startup = Startup {
            user: self.config.user_name(),
            database: "postgres",
            application_name: self.config.application(),
            search_path: self.search_path,
        };
        let mut connection = Connection::new(limits(self.config));
        connection
            .start(&startup, token.expose(), self.pipelined)
            .map_err(|Malformed(reason)| Error::config(reason))?;
        if transport::flights_wait(self.config) {
            connection.hold_statements();
        }
        Ok(connection)
    }
}

/// How long what arrives may be.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits { message: config.message_limit(), row: config.row_limit() }
}
