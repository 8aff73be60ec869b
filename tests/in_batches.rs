//! Checks a statement that runs in batches: PostgreSQL accepts each batch, and the batches together have the result of
//! the statement, also if the run is interrupted after the first batch and repeated.

use anyhow::{Context as _, Result};
use dsql_edge_compiler::source::Source;
use dsql_edge_compiler::{Batches, Schema, compile_in_batches};

use crate::check::rendered;
use crate::oracle::{Database, Verdict};

/// A statement that was divided into batches, or the errors.
pub(crate) struct Divided {
    batches: Option<Batches>,
    /// The answer in the form of a case file.
    pub(crate) answer: String,
}

impl Divided {
    /// Divides a statement into batches of this number of rows.
    pub(crate) fn new(schema: &str, query: &str, rows: u32) -> Result<Divided> {
        let schema = Schema::parse(schema).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        Ok(match compile_in_batches(&Source::named(query), &schema, rows) {
            Ok(batches) => {
                let mut answer = String::new();
                for it in &batches.statement.parameters {
                    let null = if it.nullable { " or NULL" } else { "" };
                    let name = it.name.as_deref().unwrap_or_default();
                    answer += &format!("parameter ${name}: {}{null}\n", it.sql_type.name);
                }
                answer += &format!("next batch: {}\nrows: none\n", batches.next.sql);
                Divided { batches: Some(batches), answer }
            }
            Err(errors) => {
                let answer = errors.errors().map(|error| rendered(error, query)).collect();
                Divided { batches: None, answer }
            }
        })
    }

    /// Returns the difference between the result of the batches and the result of the statement.
    pub(crate) fn difference(&self, database: &Database<'_>) -> Result<Option<String>> {
        let Some(batches) = &self.batches else { return Ok(None) };
        for batch in [&batches.first, &batches.next] {
            let params = batch.parameters.iter().map(|it| it.sql_type.name.clone()).collect();
            let columns =
                batch.columns.iter().map(|it| (it.name.clone(), it.sql_type.name.clone())).collect();
            let (ours, theirs) = (Verdict::Accepted { params, columns }, database.describe(&batch.sql)?);
            if ours != theirs {
                return Ok(Some(format!("PostgreSQL about a batch: {theirs:?}\n      ours: {ours:?}")));
            }
        }
        if !batches.statement.parameters.is_empty() {
            return Ok(None);
        }
        // All runs are in one transaction, so `now()` is the same in each run.
        database.run("BEGIN; SAVEPOINT before")?;
        let outcome = self.runs(batches, database);
        database.run("ROLLBACK")?;
        Ok(outcome.unwrap_or_else(|error| Some(format!("{error:#}"))))
    }

    fn runs(&self, batches: &Batches, database: &Database<'_>) -> Result<Option<String>> {
        database.run(&batches.statement.sql)?;
        let expected = contents(database)?;
        for interrupted in [false, true] {
            database.run("ROLLBACK TO before")?;
            if interrupted {
                run(batches, database, 1)?;
            }
            let rows = run(batches, database, 10_000)?;
            let actual = contents(database)?;
            if actual != expected {
                let only = |rows: &[String], others: &[String]| {
                    rows.iter().filter(|row| !others.contains(row)).take(10).cloned().collect::<Vec<_>>()
                };
                let (ours, theirs) = (only(&actual, &expected), only(&expected, &actual));
                return Ok(Some(format!(
                    "the batches ({rows} rows, interrupted: {interrupted}) leave\n{ours:#?}\nthe statement leaves\n{theirs:#?}"
                )));
            }
        }
        Ok(None)
    }
}

/// Runs at most `limit` batches; returns the number of changed rows.
fn run(batches: &Batches, database: &Database<'_>, limit: usize) -> Result<i64> {
    let (client, runtime) = database.client();
    let (mut changed, mut last): (i64, Option<Vec<String>>) = (0, None);
    for _ in 0..limit {
        let row = match &last {
            None => runtime.block_on(client.query_one(&batches.first.sql, &[])),
            Some(last) => runtime.block_on(client.query_one(&batches.next.sql, &[last])),
        };
        let row = row.context("a batch")?;
        changed += row.get::<_, i64>(1);
        last = row.get(0);
        if last.is_none() {
            break;
        }
    }
    Ok(changed)
}

/// Every row of every table.
fn contents(database: &Database<'_>) -> Result<Vec<String>> {
    let (client, runtime) = database.client();
    let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1";
    let mut contents = Vec::new();
    for table in runtime.block_on(client.query(tables, &[]))? {
        let table: String = table.get(0);
        let rows = format!("SELECT t::text FROM {table} t ORDER BY 1");
        for row in runtime.block_on(client.query(&rows, &[]))? {
            contents.push(format!("{table} {}", row.get::<_, String>(0)));
        }
    }
    Ok(contents)
}
