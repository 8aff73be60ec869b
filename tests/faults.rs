//! Tests the client with a dsql-local that fails on request: at commit, at the login, after an hour. Compares the
//! outcomes that the client reports with the rows in the database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each target that includes this module uses a part of it")]
#[path = "flights.rs"]
mod flights;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dsql_edge::{Dsql, IdempotentOutcome, Transaction, sql, sql_unchecked};
use dsql_edge_local::{Fault, Local, Oc001};
use dsql_edge_tests::network::{self, Network};
use flights::{TABLES, config, count, id, local};

sql! {
    fn add(id) = "INSERT INTO posts (id, title) VALUES ($id, 'x')";

    fn add_returning(id) -> pub Added = "INSERT INTO posts (id, title) VALUES ($id, 'x') RETURNING id, title";
}

/// Runs a test once for each setting of OC001: the client's retries must not depend on this setting.
async fn under_each_oc001(test: impl AsyncFn(&Local)) {
    for oc001 in [Oc001::Cached, Oc001::Any] {
        let local = Local::builder().named_init_sql("tables", TABLES).oc001(oc001).start().await.unwrap();
        test(&local).await;
        local.stop().await.unwrap();
    }
}

/// Counts the rows over a separate connection.
async fn there(local: &Local) -> i64 {
    count().fetch_value(&Dsql::new(config(local, None))).await.unwrap()
}

#[tokio::test]
async fn a_conflict_at_commit_runs_the_transaction_again() {
    under_each_oc001(async |local| {
        let dsql = &Dsql::new(config(local, None));
        let runs = AtomicU32::new(0);
        let write = async |tx: Transaction<'_>| {
            runs.fetch_add(1, Ordering::Relaxed);
            add(id(1)).execute(tx).await
        };
        local.set_faults(&[Fault::Conflict(1), Fault::Conflict(2)]);
        dsql.transaction(write).await.unwrap();
        assert_eq!((runs.swap(0, Ordering::Relaxed), there(local).await), (3, 1));
        // Two operations: an autocommit write, and a pipeline.
        local.set_faults(&[Fault::Conflict(1)]);
        add(id(2)).execute(dsql).await.unwrap();
        local.set_faults(&[Fault::Conflict(1)]);
        dsql.pipeline((add(id(3)), add(id(4)))).await.unwrap();
        assert_eq!(there(local).await, 4);
        // Every attempt has a conflict.
        local.set_faults(&(1..=9).map(Fault::Conflict).collect::<Vec<_>>());
        let error =
            dsql.transaction(async |tx| add(id(5)).execute(tx).await).max_attempts(3).await.unwrap_err();
        assert!(error.is_conflict() && error.attempts() == 3 && !error.is_outcome_unknown(), "{error}");
        assert_eq!(there(local).await, 4);
    })
    .await;
}

#[tokio::test]
async fn lost_commit_is_unknown_and_idempotency_key_resolves_it() {
    under_each_oc001(async |local| {
        let cases = [(Fault::CutBeforeCommit(1), 0), (Fault::CutAfterCommit(1), 1)];
        for (fault, written) in cases {
            let clean = || local.run_sql("clean", "DELETE FROM posts");
            let dsql = &Dsql::new(config(local, None));
            let write = async |tx: Transaction<'_>| add(id(1)).execute(tx).await;
            clean().await.unwrap();
            local.set_faults(&[fault]);
            let error = dsql.transaction(write).await.unwrap_err();
            assert!(error.is_outcome_unknown() && error.attempts() == 1, "{fault}: {error}");
            assert_eq!(there(local).await, written, "{fault}");
            clean().await.unwrap();
            local.set_faults(&[fault]);
            let error = add(id(1)).execute(dsql).await.unwrap_err();
            assert!(error.is_outcome_unknown(), "{fault}: {error}");
            assert_eq!(there(local).await, written, "{fault}");
            // With a key the transaction runs again, and its writes are applied once.
            clean().await.unwrap();
            local.set_faults(&[fault]);
            let done = dsql.transaction(write).idempotency_key(add(id(99))).await.unwrap();
            assert_eq!(
                done,
                if written == 0 {
                    IdempotentOutcome::Committed(1)
                } else {
                    IdempotentOutcome::AlreadyCommitted
                },
                "{fault}"
            );
            assert_eq!(there(local).await, 2, "{fault}");
        }
    })
    .await;
}

