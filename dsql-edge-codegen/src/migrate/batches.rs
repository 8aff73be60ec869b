//! Applies a statement in batches.
//!
//! Input: the SQL of the batches. Output: all batches are committed, and the ledger records the step; or the first
//! error. While the batches run, the ledger has the step as begun, with the number of rows that are committed. An
//! interrupted run repeats all batches, which has the same result.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use dsql_edge_migrations::steps::Batched;
use dsql_edge_migrations::{File, Step};

use super::apply::Run;
use super::database::Sql;
use super::progress::Progress;

/// The interval at which the run writes the number of committed rows into the ledger.
const RECORDED_EVERY: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// `was_begun`: whether an earlier run may have committed batches.
    pub(super) async fn batches(
        &self,
        file: &File,
        step: &Step,
        batched: &Batched,
        was_begun: bool,
    ) -> Result<()> {
        if !self.ledger.claim(file, step, None).await? {
            return Ok(());
        }
        (self.report)(Progress::Sent(file, step));
        let place = Sql::of_file(file, step.span);
        let (mut last, mut changed): (Option<String>, u64) = (None, 0);
        let mut recorded: Option<Instant> = None;
        loop {
            let text = if last.is_none() { &batched.first } else { &batched.next };
            let answer = self.repeat(Sql { text, parameter: last.as_deref(), ..place }).await;
            if answer.is_err() && changed == 0 && !was_begun && !self.is_in_flight() {
                // The error is ignored: if the ledger still has the step's row, the next run repeats the statement.
                let _ = self.ledger.withdraw(file, step).await;
            } else if answer.is_err() && changed > 0 {
                // If the ledger's row cannot be changed, the row keeps an earlier number of committed rows.
                let _ = self.ledger.progress(file, step, &committed(changed)).await;
            }
            let answer = answer.with_context(|| committed(changed))?;
            let [key, rows] = <[_; 2]>::try_from(answer).ok().context("the answer to a batch has no row")?;
            changed = changed.saturating_add(rows.and_then(|rows| rows.parse().ok()).unwrap_or(0));
            if key.is_none() {
                return self.ledger.applied(file, step, None).await;
            }
            (self.report)(Progress::Batch(changed));
            last = key;
            if recorded.is_none_or(|at| at.elapsed() >= RECORDED_EVERY) {
                self.ledger.progress(file, step, &committed(changed)).await?;
                recorded = Some(Instant::now());
            }
        }
    }
}

fn committed(rows: u64) -> String {
    format!("{rows} rows are committed")
}
