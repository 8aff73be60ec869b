//! The certificate of the endpoints, which all tests of a process share: making one takes milliseconds.

use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::ServerConfig;

use crate::Error;
use crate::tls::Authority;

/// The certificate of the endpoints.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) ca_pem: String,
}

pub(super) fn tls() -> Result<&'static Tls, Error> {
    static TLS: OnceLock<Result<Tls, String>> = OnceLock::new();
    let make = || {
        let authority = Authority::made()?;
        let config = authority.server_config(&["localhost".to_owned()])?;
        Ok(Tls { config, ca_pem: authority.pem().to_owned() })
    };
    let made = TLS.get_or_init(|| make().map_err(|error: Error| error.to_string()));
    made.as_ref().map_err(|error| Error::TestServer(error.clone()))
}
