//! Tests the compiler's answers with generated schemas, rows and statements, and a real PostgreSQL 16 as the judge.
//!
//! The test fails if a column that is reported as NOT NULL has a NULL, if a type or a name differs, if only one side
//! accepts a statement, if the first error differs, or if a cardinality is wrong. `SOUNDNESS_MINUTES=60` runs the test
//! for an hour, `SOUNDNESS_SEED=7` starts with another seed, `SOUNDNESS_SCHEMAS=10` tries ten schemas; without these
//! variables each run is the same. `cargo xtask soundness` sets these variables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod beside;
mod case;
mod catalog;
mod judge;
mod known;
mod query;
mod report;
mod schema;
mod shrink;
mod tree;
mod types;
mod wrong;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use dsql_edge_tests::oracle::Oracle;
use fastrand::Rng;

use case::Case;
use catalog::Catalog;
use query::Gen;
use report::Report;

/// The number of statements per schema.
const STATEMENTS: usize = 400;

/// The number of schemas if neither a number nor a time is given.
const SCHEMAS: u64 = 8;

/// One of every `SPOILT` statements is changed, so that it may be wrong.
const SPOILT: u32 = 8;

/// The maximum number of finds of one kind that are shrunk, except for finds about NULL or the row count.
const SHRUNK: usize = 1;

/// The maximum number of finds of one kind that are shrunk, for finds about NULL or about the row count.
const UNTRUE_SHRUNK: usize = 6;

#[test]
fn soundness() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().expect(name));
    let seed = number("SOUNDNESS_SEED").unwrap_or(1);
    let until = number("SOUNDNESS_MINUTES").map(|it| Duration::from_secs(60 * it));
    let schemas = number("SOUNDNESS_SCHEMAS").or(if until.is_none() { Some(SCHEMAS) } else { None });
    let start = Instant::now();
    let catalog = Catalog::load();
    let oracle = Oracle::start().unwrap();
    let next = AtomicU64::new(0);
    let shrunk = Mutex::new(BTreeMap::new());
    let total = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(4) {
            // Twice the stack size that rustc gives a macro: unoptimised frames are large.
            let builder = std::thread::Builder::new().stack_size(16 << 20);
            let work = || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let over =
                        schemas.is_some_and(|it| at >= it) || until.is_some_and(|it| start.elapsed() > it);
                    if over {
                        break;
                    }
                    let report =
                        one_schema(seed.wrapping_mul(1_000_003) + at, &catalog, &oracle, &shrunk).unwrap();
                    let mut total = total.lock().unwrap();
                    total.merge(report);
                    let (queries, finds) = (total.queries, total.finds.values().sum::<usize>());
                    if at % 10 == 9 {
                        eprintln!("{} schemas, {queries} statements, {finds} finds", total.schemas);
                    }
                }
            };
            builder.spawn_scoped(scope, work).unwrap();
        }
    });
    let report = total.into_inner().unwrap();
    for case in &report.cases {
        println!("{case}");
    }
    println!("{}", report.text(start.elapsed(), seed, catalog.size()));
    assert!(report.with_rows > 0, "no statement returned a row");
    assert!(
        report.finds.is_empty(),
        "the compiler and PostgreSQL differ: add the cases above to tests/cases, then fix the compiler"
    );
}

/// Generates a schema, and statements over it.
fn one_schema(
    seed: u64,
    catalog: &Catalog,
    oracle: &Oracle,
    shrunk: &Mutex<BTreeMap<String, usize>>,
) -> Result<Report> {
    let mut rng = Rng::with_seed(seed);
    let mut report = Report { schemas: 1, ..Report::default() };
    let database = case::workshop(oracle)?;
    let mut schema = schema::generate(&mut rng, catalog);
    // DDL that PostgreSQL rejects is left out, together with the relations and functions that it would have created.
    let (ddl, lost) = accepted_ddl(&schema.ddl, &database)?;
    schema.ddl = ddl;
    schema.relations.retain(|it| !lost.iter().any(|sql| sql.contains(&format!(" {} ", it.name))));
    schema.functions.retain(|it| !lost.iter().any(|sql| sql.contains(&format!(" {}(", it.name))));
    let rows = schema::rows(&mut rng, &schema);
    let rows = case::accepted_rows(&schema.ddl, rows, &database)?;
    let setup = Case::new(&schema.ddl, &rows, tree::Node::words("SELECT 1"));
    setup.install(&database)?;
    let compiled = match setup.schema() {
        Ok(compiled) => compiled,
        Err(error) => {
            *report.finds.entry("the compiler does not read the schema".to_owned()).or_default() += 1;
            report.cases.push(format!("{error:#}"));
            return Ok(report);
        }
    };
    for _ in 0..STATEMENTS {
        let seed = rng.u64(..);
        let mut generator = Gen::new(Rng::with_seed(seed), &schema, catalog);
        let mut statement = generator.statement();
        let spoilt = rng.u32(..SPOILT) == 0;
        if spoilt {
            statement = wrong::spoil(&mut rng, &statement);
        }
        let sql = statement.sql();
        // An empty statement has no answer to compare.
        if sql.len() > 6000 || sql.trim().is_empty() {
            continue;
        }
        let outcome = judge::judge(&sql, &compiled, &schema.types, &database, &mut Rng::with_seed(seed))?;
        report.add(&statement, spoilt, &outcome);
        let Some(find) = outcome.find else { continue };
        if let Some(why) = known::why(&find.kind) {
            *report.known.entry(why.to_owned()).or_default() += 1;
            continue;
        }
        *report.finds.entry(find.kind.clone()).or_default() += 1;
        let count = {
            let mut shrunk = shrunk.lock().unwrap();
            let count = shrunk.entry(find.kind.clone()).or_default();
            *count += 1;
            *count
        };
        // The first find of each kind is shrunk. More finds of a kind are shrunk if they are about NULL or the number
        // of rows, because such finds may have many causes. Other finds of one kind usually have one cause, because the
        // kind contains the messages.
        let worth = if find.is_untrue() { UNTRUE_SHRUNK } else { SHRUNK };
        if count <= worth {
            let case = Case::new(&schema.ddl, &rows, statement);
            let (case, find) = shrink::shrink(&case, &find, &schema.types, &database, seed)?;
            report.cases.push(format!("{}{find}\n", case.markdown(&find.kind)));
            eprintln!("{}{find}\n", case.markdown(&find.kind));
            setup.install(&database)?;
        }
    }
    Ok(report)
}

/// Returns the DDL that PostgreSQL accepts, and the SQL of the statements that it rejects.
fn accepted_ddl(
    ddl: &[tree::Node],
    database: &dsql_edge_tests::oracle::Database<'_>,
) -> Result<(Vec<tree::Node>, Vec<String>)> {
    database.run("CREATE SCHEMA trial; SET search_path = trial")?;
    let mut kept = Vec::new();
    let mut lost = Vec::new();
    for statement in ddl {
        match database.run(&statement.sql()) {
            Ok(()) => kept.push(statement.clone()),
            Err(_) => lost.push(statement.sql()),
        }
    }
    database.run("DROP SCHEMA trial CASCADE")?;
    Ok((kept, lost))
}
