//! One session with a server, as a state machine without a socket and without a clock.
//!
//! Input: commands ([`Connection::start`], then [`Connection::statement`], [`Connection::execute`] and
//! [`Connection::sync`] for a flight of any number of statements) and bytes that arrive ([`Connection::handle_input`],
//! [`Connection::handle_eof`]). Output: bytes to send ([`Connection::poll_transmit`]) and events
//! ([`Connection::poll_event`]). The session does not read a socket, wait or retry. After the first fault, the session
//! is dead: [`Connection::poll_event`] then returns [`SessionFault::Closed`].
//!
//! For every frame that requests an answer, the session appends the expected message to a queue. Every message that
//! arrives must be the message at the front of the queue. After an ErrorResponse, the server ignores all frames up to
//! the next Sync, so the session removes the answers to these frames from the queue.
//!
//! ```text
//! Startup Password Parse Bind Execute Parse Bind Describe Execute Sync ───────────▶   one flight
//!       ◀── R(3) R(0) S* K Z │ 1 2 C 1 2 T D* C Z                                     two ReadyForQuery
//! ```

#[cfg(feature = "postgres")]
mod authentication;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transcripts;

#[cfg(feature = "postgres")]
pub(crate) use authentication::LoginEvent;

use crate::wire::backend::Message;
#[cfg(feature = "pool")]
use crate::wire::lease;
use crate::wire::{
    DatabaseError, Field, Limits, Malformed, Parameters, Row, Startup, Tag, backend, frontend,
};

/// The session of one connection, from StartupMessage on (TLS comes before it).
#[derive(Debug)]
pub(crate) struct Connection {
    state: State,
    /// The bytes that have arrived; the bytes from `understood` on were not handled yet.
    incoming: Vec<u8>,
    understood: usize,
    outgoing: Vec<u8>,
    /// The bytes to send after the server has requested the password; `None` if the client does not wait for this
    /// request.
    held_back: Option<Vec<u8>>,
    /// Statements that wait for the end of the login.
    held_statements: Option<Vec<u8>>,
    /// The expected answers, in order; the first `answered` of them have arrived. Empty once all answers have arrived.
    expected: Vec<Expected>,
    answered: usize,
    /// Whether an ErrorResponse has arrived. After an ErrorResponse, the server does not answer the frames up to the
    /// next Sync.
    skipping: bool,
    /// The status in the last ReadyForQuery.
    status: Status,
    /// The number of columns of the result that is being received.
    described: usize,
    limits: Limits,
    /// Whether a byte from the server has arrived.
    has_received: bool,
    /// Whether bytes of a statement were given to the transport.
    sent_statements: bool,
    /// Whether the connection is a lease of a pool.
    #[cfg(feature = "pool")]
    leased: bool,
    /// Whether the client has requested that the pool closes the connection after the lease.
    #[cfg(feature = "pool")]
    spent: bool,
    /// Whether `hand_over` (`authentication.rs`) has left the ReadyForQuery of the login in `incoming`, for the pool to
    /// take.
    #[cfg(all(feature = "pool", feature = "postgres"))]
    handed_over: bool,
    eof: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No message was sent.
    New,
    /// StartupMessage is sent: the server must request a cleartext password.
    AwaitPasswordRequest,
    AwaitAuthenticationOk,
    /// The server must send ParameterStatus, BackendKeyData and the first ReadyForQuery.
    AwaitStarted,
    /// StartupMessage is sent to a PostgreSQL: the client answers the requests of the server (`authentication.rs`).
    #[cfg(feature = "postgres")]
    Authenticating,
    /// A lease is requested: the pool must grant it.
    #[cfg(feature = "pool")]
    AwaitLease,
    /// The login has ended: the server's messages are compared with the answers in `expected`.
    Open,
    Dead,
}

/// The answer that is expected for one frame: one message, or several messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    ParseComplete,
    BindComplete,
    /// RowDescription, or NoData.
    Description,
    /// DataRows, then CommandComplete.
    Result,
    /// The ReadyForQuery that answers the flight's own Sync, if a probe was sent. The probe's ReadyForQuery follows,
    /// and ends the flight.
    ReadyBeforeProbe,
    ReadyForQuery,
}

/// The transaction status of a session between its flights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Outside a transaction block.
    Idle,
    InTransaction,
    /// In a transaction block that failed: it can only be rolled back.
    InFailedTransaction,
}

