//! Runs the functions of `#[dsql_edge::test]`: starts a cluster, runs the function, and ends the cluster.
//!
//! Input: a description of the test, which the attribute generates, and the function. Output: the function's result. If
//! the test fails, its database is kept, and the output shows the command that opens it.

mod kept;
mod outcome;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use dsql_edge_local::Fault;
use dsql_edge_local::testing::{self, TestCluster};

use crate::client::Dsql;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
pub use outcome::Outcome;

/// A test, as the attribute describes it.
#[derive(Debug)]
pub struct Test {
    /// The folder of the package.
    pub package: &'static str,
    /// The module of the test, with its crate.
    pub module: &'static str,
    /// The name of the function.
    pub name: &'static str,
    /// The source file.
    pub source: &'static str,
    /// The folder that `migrations` names, and the names of its files when the test was compiled.
    pub migrations: Option<(&'static str, &'static [&'static str])>,
    /// The files of the schema: name and text.
    pub schema: &'static [(&'static str, &'static str)],
    /// The fixtures: path relative to the source file, and text.
    pub fixtures: &'static [(&'static str, &'static str)],
    /// The faults, each as dsql-local writes them.
    pub faults: &'static [&'static str],
    /// The database roles that connect, too.
    pub roles: &'static [&'static str],
    /// Whether the test has a PostgreSQL of its own.
    pub own_server: bool,
    /// Whether a panic is the expected result.
    pub should_panic: bool,
}

/// Runs a test on a runtime of its own.
///
/// # Panics
/// Panics if the cluster cannot be started, with the reason, and if the test panics.
#[track_caller]
#[allow(clippy::panic, reason = "a test fails by panicking")]
pub fn run<const DSQLS: usize, R, F>(test: &'static Test, body: impl FnOnce([Dsql; DSQLS]) -> F) -> R
where
    R: Outcome,
    F: Future<Output = R>,
{
    if kept::is_requested() {
        match kept::open(test) {
            Ok(()) => std::process::exit(0),
            Err(why) => panic!("{why}"),
        }
    }
    let (cluster, dsqls, runtime) = match start(test) {
        Ok(started) => started,
        Err(why) => panic!("{why}"),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { body(dsqls).await })));
    // The runtime ends first, and with it every task and connection of the test.
    drop(runtime);
    let fails = match &outcome {
        Ok(outcome) => outcome.is_failure() || test.should_panic,
        Err(_) => !test.should_panic,
    };
    let log = cluster.log_lines();
    let finished = cluster.finish(fails);
    if fails {
        kept::report(test, &log);
    }
    match (outcome, finished) {
        (Ok(outcome), Ok(())) => outcome,
        (Ok(_), Err(error)) => panic!("{error}"),
        (Err(panic), _) => resume_unwind(panic),
    }
}

type Started<const DSQLS: usize> = (TestCluster, [Dsql; DSQLS], tokio::runtime::Runtime);

fn start<const DSQLS: usize>(test: &'static Test) -> Result<Started<DSQLS>, String> {
    check_migrations(test)?;
    let faults = faults(test)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let cluster = with_description(test, &faults, TestCluster::start).map_err(|error| error.to_string())?;
    match connected(&cluster) {
        Ok(dsqls) => Ok((cluster, dsqls, runtime)),
        Err(why) => {
            cluster.finish(false).map_err(|error| format!("{why}; {error}"))?;
            Err(why)
        }
    }
}

/// Calls a function of dsql-local with the description of a test.
fn with_description<T>(
    test: &'static Test,
    faults: &[Fault],
    run: impl FnOnce(&testing::Test<'_>) -> Result<T, dsql_edge_local::Error>,
) -> Result<T, dsql_edge_local::Error> {
    let name = [test.module, "::", test.name].concat();
    let target = target();
    // The path of a fixture is relative to the source file, and messages show it relative to the workspace.
    let beside = Path::new(test.source).parent().unwrap_or(Path::new(""));
    let fixtures: Vec<(String, &str)> = test
        .fixtures
        .iter()
        .map(|(path, text)| (beside.join(path).to_string_lossy().into_owned(), *text))
        .collect();
    let fixtures: Vec<(&str, &str)> = fixtures.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    run(&testing::Test {
        target: target.as_deref(),
        package: Path::new(test.package),
        name: &name,
        schema: test.schema,
        fixtures: &fixtures,
        faults,
        roles: test.roles,
        own_server: test.own_server,
    })
}

/// The target folder, which contains the test program. Cargo marks it with a file.
fn target() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    program.ancestors().skip(1).find(is_target).map(Path::to_owned)
}

/// Reads `faults("conflict=1", …)`.
fn faults(test: &Test) -> Result<Vec<Fault>, String> {
    let texts = test.faults.iter().flat_map(|list| list.split([',']).map(str::trim));
    texts.map(|text| text.parse().map_err(|why| format!("faults({text:?}): {why}"))).collect()
}

/// Checks that the folder of migrations has the files that the test was compiled with: cargo does not build again when a
/// file is added.
fn check_migrations(test: &Test) -> Result<(), String> {
    let Some((folder, names)) = test.migrations else { return Ok(()) };
    // The program may run on another machine.
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    found.sort();
    if found == names {
        return Ok(());
    }
    Err(format!(
        "the files of {folder} have changed since this test was compiled: compile it again (touch {source}). To have \
         cargo do this, add a build.rs with: fn main() {{ println!(\"cargo::rerun-if-changed={folder}\") }}",
        source = test.source
    ))
}

/// Makes the `Dsql` of `admin`, and one for each role.
fn connected<const DSQLS: usize>(cluster: &TestCluster) -> Result<[Dsql; DSQLS], String> {
    let dsqls = configs(cluster)?.into_iter().map(Dsql::new).collect::<Vec<_>>();
    dsqls.try_into().map_err(|_| "the number of roles is not that of the function's parameters".to_owned())
}

fn configs(cluster: &TestCluster) -> Result<Vec<Config>, String> {
    let shown = |error: Error| error.to_string();
    if let Some(url) = cluster.postgres_url() {
        return Ok(vec![Config::from_postgres(&url).map_err(shown)?]);
    }
    let ca_pem = cluster.ca_pem().map_err(|error| error.to_string())?;
    let config = |keys: &dsql_edge_local::Credentials| {
        let credentials = Credentials::new(keys.access_key_id(), keys.secret_access_key());
        Config::local(&cluster.endpoint(), cluster.region(), credentials)
            .map(|config| config.extra_ca(ca_pem))
            .map_err(shown)
    };
    let mut configs = vec![config(cluster.credentials())?];
    for role in cluster.roles() {
        configs.push(config(&role.credentials)?.user(role.name.as_str()));
    }
    Ok(configs)
}
