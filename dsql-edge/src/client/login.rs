//! A connection up to its login: credentials, TLS, and what the server is told first.
//!
//! Goes in: a [`Config`] and the time there is. Comes out: a transport with TLS on it, and a session whose first bytes
//! wait to be sent together with a flight; or the error, and its signal for `retry.rs`. Sends nothing after TLS.

use core::task::{Context, Poll};

use crate::auth::{self, Action, Asking, Credentials, Source, TokenRequest};
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
    /// Where credentials are asked for.
    asking: Option<Asking<'c>>,
    /// Once there are credentials.
    dialing: Option<(Connection, BoxFuture<Dialed>)>,
}

/// As far as TLS, for who has nothing else to do.
#[cfg(feature = "pool")]
pub(crate) async fn open(
    config: &Config,
    search_path: Option<&str>,
    serially: bool,
    timer: &mut BoxFuture<()>,
) -> Result<Login, (Error, Signal)> {
    let mut opening = Opening::new(config, search_path, serially)?;
    core::future::poll_fn(|context| opening.poll(context, timer)).await
}

impl<'c> Opening<'c> {
    /// `serially` waits to be asked for the password.
    pub(crate) fn new(
        config: &'c Config,
        search_path: Option<&'c str>,
        serially: bool,
    ) -> Result<Self, (Error, Signal)> {
        let pipelined = config.knows_cleartext() && !serially;
        let mut opening = Opening { config, search_path, pipelined, asking: None, dialing: None };
        match config.source() {
            Source::Given(credentials) => opening.dial(credentials)?,
            Source::Asked(source) => opening.asking = Some(source.ask(config)),
        }
        Ok(opening)
    }

    fn dial(&mut self, credentials: &Credentials) -> Result<(), (Error, Signal)> {
        let connection = start(self.config, credentials, self.search_path, self.pipelined);
        let connection = connection.map_err(|error| (error, Signal::Local))?;
        self.dialing = Some((connection, transport::dial(self.config)));
        Ok(())
    }

    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Login, (Error, Signal)>> {
        if let Some(asking) = &mut self.asking {
            let Poll::Ready(asked) = asking.as_mut().poll(context) else {
                let timeout = || (failure::credentials_timeout(), Signal::Timeout);
                return timer.as_mut().poll(context).map(|()| Err(timeout()));
            };
            self.asking = None;
            let credentials = asked.map_err(|unavailable| {
                let signal = if unavailable.passing { Signal::Lost } else { Signal::Local };
                (unavailable.error, signal)
            });
            self.dial(&credentials?)?;
        }
        let dialed = match &mut self.dialing {
            Some((_, dialing)) => dialing.as_mut().poll(context),
            None => Poll::Pending,
        };
        match (dialed, self.dialing.take()) {
            (Poll::Ready(Ok(transport)), Some((connection, _))) => {
                Poll::Ready(Ok(Login { transport, connection, pipelined: self.pipelined }))
            }
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(failure::of_dialing(self.config, error))),
            (_, dialing) => {
                self.dialing = dialing;
                let timeout = || (failure::connect_timeout(self.config), Signal::Timeout);
                timer.as_mut().poll(context).map(|()| Err(timeout()))
            }
        }
    }
}

fn start(
    config: &Config,
    credentials: &Credentials,
    search_path: Option<&str>,
    pipelined: bool,
) -> Result<Connection, Error> {
    let token = auth::token(
        credentials,
        &TokenRequest {
            host: config.signing_host(),
            region: config.region(),
            action: Action::for_user(config.user_name()),
            now: transport::unix_time(),
            expires: config.token_seconds(),
        },
    )?;
    let startup = Startup {
        user: config.user_name(),
        database: "postgres",
        application_name: config.application(),
        search_path,
    };
    let mut connection = Connection::new(limits(config));
    connection
        .start(&startup, token.expose(), pipelined)
        .map_err(|Malformed(reason)| Error::config(reason))?;
    Ok(connection)
}

/// How long what arrives may be.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits { message: config.message_limit(), row: config.row_limit() }
}