/// Writes with and without rows, on the first flight of a connection, which is sent with the login, and on a later
/// flight.
#[tokio::test]
async fn commit_faults_apply_to_first_and_later_flights() {
    under_each_oc001(async |local| {
        for first in [true, false] {
            for (fault, applied) in [
                (Fault::Conflict(1), None),
                (Fault::CutBeforeCommit(1), Some(0)),
                (Fault::CutAfterCommit(1), Some(1)),
            ] {
                for write in 0..4 {
                    let name = format!("{fault}, first: {first}, write {write}");
                    local.run_sql("clean", "DELETE FROM posts").await.unwrap();
                    let dsql = &Dsql::new(config(local, None));
                    if !first {
                        count().fetch_value(dsql).await.unwrap();
                    }
                    local.set_faults(&[fault]);
                    let done = match write {
                        0 => add(id(1)).execute(dsql).await.map(drop),
                        1 => add_returning(id(1)).fetch_one(dsql).await.map(drop),
                        2 => dsql.pipeline((add_returning(id(1)), count())).await.map(drop),
                        _ => dsql
                            .transaction(async |tx| add_returning(id(1)).fetch_one(tx).await)
                            .await
                            .map(drop),
                    };
                    match applied {
                        // A conflict is retried.
                        None => assert!(done.is_ok(), "{name}: {done:?}"),
                        Some(_) => {
                            let error = done.unwrap_err();
                            assert!(
                                error.is_outcome_unknown() && error.is_connection_lost(),
                                "{name}: {error}"
                            );
                        }
                    }
                    assert_eq!(there(local).await, applied.unwrap_or(1), "{name}");
                }
            }
        }
    })
    .await;
}

/// Another session changes the table between two statements of this client.
#[tokio::test]
async fn schema_change_of_another_session_is_retried() {
    under_each_oc001(async |local| {
        let (dsql, other) = (&Dsql::new(config(local, None)), &Dsql::new(config(local, None)));
        let grants = AtomicU32::new(0);
        let grant = async || match grants.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => sql_unchecked!("GRANT SELECT ON posts TO PUBLIC").execute(other).await.map(drop),
            _ => Ok(()),
        };
        add(id(1)).execute(dsql).await.unwrap();
        grant().await.unwrap();
        add(id(2)).execute(dsql).await.unwrap();
        grant().await.unwrap();
        let runs = AtomicU32::new(0);
        let done = dsql.transaction(async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            add(id(3)).execute(tx).await?;
            grant().await?;
            add(id(4)).execute(tx).await
        });
        done.await.unwrap();
        assert_eq!((runs.load(Ordering::Relaxed), there(local).await), (2, 4));
    })
    .await;
}

#[tokio::test]
async fn a_key_with_do_nothing_applies_its_writes_once() {
    under_each_oc001(async |local| {
        let watcher = &Dsql::new(config(local, None));
        let key = || sql!("INSERT INTO posts (id, title) VALUES ($1, 'key') ON CONFLICT DO NOTHING", id(99));
        let write = async |tx: Transaction<'_>| {
            sql!("UPDATE posts SET views = views + 1 WHERE id = $1", id(1)).execute(tx).await
        };
        let views = || sql!("SELECT views FROM posts WHERE id = $1", id(1)).fetch_value(watcher);
        // The UPDATE is applied only once, also if `transaction` is called again or the answer to COMMIT is lost.
        for fault in [None, Some(Fault::CutBeforeCommit(1)), Some(Fault::CutAfterCommit(1))] {
            local.run_sql("clean", "DELETE FROM posts").await.unwrap();
            add(id(1)).execute(watcher).await.unwrap();
            local.set_faults(fault.as_slice());
            let dsql = &Dsql::new(config(local, None));
            let first = dsql.transaction(write).idempotency_key(key()).await.unwrap();
            let lost = fault == Some(Fault::CutAfterCommit(1));
            let expected =
                if lost { IdempotentOutcome::AlreadyCommitted } else { IdempotentOutcome::Committed(1) };
            assert_eq!((first, views().await.unwrap()), (expected, 1), "{fault:?}");
            let second = dsql.transaction(write).idempotency_key(key()).await.unwrap();
            assert_eq!(
                (second, views().await.unwrap()),
                (IdempotentOutcome::AlreadyCommitted, 1),
                "{fault:?}"
            );
        }
    })
    .await;
}