/// A message that has arrived, in the form in which the client uses it.
#[derive(Debug)]
pub(crate) enum SessionEvent {
    /// The login has ended.
    Started,
    /// The result has these columns.
    Described(Vec<Field>),
    Row(Row),
    /// A statement was executed once (CommandComplete). This event does not prove that the statement is committed:
    /// outside a transaction block, a statement commits at Sync.
    Completed(Tag),
    /// The next unanswered statement failed; if every statement is answered, the commit at Sync failed. A fatal error
    /// is the last event.
    Failed(Box<DatabaseError>),
    /// Everything up to a Sync is answered.
    Ready(Status),
    /// The server processed the login, and dropped the flight that was sent with the login without processing any of
    /// its frames. The session is ready for the flight now.
    FlightDropped,
}

/// Why the session is dead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SessionFault {
    /// The server rejected the login.
    LoginRejected(Box<DatabaseError>),
    /// The server requests no password, or a kind of authentication other than a cleartext password.
    Authentication(&'static str),
    /// The server closed the connection.
    Closed,
    /// The pool did not grant the lease, or ended it. Contains its report.
    #[cfg(feature = "pool")]
    LeaseFailed(Vec<u8>),
    /// A pool detected that the server had dropped the flight: see [`SessionEvent::FlightDropped`].
    #[cfg(feature = "pool")]
    FlightDropped,
    /// A message is longer than this limit allows.
    TooLong(&'static str),
    /// The bytes are not a message, or are a message that is not allowed here.
    Malformed(&'static str),
}

impl Connection {
    pub(crate) fn new(limits: Limits) -> Self {
        Connection {
            state: State::New,
            incoming: Vec::new(),
            understood: 0,
            outgoing: Vec::new(),
            held_back: None,
            held_statements: None,
            expected: Vec::new(),
            answered: 0,
            skipping: false,
            status: Status::Idle,
            described: 0,
            limits,
            has_received: false,
            sent_statements: false,
            #[cfg(feature = "pool")]
            leased: false,
            #[cfg(feature = "pool")]
            spent: false,
            #[cfg(all(feature = "pool", feature = "postgres"))]
            handed_over: false,
            eof: false,
        }
    }

    /// Begins the session. If `pipelined`, the password and the flight after it are sent before the server requests the
    /// password. `pipelined` is allowed only for servers that are known to request a cleartext password.
    pub(crate) fn start(
        &mut self,
        startup: &Startup<'_>,
        password: &str,
        pipelined: bool,
    ) -> Result<(), Malformed> {
        frontend::startup(startup, &mut self.outgoing)?;
        if pipelined {
            frontend::password(password, &mut self.outgoing)?;
        } else {
            let mut held_back = Vec::new();
            frontend::password(password, &mut held_back)?;
            self.held_back = Some(held_back);
        }
        self.state = State::AwaitPasswordRequest;
        Ok(())
    }

    /// Holds statements back until the login has ended: for servers that drop a flight that is sent with the login, and
    /// for an endpoint that has not accepted direct TLS yet.
    pub(crate) fn hold_statements(&mut self) {
        self.held_statements = Some(Vec::new());
    }

    /// Begins the session with a request for a pool's lease, without a user and a password.
    #[cfg(feature = "pool")]
    pub(crate) fn ask(&mut self, ask: &lease::Ask) -> Result<(), Malformed> {
        ask.write(&mut self.outgoing)?;
        self.state = State::AwaitLease;
        (self.leased, self.spent) = (true, ask.spent);
        Ok(())
    }

    /// Requests that the pool closes the connection when the lease ends, because the next statements may change the
    /// session's settings.
    #[cfg(feature = "pool")]
    pub(crate) fn spend(&mut self) {
        if self.leased && !self.spent && self.state != State::Dead {
            self.spent = true;
            self.outgoing.extend_from_slice(&lease::SPENT_FRAME);
        }
    }

    /// Sends bytes of a client's flight; the client reads the answers.
    #[cfg(feature = "pool")]
    pub(crate) fn relay(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.out()?.extend_from_slice(bytes);
        Ok(())
    }

    /// The bytes that have arrived after the last event.
    #[cfg(feature = "pool")]
    pub(crate) fn into_unread(mut self) -> Vec<u8> {
        self.incoming.split_off(self.understood)
    }

    /// Writes Parse, for the statement of the next executions.
    ///
    /// If this or another frame of a flight cannot be written, the flight is incomplete: drop the connection, or
    /// [`abandon`](Connection::abandon) the flight if nothing of it was sent.
    pub(crate) fn statement(&mut self, sql: &str, parameter_types: &[u32]) -> Result<(), Malformed> {
        let message = self.limits.message;
        frontend::parse(sql, parameter_types, message, self.out()?)?;
        self.expect(Expected::ParseComplete);
        Ok(())
    }

    /// Writes Bind and Execute, and between them Describe if `described`.
    pub(crate) fn execute(
        &mut self,
        parameters: &Parameters,
        result_formats: &[i16],
        described: bool,
    ) -> Result<(), Malformed> {
        let message = self.limits.message;
        frontend::execute(parameters, result_formats, described, message, self.out()?)?;
        self.expect(Expected::BindComplete);
        if described {
            self.expect(Expected::Description);
        }
        self.expect(Expected::Result);
        Ok(())
    }

    /// Writes Sync, the end of a flight.
    pub(crate) fn sync(&mut self) -> Result<(), Malformed> {
        let out = self.out()?;
        frontend::sync(out);
        self.expected.push(Expected::ReadyForQuery);
        Ok(())
    }

    /// Sends one more Sync after a flight that was sent with the login, unless a part of the flight is already answered
    /// or still waits to be sent.
    ///
    /// If a server receives the login and more bytes in one read, it may process the login and drop the other bytes. To
    /// the client, a dropped flight looks like a slow query. One more Sync distinguishes a slow query from a dropped
    /// flight, because a server answers in order: a ReadyForQuery before ParseComplete proves that the server never had
    /// the flight ([`SessionEvent::FlightDropped`]). A slow query is answered as usual, and one more ReadyForQuery
    /// follows.
    pub(crate) fn probe(&mut self) {
        let is_silent = self.answered == 0 && self.understood == self.incoming.len() && !self.skipping;
        if !is_silent || self.state != State::Open || !self.outgoing.is_empty() {
            return;
        }
        if let Some(last @ Expected::ReadyForQuery) = self.expected.last_mut() {
            *last = Expected::ReadyBeforeProbe;
            self.expected.push(Expected::ReadyForQuery);
            frontend::sync(&mut self.outgoing);
        }
    }

    /// Takes a flight back out of the queues, if no byte of the flight was sent. Returns `false` if a part of the
    /// flight was sent.
    pub(crate) fn abandon(&mut self, before: &Checkpoint) -> bool {
        let expected = before.expected;
        let Some(out) = self.out().ok().filter(|out| out.len() >= before.bytes) else { return false };
        out.truncate(before.bytes);
        self.expected.truncate(expected);
        true
    }

    /// Returns the current lengths of the queues, for [`abandon`](Connection::abandon).
    pub(crate) fn checkpoint(&mut self) -> Checkpoint {
        Checkpoint { bytes: self.out().map_or(0, |out| out.len()), expected: self.expected.len() }
    }

    /// Takes all bytes that must be sent; `None` if there are none.
    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        // While the password or statements are held back, the bytes contain no statement.
        let are_held = self.held_back.is_some() || self.held_statements.is_some();
        self.sent_statements |= !self.outgoing.is_empty() && !are_held;
        (!self.outgoing.is_empty()).then(|| core::mem::take(&mut self.outgoing))
    }

    pub(crate) fn handle_input(&mut self, bytes: &[u8]) {
        self.has_received |= !bytes.is_empty();
        if self.state != State::Dead {
            self.incoming.drain(..self.understood);
            self.understood = 0;
            self.incoming.extend_from_slice(bytes);
        }
    }

    pub(crate) fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// Returns the next event, if its whole message has arrived.
    pub(crate) fn poll_event(&mut self) -> Result<Option<SessionEvent>, SessionFault> {
        if self.state == State::Dead {
            return Err(SessionFault::Closed);
        }
        // The buffer is taken out of the session, so that a message can borrow from the buffer while the session's
        // state changes.
        let incoming = core::mem::take(&mut self.incoming);
        let result = self.advance(&incoming);
        if result.is_err() {
            self.die();
        }
        if self.state != State::Dead {
            self.incoming = incoming;
        }
        result
    }

    /// Whether every frame is answered and no other bytes have arrived, so that the next flight may be sent.
    pub(crate) fn is_settled(&self) -> bool {
        self.state == State::Open
            && self.expected.is_empty()
            && self.understood == self.incoming.len()
            && !self.eof
    }

    /// Whether the session has ended.
    pub(crate) fn is_dead(&self) -> bool {
        self.state == State::Dead || self.eof
    }

    /// Whether the session is settled and outside a transaction block, so that any flight may use it.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_settled() && (self.status == Status::Idle || seeded!(ReusesOpenTransaction))
    }

    /// Whether a byte from the server has arrived. Before the first byte arrives, it is not known whether TLS works.
    pub(crate) fn has_received(&self) -> bool {
        self.has_received
    }

    /// Whether a byte of a statement was given to the transport. The result stays true after the session is dead.
    pub(crate) fn has_sent_statements(&self) -> bool {
        self.sent_statements && !seeded!(DeniesSentStatements)
    }

    fn out(&mut self) -> Result<&mut Vec<u8>, Malformed> {
        match self.state {
            State::New | State::Dead => Err(Malformed("the session is not ready for a statement")),
            _ => Ok(self.held_statements.as_mut().or(self.held_back.as_mut()).unwrap_or(&mut self.outgoing)),
        }
    }

    fn expect(&mut self, expected: Expected) {
        if !self.skipping {
            self.expected.push(expected);
        }
    }

    fn advance(&mut self, incoming: &[u8]) -> Result<Option<SessionEvent>, SessionFault> {
        loop {
            let rest = incoming.get(self.understood..).unwrap_or_default();
            let Some((message, length)) = backend::next_message(rest, &self.limits)? else {
                return if self.eof { Err(SessionFault::Closed) } else { Ok(None) };
            };
            self.understood += length;
            if let Some(event) = self.handle_message(message)? {
                return Ok(Some(event));
            }
        }
    }

    fn handle_message(&mut self, message: Message<'_>) -> Result<Option<SessionEvent>, SessionFault> {
        match (self.state, message) {
            // These messages may arrive at any time. Their content is not needed.
            (_, Message::NoticeResponse | Message::ParameterStatus | Message::NotificationResponse) => {
                Ok(None)
            }

            (_, Message::ErrorResponse(body)) => self.handle_error(Box::new(backend::database_error(body)?)),

            (State::AwaitPasswordRequest, Message::AuthenticationCleartextPassword) => {
                if let Some(held_back) = self.held_back.take() {
                    self.outgoing.extend_from_slice(&held_back);
                }
                self.state = State::AwaitAuthenticationOk;
                Ok(None)
            }
            (State::AwaitPasswordRequest, message) => Err(other_authentication(&message)),
            (State::AwaitAuthenticationOk, Message::AuthenticationOk) => {
                self.state = State::AwaitStarted;
                Ok(None)
            }
            (State::AwaitStarted, Message::BackendKeyData) => Ok(None),
            (State::AwaitStarted, Message::ReadyForQuery(b'I')) => {
                self.outgoing.extend(self.held_statements.take().unwrap_or_default());
                self.state = State::Open;
                Ok(Some(SessionEvent::Started))
            }
            #[cfg(feature = "pool")]
            (State::AwaitLease, Message::LeaseGranted) => {
                self.state = State::Open;
                Ok(Some(SessionEvent::Started))
            }
            #[cfg(feature = "pool")]
            (State::AwaitLease | State::Open, Message::LeaseFailed(body)) if self.leased => {
                Err(SessionFault::LeaseFailed(body.bytes().to_vec()))
            }
            (State::Open, message) => self.handle_answer(message),
            _ => Err(OUT_OF_PLACE),
        }
    }

    /// Handles a message that answers a frame; the message must be the one at the front of the queue.
    fn handle_answer(&mut self, message: Message<'_>) -> Result<Option<SessionEvent>, SessionFault> {
        let front = self.front().ok_or(OUT_OF_PLACE)?;
        let event = match (front, message) {
            // More rows may follow.
            (Expected::Result, Message::DataRow(body)) => {
                return Ok(Some(SessionEvent::Row(backend::data_row(body, self.described)?)));
            }
            (Expected::ParseComplete, Message::ParseComplete) => {
                self.described = 0;
                None
            }
            (Expected::BindComplete, Message::BindComplete) => None,
            (Expected::Description, Message::NoData) => {
                self.described = 0;
                Some(SessionEvent::Described(Vec::new()))
            }
            (Expected::Description, Message::RowDescription(body)) => {
                let fields = backend::row_description(body)?;
                self.described = fields.len();
                Some(SessionEvent::Described(fields))
            }
            (Expected::Result, Message::CommandComplete(body)) => {
                Some(SessionEvent::Completed(backend::tag(body.tag()?)))
            }
            (Expected::Result, Message::EmptyQueryResponse) => {
                Some(SessionEvent::Completed(backend::tag("")))
            }
            (
                front @ (Expected::ReadyForQuery | Expected::ReadyBeforeProbe),
                Message::ReadyForQuery(status),
            ) => {
                self.status = match status {
                    b'I' => Status::Idle,
                    b'T' => Status::InTransaction,
                    b'E' => Status::InFailedTransaction,
                    _ => {
                        return Err(SessionFault::Malformed(
                            "ReadyForQuery has a status that does not exist",
                        ));
                    }
                };
                self.skipping = false;
                (front == Expected::ReadyForQuery).then_some(SessionEvent::Ready(self.status))
            }
            (_, Message::ReadyForQuery(b'I')) if self.answered == 0 && self.is_probing() => {
                self.expected.clear();
                return Ok(Some(SessionEvent::FlightDropped));
            }
            (_, Message::Copy) => return Err(SessionFault::Malformed("COPY is not supported")),
            _ => return Err(OUT_OF_PLACE),
        };
        self.pass_front();
        Ok(event)
    }

    fn handle_error(&mut self, error: Box<DatabaseError>) -> Result<Option<SessionEvent>, SessionFault> {
        match self.state {
            State::AwaitPasswordRequest | State::AwaitAuthenticationOk | State::AwaitStarted => {
                Err(SessionFault::LoginRejected(error))
            }
            // The server shuts down, or closes a connection that was open too long.
            State::Open if error.fatal => {
                if self.expected.is_empty() {
                    return Err(SessionFault::Closed);
                }
                self.die();
                Ok(Some(SessionEvent::Failed(error)))
            }
            // Only the first error before ReadyForQuery is handled here: a second error violates the protocol.
            State::Open if !self.skipping && !self.expected.is_empty() => {
                let ends = |it| matches!(it, Expected::ReadyForQuery | Expected::ReadyBeforeProbe);
                while self.front().is_some_and(|it| !ends(it)) {
                    self.pass_front();
                }
                self.skipping = true;
                Ok(Some(SessionEvent::Failed(error)))
            }
            _ => Err(OUT_OF_PLACE),
        }
    }

    fn is_probing(&self) -> bool {
        self.expected.contains(&Expected::ReadyBeforeProbe)
    }

    /// Returns the expected answer that must arrive next, if any.
    fn front(&self) -> Option<Expected> {
        self.expected.get(self.answered).copied()
    }

    fn pass_front(&mut self) {
        self.answered += 1;
        if self.answered == self.expected.len() {
            self.expected.clear();
            self.answered = 0;
        }
    }

    fn die(&mut self) {
        self.state = State::Dead;
        self.incoming.clear();
        self.outgoing.clear();
        self.understood = 0;
        self.expected.clear();
        self.answered = 0;
    }
}

