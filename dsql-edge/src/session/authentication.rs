//! The login of a PostgreSQL that is not a DSQL cluster: the server requests, and the client answers.
//!
//! Input: StartupMessage, the bytes that arrive from the server, and the frames that answer the server's requests.
//! Output: the server's requests. Before the login has ended, only StartupMessage and the frames that answer the
//! server's requests are sent. After the login, [`Connection::hand_over`] lets the session continue as after any other
//! login: its next event is [`SessionEvent::Started`](super::SessionEvent::Started).

use super::{Connection, OUT_OF_PLACE, SessionFault, State};
use crate::wire::authentication::{self, AuthenticationRequest};
use crate::wire::backend::{self, FrameError, Message};
use crate::wire::{Limits, Malformed, Startup, frontend};

/// An event of the login.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LoginEvent {
    Request(AuthenticationRequest),
    /// AuthenticationOk. The caller decides whether the server may accept the login now.
    Accepted,
    /// The login has ended.
    Started,
}

/// The maximum length of a message before the login has ended. `Config::max_message` may be much longer, and the server
/// is not known yet.
const MAX_MESSAGE: usize = 1 << 16;

impl Connection {
    /// Begins the session. The password is not sent: the server must request it.
    pub(crate) fn start_login(&mut self, startup: &Startup<'_>) -> Result<(), Malformed> {
        frontend::startup(startup, &mut self.outgoing)?;
        self.state = State::Authenticating;
        Ok(())
    }

    /// Sends an answer to a request.
    pub(crate) fn answer_request(&mut self, frame: &[u8]) {
        if self.state == State::Authenticating {
            self.outgoing.extend_from_slice(frame);
        }
    }

    /// Returns the next event of the login, if its whole message has arrived.
    pub(crate) fn poll_login(&mut self) -> Result<Option<LoginEvent>, SessionFault> {
        let incoming = core::mem::take(&mut self.incoming);
        let result = self.advance_login(&incoming);
        if result.is_err() {
            self.die();
        } else {
            self.incoming = incoming;
        }
        result
    }

    /// Ends the login: the next event is `Started`. Returns an error if a frame is not answered, or if a message has
    /// arrived that would answer a frame that was not sent yet.
    pub(crate) fn hand_over(&mut self) -> Result<(), SessionFault> {
        let incoming = core::mem::take(&mut self.incoming);
        let understood = core::mem::take(&mut self.understood);
        let rest = incoming.get(understood..).unwrap_or_default();
        let unread = match unread_behind_login(rest) {
            Ok(unread) if self.is_idle() => unread,
            outcome => {
                self.die();
                return Err(outcome.err().unwrap_or(OUT_OF_PLACE));
            }
        };
        self.state = State::AwaitStarted;
        self.incoming = [&READY_FOR_QUERY, unread].concat();
        self.sent_statements = false;
        #[cfg(feature = "pool")]
        {
            self.handed_over = true;
        }
        Ok(())
    }

    /// Takes the bytes that [`hand_over`](Connection::hand_over) has kept: a ReadyForQuery, and the incomplete message
    /// after the login, if there is one. `None` if `hand_over` was not called, or if the bytes were already taken.
    #[cfg(feature = "pool")]
    pub(crate) fn take_unread(&mut self) -> Option<Vec<u8>> {
        core::mem::take(&mut self.handed_over).then(|| core::mem::take(&mut self.incoming))
    }

    fn advance_login(&mut self, incoming: &[u8]) -> Result<Option<LoginEvent>, SessionFault> {
        loop {
            let rest = incoming.get(self.understood..).unwrap_or_default();
            let Some((message, length)) = next_message(rest)? else {
                return if self.eof { Err(SessionFault::Closed) } else { Ok(None) };
            };
            self.understood += length;
            let body = rest.get(HEADER..length).unwrap_or_default();
            if let Some(event) = self.handle_login_message(message, body)? {
                return Ok(Some(event));
            }
        }
    }

    fn handle_login_message(
        &mut self,
        message: Message<'_>,
        body: &[u8],
    ) -> Result<Option<LoginEvent>, SessionFault> {
        match (self.state, message) {
            (
                State::Authenticating | State::AwaitStarted,
                Message::NoticeResponse | Message::ParameterStatus,
            ) => Ok(None),
            (State::Authenticating | State::AwaitStarted, Message::ErrorResponse(body)) => {
                Err(SessionFault::LoginRejected(Box::new(backend::database_error(body)?)))
            }
            (State::Authenticating, Message::AuthenticationOk) => {
                self.state = State::AwaitStarted;
                Ok(Some(LoginEvent::Accepted))
            }
            (
                State::Authenticating,
                Message::AuthenticationCleartextPassword | Message::OtherAuthentication,
            ) => Ok(Some(LoginEvent::Request(authentication::request(body)?))),
            (State::AwaitStarted, Message::BackendKeyData) => Ok(None),
            (State::AwaitStarted, Message::ReadyForQuery(b'I')) => {
                self.state = State::Open;
                Ok(Some(LoginEvent::Started))
            }
            _ => Err(OUT_OF_PLACE),
        }
    }
}

fn next_message(bytes: &[u8]) -> Result<Option<(Message<'_>, usize)>, SessionFault> {
    let limits = Limits { message: MAX_MESSAGE, row: MAX_MESSAGE };
    backend::next_message(bytes, &limits).map_err(|error| match error {
        FrameError::TooLong(_) => {
            SessionFault::TooLong("a message before the end of the login is longer than 65,536 bytes")
        }
        FrameError::Malformed(reason) => SessionFault::Malformed(reason),
    })
}

