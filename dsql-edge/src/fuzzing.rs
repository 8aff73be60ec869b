//! The entry points of the fuzz targets (`fuzz/`) to this crate's private code, compiled only with `--cfg fuzzing`.
//!
//! Input: hostile bytes. Output: nothing, or a panic that names the broken invariant.

#![allow(missing_docs, clippy::panic, reason = "a fuzz target fails by panicking")]

use crate::session::{Connection, SessionEvent};
use crate::wire::{Limits, Parameters, Startup};

/// Fuzzes a server's answers to the first query of a connection and to the transactions after it. The first byte
/// selects the client's messages.
pub fn backend(data: &[u8]) {
    let Some((ours, answers)) = data.split_first() else { return };
    let whole = conversation(*ours, [answers].into_iter());
    let bytewise = conversation(*ours, answers.chunks(1));
    assert_eq!(whole, bytewise, "the events depend on how the bytes are split");
}

/// The events, as text.
fn conversation<'d>(ours: u8, pieces: impl Iterator<Item = &'d [u8]>) -> Vec<String> {
    let mut connection = Connection::new(Limits { message: 1 << 16, row: 1 << 12 });
    let startup = Startup {
        user: "admin",
        database: "postgres",
        application_name: "fuzz",
        search_path: None,
        #[cfg(feature = "postgres")]
        options: None,
    };
    let begun = connection.start(&startup, "token", ours & 1 == 0);
    assert!(begun.is_ok());
    let mut events = Vec::new();
    let mut flights = 0;
    fly(&mut connection, ours, &mut flights);
    for piece in pieces {
        connection.handle_input(piece);
        if !drain(&mut connection, ours, &mut flights, &mut events) {
            return events;
        }
    }
    connection.handle_eof();
    drain(&mut connection, ours, &mut flights, &mut events);
    events
}

/// Takes all events, and sends the next flight when everything is answered. Returns `false` after a fault.
fn drain(connection: &mut Connection, ours: u8, flights: &mut u32, events: &mut Vec<String>) -> bool {
    loop {
        match connection.poll_event() {
            Ok(Some(event)) => {
                let ready = matches!(event, SessionEvent::Ready(_));
                events.push(format!("{event:?}"));
                // The next flight is sent now, so that in both runs the following bytes belong to that flight. (If all
                // bytes arrive in one piece, the following bytes have already arrived.)
                if ready {
                    fly(connection, ours, flights);
                }
            }
            Ok(None) => return true,
            Err(fault) => {
                events.push(format!("{fault:?}"));
                assert!(!connection.is_idle(), "a failed connection is idle");
                return false;
            }
        }
    }
}

fn fly(connection: &mut Connection, ours: u8, flights: &mut u32) {
    let answers: &[(&str, usize)] = match (ours >> 1) % 4 {
        0 => &[("SELECT 1", 1)],
        1 => &[("INSERT INTO t VALUES ($1)", 3)],
        2 => &[("BEGIN", 1), ("SELECT 1", 2), ("COMMIT", 1)],
        _ if *flights == 0 => &[("BEGIN", 1), ("SELECT 1", 1)],
        _ => &[("COMMIT", 1)],
    };
    *flights += 1;
    for (sql, times) in answers {
        if connection.statement(sql, &[]).is_err() {
            return;
        }
        for time in 0..*times {
            let executed = connection.execute(&Parameters::default(), &[1], time == 0);
            assert!(executed.is_ok(), "a short frame was rejected as too long");
        }
    }
    assert!(connection.sync().is_ok());
    let _sent = connection.poll_transmit();
}

/// Fuzzes the answer to AssumeRole, from STS or from a server that pretends to be STS. The first byte selects the
/// status.
#[cfg(feature = "assume-role")]
pub fn assumed_role(data: &[u8]) {
    let Some((status, body)) = data.split_first() else { return };
    let Ok(body) = core::str::from_utf8(body) else { return };
    let status = if *status < 128 { 200 } else { 300 + u16::from(*status) };
    let shown = crate::auth::shown_of(status, body, &["canary"]);
    assert!(!shown.contains("canary"), "{shown}");
}

