//! The lease: ensures that one run at a time writes to D1.
//!
//! Input: a batch of statements. Output: the batch is applied and the lease renewed, or nothing is changed.
//!
//! A cron trigger begins a run every minute, also while the run before it still works, and a run may take longer than
//! its lease: DSQL or D1 can be slow. So a lease that a run only checks before it writes is not enough. A run could
//! check, wait a minute for a slow D1, and then write rows that it read long ago over rows that another run has copied
//! since.
//!
//! Therefore D1 checks the lease in the same transaction as the write. Each run gets a number, its epoch, and each
//! batch begins with the fence, the statement [`FENCE`]. If another run has taken the lease, the row of the lease has
//! the epoch of that other run. Then the fence sets `held` to 0, the CHECK `lease_is_held` fails, and D1 rolls back the
//! batch. It does not matter whether the lease has expired: as long as no other run has taken the lease, no other run
//! has written.
//!
//! A batch whose answer was lost may still arrive later. A delayed batch also begins with the fence. So the batch
//! either takes effect before the next run takes the lease, or changes nothing.
//!
//! The obvious alternative, `WHERE EXISTS (SELECT 1 FROM lease WHERE epoch = ?1)` in each statement, is as correct, but
//! has two disadvantages. If one statement lacks the condition, no test of an undisturbed run finds the mistake. And a
//! run that has lost its lease could not distinguish the answers from those of a run that has written.
//!
//! `expires_at` is compared with D1's clock, which is one clock for all runs.

use worker::{D1PreparedStatement, D1Result, D1Type};

use crate::d1::D1;
use crate::failure::Failure;

/// A run keeps the lease for this number of seconds after the run's last batch. After a crash, the next runs wait that
/// long.
const SECONDS: i32 = 120;

/// `epoch` counts the runs: two runs never have the same epoch.
const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, expires_at = unixepoch() + ?1
     WHERE expires_at <= unixepoch() RETURNING epoch";

const FENCE: &str = "UPDATE lease SET held = (epoch = ?1), expires_at = unixepoch() + ?2";

const RELEASE: &str = "UPDATE lease SET expires_at = 0 WHERE epoch = ?1";

#[derive(serde::Deserialize)]
struct Taken {
    epoch: i32,
}

/// The lease that this run has taken; another run may have taken it over since.
pub struct Lease<'d> {
    d1: &'d D1,
    epoch: i32,
}

impl<'d> Lease<'d> {
    /// Takes the lease, or returns `None` if another run holds it.
    ///
    /// If D1's answer is lost, the run does not get the epoch and ends, and the lease stays taken until it expires.
    pub async fn take(d1: &'d D1) -> Result<Option<Lease<'d>>, Failure> {
        let taken: Vec<Taken> = d1.rows(TAKE, &[D1Type::Integer(SECONDS)]).await?;
        Ok(taken.first().map(|taken| Lease { d1, epoch: taken.epoch }))
    }

    /// Applies a batch and renews the lease, as one transaction. This is the only way in which a run writes.
    pub async fn write(&self, statements: Vec<D1PreparedStatement>) -> Result<Vec<D1Result>, Failure> {
        let fence = self.d1.statement(FENCE, &[D1Type::Integer(self.epoch), D1Type::Integer(SECONDS)])?;
        let mut batch = vec![fence];
        batch.extend(statements);
        match self.d1.batch(batch).await {
            Ok(mut results) => {
                results.remove(0);
                Ok(results)
            }
            Err(Failure::D1(error)) if error.contains("lease_is_held") => Err(Failure::LeaseLost),
            Err(other) => Err(other),
        }
    }

    /// Ends the lease, so that the next run does not wait for its end. If another run has taken over, nothing changes.
    pub async fn release(&self) -> Result<(), Failure> {
        let release = self.d1.statement(RELEASE, &[D1Type::Integer(self.epoch)])?;
        self.d1.batch(vec![release]).await?;
        Ok(())
    }

    /// The number of this run. No other run has it.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    pub fn d1(&self) -> &'d D1 {
        self.d1
    }
}
