//! SCRAM outside Workers, by `postgres-protocol`.

use std::borrow::Cow;
use std::future::ready;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::Binding;
use super::messages::{ServerFirst, server_signature};
use crate::credentials::{AuthFuture, Secret};

/// An exchange that has begun.
pub(crate) struct Scram(ScramSha256);

/// An exchange after the client's proof has been computed.
pub(crate) struct Proof(ScramSha256);

impl Scram {
    pub(crate) fn new(password: &Secret, binding: Binding) -> Self {
        let binding = match binding {
            Binding::Unsupported => ChannelBinding::unsupported(),
            Binding::NotOffered => ChannelBinding::unrequested(),
            Binding::ServerEndPoint(digest) => ChannelBinding::tls_server_end_point(digest),
        };
        Scram(ScramSha256::new(password.expose().as_bytes(), binding))
    }

    /// The client's first message.
    pub(crate) fn first(&self) -> String {
        String::from_utf8_lossy(self.0.message()).into_owned()
    }

    /// Computes the proof for the server's first message.
    pub(crate) fn prove(
        mut self,
        server_first: &[u8],
    ) -> Result<AuthFuture<'static, Proof>, Cow<'static, str>> {
        let first = self.first();
        let (_, nonce) = first.split_once(",r=").unwrap_or_default();
        ServerFirst::read(server_first, nonce)?;
        self.0.update(server_first).map_err(|_| "the server's salt in SCRAM is malformed")?;
        Ok(Box::pin(ready(Ok(Proof(self.0)))))
    }
}

impl Proof {
    /// The client's final message.
    pub(crate) fn message(&self) -> Vec<u8> {
        self.0.message().to_vec()
    }

    /// Verifies the server's final message.
    pub(crate) fn verify(mut self, server_final: &[u8]) -> Result<(), Cow<'static, str>> {
        server_signature(server_final)?;
        self.0.finish(server_final).map_err(|_| super::WRONG_SIGNATURE.into())
    }
}
