//! The server of a test: a dsql-local, or a PostgreSQL.
//!
//! Input: nothing. Output: a server with the same functions for both dialects.

use dsql_edge::{Config, Credentials};
use dsql_edge_codegen::server::Server;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_local::Local;
use dsql_edge_tests::postgres_server::PostgresServer;
use tokio_postgres::{Client, NoTls};
use xtask::setup;

/// The line of pg_hba.conf with which the role `poor` logs in; a test creates this role.
const POOR: &str = "host all poor 127.0.0.1/32 trust\n";

pub(crate) enum Site {
    Dsql(Box<Local>),
    Postgres(Box<PostgresServer>),
}

impl Site {
    pub(crate) async fn start(dialect: Dialect) -> Site {
        match dialect {
            Dialect::Dsql => Site::Dsql(Box::new(Local::builder().start().await.unwrap())),
            Dialect::Postgres => {
                let bin = tokio::task::spawn_blocking(|| {
                    setup::runtime().unwrap();
                    setup::postgres().unwrap()
                });
                Site::Postgres(Box::new(PostgresServer::start(&bin.await.unwrap(), POOR, "").await))
            }
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Site::Dsql(_) => Dialect::Dsql,
            Site::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The port to which a network of the test passes connections on.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Site::Dsql(local) => local.port(),
            Site::Postgres(server) => server.port(),
        }
    }

    /// The configuration of a client that connects to a port of this machine. The connection to a PostgreSQL has no
    /// TLS, so that each chunk in a network is a message.
    pub(crate) fn config(&self, port: u16) -> Config {
        match self {
            Site::Dsql(local) => {
                let keys = local.credentials();
                let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key());
                let endpoint = format!("localhost:{port}");
                Config::local(&endpoint, local.region(), keys).unwrap().extra_ca(local.ca_pem())
            }
            Site::Postgres(_) => Config::from_postgres(&postgres_url(port)).unwrap(),
        }
    }

    pub(crate) fn server(&self) -> Server {
        Server { config: self.config(self.port()), dialect: self.dialect() }
    }

    /// Opens a session of a superuser.
    pub(crate) async fn superuser(&self) -> Client {
        match self {
            Site::Dsql(local) => {
                let (client, connection) =
                    tokio_postgres::connect(&local.postgres_url(), NoTls).await.unwrap();
                tokio::spawn(connection);
                client
            }
            Site::Postgres(server) => server.superuser().await,
        }
    }

    /// Runs a query as a superuser, and returns its first column.
    pub(crate) async fn column(&self, sql: &str) -> Vec<String> {
        column_of(&self.superuser().await, sql).await
    }

    /// Runs statements as `admin` without DSQL's rules, or as the superuser of the PostgreSQL.
    pub(crate) async fn run_sql(&self, sql: &str) {
        match self {
            // Without `Local::run_sql`, dsql-local would count these changes as the changes of a session.
            Site::Dsql(local) => local.run_sql("test", sql).await.unwrap(),
            Site::Postgres(_) => self.superuser().await.batch_execute(sql).await.unwrap(),
        }
    }

    pub(crate) async fn stop(self) {
        match self {
            Site::Dsql(local) => local.stop().await.unwrap(),
            Site::Postgres(server) => server.stop().await,
        }
    }
}

/// Runs a query in a session, and returns its first column.
pub(crate) async fn column_of(client: &Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// The connection string of a PostgreSQL.
pub(crate) fn postgres_url(port: u16) -> String {
    format!("postgres://postgres@localhost:{port}/postgres?sslmode=disable")
}
