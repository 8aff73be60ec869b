//! `dsql-edge migrate resolve`: records in the ledger the state of a file or a step that the user has checked.
//!
//! Input: a file or a step of a file, and its state. Output: the ledger with the given state. Nothing else in the
//! cluster changes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args};
use dsql_edge::Config;
use dsql_edge_compiler::diagnostic::suggestion::nearest;
use dsql_edge_migrations::ledger::run_name;
use dsql_edge_migrations::{Entry, Folder, State};

use super::database::Database;
use super::ledger::Ledger;

/// Record in the ledger whether a statement was applied, or that a changed file is right
#[derive(Args)]
#[command(
    group = ArgGroup::new("truth").required(true),
    after_help = "Examples:\n  dsql-edge migrate resolve 0003_tags.sql:2 --applied      # statement 2 was applied\n  \
    dsql-edge migrate resolve 0003_tags.sql:2 --not-applied  # the next run sends it\n  dsql-edge migrate resolve \
    0001_init.sql --applied        # all of it: the cluster was made in another way\n  dsql-edge migrate resolve \
    0001_init.sql --changed        # the file as it is now is right"
)]
pub struct Resolve {
    /// A file of the folder, or a statement of it: `0003_tags.sql:2`
    what: String,
    /// Record the file, or the one statement, as applied
    #[arg(long, group = "truth")]
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
        // A message of `migrate` contains the path of a file, so the user may write a path here.
        let name = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name);
        if self.forget && number.is_some() {
            bail!("--forget is for a file, not for a part of it: resolve {name} --forget");
        }
        let database = Database::new(config, folder.dialect);
        let ledger = Ledger::new(&database, run_name());
        if self.applied {
            ledger.make().await?;
        }
        let entries = if ledger.exists().await? { ledger.read().await? } else { Vec::new() };
        if self.forget {
            if !entries.iter().any(|entry| entry.file == name) {
                bail!(unknown(name, "the ledger", entries.iter().map(|entry| entry.file.as_str())));
            }
            let count = ledger.forget(name).await?;
            return Ok(format!("{name}: {count} rows of the ledger were removed"));
        }
        let file = folder.files.iter().find(|file| file.name == name);
        let names = folder.files.iter().map(|file| file.name.as_str());
        let file = file.with_context(|| unknown(name, "the folder", names))?;
        let unit = file.unit;
        let known: Vec<Entry> = entries.into_iter().filter(|entry| entry.file == name).collect();
        let Some(number) = number else {
            if self.not_applied {
                bail!("which {unit}? resolve {name}:1 --not-applied");
            }
            if self.changed
                && let Some(why) = undecided(&known, name, unit)
            {
                bail!(why);
            }
            let is_complete = known.iter().any(|entry| entry.step == 0);
            let mut recorded = 0;
            for step in &file.steps {
                let is_applied =
                    known.iter().any(|entry| entry.step == step.number && entry.state == State::Applied);
                // With `--changed`, a statement that is not applied according to the ledger is recorded only if the
                // whole file is applied according to the ledger.
                if self.applied || is_applied || is_complete {
                    ledger.record(file, step).await?;
                    recorded += 1;
                }
            }
            ledger.forget_behind(name, file.steps.last().map_or(0, |step| step.number)).await?;
            if self.applied || is_complete {
                ledger.finish(file).await?;
            }
            if file.steps.is_empty() && (self.applied || is_complete) {
                return Ok(format!("{name} is recorded as applied"));
            }
            return Ok(format!("{name}: {recorded} of {} {unit}s are recorded as applied", file.steps.len()));
        };
        if let Some(rejection) = folder.rejection(&[file]) {
            bail!("the {unit}s of {name} are not known\n{rejection}");
        }
        let step = file.steps.iter().find(|step| step.number == number);
        let step = step.with_context(|| {
            format!("{name} has no {unit} {number}: it has {}", amount(file.steps.len(), unit))
        })?;
        if !self.applied && !known.iter().any(|entry| entry.step == number || entry.step == 0) {
            bail!(
                "the ledger has no row of {unit} {number} of {name}: nothing of it was applied, so the next run sends it as \
                 it is now"
            );
        }
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

/// The maximum number of names that a message lists.
const MOST_NAMES: usize = 10;

/// Returns a message that a name is not among the given names, with a similar name if there is one.
fn unknown<'n>(name: &str, place: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    let more = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => "it is empty".to_owned(),
        None => {
            let left = names.len().saturating_sub(MOST_NAMES);
            let shown = names.into_iter().skip(left).collect::<Vec<_>>().join(", ");
            let before = if left > 0 { format!("{left} others and ") } else { String::new() };
            format!("it has {before}{shown}")
        }
    };
    format!("{place} has no file {name}: {more}")
}

fn amount(count: usize, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Returns the reason why a changed file cannot be recorded: the ledger has no row of the file, or does not have the
/// outcome of one of its steps.
fn undecided(known: &[Entry], name: &str, unit: &str) -> Option<String> {
    if known.is_empty() {
        return Some(format!(
            "the ledger has no row of {name}: nothing of it was applied, so the next run sends it as it is now"
        ));
    }
    let is_begun = |entry: &&Entry| entry.step > 0 && matches!(entry.state, State::Started | State::Building);
    known.iter().find(is_begun).map(|entry| {
        format!(
            "{unit} {number} of {name} was begun, and the ledger does not have its outcome: first run `dsql-edge migrate \
             resolve {name}:{number} --not-applied`, so that the next run sends it as it is now, or --applied if the \
             database has its effect",
            number = entry.step
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_name_is_compared_with_the_known_names() {
        let of = |names: &[&str]| unknown("0001_inti.sql", "the ledger", names.iter().copied());
        assert_eq!(
            of(&["0002_a.sql", "0001_init.sql", "0001_init.sql"]),
            "the ledger has no file 0001_inti.sql: did you mean 0001_init.sql?"
        );
        assert_eq!(
            of(&["b.sql", "a.sql", "b.sql"]),
            "the ledger has no file 0001_inti.sql: it has a.sql, b.sql"
        );
        assert_eq!(of(&[]), "the ledger has no file 0001_inti.sql: it is empty");
    }

    #[test]
    fn changed_file_with_an_unknown_outcome_is_not_recorded() {
        let entry =
            |step: i32, state: State| Entry { file: "1.sql".to_owned(), step, state, ..Entry::default() };
        let why = |known: &[Entry]| undecided(known, "1.sql", "part").unwrap_or_default();
        assert!(why(&[]).contains("nothing of it was applied"));
        assert_eq!(why(&[entry(1, State::Applied), entry(2, State::Failed)]), "");
        for state in [State::Started, State::Building] {
            let why = why(&[entry(1, State::Applied), entry(2, state)]);
            assert!(why.contains("resolve 1.sql:2 --not-applied"), "{why}");
        }
    }
    #[test]
    fn all_states_are_named_if_none_is_given() {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            resolve: Resolve,
        }
        let parse = |arguments: &[&str]| <Command as clap::Parser>::try_parse_from(arguments);
        let error = parse(&["resolve"]).err().unwrap().to_string();
        for option in ["--applied", "--not-applied", "--changed", "--forget"] {
            assert!(error.contains(option), "{error}");
            assert!(parse(&["resolve", "1.sql", option]).is_ok(), "{option}");
        }
        assert!(parse(&["resolve", "1.sql", "--applied", "--changed"]).is_err());
    }
}
