//! Decides how the login of a PostgreSQL answers each request of the server.
//!
//! Input: the requests of the server, the password, and whether the connection is protected. Output: the answers, or
//! the reason why the login ends. Nothing is sent here.
//!
//! # Invariants
//!
//! - A password in clear text is sent only inside TLS, or on Hyperdrive's socket. MD5 is used only if the configuration
//!   lists it.
//! - A login with SCRAM succeeds only after the server has proved that it has the password. A server that requests no
//!   password is accepted only if TLS or a private socket identifies the server, or if no password is configured.
//! - Each request is answered at most once: a server cannot change the salt or the number of iterations midway.

use core::task::{Context, Poll, ready};
use std::borrow::Cow;

#[cfg(not(target_arch = "wasm32"))]
use super::md5::md5_password;
use super::scram::{Binding, Proof, Scram};
use crate::credentials::{AuthFuture, Secret};
use crate::error::Error;
use crate::settings::{ChannelBinding, PostgresSettings};
use crate::transport::Protection;
#[cfg(target_arch = "wasm32")]
use crate::transport::scram::md5_password;
use crate::wire::authentication::{AuthenticationRequest, sasl_initial_response, sasl_response};
use crate::wire::{Malformed, frontend};

type Rejection = Cow<'static, str>;

/// The answers to the requests of one server.
pub(crate) struct PasswordLogin {
    user: String,
    password: Secret,
    protection: Protection,
    state: State,
    pending: Option<Pending>,
}

