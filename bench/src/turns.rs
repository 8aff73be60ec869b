//! Measures one case for all clients, which take turns: in each round, every client does the work once, in a random
//! order.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cases::{Case, Turn};
use crate::database::Database;
use crate::record::{progress, record};
use crate::site::{Site, Traffic};

/// How long a case is measured.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// After this time, another round begins only if the number of ended rounds is smaller than `least`.
    pub time: Duration,
    /// The minimum number of rounds.
    pub least: usize,
    /// The maximum number of rounds.
    pub most: usize,
}

/// Measures one case, and records the times of every client in the order of the rounds.
pub async fn measure(
    sites: &[Site],
    case: &Case,
    round_trip: Duration,
    budget: Budget,
    database: &Database,
    numbers: &mut u64,
) {
    let mut traffic = Vec::new();
    for (client, site) in sites.iter().enumerate() {
        traffic.push(warm_up(site, client, case, round_trip, database, numbers).await);
    }
    let mut times = vec![Vec::new(); sites.len()];
    let mut order: Vec<usize> = (0..sites.len()).collect();
    let began = Instant::now();
    let mut rounds = 0;
    while rounds < budget.least || (rounds < budget.most && began.elapsed() < budget.time) {
        fastrand::shuffle(&mut order);
        for client in &order {
            let time = turn(&sites[*client], *client, case, database, numbers).await;
            times[*client].push(time.as_secs_f64() * 1000.0);
        }
        rounds += 1;
    }
    for ((site, traffic), times) in sites.iter().zip(&traffic).zip(&times) {
        let Traffic { connections, round_trips, sent, received } = traffic;
        record(
            "turns",
            json!({
                "case": case.name, "title": case.title, "client": site.client.name,
                "round_trip": round_trip.as_millis() as u64, "ms": times, "connections": connections,
                "round_trips": round_trips, "sent": sent, "received": received,
            }),
        );
    }
    progress(&format!("{} ms, {}: {rounds} rounds", round_trip.as_millis(), case.title));
}

/// The first turns of a case are not timed: the code for the case is compiled, and a pool opens its connections. The
/// traffic of the last turn before the timed turns is counted, including the traffic that ends its connections.
async fn warm_up(
    site: &Site,
    client: usize,
    case: &Case,
    round_trip: Duration,
    database: &Database,
    numbers: &mut u64,
) -> Traffic {
    turn(site, client, case, database, numbers).await;
    // The messages that end the previous connection have not arrived yet.
    let end = 2 * round_trip + Duration::from_millis(50);
    tokio::time::sleep(end).await;
    site.count();
    turn(site, client, case, database, numbers).await;
    tokio::time::sleep(end).await;
    site.traffic()
}

/// One request. A wrong answer ends the measurement.
pub async fn turn(
    site: &Site,
    client: usize,
    case: &Case,
    database: &Database,
    numbers: &mut u64,
) -> Duration {
    *numbers += 1;
    let turn = Turn { client, number: *numbers };
    let (time, answer) = site.timed(&case.path(&turn)).await;
    let checked = match answer.success() {
        Ok(answer) => case.check(&answer, &turn, database).await,
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        panic!("{}, {}: {error}\n{}", site.client.title, case.title, site.log());
    }
    time
}
