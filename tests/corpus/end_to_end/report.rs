//! Adds up the outcomes, prints the figures, and lists every query that did not run or returned no row.

use std::collections::BTreeMap;

use dsql_edge_tests_corpus::plan::Outcome;

use crate::Prepared;
use crate::build::{Rejected, is_other_type};

/// The figures of all projects.
#[derive(Default)]
pub(crate) struct Report {
    total: Figures,
    /// The queries that did not compile, or that returned no row, by the reason.
    reasons: BTreeMap<String, Vec<String>>,
    mismatches: usize,
    uncompiled: Vec<String>,
}

#[derive(Default, Clone, Copy)]
struct Figures {
    queries: usize,
    compiled: usize,
    other_types: usize,
    unnamed: usize,
    run: usize,
    with_rows: usize,
    without_columns: usize,
    counted: usize,
    runs: usize,
    rows: usize,
    values: usize,
    nulls: usize,
    written: usize,
    volatile: usize,
    counts: usize,
    rejected: usize,
    contradictions: usize,
    beyond: usize,
    rounded: usize,
    mismatches: usize,
}

impl Figures {
    fn all(&self) -> [(&'static str, usize); 20] {
        [
            ("queries", self.queries),
            ("compiled", self.compiled),
            ("not compiled: AS \"x: T\" names a Rust type that does not fit the column", self.other_types),
            ("not compiled: a column without a name cannot be a field", self.unnamed),
            ("accepted by PostgreSQL at least once", self.run),
            ("of these, with rows that were decoded", self.with_rows),
            ("of these, without columns", self.without_columns),
            ("of those without columns, changed rows", self.counted),
            ("runs that PostgreSQL accepted", self.runs),
            ("rows decoded", self.rows),
            ("values compared", self.values),
            ("of these, NULL", self.nulls),
            ("of these, compared by the Rust value's own text, too", self.written),
            ("values that differ between two runs of PostgreSQL itself: not compared", self.volatile),
            ("counts of changed rows compared", self.counts),
            ("runs that PostgreSQL rejected, with the same error", self.rejected),
            ("values of JSON whose numbers are rounded to doubles, and nothing else", self.rounded),
            ("runs whose rows contradict AS \"x!\" or AS \"x: T\": a named error", self.contradictions),
            ("runs with values that the Rust type cannot hold: a named error", self.beyond),
            ("mismatches", self.mismatches),
        ]
    }

    fn add(&mut self, other: &Figures) {
        self.queries += other.queries;
        self.compiled += other.compiled;
        self.other_types += other.other_types;
        self.unnamed += other.unnamed;
        self.rounded += other.rounded;
        self.run += other.run;
        self.with_rows += other.with_rows;
        self.without_columns += other.without_columns;
        self.counted += other.counted;
        self.runs += other.runs;
        self.rows += other.rows;
        self.values += other.values;
        self.nulls += other.nulls;
        self.written += other.written;
        self.volatile += other.volatile;
        self.counts += other.counts;
        self.rejected += other.rejected;
        self.contradictions += other.contradictions;
        self.beyond += other.beyond;
        self.mismatches += other.mismatches;
    }
}

impl Report {
    /// Adds the outcomes of a project.
    pub(crate) fn add(&mut self, prepared: &Prepared<'_>, rejected: &Rejected, outcomes: &[Outcome]) {
        let project = prepared.project;
        let mut figures = Figures { queries: project.queries.len(), ..Figures::default() };
        for query in &project.queries {
            let place = format!("{}, line {}", project.name, query.number);
            let by_rustc = rejected.get(&(prepared.package.clone(), query.number));
            let reason = match (&query.compiled, prepared.unprepared.get(&query.number), by_rustc) {
                (Err(error), ..) => Some(format!("not compiled: the compiler: {error}")),
                (_, Some(error), _) => Some(format!("not compiled: PostgreSQL does not prepare it: {error}")),
                (.., Some(error)) if is_other_type(error) => {
                    Some(format!("not compiled: {}", first_line(error)))
                }
                (.., Some(error)) => Some(format!("not compiled: rustc: {}", first_line(error))),
                _ => None,
            };
            match reason {
                Some(reason) => {
                    let is_the_users = by_rustc.is_some_and(|error| is_other_type(error));
                    figures.other_types += usize::from(is_the_users);
                    let is_unnamed = reason.ends_with(UNNAMED);
                    figures.unnamed += usize::from(is_unnamed);
                    if !is_the_users && !is_unnamed {
                        let error = by_rustc.map_or("", String::as_str);
                        self.uncompiled.push(format!("{place}: {reason}\n{error}"));
                    }
                    self.reasons.entry(reason).or_default().push(place);
                }
                None => figures.compiled += 1,
            }
        }
        for outcome in outcomes {
            let place = format!("{}, line {}", project.name, outcome.number);
            let has_columns =
                prepared.plan.queries.get(&outcome.number).is_some_and(|it| !it.columns.is_empty());
            self.outcome(outcome, has_columns, &place, &mut figures);
        }
        let Figures { queries, compiled, run, with_rows, rows, values, mismatches, .. } = figures;
        println!(
            "{:<30}{queries:>5} queries {compiled:>5} compiled {run:>5} run {with_rows:>5} with rows {rows:>7} rows \
             {values:>8} values {mismatches:>4} mismatches",
            project.name
        );
        self.total.add(&figures);
    }

