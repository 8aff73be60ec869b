//! `dsql-edge doctor`: finds out why nothing works, from the name of the host to the privileges of the role.
//!
//! Input: the options and variables of the other commands, the package's files, the server. Output: a line for each
//! check: ok, or what is wrong and what to do.
//!
//! The checks run in order. If a check fails, the checks that depend on it are skipped; all other checks still run.

mod bindings;
mod build;
mod certificate;
mod check;
mod clock;
mod credentials;
mod environment;
mod features;
mod login;
mod migrations;
mod network;
mod object_class;
mod pool;
mod probe;
mod report;
mod role;
mod snapshot;
mod versions;
mod wrangler;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use dsql_edge::diagnosis::{self, Negotiation};
use dsql_edge::dynamic::Sql;
use dsql_edge::{Dsql, Error};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::running_local::{RunningLocal, sts_port};

use crate::aws_credentials::{AwsCredentials, FoundCredentials};
use crate::cluster::Target;
use crate::format::{self, Format};
use crate::package_schema;
use crate::server::{Server, ServerOptions, dialect_of_schema};
use crate::style;
use check::Check;
use clock::Skew;

/// Find out why nothing works: from the name of the host to the privileges of the role
#[derive(Args)]
#[command(
    after_help = "Each line is a check: ok, or what is wrong and what to do. A check that needs another one which failed \
    is skipped. Nothing is\nwritten, except with --probe. No output contains a secret; an access key is shortened. The exit \
    status is 1 if something is\nwrong.\n\n--probe is for a cluster: it answers questions about DSQL that no document \
    answers, and writes the answers to a file that can\nbe pasted into an issue. It creates one schema, whose name it prints \
    first, and drops it at the end.\n\nExamples:\n  dsql-edge doctor                                          # the server \
    of this package\n  dsql-edge doctor --endpoint <id>.dsql.us-east-1.on.aws\n  dsql-edge doctor --user blog            \
    \x20                 # may the Worker's role log in, and read?\n  dsql-edge doctor --endpoint \
    <id>.dsql.us-east-1.on.aws --probe"
)]
pub struct Options {
    /// The package: a folder with a Cargo.toml and wrangler's settings
    #[arg(default_value_os_t = package_schema::current_package())]
    package: PathBuf,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    probe: probe::ProbeOptions,
    /// How the checks are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the package does not exist, or if the probe cannot begin. A check that fails is not an error of
/// this function.
pub fn run(options: &Options) -> Result<ExitCode> {
    let package = &options.package;
    if !package.is_dir() {
        bail!("{} is not a folder", package.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dialect = options.server.dialect(dialect_of_schema(package, None));
    if options.probe.is_requested() {
        if dialect != Dialect::Dsql {
            bail!("--probe is for a DSQL cluster");
        }
        return runtime.block_on(probe::run(&options.probe, options.server.cluster(), package));
    }
    let checks = runtime.block_on(all(options, package, dialect));
    match options.format {
        Format::Human => {
            style::print(&report::human(&checks))?;
            eprintln!("{}", report::summary(&checks));
        }
        Format::Json => format::print(&report::json(&checks))?,
    }
    Ok(if report::is_wrong(&checks) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs all checks, in the order of the report.
async fn all(options: &Options, package: &Path, dialect: Dialect) -> Vec<Check> {
    let mut found = match dialect {
        Dialect::Dsql => of_cluster(options, package).await,
        Dialect::Postgres => of_postgres(options, package).await,
    };
    let server = bindings::Server { dialect, region: found.region.as_deref(), target: found.target.as_ref() };
    found.checks.extend(wrangler::checks(package, &server));
    found.checks.extend(features::checks(package));
    found.checks.push(versions::check(package, found.version.as_deref()));
    found.checks
}

/// The checks of a server, and the facts about the server that the checks of the package need.
#[derive(Default)]
struct Found {
    checks: Vec<Check>,
    /// The region of the cluster, unless it is on this machine.
    region: Option<String>,
    /// The cluster that the checks are about.
    target: Option<Target>,
    version: Option<String>,
}

/// The name of the check that finds the server.
const SERVER: &str = "server";

/// The checks that need a server and run after the checks of the network.
const OF_SESSION: [&str; 4] = [login::NAME, role::NAME, snapshot::NAME, migrations::NAME];

/// The checks that need a login.
const AFTER_LOGIN: [&str; 3] = [role::NAME, snapshot::NAME, migrations::NAME];

impl Found {
    fn skip(&mut self, names: &[&'static str], needs: &str) {
        self.checks.extend(names.iter().map(|name| Check::skipped(name, needs)));
    }
}

/// The advice if no cluster is specified.
const UNNAMED: &str = "name the cluster: --endpoint, DSQL_ENDPOINT, or a running dsql-local in the package";

async fn of_cluster(options: &Options, package: &Path) -> Found {
    let mut found = Found::default();
    let named = options.server.cluster().target(package).map_err(|error| (error, UNNAMED.to_owned()));
    let named = named.and_then(|target| {
        target.ca_pem().map_err(|error| (error, "fix --ca or DSQL_EDGE_CA".to_owned()))?;
        // The network is checked without credentials, so that a fault of the network is found even if credentials are
        // missing.
        let config = target.config(FoundCredentials::none(), "doctor");
        let config = config.map_err(|error| (error, format!("fix {}", target.origin)))?;
        Ok((target, config))
    });
    let (target, config) = match named {
        Ok(named) => named,
        Err((error, remedy)) => {
            found.checks.push(Check::wrong(SERVER, format!("{error:#}"), remedy));
            found.skip(&network::NAMES, SERVER);
            found.skip(&[clock::NAME], SERVER);
            // The keys of a dsql-local are not needed as long as it does not run.
            if RunningLocal::all(package).is_empty() {
                let signer = AwsCredentials::load(None).await;
                found.checks.push(credentials::check(&signer, package));
            } else {
                found.skip(&[credentials::NAME], SERVER);
            }
            found.skip(&[credentials::TOKEN], SERVER);
            found.skip(&OF_SESSION, SERVER);
            return found;
        }
    };
    let is_local = target.is_on_this_machine();
    let region = diagnosis::signing_region(&config).to_owned();
    found.region = Some(region.clone()).filter(|_| !is_local);
    found.checks.push(Check::ok(SERVER, format!("{}, from {}", target.endpoint, target.origin)));
    let steps = diagnosis::connection_steps(&config, Negotiation::SslRequest).await;
    let kind = if is_local { network::Kind::Local } else { network::Kind::Cluster };
    found.checks.extend(network::checks(&steps, kind, target.ca.as_deref()));

    let skew = match time_server(&target, &region) {
        Some((host, port, of)) => Skew::ask(&config, (&host, port, &of)).await,
        None => {
            Err("nothing to compare it with: AWS_ENDPOINT_URL_STS does not name dsql-local's STS".to_owned())
        }
    };
    let place_of_clock = found.checks.len();
    let signer = target.credentials().await;
    found.checks.push(credentials::check(&signer, package));
    let session = match signer {
        Err(_) => {
            found.skip(&[credentials::TOKEN], credentials::NAME);
            found.skip(&OF_SESSION, credentials::NAME);
            None
        }
        Ok(signer) => {
            found.checks.push(credentials::token(&target, &region, &signer));
            match (&steps.failed, target.config(signer, "doctor")) {
                (None, Ok(config)) => {
                    let known = login::Known {
                        target: &target,
                        region: &region,
                        skew: skew.as_ref().ok(),
                        other_regions: login::other_regions(package, &target),
                    };
                    let server = Server::dsql(config);
                    of_session(&mut found, (options, package), server, |error| login::rejected(error, &known))
                        .await
                }
                (_, Err(error)) => {
                    found.checks.push(Check::wrong(login::NAME, format!("{error:#}"), "fix the option"));
                    found.skip(&AFTER_LOGIN, login::NAME);
                    None
                }
                (Some((step, _)), _) => {
                    found.skip(&OF_SESSION, network::name_of(*step));
                    None
                }
            }
        }
    };
    // After the login, the time of the server is known, too.
    let clock = match (skew, session) {
        (Ok(skew), _) => skew.check(true),
        (Err(_), Some(server)) => Skew::from(server, "the server").check(true),
        (Err(why), None) => Check::left_out(clock::NAME, why),
    };
    found.checks.insert(place_of_clock, clock);
    found.target = Some(target);
    found
}

async fn of_postgres(options: &Options, package: &Path) -> Found {
    let mut found = Found::default();
    let server = options.server.server(package, "doctor", Some(Dialect::Postgres)).await;
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            let remedy =
                "name the server: --postgres-url, DATABASE_URL, or PGHOST and libpq's other variables";
            found.checks.push(Check::wrong(SERVER, format!("{error:#}"), remedy));
            found.skip(&network::NAMES, SERVER);
            found.skip(&[login::NAME, clock::NAME], SERVER);
            found.skip(&AFTER_LOGIN, SERVER);
            return found;
        }
    };
    let steps = diagnosis::connection_steps(&server.config, Negotiation::SslRequest).await;
    found.checks.push(Check::ok(SERVER, format!("the PostgreSQL at {}:{}", steps.host, steps.port)));
    found.checks.extend(network::checks(
        &steps,
        network::Kind::Postgres,
        options.server.cluster().named_ca().as_deref(),
    ));
    if let Some((step, _)) = &steps.failed {
        found.skip(&[login::NAME, clock::NAME], network::name_of(*step));
        found.skip(&AFTER_LOGIN, network::name_of(*step));
        return found;
    }
    let rejected = |error: &Error| {
        let remedy = "try the same URL and variables with psql: if it logs in, report a bug of dsql-edge";
        Check::wrong(login::NAME, error.to_string(), remedy)
    };
    let place_of_clock = found.checks.len() + 1;
    let clock = match of_session(&mut found, (options, package), server, rejected).await {
        Some(time) => Skew::from(time, "the server").check(false),
        None => Check::skipped(clock::NAME, login::NAME),
    };
    found.checks.insert(place_of_clock, clock);
    found
}

/// The user, the time and the version of the server.
const SESSION: &str =
    "SELECT current_user::text, extract(epoch FROM now())::bigint::text, current_setting('server_version')";

/// Logs in, and runs the checks that need a session. Returns the time of the server, in seconds since 1970-01-01 UTC.
async fn of_session(
    found: &mut Found,
    (options, package): (&Options, &Path),
    server: Server,
    rejected: impl Fn(&Error) -> Check,
) -> Option<i64> {
    let dsql = Dsql::new(server.config.clone());
    let row = match Sql::reading(SESSION).query(&[]).fetch_one(&dsql).await {
        Ok(row) => row,
        Err(error) => {
            found.checks.push(rejected(&error));
            found.skip(&AFTER_LOGIN, login::NAME);
            return None;
        }
    };
    let text = |column: usize| row.value(column).unwrap_or_default();
    let (user, version) = (text(0), text(2));
    found.checks.push(Check::ok(login::NAME, format!("{user} is logged in")));
    found.version = Some(version.to_owned());
    let dialect = server.dialect;
    found.checks.push(role::check(&dsql, user, dialect).await);
    found.checks.push(snapshot::check(package, server).await);
    let site = migrations::Site { dsql: &dsql, dialect, user, options: options.server.as_written() };
    found.checks.push(migrations::check(package, &site).await);
    text(1).parse().ok()
}

/// Returns the host, the port and the owner of the clock of an HTTPS server whose header `Date` shows the time of the
/// server that verifies tokens: the STS of AWS in the region, or the STS of dsql-local.
fn time_server(target: &Target, region: &str) -> Option<(String, u16, String)> {
    if target.is_on_this_machine() {
        let of_folder = target.local.as_ref().and_then(|local| local.sts_port);
        let of_variable = || sts_port(&std::env::var("AWS_ENDPOINT_URL_STS").ok()?);
        return Some(("localhost".to_owned(), of_folder.or_else(of_variable)?, "dsql-local".to_owned()));
    }
    let host = format!("sts.{region}.amazonaws.com");
    Some((host.clone(), 443, host))
}
