//! Counts the tried statements, and prints the counts.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::judge::Outcome;
use crate::tree::Node;

/// The counts of one or more schemas.
#[derive(Default)]
pub(crate) struct Report {
    /// The number of schemas.
    pub(crate) schemas: usize,
    /// All statements, including those that the generator made wrong on purpose.
    pub(crate) queries: usize,
    /// Statements that were made wrong.
    pub(crate) spoilt: usize,
    /// Statements that PostgreSQL accepted, without those that were made wrong.
    pub(crate) accepted: usize,
    /// Statements of which at least one run completed.
    pub(crate) ran: usize,
    /// Statements that returned a row.
    pub(crate) with_rows: usize,
    /// The rows that were checked.
    pub(crate) rows: usize,
    /// The columns of the accepted statements.
    pub(crate) columns: usize,
    /// The columns that the compiler reports as NOT NULL.
    pub(crate) proved: usize,
    /// The reasons why PostgreSQL rejected statements that were not made wrong.
    pub(crate) refused: BTreeMap<String, usize>,
    /// The statements that the compiler does not support, by message.
    pub(crate) unsupported: BTreeMap<String, usize>,
    /// The statements with a constant that only PostgreSQL rejects, by message.
    pub(crate) unread: BTreeMap<String, usize>,
    /// SQLSTATEs of runs that failed.
    pub(crate) failed: BTreeMap<String, usize>,
    /// For each construct, the number of accepted statements that contain it, and how many of these returned rows.
    pub(crate) constructs: BTreeMap<String, (usize, usize)>,
    /// Known differences, by reason.
    pub(crate) known: BTreeMap<String, usize>,
    /// Finds by kind.
    pub(crate) finds: BTreeMap<String, usize>,
    /// The shrunk cases.
    pub(crate) cases: Vec<String>,
}

impl Report {
    /// Adds one statement.
    pub(crate) fn add(&mut self, statement: &Node, spoilt: bool, outcome: &Outcome) {
        self.queries += 1;
        self.spoilt += usize::from(spoilt);
        self.accepted += usize::from(!spoilt && outcome.accepted);
        self.ran += usize::from(outcome.ran);
        self.with_rows += usize::from(outcome.rows > 0);
        self.rows += outcome.rows;
        self.columns += outcome.columns;
        self.proved += outcome.proved;
        if let Some(message) = &outcome.unsupported {
            *self.unsupported.entry(message.clone()).or_default() += 1;
        }
        if let Some(message) = &outcome.unread {
            *self.unread.entry(message.clone()).or_default() += 1;
        }
        if let Some(why) = outcome.refused.as_ref().filter(|_| !spoilt) {
            *self.refused.entry(why.clone()).or_default() += 1;
        }
        if let Some(sqlstate) = outcome.failed.as_ref().filter(|_| outcome.rows == 0) {
            *self.failed.entry(sqlstate.clone()).or_default() += 1;
        }
        if outcome.accepted {
            let mut seen: Vec<&str> = Vec::new();
            statement.visit(&mut |node| {
                if !node.what.is_empty() && !seen.contains(&node.what.as_ref()) {
                    seen.push(&node.what);
                }
            });
            for what in seen {
                let counts = self.constructs.entry(what.to_owned()).or_default();
                counts.0 += 1;
                counts.1 += usize::from(outcome.rows > 0);
            }
        }
    }

    /// Adds the counts of another report.
    pub(crate) fn merge(&mut self, other: Report) {
        self.schemas += other.schemas;
        self.queries += other.queries;
        self.spoilt += other.spoilt;
        self.accepted += other.accepted;
        self.ran += other.ran;
        self.with_rows += other.with_rows;
        self.rows += other.rows;
        self.columns += other.columns;
        self.proved += other.proved;
        for (map, more) in [
            (&mut self.unsupported, other.unsupported),
            (&mut self.refused, other.refused),
            (&mut self.known, other.known),
            (&mut self.unread, other.unread),
            (&mut self.failed, other.failed),
            (&mut self.finds, other.finds),
        ] {
            for (key, count) in more {
                *map.entry(key).or_default() += count;
            }
        }
        for (what, (accepted, rows)) in other.constructs {
            let counts = self.constructs.entry(what).or_default();
            counts.0 += accepted;
            counts.1 += rows;
        }
        self.cases.extend(other.cases);
    }

    /// Formats the report for people.
    pub(crate) fn text(&self, elapsed: Duration, seed: u64, callable: usize) -> String {
        let mut out = String::new();
        let _ = self.write(&mut out, elapsed, seed, callable);
        out
    }

    fn write(&self, out: &mut String, elapsed: Duration, seed: u64, callable: usize) -> std::fmt::Result {
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let calls = |what: &str| what.ends_with("()") || what.starts_with("operator ");
        writeln!(
            out,
            "for each construct, the accepted statements with the construct, and how many of them returned rows:"
        )?;
        let mut line = String::new();
        for (what, (accepted, rows)) in self.constructs.iter().filter(|(what, _)| !calls(what)) {
            let item = format!("{what} {accepted} ({rows})");
            if line.len() + item.len() > 116 {
                writeln!(out, "  {line}")?;
                line.clear();
            }
            if !line.is_empty() {
                line += " · ";
            }
            line += &item;
        }
        writeln!(out, "  {line}")?;
        let called = self.constructs.keys().filter(|what| calls(what)).count();
        writeln!(
            out,
            "{called} names of functions and operators (of {callable} signatures that can be called)"
        )?;
        if !self.unsupported.is_empty() {
            writeln!(out, "not supported by the compiler:")?;
            for (message, count) in &self.unsupported {
                writeln!(out, "  {count:6} {message}")?;
            }
        }
        if !self.unread.is_empty() {
            writeln!(out, "constants that PostgreSQL rejects, and that the compiler does not examine:")?;
            for (message, count) in &self.unread {
                writeln!(out, "  {count:6} {message}")?;
            }
        }
        let mut refused: Vec<_> = self.refused.iter().collect();
        refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        writeln!(out, "why PostgreSQL rejected statements that were not made wrong, most frequent first:")?;
        for (why, count) in refused.iter().take(25) {
            writeln!(out, "  {count:6} {why}")?;
        }
        writeln!(out, "SQLSTATE of statements that returned no row because a run failed: {:?}", self.failed)?;
        writeln!(
            out,
            "{} statements in {} schemas from seed {seed}; {:.1} % accepted of {} not made wrong; {:.1} % ran, {:.1} % with rows; {} rows",
            self.queries,
            self.schemas,
            share(self.accepted, self.queries - self.spoilt),
            self.queries - self.spoilt,
            share(self.ran, self.queries),
            share(self.with_rows, self.queries),
            self.rows,
        )?;
        writeln!(
            out,
            "{} columns, {:.1} % reported as NOT NULL",
            self.columns,
            share(self.proved, self.columns)
        )?;
        let minutes = elapsed.as_secs_f64() / 60.0;
        for (why, count) in &self.known {
            writeln!(out, "{count} known differences: {why}")?;
        }
        let finds: usize = self.finds.values().sum();
        writeln!(out, "{minutes:.1} minutes, {:.0} statements per minute", self.queries as f64 / minutes)?;
        writeln!(out, "{finds} finds of {} kinds", self.finds.len())?;
        for (kind, count) in &self.finds {
            writeln!(out, "  {count:6} {kind}")?;
        }
        Ok(())
    }
}
