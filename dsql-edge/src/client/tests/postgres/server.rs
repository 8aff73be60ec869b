//! A model of a PostgreSQL that authenticates its clients, for the simulated network.
//!
//! Input: the client's bytes. Output: the server's requests, the end of the login, and an answer to each flight. The
//! model computes SCRAM with its own code, so that it checks the client's proof and channel binding.

use core::task::{Context, Poll};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::{HMAC, Hash};

use super::super::{done, frame, rows};
use crate::transport::{Protection, Transport, TransportError, TransportErrorKind};

pub(super) const PASSWORD: &str = "canary-password";

/// The login that the server requests, or the violation of the protocol that the server commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    Trust,
    Cleartext,
    Md5,
    /// An authentication request with this number and without data.
    Other(u8),
    /// The server offers these SASL mechanisms, separated by spaces.
    Sasl(&'static str),
    Scram,
    ScramPlus,
    Iterations(u32),
    NonceOfItsOwn,
    /// A second SASLContinue with other iterations, after the client's proof.
    ChangesIterations,
    AcceptsWithoutSignature,
    WrongSignature,
    ErrorInSignature,
}

/// The configuration of the server.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) login: Login,
    pub(super) protection: Protection,
    /// The answer to `SHOW search_path`.
    pub(super) search_path: &'static str,
    /// The search_path that the server reports with the login, as PostgreSQL 18 does.
    pub(super) reported_path: Option<&'static str>,
    /// Whether `SHOW search_path` is answered with a FATAL error, as by a pooler whose server rejects the login.
    pub(super) rejects_show: bool,
    /// The connection breaks after this number of bytes from the server.
    pub(super) cut: usize,
}

/// The record of everything that the client has sent, on all connections.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) startup: String,
    pub(super) mechanism: String,
    pub(super) statements: Vec<String>,
    /// The statements that were sent before the login had ended.
    pub(super) early: Vec<String>,
    pub(super) writes: usize,
    pub(super) all: Vec<u8>,
    /// The number of connections that were dialed, and the number of connections that are open.
    pub(super) connections: (usize, usize),
}

pub(super) struct Connection {
    model: Model,
    seen: Arc<Mutex<Seen>>,
    unread: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
    started: bool,
    logged_in: bool,
    client_first: String,
    server_first: String,
    statements: Vec<String>,
}

const SALT: [u8; 4] = *b"salt";
/// The number of iterations is small, because the tests log in a thousand times.
const ITERATIONS: u32 = 32;

impl Connection {
    pub(super) fn new(model: Model, seen: Arc<Mutex<Seen>>) -> Self {
        let (dialed, open) = seen.lock().unwrap().connections;
        seen.lock().unwrap().connections = (dialed + 1, open + 1);
        Connection {
            model,
            seen,
            unread: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            started: false,
            logged_in: false,
            client_first: String::new(),
            server_first: String::new(),
            statements: Vec::new(),
        }
    }

    fn request(&mut self, kind: u8, data: &[u8]) {
        self.outgoing.extend(frame(b'R', &[&[0, 0, 0, kind][..], data].concat()));
    }

    fn end_login(&mut self) {
        self.request(0, b"");
        self.outgoing.extend(frame(b'S', b"server_version\x0018.1\0"));
        if let Some(path) = self.model.reported_path {
            let status = ["search_path\0", path, "\0"].concat();
            self.outgoing.extend(frame(b'S', status.as_bytes()));
        }
        self.outgoing.extend(frame(b'K', &[0; 8]));
        self.outgoing.extend(frame(b'Z', b"I"));
        self.logged_in = true;
    }

    fn reject(&mut self) {
        let text = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0\0";
        self.outgoing.extend(frame(b'E', text));
        self.model.cut = self.model.cut.min(self.sent + self.outgoing.len());
    }

    fn receive(&mut self) {
        loop {
            let header = usize::from(self.started);
            let Some(length) = self.unread.get(header..header + 4) else { return };
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + header;
            if self.unread.len() < length {
                return;
            }
            let message: Vec<u8> = self.unread.drain(..length).collect();
            if !self.started {
                self.started = true;
                self.seen.lock().unwrap().startup = String::from_utf8_lossy(&message[8..]).into_owned();
                self.begin();
            } else {
                self.message(message[0], &message[5..]);
            }
        }
    }

