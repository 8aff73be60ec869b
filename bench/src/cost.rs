//! The processor time and the memory of workerd for each request, without delay.
//!
//! A request opens a connection. Without delay, a fast machine opens more than DSQL accepts, so after each block of
//! requests this module waits until the block has taken as long as DSQL's rate demands. workerd uses no processor time
//! meanwhile.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use serde_json::json;
use xtask::peers::SOCKET;

use crate::cases::{Case, Turn};
use crate::database::Database;
use crate::processes::processor_ms;
use crate::record::{progress, record};
use crate::site::Site;
use crate::turns;

/// The name of a case, and the number of requests that one client sends for the case in one round.
pub type Block = (&'static str, usize);

/// The time that a request takes at least: a little more than a hundredth of a second, because DSQL accepts 100 new
/// connections per second.
const SHARE: Duration = Duration::from_millis(11);

/// After each block of this number of requests, [`memory`] waits, so that it opens connections no faster than DSQL
/// accepts them.
const PACED: usize = 50;

/// Measures the processor time of workerd. In each round, every client answers a block of requests; a record has, for
/// each round, the time of one request. The Worker without a client has only the cases that it supports.
pub async fn processor(
    sites: &[Site],
    blocks: &[Block],
    rounds: usize,
    database: &Database,
    numbers: &mut u64,
) {
    for (name, requests) in blocks {
        let case = Case::named(name).unwrap();
        let able: Vec<usize> = (0..sites.len()).filter(|at| supports(&sites[*at], case)).collect();
        let mut order = able.clone();
        let mut times = vec![Vec::new(); sites.len()];
        for round in 0..=rounds {
            fastrand::shuffle(&mut order);
            for client in &order {
                let site = &sites[*client];
                let may_end = Instant::now() + SHARE * *requests as u32;
                let before = site.process().and_then(processor_ms);
                for _ in 0..*requests {
                    ask(site, *client, case, database, numbers).await;
                }
                let after = site.process().and_then(processor_ms);
                sleep_until(may_end).await;
                // The first round warms up.
                if let (Some(before), Some(after), 1..) = (before, after, round) {
                    times[*client].push((after - before) / *requests as f64);
                }
            }
        }
        for client in able {
            let name = sites[client].client.name;
            record(
                "processor",
                json!({ "case": case.name, "title": case.title, "client": name, "ms": times[client] }),
            );
        }
    }
    progress(&format!("processor time: {rounds} rounds"));
}

/// Measures the growth of workerd's resident memory over many requests of the first case, after a warm-up: in the first
/// half of the requests, and in all of them. Memory that is never freed grows in both halves.
pub async fn memory(sites: &[Site], warm_up: usize, requests: usize, database: &Database, numbers: &mut u64) {
    for (client, site) in sites.iter().enumerate() {
        let mut kb = Vec::new();
        for part in [warm_up, requests / 2, requests - requests / 2] {
            ask_many(site, client, part, database, numbers).await;
            // Waits for the connections that end after the last answer.
            tokio::time::sleep(Duration::from_millis(200)).await;
            kb.extend(site.resident_kb());
        }
        let [before, half, after] = kb[..] else { return };
        record(
            "memory",
            json!({
                "client": site.client.name, "requests": requests,
                "before_kb": before, "half_kb": half, "after_kb": after
            }),
        );
    }
    progress(&format!("memory: {requests} requests of each client"));
}

/// Sends requests of the first case, not faster than DSQL accepts connections.
async fn ask_many(site: &Site, client: usize, requests: usize, database: &Database, numbers: &mut u64) {
    let case = Case::named("one").unwrap();
    let mut may_end = Instant::now();
    for number in 1..=requests {
        ask(site, client, case, database, numbers).await;
        if number % PACED == 0 {
            may_end += SHARE * PACED as u32;
            sleep_until(may_end).await;
        }
    }
}

/// Whether the Worker can answer the case. The Worker without a client can only open a connection, or receive rows.
fn supports(site: &Site, case: &Case) -> bool {
    site.client != SOCKET || matches!(case.name, "one" | "megabytes-10")
}

async fn ask(site: &Site, client: usize, case: &Case, database: &Database, numbers: &mut u64) {
    if site.client == SOCKET {
        let answer = site.get(&case.path(&Turn { client, number: 0 })).await.success();
        let is_right = answer.as_ref().is_ok_and(|answer| match case.name {
            "one" => *answer == json!({ "asked": "R" }),
            _ => answer["bytes"].as_u64().is_some_and(|bytes| bytes > 9_000_000),
        });
        assert!(is_right, "{answer:?}: {}", site.log());
    } else {
        turns::turn(site, client, case, database, numbers).await;
    }
}
