//! Finds the cluster and the credentials for it.
//!
//! Input: options that commands share, and AWS's own configuration. Output: the configuration of dsql-edge's client. No
//! credential appears in an error.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use dsql_edge::Config;
use dsql_edge::private::{Effect, SessionEffect, Statement};

use crate::aws_credentials::AwsCredentials;
use crate::running_local::RunningLocal;

/// Which cluster, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub struct Cluster {
    /// The cluster's host name, or `localhost[:port]` for dsql-local; without it, the dsql-local whose folder
    /// .dsql-local is in the package
    #[arg(long, env = "DSQL_ENDPOINT", global = true, help_heading = "Cluster")]
    pub endpoint: Option<String>,
    /// The region to sign for; a cluster's name contains its own
    #[arg(long, env = "DSQL_REGION", global = true, help_heading = "Cluster")]
    pub region: Option<String>,
    /// The role to connect as
    #[arg(long, env = "DSQL_USER", default_value = "admin", global = true, help_heading = "Cluster")]
    pub user: String,
    /// A certificate authority to trust besides the system's, in PEM: dsql-local's
    #[arg(
        long,
        env = "DSQL_EDGE_CA",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        global = true,
        help_heading = "Cluster"
    )]
    pub ca: Option<PathBuf>,
}

impl Cluster {
    /// The host name, if one was given.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }

    /// How to reach it; `command` is the name that its log shows. Credentials come from where all of AWS's tools take
    /// them; the credentials of the package's dsql-local from its folder.
    ///
    /// # Errors
    /// No endpoint, no credentials, a malformed name, a certificate that cannot be read.
    pub async fn config(&self, command: &str) -> Result<Config> {
        let (endpoint, local) = self.found()?;
        let named = self.region.clone().filter(|region| !region.is_empty());
        // DSQL_REGION of a shell is another cluster's; dsql-local accepts tokens for its own region alone.
        let region = local.as_ref().map(|local| local.region.clone()).or(named);
        let (provider, credentials) = match local.as_ref().and_then(|local| local.credentials(&self.user)) {
            Some(credentials) => (None, credentials),
            None => {
                let (provider, credentials) = AwsCredentials::load(region.as_deref()).await?;
                (Some(provider), credentials)
            }
        };
        let config = match region {
            Some(region) if endpoint == "localhost" || endpoint.starts_with("localhost:") => {
                Config::local(&endpoint, &region, credentials)?
            }
            _ => Config::new(&endpoint, credentials)?,
        };
        let config = match provider {
            Some(provider) => config.credentials_provider(provider),
            None => config,
        };
        let mut config = config.user(&self.user).application_name(format!("dsql-edge {command}"));
        let ca = self
            .ca
            .clone()
            .filter(|ca| !ca.as_os_str().is_empty())
            .or_else(|| local.as_ref().map(RunningLocal::ca));
        if let Some(ca) = &ca {
            config = config.extra_ca(std::fs::read(ca).with_context(|| ca.display().to_string())?);
        }
        Ok(config)
    }

    /// The endpoint, and the package's dsql-local if the endpoint is its own. If only its folder names it, that is
    /// printed.
    fn found(&self) -> Result<(String, Option<RunningLocal>)> {
        let local = RunningLocal::find();
        if let Some(endpoint) = self.endpoint() {
            return Ok((endpoint.to_owned(), local.filter(|local| local.endpoint == endpoint)));
        }
        let Some(local) = local else {
            bail!("which cluster? Set DSQL_ENDPOINT, or pass --endpoint <id>.dsql.<region>.on.aws");
        };
        let (endpoint, folder) = (&local.endpoint, local.folder().display());
        if !local.runs() {
            bail!(
                "which cluster? Set DSQL_ENDPOINT, or pass --endpoint <id>.dsql.<region>.on.aws; the dsql-local of {folder} \
                 does not answer at {endpoint}"
            );
        }
        eprintln!("dsql-edge: connects to dsql-local at {endpoint}, found by its folder {folder}");
        Ok((endpoint.clone(), Some(local)))
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
