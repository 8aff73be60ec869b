//! One connection: the session's state machine on a transport, and the timer.
//!
//! Goes in: a query. Comes out: its rows, or the first thing that went wrong. Reads while it writes, because a
//! server that cannot get rid of its answers stops reading. A link whose query was dropped halfway is never used
//! again: [`Link::is_idle`] says so.

use core::future::poll_fn;
use core::task::{Context, Poll};

use crate::auth::{self, Action, TokenRequest};
use crate::client::Sink;
use crate::config::Config;
use crate::error::{Error, Kind, Outcome};
use crate::query::Request;
use crate::row::{DataRow, check_description, result_formats};
use crate::session::{Connection, Event, Fault};
use crate::sqlstate::SqlState;
use crate::statement::{Effect, Statement};
use crate::transport::{self, BoxFuture, Transport, TransportError, TransportErrorKind};
use crate::types::sql::Format;
use crate::wire::{Bind, DatabaseError, Field, Malformed, Parameters, Startup, frontend};

/// A connection, from TCP on.
pub(super) struct Link {
    transport: Box<dyn Transport>,
    connection: Connection,
    /// Bytes have been given to the transport that it has not written yet.
    writing: bool,
    /// Writing failed. What the server said before that is still worth reading.
    write_error: Option<TransportError>,
    /// The server has let us in.
    started: bool,
    /// What the first query was compiled for.
    search_path: &'static str,
    read: Vec<u8>,
}

/// A query that can be sent: its arguments could all be encoded.
pub(super) struct Prepared {
    statement: &'static Statement,
    /// One for each time that it is executed.
    parameters: Vec<Parameters>,
    /// Of `sql_unchecked!`, whose statement has none.
    types: Vec<u32>,
    formats: Vec<i16>,
    unchecked: bool,
}

impl Prepared {
    pub(super) fn new(request: Request) -> Result<Self, Error> {
        let Request { statement, arguments, unchecked } = request;
        let mut parameters = Vec::with_capacity(arguments.len());
        let mut types = Vec::new();
        for arguments in arguments {
            let (encoded, unchecked) = arguments.into_parts()?;
            parameters.push(encoded);
            types = unchecked;
        }
        // Of columns whose types are not known yet, the format must be one for all.
        let formats = if unchecked { vec![Format::Binary.code()] } else { result_formats(statement.columns) };
        Ok(Prepared { statement, parameters, types, formats, unchecked })
    }

    /// Where its names were looked up when it was compiled.
    pub(super) fn search_path(&self) -> &'static str {
        self.statement.search_path
    }

    /// There is nothing to execute: `for` over no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }
}

/// What may go wrong with a query, apart from what the query itself is about.
enum Failure {
    Database { error: Box<DatabaseError>, completed: bool },
    Session(Fault),
    Transport(TransportError),
    Timeout,
}

impl Link {
    /// Dials, up to TLS. What the server must be told first goes out with the first query.
    /// `search_path` is that of the first query, if Config has none.
    pub(super) async fn open(
        config: &Config,
        search_path: &'static str,
        timer: &mut BoxFuture<()>,
    ) -> Result<Self, Error> {
        let token = auth::token(
            config.credentials(),
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
            search_path: config.schemas().or(Some(search_path).filter(|path| !path.is_empty())),
        };
        let mut connection = Connection::new(config.max_message());
        connection
            .start(&startup, token.expose().as_bytes(), config.knows_cleartext())
            .map_err(|Malformed(reason)| Error::config(reason))?;

        let mut dialing = transport::dial(config);
        let dialed = poll_fn(|context| {
            if let Poll::Ready(dialed) = dialing.as_mut().poll(context) {
                return Poll::Ready(Some(dialed));
            }
            timer.as_mut().poll(context).map(|()| None)
        });
        let transport = match dialed.await {
            Some(Ok(transport)) => transport,
            Some(Err(error)) => return Err(dial_error(config, error)),
            None => return Err(connect_timeout(config)),
        };
        Ok(Link {
            transport,
            connection,
            writing: false,
            write_error: None,
            started: false,
            search_path,
            read: Vec::new(),
        })
    }

