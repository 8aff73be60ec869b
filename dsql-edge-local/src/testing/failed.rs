//! Opens the database of a failed test again.
//!
//! Input: a test. Output: the database that the test has kept, on a server that runs as long as the returned value
//! exists.

use super::server::Server;
use super::test_cluster::{own_folder, test_id};
use super::{Test, databases, process};
use crate::Error;
use crate::postgres::ADMIN;

/// The database of a failed test.
pub struct KeptDatabase {
    connection: String,
    own: Option<Server>,
}

impl KeptDatabase {
    /// The connection string for psql and libpq. The session has the role `admin`, and DSQL's rules do not apply.
    pub fn connection_string(&self) -> &str {
        &self.connection
    }

    /// Ends the server, if it belongs to this test.
    ///
    /// # Errors
    /// Returns an error if the process cannot have a runtime.
    pub fn close(self) -> Result<(), Error> {
        if let Some(server) = self.own {
            process::runtime()?.block_on(server.end());
        }
        Ok(())
    }
}

/// Finds the database that a failed test kept. `None` if there is none.
///
/// # Errors
/// Returns an error if the server cannot be started.
pub fn kept_database(test: &Test<'_>) -> Result<Option<KeptDatabase>, Error> {
    let folder = own_folder(test)?;
    let runtime = process::runtime()?;
    if folder.is_of_failed() {
        return runtime.block_on(async {
            let server = Server::own_again(folder, process::installation()?).await?;
            let found = connection_string(&server, test).await?;
            Ok(found.map(|connection| KeptDatabase { connection, own: Some(server) }))
        });
    }
    let server = process::shared_server(test.target)?;
    let found = runtime.block_on(connection_string(server, test))?;
    Ok(found.map(|connection| KeptDatabase { connection, own: None }))
}

async fn connection_string(server: &Server, test: &Test<'_>) -> Result<Option<String>, Error> {
    let kept = databases::kept(&server.control().await?, &test_id(test)).await?;
    Ok(kept.map(|name| format!("host={} user={ADMIN} dbname={name}", server.home().display())))
}
