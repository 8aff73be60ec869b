//! Tests that workerd frees the memory of a connection, and of a lease of the pool, after its request has ended.
//!
//! A connection that is not freed keeps its TLS state, about 35 kB; with its read buffer, 90 kB. The limit of a Worker
//! is 128 MB. The tests need `/proc`, so they run only on Linux.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Extras, Workerd};

const TABLES: &str = include_str!("probe/dsql-schema.sql");

/// The number of requests before the measurement, because the memory of workerd grows at first in any case.
const WARM_UP: u64 = 800;

const MEASURED: u64 = 400;

/// A request that leaks grows the memory by at least this many kB.
const LEAST: u64 = 15;

struct Stage {
    local: Local,
    worker: Workerd,
}

impl Stage {
    async fn start(bundle: &Path, extras: Extras<'_>, more: &[(&'static str, &str)]) -> Stage {
        let local = Local::builder().named_init_sql("tables", TABLES).start().await.unwrap();
        let mut bindings = local.bindings();
        bindings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let extras = Extras { v8_flags: &["--expose-gc"], ..extras };
        let worker = Workerd::start_with(bundle, local.ca_pem(), &bindings, &extras).await;
        Stage { local, worker }
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.worker.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The resident memory of workerd after these requests, in kB. `pause` is the time to wait after every hundred
    /// requests.
    async fn resident(&self, path: &str, requests: u64, pause: Duration) -> u64 {
        for number in 1..=requests {
            self.get(path).await;
            if number % 100 == 0 {
                tokio::time::sleep(pause).await;
            }
        }
        for _ in 0..2 {
            self.get("/collect-garbage").await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.worker.resident_kb().unwrap()
    }

    async fn stop(self) {
        self.worker.stop().await;
        self.local.stop().await.unwrap();
    }
}

/// Asserts that the requests for each path leave no memory.
async fn leaves_nothing(bundle: &Path, extras: Extras<'_>, more: &[(&'static str, &str)], paths: &[&str]) {
    // DSQL accepts 100 new connections per second.
    const PAUSE: Duration = Duration::from_millis(500);
    let stage = Stage::start(bundle, extras, more).await;
    stage.resident(paths[0], WARM_UP, PAUSE).await;
    for path in paths {
        let before = stage.resident(path, 50, PAUSE).await;
        let growth = stage.resident(path, MEASURED, PAUSE).await.saturating_sub(before) / MEASURED;
        println!("{path} {more:?}: {growth} kB for each request");
        assert!(growth < LEAST, "{path} {more:?}: {growth} kB for each request");
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_connections_leave_no_memory() {
    // The paths run a query, run a transaction with COMMIT, and open connections that no query uses.
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

/// The memory of wasm never shrinks, so it shows even a leak of a few bytes per lease. The resident memory also
/// contains the streams of JavaScript and of workerd. workerd's own allocator takes new memory in steps of many MB,
/// also for a Durable Object in JavaScript without a pool. So the growth is measured twice, and a lease that leaks
/// grows the memory in both measurements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_the_pool_leave_no_memory() {
    const WARM_UP: u64 = 8_000;
    const MEASURED: u64 = 3_000;
    // The smallest growth that fails, in kB for each request. workerd itself keeps about 1 kB for each request to a
    // Durable Object if the object reads the request's `url`, as workers-rs does.
    const LEAST: u64 = 4;
    let durable_objects = &["DSQL_POOL=DsqlPool"];
    let extras = Extras { durable_objects, ..Extras::default() };
    let stage = Stage::start(workerd::pooled().await, extras, &[]).await;
    // The stream to the object carries one whole request (`one`), or stays open for the statements of a transaction
    // (`fails`).
    for path in ["/pool/one/1", "/pool/fails/1"] {
        let mut resident = vec![stage.resident(path, WARM_UP, Duration::ZERO).await];
        let wasm = stage.get("/memory").await;
        for _ in 0..2 {
            resident.push(stage.resident(path, MEASURED, Duration::ZERO).await);
        }
        assert_eq!(stage.get("/memory").await, wasm, "{path}: the memory of wasm grows");
        let growth =
            resident.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) / MEASURED).min().unwrap();
        println!("{path}: {resident:?} kB; {growth} kB for each request");
        assert!(growth < LEAST, "{path}: {growth} kB for each request");
    }
    stage.stop().await;
}