/// The lengths of the queues (bytes to send, and expected answers) before a flight was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    bytes: usize,
    expected: usize,
}

impl From<Malformed> for SessionFault {
    fn from(Malformed(reason): Malformed) -> Self {
        SessionFault::Malformed(reason)
    }
}

impl From<backend::FrameError> for SessionFault {
    fn from(error: backend::FrameError) -> Self {
        match error {
            backend::FrameError::Malformed(reason) => SessionFault::Malformed(reason),
            backend::FrameError::TooLong(limit) => SessionFault::TooLong(limit),
        }
    }
}

/// The error text for a dropped flight, [`SessionEvent::FlightDropped`].
#[cfg(feature = "pool")]
pub(crate) const FLIGHT_DROPPED: &str = "it dropped the statements that were sent with the login";

const OUT_OF_PLACE: SessionFault = SessionFault::Malformed("a message is out of place");

/// Returns the fault for a server that does not request a cleartext password. Only a request for a cleartext password,
/// inside TLS, is accepted: a server that requests nothing, or another kind of proof, is not the configured server.
fn other_authentication(message: &Message<'_>) -> SessionFault {
    SessionFault::Authentication(match message {
        Message::AuthenticationOk => "it requests no password",
        Message::OtherAuthentication => "it requests SCRAM, MD5 or GSSAPI",
        _ => return SessionFault::Malformed("the answer to StartupMessage is not a request for a password"),
    })
}
