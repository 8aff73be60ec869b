//! Prepares a connection for its login: credentials, TLS, and the session's first messages.
//!
//! Input: a [`Connector`] and a timer. Output: a transport with TLS, and a session whose first bytes wait to be sent
//! together with a flight; or the error and its signal for `retry.rs`. After TLS this module sends nothing, except to a
//! PostgreSQL that is not a DSQL cluster: there, `authentication` completes the login. Clients and pools share this
//! module.
//!
//! The token is made while the socket is opened, because the socket takes three round trips, and so does a token that
//! needs a request to STS. The result is the same as if the token was made first and the socket was opened after that:
//! an error of the source of credentials takes precedence over an error of the socket. After the socket has failed, the
//! source is still awaited, because its credentials are kept for the next attempt.

#[cfg(feature = "postgres")]
mod authentication;
pub(crate) mod failure;
mod tls_start;
mod warm_up;

#[cfg(feature = "postgres")]
use core::task::ready;
use core::task::{Context, Poll};
use std::sync::Arc;

#[cfg(feature = "postgres")]
use self::authentication::{Authenticated, Authentication};
use crate::auth::Source;
use crate::connector::{Connector, Region};
use crate::credentials::{AuthFuture, Secret, Unavailable};
use crate::direct_tls::DirectTls;
use crate::error::Error;
#[cfg(feature = "multi-region")]
use crate::millis::Millis;
use crate::retry::Signal;
use crate::session::Connection;
#[cfg(feature = "postgres")]
use crate::settings::{PostgresSettings, SslMode};
#[cfg(feature = "postgres")]
use crate::transport::Protection;
use crate::transport::{BoxFuture, Dialed, Transport, TransportError, TransportErrorKind};
use crate::wire::{Malformed, Startup};
pub(crate) use tls_start::TlsStart;
pub(crate) use warm_up::WarmUp;

/// A connection that is about to log in.
pub(crate) struct Login {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) connection: Connection,
    /// Whether the password is sent before the server requests it.
    pub(crate) pipelined: bool,
    /// The number of round trips that the flight has waited for.
    pub(crate) round_trips: u32,
    pub(crate) tls: TlsStart,
    /// Set if the endpoint did not accept direct TLS.
    pub(crate) fell_back: Option<DirectTls>,
    pub(crate) region: Region,
}

/// A connection with TLS that is being opened.
pub(crate) struct LoginAttempt<'c> {
    /// The future of the token, until it has returned.
    asking: Option<AuthFuture<'c, Secret>>,
    token: Option<Secret>,
    dialing: Option<BoxFuture<Dialed>>,
    /// Present once dialing has ended.
    dialed: Option<Dialed>,
    round_trips: u32,
    tls: TlsStart,
    fell_back: Option<DirectTls>,
    region: Region,
    /// The time that dialing may take, if there is another endpoint; and its timer, once dialing has begun.
    #[cfg(feature = "multi-region")]
    patience: Option<(Millis, Option<BoxFuture<()>>)>,
    /// The login of a PostgreSQL, once the connection is open.
    #[cfg(feature = "postgres")]
    authentication: Option<Box<Authentication>>,
}

/// A connection that is opened before a query needs it. This is a trait, so that a Worker that never calls `warm_up`
/// does not link the code of [`WarmUp`]. Dropping the value closes the connection.
pub(crate) trait Ahead: Send {
    /// Returns the connection. If every attempt would fail with the same error, returns an attempt that fails with
    /// this error. Returns `None` if the connection is lost.
    fn take(
        self: Box<Self>,
        context: &mut Context<'_>,
        connector: &Connector,
    ) -> Option<Box<LoginAttempt<'static>>>;
}

/// Whether the token may be made long after the socket is open. A token that is signed with given keys is made at once,
/// so a Worker without the feature `assume-role` does not link the code that watches an open socket. If such a Worker
/// has a provider, it opens the socket only after the provider has returned. If such a Worker opened the socket
/// earlier, nothing would watch the socket, and its end would be noticed only after a write.
pub(crate) const TOKEN_MAY_BE_LATE: bool = cfg!(any(feature = "assume-role", feature = "tokio"));

/// Opens a connection with TLS; for callers that can await.
#[cfg(feature = "pool")]
pub(crate) async fn open(
    connector: &Connector,
    search_path: Option<&str>,
    serially: bool,
    timer: &mut BoxFuture<()>,
) -> Result<Login, (Error, Signal)> {
    let mut opening = LoginAttempt::new(connector);
    let opened =
        core::future::poll_fn(|context| opening.poll(context, connector, search_path, serially, timer));
    let mut login = opened.await?;
    // A pool cannot distinguish reads from writes, so all statements wait until the endpoint has accepted direct TLS.
    if login.tls.is_unproven() {
        login.connection.hold_statements();
    }
    Ok(login)
}

