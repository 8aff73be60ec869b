//! `dsql-edge doctor --probe`: asks a real cluster what no document answers.
//!
//! Input: a cluster, and the user's consent. Output: a report in Markdown, which can be pasted into an issue.
//!
//! Invariants: the probe changes only one schema. The probe prints the name of this schema before it begins, creates
//! the schema itself, and drops it at the end, also after an error and after Ctrl-C. A token is sent only inside TLS,
//! to a verified host. The report contains neither the host name nor a credential.

mod probed;
mod questions;
mod report;
mod wire;

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use dsql_edge::diagnosis;
use dsql_edge::dynamic::Sql;
use dsql_edge::{Dsql, Error};

use super::login;
use crate::cluster::Cluster;
use crate::write_file;
use probed::Probed;
use questions::Answered;

/// The options of the probe.
#[derive(Args)]
pub(super) struct ProbeOptions {
    /// Test what a cluster does where no document answers, in a separate schema, and write a report
    #[arg(long, help_heading = "Probe")]
    probe: bool,
    /// Begin without a question
    #[arg(long, requires = "probe", help_heading = "Probe")]
    yes: bool,
    /// The file to which the report is written
    #[arg(
        long,
        requires = "probe",
        default_value = "dsql-edge-probe.md",
        value_name = "FILE",
        help_heading = "Probe"
    )]
    report: PathBuf,
}

impl ProbeOptions {
    pub(super) fn is_requested(&self) -> bool {
        self.probe
    }
}

/// Runs the probe.
///
/// # Errors
/// Returns an error if the user does not consent, if the login fails, if the schema cannot be created or dropped, or if
/// the report cannot be written. An unexpected answer of the cluster is not an error.
pub(super) async fn run(options: &ProbeOptions, cluster: &Cluster, package: &Path) -> Result<ExitCode> {
    let target = cluster.target(package)?;
    let found = target.credentials().await?;
    let credentials = found.credentials.clone();
    let config = target.config(found, "doctor")?;
    let region = diagnosis::signing_region(&config).to_owned();
    let probed = Probed { config, target, region, credentials, schema: schema_name() };
    eprint!("{}", plan(&probed, &options.report));
    if !options.yes && !consents()? {
        bail!("nothing was done");
    }
    let dsql = Dsql::new(probed.config.clone());
    let version = Sql::reading("SELECT current_setting('server_version')").query(&[]).fetch_one(&dsql).await;
    let version = version.with_context(|| format!("{}: run `dsql-edge doctor` first", login::NAME))?;
    let answers = in_schema(&probed, &dsql).await?;
    let text = report::markdown(&probed, version.value(0).unwrap_or_default(), &answers);
    write_file::write(&options.report, &text)?;
    eprintln!("{} written: paste it into an issue of dsql-edge", options.report.display());
    Ok(ExitCode::SUCCESS)
}

/// Returns a name that no schema has yet. The name contains the time and the number of the process, so two runs use
/// different names.
fn schema_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("dsql_edge_probe_{:x}_{:x}", now.as_millis(), std::process::id())
}

/// Describes what the probe will do.
fn plan(probed: &Probed, report: &Path) -> String {
    let Probed { target, schema, .. } = probed;
    format!(
        "dsql-edge: the probe connects to {} as {}, about 20 times. It does the following, and nothing else:\n  \
         1. CREATE SCHEMA {schema}, and in it one table\n  \
         2. reads and changes rows of that table, in up to two sessions at once; opens connections with direct TLS, and one to \
         port 443\n  \
         3. drops the table and the schema, also after an error\n  \
         4. writes {}, without the host name and without credentials\n",
        target.endpoint,
        target.user,
        report.display()
    )
}

/// Asks on the terminal.
fn consents() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("--probe asks before it begins, and standard input is not a terminal: pass --yes");
    }
    eprint!("Continue? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Creates the schema, asks the questions, and drops the schema.
async fn in_schema(probed: &Probed, dsql: &Dsql) -> Result<Vec<Answered>> {
    let schema = &probed.schema;
    // A schema that exists already is not dropped: CREATE SCHEMA fails, and it is not known who created that schema.
    let is_created = Cell::new(false);
    let asked = async {
        is_created.set(true);
        if let Err(error) = execute(dsql, format!("CREATE SCHEMA {schema}")).await {
            is_created.set(error.downcast_ref::<Error>().is_some_and(Error::is_outcome_unknown));
            return Err(error);
        }
        execute(dsql, format!("CREATE TABLE {schema}.rows (id int PRIMARY KEY, n int NOT NULL)")).await?;
        execute(dsql, format!("INSERT INTO {schema}.rows SELECT id, 0 FROM generate_series(1, 4) id"))
            .await?;
        Ok(questions::ask(probed).await)
    };
    let answers = tokio::select! {
        answers = asked => answers,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
    };
    if !is_created.get() {
        return answers;
    }
    let dropped = async {
        execute(dsql, format!("DROP TABLE IF EXISTS {schema}.rows")).await?;
        execute(dsql, format!("DROP SCHEMA IF EXISTS {schema}")).await
    };
    let dropped = dropped.await.with_context(|| format!("the schema {schema} is left: drop it yourself"));
    match (answers, dropped) {
        (answers, Ok(())) => answers,
        (Ok(_), Err(left)) => Err(left),
        (Err(error), Err(left)) => Err(error.context(format!("{left:#}"))),
    }
}

async fn execute(dsql: &Dsql, sql: String) -> Result<()> {
    Sql::writing(sql.clone()).command(&[]).execute(dsql).await.map(drop).with_context(|| sql)
}
