//! Explains why a connection failed: makes the error for people, and the signal for `retry.rs`.
//!
//! Input: the report of the transport, the session or the timer. Output: an error that names the endpoint and gives
//! advice. This module does not decide whether a statement runs again.

use super::tls_start::TlsStart;
use crate::auth::Source;
use crate::config::Config;
use crate::connector::Connector;
use crate::error::{Error, Kind};
#[cfg(feature = "pool")]
use crate::lease::Report;
use crate::login_rejection::LoginRejection;
use crate::retry::{Reached, Signal};
#[cfg(feature = "pool")]
use crate::session::FLIGHT_DROPPED;
use crate::session::SessionFault;
#[cfg(feature = "postgres")]
use crate::settings::SslMode;
use crate::transport::{TransportError, TransportErrorKind};

/// Why a flight got no answer, or only a part of an answer. The server's errors about statements are not included.
pub(crate) enum ConnectionFailure {
    Session(SessionFault),
    Transport(TransportError),
    Timeout,
}

/// The progress of a connection before it failed.
#[derive(Clone, Copy)]
pub(crate) struct LoginProgress {
    /// Whether the server had accepted the login.
    pub(crate) started: bool,
    /// Whether the server had sent any byte.
    pub(crate) has_received: bool,
    /// Whether the password was sent before the server requested it.
    pub(crate) pipelined: bool,
    /// Whether the connection is a lease of a pool.
    pub(crate) leased: bool,
    pub(crate) tls: TlsStart,
}

impl LoginProgress {
    /// Records that the endpoint could not be reached, if the connection broke before the login had ended.
    fn note_loss(self, connector: &Connector) {
        if !self.started && !self.leased {
            connector.note_reached(false);
        }
    }

    /// Returns the signal for a connection that broke. If the connection began with direct TLS and the server has sent
    /// nothing, the server may have rejected direct TLS. This rejection is recorded or, if the endpoint had accepted
    /// direct TLS before, the record of the acceptance is deleted.
    fn signal_of_loss(self, connector: &Connector) -> Signal {
        match self.tls {
            TlsStart::Direct(direct) if !self.has_received => {
                TlsStart::note(connector, (!direct.is_proven()).then_some(false));
                let is_proven = direct.is_proven() && !seeded!(TrustsRejection);
                if is_proven { Signal::Lost } else { Signal::DirectTlsRejected(direct) }
            }
            _ => Signal::Lost,
        }
    }
}

/// Returns the error and the signal for a failure. If a pool reported the point that the flight had reached, also
/// returns this point.
pub(crate) fn explain(
    progress: LoginProgress,
    connector: &Connector,
    failure: ConnectionFailure,
) -> (Error, Signal, Option<Reached>) {
    #[cfg(feature = "pool")]
    if let ConnectionFailure::Session(SessionFault::LeaseFailed(report)) = &failure {
        let Report { error, signal, reached } = Report::read(report);
        return (error, signal, Some(reached));
    }
    let (error, signal) = explain_own(progress, connector, failure);
    (error, signal, None)
}

