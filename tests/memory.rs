//! Tests that workerd frees the memory of a connection after its request has ended.
//!
//! A connection that is not freed keeps its TLS state, about 35 kB; with its read buffer, 90 kB. The limit of a Worker is 128 MB.
//! The tests need `/proc`, so they run only on Linux.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Extras, Workerd};

const TABLES: &str = include_str!("probe/dsql-schema.sql");

/// At first, the memory of workerd grows in any case.
const WARM_UP: u64 = 800;

const MEASURED: u64 = 400;

/// A request that leaks grows the memory by at least this many kB.
const LEAST: u64 = 15;

/// Asserts that the requests for each path leave no memory.
async fn leaves_nothing(bundle: &Path, extras: Extras<'_>, more: &[(&'static str, &str)], paths: &[&str]) {
    let local = Local::builder().named_init_sql("tables", TABLES).start().await.unwrap();
    let mut bindings = local.bindings();
    bindings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let extras = Extras { v8_flags: &["--expose-gc"], ..extras };
    let worker = Workerd::start_with(bundle, local.ca_pem(), &bindings, &extras).await;
    let resident = async |path: &str, requests: u64| {
        for number in 1..=requests {
            let answer = worker.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            // DSQL accepts 100 new connections per second.
            if number % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        for _ in 0..2 {
            worker.get("/collect-garbage").await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        worker.resident_kb().unwrap()
    };
    resident(paths[0], WARM_UP).await;
    for path in paths {
        let before = resident(path, 50).await;
        let growth = resident(path, MEASURED).await.saturating_sub(before) / MEASURED;
        println!("{path} {more:?}: {growth} kB for each request");
        assert!(growth < LEAST, "{path} {more:?}: {growth} kB for each request");
    }
    worker.stop().await;
    local.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_connections_leave_no_memory() {
    // A query, COMMIT, and a connection that no query uses.
    let paths = ["/one", "/transaction", "/unused/20"];
    leaves_nothing(workerd::probe().await, Extras::default(), &[], &paths).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_websockets_leave_no_memory() {
    let transport = [("DSQL_TRANSPORT", "websocket")];
    leaves_nothing(workerd::probe().await, Extras::default(), &transport, &["/one"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direct_tls_leaves_no_memory() {
    leaves_nothing(workerd::probe().await, Extras::default(), &[("DSQL_TLS", "direct")], &["/one"]).await;
}
