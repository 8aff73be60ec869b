//! Which cluster, and as whom: options that commands share and AWS's own configuration in, the configuration of
//! dsql-edge's client out. No credential appears in what it says.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use dsql_edge::Config;
use dsql_edge::private::{Effect, SessionEffect, Statement};

use crate::aws_credentials::AwsCredentials;

/// Which cluster, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub struct Cluster {
    /// The cluster's host name, or `localhost[:port]` for dsql-local
    #[arg(long, env = "DSQL_ENDPOINT", global = true, help_heading = "Cluster")]
    pub endpoint: Option<String>,
    /// The region to sign for; a cluster's name says its own
    #[arg(long, env = "DSQL_REGION", global = true, help_heading = "Cluster")]
    pub region: Option<String>,
    /// The role to connect as
    #[arg(long, env = "DSQL_USER", default_value = "admin", global = true, help_heading = "Cluster")]
    pub user: String,
    /// A certificate authority to trust besides the system's, in PEM: dsql-local's
    #[arg(long, env = "DSQL_EDGE_CA", global = true, help_heading = "Cluster")]
    pub ca: Option<PathBuf>,
}

impl Cluster {
    /// The host name, if one was said.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }

    /// How to reach it; `command` is the name that its log shows. Credentials come from where all of AWS's tools take
    /// them.
    ///
    /// # Errors
    /// No endpoint, no credentials, a malformed name, a certificate that cannot be read.
    pub async fn config(&self, command: &str) -> Result<Config> {
        let endpoint = self
            .endpoint()
            .context("which cluster? Set DSQL_ENDPOINT, or say --endpoint <id>.dsql.<region>.on.aws")?;
        let region = self.region.as_deref().filter(|region| !region.is_empty());
        let (provider, credentials) = AwsCredentials::load(region).await?;
        let config = match region {
            Some(region) if endpoint == "localhost" || endpoint.starts_with("localhost:") => {
                Config::local(endpoint, region, credentials)?
            }
            _ => Config::new(endpoint, credentials)?,
        };
        let config = config.credentials_provider(provider);
        let mut config = config.user(&self.user).application_name(format!("dsql-edge {command}"));
        if let Some(ca) = &self.ca {
            config = config.extra_ca(std::fs::read(ca).with_context(|| ca.display().to_string())?);
        }
        Ok(config)
    }
}

/// What `sql_unchecked!` would write down; what it takes of memory stays taken, a statement in the life of a command.
pub(crate) fn statement(sql: &'static str, effect: Effect) -> &'static Statement {
    statement_at(sql, effect, (file!(), line!()))
}

/// The same for one that stands in a file of the user's, which errors then name.
pub(crate) fn statement_at(
    sql: &'static str,
    effect: Effect,
    (file, line): (&'static str, u32),
) -> &'static Statement {
    Box::leak(Box::new(Statement {
        sql,
        name: "",
        file,
        line,
        column: 1,
        params: &[],
        columns: &[],
        formats: &[1],
        effect,
        session: SessionEffect::MayChange,
        tables: &[],
        search_path: "",
    }))
}
