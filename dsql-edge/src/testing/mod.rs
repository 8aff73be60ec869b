//! Runs the functions of `#[dsql_edge::test]`: starts a cluster, runs the function, and ends the cluster.
//!
//! Input: a description of the test, which the attribute generates, and the function. Output: the function's result. If
//! the test fails, its database is kept, and the output shows the command that opens it.

mod description;
mod kept;
mod outcome;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use dsql_edge_local::testing::TestCluster;

use crate::client::Dsql;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
pub use description::Test;
pub use outcome::Outcome;

/// Runs a test on a separate runtime. If the environment requests it, opens the kept database instead, and ends the
/// process.
///
/// # Panics
/// Panics if the cluster cannot be started, and shows the reason. Also panics if the test panics, or if the test
/// succeeded but one of its faults did not happen.
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
    let (fails, unused) = match &outcome {
        Ok(outcome) if outcome.is_failure() || test.should_panic => (true, Vec::new()),
        Ok(_) => {
            let unused = cluster.unused_faults();
            (!unused.is_empty(), unused)
        }
        Err(_) => (!test.should_panic, Vec::new()),
    };
    let log = cluster.log_lines();
    let finished = cluster.finish(fails);
    if fails {
        kept::report(test, &log);
    }
    if !unused.is_empty() {
        panic!("the test passed, but without its faults: {}", unused.join("; "));
    }
    match (outcome, finished) {
        (Ok(outcome), Ok(())) => outcome,
        (Ok(_), Err(error)) => panic!("{error}"),
        (Err(panic), _) => resume_unwind(panic),
    }
}

type Started<const DSQLS: usize> = (TestCluster, [Dsql; DSQLS], tokio::runtime::Runtime);

fn start<const DSQLS: usize>(test: &'static Test) -> Result<Started<DSQLS>, String> {
    test.check_migrations()?;
    let faults = test.faults()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let cluster = test.given_to(&faults, TestCluster::start).map_err(|error| error.to_string())?;
    match connected(&cluster) {
        Ok(dsqls) => Ok((cluster, dsqls, runtime)),
        Err(why) => {
            cluster.finish(false).map_err(|error| format!("{why}; {error}"))?;
            Err(why)
        }
    }
}

/// Makes the `Dsql` of `admin`, and one for each role.
fn connected<const DSQLS: usize>(cluster: &TestCluster) -> Result<[Dsql; DSQLS], String> {
    let dsqls = configs(cluster)?.into_iter().map(Dsql::new).collect::<Vec<_>>();
    dsqls
        .try_into()
        .map_err(|_| "the attribute's roles and the function's parameters differ in number".to_owned())
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
