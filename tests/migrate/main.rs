//! Tests `dsql-edge migrate` with a dsql-local and with a PostgreSQL. `broken`: a run breaks at a message and
//! another run follows; two runs at once. `trouble`: files that changed; jobs that fail, report a wrong status or take
//! long; states that only the user can decide. `postgres`: what only PostgreSQL has. `adopted`: an existing database,
//! rights, locks and errors. `folders`: the mistakes in a folder that `migrate` reports. `dsql_local`: the ledger of
//! `dsql-local --migrations`. `interrupted`: signals. `reported`: what `status` and `resolve` report, and the errors
//! before anything is sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod adopted;
mod broken;
mod dsql_local;
mod folders;
mod interrupted;
mod postgres;
mod reported;
mod site;
mod trouble;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use dsql_edge::{Config, Credentials};
use dsql_edge_codegen::migrate::{self, Applied, Folder, migrate};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_local::Local;
use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};
use site::{Site, postgres_url};
use tokio::process::Command;
use tokio_postgres::NoTls;

/// The length of the lease: longer than a step on a slow machine, and short enough to wait for.
pub(crate) const LEASE: Duration = Duration::from_millis(800);

/// The length of the lease, as arguments of the command.
pub(crate) const SHORT: [&str; 2] = ["--lease", "0.8"];

pub(crate) fn folder(files: &[(&str, &str)]) -> Folder {
    folder_of(files, Dialect::Dsql)
}

pub(crate) fn folder_of(files: &[(&str, &str)], dialect: Dialect) -> Folder {
    let files = files.iter().map(|(name, text)| (format!("migrations/{name}"), (*text).to_owned()));
    migrate::folder_of(files.collect(), dialect).unwrap()
}

pub(crate) fn config(local: &Local, endpoint: &str) -> Config {
    let keys = local.credentials();
    let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key());
    Config::local(endpoint, local.region(), keys).unwrap().extra_ca(local.ca_pem())
}

pub(crate) async fn run(local: &Local, folder: &Folder, lease: Duration) -> Result<Vec<Applied>> {
    migrate(folder, config(local, &local.endpoint()), lease, &|_| {}).await
}

pub(crate) async fn run_on(site: &Site, folder: &Folder, lease: Duration) -> Result<Vec<Applied>> {
    migrate(folder, site.config(site.port()), lease, &|_| {}).await
}

pub(crate) async fn column(local: &Local, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(&local.postgres_url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let values = rows.iter().map(|row| row.get(0)).collect();
    connection.abort();
    values
}

/// Returns the command `dsql-edge migrate`, with the environment that it needs for the server. For PostgreSQL, the
/// command finds the server with DATABASE_URL, because the snapshot has the directive `dialect postgres`.
pub(crate) fn command(site: &Site, port: u16, home: &Path) -> Command {
    match site {
        Site::Dsql(local) => command_for_dsql(local, &format!("localhost:{port}"), home),
        Site::Postgres(_) => {
            let snapshot = home.join("dsql-schema.sql");
            if !snapshot.exists() {
                std::fs::write(snapshot, "-- dsql-edge: dialect postgres\n").unwrap();
            }
            let mut command = migrate_in(home);
            command.env("DATABASE_URL", postgres_url(port));
            command
        }
    }
}

/// The command `dsql-edge migrate`, with its environment.
pub(crate) fn command_for_dsql(local: &Local, endpoint: &str, home: &Path) -> Command {
    let keys = local.credentials();
    std::fs::write(home.join("ca.pem"), local.ca_pem()).unwrap();
    let mut command = migrate_in(home);
    command
        .env("DSQL_ENDPOINT", endpoint)
        .env("DSQL_REGION", local.region())
        .env("DSQL_EDGE_CA", home.join("ca.pem"))
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a command. Returns the output of both streams, and whether the command succeeded.
pub(crate) async fn outcome_of(command: &mut Command) -> (String, bool) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.success())
}

fn migrate_in(home: &Path) -> Command {
    let mut command = Command::new(dsql_edge());
    without_shell_variables(command.as_std_mut());
    command.arg("migrate").current_dir(home).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}