impl<'c> LoginAttempt<'c> {
    pub(crate) fn new(connector: &'c Connector) -> Self {
        #[cfg(feature = "multi-region")]
        if let Some(chosen) = connector.region() {
            return LoginAttempt::in_region(connector, chosen);
        }
        let Connector { config, environment, .. } = connector;
        let mut attempt = LoginAttempt::of(connector);
        attempt.asking = Some(config.source.token(&config.settings, environment));
        attempt
    }

    /// An attempt without a token. Inlined, like `dial` and `advance`, because this makes the Worker smaller.
    #[inline(always)]
    fn of(connector: &Connector) -> Self {
        let mut attempt = LoginAttempt {
            asking: None,
            token: None,
            dialing: None,
            dialed: None,
            round_trips: 0,
            tls: TlsStart::next(connector),
            fell_back: None,
            region: Region::default(),
            #[cfg(feature = "multi-region")]
            patience: None,
            #[cfg(feature = "postgres")]
            authentication: None,
        };
        // On Workers, the call of `dial` already begins to open the socket. With given keys, the token is made after
        // this call. If the credentials come from any other source, the source is polled first, so that no socket is
        // opened if the source fails at once.
        if let Source::Given(_) = connector.config.source {
            attempt.dial(connector);
        }
        attempt
    }

    #[inline(always)]
    fn dial(&mut self, connector: &Connector) {
        let direct = matches!(self.tls, TlsStart::Direct(_));
        self.round_trips += self.tls.round_trips(connector.settings());
        self.dialing = Some(connector.environment.dial(connector.settings(), direct));
        #[cfg(feature = "multi-region")]
        if let Some((most, timer)) = &mut self.patience {
            *timer = Some(connector.sleep(*most));
        }
    }

    /// Whether dialing takes so long that the next endpoint is tried.
    #[cfg(feature = "multi-region")]
    fn is_impatient(&mut self, context: &mut Context<'_>) -> bool {
        let is_dialing = self.dialing.is_some() && self.dialed.is_none();
        match &mut self.patience {
            Some((_, Some(timer))) if is_dialing => timer.as_mut().poll(context).is_ready(),
            _ => false,
        }
    }

    /// Continues the attempt until the connection is open; for a PostgreSQL, until the login has ended. Without a
    /// `search_path`, the role's own setting is used. With `serially`, the password is sent only after the server has
    /// requested it.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        search_path: Option<&str>,
        serially: bool,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Login, (Error, Signal)>> {
        let region = self.region.clone();
        let connector = region.connector(connector);
        #[cfg(feature = "postgres")]
        if let (Some(authentication), Some(settings)) =
            (&mut self.authentication, connector.settings().postgres.as_deref())
        {
            if authentication.suits(connector, settings, search_path)? {
                let ended = ready!(authentication.poll(context, connector, settings, timer))?;
                let Authenticated { transport, connection, tls, .. } = ended;
                let (round_trips, fell_back) = (self.round_trips + ended.round_trips, self.fell_back);
                let login =
                    Login { transport, connection, pipelined: false, round_trips, tls, fell_back, region };
                return Poll::Ready(Ok(login));
            }
            // Dropping the login closes its connection.
            (self.authentication, self.dialing, self.round_trips) = (None, None, 0);
        }
        self.advance(context, connector)?;
        let (Some(token), Some(_)) = (&self.token, &self.dialed) else {
            #[cfg(feature = "multi-region")]
            if self.is_impatient(context) {
                connector.note_reached(false);
                return Poll::Ready(Err((failure::connect_timeout(&connector.config), Signal::Lost)));
            }
            let timeout = || match self.asking {
                Some(_) => failure::credentials_timeout(),
                None => failure::connect_timeout(&connector.config),
            };
            return timer.as_mut().poll(context).map(|()| {
                if self.tls.is_unproven() {
                    TlsStart::note(connector, Some(false));
                }
                #[cfg(feature = "multi-region")]
                if self.dialing.is_some() && self.dialed.is_none() {
                    connector.note_reached(false);
                }
                Err((timeout(), Signal::Timeout))
            });
        };
        #[cfg(feature = "postgres")]
        if let Some(settings) = connector.settings().postgres.as_deref() {
            self.log_in(connector, settings, search_path)?;
            return self.poll(context, connector, search_path, serially, timer);
        }
        let pipelined = connector.settings().endpoint.requests_cleartext() && !serially;
        let connection = start(connector, search_path, token, pipelined);
        let connection = connection.map_err(|error| (error, Signal::Local))?;
        let Some(dialed) = self.dialed.take() else { return Poll::Pending };
        let transport = dialed.map_err(|error| failure::of_dialing(&connector.config, error))?;
        let (round_trips, tls, fell_back) = (self.round_trips, self.tls, self.fell_back);
        Poll::Ready(Ok(Login { transport, connection, pipelined, round_trips, tls, fell_back, region }))
    }

