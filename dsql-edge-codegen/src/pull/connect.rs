//! Reaches the server to pull from: a cluster, or `dsql-local`, over dsql-edge's own client with a token signed
//! here; any other PostgreSQL over tokio-postgres. No credential of either appears in what it says.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use dsql_edge::private::{Arguments, Command, DataRow, Effect, Error, Query, Statement};
use dsql_edge::{Config, Credentials, Session};
use tokio_postgres::NoTls;

use super::{Ask, Row};

/// A connection to pull from.
pub(super) enum Server {
    Dsql(Box<Session>),
    Postgres(tokio_postgres::Client),
}

impl Server {
    /// A cluster by its host name, or `localhost[:port]`, where the region has to be said.
    pub(super) async fn dsql(
        endpoint: &str,
        region: Option<&str>,
        user: &str,
        ca: Option<&Path>,
    ) -> Result<Self> {
        let credentials = credentials(region).await?;
        let config = match region {
            Some(region) if endpoint == "localhost" || endpoint.starts_with("localhost:") => {
                Config::local(endpoint, region, credentials)?
            }
            _ => Config::new(endpoint, credentials)?,
        };
        let mut config = config.user(user).application_name("dsql-edge pull");
        if let Some(ca) = ca {
            config = config.extra_ca(std::fs::read(ca).with_context(|| ca.display().to_string())?);
        }
        Ok(Server::Dsql(Box::new(dsql_edge::Dsql::new(config).session())))
    }

    /// A PostgreSQL by its URL, without TLS.
    pub(super) async fn postgres(url: &str) -> Result<Self> {
        let config: tokio_postgres::Config =
            url.parse().map_err(|_| anyhow!("this is no URL of a PostgreSQL"))?;
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

/// From where all of AWS's tools take them: the environment, profiles, containers, instances.
async fn credentials(region: Option<&str>) -> Result<Credentials> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(aws_config::Region::new(region.to_owned()));
    }
    let shared = loader.load().await;
    let provider = shared.credentials_provider().context("AWS's configuration has no credentials in it")?;
    let found = provider
        .provide_credentials()
        .await
        .context("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")?;
    let credentials = Credentials::new(found.access_key_id(), found.secret_access_key());
    Ok(match found.session_token() {
        Some(token) => credentials.with_session_token(token),
        None => credentials,
    })
}

impl Ask for Server {
    async fn run(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Server::Dsql(session) => {
                let command = Command::unchecked(statement(sql), Arguments::with_capacity(0));
                command.execute(session.as_mut()).await?;
            }
            Server::Postgres(client) => client.batch_execute(sql).await?,
        }
        Ok(())
    }

    async fn ask<const N: usize>(&mut self, sql: &'static str) -> Result<Vec<Row<N>>> {
        match self {
            Server::Dsql(session) => {
                let query = Query::unchecked(statement(sql), Arguments::with_capacity(0), decode::<N>);
                Ok(query.fetch_all(session.as_mut()).await?)
            }
            Server::Postgres(client) => {
                let rows = client.query(sql, &[]).await?;
                rows.iter()
                    .map(|row| {
                        let fields: Vec<Option<String>> =
                            (0..row.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
                        fields
                            .try_into()
                            .map_err(|_| anyhow!("the server answered with other columns than asked for"))
                    })
                    .collect()
            }
        }
    }
}

fn decode<const N: usize>(row: &DataRow<'_>) -> Result<Row<N>, Error> {
    let mut fields = [const { None }; N];
    for (at, field) in fields.iter_mut().enumerate() {
        *field = row.unchecked_column::<Option<String>>(at)?;
    }
    Ok(fields)
}

/// What `sql_unchecked!` would write down.
fn statement(sql: &'static str) -> &'static Statement {
    // A dozen queries in the life of the command.
    Box::leak(Box::new(Statement {
        sql,
        name: "pull",
        file: file!(),
        line: line!(),
        column: column!(),
        params: &[],
        columns: &[],
        effect: Effect::Read,
        tables: &[],
        search_path: "",
    }))
}