/// An answer that is being computed.
enum Pending {
    Frame(AuthFuture<'static, Vec<u8>>),
    Proof(AuthFuture<'static, Proof>),
}

enum State {
    /// The server has requested nothing.
    Begun,
    /// The password, or its MD5, was sent.
    PasswordSent,
    /// SASLInitialResponse was sent.
    SaslBegun(Scram),
    /// The proof is being computed.
    Proving,
    /// The proof was sent.
    Proved(Proof),
    /// The server has proved that it has the password.
    ServerVerified,
}

impl PasswordLogin {
    pub(crate) fn new(user: &str, password: &Secret, protection: Protection) -> Self {
        PasswordLogin {
            user: user.to_owned(),
            password: password.clone(),
            protection,
            state: State::Begun,
            pending: None,
        }
    }

    /// Begins to answer a request; [`poll_frame`](PasswordLogin::poll_frame) returns the answer.
    pub(crate) fn answer(
        &mut self,
        request: AuthenticationRequest,
        settings: &PostgresSettings,
    ) -> Result<(), Rejection> {
        let state = core::mem::replace(&mut self.state, State::Proving);
        match (state, request) {
            (State::Begun, AuthenticationRequest::CleartextPassword) => self.cleartext(settings),
            (State::Begun, AuthenticationRequest::Md5Password { salt }) => self.md5(salt, settings),
            (State::Begun, AuthenticationRequest::Sasl(offered)) => self.begin_sasl(&offered, settings),
            (State::SaslBegun(scram), AuthenticationRequest::SaslContinue(message)) => {
                self.pending = Some(Pending::Proof(scram.prove(&message)?));
                Ok(())
            }
            (State::Proved(proof), AuthenticationRequest::SaslFinal(message)) => {
                proof.verify(&message)?;
                self.state = State::ServerVerified;
                Ok(())
            }
            (_, AuthenticationRequest::Unsupported(name)) => {
                Err(["the server requests ", name, NOT_SUPPORTED].concat().into())
            }
            _ => Err("the server sent an unexpected Authentication message".into()),
        }
    }

    /// Returns the frame that answers the last request, once it is computed; `None` if nothing is to be sent.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, Error>> {
        let frame = match &mut self.pending {
            None => return Poll::Ready(Ok(None)),
            Some(Pending::Frame(frame)) => ready!(frame.as_mut().poll(context)).map_err(|it| it.error)?,
            Some(Pending::Proof(proof)) => {
                let proof = ready!(proof.as_mut().poll(context)).map_err(|it| it.error)?;
                let frame = framed(|out| sasl_response(&proof.message(), out)).map_err(Error::connect)?;
                self.state = State::Proved(proof);
                frame
            }
        };
        self.pending = None;
        Poll::Ready(Ok(Some(frame)))
    }

    fn send(&mut self, frame: Vec<u8>) {
        self.pending = Some(Pending::Frame(Box::pin(core::future::ready(Ok(frame)))));
    }

    /// Decides whether AuthenticationOk ends the login.
    pub(crate) fn accept(&self, settings: &PostgresSettings) -> Result<(), Rejection> {
        match &self.state {
            State::PasswordSent | State::ServerVerified => Ok(()),
            State::Begun => {
                if !settings.methods.none {
                    return Err(
                        "the server requests no password, and require_auth does not list \"none\"".into()
                    );
                }
                self.check_binding(settings)?;
                let identified = self.is_private(settings) || self.password.expose().is_empty();
                if identified { Ok(()) } else { Err(NO_PASSWORD_REQUESTED.into()) }
            }
            _ => Err("the server accepts the login before it has proved that it has the password".into()),
        }
    }

    fn cleartext(&mut self, settings: &PostgresSettings) -> Result<(), Rejection> {
        if !settings.methods.cleartext {
            return Err(
                "the server requests a password in clear text, and require_auth does not list \"password\""
                    .into(),
            );
        }
        if !self.is_private(settings) {
            return Err(CLEARTEXT_WITHOUT_TLS.into());
        }
        self.check_binding(settings)?;
        self.check_password()?;
        self.send(framed(|out| frontend::password(self.password.expose(), out))?);
        self.state = State::PasswordSent;
        Ok(())
    }

    fn md5(&mut self, salt: [u8; 4], settings: &PostgresSettings) -> Result<(), Rejection> {
        if !settings.methods.md5 {
            return Err(MD5_NOT_LISTED.into());
        }
        self.check_binding(settings)?;
        self.check_password()?;
        let hashing = md5_password(&self.user, self.password.expose(), salt);
        self.state = State::PasswordSent;
        self.pending = Some(Pending::Frame(Box::pin(async move {
            let hash = hashing.await?;
            let mut frame = Vec::new();
            // A hash in hexadecimal digits always fits a frame.
            let _ = frontend::password(hash.expose(), &mut frame);
            Ok(frame)
        })));
        Ok(())
    }

    fn begin_sasl(&mut self, offered: &[String], settings: &PostgresSettings) -> Result<(), Rejection> {
        if !settings.methods.scram {
            return Err("the server requests SCRAM, and require_auth does not list \"scram-sha-256\"".into());
        }
        self.check_password()?;
        let offers = |name: &str| offered.iter().any(|offered| offered == name);
        let (mechanism, binding) = match self.digest(settings) {
            Some(digest) if offers(SCRAM_PLUS) => (SCRAM_PLUS, Binding::ServerEndPoint(digest.to_vec())),
            digest if offers(SCRAM) => {
                self.check_binding(settings)?;
                (SCRAM, if digest.is_some() { Binding::NotOffered } else { Binding::Unsupported })
            }
            _ => {
                let names = offered.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(["the server offers only the SASL mechanisms ", &names, NOT_SUPPORTED]
                    .concat()
                    .into());
            }
        };
        let scram = Scram::new(&self.password, binding);
        self.send(framed(|out| sasl_initial_response(mechanism, &scram.first(), out))?);
        self.state = State::SaslBegun(scram);
        Ok(())
    }

    /// The digest of the server's certificate, for channel binding; `None` if it is not known or channel binding is
    /// disabled.
    fn digest(&self, settings: &PostgresSettings) -> Option<&[u8]> {
        match &self.protection {
            Protection::Tls { server_end_point } if settings.channel_binding != ChannelBinding::Disable => {
                server_end_point.as_deref()
            }
            _ => None,
        }
    }

    /// Whether the connection is private: only the server can read the bytes that are sent.
    fn is_private(&self, settings: &PostgresSettings) -> bool {
        settings.private_socket || matches!(self.protection, Protection::Tls { .. })
    }

    fn check_password(&self) -> Result<(), Rejection> {
        if self.password.expose().is_empty() {
            return Err("the server requests a password, and none is configured: write it into the connection string, \
                        or set PGPASSWORD"
                .into());
        }
        Ok(())
    }

    /// For a login without channel binding: returns an error if `channel_binding=require` is set.
    fn check_binding(&self, settings: &PostgresSettings) -> Result<(), Rejection> {
        match settings.channel_binding {
            ChannelBinding::Require if self.digest(settings).is_none() => Err(NO_DIGEST.into()),
            ChannelBinding::Require => Err("the server does not offer SCRAM with channel binding, which \
                                            channel_binding=require demands"
                .into()),
            _ => Ok(()),
        }
    }
}

fn framed(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) -> Result<Vec<u8>, Rejection> {
    let mut frame = Vec::new();
    write(&mut frame).map_err(|Malformed(reason)| reason)?;
    Ok(frame)
}

const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";

const NOT_SUPPORTED: &str = ", which is not supported: use scram-sha-256 in the server's pg_hba.conf";
const MD5_NOT_LISTED: &str = "the server requests MD5, which is not secure: use SCRAM (set password_encryption to \
                              scram-sha-256 on the server, and set the password again), or accept MD5 with \
                              require_auth=md5";
const CLEARTEXT_WITHOUT_TLS: &str = "the server requests the password in clear text, which is sent only inside TLS: use sslmode=require, or SCRAM";
const NO_DIGEST: &str = "channel_binding=require needs a certificate whose signature names a hash function (RSA or \
                         ECDSA with SHA-2), and the server's does not";
const NO_PASSWORD_REQUESTED: &str = "the server requests no password although one is configured, and without TLS it \
                                     may be another server: use sslmode=require, or leave the password out";
