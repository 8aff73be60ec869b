//! The work that every client does: the path of the request, and the check of its answer.

use serde_json::{Value, json};

use crate::database::Database;
use crate::expected;

/// One kind of work.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name, in paths and in figures.
    pub name: &'static str,
    /// The name in tables.
    pub title: &'static str,
    /// Whether this case is measured with the longer of the two delays also in a default run, not only in a full run.
    pub is_short: bool,
    path: fn(&Turn) -> String,
    check: fn(&Value, &Turn) -> Result<(), String>,
    /// The number of rows that a turn inserts under the name of its run.
    inserted: i64,
}

/// One request of one client.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// The client's index in the list of clients.
    pub client: usize,
    /// The number of the turn. No two turns of a client have the same number.
    pub number: u64,
}

impl Turn {
    /// Returns a name that is different for each turn.
    pub fn run(&self) -> String {
        format!("run-{}-{}", self.client, self.number)
    }

    /// Accounts that only this client uses.
    fn accounts(&self) -> (usize, usize) {
        (2 * self.client + 1, 2 * self.client + 2)
    }
}

/// The amount of a transfer.
const AMOUNT: i64 = 3;
/// The number of rows that one turn of the case with many rows inserts.
const MANY: i64 = 10_000;

/// All cases, in the order of the tables.
pub const CASES: [Case; 9] = [
    Case {
        name: "one",
        title: "cold `SELECT current_timestamp`",
        is_short: true,
        path: |_| "/one".to_owned(),
        check: |answer, _| expected::now(answer),
        inserted: 0,
    },
    Case {
        name: "rows",
        title: "one parameter, 100 rows",
        is_short: true,
        path: |turn| format!("/rows/category-{}", turn.number % 10),
        check: |answer, turn| expected::rows(answer, category(turn)),
        inserted: 0,
    },
    Case {
        name: "three",
        title: "three queries",
        is_short: true,
        path: |turn| format!("/three/category-{}/{}", turn.number % 10, expected::QUIET_ACCOUNT),
        check: |answer, turn| same(answer, &expected::three(category(turn))),
        inserted: 0,
    },
    Case {
        name: "transaction",
        title: "a transaction of five statements",
        is_short: true,
        path: |turn| {
            let (from, to) = turn.accounts();
            format!("/transaction/{from}/{to}/{AMOUNT}")
        },
        check: |answer, _| {
            let balance = |name: &str| answer.get(name).and_then(Value::as_i64);
            match (balance("before"), balance("after")) {
                (Some(before), Some(after)) if before - after == AMOUNT => Ok(()),
                _ => Err(format!("{answer} is not a transfer of {AMOUNT}")),
            }
        },
        inserted: 0,
    },
    Case {
        name: "megabytes-1",
        title: "1 MB of rows",
        is_short: true,
        path: |_| "/megabytes/1000".to_owned(),
        check: |answer, _| same(answer, &expected::megabytes(1_000)),
        inserted: 0,
    },
    Case {
        name: "megabytes-10",
        title: "10 MB of rows",
        is_short: true,
        path: |_| "/megabytes/10000".to_owned(),
        check: |answer, _| same(answer, &expected::megabytes(10_000)),
        inserted: 0,
    },
    Case {
        name: "insert-loop",
        title: "100 inserts in a loop",
        is_short: false,
        path: |turn| format!("/insert-loop/{}", turn.run()),
        check: |answer, _| same(answer, &json!(100)),
        inserted: 100,
    },
    Case {
        name: "insert-best",
        title: "100 inserts, each client's best",
        is_short: true,
        path: |turn| format!("/insert-best/{}", turn.run()),
        check: |answer, _| same(answer, &json!(100)),
        inserted: 100,
    },
    Case {
        name: "insert-many",
        title: "10,000 rows in",
        is_short: true,
        path: |turn| format!("/insert-many/{}/{MANY}", turn.run()),
        check: |answer, _| same(answer, &json!(MANY)),
        inserted: MANY,
    },
];

fn category(turn: &Turn) -> i64 {
    i64::try_from(turn.number % 10).unwrap()
}

fn same(answer: &Value, expected: &Value) -> Result<(), String> {
    if answer == expected { Ok(()) } else { Err(format!("{answer} is not {expected}")) }
}

impl Case {
    /// The case with this name.
    pub fn named(name: &str) -> Option<&'static Case> {
        CASES.iter().find(|case| case.name == name)
    }

    /// The path of a turn's request.
    pub fn path(&self, turn: &Turn) -> String {
        (self.path)(turn)
    }

    /// Checks an answer, and checks that the database contains exactly the rows that the turn must insert. Then removes
    /// these rows.
    ///
    /// # Errors
    /// Describes the difference.
    pub async fn check(&self, answer: &Value, turn: &Turn, database: &Database) -> Result<(), String> {
        (self.check)(answer, turn)?;
        if self.inserted > 0 {
            let found = database.entries(&turn.run()).await;
            if found != self.inserted {
                return Err(format!("the database has {found} rows instead of {}", self.inserted));
            }
            database.remove_entries().await;
        }
        Ok(())
    }
}