    fn outcome(&mut self, outcome: &Outcome, has_columns: bool, place: &str, figures: &mut Figures) {
        let is_run = outcome.accepted > 0;
        figures.run += usize::from(is_run);
        figures.with_rows += usize::from(outcome.rows > 0);
        figures.without_columns += usize::from(is_run && !has_columns);
        figures.counted += usize::from(outcome.changed > 0);
        figures.runs += outcome.accepted;
        figures.rows += outcome.rows;
        figures.values += outcome.values;
        figures.nulls += outcome.nulls;
        figures.written += outcome.written;
        figures.volatile += outcome.volatile;
        figures.counts += outcome.counts;
        figures.rejected += outcome.rejected.values().sum::<usize>();
        figures.contradictions += outcome.contradictions;
        figures.beyond += outcome.beyond;
        figures.rounded += outcome.rounded;
        figures.mismatches += outcome.mismatches.len();
        for mismatch in &outcome.mismatches {
            println!("{place}: {mismatch}");
            self.mismatches += 1;
        }
        let rejected = || outcome.rejected.iter().max_by_key(|(_, count)| **count);
        let reason = match (is_run, rejected()) {
            (false, Some((error, _))) => format!("PostgreSQL rejects every run: {error}"),
            (false, None) => "no run".to_owned(),
            (true, _) if has_columns && outcome.rows == 0 && outcome.contradictions > 0 => {
                "no row was decoded: each row contradicts a ! of the query".to_owned()
            }
            (true, _) if has_columns && outcome.rows == 0 => {
                "accepted, but no argument found a row".to_owned()
            }
            _ => return,
        };
        self.reasons.entry(reason).or_default().push(place.to_owned());
    }

    /// Prints the figures.
    pub(crate) fn print(&self) {
        for (name, figure) in self.total.all() {
            println!("{name:<75}{figure:>9}");
        }
        let lists_queries = std::env::var_os("CORPUS_FAILURES").is_some();
        for (reason, places) in &self.reasons {
            println!("{:>5} × {reason}", places.len());
            if lists_queries {
                places.iter().for_each(|place| println!("          {place}"));
            }
        }
    }

    /// Whether every query compiles and every value is the same.
    pub(crate) fn is_clean(&self) -> bool {
        self.mismatches == 0 && self.uncompiled.is_empty()
    }

    /// The number of mismatches, which are printed as they are found, and the queries that do not compile.
    pub(crate) fn failures(&self) -> String {
        let Report { mismatches, uncompiled, .. } = self;
        format!(
            "{mismatches} mismatches; {} queries do not compile:\n{}",
            uncompiled.len(),
            uncompiled.join("\n")
        )
    }
}

/// The end of the compiler's error for a column without a name, such as the column of `SELECT 1`. sqlx reads such a
/// column with `query_scalar!`.
const UNNAMED: &str = "has no name";

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
