//! Measures clients under overload: 20 seconds of requests, at three times the rate at which the cluster accepts
//! connections.
//!
//! The requests are sent at a fixed rate and do not wait for each other, like visitors. DSQL allows a burst of
//! connections after a pause. Here the burst is only as large as the rate of one second, so that the limit is reached
//! during the measurement.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsql_edge_local::Limit;
use serde_json::json;
use xtask::peers::Client;

use crate::database;
use crate::expected;
use crate::http;
use crate::processes::{idle_share, processor_ms};
use crate::record::{progress, record};
use crate::site::Site;

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The number of new connections that the cluster accepts per second.
    pub rate: u64,
    /// The number of requests per connection: each second, `rate * times` requests are sent.
    pub times: u64,
    /// For how long requests are sent.
    pub time: Duration,
    /// The time of a round trip between the Worker and the cluster.
    pub round_trip: Duration,
}

/// A request that is not answered after this time has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures the clients one after another.
pub async fn measure(clients: &[(Client, PathBuf)], load: Load) {
    for (client, bundle) in clients {
        // Each client gets a new cluster, so that for each client the limit on connections begins in the same state.
        let limits = database::local()
            .limit(Limit::ConnectionRate(load.rate))
            .limit(Limit::ConnectionBurst(load.rate));
        let local = limits.start().await.unwrap();
        let site = Arc::new(Site::start(*client, bundle, &local, Some(load.round_trip)).await);
        for _ in 0..5 {
            site.get("/one").await.success().unwrap_or_else(|error| panic!("{}: {error}", client.title));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        run(&site, load).await;
        Arc::into_inner(site).unwrap().stop().await;
        local.stop().await.unwrap();
    }
}

async fn run(site: &Arc<Site>, load: Load) {
    let requests = load.rate * load.times * load.time.as_secs();
    let (_, counters) = idle_share(None);
    let own = processor_ms(std::process::id());
    let began = Instant::now();
    let mut asked = Vec::new();
    for n in 0..requests {
        let due = began + load.time * u32::try_from(n).unwrap() / u32::try_from(requests).unwrap();
        tokio::time::sleep_until(due.into()).await;
        let port = site.port();
        asked.push(tokio::spawn(async move {
            // The time is measured from the moment at which the request was due, even if this process sends the request
            // late.
            let answer = tokio::time::timeout(PATIENCE, http::get(port, "/one")).await;
            let answer = match answer {
                Ok(Ok(answer)) => answer.success().and_then(|answer| expected::now(&answer)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer in time".to_owned()),
            };
            (due.elapsed(), answer)
        }));
    }
    let sending = began.elapsed();
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for asked in asked {
        match asked.await.unwrap() {
            (time, Ok(())) => times.push(time.as_secs_f64() * 1000.0),
            (_, Err(error)) => errors.push(error),
        }
    }
    let whole = began.elapsed();
    let (idle, _) = idle_share(counters);
    let own = own.zip(processor_ms(std::process::id())).map(|(before, after)| after - before);
    record(
        "load",
        json!({
            "client": site.client.name, "rate": load.rate, "times": load.times, "requests": requests,
            "seconds": load.time.as_secs(), "round_trip": load.round_trip.as_millis() as u64,
            "sending_s": sending.as_secs_f64(), "whole_s": whole.as_secs_f64(), "ms": times,
            "errors": errors.len(), "error": errors.first(), "idle": idle,
            "harness": own.map(|own| own / 1000.0 / whole.as_secs_f64()),
        }),
    );
    progress(&format!("load: {}, {} errors of {requests}", site.client.title, errors.len()));
}
