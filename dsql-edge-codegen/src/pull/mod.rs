//! `dsql-edge pull`: a database in, the snapshot `dsql-schema.sql` out, the same bytes each time.

mod catalog;
mod connect;
mod ddl;
mod head;
mod queries;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

pub use catalog::{Ask, Row};
use connect::Server;

/// Write the snapshot of a database's schema
#[derive(Args)]
pub struct Options {
    /// The cluster's host name, or `localhost[:port]` for dsql-local
    #[arg(long, env = "DSQL_ENDPOINT")]
    endpoint: Option<String>,
    /// The region to sign for; a cluster's name says its own
    #[arg(long, env = "DSQL_REGION")]
    region: Option<String>,
    /// The role to connect as
    #[arg(long, env = "DSQL_USER", default_value = "admin")]
    user: String,
    /// A certificate authority to trust besides the system's, in PEM: dsql-local's
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Pull from this PostgreSQL instead: postgres://user:password@host/database
    #[arg(long)]
    postgres_url: Option<String>,
    /// The snapshot
    #[arg(long, default_value = "dsql-schema.sql")]
    output: PathBuf,
    /// Write nothing; fail where the snapshot is not what the database has
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// What the server, the connection or the file system said.
pub fn run(options: &Options) -> Result<ExitCode> {
    let path = options.output.display();
    let old = match fs::read_to_string(&options.output) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| path.to_string()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let new = runtime.block_on(async {
        let mut server = connect(options).await?;
        snapshot(&mut server, &old).await
    })?;
    if new == old {
        eprintln!("{path} is up to date");
        return Ok(ExitCode::SUCCESS);
    }
    if options.check {
        eprintln!("{path} is not what the database has: run `dsql-edge pull`");
        return Ok(ExitCode::FAILURE);
    }
    fs::write(&options.output, &new).with_context(|| path.to_string())?;
    eprintln!("{path} written");
    Ok(ExitCode::SUCCESS)
}

async fn connect(options: &Options) -> Result<Server> {
    match (&options.postgres_url, &options.endpoint) {
        (Some(url), _) => Server::postgres(url).await,
        (None, Some(endpoint)) => {
            Server::dsql(endpoint, options.region.as_deref(), &options.user, options.ca.as_deref()).await
        }
        (None, None) => bail!("which database? Set DSQL_ENDPOINT, or say --endpoint or --postgres-url"),
    }
}

/// The snapshot of what a server has; `old` is the snapshot that it replaces, or "".
///
/// # Errors
/// What the server or the connection said.
pub async fn snapshot(server: &mut impl Ask, old: &str) -> Result<String> {
    let catalog = catalog::read(server).await?;
    Ok(head::head(old) + &ddl::print(&catalog))
}
