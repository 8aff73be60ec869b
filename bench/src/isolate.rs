//! The first answer of a fresh isolate: workerd is started, and gets one request as soon as it listens.

use std::path::PathBuf;

use dsql_edge_local::Local;
use serde_json::json;
use xtask::peers::Client;

use crate::record::{progress, record};
use crate::site::Site;

/// Measures the first answer of each client, in rounds, for each path: with a query (`one`), and without a query
/// (`nothing`). The Workers with one row have the path `start`, which is not found: their answer needs no query.
pub async fn measure(clients: &[(Client, PathBuf)], paths: &[&str], local: &Local, rounds: usize) {
    for path in paths {
        let mut times = vec![Vec::new(); clients.len()];
        let mut order: Vec<usize> = (0..clients.len()).collect();
        for _ in 0..rounds {
            fastrand::shuffle(&mut order);
            for number in &order {
                let (client, bundle) = &clients[*number];
                let site = Site::start(*client, bundle, local, None).await;
                let (time, answer) = site.timed(&format!("/{path}")).await;
                if *path == "start" {
                    assert_eq!(answer.status, 404, "{}: {}", client.title, site.log());
                } else {
                    answer
                        .success()
                        .unwrap_or_else(|error| panic!("{}: {error}\n{}", client.title, site.log()));
                }
                times[*number].push(time.as_secs_f64() * 1000.0);
                site.stop().await;
            }
        }
        for ((client, _), times) in clients.iter().zip(&times) {
            record("isolate", json!({ "case": path, "client": client.name, "ms": times }));
        }
    }
    progress(&format!("first answers of fresh isolates: {rounds} rounds"));
}