fn explain_own(
    progress: LoginProgress,
    connector: &Connector,
    failure: ConnectionFailure,
) -> (Error, Signal) {
    let Connector { config, environment, .. } = connector;
    match failure {
        ConnectionFailure::Session(SessionFault::LoginRejected(error)) => {
            let rejection = LoginRejection::of(&error);
            if let (true, Source::Asked(source)) = (rejection.is_access_denied(), &config.source) {
                source.forget(environment);
            }
            let signal = Signal::LoginRejected { rejection, pipelined: progress.pipelined };
            #[cfg(feature = "postgres")]
            if config.settings.postgres.is_some() {
                let advice = rejection.advice_for_postgres(&error);
                return (Error::new(Kind::LoginRejected(error)).with_advice(advice), signal);
            }
            (Error::new(Kind::LoginRejected(error)), signal)
        }
        ConnectionFailure::Session(SessionFault::Authentication(how)) => {
            let after = ", where DSQL requests a cleartext password inside TLS";
            (Error::connect(line("", config, NO_ENDPOINT, how, after)), Signal::Local)
        }
        // A dropped flight is treated as a rejected login, because nothing was executed and the next login succeeds.
        #[cfg(feature = "pool")]
        ConnectionFailure::Session(SessionFault::FlightDropped) => {
            environment.hold_flights();
            let signal =
                Signal::LoginRejected { rejection: LoginRejection::Protocol, pipelined: progress.pipelined };
            (Error::new(Kind::Protocol(FLIGHT_DROPPED)), signal)
        }
        ConnectionFailure::Session(SessionFault::Malformed(reason)) => {
            (Error::new(Kind::Protocol(reason)), Signal::Protocol)
        }
        ConnectionFailure::Session(SessionFault::TooLong(limit)) => {
            (Error::new(Kind::TooLong(limit)), Signal::Protocol)
        }
        #[cfg(feature = "pool")]
        ConnectionFailure::Session(SessionFault::LeaseFailed(_)) => {
            (Error::new(Kind::Protocol(NO_LEASE)), Signal::Protocol)
        }
        ConnectionFailure::Session(SessionFault::Closed) => {
            progress.note_loss(connector);
            let signal = progress.signal_of_loss(connector);
            (lost(progress, config, "the server closed the connection"), signal)
        }
        // The platform may report this error only when the answer is read, after the statements were sent.
        ConnectionFailure::Transport(error) if error.kind == TransportErrorKind::OtherRequest => {
            (Error::new(Kind::OtherRequest), Signal::Stranded)
        }
        // Cloudflare's documentation requires that a request to an overloaded Durable Object is not retried, because a
        // retry would add to the load.
        #[cfg(feature = "pool")]
        ConnectionFailure::Transport(error) if error.kind == TransportErrorKind::Undelivered => {
            let text = line("", config, " did not receive the query: ", &error.text, OVERLOADED);
            (Error::new(Kind::Overloaded(text.into())), Signal::Local)
        }
        #[cfg(feature = "websocket")]
        ConnectionFailure::Transport(error) if error.kind == TransportErrorKind::Overrun => {
            (Error::new(Kind::TooLong(OVERRUN)), Signal::Protocol)
        }
        ConnectionFailure::Transport(error) => {
            progress.note_loss(connector);
            (lost(progress, config, &error.text), progress.signal_of_loss(connector))
        }
        ConnectionFailure::Timeout if progress.started => (
            Error::new(Kind::Timeout("waiting for the answer to the query (Config::query_timeout)".into())),
            Signal::Timeout,
        ),
        ConnectionFailure::Timeout => {
            progress.note_loss(connector);
            // Direct TLS may be the reason for the failure, and the endpoint's rejection is recorded. But the time
            // limit has passed, so the connection is not tried again.
            let _ = progress.signal_of_loss(connector);
            (connect_timeout(config), Signal::Timeout)
        }
    }
}

fn lost(progress: LoginProgress, config: &Config, text: &str) -> Error {
    let connection = "the connection to ";
    let text = match progress {
        LoginProgress { started: true, .. } => {
            let text = line(connection, config, " broke before the answer had arrived: ", text, "");
            return Error::new(Kind::Lost(text.into()));
        }
        LoginProgress { leased: true, .. } => {
            line("", config, " disconnected before it lent a connection: ", text, "")
        }
        LoginProgress { has_received: true, .. } => {
            line(connection, config, " broke while logging in: ", text, "")
        }
        _ if config.settings.uses_websocket() => {
            line("no answer from ", config, " through the WebSocket: ", text, CHECK_WEBSOCKET)
        }
        #[cfg(feature = "postgres")]
        _ if config.settings.postgres.as_ref().is_some_and(|it| it.sslmode != SslMode::Require) => {
            line("no answer from ", config, ": ", text, CHECK_POSTGRES)
        }
        _ => line(
            "no answer from ",
            config,
            " through TLS: ",
            text,
            advice(config, CHECK_TLS, CHECK_POSTGRES_TLS),
        ),
    };
    Error::connect(text)
}

/// Returns one line with the failure, the endpoint's name, the reason, and the advice.
fn line(before: &str, config: &Config, happened: &str, why: &str, advice: &str) -> String {
    format!("{before}{}{happened}{why}{advice}", config.location())
}

#[cfg(feature = "pool")]
const OVERLOADED: &str = "; increase DSQL_POOL_SHARDS";
#[cfg(feature = "pool")]
const NO_LEASE: &str = "the server reported a failed lease, but no lease was requested";

/// The advice for the kind of server that is configured.
fn advice(config: &Config, dsql: &'static str, postgres: &'static str) -> &'static str {
    #[cfg(feature = "postgres")]
    if config.settings.postgres.is_some() {
        return postgres;
    }
    let _ = (config, postgres);
    dsql
}

