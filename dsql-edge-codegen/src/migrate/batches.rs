//! Applies a statement in batches.
//!
//! Input: the SQL of the batches. Output: all batches are committed, or the first error. The ledger records the step only
//! then: an interrupted run repeats all batches, which has the same result.

use anyhow::{Context as _, Result};
use dsql_edge_migrations::steps::Batched;
use dsql_edge_migrations::{File, Step};

use super::apply::Run;
use super::database::Sql;
use super::progress::Progress;

impl Run<'_> {
    pub(super) async fn batches(&self, file: &File, step: &Step, batched: &Batched) -> Result<()> {
        let place = Sql::of_file(file, step.span);
        let (mut last, mut changed): (Option<String>, u64) = (None, 0);
        loop {
            let text = if last.is_none() { &batched.first } else { &batched.next };
            let answer = self.repeat(Sql { text, parameter: last.as_deref(), ..place }).await;
            let answer = answer.with_context(|| format!("{changed} rows are committed"))?;
            let [key, rows] = <[_; 2]>::try_from(answer).ok().context("the answer to a batch has no row")?;
            changed = changed.saturating_add(rows.and_then(|rows| rows.parse().ok()).unwrap_or(0));
            if key.is_none() {
                return Ok(());
            }
            (self.report)(Progress::Batch(changed));
            last = key;
        }
    }
}
