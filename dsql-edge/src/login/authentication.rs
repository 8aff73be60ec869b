//! The login of a PostgreSQL that is not a DSQL cluster, from StartupMessage to the end of the login.
//!
//! Input: an open connection, and the password. Output: a session that is ready for its first flight, or the error and
//! its signal for `retry.rs`. No part of a flight is sent before the login has ended, so a login that fails has changed
//! nothing, whatever the flight contains.
//!
//! If a `search_path` is needed, this module also checks that it is in force. A pooler in transaction mode may ignore
//! the parameters of StartupMessage, and the same names would then mean tables of another schema. So the client asks
//! the server for its `search_path`; this takes a round trip. PostgreSQL 18 reports its `search_path` with the login,
//! but the report is not used: PgBouncer repeats the report of the first login of its pool to all later clients.
//!
//! A warm-up runs the login before the first query is known. The query then states the `search_path` that it needs
//! ([`Authentication::suits`]): if the login has sent another `search_path`, another connection is opened.

use core::task::{Context, Poll, ready};

use super::TlsStart;
use super::failure::{self, ConnectionFailure, LoginProgress};
use crate::auth::PasswordLogin;
use crate::config::search_path as normalized;
use crate::connector::Connector;
use crate::credentials::Secret;
use crate::error::Error;
use crate::retry::Signal;
use crate::session::{Connection, LoginEvent, SessionEvent, SessionFault};
use crate::settings::PostgresSettings;
use crate::transport::{BoxFuture, Transport, TransportError, TransportErrorKind};
use crate::wire::{Malformed, Parameters, Startup};

/// A login that is running.
pub(super) struct Authentication {
    transport: Option<Box<dyn Transport>>,
    connection: Connection,
    password: PasswordLogin,
    /// The `search_path` that must be in force.
    expected_path: Option<String>,
    /// The `search_path` that is in force, once it is known.
    path: Option<String>,
    stage: Stage,
    tls: TlsStart,
    writing: bool,
    write_error: Option<TransportError>,
    read: Vec<u8>,
    /// The number of bytes that the server has sent.
    received: usize,
    round_trips: u32,
    /// Whether the last transferred bytes came from the server; also true before any bytes were transferred.
    heard_last: bool,
}

/// A connection whose login has ended.
pub(super) struct Authenticated {
    pub(super) transport: Box<dyn Transport>,
    pub(super) connection: Connection,
    /// The number of round trips of the login, without the round trips of dialing.
    pub(super) round_trips: u32,
    pub(super) tls: TlsStart,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    LoggingIn,
    /// The server was asked for its `search_path`.
    Asking,
    Ended,
}

type Failed = (Error, Signal);

impl Authentication {
    /// Writes StartupMessage.
    pub(super) fn new(
        connector: &Connector,
        settings: &PostgresSettings,
        transport: Box<dyn Transport>,
        search_path: Option<&str>,
        password: &Secret,
        tls: TlsStart,
    ) -> Result<Self, Failed> {
        let user = &connector.settings().user;
        let password = PasswordLogin::new(user, password, transport.protection());
        let mut connection = Connection::new(connector.limits());
        // `authentication` owns the transport before the first `return Err`, because dropping `authentication` closes
        // the transport.
        let mut authentication = Authentication {
            transport: Some(transport),
            password,
            expected_path: needed(search_path),
            path: None,
            stage: Stage::LoggingIn,
            tls,
            writing: false,
            write_error: None,
            read: Vec::new(),
            received: 0,
            round_trips: 0,
            heard_last: true,
            connection: Connection::new(connector.limits()),
        };
        if settings.transaction_pooler && settings.options.is_some() {
            return Err((Error::config(OPTIONS_ON_POOLER), Signal::Local));
        }
        let startup = Startup {
            user,
            database: &settings.database,
            application_name: &connector.settings().application_name,
            search_path: search_path.filter(|_| !settings.transaction_pooler),
            options: settings.options.as_deref(),
        };
        connection
            .start_login(&startup)
            .map_err(|Malformed(reason)| (Error::config(reason), Signal::Local))?;
        authentication.connection = connection;
        Ok(authentication)
    }

