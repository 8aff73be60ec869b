//! Applies `CREATE INDEX CONCURRENTLY` on a PostgreSQL.
//!
//! Input: a step, and its entry in the ledger if an earlier run began it. Output: the index is valid, and the ledger
//! has the step as applied.
//!
//! The statement consists of several transactions. If the statement fails, or if its session ends, it may leave an
//! index that is not valid. If only the client ends, the server process continues: the next run waits for this
//! process, and then finds a valid index, or drops the index and sends the statement again. `IF NOT EXISTS` would skip
//! an index that is not valid, so a statement with `IF NOT EXISTS` is handled in the same way.

use anyhow::{Result, anyhow, bail};
use dsql_edge_migrations::steps::Job;
use dsql_edge_migrations::{Entry, File, Step};

use super::apply::{LOSSES, LOST, Run};
use super::database::{Attempts, Sql};
use super::explain::explained;
use super::job;
use super::progress::Progress;

/// The state in the ledger if a valid index of the name existed before the statement was sent.
const EXISTED: &str = "exists";

/// Describes where to write the statement that corrects the rows. The correction must be a separate transaction
/// directly before the index. If the correction were added to the transaction before the index, the correction would
/// change a step that is already applied.
fn correction(step: &Step) -> &'static str {
    match step.number {
        1 => "",
        _ => {
            ". A statement of this file that corrects them goes between BEGIN and COMMIT, directly before the index"
        }
    }
}

impl Run<'_> {
    /// Applies the step; returns whether it had been applied before.
    pub(super) async fn concurrently(
        &self,
        file: &File,
        step: &Step,
        job: &Job,
        entry: Option<Entry>,
    ) -> Result<bool> {
        let mut was_sent = entry.is_some();
        // A valid index that exists before the statement is sent is not the effect of the statement.
        let existed = match &entry {
            Some(entry) => entry.seen_before.as_deref() == Some(EXISTED),
            None => self.is_valid(job).await?,
        };
        let seen = existed.then_some(EXISTED);
        let (mut attempts, mut losses) = (Attempts::new(), 0);
        loop {
            if was_sent {
                self.abandonable(job::wait_for_build(job, self.database, self.report)).await?;
                if !existed && self.is_valid(job).await? {
                    (self.report)(Progress::Found(file, step));
                    self.ledger.applied(file, step, None).await?;
                    return Ok(true);
                }
                self.clear(job).await?;
            } else {
                self.is_free(job).await?;
            }
            if !self.ledger.claim(file, step, seen).await? {
                return Ok(true);
            }
            (self.report)(Progress::Sent(file, step));
            match self.send_once(Sql::of_file(file, step.span)).await? {
                // IF NOT EXISTS skips an index that another process built meanwhile, and whose build failed. The next
                // attempt drops it.
                Ok(_) if matches!(job::made(job, self.database).await?, Some((false, _))) => {
                    losses += 1;
                    if losses > LOSSES {
                        bail!(
                            "{} is not valid after each of several attempts: does another client build it?",
                            job.what()
                        );
                    }
                }
                Ok(_) => {
                    self.ledger.applied(file, step, None).await?;
                    return Ok(false);
                }
                Err(error) if error.is_outcome_unknown() => {
                    losses += 1;
                    if losses > LOSSES {
                        bail!(LOST);
                    }
                    self.settle().await;
                }
                // After a deadlock, too, the statement has left an index, so the next attempt first reads the state of
                // this index.
                Err(error) if attempts.another(&error).await => {}
                Err(error) => {
                    // An earlier attempt may have built the index, and now cause this error.
                    if was_sent && !existed && self.is_valid(job).await? {
                        self.ledger.applied(file, step, None).await?;
                        return Ok(true);
                    }
                    let left = job::made(job, self.database).await?.is_some_and(|(valid, _)| !valid);
                    self.clear(job).await?;
                    let _ = self.ledger.withdraw(file, step).await;
                    let error = explained(error);
                    return Err(if left {
                        anyhow!(
                            "{error}\nThe index that is not valid was dropped. Correct the rows and run again{}",
                            correction(step)
                        )
                    } else {
                        error
                    });
                }
            }
            was_sent = true;
        }
    }

    async fn is_valid(&self, job: &Job) -> Result<bool> {
        Ok(matches!(job::made(job, self.database).await?, Some((true, _))))
    }
}