    /// Begins the login of a PostgreSQL, if the token and the socket are available.
    #[cfg(feature = "postgres")]
    fn log_in(
        &mut self,
        connector: &Connector,
        settings: &PostgresSettings,
        search_path: Option<&str>,
    ) -> Result<(), (Error, Signal)> {
        let Some(token) = &self.token else { return Ok(()) };
        let Some(dialed) = self.dialed.take() else { return Ok(()) };
        let transport = dialed.map_err(|error| failure::of_dialing(&connector.config, error))?;
        if settings.sslmode == SslMode::Prefer && transport.protection() == Protection::PlainText {
            self.round_trips = self.round_trips.saturating_sub(1);
        }
        let begun = Authentication::new(connector, settings, transport, search_path, token, self.tls);
        self.authentication = Some(Box::new(begun?));
        Ok(())
    }

    /// Advances the token and the socket. Returns an error of the source of credentials.
    #[inline(always)]
    fn advance(&mut self, context: &mut Context<'_>, connector: &Connector) -> Result<(), (Error, Signal)> {
        if let Some(asking) = &mut self.asking
            && let Poll::Ready(asked) = asking.as_mut().poll(context)
        {
            self.asking = None;
            self.token = Some(asked.map_err(|unavailable| {
                let signal = if unavailable.transient { Signal::Lost } else { Signal::Local };
                (unavailable.error, signal)
            })?);
        }
        if TOKEN_MAY_BE_LATE {
            self.watch(context, connector);
        }
        while self.dialed.is_none() {
            let Some(dialing) = &mut self.dialing else {
                if self.token.is_none() && !TOKEN_MAY_BE_LATE {
                    break;
                }
                self.dial(connector);
                continue;
            };
            let Poll::Ready(dialed) = dialing.as_mut().poll(context) else { break };
            #[cfg(feature = "multi-region")]
            match &dialed {
                Ok(_) => connector.note_reached(true),
                Err(error) if error.kind.is_of_network() => connector.note_reached(false),
                Err(_) => {}
            }
            if self.fell_back.is_some() && dialed.is_ok() {
                TlsStart::note(connector, Some(false));
            }
            self.dialed = Some(dialed);
            self.fall_back(connector);
        }
        Ok(())
    }

    /// Notices the end of an open socket. A server sends nothing before the login, so if anything arrives, the
    /// connection is closed. If the end of the socket were not noticed, a flight could be sent on a dead connection,
    /// and the outcome of a write would be unknown.
    fn watch(&mut self, context: &mut Context<'_>, connector: &Connector) {
        if let Some(Ok(transport)) = &mut self.dialed
            && !seeded!(SendsOnDeadWarmUp)
            && transport.poll_read(context, &mut Vec::new()).is_ready()
        {
            transport.close(&[]);
            let text = "the server closed the connection";
            self.dialed = Some(Err(TransportError::new(TransportErrorKind::Lost, text)));
            self.fall_back(connector);
        }
    }

    /// If the server may have rejected direct TLS, begins again with SSLRequest. The new connection does not count as
    /// another attempt, because nothing was sent. If the connection with SSLRequest succeeds, the server is reachable,
    /// and the rejection is recorded. If the endpoint has accepted direct TLS before, only the record of this
    /// acceptance is deleted, so that the next attempt can fall back to SSLRequest.
    fn fall_back(&mut self, connector: &Connector) {
        let (TlsStart::Direct(direct), Some(Err(error))) = (self.tls, &self.dialed) else { return };
        match error.kind {
            TransportErrorKind::Tls | TransportErrorKind::Lost if direct.is_proven() => {
                TlsStart::note(connector, None);
            }
            TransportErrorKind::Tls | TransportErrorKind::Lost => {
                (self.tls, self.fell_back) = (TlsStart::Requested, Some(direct));
                (self.dialing, self.dialed) = (None, None);
            }
            _ => {}
        }
    }
}

