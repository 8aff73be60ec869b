//! The ledger: which migrations are applied to a database. `dsql_edge.migrations` has a row for each step; row 0 of a
//! file records that the whole file is applied.
//!
//! Input: rows of the ledger; each value is a string. Output: their meaning. The module also has the SQL of the ledger,
//! in which each parameter and each result is text; it sends nothing.

use anyhow::{Context, Result};

/// A row of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The file's name.
    pub file: String,
    /// The step's number; 0 for the file.
    pub step: i32,
    /// The checksum of the text that was applied.
    pub checksum: String,
    /// The state of the step.
    pub state: State,
    /// The state of the step's objects in the catalog, read before the step was sent.
    pub seen_before: Option<String>,
    /// The cluster's job that executes the step.
    pub job: Option<String>,
    /// The details of the job from the cluster, or the number of rows that a statement in batches has committed.
    pub details: Option<String>,
    /// The time at which the step was started, by the cluster's clock.
    pub started_at: Option<String>,
}

/// The state of a step in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The ledger records that the step is about to be sent, but not whether it succeeded.
    #[default]
    Started,
    /// A job executes the step.
    Building,
    /// The job of the step failed, and had no lasting effect.
    Failed,
    /// The step is applied.
    Applied,
}

impl State {
    /// Returns the state's name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            State::Started => "started",
            State::Building => "building",
            State::Failed => "failed",
            State::Applied => "applied",
        }
    }

    fn named(name: &str) -> Option<State> {
        [State::Started, State::Building, State::Failed, State::Applied]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

impl Entry {
    /// Reads a row of [`READ`].
    ///
    /// # Errors
    /// Returns an error if the row has a state that this version does not support, or a step without a number.
    pub fn of_row(row: [Option<String>; 8]) -> Result<Entry> {
        let [file, step, checksum, state, seen_before, job, details, started_at] = row;
        let state = state
            .as_deref()
            .and_then(State::named)
            .context("the ledger has a state that this version does not support: update dsql-edge")?;
        let step =
            step.and_then(|step| step.parse().ok()).context("the ledger has a step without a number")?;
        let (file, checksum) = (file.unwrap_or_default(), checksum.unwrap_or_default());
        Ok(Entry { file, step, checksum, state, seen_before, job, details, started_at })
    }
}

/// Returns the DDL of the first part of the ledger that is missing. `there`: the rows of [`THERE`].
pub fn missing<'t>(there: impl IntoIterator<Item = &'t str>) -> Option<&'static str> {
    let there: Vec<&str> = there.into_iter().collect();
    PARTS.iter().find(|(part, _)| !there.contains(part)).map(|(_, sql)| *sql)
}

/// Returns a name that no other run has.
pub fn run_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let host = host.unwrap_or_else(|| "this machine".to_owned());
    format!("process {} on {host}, {random:016x}", std::process::id())
}

/// The parts of the ledger in the order in which they are created, each with its DDL. On DSQL, each of these DDL
/// statements is a separate transaction.
pub const PARTS: [(&str, &str); 3] = [
    ("dsql_edge", "CREATE SCHEMA dsql_edge"),
    (
        "dsql_edge.migrations",
        "CREATE TABLE dsql_edge.migrations (
             file text NOT NULL,
             step integer NOT NULL,
             checksum text NOT NULL,
             state text NOT NULL,
             seen_before text,
             job_id text,
             details text,
             run text NOT NULL,
             started_at timestamptz NOT NULL,
             applied_at timestamptz,
             PRIMARY KEY (file, step)
         )",
    ),
    (
        "dsql_edge.migration_lease",
        "CREATE TABLE dsql_edge.migration_lease (
             name text PRIMARY KEY,
             holder text NOT NULL,
             expires_at timestamptz NOT NULL
         )",
    ),
];

/// Selects the names of those parts of the ledger that exist.
pub const THERE: &str = "SELECT n.nspname || coalesce('.' || c.relname, '') FROM pg_catalog.pg_namespace n
     LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
     WHERE n.nspname = 'dsql_edge'
     UNION ALL SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.nspname = 'dsql_edge'";

/// Selects all rows of the ledger; [`Entry::of_row`] reads a row.
pub const READ: &str =
    "SELECT file, step::text, checksum, state, seen_before, job_id, details, started_at::text
     FROM dsql_edge.migrations ORDER BY file, step";

