//! The same load without a pool and through a pool, for `cargo xtask bench pool`. Output: one JSON object per line.

#![allow(clippy::unwrap_used, reason = "the code of a measurement is written like the tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dsql_edge_local::Local;
use dsql_edge_tests::network::{Fault, Network};
use dsql_edge_tests::workerd::{self, Extras, Workerd};

/// The number of requests, and the number of concurrent requests.
const LOAD: (usize, usize) = (300, 8);

/// The delay in one direction between the Worker, or the object, and the cluster.
const FAR: Duration = Duration::from_millis(40);
const NEAR: Duration = Duration::from_millis(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let numbers = "CREATE TABLE number (n integer NOT NULL PRIMARY KEY)";
    let local = Local::builder().named_init_sql("numbers", numbers).start().await?;
    for (case, way, delay) in [
        ("without a pool, 80 ms from the cluster", "direct", FAR),
        ("through a pool, 80 ms from the cluster", "pool", FAR),
        ("through a pool, 2 ms from the cluster", "pool", NEAR),
    ] {
        measure(&local, case, way, delay).await;
    }
    local.stop().await?;
    Ok(())
}

async fn measure(local: &Local, case: &str, way: &str, delay: Duration) {
    let network = Network::to(local.port(), delay, Fault::None).await;
    let mut bindings = local.bindings();
    bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
    let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
    // The wasm is compiled with the first request.
    worker.get("/nothing").await;

    let (requests, at_once) = LOAD;
    let (next, errors) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let clients = (0..at_once).map(async |_| {
        let mut times = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < requests {
            let asked = Instant::now();
            let answer = worker.get(&format!("/{way}/one/1")).await;
            times.push(asked.elapsed());
            errors.fetch_add(usize::from(answer.body != "2"), Ordering::Relaxed);
        }
        times
    });
    let mut times = futures_util::future::join_all(clients).await.concat();
    let took = began.elapsed();
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    for (what, value, unit) in [
        ("requests", requests as f64, "requests"),
        ("connections opened", network.connections().len() as f64, "connections"),
        ("errors", errors.load(Ordering::Relaxed) as f64, "errors"),
        ("p50", at(50), "ms"),
        ("p99", at(99), "ms"),
        ("requests a second", requests as f64 / took.as_secs_f64(), "1/s"),
    ] {
        println!(r#"{{"case":"{case}","what":"{what}","value":{value},"unit":"{unit}"}}"#);
    }
    worker.stop().await;
}