/// The attempts that own their connector: those of a [`WarmUp`], and those at one endpoint of several.
impl LoginAttempt<'static> {
    fn shared(connector: &Arc<Connector>) -> Self {
        #[cfg(feature = "multi-region")]
        if let Some(chosen) = connector.region() {
            return LoginAttempt::in_region(connector, chosen);
        }
        LoginAttempt::owning(connector.clone())
    }

    /// An attempt at one endpoint of several.
    #[cfg(feature = "multi-region")]
    fn in_region(whole: &Connector, (region, patience): (Region, Millis)) -> Self {
        let connector = region.connector(whole);
        let mut attempt = LoginAttempt::owning(Arc::new(connector.clone()));
        // If the keys are given, dialing has begun, so the timer starts now.
        let timer = attempt.dialing.is_some().then(|| connector.sleep(patience));
        attempt.patience = Some((patience, timer));
        attempt.region = region;
        attempt
    }

    fn owning(owner: Arc<Connector>) -> Self {
        let mut attempt = LoginAttempt::of(&owner);
        attempt.asking = Some(Box::pin(async move {
            let Connector { config, environment, .. } = &*owner;
            config.source.token(&config.settings, environment).await
        }));
        attempt
    }

    /// Returns an attempt that fails with this error, if every other attempt would fail in the same way.
    fn failed((error, signal): (Error, Signal)) -> Option<Box<Self>> {
        let unavailable = Unavailable { error, transient: false };
        let is_final = signal == Signal::Local;
        // The next login would send the same password, and a server may lock an account after a few rejected logins.
        #[cfg(feature = "postgres")]
        let is_final = is_final
            || matches!(signal, Signal::LoginRejected { rejection, .. } if rejection.is_access_denied());
        is_final.then(|| {
            Box::new(LoginAttempt {
                asking: Some(Box::pin(core::future::ready(Err(unavailable)))),
                token: None,
                dialing: None,
                dialed: None,
                round_trips: 0,
                tls: TlsStart::Requested,
                fell_back: None,
                region: Region::default(),
                #[cfg(feature = "multi-region")]
                patience: None,
                #[cfg(feature = "postgres")]
                authentication: None,
            })
        })
    }

    /// Advances the parts of the attempt: the token, the socket, and the login to a PostgreSQL. Returns an error if one
    /// of these parts failed.
    fn settle(&mut self, context: &mut Context<'_>, connector: &Connector) -> Result<(), (Error, Signal)> {
        let region = self.region.clone();
        let connector = region.connector(connector);
        #[cfg(feature = "postgres")]
        if let (Some(authentication), Some(settings)) =
            (&mut self.authentication, connector.settings().postgres.as_deref())
        {
            return authentication.poll_ahead(context, connector, settings);
        }
        self.watch(context, connector);
        self.advance(context, connector)?;
        if let Some(Err(error)) = self.dialed.take_if(|dialed| self.token.is_some() && dialed.is_err()) {
            return Err(failure::of_dialing(&connector.config, error));
        }
        // The login sends the configured search_path. If the first query needs another search_path, this difference is
        // detected when the query takes the attempt.
        #[cfg(feature = "postgres")]
        if let (Some(settings), true) = (connector.settings().postgres.as_deref(), self.is_connected()) {
            self.log_in(connector, settings, connector.settings().search_path.as_deref())?;
            return self.settle(context, connector);
        }
        Ok(())
    }

    /// Whether a flight can be sent without waiting.
    fn is_open(&self) -> bool {
        #[cfg(feature = "postgres")]
        if let Some(authentication) = &self.authentication {
            return authentication.has_ended();
        }
        self.is_connected()
    }

    fn is_connected(&self) -> bool {
        self.token.is_some() && self.dialed.is_some()
    }

    /// From now on, counts the round trips for the query that takes the attempt, and only the round trips for which
    /// this query waits. If the socket is still being opened, the query waits for all round trips of dialing.
    fn forget_round_trips(&mut self) {
        #[cfg(feature = "postgres")]
        if let Some(authentication) = &mut self.authentication {
            authentication.forget_round_trips();
            self.round_trips = 0;
        }
        if self.is_connected() {
            self.round_trips = 0;
        }
    }
}

/// Closes the socket, because JavaScript would keep it open.
impl Drop for LoginAttempt<'_> {
    fn drop(&mut self) {
        if let Some(Ok(transport)) = &mut self.dialed
            && !seeded!(LeavesWarmUpOpen)
        {
            transport.close(&[]);
        }
    }
}

/// The session, with its first messages.
fn start(
    connector: &Connector,
    search_path: Option<&str>,
    token: &Secret,
    pipelined: bool,
) -> Result<Connection, Error> {
    let settings = connector.settings();
    let startup = Startup {
        user: &settings.user,
        database: "postgres",
        application_name: &settings.application_name,
        search_path,
        #[cfg(feature = "postgres")]
        options: None,
    };
    let mut connection = Connection::new(connector.limits());
    connection
        .start(&startup, token.expose(), pipelined)
        .map_err(|Malformed(reason)| Error::config(reason))?;
    if connector.environment.holds_flights() {
        connection.hold_statements();
    }
    Ok(connection)
}