/// Records that a step is about to be sent: $1 file, $2 step, $3 checksum, $4 the state of the catalog before, $5 run.
/// Changes no row if the step is already applied.
pub const CLAIM: &str =
    "INSERT INTO dsql_edge.migrations (file, step, checksum, state, seen_before, run, started_at)
     VALUES ($1, $2, $3, 'started', $4, $5, now())
     ON CONFLICT (file, step) DO UPDATE SET checksum = excluded.checksum, state = excluded.state,
         seen_before = excluded.seen_before, job_id = NULL, details = NULL, run = excluded.run,
         started_at = excluded.started_at
     WHERE migrations.state <> 'applied'";

/// Takes over a step that an earlier run began: $1 file, $2 step, $3 run.
pub const TAKE_OVER: &str =
    "UPDATE dsql_edge.migrations SET run = $3 WHERE file = $1 AND step = $2 AND state <> 'applied'";

/// Removes the row of a step that was certainly not applied: $1 file, $2 step, $3 run.
pub const WITHDRAW: &str =
    "DELETE FROM dsql_edge.migrations WHERE file = $1 AND step = $2 AND run = $3 AND state = 'started'";

/// Records the job of a step: $1 file, $2 step, $3 run, $4 job.
pub const BUILDING: &str = "UPDATE dsql_edge.migrations SET state = 'building', job_id = $4
     WHERE file = $1 AND step = $2 AND run = $3";

/// Records the progress of a step that was begun: $1 file, $2 step, $3 run, $4 details.
pub const PROGRESS: &str = "UPDATE dsql_edge.migrations SET details = $4
     WHERE file = $1 AND step = $2 AND run = $3 AND state = 'started'";

/// Records that the job of a step failed: $1 file, $2 step, $3 run, $4 details.
pub const FAILED: &str = "UPDATE dsql_edge.migrations SET state = 'failed', details = $4
     WHERE file = $1 AND step = $2 AND run = $3";

/// Removes the row of a step whose job failed: $1 file, $2 step.
pub const CLEAR_FAILED: &str =
    "DELETE FROM dsql_edge.migrations WHERE file = $1 AND step = $2 AND state = 'failed'";

/// Marks a step of this run as applied: $1 file, $2 step, $3 run, $4 details.
pub const APPLIED: &str =
    "UPDATE dsql_edge.migrations SET state = 'applied', applied_at = now(), details = $4
     WHERE file = $1 AND step = $2 AND run = $3";

/// Writes the row of a step in the transaction that applies the step: $1 file, $2 step, $3 checksum, $4 run.
pub const TOGETHER: &str =
    "INSERT INTO dsql_edge.migrations (file, step, checksum, state, run, started_at, applied_at)
     VALUES ($1, $2, $3, 'applied', $4, now(), now())";

/// Writes the row of the last step, and row 0 of its file, in the transaction that applies the step; $5 is the checksum
/// of the file.
pub const TOGETHER_WITH_FILE: &str =
    "INSERT INTO dsql_edge.migrations (file, step, checksum, state, run, started_at, applied_at)
     VALUES ($1, $2, $3, 'applied', $4, now(), now()), ($1, 0, $5, 'applied', $4, now(), now())";

/// Records that a step is applied, whether the step has a row or not: $1 file, $2 step, $3 checksum, $4 run. The step
/// number 0 means the whole file.
pub const RECORD: &str =
    "INSERT INTO dsql_edge.migrations (file, step, checksum, state, run, started_at, applied_at)
     VALUES ($1, $2, $3, 'applied', $4, now(), now())
     ON CONFLICT (file, step) DO UPDATE SET checksum = excluded.checksum, state = excluded.state,
         run = excluded.run, applied_at = excluded.applied_at";

/// Removes all rows of a file: $1 file.
pub const FORGET: &str = "DELETE FROM dsql_edge.migrations WHERE file = $1";

/// Removes the row of a step: $1 file, $2 step.
pub const FORGET_STEP: &str = "DELETE FROM dsql_edge.migrations WHERE file = $1 AND step = $2";

/// Removes the rows of the applied steps with a higher number: $1 file, $2 step.
pub const FORGET_BEHIND: &str =
    "DELETE FROM dsql_edge.migrations WHERE file = $1 AND step > $2 AND state = 'applied'";
