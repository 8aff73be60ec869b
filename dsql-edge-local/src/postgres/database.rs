//! A database of the PostgreSQL behind the proxy: the server's socket and the database's name.
//!
//! A dsql-local has one database, `postgres`. Each test of `#[dsql_edge::test]` has its own database on a server that
//! the tests share; to its clients, this database has the name `postgres`, too.

use std::path::{Path, PathBuf};

use tokio_postgres::{Client, Config, NoTls};

/// The name of DSQL's one database, which is also the database of a new PostgreSQL.
pub(crate) const POSTGRES: &str = "postgres";

/// A database.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// PostgreSQL's Unix socket.
    pub(crate) socket: PathBuf,
    pub(crate) name: String,
}

impl Database {
    /// The database `name` of the server whose socket is in `folder`.
    pub(crate) fn of(folder: &Path, name: &str) -> Database {
        Database { socket: folder.join(".s.PGSQL.5432"), name: name.to_owned() }
    }

    /// Opens a session without the proxy. The session ends when the client is dropped.
    pub(crate) async fn session(&self, role: &str) -> Result<Client, tokio_postgres::Error> {
        let folder = self.socket.parent().unwrap_or(&self.socket);
        let (client, connection) =
            Config::new().host_path(folder).user(role).dbname(&self.name).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}
