//! Decides which server a command uses: a DSQL cluster or a PostgreSQL.
//!
//! Input: options that commands share, the dialect of the package's schema, and variables. Output: the configuration of
//! dsql-edge's client, and the dialect of the server. No password appears in an error or in the output.
//!
//! An option takes precedence: `--postgres-url` specifies a PostgreSQL, `--endpoint` specifies a cluster. Without an
//! option, the dialect of the schema decides which variables are read. DATABASE_URL and libpq's variables are read only
//! if the schema has the directive `dialect postgres`. Many tools set these variables, and a command of a DSQL project
//! must not connect to another database because such a variable is set. DSQL_ENDPOINT and the folder of a dsql-local
//! are read only for other schemas, so that a command of a PostgreSQL project does not connect to a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use dsql_edge::Config;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_macro_input::schema_path::SchemaPath;

use crate::cluster::Cluster;
use crate::{package_schema, schema_files};

/// The server, and the role to connect as.
#[derive(Args, Clone, Debug, Default)]
pub struct ServerOptions {
    #[command(flatten)]
    cluster: Cluster,
    /// Connect to this PostgreSQL instead of a cluster: postgres://user@host/database, with libpq's parameters.
    /// PGPASSWORD and libpq's other variables give the parts that are left out. Without the option, DATABASE_URL and
    /// these variables are read if the schema has the directive `dialect postgres`
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["endpoint", "region", "user"], help_heading = "PostgreSQL")]
    postgres_url: Option<String>,
}

/// The server of a command.
pub struct Server {
    /// The configuration of the client.
    pub config: Config,
    /// The dialect of the server's SQL.
    pub dialect: Dialect,
}

impl Server {
    /// Returns a cluster, or a dsql-local.
    pub fn dsql(config: Config) -> Server {
        Server { config, dialect: Dialect::Dsql }
    }

    /// Returns a PostgreSQL.
    pub fn postgres(config: Config) -> Server {
        Server { config, dialect: Dialect::Postgres }
    }
}

/// The variable with the connection string.
const URL: &str = "DATABASE_URL";

/// The variable with the host, without a connection string.
const HOST: &str = "PGHOST";

impl ServerOptions {
    /// Returns the dialect of the server's SQL, without a search for the server. `of_schema` is the dialect in the
    /// schema's directive.
    pub fn dialect(&self, of_schema: Option<Dialect>) -> Dialect {
        if self.postgres_url.is_some() {
            return Dialect::Postgres;
        }
        match of_schema {
            Some(Dialect::Postgres) if !self.cluster.is_named() => Dialect::Postgres,
            _ => Dialect::Dsql,
        }
    }

    /// Returns the server of a command. `package` is the folder in which the search for a dsql-local begins; `command`
    /// is the client's name in the server's log.
    ///
    /// # Errors
    /// Returns an error if no server is named, if a name or a connection string is malformed, or if credentials are
    /// missing.
    pub async fn server(&self, package: &Path, command: &str, of_schema: Option<Dialect>) -> Result<Server> {
        let dialect = self.dialect(of_schema);
        let config = match dialect {
            Dialect::Dsql => self.cluster.config_for(package, command).await?,
            Dialect::Postgres => self.postgres(command)?,
        };
        Ok(Server { config, dialect })
    }

    /// Returns the options of the cluster.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Returns the options that specify the server, for a command that a message advises. A connection string may have
    /// a password, so it is left out.
    pub(crate) fn as_written(&self) -> String {
        match self.postgres_url {
            Some(_) => " --postgres-url …".to_owned(),
            None => self.cluster.as_written(),
        }
    }

    fn postgres(&self, command: &str) -> Result<Config> {
        if let Some(option) = self.cluster.option_for_a_cluster() {
            bail!(
                "{option} is for a cluster, and the schema's dialect is postgres: write the user into the connection string, \
                 or set PGUSER"
            );
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if self.postgres_url.is_none() {
            let Some(name) = [URL, HOST].into_iter().find(|name| variable(name).is_some()) else {
                bail!(
                    "which server? The schema has the directive `dialect postgres`: set {URL}, or pass --postgres-url \
                     postgres://user@host/database"
                );
            };
            eprintln!(
                "dsql-edge: connects to the PostgreSQL in {name}, because the schema's dialect is postgres"
            );
        }
        let url = self.postgres_url.clone();
        let lookup =
            |name: &str| if name == URL { url.clone().or_else(|| variable(name)) } else { variable(name) };
        // The library's errors state which part of a connection string is wrong, but do not contain the value of this
        // part.
        let config = Config::from_postgres_bindings("", lookup)
            .map_err(|error| anyhow!("{error}"))
            .context(if url.is_some() { "--postgres-url" } else { "the variables for PostgreSQL" })?;
        let config = config.application_name(format!("dsql-edge {command}"));
        Ok(match self.cluster.named_ca() {
            Some(ca) => config.extra_ca(std::fs::read(&ca).with_context(|| ca.display().to_string())?),
            None => config,
        })
    }
}

/// Returns the dialect that the directive of a package's schema names. `path` takes precedence over the schema that the
/// package's build reads, and this schema over the folder of migrations.
pub(crate) fn dialect_of_schema(package: &Path, path: Option<PathBuf>) -> Option<Dialect> {
    let of_build = || match package_schema::of(package).ok()?? {
        SchemaPath::File(path) | SchemaPath::Migrations(path) => Some(path),
    };
    let of_schema = path.or_else(of_build).and_then(|path| schema_files::dialect_of(&path));
    of_schema.or_else(|| schema_files::dialect_of(&package_schema::migrations_of(package)))
}