/// Fuzzes the messages with which a PostgreSQL authenticates a client. The first byte selects the configuration; 0xFF
/// ends a message. In each message, `NONCE` is replaced by the client's own nonce, which a fuzzer cannot guess.
#[cfg(feature = "postgres")]
pub fn scram(data: &[u8]) {
    let Some((ours, messages)) = data.split_first() else { return };
    let mut server = Vec::new();
    let mut login = postgres::Login::new(*ours);
    for message in messages.split(|byte| *byte == 0xFF).take(8) {
        let message = replaced(message, b"NONCE", login.nonce().as_bytes());
        let length = u32::try_from(message.len()).unwrap_or_default().saturating_add(4);
        server.extend([&[b'R'][..], &length.to_be_bytes(), &message].concat());
        if !login.receive(&core::mem::take(&mut server)) {
            return;
        }
    }
}

/// Replaces each occurrence of `text` in `bytes`.
#[cfg(feature = "postgres")]
fn replaced(bytes: &[u8], text: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(text) {
            Some(behind) => {
                out.extend_from_slice(by);
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

#[cfg(feature = "postgres")]
mod postgres {
    use core::task::{Context, Poll, Waker};

    use crate::auth::PasswordLogin;
    use crate::config::Config;
    use crate::credentials::Secret;
    use crate::session::{Connection, LoginEvent};
    use crate::settings::PostgresSettings;
    use crate::transport::Protection;
    use crate::wire::{Limits, Startup, authentication::AuthenticationRequest};

    /// A client that logs in.
    pub(super) struct Login {
        connection: Connection,
        password: PasswordLogin,
        settings: Box<PostgresSettings>,
        sent: Vec<u8>,
        /// Whether SCRAM has begun.
        is_scram: bool,
    }

    impl Login {
        pub(super) fn new(ours: u8) -> Self {
            let parameters =
                ["", "?sslmode=disable", "?require_auth=md5,scram-sha-256", "?channel_binding=require"];
            let parameters = parameters.get(usize::from(ours % 4)).copied().unwrap_or_default();
            let config = Config::from_postgres(&["postgres://u:canary@h/d", parameters].concat());
            let settings = config.ok().and_then(|config| config.settings.postgres);
            let Some(settings) = settings else { panic!("the configuration is not accepted") };
            let protection = match ours & 12 {
                0 => Protection::PlainText,
                4 => Protection::Tls { server_end_point: None },
                _ => Protection::Tls { server_end_point: Some(vec![7; 32]) },
            };
            let mut connection = Connection::new(Limits { message: 1 << 16, row: 1 << 12 });
            let startup = Startup {
                user: "u",
                database: "d",
                application_name: "fuzz",
                search_path: None,
                options: None,
            };
            assert!(connection.start_login(&startup).is_ok());
            let password = PasswordLogin::new("u", &Secret::new("canary"), protection);
            let mut login = Login { connection, password, settings, sent: Vec::new(), is_scram: false };
            login.answer();
            login
        }

        /// The nonce in the client's first message of SCRAM, once it is sent.
        pub(super) fn nonce(&self) -> String {
            let sent = String::from_utf8_lossy(&self.sent);
            sent.rsplit_once(",r=").map(|(_, nonce)| nonce.to_owned()).unwrap_or_default()
        }

        /// Receives bytes. Returns `false` once the login has failed or ended.
        pub(super) fn receive(&mut self, bytes: &[u8]) -> bool {
            self.connection.handle_input(bytes);
            loop {
                let decided = match self.connection.poll_login() {
                    Ok(None) => return true,
                    Err(_) => return false,
                    Ok(Some(LoginEvent::Request(request))) => {
                        self.is_scram |= matches!(request, AuthenticationRequest::Sasl(_));
                        self.password.answer(request, &self.settings)
                    }
                    Ok(Some(LoginEvent::Accepted)) => {
                        let accepted = self.password.accept(&self.settings);
                        assert!(
                            !self.is_scram || accepted.is_err(),
                            "a server that does not have the password is accepted"
                        );
                        accepted
                    }
                    Ok(Some(_)) => Ok(()),
                };
                if let Err(reason) = decided {
                    assert!(!reason.contains("canary"), "{reason}");
                    return false;
                }
                self.answer();
            }
        }

        fn answer(&mut self) {
            let polled = self.password.poll_frame(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(Ok(Some(frame))) = polled {
                self.connection.answer_request(&frame);
            }
            self.sent.extend(self.connection.poll_transmit().unwrap_or_default());
        }
    }
}
