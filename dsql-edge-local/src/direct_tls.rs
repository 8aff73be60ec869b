//! Decides whether a TLS handshake without an SSLRequest before it is accepted.
//!
//! It is not known whether DSQL accepts direct TLS from a client that does not send the protocol name `postgresql`
//! (ALPN), for example from a Worker. So dsql-local has a mode for each of the three possible behaviours, and a client
//! can be tested with each mode. PostgreSQL 17 completes the handshake of such a client and then closes the connection
//! without a message (`ProcessSSLStartup` in `backend_startup.c`); PostgreSQL 16 reads the ClientHello as a startup
//! packet of an invalid length, and closes the connection (`ProcessStartupPacket` in `postmaster.c`).

use std::fmt;
use std::str::FromStr;

/// Which clients may begin with TLS. A WebSocket with the protocol name of HTTP (ALPN) is accepted in each mode. As
/// text: `alpn`, `any`, `never`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectTls {
    /// Clients that send the protocol name `postgresql` in the handshake (ALPN), as PostgreSQL 17 requires, and clients
    /// that open a WebSocket. The connections of other clients are closed after the handshake.
    #[default]
    Alpn,
    /// All clients.
    Any,
    /// Direct TLS is rejected, as by PostgreSQL 16: the connection is closed during the handshake. Only a WebSocket
    /// with the protocol name of HTTP is accepted.
    Never,
}

/// The error for a string that is not `alpn`, `any` or `never`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not \"alpn\", \"any\" or \"never\"")]
pub struct UnknownDirectTls(String);

impl FromStr for DirectTls {
    type Err = UnknownDirectTls;

    fn from_str(text: &str) -> Result<DirectTls, UnknownDirectTls> {
        match text {
            "alpn" => Ok(DirectTls::Alpn),
            "any" => Ok(DirectTls::Any),
            "never" => Ok(DirectTls::Never),
            _ => Err(UnknownDirectTls(text.to_owned())),
        }
    }
}

impl fmt::Display for DirectTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            DirectTls::Alpn => "alpn",
            DirectTls::Any => "any",
            DirectTls::Never => "never",
        })
    }
}
