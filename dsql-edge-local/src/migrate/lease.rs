//! The lease of `dsql-edge migrate`: a developer may run this command while dsql-local applies a file.
//!
//! Input: a session. Output: the lease, if necessary after a wait for the other run.

use std::time::Duration;

use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::lease::{HOLDER, RELEASE, RENEW, TAKE};

use super::database::Database;
use super::failure::of_ledger;

/// The holder of the lease. All runs of dsql-local use the same name, because only one dsql-local at a time uses the
/// data. So if the holder of the lease already has this name, an interrupted run has left the lease, and the new run
/// takes it at once.
const HOLDER_NAME: &str = "dsql-local";

/// The length of the lease, as `dsql-edge migrate` has it: another run waits for this time if dsql-local is killed.
const LENGTH: &str = "30 seconds";

const PAUSE: Duration = Duration::from_millis(250);

/// A lease that this run holds.
pub(super) struct Lease<'d> {
    database: &'d Database,
}

impl<'d> Lease<'d> {
    /// Waits until the lease is free, and takes it.
    pub(super) async fn take(
        database: &'d Database,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Lease<'d>, String> {
        let mut is_reported = false;
        loop {
            let taken = database.write(TAKE, &[Some(HOLDER_NAME), Some(LENGTH)]).await;
            if taken.map_err(|error| of_ledger("taking the lease", &error))? == 1 {
                return Ok(Lease { database });
            }
            let held = database.rows::<2>(HOLDER, &[]).await;
            let held = held.map_err(|error| of_ledger("reading the holder of the lease", &error))?;
            if let Some([Some(holder), seconds]) = held.into_iter().next()
                && !is_reported
            {
                let seconds = seconds.unwrap_or_default();
                report(&format!(
                    "waiting for another run of migrations ({holder}; at most {seconds} s, if that run was killed)"
                ));
                is_reported = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Renews the lease.
    pub(super) async fn renew(&self) -> Result<(), String> {
        let renewed = self.database.write(RENEW, &[Some(HOLDER_NAME), Some(LENGTH)]).await;
        match renewed.map_err(|error| of_ledger("renewing the lease", &error))? {
            1 => Ok(()),
            _ => Err("another run of migrations has taken over: this run sends nothing more".to_owned()),
        }
    }

    /// Releases the lease, so that the next run does not have to wait.
    pub(super) async fn release(&self) -> Result<(), String> {
        let released = self.database.write(RELEASE, &[Some(HOLDER_NAME)]).await;
        released.map_err(|error| of_ledger("releasing the lease", &error)).map(drop)
    }
}
