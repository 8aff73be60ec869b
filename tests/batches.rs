//! Updates and deletes many rows in batches, while a network cuts the connection: before and after each batch, and at
//! each stage of a new connection. At the end, the rows must be those that a single statement would leave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use dsql_edge::{Batches, Config, Dsql, Error, sql};
use dsql_edge_local::Local;
use dsql_edge_tests::cutter::{Afterwards, Break, Cutter};
use flights::{id, local};

/// The number of rows: 50,000 in `cargo xtask test --full faults`.
fn rows() -> u128 {
    if std::env::var_os("DSQL_EDGE_FAULTS").is_some_and(|how| how == "everywhere") { 50_000 } else { 10_000 }
}

sql! {
    /// Adds one to `views` of each row that is not marked, and marks the row. If a row were changed twice, the sum of
    /// `views` would be too high.
    fn raise(text: &str) in batches of 1000 =
        "UPDATE posts SET views = views + 1, title = 'raised' WHERE title <> 'raised' AND body = $text";

    fn clear(text: &str) in batches of 1000 = "DELETE FROM posts WHERE body = $text";

    /// The number of rows for each combination of `body`, `title` and `views`.
    fn groups() -> pub(self) Group =
        "SELECT body, title, views, count(*) AS rows FROM posts GROUP BY body, title, views ORDER BY body, title, views";
}

/// The rows as `body title views: count`.
async fn contents(dsql: &Dsql) -> Vec<String> {
    let groups = groups().fetch_all(dsql).await.unwrap();
    let line = |it: Group| format!("{} {} {}: {}", it.body.unwrap_or_default(), it.title, it.views, it.rows);
    groups.into_iter().map(line).collect()
}

/// The counts of a run: batches, cuts of the network, and unknown outcomes.
#[derive(Debug, Default)]
struct Run {
    /// The number of the last batch that was answered, counted from 0.
    batches: usize,
    cuts: usize,
    /// The attempts whose outcome is unknown.
    unknown: usize,
}

impl Run {
    /// Runs all batches. If a connection is open, the first attempt of a batch is sent, but its answer is lost. The
    /// second attempt is cut at one of the chunks of a new connection.
    async fn all(&mut self, batches: &mut Batches, dsql: &Dsql, cutter: &Cutter) {
        // A connection and a batch have fewer chunks than this number, so a cut at this chunk does not happen.
        const CHUNKS: usize = 6;
        for batch in 0.. {
            let how = if batch % 2 == 0 { Break::Before } else { Break::After };
            for (chunk, how) in [(0, Break::After), (batch / 2 % CHUNKS, how), (CHUNKS, how)] {
                cutter.break_at(chunk, how, Afterwards::Works);
                self.cuts += usize::from(chunk < CHUNKS);
                match batches.next(dsql).await {
                    Ok(Some(_)) => break,
                    Ok(None) => return,
                    Err(error) => self.failed(&error, batches.rows_affected()),
                }
            }
            self.batches = batch;
        }
    }

    fn failed(&mut self, error: &Error, rows: u64) {
        self.unknown += 1;
        assert!(error.is_outcome_unknown(), "{error}");
        assert_eq!(error.committed_rows(), Some(rows), "{error}");
    }
}

async fn config(local: &Local, cutter: &Cutter) -> Config {
    let bindings = local.bindings();
    let config = Config::from_bindings("", |name| match name {
        "DSQL_ENDPOINT" => Some(format!("localhost:{}", cutter.port())),
        _ => bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    });
    config.unwrap().extra_ca(local.ca_pem())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_change_each_row_once_over_a_broken_network() {
    let rows = rows();
    let local = local().await;
    let cutter = Cutter::intact(local.port()).await;
    let direct = Dsql::new(flights::config(&local, None));
    // Every fifth row does not satisfy the condition.
    let text = |n: u128| if n.is_multiple_of(5) { "keep" } else { "all" };
    sql!("INSERT INTO posts (id, title, body) VALUES ($id, 'new', $text)", for n in 0..rows, id = id(n), text = text(n))
        .fused()
        .execute(&direct)
        .await
        .unwrap();

    let kept = format!("keep new 0: {}", rows / 5);
    let mut update = Run::default();
    let dsql = Dsql::new(config(&local, &cutter).await);
    update.all(&mut raise("all"), &dsql, &cutter).await;
    assert_eq!(contents(&direct).await, [format!("all raised 1: {}", rows / 5 * 4), kept.clone()]);
    println!("UPDATE of {rows} rows: {update:?}");

    let mut delete = Run::default();
    delete.all(&mut clear("all"), &dsql, &cutter).await;
    assert_eq!(contents(&direct).await, [kept]);
    println!("DELETE of {rows} rows: {delete:?}");
    for run in [update, delete] {
        // A batch that did not arrive is sent again without an error.
        assert!(run.unknown >= run.batches && run.cuts > run.unknown, "not every batch was cut: {run:?}");
    }
    local.stop().await.unwrap();
}

/// A run that ended in the middle is repeated from the beginning, by another request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_run_is_repeated_from_the_beginning() {
    let local = local().await;
    let dsql = Dsql::new(flights::config(&local, None));
    sql!("INSERT INTO posts (id, title, body) VALUES ($id, 'new', 'all')", for n in 0..4_500, id = id(n))
        .execute(&dsql)
        .await
        .unwrap();
    let mut interrupted = raise("all");
    for expected in [1_000, 2_000] {
        assert_eq!(interrupted.next(&dsql).await.unwrap(), Some(1_000));
        assert_eq!(interrupted.rows_affected(), expected);
    }
    drop(interrupted);
    assert_eq!(raise("all").execute(&dsql).await.unwrap(), 2_500);
    assert_eq!(contents(&dsql).await, ["all raised 1: 4500"]);
    // A statement that is done does not send anything.
    let mut done = clear("none");
    assert_eq!((done.next(&dsql).await.unwrap(), done.next(&dsql).await.unwrap()), (None, None));
    local.stop().await.unwrap();
}
