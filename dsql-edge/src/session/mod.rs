//! One session with a server, as a state machine without a socket and without a clock.
//!
//! Goes in: commands ([`Connection::start`], [`Connection::submit`]) and what arrives
//! ([`Connection::handle_input`], [`Connection::handle_eof`]). Comes out: bytes to send
//! ([`Connection::poll_transmit`]) and events ([`Connection::poll_event`]). Never reads a socket, never waits,
//! never retries. After the first fault it is dead and says only so.
//!
//! ```text
//! Startup Password Parse Bind Describe Execute Sync ──────────────────────────────▶   one flight
//!       ◀── R(3) R(0) S* K Z │ 1 2 T D* C Z                                           two ReadyForQuery
//! ```

#[cfg(test)]
mod tests;

use crate::wire::backend::Message;
use crate::wire::{Bind, DatabaseError, Field, Malformed, Row, Startup, backend, frontend};
use bytes::BytesMut;

/// The session of one connection, from StartupMessage on (TLS comes before it).
#[derive(Debug)]
pub(crate) struct Connection {
    state: State,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// What follows the server's wish for a password, where it is waited for.
    held_back: Option<BytesMut>,
    /// A query has been submitted and its ReadyForQuery has not come.
    query_in_flight: bool,
    /// The columns of the result that is being received.
    described: usize,
    affected: u64,
    /// How often it is still to be executed, after this time.
    further: usize,
    /// CommandComplete has come for it, every time.
    completed: bool,
    /// The error of the query that is being answered: it is final only with ReadyForQuery.
    error: Option<Box<DatabaseError>>,
    max_frame: usize,
    /// Any byte of the server's has arrived.
    heard: bool,
    eof: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing sent.
    New,
    /// StartupMessage is sent: the server must ask for a cleartext password.
    AwaitPasswordRequest,
    AwaitAuthenticationOk,
    /// ParameterStatus, BackendKeyData, the first ReadyForQuery.
    AwaitStarted,
    Idle,
    AwaitParseComplete,
    AwaitBindComplete,
    AwaitDescription,
    AwaitRows,
    /// CommandComplete has come, and it is executed again.
    AwaitNextBindComplete,
    /// CommandComplete has come, which is not yet success: an implicit transaction commits at Sync.
    AwaitReady,
    /// ErrorResponse has come: the server skips to Sync.
    AwaitReadyAfterError,
    Dead,
}

/// What has arrived.
#[derive(Debug)]
pub(crate) enum Event {
    /// The server let us in.
    Started,
    /// The result has these columns.
    Described(Vec<Field>),
    Row(Row),
    /// The query is done and, if it was not in a transaction block, committed.
    Complete {
        affected: u64,
    },
    /// The query failed. Nothing of it stays, unless the server had to stop (the error is fatal) when it had executed
    /// the query (`completed`) and was about to commit, or had just done so.
    Failed {
        error: Box<DatabaseError>,
        completed: bool,
    },
}

