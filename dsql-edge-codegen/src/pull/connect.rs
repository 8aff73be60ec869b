//! Connects to the server that `pull` reads: a cluster or `dsql-local` over dsql-edge's own client, any other
//! PostgreSQL over tokio-postgres.
//!
//! Input: a configuration or a URL. Output: answers to queries. No credential appears in an error.

use anyhow::{Context, Result, anyhow, bail};
use dsql_edge::dynamic::{self, Sql};
use dsql_edge::{Config, Dsql, Session};
use dsql_edge_compiler::schema::Dialect;
use tokio_postgres::NoTls;

use super::{Ask, Row};

/// A connection to pull from.
pub enum Server {
    /// A cluster, or dsql-local.
    Dsql(Box<Session>),
    /// Any other PostgreSQL.
    Postgres(tokio_postgres::Client),
}

impl Server {
    /// A cluster, or dsql-local.
    pub fn dsql(config: Config) -> Server {
        Server::Dsql(Box::new(Dsql::new(config).session()))
    }

    /// Connects to a PostgreSQL by its URL, without TLS.
    pub(super) async fn postgres(url: &str) -> Result<Self> {
        let config: tokio_postgres::Config = url.parse().map_err(|_| {
            anyhow!("--postgres-url is not a URL: write postgres://user:password@host/database")
        })?;
        if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            bail!(
                "sslmode=require is not supported: pull over an unencrypted local connection, or from DSQL"
            );
        }
        let (client, connection) = config.connect(NoTls).await.context("connecting to PostgreSQL")?;
        tokio::spawn(connection);
        Ok(Server::Postgres(client))
    }
}

impl Ask for Server {
    fn dialect(&self) -> Dialect {
        match self {
            Server::Dsql(_) => Dialect::Dsql,
            Server::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Server::Dsql(session) => {
                Sql::reading(sql).command(&[]).execute(session.as_mut()).await?;
            }
            Server::Postgres(client) => client.batch_execute(sql).await?,
        }
        Ok(())
    }

    async fn ask<const N: usize>(&mut self, sql: &'static str) -> Result<Vec<Row<N>>> {
        match self {
            Server::Dsql(session) => {
                let rows = Sql::reading(sql).query(&[]).fetch_all(session.as_mut()).await?;
                Ok(rows.into_iter().map(columns).collect())
            }
            Server::Postgres(client) => {
                let rows = client.query(sql, &[]).await?;
                rows.iter()
                    .map(|row| {
                        let fields: Vec<Option<String>> =
                            (0..row.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
                        fields
                            .try_into()
                            .map_err(|_| anyhow!("the server returned another number of columns than the query of the catalog has"))
                    })
                    .collect()
            }
        }
    }
}

/// Returns the first `N` columns of a row.
pub(crate) fn columns<const N: usize>(row: dynamic::TextRow) -> Row<N> {
    let mut values = row.into_values().into_iter();
    std::array::from_fn(|_| values.next().flatten())
}