/// Returns the error for the login to a PostgreSQL, after this client has ended the login itself.
#[cfg(feature = "postgres")]
pub(super) fn login_ended(config: &Config, reason: &str) -> Error {
    Error::connect(line("the login at ", config, " failed: ", reason, ""))
}

const NO_ENDPOINT: &str = " is not a DSQL endpoint: ";
const CHECK_SERVER: &str = "; check DSQL_ENDPOINT, and that the server runs";
const CHECK_TLS: &str = "; check that the cluster answers there, with a certificate for this host name, \
                         of a trusted CA (`dsql-local run -- …` sets NODE_EXTRA_CA_CERTS and DSQL_EDGE_CA)";

#[cfg(feature = "websocket")]
const OVERRUN: &str = "more bytes of the answer arrived through the WebSocket than may wait in memory (Config::max_result): \
                       read the rows faster, or connect over TCP, where the server waits";
const CHECK_WEBSOCKET: &str = "; check that the server behind it is a PostgreSQL or a DSQL cluster, and runs";

const NO_TLS: &str = " does not accept TLS: ";
const CHECK_POSTGRES: &str = "; check the host and the port of the PostgreSQL, and that the server runs";
const CHECK_POSTGRES_TLS: &str = "; check the host of the PostgreSQL, and that its certificate is for this name and of \
                                  a public certificate authority (outside Workers sslrootcert names another one; on \
                                  Workers use Hyperdrive)";
const CHECK_SSLMODE: &str = "; sslmode=disable connects without TLS, which is safe only on this machine";

pub(crate) fn connect_timeout(config: &Config) -> Error {
    #[cfg(feature = "pool")]
    if config.lessor.is_some() {
        let text = "waiting for the pool to lend a connection (Config::connect_timeout)";
        return Error::new(Kind::Timeout(text.into()));
    }
    let blocked = "; check DSQL_ENDPOINT, and that nothing in between blocks the port";
    let blocked = advice(config, blocked, "; check the host, and that nothing in between blocks the port");
    let text = line("connecting to ", config, " (Config::connect_timeout)", "", blocked);
    Error::new(Kind::Timeout(text.into()))
}

pub(super) fn credentials_timeout() -> Error {
    Error::new(Kind::Timeout("waiting for credentials (Config::connect_timeout)".into()))
}

/// Explains why dialing failed. A failure of TLS is permanent; a failure of the network may be transient.
pub(super) fn of_dialing(config: &Config, error: TransportError) -> (Error, Signal) {
    let (before, happened, fix, signal) = match error.kind {
        TransportErrorKind::OtherRequest => return (Error::new(Kind::OtherRequest), Signal::Local),
        TransportErrorKind::Unsupported => return (Error::connect(error.text), Signal::Local),
        #[cfg(feature = "pool")]
        TransportErrorKind::Undelivered => return (Error::connect(error.text), Signal::Local),
        TransportErrorKind::NoTls => {
            let check = "; check DSQL_ENDPOINT, and the port with dsql-local";
            ("", advice(config, NO_ENDPOINT, NO_TLS), advice(config, check, CHECK_SSLMODE), Signal::Local)
        }
        #[cfg(feature = "websocket")]
        TransportErrorKind::NoWebSocket => ("no WebSocket at ", ": ", "", Signal::Local),
        #[cfg(feature = "websocket")]
        TransportErrorKind::Overrun => return (Error::new(Kind::TooLong(OVERRUN)), Signal::Protocol),
        #[cfg(feature = "websocket")]
        _ if config.settings.uses_websocket() => {
            let signal = if error.kind == TransportErrorKind::Tls { Signal::Local } else { Signal::Lost };
            ("the WebSocket of ", " did not open: ", "", signal)
        }
        TransportErrorKind::Tls => {
            ("TLS with ", " failed: ", advice(config, CHECK_TLS, CHECK_POSTGRES_TLS), Signal::Local)
        }
        TransportErrorKind::Unreachable => {
            ("nothing answers at ", ": ", advice(config, CHECK_SERVER, CHECK_POSTGRES), Signal::Lost)
        }
        TransportErrorKind::Lost => {
            let check = advice(config, CHECK_SERVER, CHECK_POSTGRES);
            ("the connection to ", " broke before TLS: ", check, Signal::Lost)
        }
    };
    (Error::connect(line(before, config, happened, &error.text, fix)), signal)
}