/// Why the session is dead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server refused us before the session had started.
    Refused(Box<DatabaseError>),
    /// The server wants another kind of authentication than the one we agree to.
    Authentication(&'static str),
    /// The server closed the connection.
    Closed,
    /// What came is no message, or none that may come here.
    Malformed(&'static str),
}

impl Connection {
    pub(crate) fn new(max_frame: usize) -> Self {
        Connection {
            state: State::New,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            held_back: None,
            query_in_flight: false,
            described: 0,
            affected: 0,
            further: 0,
            completed: false,
            error: None,
            max_frame,
            heard: false,
            eof: false,
        }
    }

    /// Begins the session. `pipelined` sends the password, and a query submitted with it, without waiting to
    /// be asked: only for servers known to ask for it in clear text.
    pub(crate) fn start(
        &mut self,
        startup: &Startup<'_>,
        password: &[u8],
        pipelined: bool,
    ) -> Result<(), Malformed> {
        frontend::startup(startup, &mut self.outgoing)?;
        if pipelined {
            frontend::password(password, &mut self.outgoing)?;
        } else {
            let mut held_back = BytesMut::new();
            frontend::password(password, &mut held_back)?;
            self.held_back = Some(held_back);
        }
        self.state = State::AwaitPasswordRequest;
        Ok(())
    }

    /// Hands over a query: the session must be starting or idle, with no other query in flight.
    pub(crate) fn submit(&mut self, query: &Bind<'_>) -> Result<(), Malformed> {
        if self.query_in_flight || matches!(self.state, State::New | State::Dead) {
            return Err(Malformed("the session is not ready for a query"));
        }
        let out = self.held_back.as_mut().unwrap_or(&mut self.outgoing);
        let before = out.len();
        if let Err(error) = frontend::query(query, self.max_frame, out) {
            out.truncate(before);
            return Err(error);
        }
        self.query_in_flight = true;
        self.affected = 0;
        self.further = query.parameters.len().saturating_sub(1);
        self.completed = false;
        if self.state == State::Idle {
            self.state = State::AwaitParseComplete;
        }
        Ok(())
    }

    /// What is to be sent, all of it at once, if there is anything.
    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        (!self.outgoing.is_empty()).then(|| self.outgoing.split())
    }

    pub(crate) fn handle_input(&mut self, bytes: &[u8]) {
        self.heard |= !bytes.is_empty();
        if self.state != State::Dead {
            self.incoming.extend_from_slice(bytes);
        }
    }

    pub(crate) fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The next event, if it has arrived in full.
    pub(crate) fn poll_event(&mut self) -> Result<Option<Event>, Fault> {
        if self.state == State::Dead {
            return Err(Fault::Closed);
        }
        let result = self.advance();
        if result.is_err() {
            self.die();
        }
        result
    }

    /// Whether another query may be submitted to it, now.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle && !self.query_in_flight && self.incoming.is_empty() && !self.eof
    }

    /// Whether any byte of the server's has arrived: before that, TLS is not known to work.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    fn advance(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            let message = backend::next_message(&mut self.incoming, self.max_frame)
                .map_err(|Malformed(reason)| Fault::Malformed(reason))?;
            let Some(message) = message else {
                if !self.eof {
                    return Ok(None);
                }
                // What the server said last is worth more than that it left.
                return match self.error.take() {
                    Some(error) => self.fail_for_good(error).map(Some),
                    None => Err(Fault::Closed),
                };
            };
            if let Some(event) = self.handle_message(message)? {
                return Ok(Some(event));
            }
        }
    }

    fn handle_message(&mut self, message: Message) -> Result<Option<Event>, Fault> {
        let malformed = |Malformed(reason)| Fault::Malformed(reason);
        match (self.state, message) {
            // These may come at any time. What they say is not needed.
            (_, Message::NoticeResponse | Message::ParameterStatus | Message::NotificationResponse) => {}

            (_, Message::ErrorResponse(body)) => {
                return self.handle_error(Box::new(backend::database_error(&body).map_err(malformed)?));
            }

            (State::AwaitPasswordRequest, Message::AuthenticationCleartextPassword) => {
                if let Some(held_back) = self.held_back.take() {
                    self.outgoing.unsplit(held_back);
                }
                self.state = State::AwaitAuthenticationOk;
            }
            (State::AwaitPasswordRequest, message) => return Err(other_authentication(&message)),
            (State::AwaitAuthenticationOk, Message::AuthenticationOk) => self.state = State::AwaitStarted,
            (State::AwaitStarted, Message::BackendKeyData) => {}
            (State::AwaitStarted, Message::ReadyForQuery(b'I')) => {
                self.state = if self.query_in_flight { State::AwaitParseComplete } else { State::Idle };
                return Ok(Some(Event::Started));
            }

            (State::AwaitParseComplete, Message::ParseComplete) => self.state = State::AwaitBindComplete,
            (State::AwaitBindComplete, Message::BindComplete) => self.state = State::AwaitDescription,
            (State::AwaitDescription, Message::NoData) => {
                self.described = 0;
                self.state = State::AwaitRows;
                return Ok(Some(Event::Described(Vec::new())));
            }
            (State::AwaitDescription, Message::RowDescription(body)) => {
                let fields = backend::row_description(&body).map_err(malformed)?;
                self.described = fields.len();
                self.state = State::AwaitRows;
                return Ok(Some(Event::Described(fields)));
            }
            (State::AwaitRows, Message::DataRow(body)) => {
                return Ok(Some(Event::Row(backend::data_row(body, self.described).map_err(malformed)?)));
            }
            (State::AwaitRows, Message::CommandComplete(body)) => {
                let affected = backend::affected_rows(body.tag().map_err(malformed)?);
                self.affected = self.affected.saturating_add(affected);
                self.completed = self.further == 0;
                self.state = if self.completed { State::AwaitReady } else { State::AwaitNextBindComplete };
            }
            (State::AwaitNextBindComplete, Message::BindComplete) => {
                self.further = self.further.saturating_sub(1);
                self.state = State::AwaitRows;
            }
            (State::AwaitRows, Message::EmptyQueryResponse) => self.state = State::AwaitReady,
            (State::AwaitReady | State::AwaitReadyAfterError, Message::ReadyForQuery(status)) => {
                self.query_in_flight = false;
                // Inside a transaction block, or a failed one, it must not be lent to anyone again.
                self.state = if status == b'I' { State::Idle } else { State::Dead };
                return Ok(Some(match self.error.take() {
                    Some(error) => Event::Failed { error, completed: self.completed },
                    None => Event::Complete { affected: self.affected },
                }));
            }

            (_, Message::Copy) => return Err(Fault::Malformed("COPY is not supported")),
            _ => return Err(Fault::Malformed("a message came that may not come here")),
        }
        Ok(None)
    }

    fn handle_error(&mut self, error: Box<DatabaseError>) -> Result<Option<Event>, Fault> {
        match self.state {
            State::AwaitPasswordRequest | State::AwaitAuthenticationOk | State::AwaitStarted => {
                Err(Fault::Refused(error))
            }
            // A server that shuts down, or closes a connection that was open too long.
            _ if error.fatal => self.fail_for_good(error).map(Some),
            State::AwaitReadyAfterError => Err(Fault::Malformed("two errors came for one query")),
            State::Idle | State::New | State::Dead => {
                Err(Fault::Malformed("an error came that nobody waited for"))
            }
            _ => {
                self.error = Some(error);
                self.state = State::AwaitReadyAfterError;
                Ok(None)
            }
        }
    }

    /// The last event of a session that ends with an error: of the query, if there is one.
    fn fail_for_good(&mut self, error: Box<DatabaseError>) -> Result<Event, Fault> {
        if !self.query_in_flight {
            return Err(Fault::Closed);
        }
        self.die();
        Ok(Event::Failed { error, completed: self.completed })
    }

    fn die(&mut self) {
        self.state = State::Dead;
        self.incoming.clear();
        self.outgoing.clear();
        self.held_back = None;
    }
}

/// Only a cleartext password, inside TLS, is agreed to: a server that asks for nothing, or for something
/// weaker or stronger, is not the one we were told about.
fn other_authentication(message: &Message) -> Fault {
    Fault::Authentication(match message {
        Message::AuthenticationOk => "it asks for no password",
        Message::OtherAuthentication(5) => "it asks for an MD5 password",
        Message::OtherAuthentication(10) => "it asks for SCRAM (SASL)",
        Message::OtherAuthentication(_) => "it asks for Kerberos, GSSAPI, SSPI or SCM",
        _ => return Fault::Malformed("the answer to StartupMessage is no request for a password"),
    })
}
