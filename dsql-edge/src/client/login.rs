//! A connection up to its login: credentials, TLS, and what the server is told first.
//!
//! Goes in: a [`Config`] and the time there is. Comes out: a transport with TLS on it, and a session whose first bytes
//! wait to be sent together with a flight; or the error, and its signal for `retry.rs`. Sends nothing after TLS.

use core::future::poll_fn;
use core::task::Poll;

use crate::auth::{self, Action, Asking, Credentials, Source, TokenRequest};
use crate::client::failure;
use crate::config::Config;
use crate::error::Error;
use crate::retry::Signal;
use crate::session::Connection;
use crate::transport::{self, BoxFuture, Transport};
use crate::wire::{Limits, Malformed, Startup};

/// A connection that is about to log in.
pub(crate) struct Login {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) connection: Connection,
    /// The password is sent before it is asked for.
    pub(crate) pipelined: bool,
}

/// Dials, up to TLS. `search_path` is the role's own where there is none. `serially` waits to be asked for the password.
pub(crate) async fn open(
    config: &Config,
    search_path: Option<&str>,
    serially: bool,
    timer: &mut BoxFuture<()>,
) -> Result<Login, (Error, Signal)> {
    let pipelined = config.knows_cleartext() && !serially;
    let asked;
    let credentials = match config.source() {
        Source::Given(credentials) => credentials,
        Source::Asked(source) => {
            asked = ask(source.ask(config), timer).await?;
            &asked
        }
    };
    let connection = start(config, credentials, search_path, pipelined).map_err(|it| (it, Signal::Local))?;
    let mut dialing = transport::dial(config);
    let dialed = poll_fn(|context| {
        if let Poll::Ready(dialed) = dialing.as_mut().poll(context) {
            return Poll::Ready(Some(dialed));
        }
        timer.as_mut().poll(context).map(|()| None)
    });
    let transport = match dialed.await {
        Some(Ok(transport)) => transport,
        Some(Err(error)) => return Err(failure::of_dialing(config, error)),
        None => return Err((failure::connect_timeout(config), Signal::Timeout)),
    };
    Ok(Login { transport, connection, pipelined })
}

async fn ask(mut asking: Asking<'_>, timer: &mut BoxFuture<()>) -> Result<Credentials, (Error, Signal)> {
    let asked = poll_fn(|context| {
        if let Poll::Ready(asked) = asking.as_mut().poll(context) {
            return Poll::Ready(Some(asked));
        }
        timer.as_mut().poll(context).map(|()| None)
    });
    match asked.await {
        Some(Ok(credentials)) => Ok(credentials),
        Some(Err(unavailable)) => {
            let signal = if unavailable.passing { Signal::Lost } else { Signal::Local };
            Err((unavailable.error, signal))
        }
        None => Err((failure::credentials_timeout(), Signal::Timeout)),
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
        .start(&startup, token.expose().as_bytes(), pipelined)
        .map_err(|Malformed(reason)| Error::config(reason))?;
    Ok(connection)
}

/// How long what arrives may be.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits { message: config.message_limit(), row: config.row_limit() }
}
