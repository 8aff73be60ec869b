//! Tests how the compiler reads constants, with generated literals and PostgreSQL's own input functions as the judge.
//!
//! For each type, PostgreSQL writes values in all styles of its output functions, and the test changes each of these
//! values. The test fails if the compiler rejects a literal that PostgreSQL accepts, or panics. The test counts the
//! literals that the compiler accepts and PostgreSQL rejects, and the errors that differ. Each type has a limit for the
//! number of such literals, and a limit for the number of such errors. Each literal is tried in both dialects: DSQL
//! always has the default settings, but the date order of another PostgreSQL may differ. `LITERALS=1000000` tries that
//! number of literals for each type, `LITERALS_SEED=7` starts with another seed; without these variables each run is
//! the same. `cargo xtask literals` sets both variables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod judge;
mod kinds;
mod mutate;

use std::sync::Mutex;
use std::thread;

use dsql_edge_compiler::Schema;
use dsql_edge_tests::oracle::Oracle;
use fastrand::Rng;

use judge::{Tally, compiler, postgres};
use kinds::{KINDS, Kind};
use mutate::Mutator;

/// The number of literals for each type if no number is given. Each literal is tried once for each dialect.
const LITERALS: usize = 1_000;

/// Types of the user.
const TYPES: &str = "CREATE DOMAIN small AS int; CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');";

/// The number of literals in a statement.
const AT_ONCE: usize = 500;

/// The number of types that are tried at the same time. Each type has a session of PostgreSQL.
const THREADS: usize = 2;

/// The number of literals of each type, and the seed.
#[derive(Clone, Copy)]
struct Size {
    count: usize,
    seed: u64,
}

#[test]
fn literals() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().expect(name));
    let size = Size {
        count: number("LITERALS").map_or(LITERALS, |it| usize::try_from(it).unwrap()),
        seed: number("LITERALS_SEED").unwrap_or(1),
    };
    let only = std::env::var("LITERALS_TYPE").ok();
    let oracle = Oracle::start().unwrap();
    let of_dialect = |dialect| Schema::parse(&format!("-- dsql-edge: dialect {dialect}\n{TYPES}")).unwrap();
    let schemas = [of_dialect("dsql"), of_dialect("postgres")];
    let kinds = (1..).zip(KINDS).filter(|(_, kind)| only.as_deref().is_none_or(|only| only == kind.name));
    let (kinds, tallies) = (Mutex::new(kinds), Mutex::new(Vec::new()));
    let try_kinds = || {
        loop {
            let Some((at, kind)) = kinds.lock().unwrap().next() else { break };
            let tally = try_kind(&oracle, &schemas, size, at, kind);
            println!("{tally}");
            if size.count > LITERALS {
                print!("{}", tally.examples());
            }
            tallies.lock().unwrap().push((at, kind, tally));
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(try_kinds);
        }
    });
    let mut tallies = tallies.into_inner().unwrap();
    tallies.sort_by_key(|(at, ..)| *at);
    let tried: usize = tallies.iter().map(|(.., tally)| tally.tried).sum();
    println!(
        "seed {}: {} types, {tried} tries, each literal once for each dialect",
        size.seed,
        tallies.len()
    );
    let bad: Vec<String> = tallies.iter().filter_map(|(_, kind, tally)| complaint(kind, tally)).collect();
    assert!(bad.is_empty(), "the compiler and PostgreSQL differ:\n{}", bad.join("\n"));
}

/// Tries literals of one type. `at` is the index of the type in the list, so that each type has different random
/// numbers.
fn try_kind(oracle: &Oracle, schemas: &[Schema; 2], size: Size, at: u64, kind: &Kind) -> Tally {
    let Size { count, seed } = size;
    let database = oracle.database(TYPES).unwrap();
    let values = kinds::values(kind, &database, seed, count).unwrap();
    assert!(values.len() > 5, "{}: PostgreSQL writes only {values:?}", kind.name);
    let rng = Rng::with_seed(seed.wrapping_mul(1_000_003) + at);
    let mut mutator = Mutator::new(rng, values, kind.words);
    let mut tally = Tally::new(kind.name);
    for first in (0..count).step_by(AT_ONCE) {
        let literals: Vec<String> = (0..AT_ONCE.min(count - first)).map(|_| mutator.literal()).collect();
        let expected = postgres(&database, kind, &literals).unwrap();
        for (schema, expected) in schemas.iter().zip([&expected.default, &expected.any_order]) {
            let answers = compiler(schema, kind.name, &literals);
            for ((literal, expected), answer) in literals.iter().zip(expected).zip(&answers) {
                tally.add(literal, expected.as_ref(), answer.as_ref());
            }
        }
    }
    tally
}

/// Returns a complaint if the compiler differs from PostgreSQL too often for a type.
fn complaint(kind: &Kind, tally: &Tally) -> Option<String> {
    let name = kind.name;
    if tally.wrongly_rejected.count > 0 {
        return Some(format!("{name}: PostgreSQL accepts {}", tally.wrongly_rejected));
    }
    let missed = tally.wrongly_accepted.count * 1000;
    if missed > kind.missed_per_mille * tally.rejected {
        return Some(format!("{name}: PostgreSQL rejects {}", tally.wrongly_accepted));
    }
    let other = tally.other_error.count * 1000;
    (other > kind.other_per_mille * tally.rejected)
        .then(|| format!("{name}: other errors: {}", tally.other_error))
}
