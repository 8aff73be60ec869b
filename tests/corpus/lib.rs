//! Runs the queries of a corpus through the runtime, and compares the decoded values with the text that PostgreSQL
//! prints for the same statement.
//!
//! Input: a [`Plan`], and the queries, compiled into a program that `end_to_end` generates. Output: one
//! [`Outcome`] for each query, as JSON lines.

pub mod cell;
pub mod compare;
pub mod plan;
mod rounding;
mod run;

use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use dsql_edge::{Error, Session, Transaction};

use cell::Cell;
use plan::{Outcome, Plan};

/// The answer to a query that `sql!` compiled.
#[derive(Debug)]
pub enum Answer {
    /// The cells of each row.
    Rows(Vec<Vec<Cell>>),
    /// The number of rows that a statement without columns changed.
    Count(u64),
}

/// A running query.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>>;

/// The arguments of a query, in PostgreSQL's text format.
pub type Given = [Option<String>];

/// A query that `sql!` compiled.
#[derive(Clone, Copy)]
pub enum Run {
    /// A statement that runs in a transaction.
    InTransaction(for<'a> fn(Transaction<'a>, &'a Given) -> Running<'a>),
    /// A statement that changes its session.
    OnSession(for<'a> fn(&'a mut Session, &'a Given) -> Running<'a>),
}

/// A compiled query, and its number in the plan.
pub struct Compiled {
    /// The number of the query in the plan.
    pub number: usize,
    /// The query.
    pub run: Run,
}

/// Runs the queries of a generated program: the first argument of the program is the path of the plan. The program uses
/// all databases at the same time.
///
/// # Errors
/// Returns an error if the plan cannot be read, or if the outcomes cannot be written.
pub fn main(queries: &'static [Compiled]) -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("the first argument is the path of the plan")?;
    let plan: Arc<Plan> = Arc::new(serde_json::from_slice(&std::fs::read(path)?)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let each = (0..plan.databases.len()).map(|at| {
            let plan = plan.clone();
            tokio::spawn(async move { run::on_database(&plan, at, queries).await })
        });
        let each: Vec<_> = each.collect();
        let mut outcomes: Vec<Outcome> =
            queries.iter().map(|query| Outcome { number: query.number, ..Outcome::default() }).collect();
        for running in each {
            for (total, outcome) in outcomes.iter_mut().zip(running.await??) {
                total.add(outcome);
            }
        }
        for outcome in outcomes {
            writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcome)?)?;
        }
        Ok(())
    })
}
