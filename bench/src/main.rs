//! The measuring program of `cargo xtask bench peers`. Output: one JSON object per line, see `record`.

#![allow(clippy::unwrap_used, reason = "a wrong answer ends a measurement")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use dsql_edge_bench::cases::CASES;
use dsql_edge_bench::database::{self, Database};
use dsql_edge_bench::expected::BALANCE;
use dsql_edge_bench::load::Load;
use dsql_edge_bench::record::{progress, record};
use dsql_edge_bench::site::Site;
use dsql_edge_bench::turns::Budget;
use dsql_edge_bench::{conflicts, cost, isolate, load, machine, turns};
use dsql_edge_local::Local;
use serde_json::json;
use xtask::peers::{CLIENTS, Client, ONE_ROW, SOCKET, Selection};
use xtask::{pack, peers};

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    selection: Selection,
}

#[tokio::main]
async fn main() {
    let Options { selection } = Options::parse();
    let began = Instant::now();
    let packed = |client: &Client| (*client, peers::packed(client).unwrap());
    let chosen = CLIENTS.iter().filter(|client| {
        selection.clients.is_empty() || selection.clients.iter().any(|it| it == client.name)
    });
    let clients: Vec<(Client, PathBuf)> = chosen.map(packed).collect();
    let socket = packed(&SOCKET);
    if selection.has("sizes") {
        for (client, bundle) in &clients {
            let (raw, compressed) = pack::size(bundle).unwrap();
            record("size", json!({ "client": client.name, "raw": raw, "gzip": compressed }));
        }
    }
    progress(&format!("the Workers are ready after {:.0} s", began.elapsed().as_secs_f64()));
    let began = Instant::now();

    let local = database::local().start().await.unwrap();
    let database = Database::connect(&local).await;
    let round_trips: &[u64] = selection.either(&[20, 80], &[1, 20, 80, 147]);
    machine::describe(&local, &database, &socket.1, round_trips).await;
    let mut numbers = 0;
    if selection.has("turns") {
        for round_trip in round_trips {
            let round_trip = Duration::from_millis(*round_trip);
            all_turns(&selection, &clients, round_trip, &local, &database, &mut numbers).await;
        }
        let (sum, _) = database.accounts().await;
        assert_eq!(sum, 100 * BALANCE, "a transaction was torn");
    }
    if selection.has("isolate") {
        isolate::measure(&clients, &["one", "nothing"], &local, selection.either(9, 25)).await;
        let one_row: Vec<_> = ONE_ROW.iter().map(packed).collect();
        isolate::measure(&one_row, &["start"], &local, selection.either(25, 50)).await;
    }
    let mut all = clients.clone();
    all.push(socket);
    if selection.has("processor") {
        let sites = start(&all, &local, None).await;
        let blocks = [("one", 100), ("rows", 100), ("megabytes-10", 4)];
        cost::processor(&sites, &blocks, selection.either(4, 10), &database, &mut numbers).await;
        stop(sites).await;
    }
    if selection.has("memory") {
        let sites = start(&all, &local, None).await;
        let (warm_up, requests) = selection.either((300, 1_200), (1_000, 20_000));
        cost::memory(&sites, warm_up, requests, &database, &mut numbers).await;
        stop(sites).await;
    }
    if selection.has("conflicts") {
        let sites = start(&clients, &local, None).await;
        conflicts::measure(&sites, selection.either(30, 100), &local, &database).await;
        stop(sites).await;
    }
    local.stop().await.unwrap();
    if selection.has("load") {
        let round_trip = Duration::from_millis(20);
        // Logins at DSQL's rate, and the attempts beyond it, keep more than two cores busy. With a lower rate, the
        // figures depend on the clients, not on the processors.
        let rate = selection.rate.unwrap_or(selection.either(25, 100));
        let load = Load { rate, times: 3, time: Duration::from_secs(20), round_trip };
        load::measure(&clients, load).await;
    }
    record("end", json!({ "seconds": began.elapsed().as_secs_f64() }));
}

async fn all_turns(
    selection: &Selection,
    clients: &[(Client, PathBuf)],
    round_trip: Duration,
    local: &Local,
    database: &Database,
    numbers: &mut u64,
) {
    let sites = start(clients, local, Some(round_trip)).await;
    let is_long = round_trip > Duration::from_millis(40);
    let time = Duration::from_secs(selection.either(if is_long { 35 } else { 20 }, 120));
    for case in CASES {
        let chosen = selection.cases.is_empty() || selection.cases.iter().any(|name| name == case.name);
        if chosen && (selection.full || case.is_short || !is_long) {
            let least = if case.is_short { 5 } else { 3 };
            let budget = Budget { time, least, most: selection.either(40, 100) };
            turns::measure(&sites, &case, round_trip, budget, database, numbers).await;
        }
    }
    stop(sites).await;
}

async fn start(clients: &[(Client, PathBuf)], local: &Local, round_trip: Option<Duration>) -> Vec<Site> {
    let mut sites = Vec::new();
    for (client, bundle) in clients {
        sites.push(Site::start(*client, bundle, local, round_trip).await);
    }
    sites
}

async fn stop(sites: Vec<Site>) {
    for site in sites {
        site.stop().await;
    }
}
