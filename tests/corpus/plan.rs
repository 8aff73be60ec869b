//! The input of a generated program (what the program runs), and its output (what the program reports).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The queries of a project and the databases on which they run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The databases.
    pub databases: Vec<Database>,
    /// The queries, by their numbers.
    pub queries: BTreeMap<usize, Query>,
}

/// A database with the schema of the project.
#[derive(Debug, Serialize, Deserialize)]
pub struct Database {
    /// The connection string.
    pub url: String,
    /// Whether the rows have values that the default Rust types cannot hold.
    pub beyond: bool,
}

/// A query.
#[derive(Debug, Serialize, Deserialize)]
pub struct Query {
    /// The statement, with numbered parameters.
    pub sql: String,
    /// The columns of its rows.
    pub columns: Vec<Column>,
    /// The arguments to try, for each database.
    pub arguments: Vec<Vec<Arguments>>,
}

/// Arguments to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments {
    /// The values, in PostgreSQL's text format.
    pub values: Vec<Option<String>>,
    /// Whether the query runs with these arguments only if it has not returned enough rows yet.
    pub spare: bool,
}

/// A column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Column {
    /// The name of the field.
    pub name: String,
    /// Whether the field is an `Option`.
    pub nullable: bool,
    /// Whether only the query itself declares that the column is never NULL, with `!`.
    pub declared: bool,
    /// Whether the query itself names the Rust type, with `AS "x: T"`.
    pub own_type: bool,
    /// Whether the Rust type holds JSON, whose numbers it rounds to doubles.
    pub json: bool,
    /// Whether the column is compared as `jsonb`, because its Rust type keeps neither blanks nor the order of keys.
    pub as_jsonb: bool,
}

/// The outcome of a query on all databases and with all arguments.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The number of the query.
    pub number: usize,
    /// The number of runs that PostgreSQL accepted.
    pub accepted: usize,
    /// The number of runs that PostgreSQL rejected, by SQLSTATE and message; the runtime reported the same error.
    pub rejected: BTreeMap<String, usize>,
    /// The number of rows that were decoded.
    pub rows: usize,
    /// The number of values that were compared.
    pub values: usize,
    /// The number of compared values that are NULL.
    pub nulls: usize,
    /// The number of values for which the Rust value's own text was also compared.
    pub written: usize,
    /// How often the number of rows that a statement changed was compared.
    pub counts: usize,
    /// The number of rows that were changed by statements without columns.
    pub changed: usize,
    /// The number of values that differ between two runs of PostgreSQL itself (`gen_random_uuid()`).
    pub volatile: usize,
    /// The number of values that differ only by the rounding of numbers in JSON.
    pub rounded: usize,
    /// The number of runs whose rows contradict a `!` or a Rust type of the query; the runtime reported this.
    pub contradictions: usize,
    /// The number of runs with values that the Rust type cannot hold; the runtime reported this.
    pub beyond: usize,
    /// The differences.
    pub mismatches: Vec<String>,
}

impl Outcome {
    /// Adds the outcome of the same query on another database.
    pub fn add(&mut self, other: Outcome) {
        for (error, count) in other.rejected {
            *self.rejected.entry(error).or_default() += count;
        }
        for (ours, theirs) in [
            (&mut self.accepted, other.accepted),
            (&mut self.rows, other.rows),
            (&mut self.values, other.values),
            (&mut self.nulls, other.nulls),
            (&mut self.written, other.written),
            (&mut self.counts, other.counts),
            (&mut self.changed, other.changed),
            (&mut self.volatile, other.volatile),
            (&mut self.rounded, other.rounded),
            (&mut self.contradictions, other.contradictions),
            (&mut self.beyond, other.beyond),
        ] {
            *ours += theirs;
        }
        self.mismatches.extend(other.mismatches);
        self.mismatches.sort();
        self.mismatches.dedup();
    }
}
