//! A session of the superuser in the database `postgres` of a test server. The database `postgres` contains no data of
//! tests.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use tokio_postgres::Client;

use crate::Error;
use crate::postgres::{Database, POSTGRES, SUPERUSER};

/// The session, and the folder of the server's socket.
pub(super) struct Control {
    client: Client,
    home: PathBuf,
}

impl Control {
    pub(super) async fn open(home: &Path) -> Result<Control, tokio_postgres::Error> {
        let client = Database::of(home, POSTGRES).session(SUPERUSER).await?;
        // The server's default is DSQL's REPEATABLE READ. With REPEATABLE READ, a change would fail if another process
        // changed the same row at the same time.
        client.batch_execute("SET default_transaction_isolation = 'read committed'").await?;
        Ok(Control { client, home: home.to_owned() })
    }

    /// A database of the same server.
    pub(super) fn database(&self, name: &str) -> Database {
        Database::of(&self.home, name)
    }
}

impl Deref for Control {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// PostgreSQL's error about a statement of this module.
pub(super) fn failed(error: tokio_postgres::Error) -> Error {
    let message = match error.as_db_error() {
        Some(rejected) => format!("{}: {}", rejected.code().code(), rejected.message()),
        None => error.to_string(),
    };
    Error::TestServer(message)
}