    /// Whether another query may run on it. What was written last has arrived then, even where the transport has not
    /// noticed yet: it was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_idle()
    }

    /// Runs one query. `timer` is that of connecting until the server has let us in, then it is set anew.
    pub(super) async fn run(
        &mut self,
        config: &Config,
        query: &Prepared,
        timer: &mut BoxFuture<()>,
        sink: &mut Sink<'_>,
    ) -> Result<u64, Error> {
        let statement = query.statement;
        self.check_search_path(config, statement)?;
        let bind = Bind {
            sql: statement.sql,
            parameter_types: if query.types.is_empty() { statement.params } else { &query.types },
            parameters: &query.parameters,
            result_formats: &query.formats,
        };
        self.connection.submit(&bind).map_err(|Malformed(reason)| Error::new(Kind::Unsendable(reason)))?;

        let mut answer =
            Answer { statement, unchecked: query.unchecked, fields: Vec::new(), error: None, sink };
        let result = poll_fn(|context| self.poll_run(context, config, timer, &mut answer)).await;
        match (result, answer.error) {
            (Ok(affected), None) => Ok(affected),
            // The query itself went well, and the connection can be used again.
            (Ok(_), Some(error)) => Err(error.with_outcome(match statement.effect {
                Effect::Read => Outcome::Nothing,
                Effect::Write => Outcome::Executed,
            })),
            (Err(failure), _) => Err(self.explain(config, statement, failure)),
        }
    }

    /// A name must mean what it meant when the query was compiled.
    fn check_search_path(&self, config: &Config, statement: &Statement) -> Result<(), Error> {
        let here = config.schemas().unwrap_or(self.search_path);
        let compiled = statement.search_path;
        // What is not checked against a snapshot has no opinion, nor has a snapshot without one.
        if compiled.is_empty() || unquoted(here).eq(unquoted(compiled)) {
            return Ok(());
        }
        Err(Error::config(format!(
            "the query was compiled for search_path {compiled}, and this connection has {}: a Dsql serves one \
             snapshot; set Config::search_path to what its snapshot says, or make another Dsql",
            if here.is_empty() { "the server's own" } else { here }
        )))
    }

    fn poll_run(
        &mut self,
        context: &mut Context<'_>,
        config: &Config,
        timer: &mut BoxFuture<()>,
        answer: &mut Answer<'_, '_>,
    ) -> Poll<Result<u64, Failure>> {
        loop {
            while let Some(event) = self.connection.poll_event().map_err(Failure::Session)? {
                match event {
                    Event::Started => {
                        self.started = true;
                        *timer = transport::sleep(config, config.query_limit());
                    }
                    Event::Complete { affected } => return Poll::Ready(Ok(affected)),
                    Event::Failed { error, completed } => {
                        return Poll::Ready(Err(Failure::Database { error, completed }));
                    }
                    Event::Described(fields) => answer.describe(fields),
                    Event::Row(row) => answer.take(&row),
                }
            }
            self.poll_transmit(context);
            match self.transport.poll_read(context, &mut self.read) {
                Poll::Ready(Ok(())) if self.read.is_empty() => self.connection.handle_eof(),
                Poll::Ready(Ok(())) => self.connection.handle_input(&self.read),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Transport(error))),
                Poll::Pending => {
                    // A server that refuses and leaves breaks the write too: what it said has been read by now.
                    if let Some(error) = self.write_error.take() {
                        return Poll::Ready(Err(Failure::Transport(error)));
                    }
                    return timer.as_mut().poll(context).map(|()| Err(Failure::Timeout));
                }
            }
        }
    }

    /// Sends what there is to send, as far as that goes now.
    fn poll_transmit(&mut self, context: &mut Context<'_>) {
        loop {
            if !self.writing {
                let Some(bytes) = self.connection.poll_transmit() else { return };
                self.transport.start_write(bytes);
                self.writing = true;
            }
            let Poll::Ready(written) = self.transport.poll_write(context) else { return };
            self.writing = false;
            if let Err(error) = written {
                self.write_error = Some(error);
                return;
            }
        }
    }

    /// What happened, and whether it leaves open what became of the query. Decided by how far the session had
    /// come, never by the words of an error.
    fn explain(&self, config: &Config, statement: &'static Statement, failure: Failure) -> Error {
        let mut may_have_run = statement.effect == Effect::Write;
        let error = match failure {
            Failure::Database { error, completed } => {
                may_have_run &= leaves_unknown(&error, completed);
                Error::new(Kind::Database(*error))
            }
            Failure::Session(Fault::Refused(error)) => {
                may_have_run = false;
                Error::new(Kind::Refused(*error))
            }
            Failure::Session(Fault::Authentication(how)) => {
                may_have_run = false;
                Error::connect(format!(
                    "{} is no DSQL endpoint: {how}, where DSQL asks for a cleartext password inside TLS",
                    config.location()
                ))
            }
            Failure::Session(Fault::Malformed(reason)) => Error::new(Kind::Protocol(reason)),
            Failure::Session(Fault::Closed) => self.lost(config, "the server closed the connection"),
            Failure::Transport(error) if error.kind == TransportErrorKind::OtherRequest => {
                // The socket never took the bytes.
                may_have_run = false;
                Error::new(Kind::OtherRequest)
            }
            Failure::Transport(error) => self.lost(config, &error.text),
            Failure::Timeout if self.started => Error::new(Kind::Timeout(
                "waiting for the answer to the query (Config::query_timeout)".into(),
            )),
            Failure::Timeout => connect_timeout(config),
        };
        error.with_outcome(if may_have_run { Outcome::Unknown } else { Outcome::Nothing })
    }

    fn lost(&self, config: &Config, text: &str) -> Error {
        if self.started {
            return Error::new(Kind::Lost(
                format!("the connection broke before the answer had arrived: {text}").into(),
            ));
        }
        let location = config.location();
        if self.connection.has_heard() {
            return Error::connect(format!("the connection to {location} broke while logging in: {text}"));
        }
        Error::connect(format!(
            "no answer from {location} came through TLS: {text}; {}, and that nothing but the cluster answers there",
            CHECK_TLS
        ))
    }
}

