//! Compares the answer of the runtime with PostgreSQL's text.
//!
//! Input: the answers of the runtime and of PostgreSQL, and PostgreSQL's answer to a second run, which shows the values
//! that differ between two runs. Output: the figures and the differences, added to an [`Outcome`].

use dsql_edge::Error;

use crate::cell::Cell;
use crate::plan::{Column, Outcome};
use crate::{Answer, rounding};

/// PostgreSQL's own answer to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// The texts of each row.
    Rows(Vec<Vec<Option<String>>>),
    /// The number of rows that a statement without columns changed.
    Count(u64),
}

/// Whether a value or a count differs.
pub(crate) fn differs(ours: &Answer, theirs: &Text) -> bool {
    match (ours, theirs) {
        (Answer::Count(ours), Text::Count(theirs)) => ours != theirs,
        (Answer::Rows(ours), Text::Rows(theirs)) => {
            let is_same = |ours: &Cell, theirs: &Option<String>| {
                ours.shown == *theirs && (ours.written.is_none() || ours.written == *theirs)
            };
            ours.len() != theirs.len()
                || !ours
                    .iter()
                    .flatten()
                    .zip(theirs.iter().flatten())
                    .all(|(ours, theirs)| is_same(ours, theirs))
        }
        _ => true,
    }
}

impl Outcome {
    /// Compares an answer with PostgreSQL's answers to two runs of the same statement.
    /// `beyond`: the rows have values that the default Rust types cannot hold.
    pub fn compare(&mut self, columns: &[Column], ours: &Answer, first: &Text, second: &Text, beyond: bool) {
        self.accepted += 1;
        match (ours, first) {
            (Answer::Count(ours), Text::Count(theirs)) => {
                self.counts += 1;
                self.changed += usize::try_from(*ours).unwrap_or(usize::MAX);
                if ours != theirs {
                    self.mismatch(format!("{ours} rows changed; PostgreSQL changed {theirs}"));
                }
            }
            (Answer::Rows(ours), Text::Rows(theirs)) if ours.len() == theirs.len() => {
                self.rows += ours.len();
                for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    let second = match second {
                        Text::Rows(rows) => rows.get(at),
                        Text::Count(_) => None,
                    };
                    self.compare_row(columns, ours, theirs, second, beyond);
                }
            }
            (Answer::Rows(ours), Text::Rows(theirs)) => {
                self.mismatch(format!("{} rows; PostgreSQL returned {}", ours.len(), theirs.len()));
            }
            _ => self.mismatch("rows are compared with a count".to_owned()),
        }
    }

    fn compare_row(
        &mut self,
        columns: &[Column],
        ours: &[Cell],
        theirs: &[Option<String>],
        second: Option<&Vec<Option<String>>>,
        beyond: bool,
    ) {
        if ours.len() != theirs.len() || ours.len() != columns.len() {
            self.mismatch(format!("{} columns; PostgreSQL returned {}", ours.len(), theirs.len()));
            return;
        }
        for (at, ((column, ours), theirs)) in columns.iter().zip(ours).zip(theirs).enumerate() {
            if second.is_none_or(|second| second.get(at) != Some(theirs)) {
                self.volatile += 1;
                continue;
            }
            self.values += 1;
            self.nulls += usize::from(theirs.is_none());
            self.written += usize::from(ours.written.is_some());
            let ways = [
                ("sent back", Some(&ours.shown)),
                ("as text", Some(&ours.written).filter(|it| it.is_some())),
            ];
            for (way, ours) in ways {
                let Some(ours) = ours.filter(|ours| *ours != theirs) else { continue };
                if let (true, Some(ours), Some(theirs)) = (beyond && column.json, ours, theirs)
                    && rounding::is_same(ours, theirs)
                {
                    self.rounded += 1;
                    continue;
                }
                self.mismatch(format!("{}: {ours:?} {way}; PostgreSQL printed {theirs:?}", column.name));
            }
        }
    }

    /// Classifies an error of the runtime for a statement that PostgreSQL accepted.
    pub fn compare_error(&mut self, columns: &[Column], error: &Error, text: &Text, beyond: bool) {
        self.accepted += 1;
        let message = error.to_string();
        let rows = match text {
            Text::Rows(rows) => rows.as_slice(),
            Text::Count(_) => &[],
        };
        let is_null_in = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(Option::is_none));
        let mut not_null = columns.iter().enumerate().filter(|(at, it)| !it.nullable && is_null_in(*at));
        let names = |column: &Column| message.contains(&column.name);
        if let Some((_, unsound)) = not_null.clone().find(|(_, column)| !column.declared) {
            self.mismatch(format!("{}: NULL in a column that is not an Option: {message}", unsound.name));
        } else if error.is_conversion()
            && (not_null.any(|(_, column)| names(column))
                || message.contains(NULL_ELEMENT) && columns.iter().any(|it| it.own_type && names(it)))
        {
            self.contradictions += 1;
        } else if beyond && error.is_conversion() && LIMITS.iter().any(|limit| message.contains(limit)) {
            self.beyond += 1;
        } else {
            self.mismatch(format!("PostgreSQL accepts the statement; the runtime reports: {message}"));
        }
    }

    /// Compares the runtime's answer to a statement that PostgreSQL rejects.
    pub fn compare_rejection(&mut self, theirs: &Error, ours: &Result<Answer, Error>) {
        let message = theirs.message().unwrap_or_default();
        let code = theirs.sqlstate().map_or_else(String::new, |code| code.to_string());
        match ours {
            Err(ours) if ours.sqlstate() == theirs.sqlstate() => {
                *self.rejected.entry(format!("{code} {message}")).or_default() += 1;
            }
            Err(ours) => self.mismatch(format!("PostgreSQL: {theirs}; the runtime: {ours}")),
            Ok(_) => self.mismatch(format!("the runtime accepts the statement; PostgreSQL: {theirs}")),
        }
    }

    /// Adds a difference.
    pub fn mismatch(&mut self, text: String) {
        self.mismatches.push(text);
    }
}

