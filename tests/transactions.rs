//! Tests transactions, pipelines and retries with a real PostgreSQL 16 behind dsql-local. A network between the client
//! and dsql-local counts the round trips of each operation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsql_edge::types::Uuid;
use dsql_edge::{Dsql, Error, Executor, IdempotentOutcome, Transaction, sql};
use dsql_edge_local::Local;
use dsql_edge_tests::network::{Fault, Network};
use flights::{TABLES, config, count, id, local};

sql! {
    fn add_post(id, title) = "INSERT INTO posts (id, title) VALUES ($id, $title)";

    fn views(id) -> pub Views = "SELECT views FROM posts WHERE id = $id";

    fn set_views(id, views) = "UPDATE posts SET views = $views WHERE id = $id";
}

/// Reads and then writes, so that two concurrent calls conflict.
async fn increment(mut db: impl Executor, id: Uuid) -> Result<i32, Error> {
    let now = views(id).fetch_value(&mut db).await?;
    set_views(id, now + 1).execute(&mut db).await?;
    Ok(now + 1)
}

#[derive(Debug)]
enum Mine {
    Database(Error),
    TooPopular,
}

impl From<Error> for Mine {
    fn from(error: Error) -> Self {
        Mine::Database(error)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_conflict_run_again_and_all_are_counted() {
    let local = local().await;
    let post = id(1);
    add_post(post, "Counted").execute(&Dsql::new(config(&local, None))).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    // The future is spawned on another thread, so the future of `transaction` must be Send for every closure.
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (config, runs) = (config(&local, None).max_attempts(50), runs.clone());
            tokio::spawn(async move {
                let dsql = Dsql::new(config);
                let (title, ids) = (String::from("Counted"), vec![post]);
                dsql.transaction(async move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    for id in &ids {
                        increment(tx, *id).await?;
                    }
                    let found = sql!("SELECT id FROM posts WHERE title = $title").fetch_all(tx).await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok::<usize, Error>(found.len())
                })
                .await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
    let dsql = Dsql::new(config(&local, None));
    assert_eq!(views(post).fetch_value(&dsql).await.unwrap(), 8);
    assert!(runs.load(Ordering::Relaxed) > 8, "the transactions did not conflict");
    local.stop().await.unwrap();
}

/// Two clients conflict all the time: no client waits for a lock, each conflict is retried, and no increment is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_conflicting_clients_lose_no_increment() {
    const TIMES: i32 = 25;
    let local = local().await;
    let post = id(1);
    add_post(post, "Counted").execute(&Dsql::new(config(&local, None))).await.unwrap();
    let conflicts = Arc::new(AtomicU32::new(0));
    let counters: Vec<_> = (0..2)
        .map(|_| {
            let conflicts = conflicts.clone();
            let listening = config(&local, None).max_attempts(100).on_event(move |event| {
                conflicts.fetch_add(event.retries(), Ordering::Relaxed);
            });
            tokio::spawn(async move {
                let dsql = Dsql::new(listening);
                for _ in 0..TIMES {
                    dsql.transaction(async move |tx| increment(tx, post).await).await.unwrap();
                }
            })
        })
        .collect();
    for counter in counters {
        counter.await.unwrap();
    }
    let dsql = Dsql::new(config(&local, None));
    assert_eq!(views(post).fetch_value(&dsql).await.unwrap(), 2 * TIMES);
    assert!(conflicts.load(Ordering::Relaxed) > 0, "the transactions did not conflict");
    local.stop().await.unwrap();
}

#[tokio::test]
async fn transaction_is_applied_as_a_whole_or_not_at_all() {
    let local = local().await;
    let dsql = &Dsql::new(config(&local, None));

    let refused = dsql
        .transaction(async |tx| {
            add_post(id(1), "One").execute(tx).await?;
            let popular = views(id(1)).fetch_value(tx).await? + 100;
            if popular > 50 { Err(Mine::TooPopular) } else { Ok(()) }
        })
        .await;
    assert!(matches!(refused, Err(Mine::TooPopular)));
    assert_eq!(count().fetch_value(dsql).await.unwrap(), 0);

    // PostgreSQL rejects the second INSERT, and the closure ignores the error.
    let swallowed: Result<(), Mine> = dsql
        .transaction(async |tx| {
            add_post(id(1), "One").execute(tx).await?;
            let _ = add_post(id(1), "One again").execute(tx).await;
            Ok(())
        })
        .await;
    let Err(Mine::Database(error)) = swallowed else { panic!("the second INSERT was rejected") };
    assert!(error.is_unique_violation() && error.constraint() == Some("posts_pkey"), "{error}");
    assert!(error.to_string().contains("add_post"), "{error}");
    assert_eq!(count().fetch_value(dsql).await.unwrap(), 0);

    let both = dsql
        .transaction(async |tx| {
            let (one, two) = tx.pipeline((add_post(id(1), "One"), add_post(id(2), "Two"))).await?;
            Ok::<_, Error>(one + two)
        })
        .await;
    assert_eq!(both.unwrap(), 2);

    let read_only = dsql.transaction(async |tx| add_post(id(3), "Three").execute(tx).await).read_only().await;
    assert_eq!(read_only.unwrap_err().sqlstate().unwrap().as_str(), "25006");
    let counted = dsql.transaction(async |tx| count().fetch_value(tx).await).read_only().await;
    assert_eq!(counted.unwrap(), 2);

    // A transaction on a session is committed; a transaction that is dropped before its end is rolled back.
    let mut session = dsql.session();
    let done = session.transaction(async |tx| increment(tx, id(1)).await).await;
    assert_eq!(done.unwrap(), 1);
    let running = dsql.transaction(async |tx| {
        increment(tx, id(1)).await?;
        std::future::pending::<Result<(), Error>>().await
    });
    assert!(tokio::time::timeout(Duration::from_millis(300), running).await.is_err());
    let late = dsql.transaction(async |tx| {
        increment(tx, id(1)).await?;
        std::future::pending::<Result<(), Error>>().await
    });
    assert!(late.timeout(Duration::from_millis(300)).await.unwrap_err().is_timeout());
    assert_eq!(increment(&mut session, id(1)).await.unwrap(), 2);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn a_pipeline_is_all_or_nothing() {
    let local = local().await;
    let dsql = &Dsql::new(config(&local, None));
    let (posts, before, one, missing) = dsql
        .pipeline((
            add_post(id(1), "One"),
            sql!("SELECT title, body FROM posts"),
            count().value(),
            sql!("SELECT title FROM posts WHERE id = $1", id(9)).optional(),
        ))
        .await
        .unwrap();
    assert_eq!((posts, before[0].title.as_str(), one, missing.is_none()), (1, "One", 1, true));

    let error = dsql.pipeline((add_post(id(2), "Two"), add_post(id(1), "One again"))).await.unwrap_err();
    assert!(error.is_unique_violation() && !error.is_outcome_unknown(), "{error}");
    let error = dsql.pipeline((add_post(id(2), "Two"), views(id(7)).one())).await.unwrap_err();
    assert!(error.is_no_rows(), "{error}");
    let ids = (0..10).map(|number| views(id(number)).optional()).collect::<Vec<_>>();
    let found = dsql.session().pipeline(ids).await.unwrap();
    assert_eq!(
        found.into_iter().map(|row| row.is_some()).collect::<Vec<_>>()[..4],
        [false, true, true, false]
    );
    local.stop().await.unwrap();
}

#[tokio::test]
async fn killed_backend_costs_no_statement() {
    let local = local().await;
    let reported: Arc<Mutex<u32>> = Arc::default();
    let log = reported.clone();
    let listening = config(&local, None).on_event(move |event| *log.lock().unwrap() += event.retries());
    let dsql = &Dsql::new(listening);
    add_post(id(1), "One").execute(dsql).await.unwrap();
    // This SQL also runs in a session of `admin`, so the SQL leaves out its own session.
    let others = "FROM pg_stat_activity WHERE usename = 'admin' AND backend_type = 'client backend'
                  AND query NOT LIKE '%pg_stat_activity%'";
    let kill = &format!("SELECT pg_terminate_backend(pid) {others}");
    let gone = format!(
        "DO $$ BEGIN
             WHILE EXISTS (SELECT {others}) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP;
         END $$"
    );

    // The backend is killed while the connection is idle: the client replaces the connection before it sends a write.
    local.run_sql("kill", kill).await.unwrap();
    local.run_sql("gone", &gone).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    set_views(id(1), 1).execute(dsql).await.unwrap();
    assert_eq!(*reported.lock().unwrap(), 0);

    // The backend is killed during a transaction: the transaction runs again.
    let times = AtomicU32::new(0);
    let done = dsql
        .transaction(async |tx| {
            let seen = increment(tx, id(1)).await?;
            if times.fetch_add(1, Ordering::Relaxed) == 0 {
                local.run_sql("kill", kill).await.unwrap();
            }
            add_post(id(2), "Two").execute(tx).await?;
            Ok::<_, Error>(seen)
        })
        .await;
    assert_eq!((done.unwrap(), times.into_inner()), (2, 2));
    assert_eq!(views(id(1)).fetch_value(dsql).await.unwrap(), 2);
    local.stop().await.unwrap();
}

/// The number of attempts. Each attempt counts the bytes of one connection, and cuts the next connection 30 bytes
/// before this number. If TLS divides the answers into other records than in the first connection, the cut is at
/// another position of the answers, and the test makes another attempt.
const CUTS: usize = 20;

/// The connection breaks within the answer to COMMIT, so that the client cannot know the outcome.
#[tokio::test]
async fn lost_answer_to_commit_leaves_the_outcome_unknown() {
    let local = local().await;
    let write = async |tx: Transaction<'_>| add_post(id(1), "One").execute(tx).await;
    let watcher = Dsql::new(config(&local, None));
    for _ in 0..CUTS {
        let network = Network::to(local.port(), Duration::ZERO, Fault::None).await;
        Dsql::new(config(&local, Some(&network))).transaction(write).await.unwrap();
        let whole = network.connections()[0].received();
        sql!("DELETE FROM posts WHERE true").execute(&watcher).await.unwrap();

        let network = Network::to(local.port(), Duration::ZERO, Fault::CutAfter(whole - 30)).await;
        let result = Dsql::new(config(&local, Some(&network))).transaction(write).await;
        let posts = count().fetch_value(&watcher).await.unwrap();
        match result {
            Err(error) if error.is_outcome_unknown() => {
                assert_eq!(posts, 1, "{error}");
                // More than one attempt means that the first connection broke before the answer to COMMIT began, so
                // this cut does not count, and the test tries another one.
                if error.attempts() == 1 {
                    return local.stop().await.unwrap();
                }
            }
            done => assert_eq!(posts, i64::from(done.is_ok()), "{done:?}"),
        }
        sql!("DELETE FROM posts WHERE true").execute(&watcher).await.unwrap();
    }
    panic!("none of {CUTS} cuts was within the answer to COMMIT");
}

/// The connection breaks within the answer to COMMIT. The transaction has an idempotency key, so the answers are some
/// bytes longer than without a key.
#[tokio::test]
async fn lost_answer_to_commit_is_resolved_by_the_key() {
    let local = local().await;
    let write = async |tx: Transaction<'_>| add_post(id(1), "One").execute(tx).await;
    let key = || add_post(id(99), "the key");
    let watcher = Dsql::new(config(&local, None));
    for _ in 0..CUTS {
        let network = Network::to(local.port(), Duration::ZERO, Fault::None).await;
        let first = Dsql::new(config(&local, Some(&network))).transaction(write).idempotency_key(key()).await;
        assert_eq!(first.unwrap(), IdempotentOutcome::Committed(1));
        let whole = network.connections()[0].received();
        sql!("DELETE FROM posts WHERE true").execute(&watcher).await.unwrap();

        let network = Network::to(local.port(), Duration::ZERO, Fault::CutFirstAfter(whole - 30)).await;
        let cut = Dsql::new(config(&local, Some(&network))).transaction(write).idempotency_key(key()).await;
        let (cut, posts) = (cut.unwrap(), count().fetch_value(&watcher).await.unwrap());
        assert_eq!(posts, 2, "{cut:?}");
        if cut == IdempotentOutcome::AlreadyCommitted {
            assert_eq!(network.connections().len(), 2);
            let other = Dsql::new(config(&local, None)).transaction(write).idempotency_key(key()).await;
            assert_eq!(other.unwrap(), IdempotentOutcome::AlreadyCommitted);
            return local.stop().await.unwrap();
        }
        sql!("DELETE FROM posts WHERE true").execute(&watcher).await.unwrap();
    }
    panic!("none of {CUTS} cuts was within the answer to COMMIT");
}

#[tokio::test]
async fn any_number_of_rows() {
    let local = local().await;
    let dsql = &Dsql::new(config(&local, None));
    let add = |from: u128, to: u128| {
        sql!("INSERT INTO posts (id, title) VALUES ($id, $title)", for n in from..to, id = id(n), title = "many")
            .execute(dsql)
    };
    assert_eq!(add(0, 10_000).await.unwrap(), 10_000);
    // One row of the first INSERT is kept. The second INSERT conflicts with this row in its third chunk. Deleting 9,999
    // rows exceeds DSQL's limit for a transaction, so this statement runs directly on PostgreSQL, not through the
    // proxy.
    let rest = format!("DELETE FROM posts WHERE id <> '{}'", id(7_000));
    local.run_sql("rest", &rest).await.unwrap();
    let error = add(0, 10_000).await.unwrap_err();
    assert!(error.is_unique_violation() && error.committed_rows() == Some(6_000), "{error}");
    assert_eq!(count().fetch_value(dsql).await.unwrap(), 6_001);

    // The statement is sent once for each row, because the statement returns rows. In a transaction, all rows are
    // applied or none.
    let titles = sql!(
        "UPDATE posts SET title = $title WHERE id = $id RETURNING title",
        for n in 0..3_500,
        title = format!("title {n}"),
        id = id(n)
    );
    let titles = titles.fetch_all(dsql).await.unwrap();
    assert_eq!((titles.len(), titles[3_499].title.as_str()), (3_500, "title 3499"));
    let refused = dsql
        .transaction(async |tx| {
            let ids = 6_500..7_001;
            sql!("INSERT INTO posts (id, title) VALUES ($1, 'x')", for n in ids, id(n)).execute(tx).await
        })
        .await;
    assert!(refused.unwrap_err().is_unique_violation());
    assert_eq!(count().fetch_value(dsql).await.unwrap(), 6_001);
    local.stop().await.unwrap();
}

/// An operation on posts.
type Scenario = fn(Dsql) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

const SCENARIOS: [(&str, i64, Scenario); 4] = [
    ("a write alone", 1, |dsql| {
        Box::pin(async move { add_post(id(1), "One").execute(&dsql).await.map(drop) })
    }),
    ("a pipeline", 2, |dsql| {
        Box::pin(async move {
            dsql.pipeline((add_post(id(1), "One"), count(), add_post(id(2), "Two"))).await.map(drop)
        })
    }),
    ("a transaction", 2, |dsql| {
        Box::pin(async move {
            dsql.transaction(async |tx| {
                add_post(id(1), "One").execute(tx).await?;
                add_post(id(2), "Two").execute(tx).await.map(drop)
            })
            .await
        })
    }),
    ("rows", 50, |dsql| {
        Box::pin(async move {
            let rows = sql!("INSERT INTO posts (id, title) VALUES ($1, lower('X'))", for n in 1..=50, id(n));
            rows.execute(&dsql).await.map(drop)
        })
    }),
];

/// Runs a scenario thirty times on a separate cluster. The first connection breaks at a different byte in each run.
/// After each run, the client's report must agree with the database. Returns the number of connections that were
/// replaced and of unknown outcomes.
async fn broken_at_thirty_places((name, rows, scenario): (&str, i64, Scenario)) -> (usize, usize) {
    let local = local().await;
    let watcher = Dsql::new(config(&local, None));
    let (mut retried, mut unknown) = (0, 0);
    let clean = || sql!("DELETE FROM posts WHERE true").execute(&watcher);
    let whole = {
        let network = Network::to(local.port(), Duration::ZERO, Fault::None).await;
        scenario(Dsql::new(config(&local, Some(&network)))).await.unwrap();
        network.connections()[0].received()
    };
    for cut in (0..whole).step_by(whole / 30) {
        clean().await.unwrap();
        let network = Network::to(local.port(), Duration::ZERO, Fault::CutFirstAfter(cut)).await;
        let reported = scenario(Dsql::new(config(&local, Some(&network)))).await;
        // The last message may still be in transit to the server.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let there = count().fetch_value(&watcher).await.unwrap();
        match reported {
            Ok(()) => {
                assert_eq!(there, rows, "{name}, cut after {cut} of {whole}");
                retried += network.connections().len() - 1;
            }
            Err(error) if error.is_outcome_unknown() => {
                assert!(there == 0 || there == rows, "{name}, cut after {cut}: {there}");
                assert_eq!(network.connections().len(), 1, "{name}, cut after {cut}: it was sent again");
                unknown += 1;
            }
            Err(error) => assert_eq!(there, 0, "{name}, cut after {cut} of {whole}: {error}"),
        }
    }
    local.stop().await.unwrap();
    (retried, unknown)
}

/// The scenarios run at the same time, because the client pauses before each retry.
#[tokio::test]
async fn broken_connection_loses_and_doubles_no_write() {
    let broken = futures_util::future::join_all(SCENARIOS.map(broken_at_thirty_places)).await;
    let retried: usize = broken.iter().map(|(retried, _)| retried).sum();
    let unknown: usize = broken.iter().map(|(_, unknown)| unknown).sum();
    assert!(retried > 20 && unknown > 20, "{retried} retried, {unknown} unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn round_trips() {
    let local = local().await;
    let role = "arn:aws:iam::123456789012:role/app";
    let with_role = Local::builder().named_init_sql("tables", TABLES).role(role, None).start().await.unwrap();
    let mut flights = flights::native(&local).await.unwrap();
    flights.extend(flights::assumed_role(&with_role, role).await.unwrap());
    with_role.stop().await.unwrap();
    flights.extend(flights::warmed_up(&local).await.unwrap());
    flights.extend(flights::direct_tls(&local).await.unwrap());
    flights.extend(flights::websocket(&local).await.unwrap());
    for flight in flights {
        assert_eq!(flight.counted, flight.expected, "{}", flight.case);
    }
    local.stop().await.unwrap();
}