/// Quotes around a name that needs none change nothing.
fn unquoted(path: &str) -> impl Iterator<Item = u8> {
    path.bytes().filter(|byte| *byte != b'"')
}

/// Whether the server's own error leaves open what became of the statement: it says so, or it had to stop between
/// executing and saying that it had committed. DSQL says XX000 when its parts cannot reach each other.
fn leaves_unknown(error: &DatabaseError, completed: bool) -> bool {
    let says_so = error.sqlstate.is_some_and(|state| {
        matches!(
            state,
            SqlState::STATEMENT_COMPLETION_UNKNOWN
                | SqlState::TRANSACTION_RESOLUTION_UNKNOWN
                | SqlState::INTERNAL_ERROR
        )
    });
    says_so || (error.fatal && completed)
}

impl Drop for Link {
    fn drop(&mut self) {
        let last: &'static [u8] = if self.is_idle() { &frontend::TERMINATE } else { &[] };
        self.transport.close(last);
    }
}

const CHECK_TLS: &str = "check that its certificate is valid for this very host name and signed by a CA that is \
                         trusted here (for dsql-local: `dsql-local run -- …` sets NODE_EXTRA_CA_CERTS)";

fn connect_timeout(config: &Config) -> Error {
    let location = config.location();
    Error::new(Kind::Timeout(
        format!(
            "connecting to {location} (Config::connect_timeout); check DSQL_ENDPOINT, and that nothing in between \
             blocks the port"
        )
        .into(),
    ))
}

fn dial_error(config: &Config, error: TransportError) -> Error {
    let location = config.location();
    match error.kind {
        TransportErrorKind::OtherRequest => Error::new(Kind::OtherRequest),
        TransportErrorKind::Unsupported => Error::connect(error.text),
        TransportErrorKind::NoTls => Error::connect(format!(
            "{location} is no DSQL endpoint: {}; check DSQL_ENDPOINT, and the port with dsql-local",
            error.text
        )),
        TransportErrorKind::Tls => {
            Error::connect(format!("TLS with {location} failed: {}; {CHECK_TLS}", error.text))
        }
        TransportErrorKind::Unreachable | TransportErrorKind::Lost => Error::connect(format!(
            "nothing answers at {location}: {}; check DSQL_ENDPOINT, and that the server runs",
            error.text
        )),
    }
}

/// The answer to a query, as far as it has come.
struct Answer<'a, 's> {
    statement: &'static Statement,
    unchecked: bool,
    fields: Vec<Field>,
    /// The first thing that could not be made sense of; the rest is received and dropped.
    error: Option<Error>,
    sink: &'a mut Sink<'s>,
}

impl Answer<'_, '_> {
    fn describe(&mut self, fields: Vec<Field>) {
        // Without columns `sql_unchecked!` says nothing of what it expects.
        if !(self.unchecked && self.statement.columns.is_empty()) {
            self.error = check_description(self.statement, &fields).err();
        }
        self.fields = fields;
    }

    fn take(&mut self, row: &crate::wire::Row) {
        if self.error.is_none() {
            self.error = (self.sink)(&DataRow::new(self.statement, &self.fields, row)).err();
        }
    }
}