    fn begin(&mut self) {
        match self.model.login {
            Login::Trust => self.end_login(),
            Login::Cleartext => self.request(3, b""),
            Login::Md5 => self.request(5, &SALT),
            Login::Other(kind) => self.request(kind, b""),
            Login::Sasl(names) => self.request(10, format!("{}\0\0", names.replace(' ', "\0")).as_bytes()),
            Login::ScramPlus => self.request(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            _ => self.request(10, b"SCRAM-SHA-256\0\0"),
        }
    }

    fn message(&mut self, tag: u8, body: &[u8]) {
        match tag {
            b'p' if !self.logged_in => self.password(body),
            b'P' => {
                let sql = body[1..].split(|byte| *byte == 0).next().unwrap();
                let sql = String::from_utf8_lossy(sql).into_owned();
                let mut seen = self.seen.lock().unwrap();
                if !self.logged_in {
                    seen.early.push(sql.clone());
                }
                seen.statements.push(sql.clone());
                self.statements.push(sql);
            }
            b'S' => {
                for sql in core::mem::take(&mut self.statements) {
                    self.execute(&sql);
                }
                self.outgoing.extend(frame(b'Z', b"I"));
            }
            _ => {}
        }
    }

    fn execute(&mut self, sql: &str) {
        let mut answer = match sql {
            "SHOW search_path" if self.model.rejects_show => {
                frame(b'E', b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0")
            }
            "SHOW search_path" => {
                let path = self.model.search_path.as_bytes();
                let column = [
                    &b"search_path\0"[..],
                    &[0; 6],
                    &25_u32.to_be_bytes(),
                    &[255, 255, 255, 255, 255, 255, 0, 0],
                ];
                let value = [&[0, 1][..], &(path.len() as u32).to_be_bytes(), path].concat();
                [
                    frame(b'1', b""),
                    frame(b'2', b""),
                    frame(b'T', &[&[0, 1][..], &column.concat()].concat()),
                    frame(b'D', &value),
                    frame(b'C', b"SHOW\0"),
                ]
                .concat()
            }
            sql if sql.starts_with("DELETE") => done("DELETE 1"),
            _ => {
                let mut answer = rows("n", 23, &[7]);
                answer.truncate(answer.len() - 6);
                answer
            }
        };
        self.outgoing.append(&mut answer);
    }

    fn password(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body).into_owned();
        match self.model.login {
            Login::Cleartext if text == format!("{PASSWORD}\0") => self.end_login(),
            Login::Md5 => {
                let hash = postgres_protocol::authentication::md5_hash(b"app", PASSWORD.as_bytes(), SALT);
                if text == format!("{hash}\0") { self.end_login() } else { self.reject() }
            }
            Login::Cleartext => self.reject(),
            _ if self.client_first.is_empty() => self.sasl_initial_response(body),
            _ => self.sasl_response(&text),
        }
    }

    fn sasl_initial_response(&mut self, body: &[u8]) {
        let mut parts = body.splitn(2, |byte| *byte == 0);
        let mechanism = parts.next().unwrap();
        self.seen.lock().unwrap().mechanism = String::from_utf8_lossy(mechanism).into_owned();
        self.client_first = String::from_utf8_lossy(&parts.next().unwrap()[4..]).into_owned();
        let (_, nonce) = self.client_first.split_once(",r=").unwrap();
        let nonce = if self.model.login == Login::NonceOfItsOwn { "" } else { nonce };
        let iterations = match self.model.login {
            Login::Iterations(iterations) => iterations,
            _ => ITERATIONS,
        };
        self.server_first = format!("r={nonce}server,s={},i={iterations}", STANDARD.encode(SALT));
        let first = self.server_first.clone();
        self.request(11, first.as_bytes());
    }

    fn sasl_response(&mut self, text: &str) {
        if self.model.login == Login::ChangesIterations {
            let again = self.server_first.replace("i=32", "i=33");
            return self.request(11, again.as_bytes());
        }
        let (without_proof, proof) = text.split_once(",p=").unwrap();
        let (header, bare) = self.client_first.split_once(",,").unwrap();
        let mut binding = format!("{header},,").into_bytes();
        let is_plus = self.seen.lock().unwrap().mechanism == "SCRAM-SHA-256-PLUS";
        assert_eq!(is_plus, header == "p=tls-server-end-point", "{header}");
        if let (true, Protection::Tls { server_end_point: Some(digest) }) = (is_plus, &self.model.protection)
        {
            binding.extend_from_slice(digest);
        }
        let mut block = HMAC::mac([&SALT[..], &[0, 0, 0, 1]].concat(), PASSWORD);
        let mut salted = block;
        for _ in 1..ITERATIONS {
            block = HMAC::mac(block, PASSWORD);
            salted.iter_mut().zip(block).for_each(|(sum, next)| *sum ^= next);
        }
        let client_key = HMAC::mac("Client Key", salted);
        let signed = [bare, &self.server_first, without_proof].join(",");
        let mut expected = HMAC::mac(&signed, Hash::hash(&client_key));
        expected.iter_mut().zip(client_key).for_each(|(signature, key)| *signature ^= key);
        let is_bound = without_proof.starts_with(&format!("c={},", STANDARD.encode(binding)));
        if proof != STANDARD.encode(expected) || !is_bound {
            return self.reject();
        }
        let signature = STANDARD.encode(HMAC::mac(&signed, HMAC::mac("Server Key", salted)));
        match self.model.login {
            Login::AcceptsWithoutSignature => return self.end_login(),
            Login::WrongSignature => self.request(12, format!("v={}", STANDARD.encode([0; 32])).as_bytes()),
            Login::ErrorInSignature => self.request(12, b"e=canary"),
            _ => self.request(12, format!("v={signature}").as_bytes()),
        }
        self.end_login();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A test that fails drops this value while it panics.
        if let Ok(mut seen) = self.seen.lock() {
            seen.connections.1 -= 1;
        }
    }
}

impl Transport for Connection {
    fn start_write(&mut self, bytes: Vec<u8>) {
        let mut seen = self.seen.lock().unwrap();
        seen.writes += 1;
        seen.all.extend_from_slice(&bytes);
        drop(seen);
        self.unread.extend_from_slice(&bytes);
        self.receive();
    }

    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<Result<(), TransportError>> {
        into.clear();
        let left = self.model.cut - self.sent;
        let length = self.outgoing.len().min(left);
        into.extend(self.outgoing.drain(..length));
        self.sent += length;
        match (length, left) {
            // Connections break alternately with an end of the stream and with an error.
            (0, 0) if self.model.cut.is_multiple_of(2) => Poll::Ready(Ok(())),
            (0, 0) => Poll::Ready(Err(TransportError::new(TransportErrorKind::Lost, "reset"))),
            (0, _) => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn close(&mut self, _: &'static [u8]) {}

    fn protection(&self) -> Protection {
        self.model.protection.clone()
    }
}
