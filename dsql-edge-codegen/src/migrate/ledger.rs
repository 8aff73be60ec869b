//! The ledger: records in a cluster which migrations are applied to the cluster. `dsql_edge.migrations` has a row for
//! each step; row 0 of a file records that the whole file is applied.
//!
//! Input: a step and its state. Output: the rows of the ledger.
//!
//! A step that is a transaction writes its row in the same transaction. DDL on DSQL, and CREATE INDEX CONCURRENTLY and
//! similar statements on PostgreSQL, cannot be in that transaction. Before such a statement is sent, its row is written
//! as `started`, with the state of the catalog. After the statement has been executed, its row is changed to `applied`.
//! A statement that may run any number of times has a row only after it has been executed. Each write of this
//! module can be repeated without a further effect.

use anyhow::{Result, bail};
use dsql_edge::{Config, Error};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::ledger::{
    APPLIED, BUILDING, CLAIM, CLEAR_FAILED, Entry, FAILED, FORGET, FORGET_BEHIND, FORGET_STEP, PROGRESS,
    READ, RECORD, TAKE_OVER, THERE, TOGETHER, TOGETHER_WITH_FILE, WITHDRAW, missing, run_name,
};
use dsql_edge_migrations::{File, Step};

use super::database::{Database, Sql};
use super::explain::{OfLedger, READING, of_creation};

/// The ledger of a cluster, for one run.
pub(super) struct Ledger<'d> {
    database: &'d Database,
    /// The name of this run. No other run has this name.
    run: String,
}

impl<'d> Ledger<'d> {
    pub(super) fn new(database: &'d Database, run: String) -> Ledger<'d> {
        Ledger { database, run }
    }

    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Whether the ledger exists.
    pub(super) async fn exists(&self) -> Result<bool> {
        Ok(self.missing().await?.is_none())
    }

    async fn missing(&self) -> Result<Option<&'static str>> {
        let there = self.database.rows::<1>(THERE, &[]).await.of_ledger("looking for the ledger")?;
        Ok(missing(there.iter().filter_map(|[name]| name.as_deref())))
    }

    /// Creates the missing parts of the ledger. Another run may create the missing parts at the same time.
    pub(super) async fn make(&self) -> Result<()> {
        for _ in 0..20 {
            let Some(sql) = self.missing().await? else { return Ok(()) };
            match self.database.once(Sql::own(sql)).await {
                Ok(_) => {}
                Err(error)
                    if error.is_outcome_unknown() || error.is_conflict() || is_there_already(&error) => {}
                Err(error) => {
                    return Err(of_creation(error, self.database.dialect()));
                }
            }
        }
        bail!("the ledger (schema dsql_edge) was created and is missing again: does another client drop it?")
    }

    /// Reads all rows of the ledger.
    pub(super) async fn read(&self) -> Result<Vec<Entry>> {
        let rows = self.database.rows::<8>(READ, &[]).await.of_ledger(READING)?;
        rows.into_iter().map(Entry::of_row).collect()
    }

    /// Records that a step is about to be sent. Returns `false` if the step is already applied.
    pub(super) async fn claim(&self, file: &File, step: &Step, seen: Option<&str>) -> Result<bool> {
        let number = step.number.to_string();
        let parameters = [
            Some(file.name.as_str()),
            Some(&number),
            Some(&step.checksum.text),
            seen,
            Some(self.run.as_str()),
        ];
        Ok(self.database.settle(CLAIM, &parameters).await.of_ledger("writing the ledger")? == 1)
    }

    /// Takes over a step that an earlier run began.
    pub(super) async fn take_over(&self, file: &File, step: &Step) -> Result<()> {
        self.write(TAKE_OVER, file, step, None).await.map(drop)
    }

    /// Removes the row of a step that was certainly not applied.
    pub(super) async fn withdraw(&self, file: &File, step: &Step) -> Result<()> {
        self.write(WITHDRAW, file, step, None).await.map(drop)
    }

    pub(super) async fn building(&self, file: &File, step: &Step, job: &str) -> Result<()> {
        let count = self.write(BUILDING, file, step, Some(job)).await?;
        self.is_ours(count)
    }

    /// Records the progress of a statement in batches.
    pub(super) async fn progress(&self, file: &File, step: &Step, details: &str) -> Result<()> {
        let count = self.write(PROGRESS, file, step, Some(details)).await?;
        self.is_ours(count)
    }

