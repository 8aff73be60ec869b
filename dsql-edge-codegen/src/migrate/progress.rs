//! Prints the progress of a run.
//!
//! Input: events. Output: lines for people.

use std::time::Duration;

use super::folder::File;
use crate::steps::Step;

/// Something that happens.
pub enum Progress<'p> {
    /// Another run holds the lease.
    Held {
        /// Who.
        holder: &'p str,
        /// When the lease ends, if that run does not renew it.
        seconds: u64,
    },
    /// A step is sent.
    Sent(&'p File, &'p Step),
    /// A step turned out to be applied already, by a run that broke.
    Found(&'p File, &'p Step),
    /// A job of the cluster's is at work.
    Job {
        /// Which.
        job: &'p str,
        /// Its status in the cluster.
        status: &'p str,
        /// Since when.
        elapsed: Duration,
    },
    /// The answer to a step was lost; the run waits until its statement has arrived or is lost.
    Settling(Duration),
    /// A file is applied that comes before others which were applied earlier.
    OutOfOrder(&'p File),
    /// A job succeeded, and the cluster reports details.
    Details(&'p str),
}

impl Progress<'_> {
    /// A line for people.
    pub fn line(&self) -> String {
        match self {
            Progress::Held { holder, seconds } => {
                format!("waiting for another run ({holder}; at most {seconds} s, if it was killed)")
            }
            Progress::Sent(file, step) => {
                format!("  {}  {}", number(file, step), first_line(file.sql(step)))
            }
            Progress::Found(file, step) => {
                format!(
                    "  {}  was applied by an interrupted run: {}",
                    number(file, step),
                    first_line(file.sql(step))
                )
            }
            Progress::Job { job, status, elapsed } => {
                format!("        job {job}: {status}, {} s", elapsed.as_secs())
            }
            Progress::Settling(time) => {
                format!("        the answer was lost: looking again in {} s", time.as_secs())
            }
            Progress::OutOfOrder(file) => {
                format!("note: {} comes before files that are applied already", file.name)
            }
            Progress::Details(details) => format!("        {details}"),
        }
    }
}

fn number(file: &File, step: &Step) -> String {
    format!("{:>2}/{}", step.number, file.steps.len())
}

/// As much of a statement as fits a line.
pub(super) fn first_line(sql: &str) -> String {
    const MOST: usize = 90;
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= MOST {
        return words;
    }
    words.chars().take(MOST - 1).chain(['…']).collect()
}