/// Skips the messages that a server may send at any time. Returns the bytes of the last message if it is incomplete.
/// Any other message is an error, because it would answer a query that was not sent yet.
fn unread_behind_login(mut bytes: &[u8]) -> Result<&[u8], SessionFault> {
    while let Some(tag) = bytes.first() {
        match next_message(bytes)? {
            Some((Message::ErrorResponse(body), _)) => {
                return Err(SessionFault::LoginRejected(Box::new(backend::database_error(body)?)));
            }
            Some((
                Message::NoticeResponse | Message::ParameterStatus | Message::NotificationResponse,
                length,
            )) => {
                bytes = bytes.get(length..).unwrap_or_default();
            }
            None if matches!(tag, b'N' | b'S' | b'A' | b'E') => return Ok(bytes),
            _ => return Err(OUT_OF_PLACE),
        }
    }
    Ok(bytes)
}

/// The number of bytes of the tag and the length, which precede the body.
const HEADER: usize = 5;

const READY_FOR_QUERY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];

#[cfg(test)]
mod tests {
    use super::super::{SessionEvent, Status};
    use super::*;
    use crate::wire::Parameters;

    const LIMITS: Limits = Limits { message: 1 << 20, row: 1 << 20 };

    fn begun() -> Connection {
        let mut connection = Connection::new(LIMITS);
        let startup = Startup {
            user: "u",
            database: "d",
            application_name: "a",
            search_path: None,
            options: Some("-c jit=off"),
        };
        connection.start_login(&startup).unwrap();
        let sent = connection.poll_transmit().unwrap();
        assert!(sent.ends_with(b"options\0-c jit=off\0\0"), "{}", sent.escape_ascii());
        connection
    }

    fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(), body].concat()
    }

    #[test]
    fn login_is_handed_over_and_the_session_continues() {
        let mut connection = begun();
        let pieces = [
            frame(b'N', b"SNOTICE\0\0"),
            frame(b'R', b"\0\0\0\x05salt"),
            frame(b'R', &[0; 4]),
            frame(b'S', b"TimeZone\0UTC\0"),
            frame(b'S', b"search_path\0app, public\0"),
            frame(b'K', &[0; 8]),
            frame(b'Z', b"I"),
        ]
        .concat();
        let mut events = Vec::new();
        for piece in pieces.chunks(1) {
            connection.handle_input(piece);
            events.extend(connection.poll_login().unwrap());
        }
        let md5 = AuthenticationRequest::Md5Password { salt: *b"salt" };
        assert_eq!(events, [LoginEvent::Request(md5), LoginEvent::Accepted, LoginEvent::Started]);
        connection.hand_over().unwrap();
        connection.statement("SELECT 1", &[]).unwrap();
        connection.execute(&Parameters::default(), &[], true).unwrap();
        connection.sync().unwrap();
        assert!(!connection.has_sent_statements());
        assert!(matches!(connection.poll_event(), Ok(Some(SessionEvent::Started))));
        assert!(connection.poll_transmit().is_some() && connection.has_sent_statements());
        let answer = [
            frame(b'1', b""),
            frame(b'2', b""),
            frame(b'n', b""),
            frame(b'C', b"SELECT 0\0"),
            frame(b'Z', b"I"),
        ];
        connection.handle_input(&answer.concat());
        let last = core::iter::from_fn(|| connection.poll_event().unwrap()).last();
        assert!(matches!(last, Some(SessionEvent::Ready(Status::Idle))));
    }

    #[test]
    fn message_out_of_place_ends_the_login() {
        for bytes in [
            frame(b'Z', b"I"),
            frame(b'K', &[0; 8]),
            frame(b'1', b""),
            frame(b'T', &[0, 0]),
            [frame(b'R', &[0; 4]), frame(b'R', &[0; 4])].concat(),
            [frame(b'R', &[0; 4]), frame(b'Z', b"T")].concat(),
            frame(b'R', b"\0\0\0\x63"),
            frame(b'v', &[0; 8]),
            frame(b'S', &[0; MAX_MESSAGE]),
        ] {
            let mut connection = begun();
            connection.handle_input(&bytes);
            let fault = core::iter::from_fn(|| connection.poll_login().transpose()).find_map(Result::err);
            assert!(fault.is_some_and(|fault| fault != SessionFault::Closed), "{}", bytes.escape_ascii());
            assert!(connection.is_dead());
        }
    }

    #[test]
    fn messages_behind_the_login_are_those_of_any_time() {
        let notice = frame(b'N', b"SNOTICE\0\0");
        let fatal = frame(b'E', b"SFATAL\0VFATAL\0C57P01\0Mshutdown\0\0");
        let rejected = |fault: &SessionFault| matches!(fault, SessionFault::LoginRejected(error) if error.message == "shutdown");
        for (behind, unread) in [
            (notice.clone(), Ok(0)),
            ([frame(b'S', b"a\0b\0"), notice.clone(), frame(b'A', b"\0\0\0\x01a\0b\0")].concat(), Ok(0)),
            (notice[..7].to_vec(), Ok(7)),
            ([notice, fatal].concat(), Err(true)),
            (frame(b'1', b""), Err(false)),
            (b"1".to_vec(), Err(false)),
            (frame(b'Z', b"I"), Err(false)),
        ] {
            let mut connection = begun();
            connection.handle_input(&[frame(b'R', &[0; 4]), frame(b'Z', b"I"), behind.clone()].concat());
            while connection.poll_login().unwrap() != Some(LoginEvent::Started) {}
            let handed_over = connection.hand_over().map_err(|fault| rejected(&fault));
            let left = handed_over.map(|()| connection.incoming.len() - READY_FOR_QUERY.len());
            assert_eq!(left, unread, "{}", behind.escape_ascii());
        }
    }
}
