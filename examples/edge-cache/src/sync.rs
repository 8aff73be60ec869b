//! One run of the cron trigger.
//!
//! Input: the bindings. Output: D1 with newer data from DSQL, and one line for the log.
//!
//! A run does a bounded amount of work (`D1_STATEMENTS`), because Cloudflare ends a run of a cron trigger after 15
//! minutes or 30 seconds of processor time; the next run continues. The ranking comes first, because it is complete or
//! worthless, and the full pass last, because it can wait.
//!
//! After an error, the run ends. The run does not repeat a batch whose answer was lost, because it cannot know whether
//! D1 applied the batch. The next run reads from D1 whether the batch was applied.

use std::fmt;

use dsql_edge::Dsql;
use worker::Env;

use crate::d1::D1;
use crate::failure::Failure;
use crate::lease::Lease;
use crate::settings::Settings;
use crate::{copy, full_pass, ranking};

/// The result of a run without an error.
pub enum Outcome {
    /// Another run holds the lease.
    Busy,
    /// The ranking is new, and no pass is unfinished.
    Complete,
    /// There is more to copy than one run copies.
    Unfinished,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Outcome::Busy => "another run holds the lease",
            Outcome::Complete => "D1 is up to date",
            Outcome::Unfinished => "the next run continues",
        })
    }
}

/// Takes the lease, copies, and releases the lease.
pub async fn run(env: &Env) -> Result<Outcome, Failure> {
    let settings = Settings::from_env(env)?;
    let dsql = Dsql::from_env(env)?;
    let d1 = D1::from_env(env, settings.d1_statements)?;
    let Some(lease) = Lease::take(&d1).await? else { return Ok(Outcome::Busy) };
    let outcome = copy_all(&dsql, &lease, &settings).await;
    // The lease is released after an error, too: a batch of this run that reaches D1 later has the epoch of this run,
    // so D1 rejects it once another run has the lease.
    let released = lease.release().await;
    let outcome = outcome?;
    released?;
    Ok(outcome)
}

async fn copy_all(dsql: &Dsql, lease: &Lease<'_>, settings: &Settings) -> Result<Outcome, Failure> {
    ranking::run(dsql, lease, settings.batch_rows).await?;
    let complete = copy::run(dsql, lease, settings.batch_rows).await?
        && full_pass::run(dsql, lease, settings.batch_rows, settings.full_pass_hours).await?;
    Ok(if complete { Outcome::Complete } else { Outcome::Unfinished })
}