    /// Continues the login. The result is a session whose next event is `Started`.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        settings: &PostgresSettings,
        timer: &mut BoxFuture<()>,
    ) -> Poll<Result<Authenticated, Failed>> {
        if self.advance(context, connector, settings)?.is_pending() {
            ready!(timer.as_mut().poll(context));
            return Poll::Ready(Err(self.failed(connector, ConnectionFailure::Timeout)));
        }
        self.tls.accepted(connector);
        let handed_over = self.connection.hand_over();
        handed_over.map_err(|fault| self.failed(connector, ConnectionFailure::Session(fault)))?;
        let Some(transport) = self.transport.take() else { return Poll::Pending };
        let connection = core::mem::replace(&mut self.connection, Connection::new(connector.limits()));
        let (round_trips, tls) = (self.round_trips, self.tls);
        Poll::Ready(Ok(Authenticated { transport, connection, round_trips, tls }))
    }

    /// Continues the login before a query needs the connection. After the login, watches the connection: a server has
    /// nothing to send then, so if anything arrives, the connection is treated as lost.
    pub(super) fn poll_ahead(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        settings: &PostgresSettings,
    ) -> Result<(), Failed> {
        if self.advance(context, connector, settings)?.is_ready()
            && let Some(transport) = &mut self.transport
            && transport.poll_read(context, &mut self.read).is_ready()
        {
            let text = "the server closed the connection";
            let lost = TransportError::new(TransportErrorKind::Lost, text);
            return Err(self.failed(connector, ConnectionFailure::Transport(lost)));
        }
        Ok(())
    }

    /// Whether the login has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether the names of a query that needs this `search_path` have the same meaning on this connection. A
    /// `search_path` is not sent to a pooler. So behind a pooler, this function only makes the connection check the
    /// needed `search_path`, and returns `true`.
    pub(super) fn suits(
        &mut self,
        connector: &Connector,
        settings: &PostgresSettings,
        search_path: Option<&str>,
    ) -> Result<bool, Failed> {
        let needed = needed(search_path);
        if needed == self.expected_path {
            return Ok(true);
        }
        if !settings.transaction_pooler {
            return Ok(false);
        }
        self.expected_path = needed;
        if self.has_ended() {
            self.check_path(connector, settings)?;
        }
        Ok(true)
    }

    /// Counts only the round trips from now on.
    pub(super) fn forget_round_trips(&mut self) {
        self.round_trips = 0;
    }

    /// Continues the login; ready once it has ended.
    fn advance(
        &mut self,
        context: &mut Context<'_>,
        connector: &Connector,
        settings: &PostgresSettings,
    ) -> Result<Poll<()>, Failed> {
        while self.stage != Stage::Ended {
            if self.received > MAX_RECEIVED {
                let fault = SessionFault::TooLong(TOO_MUCH_RECEIVED);
                return Err(self.failed(connector, ConnectionFailure::Session(fault)));
            }
            self.answer(context)?;
            self.poll_transmit(context);
            if self.handle_event(connector, settings)? {
                continue;
            }
            match self.poll_read(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    return Err(self.failed(connector, ConnectionFailure::Transport(error)));
                }
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Sends the answer to the server's last request, once the answer is computed.
    fn answer(&mut self, context: &mut Context<'_>) -> Result<(), Failed> {
        match self.password.poll_frame(context) {
            Poll::Ready(Ok(Some(frame))) => self.connection.answer_request(&frame),
            Poll::Ready(Ok(None)) | Poll::Pending => {}
            Poll::Ready(Err(error)) => return Err((error, Signal::Local)),
        }
        Ok(())
    }

    /// Handles the next message of the server. Returns `false` if more bytes must arrive first.
    fn handle_event(&mut self, connector: &Connector, settings: &PostgresSettings) -> Result<bool, Failed> {
        if self.stage == Stage::Asking {
            return self.handle_answer(connector, settings);
        }
        let event = self.connection.poll_login();
        let event = event.map_err(|fault| self.failed(connector, ConnectionFailure::Session(fault)))?;
        let decided = match event {
            None => return Ok(false),
            Some(LoginEvent::Request(request)) => self.password.answer(request, settings),
            Some(LoginEvent::Accepted) => self.password.accept(settings),
            Some(LoginEvent::Started) => {
                self.check_path(connector, settings)?;
                Ok(())
            }
        };
        decided.map_err(|reason| (failure::login_ended(&connector.config, &reason), Signal::Local))?;
        Ok(true)
    }

    /// Compares the `search_path`, or asks the server for it.
    fn check_path(&mut self, connector: &Connector, settings: &PostgresSettings) -> Result<(), Failed> {
        let Some(expected) = &self.expected_path else {
            self.stage = Stage::Ended;
            return Ok(());
        };
        let Some(path) = &self.path else {
            self.stage = Stage::Asking;
            let connection = &mut self.connection;
            return connection
                .statement("SHOW search_path", &[])
                .and_then(|()| connection.execute(&Parameters::default(), &[], true))
                .and_then(|()| connection.sync())
                .map_err(|Malformed(reason)| (Error::config(reason), Signal::Local));
        };
        if normalized(path) == *expected {
            self.stage = Stage::Ended;
            return Ok(());
        }
        let user = &connector.settings().user;
        let sent = if settings.transaction_pooler { WAS_NOT_SENT } else { WAS_IGNORED };
        let text = format!(
            "the search_path at {} is {}, and the queries need {expected}: {sent}; set it on the role (ALTER ROLE {user} \
             SET search_path = {expected}), and let the pooler open new connections",
            connector.config.location(),
            shown(path),
        );
        Err((Error::config(text), Signal::Local))
    }

    /// Handles the answer to `SHOW search_path`.
    fn handle_answer(&mut self, connector: &Connector, settings: &PostgresSettings) -> Result<bool, Failed> {
        let event = self.connection.poll_event();
        let event = event.map_err(|fault| self.failed(connector, ConnectionFailure::Session(fault)))?;
        match event {
            None => return Ok(false),
            Some(SessionEvent::Row(row)) => {
                let path = row.column(0).flatten().and_then(|text| core::str::from_utf8(text).ok());
                self.path = Some(path.unwrap_or_default().to_owned());
            }
            // A pooler may accept the login itself, and report only now why the server rejects it.
            Some(SessionEvent::Failed(error)) => {
                let fault = SessionFault::LoginRejected(error);
                return Err(self.failed(connector, ConnectionFailure::Session(fault)));
            }
            Some(SessionEvent::Ready(_)) if self.path.is_some() => self.check_path(connector, settings)?,
            Some(SessionEvent::Described(_) | SessionEvent::Completed(_)) => {}
            Some(_) => {
                let fault = SessionFault::Malformed("the answer to SHOW search_path is not a row");
                return Err(self.failed(connector, ConnectionFailure::Session(fault)));
            }
        }
        Ok(true)
    }

    /// Receives bytes.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let Some(transport) = &mut self.transport else { return Poll::Pending };
        match transport.poll_read(context, &mut self.read) {
            Poll::Ready(Ok(())) if self.read.is_empty() => self.connection.handle_eof(),
            Poll::Ready(Ok(())) => {
                self.heard_last = true;
                self.received = self.received.saturating_add(self.read.len());
                self.connection.handle_input(&self.read);
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            // If the server rejects the login and closes the connection, the write fails too. So the error of the write
            // is returned only after the server's answer has been read.
            Poll::Pending => {
                return self.write_error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends as many bytes as can be sent now.
    fn poll_transmit(&mut self, context: &mut Context<'_>) {
        let Some(transport) = &mut self.transport else { return };
        loop {
            if !self.writing {
                let Some(bytes) = self.connection.poll_transmit() else { return };
                if core::mem::replace(&mut self.heard_last, false) {
                    self.round_trips += 1;
                }
                transport.start_write(bytes);
                self.writing = true;
            }
            let Poll::Ready(written) = transport.poll_write(context) else { return };
            self.writing = false;
            if let Err(error) = written {
                self.write_error = Some(error);
                return;
            }
        }
    }

    fn failed(&self, connector: &Connector, failure: ConnectionFailure) -> Failed {
        let has_received = self.connection.has_received();
        let progress =
            LoginProgress { started: false, has_received, pipelined: false, leased: false, tls: self.tls };
        let (error, signal, _) = failure::explain(progress, connector, failure);
        (error, signal)
    }
}

/// The `search_path` that must be in force; `None` for the role's own setting.
fn needed(search_path: Option<&str>) -> Option<String> {
    search_path.map(normalized).filter(|path| !path.is_empty())
}

/// Closes the transport of a login that failed or was dropped.
impl Drop for Authentication {
    fn drop(&mut self) {
        if let Some(transport) = &mut self.transport {
            transport.close(&[]);
        }
    }
}

/// The maximum number of bytes that a server sends before the login has ended. Without a limit, a server that never
/// stops sending could keep a client reading beyond its time limit.
const MAX_RECEIVED: usize = 1 << 20;

const TOO_MUCH_RECEIVED: &str = "the server has sent more than 1,048,576 bytes before the login has ended";

/// Returns the server's search_path for an error, if the string looks like a list of schemas.
fn shown(path: &str) -> &str {
    let is_short = path.len() <= 200 && !path.chars().any(char::is_control);
    match path {
        "" => "empty",
        _ if is_short => path,
        _ => "another one",
    }
}

const WAS_IGNORED: &str = "a pooler ignores the search_path that a client sends with the login";
const WAS_NOT_SENT: &str = "with Config::transaction_pooler it is not sent with the login";
const OPTIONS_ON_POOLER: &str = "a pooler in transaction mode does not keep the parameter `options`: set the options on \
                                 the role (ALTER ROLE … SET …) and leave the parameter out";
