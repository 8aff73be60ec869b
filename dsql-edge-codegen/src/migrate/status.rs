//! `dsql-edge migrate status` and `--dry-run`: print which statements are applied and which are left.
//!
//! Input: a folder and the ledger. Output: lines for people, or JSON. Nothing is written.

use std::collections::BTreeMap;

use anyhow::Result;
use dsql_edge::Config;
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::ledger::run_name;
use dsql_edge_migrations::steps::{Job, Work};
use dsql_edge_migrations::{Entry, File, Folder, Gone, PlanError, State, changed, gone, plan};
use serde_json::{Value, json};

use super::database::Database;
use super::ledger::Ledger;
use super::progress::{first_line, more};

/// The state of a folder on a cluster.
pub struct Status<'f> {
    files: Vec<(&'f File, BTreeMap<i32, Entry>)>,
    /// Files that were applied but are no longer in the folder.
    gone: Vec<Gone>,
    /// The error about files that come before applied files, if the folder has errors in the order of the file names.
    misplaced: Option<String>,
    dialect: Dialect,
}

/// The report of a run that has nothing to do.
pub(super) const EVERYTHING: &str = "every statement is applied";

impl<'f> Status<'f> {
    /// Reads the state from the cluster.
    ///
    /// # Errors
    /// Returns an error of the cluster or of the connection.
    pub async fn ask(folder: &'f Folder, config: Config) -> Result<Status<'f>> {
        let database = Database::new(config, folder.dialect);
        let ledger = Ledger::new(&database, run_name());
        let entries = if ledger.exists().await? { ledger.read().await? } else { Vec::new() };
        let gone = gone(folder, &entries);
        let misplaced = match plan(folder, &entries) {
            Err(PlanError::Misplaced(error)) => Some(error),
            _ => None,
        };
        let mut of_files: BTreeMap<String, BTreeMap<i32, Entry>> = BTreeMap::new();
        for entry in entries {
            of_files.entry(entry.file.clone()).or_default().insert(entry.step, entry);
        }
        let files =
            folder.files.iter().map(|file| (file, of_files.remove(&file.name).unwrap_or_default())).collect();
        Ok(Status { files, gone, misplaced, dialect: folder.dialect })
    }

    /// Whether the folder differs from the files that were applied, has files that `migrate` rejects, or has files in a
    /// wrong order.
    pub fn is_wrong(&self) -> bool {
        let is_wrong = |(file, known): &(&File, BTreeMap<i32, Entry>)| {
            Self::problem(file, known).is_some() || !Self::errors(file, known).is_empty()
        };
        !self.gone.is_empty() || self.misplaced.is_some() || self.files.iter().any(is_wrong)
    }

    /// Returns the errors of a file that is not applied.
    fn errors<'e>(file: &'e File, known: &BTreeMap<i32, Entry>) -> &'e [String] {
        if known.contains_key(&0) { &[] } else { &file.problems }
    }

    fn problem(file: &File, known: &BTreeMap<i32, Entry>) -> Option<String> {
        changed(file, &known.iter().map(|(number, entry)| (*number, entry)).collect())
    }

    /// Returns a line for each file, and lines for its statements.
    pub fn lines(&self) -> String {
        let names = self.files.iter().map(|(file, _)| &file.name).chain(self.gone.iter().map(|it| &it.name));
        let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        for (file, known) in &self.files {
            out += &format!("{:<width$}  {}\n", file.name, summary(file, known));
            for step in &file.steps {
                if let Some(entry) = known.get(&step.number).filter(|entry| entry.state != State::Applied) {
                    let details = entry.details.as_ref().or(entry.job.as_ref());
                    let mut details = details.map_or(String::new(), |it| format!(": {it}"));
                    if matches!(step.work, Work::Batches(_)) && !details.is_empty() {
                        details += ", in batches; the next run begins again, with the same result";
                    }
                    out += &format!("    {} {} {}{details}\n", file.unit, step.number, entry.state.name());
                }
            }
            out.extend(Self::problem(file, known).map(|problem| format!("    {problem}\n")));
            for line in Self::errors(file, known).iter().flat_map(|error| error.lines()) {
                out += format!("    {line}").trim_end();
                out.push('\n');
            }
        }
        for Gone { name, advice, .. } in &self.gone {
            out += &format!("{name:<width$}  applied, and not in the folder\n    {advice}\n");
        }
        out.extend(self.misplaced.iter().map(|error| format!("error: {error}\n")));
        out
    }

    /// Returns the statements that a run would send, in order.
    pub fn dry_run(&self) -> String {
        let mut out = String::new();
        for (file, known) in self.files.iter().filter(|(_, known)| !known.contains_key(&0)) {
            out += &format!("{}\n", file.name);
            out.extend(file.notes.iter().map(|note| format!("      note: {note}\n")));
            let on_dsql = self.dialect == Dialect::Dsql;
            for step in &file.steps {
                let how = match (known.get(&step.number).map(|entry| entry.state), &step.work) {
                    (Some(State::Applied), _) => continue,
                    (Some(State::Started), Work::Batches(_)) => "rows, in batches; it was begun",
                    (Some(State::Started), _) => "interrupted: the next run first checks the catalog",
                    (Some(State::Building), _) => "its job is running",
                    (_, Work::Transaction(_)) if !on_dsql => "one transaction",
                    (_, Work::Transaction(statements)) if statements.len() > 1 => "one transaction of rows",
                    (_, Work::Transaction(_)) => "rows",
                    (_, Work::Schema(_) | Work::Repeatable | Work::Job(Job::Concurrently { .. }))
                        if !on_dsql =>
                    {
                        "outside a transaction"
                    }
                    (_, Work::Schema(_) | Work::Repeatable) => "schema",
                    (_, Work::Batches(_)) => "rows, in batches",
                    (_, Work::Job(_)) => "starts a job and waits for it",
                };
                out +=
                    &format!("{:>4}  {}{}  ({how})\n", step.number, first_line(file.sql(step)), more(step));
            }
        }
        if out.is_empty() { format!("nothing to do: {EVERYTHING}\n") } else { out }
    }

    /// Returns the whole status, for machines.
    pub fn json(&self) -> Value {
        let files = self.files.iter().map(|(file, known)| {
            let statements = file.steps.iter().map(|step| {
                let entry = known.get(&step.number);
                json!({
                    "statement": step.number,
                    "state": entry.map_or("pending", |entry| entry.state.name()),
                    "sql": file.sql(step),
                    "job_id": entry.and_then(|entry| entry.job.clone()),
                    "details": entry.and_then(|entry| entry.details.clone()),
                })
            });
            json!({
                "file": file.name,
                "applied": known.contains_key(&0),
                "problem": Self::problem(file, known),
                "errors": Self::errors(file, known),
                "statements": statements.collect::<Vec<_>>(),
            })
        });
        let gone: Vec<&str> = self.gone.iter().map(|it| it.name.as_str()).collect();
        let renamed =
            self.gone.iter().filter_map(|it| Some(json!({ "from": it.name, "to": it.renamed_to.as_ref()? })));
        let renamed: Vec<Value> = renamed.collect();
        json!({ "version": 1, "files": files.collect::<Vec<_>>(), "gone": gone, "renamed": renamed, "misplaced": self.misplaced })
    }
}

fn summary(file: &File, known: &BTreeMap<i32, Entry>) -> String {
    if known.contains_key(&0) {
        return "applied".to_owned();
    }
    if file.has_nothing_to_apply() && known.is_empty() {
        return "no statements".to_owned();
    }
    let applied = known.values().filter(|entry| entry.state == State::Applied).count();
    if !file.problems.is_empty() {
        return match applied {
            0 => "pending, with errors".to_owned(),
            1 => format!("1 {} applied, with errors", file.unit),
            _ => format!("{applied} {}s applied, with errors", file.unit),
        };
    }
    match (applied, known.is_empty()) {
        (0, true) => "pending".to_owned(),
        _ => format!("{applied} of {} {}s applied", file.steps.len(), file.unit),
    }
}
