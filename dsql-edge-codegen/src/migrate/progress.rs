//! Describes the progress of a run.
//!
//! Input: events. Output: lines for people.

use std::time::Duration;

use dsql_edge_migrations::steps::Work;
use dsql_edge_migrations::{File, Step};

/// An event of a run.
pub enum Progress<'p> {
    /// Another run holds the lease.
    Held {
        /// The name of the other run.
        holder: &'p str,
        /// The seconds until the lease ends, if that run does not renew the lease.
        seconds: u64,
    },
    /// A step is sent.
    Sent(&'p File, &'p Step),
    /// A step was already applied by an interrupted run.
    Found(&'p File, &'p Step),
    /// A job of the cluster, or a build of an index on a PostgreSQL, is running.
    Job {
        /// The job or the server process, and its id.
        job: &'p str,
        /// The status of the job in the cluster.
        status: &'p str,
        /// The time since the run began to wait for the job.
        elapsed: Duration,
    },
    /// The answer to a step was lost; the run waits until its statement has arrived or is lost.
    Settling(Duration),
    /// A step waits for a lock that a process of the server holds.
    Waiting {
        /// The id of the process.
        process: &'p str,
        /// The role, the application and the state of its session.
        session: &'p str,
    },
    /// A file is applied although files that come after it in the folder's order are already applied.
    OutOfOrder(&'p File),
    /// A file does not run as one transaction. The string is the reason.
    Divided(&'p File, &'p str),
    /// A batch of a statement was committed. The number is the sum of the rows of this batch and all batches before it.
    Batch(u64),
    /// A statement may fail, because a name in it was not found.
    MayFail(&'p str),
    /// The run was interrupted, and waits for the answer to the statement that was sent.
    Stopping,
    /// A job succeeded, and the cluster reports details; or a note about an index that a REINDEX left.
    Details(&'p str),
}

impl Progress<'_> {
    /// Returns a line for people.
    pub fn line(&self) -> String {
        match self {
            Progress::Held { holder, seconds } => {
                format!("waiting for another run ({holder}; at most {seconds} s, if that run was killed)")
            }
            Progress::Sent(file, step) => {
                format!("  {}  {}{}", number(file, step), first_line(file.sql(step)), more(step))
            }
            Progress::Found(file, step) => {
                format!(
                    "  {}  was applied by an interrupted run: {}",
                    number(file, step),
                    first_line(file.sql(step))
                )
            }
            Progress::Job { job, status, elapsed } => {
                format!("        {job}: {status}, {} s", elapsed.as_secs())
            }
            Progress::Settling(time) => {
                format!("        the answer was lost: looking again in {} s", time.as_secs())
            }
            Progress::Waiting { process, session } => {
                format!("        waits for a lock of the server process {process} ({session})")
            }
            Progress::OutOfOrder(file) => {
                format!("note: {} comes before files that are applied already", file.name)
            }
            Progress::Divided(file, note) => format!("note: {} is not one transaction: {note}", file.path),
            Progress::Batch(rows) => format!("        {rows} rows are committed"),
            Progress::MayFail(what) => format!("warning: {what}"),
            Progress::Stopping => {
                "        interrupted: waits for the answer to this statement; a second signal ends the wait"
                    .to_owned()
            }
            Progress::Details(details) => format!("        {details}"),
        }
    }
}

fn number(file: &File, step: &Step) -> String {
    format!("{:>2}/{}", step.number, file.steps.len())
}

/// Returns the number of statements of a transaction, as text for the end of a line. Returns "" for any other step.
pub(super) fn more(step: &Step) -> String {
    match &step.work {
        Work::Transaction(statements) if statements.len() > 1 => {
            format!(" … ({} statements)", statements.len())
        }
        _ => String::new(),
    }
}

/// Returns as much of the beginning of a statement as fits in one line.
pub(super) fn first_line(sql: &str) -> String {
    const MOST: usize = 90;
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= MOST {
        return words;
    }
    words.chars().take(MOST - 1).chain(['…']).collect()
}
