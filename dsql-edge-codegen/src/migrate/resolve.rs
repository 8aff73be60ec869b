//! `dsql-edge migrate resolve`: records in the ledger the state of a file or a step that the user has checked.
//!
//! Input: a file or a step of a file, and its state. Output: the ledger has that state. Nothing else in the cluster
//! changes.

use anyhow::{Context, Result, bail};
use clap::Args;
use dsql_edge::Config;

use super::database::Database;
use super::folder::Folder;
use super::ledger::{Ledger, run_name};

/// Record in the ledger whether a statement was applied, or that a changed file is right
#[derive(Args)]
#[command(
    after_help = "Examples:\n  dsql-edge migrate resolve 0003_tags.sql:2 --applied      # statement 2 was applied\n  \
    dsql-edge migrate resolve 0003_tags.sql:2 --not-applied  # the next run sends it\n  dsql-edge migrate resolve \
    0001_init.sql --applied        # all of it: the cluster was made in another way\n  dsql-edge migrate resolve \
    0001_init.sql --changed        # the file as it is now is right"
)]
pub struct Resolve {
    /// A file of the folder, or a statement of it: `0003_tags.sql:2`
    what: String,
    /// Record the file, or the one statement, as applied
    #[arg(long, group = "truth", required = true)]
    applied: bool,
    /// Record the statement as not applied
    #[arg(long, group = "truth")]
    not_applied: bool,
    /// The file was changed on purpose: record the statements as they are now
    #[arg(long, group = "truth")]
    changed: bool,
    /// The file was removed on purpose: remove its rows from the ledger
    #[arg(long, group = "truth")]
    forget: bool,
}

impl Resolve {
    /// Records the state, and returns a description of the record.
    ///
    /// # Errors
    /// Returns an error if the file or statement does not exist, or if the cluster or the connection fails.
    pub async fn run(&self, folder: &Folder, config: Config) -> Result<String> {
        let (name, number) = match self.what.rsplit_once(':') {
            Some((name, number)) => {
                let number: i32 =
                    number.parse().with_context(|| format!("{number} is not a number: write {name}:1"))?;
                (name, Some(number))
            }
            None => (self.what.as_str(), None),
        };
        let database = Database::new(config, folder.dialect);
        let ledger = Ledger::new(&database, run_name());
        ledger.make().await?;
        if self.forget {
            if number.is_some() {
                bail!("--forget is for a file, not for a part of it: resolve {name} --forget");
            }
            let count = ledger.forget(name).await?;
            return Ok(format!("{name}: {count} rows of the ledger were removed"));
        }
        let file = folder.files.iter().find(|file| file.name == name);
        let file = file.with_context(|| format!("the folder has no file {name}"))?;
        let unit = file.unit;
        let Some(number) = number else {
            if self.not_applied {
                bail!("which {unit}? resolve {name}:1 --not-applied");
            }
            let known = ledger.read().await?;
            for step in &file.steps {
                let is_known = known.iter().any(|entry| entry.file == name && entry.step == step.number);
                // With `--changed`, a statement that the ledger does not have is recorded only if the ledger has the
                // file as complete.
                if self.applied || is_known || known.iter().any(|entry| entry.file == name && entry.step == 0)
                {
                    ledger.record(file, step).await?;
                }
            }
            ledger.forget_behind(name, file.steps.last().map_or(0, |step| step.number)).await?;
            if self.applied || known.iter().any(|entry| entry.file == name && entry.step == 0) {
                ledger.finish(file).await?;
            }
            return Ok(format!("{name}: {} {unit}s are recorded as applied", file.steps.len()));
        };
        let step = file.steps.iter().find(|step| step.number == number);
        let step = step.with_context(|| format!("{name} has no {unit} {number}"))?;
        if self.not_applied {
            ledger.forget_step(name, number).await?;
            return Ok(format!(
                "{}: {unit} {number} is not applied; the next run sends it",
                file.place(step)
            ));
        }
        ledger.record(file, step).await?;
        Ok(format!("{}: {unit} {number} is applied", file.place(step)))
    }
}
