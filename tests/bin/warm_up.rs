//! Measures, for `cargo xtask bench warm-up`, the first query of a Worker that waits for something else before the
//! query: with and without `Dsql::warm_up`, in a real workerd, with a delaying network in front of a local DSQL.
//! Output: one JSON object per line.

#![allow(clippy::unwrap_used, reason = "a measuring program stops at the first failure")]

use std::time::{Duration, Instant};

use dsql_edge_local::Local;
use dsql_edge_tests::network::{Fault, Network};
use dsql_edge_tests::workerd::{self, Workerd};

/// Half a round trip.
const DELAY: Duration = Duration::from_millis(40);

/// The number of measured requests of each case. The cases take turns.
const REQUESTS: usize = 20;

const CASES: [(&str, &str); 4] = [
    ("100 ms of something else, then a query", "/cold/100"),
    ("the same, with warm_up", "/warm/100"),
    ("a query at once", "/cold/0"),
    ("the same, with warm_up", "/warm/0"),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let local = Local::builder().start().await?;
    let network = Network::to(local.port(), DELAY, Fault::None).await;
    let mut bindings = local.bindings();
    bindings.iter_mut().filter(|(name, _)| *name == "DSQL_ENDPOINT").for_each(|it| it.1 = network.endpoint());
    let probe = Workerd::start(workerd::probe().await, local.ca_pem(), &bindings).await;
    let mut measured = CASES.map(|_| Vec::new());
    // The first round is not counted: it starts the isolate.
    for round in 0..=REQUESTS {
        for ((_, path), times) in CASES.iter().zip(&mut measured) {
            let began = Instant::now();
            let answer = probe.get(path).await;
            anyhow::ensure!(answer.status == 200, "{path}: {}", answer.body);
            if round > 0 {
                times.push(began.elapsed());
            }
        }
    }
    for ((case, _), mut times) in CASES.into_iter().zip(measured) {
        times.sort();
        let median = times.get(REQUESTS / 2).copied().unwrap_or_default().as_secs_f64() * 1000.0;
        println!(r#"{{"case":"{case}","milliseconds":{median:.1}}}"#);
    }
    probe.stop().await;
    local.stop().await?;
    Ok(())
}