/// Parts of the errors for values that a Rust type cannot hold.
const LIMITS: [&str; 6] =
    ["use PgDate", "use PgTimestamp", "use PgTime", "use Numeric", "use String", "more than one dimension"];

/// A part of the error for an array whose elements are not `Option`s.
const NULL_ELEMENT: &str = "one of its elements is NULL";

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            nullable: true,
            declared: false,
            own_type: false,
            json: true,
            as_jsonb: false,
        }
    }

    fn text(values: &[Option<&str>]) -> Text {
        Text::Rows(vec![values.iter().map(|value| value.map(str::to_owned)).collect()])
    }

    fn compared(cells: &[Cell], first: &Text, second: &Text) -> Outcome {
        let columns: Vec<Column> = ["a", "b"].iter().take(cells.len()).map(|name| column(name)).collect();
        let mut outcome = Outcome::default();
        outcome.compare(&columns, &Answer::Rows(vec![cells.to_vec()]), first, second, false);
        outcome
    }

    #[test]
    fn same_texts_are_counted_and_no_mismatch() {
        let cells = [Cell { shown: Some("1".to_owned()), written: Some("1".to_owned()) }, Cell::NULL];
        let theirs = text(&[Some("1"), None]);
        let outcome = compared(&cells, &theirs, &theirs);
        assert_eq!((outcome.rows, outcome.values, outcome.nulls, outcome.written), (1, 2, 1, 1));
        assert!(outcome.mismatches.is_empty(), "{:?}", outcome.mismatches);
    }

    #[test]
    fn each_difference_is_a_mismatch() {
        let theirs = text(&[Some("1")]);
        for (cell, named) in [
            (Cell::of("2"), "a: Some(\"2\") sent back"),
            (Cell::NULL, "a: None sent back"),
            (Cell { shown: Some("1".to_owned()), written: Some("2".to_owned()) }, "a: Some(\"2\") as text"),
        ] {
            let outcome = compared(&[cell], &theirs, &theirs);
            assert_eq!(outcome.mismatches.len(), 1, "{:?}", outcome.mismatches);
            assert!(outcome.mismatches.iter().all(|it| it.starts_with(named)), "{:?}", outcome.mismatches);
        }
        let outcome = compared(&[Cell::of("1"), Cell::NULL], &theirs, &theirs);
        assert_eq!(outcome.mismatches, ["2 columns; PostgreSQL returned 1"]);
        let mut outcome = Outcome::default();
        outcome.compare(&[column("a")], &Answer::Rows(Vec::new()), &theirs, &theirs, false);
        outcome.compare(&[], &Answer::Count(2), &Text::Count(1), &Text::Count(1), false);
        assert_eq!(
            outcome.mismatches,
            ["0 rows; PostgreSQL returned 1", "2 rows changed; PostgreSQL changed 1"]
        );
    }

    #[test]
    fn value_that_differs_between_two_runs_is_not_compared() {
        let outcome = compared(&[Cell::of("1")], &text(&[Some("2")]), &text(&[Some("3")]));
        assert_eq!((outcome.values, outcome.volatile, outcome.mismatches.len()), (0, 1, 0));
    }

    #[test]
    fn rounded_number_is_counted_only_where_it_is_expected() {
        let (ours, theirs) =
            (Answer::Rows(vec![vec![Cell::of("[0.1]")]]), text(&[Some("[0.1000000000000000055]")]));
        for (beyond, figures) in [(true, (1, 0)), (false, (0, 1))] {
            let mut outcome = Outcome::default();
            outcome.compare(&[column("a")], &ours, &theirs, &theirs, beyond);
            assert_eq!((outcome.rounded, outcome.mismatches.len()), figures);
        }
    }
}
