//! Prepares a connection for its login: credentials, TLS, and the session's first messages.
//!
//! Input: a [`Connector`] and a timer. Output: a transport with TLS, and a session whose first bytes wait to be sent
//! together with a flight; or the error and its signal for `retry.rs`. After TLS this module sends nothing. Clients and
//! pools share this module.

pub(crate) mod failure;

use core::task::{Context, Poll, ready};

use crate::connector::Connector;
use crate::credentials::{AuthFuture, Secret};
use crate::error::Error;
use crate::retry::Signal;
use crate::session::Connection;
use crate::transport::{BoxFuture, Dialed, Transport};
use crate::wire::{Malformed, Startup};

/// A connection that is about to log in.
pub(crate) struct Login {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) connection: Connection,
    /// Whether the password is sent before the server requests it.
    pub(crate) pipelined: bool,
}

/// A connection with TLS that is being opened. Without a `search_path`, the role's own setting is
/// used.
pub(crate) struct LoginAttempt<'c> {
    connector: &'c Connector,
    search_path: Option<&'c str>,
    pipelined: bool,
    /// The future of the token, until it has returned.
    asking: Option<AuthFuture<'c, Secret>>,
    /// Present once the token has arrived.
    connection: Option<Connection>,
    dialing: Option<BoxFuture<Dialed>>,
}

/// Opens a connection with TLS; for callers that can await.
#[cfg(feature = "pool")]
pub(crate) async fn open(
    connector: &Connector,
    search_path: Option<&str>,
    serially: bool,
    timer: &mut BoxFuture<()>,
) -> Result<Login, (Error, Signal)> {
    let mut opening = LoginAttempt::new(connector, search_path, serially);
    core::future::poll_fn(|context| opening.poll(context, timer)).await
}

impl<'c> LoginAttempt<'c> {
    /// With `serially`, the password is sent only after the server has requested it.
    pub(crate) fn new(connector: &'c Connector, search_path: Option<&'c str>, serially: bool) -> Self {
        let Connector { config, environment } = connector;
        let pipelined = config.settings.endpoint.requests_cleartext() && !serially;
        let asking = Some(config.source.token(&config.settings, environment));
        LoginAttempt { connector, search_path, pipelined, asking, connection: None, dialing: None }
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
            None => failure::connect_timeout(&self.connector.config),
        };
        timer.as_mut().poll(context).map(|()| Err((timeout(), Signal::Timeout)))
    }

    fn advance(&mut self, context: &mut Context<'_>) -> Poll<Result<Login, (Error, Signal)>> {
        if let Some(asking) = &mut self.asking {
            let asked = ready!(asking.as_mut().poll(context));
            self.asking = None;
            let token = asked.map_err(|unavailable| {
                let signal = if unavailable.transient { Signal::Lost } else { Signal::Local };
                (unavailable.error, signal)
            })?;
            let connection = self.start(&token).map_err(|error| (error, Signal::Local))?;
            self.connection = Some(connection);
            self.dialing = Some(self.connector.environment.dial(self.connector.settings()));
        }
        let Some(dialing) = &mut self.dialing else { return Poll::Pending };
        let dialed = ready!(dialing.as_mut().poll(context));
        self.dialing = None;
        let transport = dialed.map_err(|error| failure::of_dialing(&self.connector.config, error))?;
        let Some(connection) = self.connection.take() else { return Poll::Pending };
        Poll::Ready(Ok(Login { transport, connection, pipelined: self.pipelined }))
    }

    /// The session, with its first messages.
    fn start(&self, token: &Secret) -> Result<Connection, Error> {
        let settings = self.connector.settings();
        let startup = Startup {
            user: &settings.user,
            database: "postgres",
            application_name: &settings.application_name,
            search_path: self.search_path,
        };
        let mut connection = Connection::new(self.connector.limits());
        connection
            .start(&startup, token.expose(), self.pipelined)
            .map_err(|Malformed(reason)| Error::config(reason))?;
        if self.connector.environment.holds_flights() {
            connection.hold_statements();
        }
        Ok(connection)
    }
}