/// The snapshot does not show the trigger. If the key's row is not inserted, the transaction must not commit.
#[tokio::test]
async fn a_key_that_a_trigger_drops_is_an_error() {
    let local = local().await;
    let drop_rows = "CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER drop_row BEFORE INSERT ON posts FOR EACH ROW WHEN (NEW.title = 'dropped')
            EXECUTE FUNCTION drop_row()";
    local.run_sql("trigger", drop_rows).await.unwrap();
    let dsql = &Dsql::new(config(&local, None));
    let key = sql!("INSERT INTO posts (id, title) VALUES ($1, 'dropped')", id(99));
    let done = dsql.transaction(async |tx| add(id(1)).execute(tx).await).idempotency_key(key).await;
    let error = done.unwrap_err();
    assert!(error.to_string().contains("inserted no row"), "{error}");
    assert_eq!(there(&local).await, 0);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn rejected_login_is_retried_if_it_may_succeed() {
    let local = local().await;
    for fault in [Fault::WakingUp(2), Fault::TooManyConnections(1), Fault::RateExceeded(1)] {
        local.set_faults(&[fault]);
        let dsql = Dsql::new(config(&local, None));
        assert_eq!(count().fetch_value(&dsql).await.unwrap(), 0, "{fault}");
    }
    let never = |fault| {
        local.set_faults(&[fault]);
        let hurried = config(&local, None).query_timeout(Duration::from_secs(2)).max_attempts(2);
        async move { count().fetch_value(&Dsql::new(hurried)).await.unwrap_err() }
    };
    let error = never(Fault::TooManyConnections(100)).await;
    assert!(error.is_throttled() && error.to_string().contains("quota of open connections"), "{error}");
    let error = never(Fault::RateExceeded(100)).await;
    assert!(error.is_throttled() && error.to_string().contains("new connections a second"), "{error}");
    local.stop().await.unwrap();
}

#[tokio::test]
async fn connection_that_expires_costs_no_statement() {
    let local = local().await;
    let dsql = &Dsql::new(config(&local, None));
    add(id(1)).execute(dsql).await.unwrap();
    local.set_faults(&[Fault::ExpiredHour]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    add(id(2)).execute(dsql).await.unwrap();
    // A transaction that is open when its connection expires continues to its end.
    let done = dsql
        .transaction(async |tx| {
            add(id(3)).execute(tx).await?;
            local.set_faults(&[Fault::ExpiredHour]);
            tokio::time::sleep(Duration::from_millis(100)).await;
            add(id(4)).execute(tx).await
        })
        .await;
    assert_eq!(done.unwrap(), 1);
    assert_eq!(there(&local).await, 4);
    local.stop().await.unwrap();
}

/// A Worker under test can set faults from a session. Each list of faults replaces the previous list.
#[tokio::test]
async fn session_sets_faults_by_a_setting() {
    let local = local().await;
    let dsql = &Dsql::new(config(&local, None));
    let other = &Dsql::new(config(&local, None));
    let conflict = || sql_unchecked!("SET dsql_local.fault = 'conflict=1, latency=1'").execute(dsql);
    let none = || sql_unchecked!("SET dsql_local.fault = 'none'").execute(dsql);
    conflict().await.unwrap();
    let once = other.transaction(async |tx| add(id(1)).execute(tx).await).max_attempts(1).await;
    assert!(once.unwrap_err().is_conflict());
    add(id(1)).execute(other).await.unwrap();
    conflict().await.unwrap();
    none().await.unwrap();
    let once = other.transaction(async |tx| add(id(2)).execute(tx).await).max_attempts(1).await;
    assert_eq!(once.unwrap(), 1);
    let rain = sql_unchecked!("SET dsql_local.fault = 'rain'").execute(dsql);
    let error = rain.await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "22023");
    assert_eq!(error.message(), Some("invalid value for parameter \"dsql_local.fault\": \"rain\""));
    local.stop().await.unwrap();
}

/// dsql-local accepts the login and drops the flight that was sent with it: the write is sent again, and applied once.
#[tokio::test]
async fn flight_that_is_dropped_with_the_login_is_applied_once() {
    let local = local().await;
    let network = Network::to(local.port(), Duration::ZERO, network::Fault::None).await;
    local.set_faults(&[Fault::DropFlight(1)]);
    let dsql = &Dsql::new(config(&local, Some(&network)));
    add(id(1)).execute(dsql).await.unwrap();
    assert_eq!(there(&local).await, 1);
    // The connection stays open, and later connections of this process send their first flight after the login.
    local.set_faults(&[Fault::DropFlight(1)]);
    add(id(2)).execute(dsql).await.unwrap();
    add(id(3)).execute(&mut dsql.session()).await.unwrap();
    assert_eq!((there(&local).await, network.connections().len()), (3, 2));
    local.stop().await.unwrap();
}

/// If a first query is only slow, the client sends another Sync. A real PostgreSQL answers this Sync after the query.
#[tokio::test]
async fn slow_first_query_is_answered_and_keeps_its_connection() {
    let local = local().await;
    let network = Network::to(local.port(), Duration::ZERO, network::Fault::None).await;
    let dsql = &Dsql::new(config(&local, Some(&network)));
    // The latency delays each answer of the server, including the answer to the login.
    local.set_faults(&[Fault::Latency(2500)]);
    for number in 1..=3 {
        add(id(number)).execute(dsql).await.unwrap();
        local.set_faults(&[]);
    }
    assert_eq!((there(&local).await, network.connections().len()), (3, 1));
    local.stop().await.unwrap();
}