    pub(super) async fn failed(&self, file: &File, step: &Step, details: &str) -> Result<()> {
        let count = self.write(FAILED, file, step, Some(details)).await?;
        self.is_ours(count)
    }

    pub(super) async fn clear_failed(&self, file: &File, step: &Step) -> Result<()> {
        let number = step.number.to_string();
        let done = self.database.settle(CLEAR_FAILED, &[Some(&file.name), Some(&number)]).await;
        done.of_ledger("writing the ledger")?;
        Ok(())
    }

    /// Records that a step is applied. Before this call, the run must have claimed the step.
    pub(super) async fn applied(&self, file: &File, step: &Step, details: Option<&str>) -> Result<()> {
        let count = self.write(APPLIED, file, step, details).await?;
        self.is_ours(count)
    }

    /// Applies a step that is a transaction, and writes the step's row of the ledger; if the step is the last one of
    /// the file, also writes row 0.
    pub(super) async fn apply_transaction(
        &self,
        file: &File,
        step: &Step,
        statements: &[Sql<'_>],
    ) -> Result<(), Error> {
        let number = step.number.to_string();
        let mut parameters =
            vec![Some(file.name.as_str()), Some(&number), Some(&step.checksum.text), Some(self.run.as_str())];
        let is_last = file.steps.last().is_some_and(|last| last.number == step.number);
        if is_last {
            parameters.push(Some(&file.checksum.text));
        }
        let key = if is_last { TOGETHER_WITH_FILE } else { TOGETHER };
        self.database.transaction(statements, key, &parameters).await
    }

    /// Records that a step is applied, whatever its row contained before.
    pub(super) async fn record(&self, file: &File, step: &Step) -> Result<()> {
        self.recorded(&file.name, step.number, &step.checksum.text).await
    }

    /// Records that all steps of a file are applied.
    pub(super) async fn finish(&self, file: &File) -> Result<()> {
        self.recorded(&file.name, 0, &file.checksum.text).await
    }

    async fn recorded(&self, file: &str, step: i32, checksum: &str) -> Result<()> {
        let number = step.to_string();
        let parameters = [Some(file), Some(&number), Some(checksum), Some(self.run.as_str())];
        self.database.settle(RECORD, &parameters).await.of_ledger("writing the ledger")?;
        Ok(())
    }

    /// Removes all rows of a file.
    pub(super) async fn forget(&self, file: &str) -> Result<u64> {
        self.database.settle(FORGET, &[Some(file)]).await.of_ledger("writing the ledger")
    }

    /// Removes the row of a step, and row 0 of its file: the ledger then no longer records that the whole file is
    /// applied.
    pub(super) async fn forget_step(&self, file: &str, step: i32) -> Result<()> {
        for number in [step, 0] {
            let done = self.database.settle(FORGET_STEP, &[Some(file), Some(&number.to_string())]).await;
            done.of_ledger("writing the ledger")?;
        }
        Ok(())
    }

    /// Removes the rows of applied steps after this step: the file no longer has these steps.
    pub(super) async fn forget_behind(&self, file: &str, step: i32) -> Result<()> {
        let done = self.database.settle(FORGET_BEHIND, &[Some(file), Some(&step.to_string())]).await;
        done.of_ledger("writing the ledger")?;
        Ok(())
    }

    async fn write(&self, sql: &'static str, file: &File, step: &Step, value: Option<&str>) -> Result<u64> {
        let number = step.number.to_string();
        let mut parameters = vec![Some(file.name.as_str()), Some(&number), Some(self.run.as_str())];
        if sql.contains("$4") {
            parameters.push(value);
        }
        self.database.settle(sql, &parameters).await.of_ledger("writing the ledger")
    }

    fn is_ours(&self, count: u64) -> Result<()> {
        if count == 1 {
            return Ok(());
        }
        bail!("another run has taken over: this run sends nothing more")
    }
}

/// Returns the names of the files that are applied completely.
pub(super) async fn applied_files(config: Config, dialect: Dialect) -> Result<Vec<String>> {
    let database = Database::new(config, dialect);
    let ledger = Ledger::new(&database, run_name());
    let entries = if ledger.exists().await? { ledger.read().await? } else { Vec::new() };
    Ok(entries.into_iter().filter(|entry| entry.step == 0).map(|entry| entry.file).collect())
}

fn is_there_already(error: &Error) -> bool {
    let states = ["42P06", "42P07", "42710", "23505"];
    error.sqlstate().is_some_and(|state| states.contains(&state.as_str()))
}
