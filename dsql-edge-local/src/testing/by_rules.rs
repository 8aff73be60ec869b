//! The endpoint of a database of tests, and sessions of this process in it.
//!
//! Input: a database with DSQL's limits. Output: an endpoint whose sessions follow DSQL's rules. The files of a schema
//! and the fixtures of a test run in such a session, so that DSQL's rules also apply to the statements in these files.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use super::certificate;
use super::control::failed;
use crate::Error;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::direct_tls::DirectTls;
use crate::iam::key_ring::KeyRing;
use crate::limits::Limits;
use crate::log::Log;
use crate::oc001::Oc001;
use crate::postgres::{ADMIN, Database, POSTGRES, SUPERUSER};
use crate::proxy::Endpoint;
use crate::seal::SealKey;

/// The region that tokens are signed for.
pub(super) const REGION: &str = "us-east-1";

/// The size of the buffer between a client in this process and the proxy, in bytes.
const PIPE: usize = 64 << 10;

/// Generates the key for the seals of a database, and stores the key in that database.
pub(super) async fn seal(database: &Database) -> Result<SealKey, Error> {
    let key = SealKey::random()?;
    let superuser = database.session(SUPERUSER).await.map_err(failed)?;
    superuser.batch_execute(&key.to_sql()).await.map_err(failed)?;
    Ok(key)
}

/// Makes the endpoint of a database. `own`: whether no other database of the server is in use, so that a session may
/// change roles.
pub(super) fn endpoint(
    database: &Database,
    seal_key: SealKey,
    own: bool,
    keys: KeyRing,
    log: Log,
) -> Result<Arc<Endpoint>, Error> {
    let clock = Arc::new(Clock::ahead(Duration::ZERO));
    let mut cluster = Cluster::new(Limits::of(&[]), Oc001::default(), Arc::new(seal_key), clock, log);
    cluster.shares_roles = !own;
    Ok(Arc::new(Endpoint {
        tls: certificate::tls()?.config.clone(),
        region: REGION.to_owned(),
        keys: Arc::new(keys),
        database: database.clone(),
        cluster: Arc::new(cluster),
        rules: true,
        direct_tls: DirectTls::default(),
    }))
}

/// Does some work in a session of an endpoint as `admin`, without a login.
pub(super) async fn in_session<T>(
    endpoint: &Arc<Endpoint>,
    work: impl AsyncFnOnce(Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let (client, server) = tokio::io::duplex(PIPE);
    let serving = endpoint.clone();
    let served = tokio::spawn(async move { serving.serve_own_client(server).await });
    let (client, connection) =
        Config::new().user(ADMIN).dbname(POSTGRES).connect_raw(client, NoTls).await.map_err(failed)?;
    let connection = tokio::spawn(connection);
    let done = work(client).await;
    let _ = connection.await;
    // The session has ended when the test begins, so it is not one of the test's sessions.
    let _ = served.await;
    done
}
