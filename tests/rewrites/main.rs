//! Tests `dsql-edge lint --fix`: runs generated scripts of one or several files on PostgreSQL 16 with and without
//! their rewrites.
//!
//! With a rewrite that `--fix` applies, a script must leave the same catalog and the same rows, and give the same
//! errors. A script in which the linter finds a name that is taken or missing must fail. A rewrite that needs
//! `--assume-success` must have the same effect in each script in which no statement fails. `REWRITES_SCRIPTS=5000`
//! tries more scripts, `REWRITES_SEED=7` tries other scripts; `cargo xtask rewrites` sets both variables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod database;
mod psql;
mod script;

use std::collections::BTreeMap;

use dsql_edge_compiler::diagnostic::Stage;
use dsql_edge_compiler::dsql::Meaning;
use dsql_edge_migrations::lint::{Sent, fixed_all, lint};
use dsql_edge_tests::oracle::{Database, Oracle};

use database::{Outcome, run};
use psql::Piece;
use script::{File, generate};

/// The number of scripts, unless `REWRITES_SCRIPTS` sets another number.
const SCRIPTS: u64 = 200;

/// Every rewrite. The test fails if a rewrite was never tried.
const TITLES: &[&str] = &[
    "add it NOT VALID",
    "add the column, then its default",
    "add it NOT VALID, then validate it",
    "begin another transaction",
    "leave ASC out",
    "leave COLLATE out: it is C anyway",
    "leave COMPRESSION out",
    "leave DESC out: a query that needs both directions sorts its rows",
    "leave DESC out: an index is read both ways",
    "leave AS out: it is bigint",
    "leave UNLOGGED out",
    "leave USING out: it is a B-tree anyway",
    "leave it out",
    "make it an identity column",
    "make it bigint",
    "make the column bigint",
    "move the key into CREATE TABLE",
    "write CACHE 1, which is PostgreSQL's default",
    "write ALTER TABLE ASYNC",
    "write CREATE INDEX ASYNC",
];

#[derive(Default)]
struct Tally {
    files: usize,
    fixes: usize,
    /// The number of scripts in which no statement failed.
    succeeded: usize,
    statements_failed: usize,
    /// The number of names that the linter reports as taken or missing.
    certain: usize,
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
        let files = generate(seed);
        for File { text, pieces } in &files {
            assert_eq!(psql::pieces(text), *pieces, "seed {seed}:\n{text}");
        }
        tally.files += files.len();
        let script = Script { seed, files };
        compare(&script, &database, &mut tally);
    }
    for difference in tally.differences.iter().take(5) {
        println!("{difference}\n");
    }
    for title in TITLES {
        println!("{:6} {title}", tally.titles.get(title).unwrap_or(&0));
    }
    println!(
        "scripts {scripts}, files {}, nothing failed in {}, statements that failed {} (the linter reports {}), fixes {}, \
         differences {}",
        tally.files,
        tally.succeeded,
        tally.statements_failed,
        tally.certain,
        tally.fixes,
        tally.differences.len()
    );
    assert!(tally.differences.is_empty(), "a script does something else with its rewrites");
    let untried: Vec<_> = TITLES.iter().filter(|title| !tally.titles.contains_key(**title)).collect();
    assert!(untried.is_empty(), "never tried: {untried:?}");
}

/// The files of a script, and the seed from which the script was generated.
struct Script {
    seed: u64,
    files: Vec<File>,
}

impl Script {
    /// Whether all files run in one session, as with `psql -f a.sql -f b.sql`. All scripts with an even seed run in one
    /// session.
    fn one_session(&self) -> bool {
        self.seed.is_multiple_of(2)
    }

    /// Returns the files with the rewrites that `lint --fix` applies to a folder, and the number of rewrites.
    fn rewritten(&self, safe: Meaning) -> (Vec<String>, usize) {
        let texts: Vec<&str> = self.files.iter().map(|file| file.text.as_str()).collect();
        let fixed = fixed_all(&texts, None, Sent::OneByOne, safe);
        let (texts, counts): (Vec<String>, Vec<usize>) = fixed.into_iter().unzip();
        (texts, counts.into_iter().sum())
    }
}

fn compare(script: &Script, database: &Database<'_>, tally: &mut Tally) {
    let texts = script.files.iter().map(|file| (String::new(), file.text.clone()));
    let mut certain = Vec::new();
    for file in lint(texts, None, Sent::OneByOne) {
        for finding in &file.findings {
            let (seed, text) = (script.seed, &file.text);
            if finding.rule.is_none() && finding.diagnostic.is_error() {
                // The linter must be able to parse each script. An error about a name that is taken or missing is an
                // error of PostgreSQL, too, when the script runs.
                let is_read = finding.diagnostic.stage == Stage::Analysis;
                assert!(is_read, "seed {seed}: {:?}\n{text}", finding.diagnostic);
                certain.push(finding.diagnostic.clone());
            }
            if let Some(fix) = &finding.fix {
                assert!(TITLES.contains(&fix.title), "a rewrite that is not in the list: {}", fix.title);
                *tally.titles.entry(fix.title).or_default() += 1;
            }
        }
    }
    let pieces: Vec<Vec<Piece>> = script.files.iter().map(|file| file.pieces.clone()).collect();
    let before = run(&pieces, script.one_session(), database).unwrap();
    let is_right = certain.is_empty() || !before.errors.is_empty();
    assert!(is_right, "seed {}: nothing fails in PostgreSQL, but {certain:?}", script.seed);
    tally.certain += certain.len();
    tally.statements_failed += before.errors.len();
    tally.succeeded += usize::from(before.errors.is_empty());
    let (same, fixes) = script.rewritten(Meaning::Same);
    tally.fixes += fixes;
    differ(script, &before, &same, database, tally);
    if before.errors.is_empty() {
        let (all, fixes) = script.rewritten(Meaning::SameIfAllSucceed);
        tally.fixes += fixes;
        differ(script, &before, &all, database, tally);
    }
}

fn differ(script: &Script, before: &Outcome, with: &[String], database: &Database<'_>, tally: &mut Tally) {
    let texts: Vec<&str> = script.files.iter().map(|file| file.text.as_str()).collect();
    if with == texts {
        return;
    }
    let pieces: Vec<Vec<Piece>> = with.iter().map(|text| psql::pieces(text)).collect();
    let after = run(&pieces, script.one_session(), database).unwrap();
    if after != *before {
        let (seed, text, with) = (script.seed, texts.join(NEXT_FILE), with.join(NEXT_FILE));
        let (was, is) = (&before.state, &after.state);
        tally.differences.push(format!(
            "seed {seed}\n{text}\n---- with rewrites\n{with}\n---- errors {:?}\n{was}---- and with rewrites {:?}\n{is}",
            before.errors, after.errors
        ));
    }
}

/// The line that separates two files in the output.
const NEXT_FILE: &str = "\n---- the next file\n";
