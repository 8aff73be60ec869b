//! Waits for the cluster's jobs and for the builds of a PostgreSQL, and finds them again after an interrupted run.
//!
//! Input: a job, and its id, if the cluster's answer arrived. Output: the result of the job. The status of the job is
//! not enough: the job of a failed build can have the status `completed`, so this module also checks that the index is
//! valid.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use dsql_edge_migrations::catalog::{self, Rows};
use dsql_edge_migrations::steps::Job;

use super::database::Database;
use super::progress::Progress;

/// A job, as a row of `sys.jobs`.
struct Row {
    id: String,
    status: String,
    details: String,
}

/// The result of a job.
pub(super) enum Outcome {
    /// The object that the job creates exists and is valid. The value has the job's details.
    Done(Option<String>),
    /// The job failed, for this reason.
    Failed(String),
    /// The job does not exist, and the catalog does not show whether the job succeeded or failed. The value describes
    /// what the user must check.
    Unknown(String),
}

/// The first and the longest wait before the next query of `sys.jobs`.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Selects the newest job for an object, whose name in `sys.jobs` may include the schema. The cluster reports the start
/// time of a job in whole seconds.
const OF_OBJECT: &str = "SELECT j.job_id::text, j.status::text, j.details::text FROM sys.jobs j
     WHERE (j.object_name = $1 OR right(j.object_name, length($1) + 1) = '.' || $1)
       AND j.start_time >= $2::timestamptz - interval '2 seconds'
     ORDER BY j.start_time DESC LIMIT 1";

/// Selects the newest unfinished job for an object, whether this run or another run began the job.
const RUNNING: &str = "SELECT j.job_id::text FROM sys.jobs j
     WHERE (j.object_name = $1 OR right(j.object_name, length($1) + 1) = '.' || $1)
       AND lower(j.status::text) NOT IN ('completed', 'failed', 'cancelled')
     ORDER BY j.start_time DESC LIMIT 1";

/// Selects the server process that builds an index with the given name on a PostgreSQL. A role sees only its own
/// processes, unless it may read all statistics.
const BUILDING: &str = "SELECT p.pid::text FROM pg_catalog.pg_stat_progress_create_index p
     JOIN pg_catalog.pg_class x ON x.oid = p.index_relid
     WHERE p.datname = pg_catalog.current_database() AND x.relname = $1 LIMIT 1";

/// Returns the newest job that began since a time of the cluster's clock, if the job can belong to a statement
/// whose object does not exist yet. A completed job is not returned: it created another object of the same name.
pub(super) async fn find(job: &Job, database: &Database, since: &str) -> Result<Option<String>> {
    let object = match job {
        Job::Index { name, .. } | Job::Concurrently { name, .. } => name.as_str(),
        Job::Constraint { table, .. } => table.name(),
    };
    let rows = database.rows::<3>(OF_OBJECT, &[Some(object), Some(since)]).await;
    let newest = rows.context("reading sys.jobs")?.into_iter().next().and_then(row_of);
    Ok(newest.filter(|job| job.status != "completed").map(|job| job.id))
}

/// Describes the job, or the server process, that is building an index with the given name.
pub(super) async fn running(job: &Job, database: &Database) -> Result<Option<String>> {
    let (sql, name, builder) = match job {
        Job::Index { name, .. } => (RUNNING, name, "the job"),
        Job::Concurrently { name, .. } => (BUILDING, name, "the server process"),
        Job::Constraint { .. } => return Ok(None),
    };
    let rows = database.rows::<1>(sql, &[Some(name)]).await.context("looking for the build of the index")?;
    Ok(rows.into_iter().next().and_then(|[id]| id).map(|id| format!("{builder} {id}")))
}

/// Waits until no process of a PostgreSQL builds the index. A process that an interrupted run began may still build it.
pub(super) async fn wait_for_build(
    job: &Job,
    database: &Database,
    report: &dyn Fn(Progress<'_>),
) -> Result<()> {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    while let Some(builder) = running(job, database).await? {
        report(Progress::Job { job: &builder, status: "building", elapsed: began.elapsed() });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Returns whether the job's object is valid, and for an index also its full name; `None` if the object does not
/// exist.
pub(super) async fn made(job: &Job, database: &Database) -> Result<Option<(bool, Option<String>)>> {
    catalog::made(job, database).await.context("reading the catalog")
}

/// Waits until the job has ended.
pub(super) async fn wait(
    job: &Job,
    database: &Database,
    id: Option<&str>,
    report: &dyn Fn(Progress<'_>),
) -> Result<Outcome> {
    let (began, mut reported, mut pause) = (Instant::now(), Instant::now(), FIRST_PAUSE);
    loop {
        let row = match id {
            Some(id) => {
                let rows =
                    database.rows::<3>(catalog::OF_JOB, &[Some(id)]).await.context("reading sys.jobs")?;
                rows.into_iter().next().and_then(row_of)
            }
            None => None,
        };
        match row {
            // The cluster removes jobs that ended long ago.
            None => return without_job(job, database).await,
            Some(row) if row.status == "completed" => return completed(job, database, row).await,
            Some(row) if matches!(row.status.as_str(), "failed" | "cancelled") => {
                return Ok(Outcome::Failed(format!("its job {}: {}", row.status, row.details)));
            }
            Some(row) => {
                if reported.elapsed() >= Duration::from_secs(10) {
                    reported = Instant::now();
                    report(Progress::Job {
                        job: &format!("job {}", row.id),
                        status: &row.status,
                        elapsed: began.elapsed(),
                    });
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn completed(job: &Job, database: &Database, row: Row) -> Result<Outcome> {
    let details = if row.details.is_empty() { String::new() } else { format!(": {}", row.details) };
    Ok(match made(job, database).await? {
        Some((true, _)) => Outcome::Done(Some(row.details).filter(|details| !details.is_empty())),
        Some((false, _)) => Outcome::Failed(format!(
            "its job has the status completed, and {} is not valid{details}",
            job.what()
        )),
        None => Outcome::Failed(format!(
            "its job has the status completed, and {} does not exist{details}",
            job.what()
        )),
    })
}

async fn without_job(job: &Job, database: &Database) -> Result<Outcome> {
    Ok(match made(job, database).await? {
        Some((true, _)) => Outcome::Done(None),
        _ => Outcome::Unknown(format!("{} is not valid, and the cluster has no job for it", job.what())),
    })
}

fn row_of([id, status, details]: [Option<String>; 3]) -> Option<Row> {
    Some(Row { id: id?, status: status?.to_lowercase(), details: details.unwrap_or_default() })
}
