//! Asks PostgreSQL and the compiler whether literals are values of a type, and counts the differences.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use dsql_edge_compiler::{Schema, Source, compile};
use dsql_edge_tests::oracle::Database;

use super::kinds::Kind;

/// The first error of a literal: SQLSTATE and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
}

/// PostgreSQL's answers, one for each literal.
pub(crate) struct Answers {
    /// The answers with the default settings.
    pub(crate) default: Vec<Option<Rejection>>,
    /// The combined answers under all settings for the order of dates (`DateStyle`): a literal counts as rejected only
    /// if PostgreSQL rejects it under each setting.
    pub(crate) any_order: Vec<Option<Rejection>>,
}

pub(crate) fn postgres(database: &Database<'_>, kind: &Kind, literals: &[String]) -> Result<Answers> {
    let ty = kind.name;
    let default = with_settings(database, ty, literals)?;
    let mut any_order = default.clone();
    let other_orders: &[&str] = if kind.dated { &["YMD", "DMY"] } else { &[] };
    for order in other_orders {
        database.run(&format!("SET datestyle = '{order}'"))?;
        let others = with_settings(database, ty, literals);
        database.run("RESET datestyle")?;
        for (answer, other) in any_order.iter_mut().zip(others?) {
            *answer = answer.take().filter(|_| other.is_some());
        }
    }
    Ok(Answers { default, any_order })
}

/// PostgreSQL's answers with the current settings.
fn with_settings(database: &Database<'_>, ty: &str, literals: &[String]) -> Result<Vec<Option<Rejection>>> {
    let (client, runtime) = database.client();
    let sql = "SELECT e.sql_error_code, e.message FROM unnest($1::text[]) WITH ORDINALITY AS u (literal, n), \
               LATERAL pg_input_error_info(literal, $2) e ORDER BY n";
    let answer = |row: &tokio_postgres::Row| {
        let sqlstate: Option<String> = row.get(0);
        sqlstate.map(|sqlstate| Rejection { sqlstate, message: row.get(1) })
    };
    match runtime.block_on(client.query(sql, &[&literals, &ty])) {
        Ok(rows) => Ok(rows.iter().map(answer).collect()),
        // Some input functions end the statement instead of returning their error.
        Err(error) => match (error.as_db_error(), literals) {
            (Some(error), [_]) => {
                let (sqlstate, message) = (error.code().code().to_owned(), error.message().to_owned());
                Ok(vec![Some(Rejection { sqlstate, message })])
            }
            (Some(_), _) => {
                let (left, right) = literals.split_at(literals.len() / 2);
                Ok([with_settings(database, ty, left)?, with_settings(database, ty, right)?].concat())
            }
            (None, _) => Err(error.into()),
        },
    }
}

/// The compiler's answers, one for each literal.
pub(crate) fn compiler(schema: &Schema, ty: &str, literals: &[String]) -> Vec<Option<Rejection>> {
    let mut sql = String::from("VALUES ");
    let mut starts = Vec::new();
    for literal in literals {
        sql.push_str(if starts.is_empty() { "(" } else { ", (" });
        starts.push(sql.len());
        sql.push_str(&format!("'{}'::{ty})", literal.replace('\'', "''")));
    }
    let mut answers = vec![None; literals.len()];
    let Err(diagnostics) = compile(&Source::numbered(&sql), schema) else { return answers };
    for diagnostic in diagnostics.iter() {
        let place = usize::try_from(diagnostic.span.start).unwrap();
        let at = starts.partition_point(|start| *start <= place) - 1;
        let rejection = Rejection {
            sqlstate: diagnostic.code.sqlstate().to_owned(),
            message: diagnostic.message.clone(),
        };
        answers[at].get_or_insert(rejection);
    }
    answers
}

/// The number of differences of one kind, and up to eight examples.
#[derive(Default)]
pub(crate) struct Differences {
    pub(crate) count: usize,
    examples: Vec<String>,
}

impl Differences {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < 8 {
            self.examples.push(example());
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, such as {}", self.count, self.examples.join("; "))
    }
}

/// The results for one type: how many literals were tried, and where the compiler and PostgreSQL differ.
pub(crate) struct Tally {
    name: &'static str,
    pub(crate) tried: usize,
    /// Hashes of the literals, by which equal literals are counted once.
    literals: HashSet<u64>,
    /// The number of literals that PostgreSQL rejects.
    pub(crate) rejected: usize,
    /// Literals that PostgreSQL accepts and the compiler rejects.
    pub(crate) wrongly_rejected: Differences,
    /// Literals that PostgreSQL rejects and the compiler accepts.
    pub(crate) wrongly_accepted: Differences,
    /// Literals that PostgreSQL and the compiler both reject, but with different SQLSTATEs or messages.
    pub(crate) other_error: Differences,
}

impl Tally {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            tried: 0,
            literals: HashSet::new(),
            rejected: 0,
            wrongly_rejected: Differences::default(),
            wrongly_accepted: Differences::default(),
            other_error: Differences::default(),
        }
    }

    pub(crate) fn add(&mut self, literal: &str, expected: Option<&Rejection>, answer: Option<&Rejection>) {
        self.tried += 1;
        let mut hasher = DefaultHasher::new();
        literal.hash(&mut hasher);
        self.literals.insert(hasher.finish());
        self.rejected += usize::from(expected.is_some());
        match (expected, answer) {
            (None, Some(answer)) => {
                self.wrongly_rejected.add(|| format!("{literal:?} ({})", answer.message));
            }
            (Some(expected), None) => {
                self.wrongly_accepted.add(|| format!("{literal:?} ({})", expected.message));
            }
            (Some(expected), Some(answer)) if expected != answer => self.other_error.add(|| {
                let show = |it: &Rejection| format!("{} {}", it.sqlstate, it.message);
                format!("{literal:?}: {} instead of {}", show(answer), show(expected))
            }),
            _ => {}
        }
    }

    /// Examples of the differences.
    pub(crate) fn examples(&self) -> String {
        let kinds = [
            ("wrong rejections", &self.wrongly_rejected),
            ("wrong acceptances", &self.wrongly_accepted),
            ("other errors", &self.other_error),
        ];
        let found = kinds.iter().filter(|(_, differences)| differences.count > 0);
        found.map(|(kind, differences)| format!("  {kind}: {differences}\n")).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { name, tried, rejected, .. } = self;
        write!(
            f,
            "{name:<28} {tried:>9} tried {:>8} different {rejected:>9} rejected by PostgreSQL \
             {:>3} wrong rejections {:>6} wrong acceptances {:>6} other errors",
            self.literals.len(),
            self.wrongly_rejected.count,
            self.wrongly_accepted.count,
            self.other_error.count
        )
    }
}
