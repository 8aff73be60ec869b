//! Finds out why a connection fails, for tools that run outside Workers. Feature `tokio`.
//!
//! ```no_run
//! use dsql_edge::{Config, diagnosis};
//!
//! # async fn certificate(config: &Config) {
//! let steps = diagnosis::connection_steps(config, diagnosis::Negotiation::SslRequest).await;
//! match steps.failed {
//!     Some((step, reason)) => println!("{step:?}: {reason}"),
//!     None => println!("{}:{} answers through {:?}", steps.host, steps.port, steps.tls_version),
//! }
//! # }
//! ```

use crate::config::Config;
use crate::error::Error;
use crate::transport::{self, TransportError};
pub use crate::transport::{ByteStream, ConnectionSteps, Negotiation, Step};

/// The region that tokens are signed for; "" for a PostgreSQL that is not a DSQL cluster.
pub fn signing_region(config: &Config) -> &str {
    &config.settings.endpoint.region
}

/// Opens a connection up to TLS, and closes it again. Nothing is sent inside TLS.
pub async fn connection_steps(config: &Config, negotiation: Negotiation) -> ConnectionSteps {
    transport::steps(&config.settings, negotiation).await
}

/// Opens a connection with TLS. The certificate is verified. The caller sends the login.
///
/// # Errors
/// Returns an error if a step fails. The error's text is only the reason, without the endpoint and without advice.
pub async fn open_stream(
    config: &Config,
    negotiation: Negotiation,
) -> Result<impl ByteStream + use<>, Error> {
    transport::open_stream(&config.settings, negotiation).await.map_err(of_transport)
}

/// The answer of an HTTPS server to `GET /`: its status line, and the value of its header `Date`. The certificate is
/// verified as for the connections of `config`, and the time limit is the same.
///
/// # Errors
/// Returns an error if the server does not answer. The error's text is only the reason, without the endpoint and
/// without advice.
pub async fn https_head(config: &Config, host: &str, port: u16) -> Result<(String, Option<String>), Error> {
    transport::https_head(&config.settings, host, port).await.map_err(of_transport)
}

fn of_transport(error: TransportError) -> Error {
    Error::connect(error.text)
}
