//! Ensures that only one run works at a time: a row in the cluster has the lease's holder and the time at which the
//! lease ends. DSQL has no advisory locks.
//!
//! Input: a cluster. Output: a lease, if necessary after a wait for another run.
//!
//! A run renews its lease while it works. Another run takes over a lease that has expired. When the lease has expired,
//! the statements of the former holder have already arrived, or were never sent, because a holder sends DDL only if it
//! renewed its lease a short time ago.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, bail};
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::lease::{HOLDER, RELEASE, RENEW, TAKE};

use super::database::Database;
use super::explain::OfLedger;
use super::progress::Progress;

/// A lease that this run holds.
pub(super) struct Lease<'d> {
    database: &'d Database,
    run: String,
    length: Duration,
    /// The time just before the last renewal was sent, on two clocks: a monotonic clock, which may stop while the
    /// machine sleeps, and the system's clock.
    renewed: Cell<(Instant, SystemTime)>,
}

impl<'d> Lease<'d> {
    /// Waits until the lease is free, and takes it.
    pub(super) async fn take(
        database: &'d Database,
        run: &str,
        length: Duration,
        report: &dyn Fn(Progress<'_>),
    ) -> Result<Lease<'d>> {
        let interval = interval(length);
        loop {
            let renewed = Cell::new((Instant::now(), SystemTime::now()));
            let taken =
                database.settle(TAKE, &[Some(run), Some(&interval)]).await.of_ledger("taking the lease")?;
            if taken == 1 {
                return Ok(Lease { database, run: run.to_owned(), length, renewed });
            }
            let held = database.rows::<2>(HOLDER, &[]).await.of_ledger("reading the holder of the lease")?;
            if let Some([Some(holder), seconds]) = held.into_iter().next() {
                let seconds = seconds.and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
                report(Progress::Held { holder: &holder, seconds });
            }
            tokio::time::sleep((length / 10).clamp(Duration::from_millis(50), Duration::from_secs(2))).await;
        }
    }

    /// Renews the lease at regular intervals. Returns the error if the lease cannot be renewed.
    pub(super) async fn keep(&self) -> anyhow::Error {
        loop {
            tokio::time::sleep(self.length / 3).await;
            match self.renew().await {
                Ok(()) => {}
                Err(error) if self.age() < self.length => {
                    // The lease has not ended yet: after an error of the client, there is time to try the renewal
                    // again.
                    if error.downcast_ref::<dsql_edge::Error>().is_none() {
                        return error;
                    }
                }
                Err(error) => return error.context("the lease could not be renewed in time"),
            }
        }
    }

    /// Renews the lease if half of its length has passed. Returns an error if the renewal took too long.
    pub(super) async fn confirm(&self) -> Result<()> {
        if self.age() > self.length / 2 {
            self.renew().await?;
        }
        if self.age() > self.length / 2 {
            bail!("renewing the lease took too long, so nothing more is sent: run `dsql-edge migrate` again");
        }
        Ok(())
    }

    /// Returns the length of the lease. After this time, a statement whose answer is missing has either arrived or is
    /// lost.
    pub(super) fn length(&self) -> Duration {
        self.length
    }

    async fn renew(&self) -> Result<()> {
        let before = (Instant::now(), SystemTime::now());
        let interval = interval(self.length);
        let parameters = [Some(self.run.as_str()), Some(interval.as_str())];
        if self.database.settle(RENEW, &parameters).await? != 1 {
            return Err(anyhow!("another run has taken over: this run sends nothing more"));
        }
        self.renewed.set(before);
        Ok(())
    }

    fn age(&self) -> Duration {
        let (instant, time) = self.renewed.get();
        instant.elapsed().max(time.elapsed().unwrap_or_default())
    }
}

/// Releases the lease of a run, so that the next run does not have to wait.
pub(super) async fn release(database: &Database, run: &str) -> Result<()> {
    database.settle(RELEASE, &[Some(run)]).await?;
    Ok(())
}

fn interval(length: Duration) -> String {
    format!("{} milliseconds", length.as_millis())
}
