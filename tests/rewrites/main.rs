//! Attacks `dsql-edge lint --fix`: runs generated scripts on PostgreSQL 16 with and without their rewrites.
//!
//! A rewrite that `--fix` applies must leave the same catalog, the same rows and the same errors. A rewrite that needs
//! `--assume-success` must do so for each script in which no statement fails. `REWRITES_SCRIPTS=5000` tries more,
//! `REWRITES_SEED=7` others; `cargo xtask rewrites` sets them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod database;
mod psql;
mod script;

use std::collections::BTreeMap;

use dsql_edge_codegen::lint::{Sent, fixed, lint};
use dsql_edge_compiler::dsql::Meaning;
use dsql_edge_tests::oracle::{Database, Oracle};

use database::{Outcome, run};
use script::{Script, generate};

/// The number of scripts, unless `REWRITES_SCRIPTS` sets it.
const SCRIPTS: u64 = 200;

/// Every rewrite. The test fails if one was never tried.
const TITLES: &[&str] = &[
    "add it NOT VALID",
    "add it NOT VALID, then validate it",
    "begin another transaction",
    "leave ASC out",
    "leave COLLATE out: it is C anyway",
    "leave COMPRESSION out",
    "leave DESC out: an index is read both ways",
    "leave AS out: it is bigint",
    "leave UNLOGGED out",
    "leave USING out: it is a B-tree anyway",
    "leave it out",
    "make it an identity column",
    "make it bigint",
    "make the column bigint",
    "move the key into CREATE TABLE",
    "say CACHE 1, which is PostgreSQL's default",
    "write ALTER TABLE ASYNC",
    "write CREATE INDEX ASYNC",
];

#[derive(Default)]
struct Tally {
    fixes: usize,
    /// Scripts in which no statement failed.
    succeeded: usize,
    statements_failed: usize,
    titles: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

#[test]
fn scripts_do_the_same_with_their_rewrites() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().expect(name));
    let seed = number("REWRITES_SEED").unwrap_or(1);
    let scripts = number("REWRITES_SCRIPTS").unwrap_or(SCRIPTS);
    let oracle = Oracle::start().unwrap();
    let database = oracle.database("").unwrap();
    let mut tally = Tally::default();
    for at in 0..scripts {
        let seed = seed.wrapping_mul(1_000_003) + at;
        let script = generate(seed);
        assert_eq!(psql::pieces(&script.text), script.pieces, "seed {seed}:\n{}", script.text);
        compare(seed, &script, &database, &mut tally);
    }
    for difference in tally.differences.iter().take(5) {
        println!("{difference}\n");
    }
    for title in TITLES {
        println!("{:6} {title}", tally.titles.get(title).unwrap_or(&0));
    }
    println!(
        "scripts {scripts}, nothing failed in {}, statements that failed {}, fixes {}, differences {}",
        tally.succeeded,
        tally.statements_failed,
        tally.fixes,
        tally.differences.len()
    );
    assert!(tally.differences.is_empty(), "a script does something else with its rewrites");
    let untried: Vec<_> = TITLES.iter().filter(|title| !tally.titles.contains_key(**title)).collect();
    assert!(untried.is_empty(), "never tried: {untried:?}");
}

fn compare(seed: u64, script: &Script, database: &Database<'_>, tally: &mut Tally) {
    let linted = lint([(String::new(), script.text.clone())], None, Sent::OneByOne).remove(0);
    for finding in &linted.findings {
        assert!(finding.rule.is_some(), "seed {seed}: {:?}\n{}", finding.diagnostic, script.text);
        if let Some(fix) = &finding.fix {
            assert!(TITLES.contains(&fix.title), "a rewrite that is not in the list: {}", fix.title);
            *tally.titles.entry(fix.title).or_default() += 1;
        }
    }
    let before = run(&script.pieces, database).unwrap();
    tally.statements_failed += before.errors.len();
    tally.succeeded += usize::from(before.errors.is_empty());
    let (same, fixes) = fixed(&script.text, None, Sent::OneByOne, Meaning::Same);
    tally.fixes += fixes;
    differ(seed, script, &before, &same, database, tally);
    if before.errors.is_empty() {
        let (all, fixes) = fixed(&script.text, None, Sent::OneByOne, Meaning::SameIfAllSucceed);
        tally.fixes += fixes;
        differ(seed, script, &before, &all, database, tally);
    }
}

fn differ(
    seed: u64,
    script: &Script,
    before: &Outcome,
    with: &str,
    database: &Database<'_>,
    tally: &mut Tally,
) {
    if with == script.text {
        return;
    }
    let after = run(&psql::pieces(with), database).unwrap();
    if after != *before {
        let text = &script.text;
        let (was, is) = (&before.state, &after.state);
        tally.differences.push(format!(
            "seed {seed}\n{text}\n---- with rewrites\n{with}\n---- errors {:?}\n{was}---- and with rewrites {:?}\n{is}",
            before.errors, after.errors
        ));
    }
}
